/* One layer of a walk, for all live rows of all streams at once.
 *
 *   sequential (LLaMA):  h = x + W_o attention(norm1 x)
 *                        x' = h + W_down (act(W_gate norm2 h) * (W_up norm2 h))
 *   parallel (Phi):      x' = x + W_o attention(norm1 x) + W_2 act(W_1 norm1 x)
 *   rows of more parts:  x' += part l + 1 of its input row, after layer l (DeepStack)
 *   reading sources:     as sequential, keys and values of theirs, both branches through gates
 * (cross.c)
 *
 * The family's table says which parts there are besides: a norm of every head of q and k before it
 * turns, a norm of what a branch gives before it is added, a window of positions.
 *
 * Every step runs over the rows that have joined by then (a prefix of the list, invariant W3); then
 * the next joiners copy what they need from the rows they were equal to until now, then the site is
 * visited. */
#include "walk/back.h"
#include "walk/visit.h"

static void visit_rows(walk *w, loci_site site, int layer, float *data, int64_t n) {
  int64_t width = site_width(w->model, site);
  visit(w, &(site_rows){.site = site, .layer = layer, .data = data, .width = width, .n = n});
}

static void visit_resid(walk *w, loci_site site, int layer, int64_t n) {
  visit(w, &(site_rows){.site = site,
                        .layer = layer,
                        .data = w->resid,
                        .width = w->c->width,
                        .n = n,
                        .slots = w->rows.slots});
}

/* Rows of stage [k] take over their owner's residual stream and, if [data] is given, its row of the
 * site.  Most are the first of their stream, for all of which they bring memory. */
static loci_status join_rows(walk *w, stage k, float *data, int64_t width, loci_err *err) {
  enum { SOME = 1024, PAGE = 1024 };
  const layer_rows *r = &w->rows;
  int64_t each = PAGE + w->slots / w->streams.count * w->c->width;
  for (int64_t first = r->upto[k - 1], n; first < r->upto[k]; first += n) {
    n = r->upto[k] - first < SOME ? r->upto[k] - first : SOME;
    TRY(compute_touch(w->a, n * each, err));
    rows_copy(&w->a->rows, resid_rows(w, r->slots + first), resid_rows(w, r->owner_slots + first),
              n, w->c->width);
    if (!data) continue;
    rows_copy(&w->a->rows, rows_f32(data + first * width, width, NULL),
              rows_f32(data, width, r->owners + first), n, width);
  }
  return LOCI_OK;
}

static void add_delta(walk *w, int64_t n) {
  int64_t D = w->c->width;
  rows_add(&w->a->rows, resid_rows(w, w->rows.slots), rows_f32(w->delta, D, NULL), n, D);
}

/* x += what its input row has for after this layer. */
static void add_part(walk *w, int layer) {
  int64_t D = w->c->width, n = w->rows.upto[STAGE_MLP_OUT];
  if (layer >= w->c->deep) return;
  if (n == 0) return;
  const float *first = w->inputs[w->rows.slots[0]]; /* rows by their distance to it */
  for (int64_t i = 0; i < n; i++) {
    intptr_t from = (intptr_t)w->inputs[w->rows.slots[i]] - (intptr_t)first;
    w->rows.from[i] = from / (intptr_t)sizeof *first + (layer + 1) * D;
  }
  rows_add(&w->a->rows, resid_rows(w, w->rows.slots), rows_f32(first, 1, w->rows.from), n, D);
}

row_rotation walk_rotation(const walk *w, int layer, const int64_t *angles, int heads) {
  bool local = rope_has_local(w->c) && w->c->slides[layer];
  return (row_rotation){.cosine = local ? w->local.cosine : w->rope.cosine,
                        .sine = local ? w->local.sine : w->rope.sine,
                        .angles = angles,
                        .half = w->rope.half,
                        .heads = heads,
                        .K = w->c->head_dim};
}

/* Rows of the layer that are in other walks, or kept from before, and in the last one not needed
 * (layer_rows.c). */
static int64_t rows_beside(const walk *w, int layer) {
  return w->apart + (layer == w->c->layers - 1 ? 0 : w->beside);
}

/* Every head of n rows of q or k normalised by itself, where the layer has such a norm. */
static loci_status norm_heads(walk *w, const norm_weights *norm, float *x, int64_t n, int heads,
                              loci_err *err) {
  if (!norm->w.data) return LOCI_OK;
  row_list each = rows_f32(x, w->c->head_dim, NULL);
  return norm_forward(w->a, head_norm(w), norm, each, each, n * heads, err);
}

/* q, k, v of the live rows, rotated; of a layer that reads sources, q alone. */
static loci_status project_qkv(walk *w, const decoder_layer *weights, int layer, loci_err *err) {
  const decoder_config *c = w->c;
  int64_t n = w->rows.upto[STAGE_START], all = n + w->rows.kv_only;
  int64_t HK = (int64_t)c->heads * c->head_dim, GK = (int64_t)c->kv_heads * c->head_dim;
  row_list normed = operand_rows(w->a, w->normed, c->width, NULL);
  TRY(norm_forward(w->a, walk_norm(w), &weights->norm1, normed, resid_rows(w, w->rows.start_slots),
                   all, err));
  w->a->beside = rows_beside(w, layer);
  TRY(linear_forward(w->a, &weights->q, w->q, w->normed, n, err));
  TRY(norm_heads(w, &weights->q_norm, w->q, n, c->heads, err));
  if (is_cross(w, layer)) {
    visit_rows(w, LOCI_SITE_Q, layer, w->q, n);
    tape_keep(w, TAPE_Q, layer);
    cross_record(w, layer);
    return LOCI_OK;
  }
  w->a->beside = w->apart + w->beside;
  TRY(linear_forward(w->a, &weights->k, w->k, w->normed, all, err));
  TRY(linear_forward(w->a, &weights->v, w->v, w->normed, all, err));
  TRY(norm_heads(w, &weights->k_norm, w->k, all, c->kv_heads, err));
  row_rotation turn = walk_rotation(w, layer, w->rows.start_angles, c->kv_heads);
  rows_rotate(&w->a->rows, rows_f32(w->k, GK, NULL), all, &turn);
  turn.heads = c->heads;
  rows_rotate(&w->a->rows, rows_f32(w->q, HK, NULL), n, &turn);
  visit_rows(w, LOCI_SITE_Q, layer, w->q, n);
  tape_keep(w, TAPE_Q, layer);
  visit_rows(w, LOCI_SITE_K, layer, w->k, n);
  visit_rows(w, LOCI_SITE_V, layer, w->v, n);
  return LOCI_OK;
}

/* What a branch gave, kept for the way back, through its norm, where there is one. */
static loci_status norm_branch(walk *w, const norm_weights *norm, tape_kind kind, int layer,
                               int64_t n, loci_err *err) {
  if (!norm->w.data) return LOCI_OK;
  tape_keep(w, kind, layer);
  row_list rows = rows_f32(w->delta, w->c->width, NULL);
  return norm_forward(w->a, walk_norm(w), norm, rows, rows, n, err);
}

/* Each site is visited where its value is complete and nothing has read it yet; rows join just
 * before the first site that makes them differ. */
static loci_status attention(walk *w, const decoder_layer *weights, int layer, loci_err *err) {
  int64_t HK = (int64_t)w->c->heads * w->c->head_dim, D = w->c->width;
  TRY(project_qkv(w, weights, layer, err));
  TRY(join_rows(w, STAGE_ATTEND, w->q, HK, err));
  work_kind before = work_begin(w->a, WORK_ATTENTION);
  loci_status st = attend_layer(w, layer, err);
  work_end(w->a, before);
  TRY(st);
  TRY(flow_layer(w, layer, err));
  TRY(join_rows(w, STAGE_Z, w->z, HK, err));
  int64_t n = w->rows.upto[STAGE_Z];
  visit_rows(w, LOCI_SITE_Z, layer, w->z, n);
  const void *z = operand_of(w->a, w->operand, w->z, n, HK);
  w->a->beside = rows_beside(w, layer);
  TRY(linear_forward(w->a, &weights->o, w->delta, z, n, err));
  cross_gate(w, &weights->cross.attn_gate, NULL, w->delta, n);
  TRY(norm_branch(w, &weights->attn_norm, TAPE_ATTN, layer, n, err));
  TRY(join_rows(w, STAGE_ATTN_OUT, w->delta, D, err));
  visit_rows(w, LOCI_SITE_ATTN_OUT, layer, w->delta, w->rows.upto[STAGE_ATTN_OUT]);
  add_delta(w, w->rows.upto[STAGE_ATTN_OUT]);
  TRY(join_rows(w, STAGE_RESID_MID, NULL, 0, err));
  if (!w->c->parallel) visit_resid(w, LOCI_SITE_RESID_MID, layer, w->rows.upto[STAGE_RESID_MID]);
  if (!w->c->parallel) tape_keep(w, TAPE_MID, layer);
  return LOCI_OK;
}

/* Operand := input of the MLP for rows [first, first + n).  In parallel blocks it is that of the
 * attention: of a row that joins later, what its owner reads. */
static loci_status mlp_input(walk *w, const decoder_layer *weights, int64_t first, int64_t n,
                             loci_err *err) {
  int64_t D = w->c->width;
  row_list out = operand_rows(w->a, w->operand, D, NULL);
  if (!w->c->parallel) {
    return norm_forward(w->a, walk_norm(w), &weights->norm2, out,
                        resid_rows(w, w->rows.slots + first), n, err);
  }
  rows_copy(&w->a->rows, out, operand_rows(w->a, w->normed, D, w->rows.normed + first), n, D);
  return LOCI_OK;
}

/* Rows [first, first + n) through the MLP; [more] rows after them join at mlp_post. */
static loci_status mlp_chunk(walk *w, const decoder_layer *weights, int layer, int64_t first,
                             int64_t n, int64_t more, loci_err *err) {
  int64_t F = w->c->inner, D = w->c->width;
  TRY(mlp_input(w, weights, first, n, err));
  if (w->c->gated) TRY(linear_forward(w->a, &weights->gate, w->gate, w->operand, n, err));
  TRY(linear_forward(w->a, &weights->up, w->up, w->operand, n, err));
  float *post = w->c->gated ? w->gate : w->up;
  row_list g = rows_f32(post, F, NULL), u = rows_f32(w->c->gated ? w->up : NULL, F, NULL);
  const void *operand = w->inner;
  if (w->a->type == DTYPE_F32 || more || is_visited(w, LOCI_SITE_MLP_POST, layer)) {
    rows_gate(&w->a->rows, g, g, u, w->c->act, n, F);
    if (more) TRY(join_rows(w, STAGE_MLP_POST, post, F, err)); /* then first is 0: see chunk_rows */
    visit(w, &(site_rows){.site = LOCI_SITE_MLP_POST,
                          .layer = layer,
                          .data = post,
                          .width = F,
                          .first = first,
                          .n = n + more});
    operand = operand_of(w->a, w->inner, post, n + more, F);
  } else {
    rows_gate(&w->a->rows, operand_rows(w->a, w->inner, F, NULL), g, u, w->c->act, n, F);
  }
  TRY(linear_forward(w->a, &weights->down, w->delta + first * D, operand, n + more, err));
  cross_gate(w, &weights->cross.mlp_gate, w->rows.at + first, w->delta + first * D, n + more);
  return LOCI_OK;
}

loci_status walk_report(const walk *w, const walk_hooks *hooks, const char *word, double done,
                        loci_err *err) {
  if (!hooks->progress) return LOCI_OK;
  TRY(rows_settle(&w->a->rows, err)); /* a device may have taken more than it has done */
  if (hooks->progress(hooks->progress_ctx, word, done, w->layers)) return LOCI_OK;
  return fail(err, LOCI_ECANCELLED, "cancelled in layer %d", (int)done);
}

/* In chunks, because the inner rows are the widest of all; joiners at mlp_post come with the first.
 */
static loci_status mlp(walk *w, const decoder_layer *weights, int layer, const walk_hooks *hooks,
                       loci_err *err) {
  int64_t n = w->rows.upto[STAGE_RESID_MID], more = w->rows.upto[STAGE_MLP_POST] - n;
  for (int64_t first = 0; first < n; first += w->chunk) {
    int64_t rows = n - first < w->chunk ? n - first : w->chunk;
    if (first > 0) TRY(walk_report(w, hooks, "walk", layer + (double)first / (double)n, err));
    w->a->beside = rows_beside(w, layer) + n - rows;
    TRY(mlp_chunk(w, weights, layer, first, rows, more, err));
  }
  w->a->beside = 0;
  TRY(norm_branch(w, &weights->mlp_norm, TAPE_MLP, layer, n + more, err));
  TRY(join_rows(w, STAGE_MLP_OUT, w->delta, w->c->width, err));
  visit_rows(w, LOCI_SITE_MLP_OUT, layer, w->delta, w->rows.upto[STAGE_MLP_OUT]);
  add_delta(w, w->rows.upto[STAGE_MLP_OUT]);
  add_part(w, layer);
  TRY(join_rows(w, STAGE_RESID_POST, NULL, 0, err));
  visit_resid(w, LOCI_SITE_RESID_POST, layer, w->rows.upto[STAGE_RESID_POST]);
  return LOCI_OK;
}

void read_layer(walk *w, int layer, int next) {
  work_kind before = work_begin(w->a, WORK_READ);
  reader_wait(w->reader, layer);
  if (next >= 0) reader_ask(w->reader, next);
  work_end(w->a, before);
}

void leave_layer(const walk *w, int layer) {
  if (w->model->release) checkpoint_release_layer(w->model->weights, layer);
}

/* Copies the rows that are wanted after the layer. */
static void keep_wanted(walk *w, int layer) {
  for (int64_t i = 0; w->kept > 0 && i < w->wants.count; i++) {
    const want_item *want = &w->wants.at[i];
    if (want->kept < 0 || want->layer != layer) continue;
    int64_t at = row_index(w, want->stream, want->position, layer, STAGE_RESID_POST);
    rows_copy(&w->a->rows, resid_rows(w, &want->kept), resid_rows(w, &w->rows.at[at].slot), 1,
              w->c->width);
  }
}

/* A row counts once for all the layer's products; rows that lend keys and values count too. */
loci_status walk_layer(walk *w, int layer, const walk_hooks *hooks, loci_err *err) {
  const decoder_layer *weights = &w->model->weights->layers[layer];
  rows_of_layer(w, layer);
  TRY(walk_report(w, hooks, "walk", layer, err));
  if (cross_is_idle(w, layer)) {
    read_layer(w, layer, layer + 1 < w->layers ? layer + 1 : -1);
    keep_wanted(w, layer);
    leave_layer(w, layer);
    return LOCI_OK;
  }
  compute_follow(w->a, (watch){hooks->progress, hooks->progress_ctx}, "walk", layer, w->layers);
  read_layer(w, layer, layer + 1 < w->layers ? layer + 1 : -1);
  visit_resid(w, LOCI_SITE_RESID_PRE, layer, w->rows.upto[STAGE_START]);
  tape_keep(w, TAPE_PRE, layer);
  TRY(attention(w, weights, layer, err));
  TRY(mlp(w, weights, layer, hooks, err));
  keep_wanted(w, layer);
  leave_layer(w, layer);
  w->row_count += w->rows.upto[STAGE_MLP_POST] + w->rows.kv_only;
  return LOCI_OK;
}
