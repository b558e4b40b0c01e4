/* Keys and values of rows outside of the sequence (see sources.h), layer by layer:
 *
 *   k = N(W_k s), every head normalised by itself;  v = W_v s        no rotation: s has no place */
#include "model/sources.h"

#include <math.h>
#include <string.h>

#include "model/compute.h"
#include "tensor/attention.h"

typedef struct making {
  compute *a;
  const checkpoint *c;
  const void *operand;
  float *k, *v; /* (P, heads K) */
} making;

static kv_stretch place_of(const source_rows *s, const decoder_config *c, int number, int head) {
  int64_t at = (int64_t)number * c->kv_heads + head;
  return (kv_stretch){s->keys + at * key_floats(s->count, c->head_dim),
                      packed_values(s->values + at * value_floats(s->count, c->head_dim), s->count),
                      0, s->count};
}

kv_stretch sources_at(const source_rows *s, const decoder_config *c, int layer, int head) {
  return place_of(s, c, s->number[layer], head);
}

bool sources_same(const source_rows *a, const source_rows *b, const decoder_config *c) {
  if (a == b) return true;
  if (!a || !b || a->count != b->count || a->seen != b->seen || a->from != b->from) return false;
  int64_t heads = 0;
  for (int l = 0; l < c->layers; l++) heads += a->number[l] >= 0 ? c->kv_heads : 0;
  size_t keys = (size_t)(heads * key_floats(a->count, c->head_dim)) * sizeof(float);
  size_t values = (size_t)(heads * value_floats(a->count, c->head_dim)) * sizeof(float);
  return memcmp(a->keys, b->keys, keys) == 0 && memcmp(a->values, b->values, values) == 0;
}

double cross_factor(const weight *gate) {
  float g = 0;
  if (!gate->data) return 1;
  weight_row(gate, 0, &g);
  return tanh((double)g);
}

static loci_status make_layer(const making *x, const source_rows *s, int layer, loci_err *err) {
  const decoder_config *c = &x->c->config.text;
  const decoder_layer *w = &x->c->layers[layer];
  int G = c->kv_heads, K = c->head_dim;
  int64_t width = (int64_t)G * K;
  norm_spec spec = {.kind = c->norm, .eps = c->eps, .width = K};
  TRY(linear_forward(x->a, &w->k, x->k, x->operand, s->count, err));
  TRY(linear_forward(x->a, &w->v, x->v, x->operand, s->count, err));
  row_list heads = rows_f32(x->k, K, NULL);
  TRY(norm_forward(x->a, spec, &w->k_norm, heads, heads, (int64_t)s->count * G, err));
  for (int g = 0; g < G; g++) {
    int64_t at = (int64_t)s->number[layer] * G + g;
    pack_keys(s->keys + at * key_floats(s->count, K), 0, x->k + g * K, width, s->count, K);
    pack_values(s->values + at * value_floats(s->count, K), s->count, 0, x->v + g * K, width,
                s->count, K);
  }
  return LOCI_OK;
}

static loci_status make_all(compute *a, const checkpoint *c, const float *rows, source_rows *s,
                            loci_err *err) {
  const decoder_config *d = &c->config.text;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "preparing cross-attention");
  int64_t n = product_rows(s->count), width = (int64_t)d->kv_heads * d->head_dim;
  void *room = arena_zalloc(mem, operand_bytes(a, s->count, d->width), 1);
  making x = {a, c, room, arena_zarray(mem, n * width, float), arena_zarray(mem, n * width, float)};
  loci_status st = room && x.k && x.v ? LOCI_OK : fail_nomem(err, "preparing cross-attention");
  if (!st) {
    rows_copy(&a->rows, operand_rows(a, room, d->width, NULL), rows_f32(rows, d->width, NULL),
              s->count, d->width);
  }
  for (int l = 0; !st && l < d->layers; l++) {
    if (s->number[l] >= 0) st = make_layer(&x, s, l, err);
  }
  arena_free(mem);
  return st;
}

loci_status sources_new(dtype type, int threads, const checkpoint *c, const float *rows,
                        source_rows like, arena *mem, const source_rows **out, loci_err *err) {
  const decoder_config *d = &c->config.text;
  source_rows *s = arena_alloc(mem, 1, sizeof *s);
  int *number = arena_array(mem, d->layers, int), layers = 0;
  *out = NULL;
  if (!s || !number) return fail_nomem(err, "preparing cross-attention");
  for (int l = 0; l < d->layers; l++) number[l] = d->cross && d->cross[l] ? layers++ : -1;
  int64_t heads = (int64_t)layers * d->kv_heads;
  *s = like;
  s->number = number;
  s->keys = arena_zarray(mem, heads * key_floats(s->count, d->head_dim), float);
  s->values = arena_zarray(mem, heads * value_floats(s->count, d->head_dim), float);
  if (!s->keys || !s->values) return fail_nomem(err, "preparing cross-attention");
  compute *a;
  TRY(compute_new(type, threads, &a, err));
  loci_status st = make_all(a, c, rows, s, err);
  compute_free(a);
  if (!st) *out = s;
  return st;
}
