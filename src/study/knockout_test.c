/* Knockout: laws, what it costs, and requests that make no sense. */
#include "study/traces_test.h"

#include "walk/logits.h"
#include "walk/target.h"
#include "walk/walk.h"

static loci_knockout *knockout_of(loci_model *m, const loci_prompt *p, loci_knockout_opts o) {
  o.size = sizeof o;
  loci_knockout *k;
  loci_err err;
  o.no_hash = true;
  must(loci_knockout_new(m, p, &o, &k, &err), &err);
  return k;
}

static const loci_metrics *cell_of(const loci_knockout *k, int pathway, int centre) {
  assert_true(pathway < k->pathway_count && centre < k->pathways[pathway].layer_count);
  return &k->pathways[pathway].cells[centre];
}

/* ---------------------------------------------------------------- laws */

typedef struct last_row {
  int64_t V;
  int target;
  double logp;
} last_row;

static void read_row(void *ctx, int64_t index, const float *logits) {
  last_row *r = ctx;
  (void)index;
  r->logp = (double)logits[r->target] - log_sum_exp(logits, r->V);
}

/* log p of the target in a run of its own, image -> constraint cut in the layers [begin, end). */
static double masked_root(const loci_prompt *p, int id, int begin, int end) {
  last_row r = {p->model->info.vocab, id, 0};
  int s, T = p->info.length;
  walk *w;
  loci_err err;
  must(walk_new(p->model, &w, &err), &err);
  must(walk_root(w, prompt_input(p), &s, &err), &err);
  for (int l = begin; l < end; l++) {
    for (int c = 0; c < p->info.constraint_count; c++) {
      const loci_constraint *k = &p->info.constraints[c];
      for (int q = k->first; q < k->first + k->count; q++) {
        must(walk_mask(w, s, l, q, p->info.image_first, p->info.image_count, &err), &err);
      }
    }
  }
  must(walk_want(w, s, T - 1, &err), &err);
  must(walk_run(w, &(walk_hooks){.logits = read_row, .logits_ctx = &r}, &err), &err);
  walk_free(w);
  return r.logp;
}

typedef struct answer_rows {
  const target *t;
  int64_t V;
  double logp;
  int top;
} answer_rows;

static void add_row(void *ctx, int64_t index, const float *logits) {
  answer_rows *r = ctx;
  if (index == 0) r->top = argmax_of(logits, r->V, -1);
  r->logp += (double)logits[r->t->ids[index]] - log_sum_exp(logits, r->V);
}

/* log p of the answer in a run of its own: from a layer on no later row sees the picture's. */
static answer_rows hidden_from(const loci_prompt *p, const target *t, int layer) {
  answer_rows r = {t, p->model->info.vocab, 0, -1};
  const loci_prompt_info *x = &p->info;
  int s, end = x->image_first + x->image_count;
  walk *w;
  loci_err err;
  must(walk_new(p->model, &w, &err), &err);
  must(walk_root(w, target_input(t), &s, &err), &err);
  for (int l = layer; l < p->model->info.layers; l++)
    for (int q = end; q < t->length; q++)
      must(walk_mask(w, s, l, q, x->image_first, x->image_count, &err), &err);
  for (int i = 0; i < t->count; i++) must(walk_want(w, s, x->length - 1 + i, &err), &err);
  must(walk_run(w, &(walk_hooks){.logits = add_row, .logits_ctx = &r, .ordered = (int64_t)t->count},
                &err),
       &err);
  walk_free(w);
  return r;
}

/* Redundancy of the picture's rows: one branch a layer, each equal to a masked run of its own; an
 * answer's tokens do not see the picture either. */
static void rows_may_be_hidden_from_a_layer_on(void **state) {
  (void)state;
  static const loci_edges path = {"image", "after-image"};
  const char *const answers[] = {NULL, "the old harbour"};
  loci_model *m = open_with("bunny-siglip-phi", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  for (int a = 0; a < 2; a++) {
    loci_knockout_opts o = {
        .answer = answers[a], .pathways = &path, .pathway_count = 1, .window = LOCI_ONWARD};
    loci_knockout *k = knockout_of(m, p, o);
    arena *mem = arena_new();
    target t;
    loci_err err;
    must(target_make(p, answers[a], mem, &t, &err), &err);
    for (int i = 0; i < t.count; i++) t.ids[i] = k->target_ids[i];
    assert_int_equal(k->pathways[0].window, 0);
    assert_int_equal(k->pathways[0].to_count, t.length - p->info.image_first - p->info.image_count);
    assert_int_equal(k->pathways[0].layer_count, m->info.layers);
    double most = 0;
    for (int l = 0; l < m->info.layers; l++) {
      answer_rows r = hidden_from(p, &t, l);
      double d = fabs(cell_of(k, 0, l)->logp - r.logp);
      if (!(d <= most)) most = d;
      assert_int_equal(k->pathways[0].top_ids[l], r.top);
      assert_true(fabs(k->clean.m.logp - r.logp) > 1e-6 || l > 0);
    }
    assert_true(most < 1e-4); /* f32 rounding of two walks of other shapes */
    assert_true(k->cost.rows <= k->cost.formula);
    arena_free(mem);
    loci_free(k);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

/* log p with image -> last cut in three layers. */
static double cut_in(const loci_prompt *p, int id, const int *layers, int count) {
  last_row r = {p->model->info.vocab, id, 0};
  int s, T = p->info.length;
  walk *w;
  loci_err err;
  must(walk_new(p->model, &w, &err), &err);
  must(walk_root(w, prompt_input(p), &s, &err), &err);
  for (int i = 0; i < count; i++)
    must(walk_mask(w, s, layers[i], T - 1, p->info.image_first, p->info.image_count, &err), &err);
  must(walk_want(w, s, T - 1, &err), &err);
  must(walk_run(w, &(walk_hooks){.logits = read_row, .logits_ctx = &r}, &err), &err);
  walk_free(w);
  return r.logp;
}

/* Each control is a masked run of its own, of as many layers as the window has. */
static void controls_are_masked_runs(void **state) {
  (void)state;
  static const loci_edges path = {"image", "last"};
  loci_model *m = open_with("bunny-siglip-phi", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  loci_knockout_opts o = {
      .pathways = &path, .pathway_count = 1, .window = 2, .controls = 12, .seed = 3};
  loci_knockout *k = knockout_of(m, p, o), *again = knockout_of(m, p, o);
  const loci_pathway *x = &k->pathways[0];
  assert_int_equal(x->control_count, 12);
  double sum = 0;
  int others = 0;
  for (int c = 0; c < 12; c++) {
    const int *layers = x->control_layers + 2 * c;
    double want = exp(cut_in(p, k->target_ids[0], layers, 2));
    assert_true(layers[0] != layers[1]);
    assert_true(fabs(x->control_p[c] - want) < 1e-5); /* f32 rounding of walks of other shapes */
    sum += x->control_p[c];
    others += memcmp(layers, x->control_layers, 2 * sizeof *layers) != 0;
    assert_memory_equal(layers, again->pathways[0].control_layers + 2 * c, 2 * sizeof *layers);
  }
  assert_true(others > 0 && fabs(x->control_mean - sum / 12) < 1e-12);
  for (int l = 0; l < x->layer_count; l++) {
    int low = 1;
    for (int c = 0; c < 12; c++) low += x->control_p[c] <= x->cells[l].p;
    assert_true(fabs(x->control_value[l] - low / 13.0) < 1e-12);
  }
  loci_free(k);
  loci_free(again);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* All layers at once, whichever way they are asked for: the masked run's, and one run's cost. */
static void a_full_window_is_a_masked_run(void **state) {
  (void)state;
  static const loci_edges path = {"image", "constraint"};
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  int L = m->info.layers, T = p->info.length, first = p->info.constraints[0].first;
  int queries = p->info.constraints[0].count + p->info.constraints[1].count;
  loci_knockout_opts o = {
      .size = sizeof o, .pathways = &path, .pathway_count = 1, .window = LOCI_ALL_LAYERS};
  loci_knockout *all = knockout_of(m, p, o);
  o.window = 2 * L;
  loci_knockout *wide = knockout_of(m, p, o);
  double want = masked_root(p, all->target_ids[0], 0, L);
  /* f32 sums of a run against those of its difference from the clean run */
  assert_float_equal(cell_of(all, 0, 0)->logp, want, 1e-4);
  assert_true(fabs(want - all->clean.m.logp) > 1e-3); /* it does change something */
  assert_int_equal(all->pathways[0].layer_count, 1);
  assert_int_equal(all->pathways[0].window, L);
  assert_int_equal(wide->pathways[0].layer_count, L);
  for (int i = 0; i < L; i++) {
    assert_memory_equal(cell_of(wide, 0, i), cell_of(all, 0, 0), sizeof(loci_metrics));
  }
  assert_int_equal(all->cost.rows, T * L + queries + (T - first) * (L - 1));
  assert_int_equal(wide->cost.rows, all->cost.rows);
  loci_free(all);
  loci_free(wide);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* Cuts that nothing reads: a query that is not the last, in the last layer.  The clean run's
 * numbers, and no row. */
static void cutting_nothing_changes_nothing(void **state) {
  (void)state;
  static const loci_edges path = {"image", "constraint"};
  loci_model *m = open_with("llava-siglip-phi", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  int L = m->info.layers;
  loci_knockout_opts o = {.size = sizeof o,
                          .pathways = &path,
                          .pathway_count = 1,
                          .window = 1,
                          .first_layer = L - 1,
                          .layer_count = 1};
  loci_knockout *k = knockout_of(m, p, o);
  assert_true(k->pathways[0].skipped[0]);
  assert_memory_equal(cell_of(k, 0, 0), &k->clean.m, sizeof(loci_metrics));
  assert_int_equal(k->cost.rows, (int64_t)p->info.length * L);
  double want = masked_root(p, k->target_ids[0], L - 1, L);
  assert_float_equal(want, k->clean.m.logp, 1e-5); /* f32 products of other shapes */
  loci_free(k);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- cost */

/* By the definition: a run needs its queries in its first layer and every row from the first of
 * them on above it; in the last layer only the last position's cut counts. */
static int64_t rows_by_hand(const loci_prompt *p, int length, int window) {
  int L = p->model->info.layers, T = p->info.length, first = p->info.constraints[0].first;
  int queries = p->info.constraints[0].count + p->info.constraints[1].count;
  int to_last = p->info.image_first >= 0 ? 3 : 2, to_constraint = to_last - 2;
  int64_t rows = (int64_t)length * L;
  for (int centre = 0; centre < L; centre++) {
    int begin = centre - window / 2 < 0 ? 0 : centre - window / 2;
    rows += to_last * (1 + (int64_t)(length - (T - 1)) * (L - 1 - begin));
    if (begin == L - 1) continue;
    rows += to_constraint * (queries + (int64_t)(length - first) * (L - 1 - begin));
  }
  return rows;
}

static void check_rows(const char *name, const char *image, const char *answer, int window) {
  loci_model *m = open_with(name, LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, image);
  loci_knockout *k = knockout_of(m, p, (loci_knockout_opts){.window = window, .answer = answer});
  int64_t want = rows_by_hand(p, p->info.length + k->target_count - 1, window);
  assert_int_equal(k->pathway_count, image ? 4 : 2);
  assert_int_equal(k->cost.rows, want);
  assert_int_equal(k->cost.formula, want);
  loci_free(k);
  loci_prompt_free(p);
  loci_model_close(m);
}

static void only_what_changes_is_computed(void **state) {
  (void)state;
  for (int window = 1; window <= 3; window++) { /* wider ones share runs at the borders */
    check_rows("llava-clip-llama", PICTURE, NULL, window);
    check_rows("bunny-siglip-phi", PICTURE, "the old harbour", window);
    check_rows("text-llama", NULL, NULL, window);
    check_rows("llava-siglip-phi", NULL, NULL, window); /* asked without its picture */
  }
}

/* Little memory: several walks, the same numbers. */
static void batches_change_nothing(void **state) {
  (void)state;
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  loci_knockout *one = knockout_of(m, p, (loci_knockout_opts){0});
  m->memory = walk_fixed_bytes(m, p->info.length) + (p->info.length + 90) * walk_row_bytes(m);
  loci_knockout *many = knockout_of(m, p, (loci_knockout_opts){0});
  assert_true(many->cost.rows >= one->cost.rows + p->info.length * m->info.layers);
  for (int a = 0; a < one->pathway_count; a++) {
    for (int i = 0; i < one->pathways[a].layer_count; i++) {
      /* f32 products of other shapes may round differently */
      assert_float_equal(cell_of(one, a, i)->logp, cell_of(many, a, i)->logp, 1e-5);
      assert_float_equal(cell_of(one, a, i)->kl, cell_of(many, a, i)->kl, 1e-5);
    }
  }
  m->memory = walk_fixed_bytes(m, p->info.length);
  loci_knockout *none;
  loci_err err;
  assert_int_equal(loci_knockout_new(m, p, NULL, &none, &err), LOCI_ENOMEM);
  assert_null(none);
  loci_free(one);
  loci_free(many);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- requests that make no sense */

static void refuse(loci_model *m, const loci_prompt *p, loci_knockout_opts o, const char *why) {
  o.size = sizeof o;
  loci_knockout *k;
  loci_err err;
  assert_int_equal(loci_knockout_new(m, p, &o, &k, &err), LOCI_EINVAL);
  assert_null(k);
  if (!strstr(err.msg, why)) fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
}

static void refuse_edges(loci_model *m, const loci_prompt *p, const char *from, const char *to,
                         const char *why) {
  const loci_edges e = {from, to};
  refuse(m, p, (loci_knockout_opts){.pathways = &e, .pathway_count = 1}, why);
}

static loci_prompt *ask_plainly(const loci_model *m, const char *text) {
  loci_question q = {.size = sizeof q, .text = text, .template_name = "raw"};
  loci_prompt *p;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

static void nonsense_is_refused_in_a_sentence(void **state) {
  (void)state;
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_model *text = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE), *q = ask_about(text, NULL), *r = ask_about(m, NULL);
  loci_prompt *bare = ask_plainly(text, "The bridge");
  int L = m->info.layers;
  refuse_edges(m, p, "images", "last", "unknown group \"images\"");
  refuse_edges(m, p, NULL, "last", "unknown group");
  refuse_edges(m, p, "last", "image", "last -> image has no edges");
  refuse_edges(text, q, "image", "last", "the group image is empty: the model reads text only");
  refuse_edges(m, r, "image", "last", "the group image is empty: the question has no picture");
  refuse_edges(text, bare, "constraint", "last", "the question has no constraint");
  refuse_edges(text, bare, "last", "after-constraint", "the question has no constraint");
  refuse(m, p, (loci_knockout_opts){.first_layer = L}, "the model has layers 0 to");
  refuse(m, p, (loci_knockout_opts){.layer_count = L + 1}, "the model has layers 0 to");
  refuse(m, p, (loci_knockout_opts){.window = 2 * L + 1}, "window 11: expected 1 to 10 layers");
  refuse(m, p, (loci_knockout_opts){.window = -3}, "window -3");
  refuse(m, p, (loci_knockout_opts){.window = LOCI_ALL_LAYERS, .first_layer = 1}, "no centres");
  refuse(m, p, (loci_knockout_opts){.constraint = 3}, "constraint 3: the question has 2");
  refuse(text, p, (loci_knockout_opts){0}, "model");
  loci_knockout *k = knockout_of(text, bare, (loci_knockout_opts){0});
  assert_int_equal(k->pathway_count, 1); /* last -> last is always there */
  loci_free(k);
  loci_prompt_free(p);
  loci_prompt_free(q);
  loci_prompt_free(r);
  loci_prompt_free(bare);
  loci_model_close(m);
  loci_model_close(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_full_window_is_a_masked_run),
      cmocka_unit_test(rows_may_be_hidden_from_a_layer_on),
      cmocka_unit_test(controls_are_masked_runs),
      cmocka_unit_test(cutting_nothing_changes_nothing),
      cmocka_unit_test(only_what_changes_is_computed),
      cmocka_unit_test(batches_change_nothing),
      cmocka_unit_test(nonsense_is_refused_in_a_sentence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
