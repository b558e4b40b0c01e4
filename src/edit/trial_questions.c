/* What is asked of an example (see trial.h): its own question, lists in its fields, and the
 * questions of the locality grid that follow from these:
 *
 *   unrelated_images      its question on the pictures of "unrelated"
 *   no_image              its question without a picture
 *   similar_other_images  those of "similar" on the pictures of "other_images", in turn
 *   similar_no_image      those of "similar" without a picture */
#include <math.h>
#include <string.h>

#include "data/questions.h"
#include "data/vqa_accuracy.h"
#include "edit/trial.h"

const group_of_questions trial_groups[GROUPS] = {
#define GROUP(id, name, kind, text, picture) {name, kind},
#include "edit/trial_groups.def"
#undef GROUP
};

/* The running example. */
typedef struct asking {
  const trial *t;
  const loci_model *edited;
  const loci_example *e;
  const char *image; /* NULL: of a model without pictures, too */
  example_row *row;
  arena *mem; /* until the example is done */
} asking;

typedef struct side_list {
  side_question *at;
  int count;
} side_list;

/* A question that the edit was solved with (as a wording, as one kept) is not asked again: it
 * would measure memory and not generality. */
static loci_status add(const asking *a, test_question q, int g, loci_err *err) {
  const trial *t = a->t;
  const loci_study_opts *o = t->opts->study;
  test_numbers numbers;
  q.kind = trial_groups[g].kind;
  q.target = a->e->target;
  q.template_name = o->template_name;
  q.system = o->system;
  q.date = o->date;
  q.max_new = o->max_new;
  if (t->s.model->info.image_rows == 0) q.image = NULL; /* a text model is asked without */
  if (extra_prompts_has(&t->extra, q.image, q.text)) return LOCI_OK;
  watch w = {study_progress, (void *)(uintptr_t)&t->s};
  TRY(test_question_measure(t->s.model, a->edited, &q, &w, &numbers, err));
  for (int i = 0; i < METRICS; i++) {
    if (isnan(numbers.after[i])) continue;
    a->row->before[g][i] += numbers.before[i];
    a->row->after[g][i] += numbers.after[i];
    a->row->counted[g][i]++;
  }
  a->row->questions[g]++;
  return study_progress((void *)(uintptr_t)&t->s, "", 0, 0) ? LOCI_OK
                                                            : fail(err, LOCI_ECANCELLED, "stopped");
}

/* ---------------------------------------------------------------- what should change */

/* The edit's own question, in other words, and about other pictures of the same thing. */
static loci_status add_wordings(const asking *a, loci_err *err) {
  const loci_example *e = a->e;
  example_source from = trial_source(a->t, e);
  test_question q = {.image = e->image, .text = e->question};
  q.answers = &e->target;
  q.answer_count = 1;
  TRY(example_votes(e, from.path, from.unit, a->mem, &q.votes, &q.vote_count, err));
  TRY(add(a, q, EFFICACY, err));
  for (int i = 0; i < e->rephrase_count; i++) {
    q.text = e->rephrase[i];
    TRY(add(a, q, PARAPHRASES, err));
  }
  q.text = e->question;
  for (int i = 0; i < e->same_entity_count; i++) {
    q.image = e->same_entity[i];
    TRY(add(a, q, SAME_ENTITY, err));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- lists, and what follows */

static loci_status read_list(const asking *a, const char *field, side_list *out, loci_err *err) {
  example_source from = trial_source(a->t, a->e);
  return side_questions(&from, a->e, field, a->mem, &out->at, &out->count, err);
}

static loci_status add_side(const asking *a, const side_question *s, const char *image, int g,
                            loci_err *err) {
  test_question q = {.image = image, .text = s->question};
  q.answers = s->answers;
  q.answer_count = s->answer_count;
  q.votes = s->votes;
  q.vote_count = s->vote_count;
  return add(a, q, g, err);
}

static loci_status add_list(const asking *a, int g, side_list *out, loci_err *err) {
  TRY(read_list(a, trial_groups[g].name, out, err));
  for (int i = 0; i < out->count; i++) TRY(add_side(a, &out->at[i], out->at[i].image, g, err));
  return LOCI_OK;
}

/* The edit's question where it was never asked: on the unrelated pictures, each once, and on none.
 * A question about no picture is the edit's own there. */
static loci_status add_elsewhere(const asking *a, const side_list *unrelated, loci_err *err) {
  test_question q = {.text = a->e->question};
  if (!a->image) return LOCI_OK;
  for (int i = 0; i < unrelated->count; i++) {
    q.image = unrelated->at[i].image;
    bool again = !q.image || strcmp(q.image, a->image) == 0;
    for (int k = 0; k < i && !again; k++)
      again = unrelated->at[k].image && strcmp(unrelated->at[k].image, q.image) == 0;
    if (!again) TRY(add(a, q, UNRELATED_IMAGES, err));
  }
  q.image = NULL;
  return add(a, q, NO_IMAGE, err);
}

/* Each similar question once on another picture and each other picture once with a similar
 * question, not all with all. */
static loci_status add_similar(const asking *a, const side_list *others, loci_err *err) {
  side_list similar;
  TRY(read_list(a, "similar", &similar, err));
  int n = similar.count > others->count ? similar.count : others->count;
  for (int i = 0; i < similar.count; i++) {
    const side_question *s = &similar.at[i];
    TRY(add_side(a, s, s->image ? s->image : a->e->image, SIMILAR, err));
  }
  if (!a->image) return LOCI_OK;
  for (int i = 0; i < n && similar.count > 0 && others->count > 0; i++) {
    test_question q = {.text = similar.at[i % similar.count].question};
    q.image = others->at[i % others->count].image;
    if (q.image) TRY(add(a, q, SIMILAR_OTHER_IMAGES, err));
  }
  for (int i = 0; i < similar.count; i++)
    TRY(add(a, (test_question){.text = similar.at[i].question}, SIMILAR_NO_IMAGE, err));
  return LOCI_OK;
}

static loci_status add_all(const asking *a, loci_err *err) {
  side_list same, others, unrelated, rest;
  TRY(add_wordings(a, err));
  TRY(add_list(a, SAME_IMAGE, &same, err));
  TRY(add_list(a, OTHER_IMAGES, &others, err));
  TRY(add_list(a, UNRELATED, &unrelated, err));
  TRY(add_elsewhere(a, &unrelated, err));
  TRY(add_similar(a, &others, err));
  TRY(add_list(a, TEXT_ONLY, &rest, err));
  TRY(add_list(a, PORTABILITY, &rest, err));
  return add_list(a, FACT_CHECK, &rest, err);
}

/* (yes + no) / 2: a model that says yes to everything is right half of the time. */
static void balance(double *x) { x[FACT_BALANCED] = (x[FACT_YES] + x[FACT_NO]) / 2; }

/* An example's questions are averaged before examples are: one with a hundred neighbours counts
 * as one. */
loci_status trial_ask(const trial *t, const loci_model *edited, const loci_example *e,
                      example_row *row, loci_err *err) {
  asking a = {.t = t, .edited = edited, .e = e, .row = row, .mem = arena_new()};
  if (!a.mem) return fail_nomem(err, "testing an edit");
  if (t->s.model->info.image_rows > 0) a.image = e->image;
  loci_status st = add_all(&a, err);
  arena_free(a.mem);
  for (int g = 0; g < GROUPS; g++) {
    for (int i = 0; i < METRICS; i++) {
      int n = row->counted[g][i];
      row->before[g][i] = n ? row->before[g][i] / n : (double)NAN;
      row->after[g][i] = n ? row->after[g][i] / n : (double)NAN;
    }
  }
  balance(row->before[FACT_CHECK]);
  balance(row->after[FACT_CHECK]);
  return st;
}
