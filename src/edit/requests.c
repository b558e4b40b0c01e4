/* Requests on their way to be solved: what each is made of, what is wrong with one, and which of
 * them contradict each other (see edit.h). */
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "edit/requests.h"

/* ---------------------------------------------------------------- one request */

loci_status check_prompt(const loci_prompt *p, const loci_model *m, loci_err *err) {
  NEEDS(p, "prompt");
  TRY(prompt_check_model(p, m, err));
  if (p->info.constraint_count > 0) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "the question \"%s\" has no constraint: an edit needs one",
              p->info.question);
}

/* Everything that can be said before a single step is run. */
static loci_status check_request(const problem *q, loci_err *err) {
  const loci_edit_request *r = q->asked;
  if (r->refused) return fail(err, LOCI_EINVAL, "%s", r->refused);
  TRY(check_prompt(r->prompt, q->m, err));
  TRY(check_list(r->rephrased_count, r->rephrased, "rephrased questions", err));
  TRY(check_list(r->kept_count, r->kept, "kept questions", err));
  for (int i = 0; i < r->rephrased_count; i++) TRY(check_prompt(r->rephrased[i], q->m, err));
  for (int i = 0; i < r->kept_count; i++) TRY(check_prompt(r->kept[i], q->m, err));
  if (!r->target || !r->target[strspn(r->target, " \t\r\n")]) {
    return fail(err, LOCI_EINVAL, "the target is empty");
  }
  return LOCI_OK;
}

loci_status problem_target(const problem *q, const loci_prompt *p, target *out, loci_err *err) {
  TRY(target_make(p, q->asked->target, q->mem, out, err));
  if (q->set->authors) {
    out->count = 1;
    out->length = p->info.length;
  }
  return LOCI_OK;
}

static loci_status describe(const problem *q, loci_edit_fact *fact, loci_err *err) {
  const loci_prompt_info *i = &q->p->info;
  *fact = (loci_edit_fact){.request = q->number,
                           .position = q->position,
                           .prompt_count = 1 + q->asked->rephrased_count,
                           .target_count = q->target.count,
                           .target_ids = q->target.ids};
  fact->image = i->image_path ? arena_strdup(q->mem, i->image_path) : NULL;
  fact->question = arena_strdup(q->mem, i->question);
  fact->template_name = arena_strdup(q->mem, i->template_name);
  fact->system = i->system ? arena_strdup(q->mem, i->system) : NULL;
  fact->date = i->date ? arena_strdup(q->mem, i->date) : NULL;
  fact->constraint = arena_strdup(q->mem, i->constraints[0].text);
  fact->target = arena_strdup(q->mem, q->asked->target);
  bool ok = (fact->image || !i->image_path) && fact->question && fact->template_name &&
            fact->constraint && fact->target && (fact->system || !i->system) &&
            (fact->date || !i->date);
  return ok ? LOCI_OK : fail_nomem(err, "solving an edit");
}

/* In the last layer nothing carries a change at the constraint to the last position: such an
 * edit would optimise for nothing. */
static loci_status problem_init(problem *q, loci_err *err) {
  TRY(check_request(q, err));
  const loci_prompt_info *i = &q->asked->prompt->info;
  q->p = q->asked->prompt;
  q->position = key_position(q->p);
  TRY(problem_target(q, q->p, &q->target, err));
  bool last = q->layer == model_decoder(q->m)->layers - 1;
  if (last && q->position < i->length - 1 && !method_tunes(q->method)) {
    return fail(err, LOCI_EINVAL,
                "layer %d is the last: a change at position %d of it cannot reach the answer",
                q->layer, q->position);
  }
  q->fact = arena_zarray(q->mem, 1, loci_edit_fact);
  return q->fact ? describe(q, q->fact, err) : fail_nomem(err, "solving an edit");
}

/* ---------------------------------------------------------------- contradictions */

static bool same_rows(const problem *a, const problem *b, int count) {
  int64_t W = input_width(model_decoder(a->m));
  return memcmp(a->p->embeds, b->p->embeds, (size_t)(count * W) * sizeof *a->p->embeds) == 0;
}

/* Whether what both change is the same: a key is made of the rows that it sees, whatever is asked
 * after these; fine-tuning changes whole prompts. */
static bool same_place(const problem *a, const problem *b) {
  int seen = mutual_end(a->p->mutual, a->position + 1);
  if (!method_tunes(a->method))
    return a->position == b->position && seen == mutual_end(b->p->mutual, b->position + 1) &&
           same_rows(a, b, seen);
  int n = a->p->info.length;
  return n == b->p->info.length && same_rows(a, b, n);
}

static bool same_target(const problem *a, const problem *b) {
  int n = a->target.count;
  return n == b->target.count &&
         memcmp(a->target.ids, b->target.ids, (size_t)n * sizeof *a->target.ids) == 0;
}

/* One key brings one value: of two targets after it neither would be reached. */
static loci_status check_against(const problem *q, const problem *before, int n, loci_err *err) {
  char name[128];
  for (int i = 0; i < n; i++) {
    if (!same_place(q, &before[i]) || same_target(q, &before[i])) continue;
    problem_name(&before[i], name, sizeof name);
    return fail(err, LOCI_EINVAL,
                "the target \"%.60s\" for the key of %s, whose target is \"%.60s\": up to the "
                "constraint both ask the same, and one key brings one answer",
                q->asked->target, name, before[i].asked->target);
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- all of them */

void problem_name(const problem *q, char *out, size_t n) {
  if (q->asked->name) {
    snprintf(out, n, "%.100s", q->asked->name);
  } else {
    snprintf(out, n, "request %d", q->number + 1);
  }
}

/* A request alone, without a name of its own, needs none. */
static loci_status name_it(const problem *q, bool alone, loci_status st, const loci_err *own,
                           loci_err *err) {
  char name[128];
  if (!status_is_own(st) || (alone && !q->asked->name)) return pass_on(own, err);
  problem_name(q, name, sizeof name);
  return fail(err, st, "%s: %.380s", name, own->msg);
}

/* Behind those of earlier requests, before those of later ones. */
static loci_edit_dropped *dropped_place(problems *p, int request) {
  int i = p->dropped_count++;
  for (; i > 0 && p->dropped[i - 1].request > request; i--) p->dropped[i] = p->dropped[i - 1];
  p->dropped[i] = (loci_edit_dropped){.request = request};
  return &p->dropped[i];
}

loci_status problems_failed(problems *p, int i, loci_status st, const loci_err *own,
                            loci_err *err) {
  const problem *q = &p->at[i];
  if (!q->opts->drop || !status_is_own(st)) return name_it(q, p->asked == 1, st, own, err);
  loci_edit_dropped *d = dropped_place(p, q->number);
  d->name = q->asked->name ? arena_strdup(q->mem, q->asked->name) : NULL;
  d->reason = arena_strdup(q->mem, own->msg);
  if (!d->reason || (q->asked->name && !d->name)) return fail_nomem(err, "solving an edit");
  if (p->n == 1) {
    d = p->dropped;
    return fail(err, st, "no request can be solved, the first because: %s%s%.280s",
                d->name ? d->name : "", d->name ? ": " : "", d->reason);
  }
  memmove(&p->at[i], &p->at[i + 1], (size_t)(p->n - 1 - i) * sizeof *p->at);
  p->n--;
  return LOCI_OK;
}

loci_status problems_make(problems *p, const problem *like, const loci_edit_request *requests,
                          int n, loci_err *err) {
  p->asked = p->n = n;
  p->at = arena_zarray(like->work, n, problem);
  p->dropped = arena_zarray(like->mem, n, loci_edit_dropped);
  if (!p->at || !p->dropped) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < n; i++) {
    p->at[i] = *like;
    p->at[i].number = i;
    p->at[i].asked = &requests[i];
  }
  for (int i = 0; i < p->n;) {
    loci_err own = {0};
    loci_status st = problem_init(&p->at[i], &own);
    if (!st) st = check_against(&p->at[i], p->at, i, &own);
    if (st) TRY(problems_failed(p, i, st, &own, err));
    if (!st) i++;
  }
  return LOCI_OK;
}
