/* Gradients against the reference's: of log p at the last position of the corrupted run
 * (attribution), and of the loss that an edit minimises, at the position whose MLP output it moves
 * (edit-0). */
#include "model/branch_norm.h"
#include "oracle_test.h"

#include "tensor/backward.h"
#include "walk/grad.h"

enum { SITES = 3, MOST_TARGETS = 8 };
static const loci_site sites[SITES] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT, LOCI_SITE_RESID_POST};

/* The loss: sum over the target's tokens of weight * log p. */
typedef struct loss {
  int target[MOST_TARGETS], count, V;
  double weight;
  double value;
} loss;

static void slope(void *ctx, int64_t index, const float *logits, float *out) {
  loss *l = ctx;
  l->value += l->weight * logp_backward(out, logits, l->V, l->target[index], l->weight);
}

static void ignore(void *ctx, int64_t index, const float *logits) {
  (void)ctx;
  (void)index;
  (void)logits;
}

/* Input rows of the prompt with the constraint's tokens replaced by [ids] of the case. */
static float *rows_of(oracle *o, const int *replaced, int count) {
  const loci_prompt *p = o->prompt;
  int64_t W = input_width(model_decoder(p->model));
  float *rows = arena_array(o->mem, p->info.length * W, float);
  assert_non_null(rows);
  memcpy(rows, p->embeds, (size_t)(p->info.length * W) * sizeof *rows);
  for (int c = 0; c < p->info.constraint_count; c++) {
    for (int i = 0; i < p->info.constraints[c].count; i++) {
      int64_t at = p->info.constraints[c].first + i;
      assert_true(embed_token(p->model, replaced[i % count], rows + at * W));
    }
  }
  return rows;
}

static void check_attribution(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, "attribution");
  int L = m->info.layers, T = o.prompt->info.length, s;
  int64_t D = m->info.width;
  loci_err err;
  assert_string_equal(oracle_text(oracle_member(o.json, "kind")), "replace:Paris");
  stand_in paris;
  assert_ok(replacement_ids(o.prompt, &o.prompt->info.constraints[0], "Paris", o.mem, &paris, &err),
            err);
  float *rows = rows_of(&o, paris.ids, paris.count),
        *grads = arena_array(o.mem, SITES * L * D, float);
  assert_non_null(grads);
  walk *w;
  input in = prompt_input(o.prompt);
  in.rows = rows;
  assert_ok(walk_new_back(m, &w, &err), err);
  assert_ok(walk_root(w, in, &s, &err), err);
  assert_ok(walk_want(w, s, T - 1, &err), err);
  for (int i = 0; i < SITES * L; i++) {
    walk_span last = {T - 1, 1};
    assert_ok(walk_grad(w, s, sites[i / L], i % L, last, grads + i * D, &err), err);
  }
  loss l = {.target = {oracle_int(js_at(oracle_member(o.json, "target"), 0))},
            .V = m->info.vocab,
            .weight = 1};
  assert_ok(walk_run(w, &(walk_hooks){.logits = ignore}, &err), err);
  assert_ok(walk_backward(w, slope, &l, NULL, &err), err);
  double logp = oracle_real(oracle_member(oracle_member(o.json, "corrupted"), "logp"));
  oracle_near(&o, "logp", 0, l.value, logp, ORACLE_TOLERANCE * fabs(logp));
  oracle_all_near(&o, "grad_logp_last", grads, oracle_get(&o, "grad_logp_last").data,
                  SITES * L * D);
  walk_free(w);
  oracle_close(&o);
  loci_model_close(m);
}

/* The reference's is of what the MLP gives, before the norm that comes after it. */
static void through_norm(const oracle *o, const char *model, int layer, int key, float *grad) {
  const loci_model *m = o->prompt->model;
  int64_t D = m->info.width;
  oracle forward = oracle_open(m, model, "forward");
  branch_norm norm;
  loci_err err;
  float *none = arena_zarray(o->mem, D, float);
  assert_non_null(none);
  assert_ok(branch_norm_of(m, &m->weights->layers[layer].mlp_norm, o->mem, &norm, &err), err);
  int64_t T = o->prompt->info.length;
  const float *raw = oracle_get(&forward, "mlp_raw").data + (layer * T + key) * D;
  branch_norm_slope(&norm, raw, none, grad);
  oracle_close(&forward);
}

/* The loss of an edit: -(1/n) sum log p of the answer's tokens, teacher forced. */
static void check_edit(const char *name, const char *kind) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, kind);
  int T = o.prompt->info.length, s;
  int layer = oracle_int(oracle_member(o.json, "layer"));
  int key = oracle_int(oracle_member(o.json, "key_position"));
  int64_t D = m->info.width;
  loss l = {.V = m->info.vocab};
  l.count = oracle_ints(oracle_member(o.json, "target"), l.target, MOST_TARGETS);
  l.weight = -1.0 / l.count;
  int64_t W = input_width(model_decoder(m));
  float *rows = arena_array(o.mem, (T + l.count) * W, float), *grad = arena_array(o.mem, D, float);
  assert_true(rows && grad);
  memcpy(rows, o.prompt->embeds, (size_t)(T * W) * sizeof *rows);
  for (int i = 0; i + 1 < l.count; i++) {
    assert_true(embed_token(m, l.target[i], rows + (T + i) * W));
  }
  walk *w;
  loci_err err;
  const rope_place *places;
  assert_ok(walk_new_back(m, &w, &err), err);
  assert_ok(prompt_places(o.prompt, l.count - 1, o.mem, &places, &err), err);
  input in = prompt_input(o.prompt);
  in.rows = rows;
  in.count = T + l.count - 1;
  in.places = places;
  assert_ok(walk_root(w, in, &s, &err), err);
  for (int i = 0; i < l.count; i++) assert_ok(walk_want(w, s, T - 1 + i, &err), err);
  assert_ok(walk_grad(w, s, LOCI_SITE_MLP_OUT, layer, (walk_span){key, 1}, grad, &err), err);
  assert_ok(walk_run(w, &(walk_hooks){.logits = ignore}, &err), err);
  assert_ok(walk_backward(w, slope, &l, NULL, &err), err);
  double nll = oracle_real(js_at(oracle_member(o.json, "nll"), 0));
  oracle_near(&o, "nll", 0, l.value, nll, ORACLE_TOLERANCE * fabs(nll));
  /* the reference's is of what the layer's gate multiplies */
  double gate = cross_factor(&m->weights->layers[layer].cross.mlp_gate);
  for (int64_t i = 0; i < D; i++) grad[i] *= (float)gate;
  if (m->weights->layers[layer].mlp_norm.w.data) through_norm(&o, name, layer, key, grad);
  oracle_all_near(&o, "grad_0", grad, oracle_get(&o, "grad_0").data, D);
  walk_free(w);
  oracle_close(&o);
  loci_model_close(m);
}

#define TEST(id, name, has_image, cases)                                                           \
  static void gradients_of_##id(void **s) {                                                        \
    (void)s;                                                                                       \
    if ((cases) != ORACLE_FEW) check_attribution(name);                                            \
    check_edit(name, "edit-0");                                                                    \
    if ((cases) == ORACLE_ALL) check_edit(name, "edit-1");                                         \
    if (strcmp(name, "mllama") == 0) check_edit(name, "edit-cross");                               \
  }
ORACLE_MODELS(TEST)

#define ENTRY(id, name, has_image, cases) cmocka_unit_test(gradients_of_##id),

int main(void) {
  const struct CMUnitTest tests[] = {ORACLE_MODELS(ENTRY)};
  return cmocka_run_group_tests(tests, oracle_enter, NULL);
}
