/* Numbers of a trace: bf16 beside f32 on the demonstration model, and checkpoints with NaN or
 * infinite weights, which must end in a sentence and never in a picture. */
#include "base/file.h"
#include "study/traces_test.h"
#include "tensor/product.h"

#define FLAGS LOCI_SOURCE_DIR "/models/flags"

static loci_prompt *flag_question(const loci_model *m) {
  static const char *const constraint = "this country";
  loci_question q = {.size = sizeof q,
                     .image = FLAGS "/images/ukraine.png",
                     .text = "What is the capital of this country?",
                     .constraints = &constraint,
                     .constraint_count = 1};
  loci_prompt *p;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

static void effects_in_bf16_are_those_in_f32(void **state) {
  (void)state;
  if (!product_has_bf16()) skip();
  static const loci_precision precisions[] = {LOCI_PRECISION_F32, LOCI_PRECISION_BF16};
  loci_model *m[2];
  loci_prompt *p[2];
  loci_trace *t[2];
  for (int i = 0; i < 2; i++) {
    m[i] = open_with(FLAGS, precisions[i], 2);
    p[i] = flag_question(m[i]);
    t[i] = trace_of(
        m[i], p[i],
        (loci_trace_opts){.corrupt = "image:" FLAGS "/images/france.png",
                          .positions = "constraint,constraint-last,image,after-constraint,last"});
  }
  double sum = 0;
  int64_t n = 0;
  assert_int_equal(t[0]->target_ids[0], t[1]->target_ids[0]);
  for (int g = 0; g < t[0]->grid_count; g++) {
    for (int64_t k = 0; k < cells_of(&t[0]->grids[g]); k++, n++) {
      sum += fabs(t[0]->grids[g].ie[k] - t[1]->grids[g].ie[k]);
    }
  }
  assert_true(fabs(t[0]->total_effect) > 0.5); /* or the comparison would say little */
  if (!(sum / (double)n <= 0.01)) fail_msg("mean difference of %g", sum / (double)n);
  for (int i = 0; i < 2; i++) {
    loci_free(t[i]);
    loci_prompt_free(p[i]);
    loci_model_close(m[i]);
  }
}

/* ---------------------------------------------------------------- broken weights */

/* DIR/model.safetensors := text-llama's with number [at] of one tensor replaced. */
static void write_broken(const char *dir, const char *tensor, int64_t at, float value) {
  st_file *f;
  loci_err err;
  must(st_open(MODELS "text-llama/model.safetensors", &f, &err), &err);
  int64_t n = st_count(f), found = 0;
  st_tensor *all = calloc((size_t)n, sizeof *all);
  assert_non_null(all);
  uint8_t *changed = NULL;
  for (int64_t i = 0; i < n; i++) {
    all[i] = *st_at(f, i);
    if (strcmp(all[i].name, tensor) != 0) continue;
    found++;
    changed = malloc((size_t)all[i].bytes);
    assert_non_null(changed);
    memcpy(changed, all[i].data, (size_t)all[i].bytes);
    memcpy(changed + at * 4, &value, sizeof value);
    all[i].data = changed;
  }
  assert_int_equal(found, 1);
  char path[300];
  snprintf(path, sizeof path, "%s/model.safetensors", dir);
  must(st_write(path, all, n, NULL, &err), &err);
  free(changed);
  free(all);
  st_close(f);
}

static const char *const others[] = {"config.json", "generation_config.json", "tokenizer.json",
                                     "tokenizer_config.json", "special_tokens_map.json"};

static void copy_others(const char *dir) {
  for (int i = 0; i < 5; i++) {
    char from[500], to[300], *text;
    size_t n;
    loci_err err;
    snprintf(from, sizeof from, "%stext-llama/%s", MODELS, others[i]);
    snprintf(to, sizeof to, "%s/%s", dir, others[i]);
    must(file_read(from, 1 << 24, &text, &n, &err), &err);
    must(file_write(to, text, n, &err), &err);
    free(text);
  }
}

static void remove_all(const char *dir) {
  char path[300];
  for (int i = 0; i < 5; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, others[i]);
    assert_int_equal(unlink(path), 0);
  }
  snprintf(path, sizeof path, "%s/model.safetensors", dir);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rmdir(dir), 0);
}

static void assert_both_refuse(const char *dir, const char *tensor) {
  loci_model *m = open_with(dir, LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  loci_answer *answer = NULL;
  loci_trace *trace = NULL;
  loci_err err = {LOCI_OK, ""};
  loci_status st = loci_ask(m, p, 3, NULL, NULL, &answer, &err);
  if (st != LOCI_EFORMAT || !strstr(err.msg, "not finite")) {
    fail_msg("ask with a broken %s: %s, %s", tensor, loci_status_name(st), err.msg);
  }
  st = loci_trace_new(m, p, NULL, &trace, &err);
  if (st != LOCI_EFORMAT || !strstr(err.msg, "not finite")) {
    fail_msg("trace with a broken %s: %s, %s", tensor, loci_status_name(st), err.msg);
  }
  assert_true(answer == NULL && trace == NULL);
  loci_prompt_free(p);
  loci_model_close(m);
}

static void nan_and_infinite_weights_are_said_so(void **state) {
  (void)state;
  static const char *const tensors[] = {
      "lm_head.weight",
      "model.norm.weight",
      "model.layers.0.input_layernorm.weight",
      "model.layers.2.post_attention_layernorm.weight",
      "model.layers.1.self_attn.q_proj.weight",
      "model.layers.1.self_attn.k_proj.weight",
      "model.layers.4.self_attn.v_proj.weight",
      "model.layers.4.self_attn.o_proj.weight",
      "model.layers.3.mlp.gate_proj.weight",
      "model.layers.3.mlp.up_proj.weight",
      "model.layers.0.mlp.down_proj.weight",
  };
  char dir[] = "/tmp/loci-broken-test-XXXXXX";
  assert_non_null(mkdtemp(dir));
  copy_others(dir);
  for (int i = 0; i < 11; i++) {
    bool scores = strstr(tensors[i], "k_proj") != NULL; /* where a softmax might lose a NaN */
    for (int k = 0; k < (scores ? 4 : 2); k++) {
      if (k >= 2) setenv("LOCI_KERNELS", "ref", 1);
      write_broken(dir, tensors[i], 7, k % 2 ? NAN : INFINITY);
      assert_both_refuse(dir, tensors[i]);
      unsetenv("LOCI_KERNELS");
    }
  }
  remove_all(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(effects_in_bf16_are_those_in_f32),
      cmocka_unit_test(nan_and_infinite_weights_are_said_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
