/* What edits of an edit set are solved with beside their question (see extra_prompts.h). */
#include "edit/extra_prompts.h"

#include <stdlib.h>
#include <string.h>

#include "data/questions.h"

/* A wording that lost the constraint has no position to read a key at, and is passed over; any
 * other failure is one. */
static loci_status open_more(const loci_model *m, const loci_example *e,
                             const loci_edit_test_opts *opts, loci_question q, extra_prompts *out,
                             loci_err *err) {
  for (int i = 0; i < e->rephrase_count && out->more_count + 1 < opts->prompts; i++) {
    q.text = e->rephrase[i];
    loci_status st = loci_prompt_new(m, &q, &out->more[out->more_count], err);
    if (st == LOCI_EINVAL) continue; /* without the constraint */
    TRY(st);
    out->more_count++;
  }
  q.text = e->question;
  for (int i = 0; q.image && i < e->same_entity_count && i < opts->renderings; i++) {
    q.image = e->same_entity[i];
    TRY(loci_prompt_new(m, &q, &out->more[out->more_count], err));
    out->more_count++;
  }
  return LOCI_OK;
}

/* A text-only question on a picture's request keeps the picture, so that only the question
 * differs. */
static loci_status open_kept(const loci_model *m, const side_question *list, int count,
                             loci_question q, extra_prompts *out, loci_err *err) {
  const char *own = q.image;
  out->kept = calloc((size_t)count + 1, sizeof *out->kept);
  if (!out->kept) return fail_nomem(err, "testing an edit");
  for (int i = 0; i < count; i++) {
    q.text = list[i].question;
    q.image = own && list[i].image ? list[i].image : own;
    TRY(loci_prompt_new(m, &q, &out->kept[i], err));
    out->kept_count++;
  }
  return LOCI_OK;
}

loci_status extra_prompts_open(const loci_model *m, const loci_example *e,
                               const example_source *from, const loci_edit_test_opts *opts,
                               extra_prompts *out, loci_err *err) {
  side_question *list;
  int count;
  loci_question q = {.size = sizeof q,
                     .image = m->info.image_rows > 0 ? e->image : NULL,
                     .template_name = opts->study->template_name,
                     .system = opts->study->system,
                     .date = opts->study->date,
                     .constraints = e->constraints,
                     .constraint_count = 1};
  *out = (extra_prompts){0};
  size_t most = (size_t)e->rephrase_count + (size_t)e->same_entity_count;
  out->more = calloc(most + 1, sizeof *out->more);
  arena *mem = arena_new();
  loci_status st = out->more && mem ? LOCI_OK : fail_nomem(err, "testing an edit");
  if (!st) st = open_more(m, e, opts, q, out, err);
  if (!st) st = side_questions(from, e, "keep", mem, &list, &count, err);
  if (!st) st = open_kept(m, list, count, q, out, err);
  arena_free(mem);
  return st;
}

void extra_prompts_clear(extra_prompts *a) {
  for (int i = 0; i < a->more_count; i++) loci_prompt_free(a->more[i]);
  for (int i = 0; i < a->kept_count; i++) loci_prompt_free(a->kept[i]);
  free(a->more);
  free(a->kept);
  *a = (extra_prompts){0};
}

static bool is_of(const loci_prompt *p, const char *image, const char *question) {
  const char *own = p->info.image_path;
  bool same = own && image ? strcmp(own, image) == 0 : own == image;
  return same && strcmp(p->info.question, question) == 0;
}

bool extra_prompts_has(const extra_prompts *a, const char *image, const char *question) {
  for (int i = 0; i < a->more_count; i++) {
    if (is_of(a->more[i], image, question)) return true;
  }
  for (int i = 0; i < a->kept_count; i++) {
    if (is_of(a->kept[i], image, question)) return true;
  }
  return false;
}
