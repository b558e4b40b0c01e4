/* The columns of an update (docs/MATH.md, "The update"): of each request its key, or those of all
 * its wordings; after them the keys that should bring what they bring, K0 -> W K0, times the root
 * of their weight. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "edit/target_run.h"
#include "edit/update.h"

static int64_t keys_of(const problem *q) {
  return q->set->each_key ? 1 + q->asked->rephrased_count : 1;
}

static loci_status add_kept(problem *q, const loci_prompt *const *list, int n, float *to,
                            loci_err *err) {
  int64_t F = model_decoder(q->m)->inner;
  float root = (float)sqrt(q->set->keep_weight);
  for (int i = 0; i < n; i++, to += F) {
    TRY(key_read(q, list[i], to, err));
    for (int64_t f = 0; f < F; f++) to[f] *= root;
  }
  return LOCI_OK;
}

/* Requests first, then what is kept: the keys of earlier batches, those kept by all, each request's
 * own.  `update.c` counts on the requests' being first. */
static loci_status gather(problem *all, int n, const earlier_keys *earlier, update_problem *u,
                          loci_err *err) {
  const loci_edit_opts *opts = all->opts;
  int64_t F = u->F;
  int64_t before = earlier ? earlier->count : 0;
  u->kept = before + opts->keep_count;
  for (int i = 0; i < n; i++) {
    u->n += keys_of(&all[i]);
    u->kept += all[i].asked->kept_count;
  }
  float *keys = arena_array(all->work, (u->n + u->kept) * F, float);
  if (!keys) return fail_nomem(err, "solving an edit");
  u->keys = keys;
  for (int i = 0; i < n; i++) {
    int64_t count = keys_of(&all[i]);
    const float *from = all[i].set->each_key ? all[i].keys : all[i].key;
    memcpy(keys, from, (size_t)(count * F) * sizeof *keys);
    keys += count * F;
  }
  if (before > 0) memcpy(keys, earlier->at, (size_t)(before * F) * sizeof *keys);
  keys += before * F;
  TRY(add_kept(all, opts->keep, opts->keep_count, keys, err));
  keys += opts->keep_count * F;
  for (int i = 0; i < n; i++) {
    const loci_edit_request *r = all[i].asked;
    TRY(add_kept(&all[i], r->kept, r->kept_count, keys, err));
    keys += r->kept_count * F;
  }
  return LOCI_OK;
}

/* ROME's release solves for the mean key and divides by the question's own, so that this one is
 * brought exactly: right := C^-1 k' / (k . C^-1 k'), k' the mean.  Without other wordings both are
 * the same, and nothing is left to do. */
static loci_status bring_to_own_key(const problem *q, float *right, int64_t F, loci_err *err) {
  double brought = 0;
  if (q->asked->rephrased_count == 0 || q->set->each_key) return LOCI_OK;
  for (int64_t f = 0; f < F; f++) brought += (double)right[f] * (double)q->keys[f];
  if (!(brought > 1e-6)) {
    return fail(err, LOCI_EINVAL,
                "the keys of the wordings have nothing in common with that of the question");
  }
  for (int64_t f = 0; f < F; f++) right[f] = (float)((double)right[f] / brought);
  return LOCI_OK;
}

/* Keys of edits that are in the matrix already: the next ones must not move them. */
static loci_status remember(earlier_keys *to, const float *keys, int64_t n, int64_t F,
                            loci_err *err) {
  if (to->count + n > to->room) {
    int64_t room = 2 * to->room + n;
    float *more = realloc(to->at, (size_t)(room * F) * sizeof *more);
    if (!more) return fail_nomem(err, "solving an edit");
    to->at = more;
    to->room = room;
  }
  memcpy(to->at + to->count * F, keys, (size_t)(n * F) * sizeof *keys);
  to->count += n;
  return LOCI_OK;
}

/* All keys of a request bring the same delta, so their rows of right add up to one. */
loci_status columns_solve(problem *all, int n, const key_metric *metric, earlier_keys *earlier,
                          float *right, loci_err *err) {
  int64_t F = model_decoder(all->m)->inner;
  update_problem u = {
      .F = F, .lambda = all->set->lambda, .metric = metric, .threads = all->m->threads};
  TRY(gather(all, n, earlier, &u, err));
  if (earlier) TRY(remember(earlier, u.keys, u.n, F, err));
  float *rows = arena_array(all->work, u.n * F, float);
  if (!rows) return fail_nomem(err, "solving an edit");
  TRY(update_solve(&u, rows, err));
  for (int i = 0; i < n; i++) {
    for (int64_t k = keys_of(&all[i]); k > 0; k--, rows += F) {
      for (int64_t f = 0; f < F; f++) right[i * F + f] += rows[f];
    }
    if (all[i].method == ROME) TRY(bring_to_own_key(&all[i], right + i * F, F, err));
  }
  return LOCI_OK;
}
