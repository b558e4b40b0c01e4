/* One layer of a walk, backwards: walk_layer's steps in the opposite order, for the rows that stand
 * between a loss and a site whose gradient is asked for (see back.h).
 *
 *   sequential:  G += norm2'(W_mlp^T G);  G += norm1'(W_attn^T G)
 *   parallel:    G += norm1'(W_mlp^T G + W_attn^T G)
 *
 * Residual connections make G the gradient of resid_post, then of resid_mid, then of resid_pre, in
 * place.  Only the MLP's inner rows are computed again, from the norm of the kept residual stream.
 */
#include "walk/back.h"

/* ---------------------------------------------------------------- the rows of the layer */

/* In the last layer nothing mixes positions after attention: rows that are not wanted take part
 * with their keys and values alone. */
static void list_rows(walk *w, int layer) {
  tape *t = w->tape;
  bool last = layer == w->c->layers - 1;
  t->all_count = t->count = 0;
  for (int s = 0; s < w->streams.count; s++) {
    back_stream *b = &t->streams[s];
    b->start = t->all_count;
    for (int p = b->from[layer]; p < b->end; p++) {
      int64_t i = t->all_count++, slot = tape_slot(w, s, p);
      t->all_slots[i] = slot;
      t->active_of[i] = -1;
      t->angles[i] = w->streams.at[s].angles + p;
      if (last && !t->wanted[slot]) continue;
      t->active_of[i] = t->count;
      t->active_slots[t->count] = slot;
      t->owners[t->count] = i;
      t->active_angles[t->count] = t->angles[i];
      t->active[t->count++] = (row){.stream = s, .position = p, .owner = i, .slot = slot};
    }
  }
}

/* How the rows of a matrix of gradients are numbered. */
typedef enum numbering { BY_SLOT, BY_ALL, BY_ACTIVE } numbering;

/* Row of (stream s, position) at [layer], or -1: it answers for no loss, or is not asked for. */
static int64_t back_index(const walk *w, int s, int position, int layer, numbering by) {
  const tape *t = w->tape;
  const back_stream *b = &t->streams[s];
  if (position >= b->end || position < b->from[by == BY_SLOT ? w->c->layers : layer]) return -1;
  if (by == BY_SLOT) return tape_slot(w, s, position);
  int64_t i = b->start + position - b->from[layer];
  return by == BY_ALL ? i : t->active_of[i];
}

typedef struct grad_rows {
  loci_site site;
  int layer;
  numbering by;
  float *data; /* row [first] */
  int64_t width, first, n;
} grad_rows;

/* Row of the matrix for (stream s, position), or NULL. */
static float *grad_row(const walk *w, const grad_rows *g, int s, int position) {
  int64_t i = back_index(w, s, position, g->layer, g->by);
  return i >= g->first && i < g->first + g->n ? g->data + (i - g->first) * g->width : NULL;
}

static void give_grads(walk *w, const grad_rows *g) {
  for (int64_t i = 0; i < w->grads.count; i++) {
    const grad_item *item = &w->grads.at[i];
    if (item->site != g->site || item->layer != g->layer) continue;
    for (int k = 0; k < item->count; k++) {
      const float *from = grad_row(w, g, item->stream, item->first + k);
      row_list out = rows_f32(item->out + k * g->width, g->width, NULL);
      if (from) rows_copy(&w->a->rows, out, rows_f32(from, g->width, NULL), 1, g->width);
    }
  }
}

/* Nothing flows back through a value that was put in the place of another. */
static void cut_grads(walk *w, const grad_rows *g) {
  const int64_t *bucket = w->patch_bucket + (int64_t)g->layer * LOCI_SITE_COUNT + g->site;
  for (int64_t i = bucket[0]; i < bucket[1]; i++) {
    const patch_item *item = &w->patches.at[i];
    float *to = item->p.add ? NULL : grad_row(w, g, item->stream, item->p.position);
    if (!to) continue;
    int64_t K = w->c->head_dim, at = item->p.head >= 0 ? item->p.head * K : 0;
    rows_zero(&w->a->rows, rows_f32(to + at, 0, NULL), 1, item->p.head >= 0 ? K : g->width);
  }
}

/* The visit of a site on the way back: give, then cut. */
static void visit_grads(walk *w, loci_site site, int layer, numbering by, float *data) {
  grad_rows g = {.site = site,
                 .layer = layer,
                 .by = by,
                 .data = data,
                 .width = site_width(w->model, site),
                 .n = by == BY_SLOT  ? w->tape->rows
                      : by == BY_ALL ? w->tape->all_count
                                     : w->tape->count};
  give_grads(w, &g);
  cut_grads(w, &g);
}

/* ---------------------------------------------------------------- norms of parts */

static void take_kept(walk *w, tape_kind kind, int layer, const int64_t *slots, int64_t n) {
  int64_t D = w->c->width;
  rows_copy(&w->a->rows, rows_f32(w->tape->x, D, NULL), tape_rows(w, kind, layer, slots), n, D);
}

/* part, of a branch's normed result, becomes that of what it gave: of n active rows from [first].
 */
static loci_status back_branch(walk *w, const norm_weights *norm, tape_kind kind, int layer,
                               int64_t first, int64_t n, loci_err *err) {
  tape *t = w->tape;
  int64_t D = w->c->width;
  if (!norm->w.data) return LOCI_OK;
  row_list through = rows_f32(t->through, D, NULL), part = rows_f32(t->part, D, NULL);
  take_kept(w, kind, layer, t->active_slots + first, n);
  rows_zero(&w->a->rows, through, n, D);
  TRY(norm_backward(w->a, walk_norm(w), norm, through, part, rows_f32(t->x, D, NULL), n, err));
  rows_copy(&w->a->rows, part, through, n, D);
  return LOCI_OK;
}

/* Gradients of q or k of n rows: of normed heads, then of what the linear gave. */
typedef struct head_grads {
  const linear_weights *linear;
  const norm_weights *norm;
  float *d, *raw; /* raw: room for what the linear gives */
  int heads, layer;
  const int64_t *slots;
  int64_t n;
} head_grads;

/* Through the norm of every head, whose input is made again of the rows' resid_pre. */
static loci_status back_heads(walk *w, const decoder_layer *weights, const head_grads *g,
                              loci_err *err) {
  tape *t = w->tape;
  int64_t D = w->c->width, K = w->c->head_dim, n = g->n * g->heads;
  if (!g->norm->w.data) return LOCI_OK;
  row_list each = rows_f32(g->d, K, NULL), through = rows_f32(t->through, K, NULL);
  take_kept(w, TAPE_PRE, g->layer, g->slots, g->n);
  TRY(norm_forward(w->a, walk_norm(w), &weights->norm1, operand_rows(w->a, w->operand, D, NULL),
                   rows_f32(t->x, D, NULL), g->n, err));
  TRY(linear_forward(w->a, g->linear, g->raw, w->operand, g->n, err));
  rows_zero(&w->a->rows, through, n, K);
  TRY(norm_backward(w->a, head_norm(w), g->norm, through, each, rows_f32(g->raw, K, NULL), n, err));
  rows_copy(&w->a->rows, each, through, n, K);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- MLP */

/* part := G of the active rows from [first] on, without those that were put in at [site]. */
static void take_branch(walk *w, loci_site site, int layer, int64_t first, int64_t n) {
  tape *t = w->tape;
  int64_t D = w->c->width;
  rows_copy(&w->a->rows, rows_f32(t->part, D, NULL), rows_f32(t->G, D, t->active_slots + first), n,
            D);
  cut_grads(w, &(grad_rows){site, layer, BY_ACTIVE, t->part, D, first, n});
}

/* inner: d mlp_post; becomes d loss / d (input of the activation), and up the one of the factor. */
static void back_inner(walk *w, int64_t n) {
  int64_t F = w->c->inner;
  const float *up = w->c->gated ? w->up : NULL;
  rows_gate_back(&w->a->rows, rows_f32(w->tape->inner, F, NULL),
                 rows_f32(up ? w->gate : w->up, F, NULL), rows_f32(up, F, NULL), w->c->act, n, F);
}

/* dn += part, row by row: of the active rows from [first] on, or, [owner], of all rows. */
static void add_part(walk *w, int64_t first, int64_t n, bool owner) {
  tape *t = w->tape;
  int64_t D = w->c->width;
  row_list to =
      owner ? rows_f32(t->dn, D, t->owners + first) : rows_f32(t->dn + first * D, D, NULL);
  rows_add(&w->a->rows, to, rows_f32(t->part, D, NULL), n, D);
}

/* What flows through the MLP's own result is taken before the norm's gradient is added to G, which
 * the residual connection has passed on already. */
static loci_status back_mlp_chunk(walk *w, const decoder_layer *weights, int layer, int64_t first,
                                  int64_t n, loci_err *err) {
  tape *t = w->tape;
  bool parallel = w->c->parallel;
  const norm_weights *norm = parallel ? &weights->norm1 : &weights->norm2;
  const int64_t *slots = t->active_slots + first;
  take_branch(w, LOCI_SITE_MLP_OUT, layer, first, n);
  TRY(back_branch(w, &weights->mlp_norm, TAPE_MLP, layer, first, n, err));
  cross_gate(w, &weights->cross.mlp_gate, t->active + first, t->part, n);
  TRY(linear_backward(w->a, &weights->down, t->inner, t->part, n, err));
  grad_rows post = {LOCI_SITE_MLP_POST, layer, BY_ACTIVE, t->inner, w->c->inner, first, n};
  give_grads(w, &post);
  cut_grads(w, &post);
  take_kept(w, parallel ? TAPE_PRE : TAPE_MID, layer, slots, n);
  row_list x = rows_f32(t->x, w->c->width, NULL);
  TRY(norm_forward(w->a, walk_norm(w), norm, operand_rows(w->a, w->operand, w->c->width, NULL), x,
                   n, err));
  if (w->c->gated) TRY(linear_forward(w->a, &weights->gate, w->gate, w->operand, n, err));
  TRY(linear_forward(w->a, &weights->up, w->up, w->operand, n, err));
  back_inner(w, n);
  float *d_up = w->c->gated ? w->up : t->inner;
  TRY(linear_backward(w->a, &weights->up, t->part, d_up, n, err));
  add_part(w, first, n, parallel);
  if (w->c->gated) {
    TRY(linear_backward(w->a, &weights->gate, t->part, t->inner, n, err));
    add_part(w, first, n, parallel);
  }
  if (parallel) return LOCI_OK;
  return norm_backward(w->a, walk_norm(w), norm, rows_f32(t->G, w->c->width, slots),
                       rows_f32(t->dn + first * w->c->width, w->c->width, NULL), x, n, err);
}

static void clear_dn(walk *w) {
  int64_t D = w->c->width;
  rows_zero(&w->a->rows, rows_f32(w->tape->dn, D, NULL), w->tape->all_count, D);
}

static loci_status back_mlp(walk *w, const decoder_layer *weights, int layer, loci_err *err) {
  int64_t n = w->tape->count;
  clear_dn(w);
  for (int64_t first = 0; first < n; first += w->chunk) {
    int64_t rows = n - first < w->chunk ? n - first : w->chunk;
    TRY(back_mlp_chunk(w, weights, layer, first, rows, err));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- attention */

/* dn += what a linear of the attention passes on to the layer's norm, of n rows. */
static loci_status back_linear(walk *w, const linear_weights *linear, const float *d, int64_t n,
                               bool active, loci_err *err) {
  TRY(linear_backward(w->a, linear, w->tape->part, d, n, err));
  add_part(w, 0, n, active);
  return LOCI_OK;
}

/* dn += what q, k and v pass on to their norm; of a layer that reads sources, q alone. */
static loci_status back_qkv(walk *w, const decoder_layer *weights, int layer, loci_err *err) {
  tape *t = w->tape;
  const decoder_config *c = w->c;
  int64_t HK = (int64_t)c->heads * c->head_dim, GK = (int64_t)c->kv_heads * c->head_dim;
  bool cross = is_cross(w, layer);
  visit_grads(w, LOCI_SITE_Q, layer, BY_ACTIVE, t->dq);
  row_rotation turn = walk_rotation(w, layer, t->active_angles, c->heads);
  turn.back = true;
  if (!cross) rows_rotate(&w->a->rows, rows_f32(t->dq, HK, NULL), t->count, &turn);
  head_grads q = {&weights->q, &weights->q_norm, t->dq,   w->q, c->heads,
                  layer,       t->active_slots,  t->count};
  TRY(back_heads(w, weights, &q, err));
  TRY(back_linear(w, &weights->q, t->dq, t->count, true, err));
  if (cross) return LOCI_OK;
  visit_grads(w, LOCI_SITE_K, layer, BY_ALL, t->dk);
  visit_grads(w, LOCI_SITE_V, layer, BY_ALL, t->dv);
  turn.heads = c->kv_heads;
  turn.angles = t->angles;
  rows_rotate(&w->a->rows, rows_f32(t->dk, GK, NULL), t->all_count, &turn);
  head_grads k = {&weights->k, &weights->k_norm, t->dk,       w->k, c->kv_heads,
                  layer,       t->all_slots,     t->all_count};
  TRY(back_heads(w, weights, &k, err));
  TRY(back_linear(w, &weights->k, t->dk, t->all_count, false, err));
  return back_linear(w, &weights->v, t->dv, t->all_count, false, err);
}

/* Whether a gradient is asked for that stands before the layer's attention, or below the layer. */
static bool grads_go_below(const walk *w, int layer) {
  for (int64_t i = 0; i < w->grads.count; i++) {
    const grad_item *g = &w->grads.at[i];
    if (g->layer < layer || (g->layer == layer && stage_of(g->site) == STAGE_START)) return true;
  }
  return false;
}

/* The steps of walk_layer from the last to the first; it ends early where nothing before attention,
 * or below, is asked for. */
static loci_status back_layer(walk *w, int layer, loci_err *err) {
  const decoder_layer *weights = &w->model->weights->layers[layer];
  tape *t = w->tape;
  list_rows(w, layer);
  visit_grads(w, LOCI_SITE_RESID_POST, layer, BY_SLOT, t->G);
  give_grads(w, &(grad_rows){LOCI_SITE_MLP_OUT, layer, BY_SLOT, t->G, w->c->width, 0, t->rows});
  TRY(back_mlp(w, weights, layer, err));
  if (!w->c->parallel) visit_grads(w, LOCI_SITE_RESID_MID, layer, BY_SLOT, t->G);
  give_grads(w, &(grad_rows){LOCI_SITE_ATTN_OUT, layer, BY_SLOT, t->G, w->c->width, 0, t->rows});
  take_branch(w, LOCI_SITE_ATTN_OUT, layer, 0, t->count);
  TRY(back_branch(w, &weights->attn_norm, TAPE_ATTN, layer, 0, t->count, err));
  cross_gate(w, &weights->cross.attn_gate, NULL, t->part, t->count);
  TRY(linear_backward(w->a, &weights->o, t->dz, t->part, t->count, err));
  visit_grads(w, LOCI_SITE_Z, layer, BY_ACTIVE, t->dz);
  w->row_count += 2 * t->all_count;
  if (!grads_go_below(w, layer)) return LOCI_OK;
  back_attend(w, layer);
  if (!w->c->parallel) clear_dn(w);
  TRY(back_qkv(w, weights, layer, err));
  take_kept(w, TAPE_PRE, layer, t->all_slots, t->all_count);
  int64_t D = w->c->width;
  TRY(norm_backward(w->a, walk_norm(w), &weights->norm1, rows_f32(t->G, D, t->all_slots),
                    rows_f32(t->dn, D, NULL), rows_f32(t->x, D, NULL), t->all_count, err));
  visit_grads(w, LOCI_SITE_RESID_PRE, layer, BY_SLOT, t->G);
  return LOCI_OK;
}

/* Gradients are added up, so all begin at zero.  A late site of the layer below the lowest one
 * needs no product of its own: its gradient is G as it stands in the end. */
loci_status walk_backward(walk *w, walk_slope_fn slope, void *ctx, const walk_hooks *hooks,
                          loci_err *err) {
  static const walk_hooks none;
  if (!hooks) hooks = &none;
  if (!w->tape) return LOCI_OK;
  int64_t D = w->c->width;
  int lowest = lowest_layer(w);
  for (int64_t i = 0; i < w->grads.count; i++) {
    const grad_item *g = &w->grads.at[i];
    int64_t width = site_width(w->model, g->site);
    rows_zero(&w->a->rows, rows_f32(g->out, width, NULL), g->count, width);
  }
  rows_zero(&w->a->rows, rows_f32(w->tape->G, D, NULL), w->tape->rows, D);
  TRY(back_head(w, slope, ctx, err));
  for (int l = w->c->layers - 1; l >= lowest; l--) {
    TRY(walk_report(w, hooks, "backward", w->c->layers - 1 - l, err));
    read_layer(w, l, l > lowest ? l - 1 : -1);
    TRY(back_layer(w, l, err));
    leave_layer(w, l);
  }
  if (lowest > 0) { /* late sites of the layer below */
    float *G = w->tape->G;
    give_grads(w, &(grad_rows){LOCI_SITE_RESID_POST, lowest - 1, BY_SLOT, G, D, 0, w->tape->rows});
    cut_grads(w, &(grad_rows){LOCI_SITE_RESID_POST, lowest - 1, BY_SLOT, G, D, 0, w->tape->rows});
    give_grads(w, &(grad_rows){LOCI_SITE_MLP_OUT, lowest - 1, BY_SLOT, G, D, 0, w->tape->rows});
  }
  return LOCI_OK;
}
