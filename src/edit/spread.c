/* The update of all requests (see update.h; docs/MATH.md, "Several layers", "One after the other"):
 * the values of a batch by themselves, then layer by layer the update that brings them:
 *
 *   W_l' = W_l + R_l right_l,   R_l = (z - h) / (layers left, this one included)
 *
 * with z = h0 + delta (after the layer's gate or norm, where it has one: there R is what the MLP
 * has to give for that, see model/branch_norm.h) the residual stream that should stand after the
 * last layer, and h what stands there once the layers before are changed.  In one layer R is delta,
 * whatever the residual stream is, so what is said of the MLP's output alone (MultEdit, ROME) is
 * the same sum with one term.
 *
 * Later batches are solved in the model that earlier ones have changed.  An update is columns of
 * left and rows of right; those of requests to come are zero. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "edit/target_run.h"
#include "edit/update.h"
#include "tensor/product.h"

/* One layer's share. */
typedef struct share {
  int layer;
  float *left, *right; /* (D, room), (room, F) */
  key_metric *metric;  /* NULL: none, or not made yet */
  int64_t free_count;
  earlier_keys earlier;
} share;

typedef struct spreading {
  problems *p;
  const loci_model *m; /* without any change */
  loci_model *view;    /* with all so far; NULL: nobody looks at it before the end */
  const loci_edit *e;
  share *shares;
  low_rank *changes; /* of the shares */
  int count;
  int64_t room; /* requests */
  int batch;    /* of them at once */
  bool keeps;   /* the metrics of all layers, from batch to batch; else one at a time */
  arena *work;
} spreading;

static const loci_model *model_now(const spreading *s) { return s->view ? s->view : s->m; }

/* ---------------------------------------------------------------- begin and end */

/* A layer's metric takes F^3 to make: those of all layers are kept for the next batch where
 * --memory allows; else one is made at a time. */
static bool metrics_fit(const spreading *s) {
  return key_metric_bytes(s->p->at->method, s->e->inner) <= s->m->memory / s->count;
}

/* Each layer's share of the change, and a view of the model in which the shares so far are
 * applied. */
static loci_status make_shares(spreading *s, loci_err *err) {
  const problem *like = s->p->at;
  const loci_edit_opts *o = like->opts;
  s->count = o->layer_count > 0 ? o->layer_count : 1;
  s->room = s->p->n;
  s->batch = s->e->settings.batch > 0 ? s->e->settings.batch : s->p->n;
  s->shares = arena_zarray(s->work, s->count, share);
  s->changes = arena_zarray(s->work, s->count, low_rank);
  if (!s->shares || !s->changes) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < s->count; i++) {
    share *a = &s->shares[i];
    a->layer = o->layer_count > 0 ? o->layers[i] : like->layer;
    a->free_count = -1;
    a->left = arena_zarray(s->work, s->e->width * s->room, float);
    a->right = arena_zarray(s->work, s->room * s->e->inner, float);
    if (!a->left || !a->right) return fail_nomem(err, "solving an edit");
    s->changes[i] = (low_rank){a->layer, s->room, a->left, a->right};
  }
  const loci_covariance *first = covariance_of(o, s->shares->layer); /* fails early if it fails */
  TRY(key_metric_new(first, like, &s->shares->metric, err));
  s->keeps = s->batch < s->room && (s->count == 1 || metrics_fit(s));
  if (s->count == 1 && s->batch >= s->room) return LOCI_OK;
  TRY(view_new(s->m, &s->view, err));
  return changes_add(s->view, s, s->changes, s->count, err);
}

static void clear_shares(spreading *s) {
  for (int i = 0; s->shares && i < s->count; i++) {
    key_metric_free(s->shares[i].metric);
    free(s->shares[i].earlier.at);
  }
  view_free(s->view);
}

/* Without the columns of requests that were left out. */
static loci_status fill_parts(const spreading *s, arena *mem, loci_edit *e, loci_err *err) {
  int64_t n = s->p->n;
  loci_edit_part *parts = arena_zarray(mem, s->count, loci_edit_part);
  if (!parts) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < s->count; i++) {
    const share *a = &s->shares[i];
    float *left = arena_array(mem, e->width * n, float);
    float *right = arena_array(mem, n * e->inner, float);
    if (!left || !right) return fail_nomem(err, "solving an edit");
    for (int64_t d = 0; d < e->width; d++)
      memcpy(left + d * n, a->left + d * s->room, (size_t)n * sizeof *left);
    memcpy(right, a->right, (size_t)(n * e->inner) * sizeof *right);
    parts[i] = (loci_edit_part){
        .layer = a->layer, .rank = n, .left = left, .right = right, .free_count = a->free_count};
  }
  e->parts = parts;
  e->part_count = s->count;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- a batch */

/* The values of the requests from [from] on, as many as a batch has; those that fail are left out.
 */
static loci_status find_values(spreading *s, int from, int *count, loci_err *err) {
  int i = from;
  while (i < s->p->n && i - from < s->batch) {
    loci_err own = {0};
    s->p->at[i].m = model_now(s);
    loci_status st = value_find(&s->p->at[i], &own);
    s->p->at[i].m = s->m;
    if (st) TRY(problems_failed(s->p, i, st, &own, err));
    if (!st) i++;
  }
  *count = i - from;
  return LOCI_OK;
}

/* What the layer's MLP has to give more for x to be added to the residual stream. */
static loci_status bring(const spreading *s, const problem *now, float *x, loci_err *err) {
  branch_norm norm;
  const decoder_layer *layer = &now->m->weights->layers[now->layer];
  float *raw, *key;
  float by = target_run_factor(now, now->p, now->position);
  for (int64_t d = 0; d < s->e->width && by != 0; d++) x[d] /= by;
  TRY(branch_norm_of(now->m, &layer->mlp_norm, s->work, &norm, err));
  if (!norm.gain) return LOCI_OK;
  key = arena_zarray(s->work, product_rows(1) * s->e->inner, float);
  if (!key) return fail_nomem(err, "solving an edit");
  memcpy(key, now->keys, (size_t)s->e->inner * sizeof *key);
  TRY(branch_raw(now->m, &layer->down, key, 1, s->work, &raw, err));
  branch_norm_invert(&norm, raw, x);
  return LOCI_OK;
}

/* What the layer should bring for one request, into column [column] of left; its keys are read anew
 * where layers before it were changed or it is not the value's own. */
static loci_status aim(const spreading *s, int at, problem *now, int64_t column, loci_err *err) {
  int64_t D = s->e->width;
  float *left = s->shares[at].left, *h = now->delta;
  if (s->count > 1) {
    h = arena_array(s->work, D, float);
    if (!h) return fail_nomem(err, "solving an edit");
    TRY(key_read_again(now, s->e->layer, h, err));
    for (int64_t d = 0; d < D; d++) {
      double z = (double)now->resid[d] + (double)now->moved[d];
      h[d] =
          at > 0 ? (float)((z - (double)h[d]) / (s->count - at)) : now->moved[d] / (float)s->count;
    }
    TRY(bring(s, now, h, err));
  }
  for (int64_t d = 0; d < D; d++) left[d * s->room + column] = h[d];
  return LOCI_OK;
}

/* Copies of the requests stand in this layer of the model as it is now; what they cost is added to
 * the requests' own. */
static loci_status solve_share(spreading *s, int at, int from, int n, loci_err *err) {
  share *a = &s->shares[at];
  problem *now = arena_array(s->work, n, problem);
  if (!now) return fail_nomem(err, "solving an edit");
  for (int i = 0; i < n; i++) {
    problem *q = &s->p->at[from + i];
    now[i] = *q;
    now[i].m = model_now(s);
    now[i].layer = a->layer;
    now[i].rows = 0;
    now[i].flop = 0;
    TRY(aim(s, at, &now[i], from + i, err));
    q->rows += now[i].rows;
    q->flop += now[i].flop;
  }
  bool projects = now->method == ALPHAEDIT;
  if (!a->metric) TRY(key_metric_new(covariance_of(now->opts, a->layer), now, &a->metric, err));
  a->free_count = key_metric_free_count(a->metric);
  TRY(columns_solve(now, n, a->metric, projects && s->batch < s->room ? &a->earlier : NULL,
                    a->right + from * s->e->inner, err));
  if (!s->keeps) {
    key_metric_free(a->metric);
    a->metric = NULL;
  }
  return s->view ? changes_renew(s->view, s, err) : LOCI_OK;
}

static loci_status run(spreading *s, arena *mem, loci_edit *e, loci_err *err) {
  TRY(make_shares(s, err));
  for (int from = 0, n; from < s->p->n; from += n) {
    TRY(find_values(s, from, &n, err));
    for (int i = 0; n > 0 && i < s->count; i++) TRY(solve_share(s, i, from, n, err));
  }
  return fill_parts(s, mem, e, err);
}

loci_status spread(problems *p, const loci_model *m, arena *mem, loci_edit *e, loci_err *err) {
  spreading s = {.p = p, .m = m, .e = e, .work = p->at[0].work};
  loci_status st = run(&s, mem, e, err);
  clear_shares(&s);
  return st;
}
