/* loci_score_new: how many questions of a set the model answers correctly (docs/MATH.md,
 * "Accuracy").
 *
 * A free question is answered greedily.  Of a question with options the most likely one counts: by
 * its letter, with the options in the question as MMMU's evaluation writes them, or by its text as
 * an answer to the question alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "base/list.h"
#include "base/result.h"
#include "data/choice.h"
#include "data/vqa_accuracy.h"
#include "study/intervals.h"
#include "study/likelihood.h"
#include "study/request.h"
#include "study/stats.h"
#include "study/study.h"

typedef struct scoring {
  study s;
  const loci_score_opts *opts;
  arena *mem;
  loci_scored *rows; /* (s.used) the heap's */
  int room;
  double guessed; /* sum of 1 / options */
} scoring;

static loci_status no_memory(loci_err *err) { return fail_nomem(err, "scoring answers"); }

/* ---------------------------------------------------------------- one example */

/* "question\n\n(A) one\n(B) two\n\nAnswer with the option's letter from the given choices
 * directly." */
static const char *with_options(const choice *c, arena *mem) {
  static const char ask[] = "Answer with the option's letter from the given choices directly.";
  size_t n = strlen(c->question) + sizeof ask + 8, at;
  for (int i = 0; i < c->option_count; i++) n += strlen(c->options[i]) + 8;
  char *text = arena_array(mem, (int64_t)n, char);
  if (!text) return NULL;
  at = fixed_add(text, n, 0, "%s\n\n", c->question);
  for (int i = 0; i < c->option_count; i++)
    at = fixed_add(text, n, at, "(%c) %s\n", 'A' + i, c->options[i]);
  fixed_add(text, n, at, "\n%s", ask);
  return text;
}

/* Options are compared by their log-likelihood, not by what the model writes freely, which may
 * be no option at all.  The first of equal ones wins, as an argmax does. */
static loci_status choose(const scoring *s, const loci_prompt *p, const choice *c, loci_scored *row,
                          loci_err *err) {
  char letters[CHOICE_MOST][2];
  const char *by_letter[CHOICE_MOST];
  double *logp = arena_array(s->mem, c->option_count, double);
  const char **options = arena_zarray(s->mem, c->option_count, const char *);
  if (!logp || !options) return no_memory(err);
  for (int i = 0; i < c->option_count; i++) {
    snprintf(letters[i], sizeof letters[i], "%c", 'A' + i);
    by_letter[i] = letters[i];
    options[i] = arena_strdup(s->mem, c->options[i]);
    if (!options[i]) return no_memory(err);
  }
  TRY(likelihood_of(p, s->opts->choose == LOCI_CHOOSE_LETTER ? by_letter : c->options,
                    c->option_count, logp, study_progress, (void *)(uintptr_t)&s->s, err));
  row->chosen = 0;
  for (int i = 1; i < c->option_count; i++) {
    if (logp[i] > logp[row->chosen]) row->chosen = i;
  }
  row->option_count = c->option_count;
  row->options = options;
  row->logp = logp;
  row->correct = c->correct;
  row->answer = options[row->chosen];
  row->right = row->chosen == c->correct;
  return LOCI_OK;
}

/* Beside whether it is right, how many of several people gave the same answer. */
static loci_status count_votes(const scoring *s, const loci_example *e, const char *answer,
                               loci_scored *row, loci_err *err) {
  const char *const *votes;
  int n;
  arena *mem = arena_new();
  if (!mem) return no_memory(err);
  loci_status st = example_votes(e, examples_path(s->s.examples), examples_unit(s->s.examples), mem,
                                 &votes, &n, err);
  if (!st && n > 0) st = vqa_accuracy(answer, votes, n, &row->vqa, err);
  arena_free(mem);
  return st;
}

/* An answer in the model's own words, judged as every study judges them. */
static loci_status answer_freely(const scoring *s, const loci_prompt *p, const loci_example *e,
                                 const choice *c, loci_scored *row, loci_err *err) {
  loci_answer *a;
  TRY(loci_ask(s->s.model, p, s->opts->study->max_new, study_progress, (void *)(uintptr_t)&s->s, &a,
               err));
  loci_status st = s->opts->study->first_token
                       ? study_begins_answer(p, c->answers, c->answer_count, a, &row->right, err)
                       : answer_matches(a->text, c->answers, c->answer_count, &row->right, err);
  if (!st) st = count_votes(s, e, a->text, row, err);
  row->answer = arena_strdup(s->mem, a->text);
  row->chosen = row->correct = -1;
  loci_free(a);
  return st || row->answer ? st : no_memory(err);
}

/* What the row says about the example; strings are copied. */
static loci_status describe(const scoring *s, const loci_example *e, const choice *c,
                            loci_scored *row, loci_err *err) {
  const char **by = arena_zarray(s->mem, s->opts->by_count, const char *);
  if (!by) return no_memory(err);
  for (int i = 0; i < s->opts->by_count; i++) {
    const char *value = example_field(e, s->opts->by[i]);
    by[i] = value ? arena_strdup(s->mem, value) : NULL;
    if (value && !by[i]) return no_memory(err);
  }
  row->by = by;
  row->line = e->line;
  row->id = e->id ? arena_strdup(s->mem, e->id) : NULL;
  row->image = c->image ? arena_strdup(s->mem, c->image) : NULL;
  row->question = arena_strdup(s->mem, c->question);
  row->expected = arena_strdup(s->mem, c->answers[0]);
  bool good = (row->id || !e->id) && (row->image || !c->image) && row->question && row->expected;
  return good ? LOCI_OK : no_memory(err);
}

/* By letter the options are part of the question; by text they are not, and each is tried as the
 * answer.  The chance level counts only questions that offer a choice. */
static loci_status score_one(scoring *s, const loci_example *e, const choice *c, arena *mem,
                             loci_scored *row, loci_err *err) {
  bool free_answer = c->option_count == 0 || s->opts->choose == LOCI_CHOOSE_FREE;
  bool letters = !free_answer && s->opts->choose == LOCI_CHOOSE_LETTER;
  loci_question q = {.size = sizeof q,
                     .image = s->s.model->info.image_rows > 0 ? c->image : NULL,
                     .text = letters ? with_options(c, mem) : c->question,
                     .template_name = s->opts->study->template_name,
                     .system = s->opts->study->system,
                     .date = s->opts->study->date};
  loci_prompt *p;
  if (!q.text) return no_memory(err);
  TRY(loci_prompt_new(s->s.model, &q, &p, err));
  loci_status st = free_answer ? answer_freely(s, p, e, c, row, err) : choose(s, p, c, row, err);
  if (!st) st = describe(s, e, c, row, err);
  if (!st) st = study_name_template(&s->s, p, err);
  loci_prompt_free(p);
  if (!st && !free_answer) s->guessed += 1.0 / c->option_count;
  return st;
}

/* Rows are kept in a block of our own that grows: an example's arena is gone when the next one
 * comes. */
static loci_status measure(void *ctx, study_item *item, loci_err *err) {
  scoring *s = ctx;
  choice c;
  if (s->s.used == s->room) {
    int room = s->room ? 2 * s->room : 64;
    loci_scored *more = realloc(s->rows, (size_t)room * sizeof *more);
    if (!more) return no_memory(err);
    s->rows = more;
    s->room = room;
  }
  loci_scored *row = &s->rows[s->s.used];
  *row = (loci_scored){.vqa = (double)NAN};
  TRY(choice_read(s->s.examples, item->example, item->mem, &c, err));
  if (c.answer_count > 0) return score_one(s, item->example, &c, item->mem, row, err);
  item->drop = "no answer";
  return LOCI_OK;
}

/* ---------------------------------------------------------------- groups */

static int compare_values(const void *a, const void *b) {
  const loci_score_group *x = a, *y = b;
  if (!x->value || !y->value) return !x->value - !y->value; /* without the field: last */
  return strcmp(x->value, y->value);
}

static bool same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

/* The groups of one field after [groups]; returns their count.  A field has few values, or a table
 * by it would be of no use. */
static int group_by(const scoring *s, int field, loci_score_group *groups) {
  int n = 0;
  for (int i = 0; i < s->s.used; i++) {
    const char *value = s->rows[i].by[field];
    int k = 0;
    while (k < n && !same(groups[k].value, value)) k++;
    if (k == n) groups[n++] = (loci_score_group){.field = s->opts->by[field], .value = value};
    groups[k].n++;
    groups[k].right += s->rows[i].right;
  }
  for (int k = 0; k < n; k++) groups[k].accuracy = stat_proportion(groups[k].right, groups[k].n);
  qsort(groups, (size_t)n, sizeof *groups, compare_values);
  return n;
}

/* Mean VQA accuracy of the examples with votes: of all, or of those with the value in a field. */
static loci_status mean_votes(const scoring *s, int field, const char *value, int *voted,
                              loci_interval *out, loci_err *err) {
  double *x = malloc((size_t)s->s.used * sizeof *x);
  if (!x) return no_memory(err);
  *voted = 0;
  for (int i = 0; i < s->s.used; i++) {
    const loci_scored *row = &s->rows[i];
    if (!isnan(row->vqa) && (field < 0 || same(row->by[field], value))) x[(*voted)++] = row->vqa;
  }
  loci_status st = stat_mean(x, *voted, stat_probability, s->opts->study->seed, out, err);
  free(x);
  return st;
}

/* Room for the worst case, every example a group of its own. */
static loci_status fill_groups(const scoring *s, loci_score *out, loci_err *err) {
  int64_t most = (int64_t)s->s.used * s->opts->by_count;
  loci_score_group *groups = arena_zarray(s->mem, most, loci_score_group);
  const char **by = arena_zarray(s->mem, s->opts->by_count, const char *);
  if (!groups || !by) return no_memory(err);
  for (int f = 0; f < s->opts->by_count; f++) {
    by[f] = arena_strdup(s->mem, s->opts->by[f]);
    if (!by[f]) return no_memory(err);
    int n = group_by(s, f, groups + out->group_count);
    for (int k = 0; k < n; k++) {
      loci_score_group *g = &groups[out->group_count + k];
      g->field = by[f];
      TRY(mean_votes(s, f, g->value, &g->voted, &g->vqa, err));
    }
    out->group_count += n;
  }
  out->groups = groups;
  out->by = by;
  out->by_count = s->opts->by_count;
  return LOCI_OK;
}

/* Chance is only said where every question had options: a free answer has no level to compare
 * with. */
static loci_status fill_result(scoring *s, loci_score *out, loci_err *err) {
  int n = s->s.used;
  if (n == 0) {
    return fail(err, LOCI_EINVAL, "%s: no example can be used, the first because: %s",
                examples_path(s->s.examples), study_first_reason(&s->s));
  }
  loci_scored *rows = arena_array(s->mem, n, loci_scored);
  if (!rows) return no_memory(err);
  memcpy(rows, s->rows, (size_t)n * sizeof *rows);
  out->examples = rows;
  out->choose = s->opts->choose;
  for (int i = 0; i < n; i++) {
    out->right += rows[i].right;
    out->free_count += rows[i].option_count == 0;
  }
  out->accuracy = stat_proportion(out->right, n);
  out->chance = out->free_count == 0 ? s->guessed / n : (double)NAN;
  TRY(fill_groups(s, out, err));
  TRY(mean_votes(s, -1, NULL, &out->voted, &out->vqa, err));
  s->s.seedless = out->voted == 0; /* the interval of votes is drawn */
  return study_describe(&s->s, &out->sample, err);
}

static void describe_request(const void *ctx, js_value **to) { score_request_describe(to, ctx); }

loci_status loci_score_new(const loci_model *model, loci_examples *examples,
                           const loci_score_opts *opts, loci_score **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(examples, "examples");
  score_request own;
  TRY(score_request_take(&own, opts, err));
  TRY(score_request_complete(&own, err));
  scoring s = {.opts = &own.o};
  loci_score *made = result_new(LOCI_KIND_SCORE, sizeof *made);
  if (!made) return no_memory(err);
  s.mem = made->result.memory;
  s.s = (study){.model = model,
                .opts = s.opts->study,
                .examples = examples,
                .own_prompts = true,
                .result = &made->result,
                .command = "score",
                .asks = true,
                .describe = describe_request,
                .describe_ctx = s.opts,
                .mem = s.mem};
  loci_status st = study_each(&s.s, measure, &s, err);
  if (!st) st = fill_result(&s, made, err);
  study_clear(&s.s);
  free(s.rows);
  if (st) {
    loci_free(made);
    return st;
  }
  *out = made;
  return LOCI_OK;
}
