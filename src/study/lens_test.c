/* The logit lens: laws, ranks, and requests that make no sense. */
#include "study/traces_test.h"

#include "walk/logits.h"

static loci_lens *lens_of(loci_model *m, const loci_prompt *p, loci_lens_opts o) {
  o.size = sizeof o;
  loci_lens *l;
  loci_err err;
  o.no_hash = true;
  must(loci_lens_new(m, p, &o, &l, &err), &err);
  return l;
}

/* Log p, p and rank of the target in one row of logits, the plain way. */
static void check_cell(const loci_lens_cell *c, const float *logits, int V, int target) {
  double logp = (double)logits[target] - log_sum_exp(logits, V);
  int rank = 1;
  for (int i = 0; i < V; i++) rank += logits[i] > logits[target];
  /* f32 products of other shapes round differently */
  assert_float_equal(c->logp, logp, 1e-4);
  assert_float_equal(c->p, exp(logp), 1e-5);
  assert_int_equal(c->rank, rank);
  assert_int_equal(c->top[0].id, argmax_of(logits, V, -1));
}

/* What is read after layer l is what the model says when the layers above add nothing: everywhere,
 * for the last layer without any patch. */
static void check_model(const char *name, const char *image, const char *answer) {
  loci_model *m = open_with(name, LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, image);
  loci_lens *l = lens_of(m, p, (loci_lens_opts){.positions = "each", .answer = answer});
  int L = m->info.layers, T = p->info.length, V = m->info.vocab, D = m->info.width;
  float *zeros = calloc((size_t)T * (size_t)D, sizeof *zeros);
  loci_err err;
  assert_non_null(zeros);
  assert_int_equal(l->position_count, T);
  assert_int_equal(l->cost.rows, (int64_t)T * L);
  for (int layer = 0; layer < L; layer++) {
    loci_run *r;
    loci_view v;
    must(loci_run_new(m, p, &r, &err), &err);
    for (int above = layer + 1; above < L; above++) {
      loci_patch patch = {.layer = above, .count = T, .values = zeros};
      patch.site = LOCI_SITE_ATTN_OUT;
      must(loci_run_patch(r, &patch, &err), &err);
      patch.site = LOCI_SITE_MLP_OUT;
      must(loci_run_patch(r, &patch, &err), &err);
    }
    must(loci_run_record(r, LOCI_SITE_LOGITS, 0, &err), &err);
    must(loci_run_forward(r, NULL, NULL, &err), &err);
    must(loci_run_get(r, LOCI_SITE_LOGITS, 0, &v, &err), &err);
    for (int t = 0; t < T; t++) {
      check_cell(&l->cells[t * L + layer], v.data + (int64_t)t * V, V, l->target_id);
    }
    loci_run_free(r);
  }
  if (!answer) assert_int_equal(l->cells[T * L - 1].rank, 1);
  assert_int_equal(l->clean[0].id, l->cells[T * L - 1].top[0].id);
  free(zeros);
  loci_free(l);
  loci_prompt_free(p);
  loci_model_close(m);
}

static void a_cell_is_the_model_without_the_layers_above(void **state) {
  (void)state;
  check_model("llava-clip-llama", PICTURE, NULL);
  check_model("bunny-siglip-phi", PICTURE, "the old harbour");
  check_model("text-llama", NULL, NULL);
}

static void positions_and_layers_are_those_asked_for(void **state) {
  (void)state;
  loci_model *m = open_with("llava-siglip-phi", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  int T = p->info.length;
  loci_lens *all = lens_of(m, p, (loci_lens_opts){.positions = "each"});
  loci_lens *usual = lens_of(m, p, (loci_lens_opts){0});
  loci_lens *some = lens_of(
      m, p, (loci_lens_opts){.positions = "last,3,image,3", .first_layer = 1, .layer_count = 2});
  assert_int_equal(usual->position_count, 3); /* two constraints */
  assert_int_equal(usual->positions[2], T - 1);
  assert_int_equal(some->position_count, p->info.image_count + 1);
  assert_int_equal(some->layers[0], 1);
  assert_int_equal(some->layer_count, 2);
  for (int i = 0; i < some->position_count; i++) {
    const loci_lens_cell *x = &some->cells[2 * i], *y;
    y = &all->cells[some->positions[i] * all->layer_count + 1];
    assert_float_equal(x->logp, y->logp, 1e-5); /* f32 products of other shapes */
    assert_int_equal(x->top[0].id, y->top[0].id);
  }
  loci_free(all);
  loci_free(usual);
  loci_free(some);
  loci_prompt_free(p);
  loci_model_close(m);
}

static void refuse(loci_model *m, const loci_prompt *p, loci_lens_opts o, const char *why) {
  o.size = sizeof o;
  loci_lens *l;
  loci_err err;
  assert_int_equal(loci_lens_new(m, p, &o, &l, &err), LOCI_EINVAL);
  assert_null(l);
  if (!strstr(err.msg, why)) fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
}

static void nonsense_is_refused_in_a_sentence(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  static const char *const wrong[] = {"", "last,", "lst", "-1", "1x", "3-5"};
  for (int i = 0; i < 6; i++) {
    refuse(m, p, (loci_lens_opts){.positions = wrong[i]}, "unknown group");
  }
  refuse(m, p, (loci_lens_opts){.positions = "99"}, "position 99: the sequence has positions 0 to");
  refuse(m, p, (loci_lens_opts){.positions = "99999999999999999999"}, "the sequence has positions");
  refuse(m, p, (loci_lens_opts){.positions = "image"},
         "the group image is empty: the model reads text only");
  refuse(m, p, (loci_lens_opts){.first_layer = 99}, "the model has layers 0 to");
  refuse(m, p, (loci_lens_opts){.layer_count = 99}, "the model has layers 0 to");
  refuse(m, p, (loci_lens_opts){.constraint = 3}, "constraint 3: the question has 2");
  loci_prompt_free(p);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_cell_is_the_model_without_the_layers_above),
      cmocka_unit_test(positions_and_layers_are_those_asked_for),
      cmocka_unit_test(nonsense_is_refused_in_a_sentence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
