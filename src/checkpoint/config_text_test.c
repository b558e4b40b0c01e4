/* config.json of the text-only families: windows, norms, scales, caps and rotations of their own,
 * and what would be read otherwise than it is meant. */
#include <math.h>

#include "checkpoint/parse_test.h"

/* Gemma-2 slides in every other layer, Gemma-3 in all but every sixth, unless the layers are named.
 */
static void gemmas_slide_by_their_pattern(void **state) {
  static const struct {
    const char *config;
    const char *slides; /* layer by layer */
  } rows[] = {
      {"\"gemma2\",\"num_hidden_layers\":4", "1010"},
      {"\"gemma3_text\",\"num_hidden_layers\":7", "1111101"},
      {"\"gemma3_text\",\"num_hidden_layers\":4,\"sliding_window_pattern\":3", "1101"},
      {"\"gemma2\",\"num_hidden_layers\":2,\"layer_types\":[\"full_attention\",\"sliding_"
       "attention\"]",
       "01"},
      {"\"gemma2\",\"num_hidden_layers\":2,\"sliding_window\":null", "00"},
      {"\"qwen3\",\"num_hidden_layers\":3,\"use_sliding_window\":true,\"max_window_layers\":1",
       "011"},
      {"\"qwen3\",\"num_hidden_layers\":2,\"sliding_window\":9", "00"},
      {"\"phi3\",\"num_hidden_layers\":2", "00"},
      {"\"phi3\",\"num_hidden_layers\":2,\"sliding_window\":2047", "11"},
      {"\"mistral\",\"num_hidden_layers\":2", "11"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[200];
    model_config m;
    snprintf(text, sizeof text, "{\"model_type\":%s}", rows[i].config);
    expect(*state, text, &m);
    assert_int_equal(m.text.slides != NULL, strchr(rows[i].slides, '1') != NULL);
    for (int l = 0; l < m.text.layers; l++)
      assert_int_equal(m.text.slides && m.text.slides[l], rows[i].slides[l] == '1');
  }
}

static void gemmas_have_scales_and_caps(void **state) {
  model_config m;
  expect(*state, "{\"model_type\":\"gemma2\",\"query_pre_attn_scalar\":144}", &m);
  assert_true(fabs(m.text.attention_scale - 1.0 / 12) < 1e-15);
  assert_true(m.text.embed_scale == 48);
  assert_true(m.text.attention_cap == 50 && m.text.logit_cap == 30 && m.text.tied);
  assert_true(m.text.norm == NORM_RMS_PLUS_ONE && m.text.post_norms && !m.text.qk_norm);
  assert_true(m.text.act == ACT_GELU_TANH && m.text.local.theta == 0);
  expect(*state, "{\"model_type\":\"gemma2\",\"attn_logit_softcapping\":null}", &m);
  assert_true(m.text.attention_cap == 0 && m.text.logit_cap == 30);
  expect(*state,
         "{\"model_type\":\"gemma3_text\",\"attn_logit_softcapping\":50,\"rope_scaling\":"
         "{\"rope_type\":\"linear\",\"factor\":8.0}}",
         &m);
  assert_true(m.text.attention_cap == 0 && m.text.logit_cap == 0 && m.text.qk_norm);
  assert_true(m.text.rope.theta == 1e6 && m.text.rope.kind == ROPE_LINEAR);
  assert_true(m.text.local.theta == 1e4 && m.text.local.kind == ROPE_DEFAULT);
  expect(*state, "{\"model_type\":\"gemma3_text\",\"rope_local_base_freq\":500}", &m);
  assert_true(m.text.local.theta == 500);
}

static void gpt2_has_names_of_its_own(void **state) {
  model_config m;
  expect(*state, "{\"model_type\":\"gpt2\",\"n_embd\":40,\"n_head\":4,\"n_layer\":3}", &m);
  assert_true(m.text.width == 40 && m.text.inner == 160 && m.text.heads == 4);
  assert_true(m.text.kv_heads == 4 && m.text.head_dim == 10 && m.text.layers == 3);
  assert_true(m.text.position_table && m.text.tied && m.text.rotary_dim == 0 && !m.text.gated);
  assert_int_equal(m.max_length, 1024);
  expect(*state, "{\"model_type\":\"gpt2\",\"n_inner\":96,\"n_positions\":64}", &m);
  assert_true(m.text.inner == 96 && m.max_length == 64);
}

static void yarn_has_its_usual_numbers(void **state) {
  model_config m;
  expect(*state,
         "{\"model_type\":\"qwen2\",\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4.0,"
         "\"original_max_position_embeddings\":32768}}",
         &m);
  const rope_config *r = &m.text.rope;
  assert_true(r->kind == ROPE_YARN && r->low_freq == 1 && r->high_freq == 32 && !r->exact);
  assert_true(fabs(r->attention - (0.1 * log(4.0) + 1)) < 1e-15);
  assert_int_equal(r->original_max_positions, 32768);
  expect(*state,
         "{\"model_type\":\"qwen3\",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2,"
         "\"truncate\":false,\"attention_factor\":1.5,\"beta_fast\":16}}",
         &m);
  assert_true(r->attention == 1.5 && r->high_freq == 16 && r->exact);
  assert_int_equal(r->original_max_positions, 32768);
}

static void what_is_not_computed_is_refused(void **state) {
  static const char *const wrong[][2] = {
      {"{\"model_type\":\"gemma2\",\"num_hidden_layers\":3,\"layer_types\":[\"sliding_attention\"]"
       "}",
       "names 1 layers, the model has 3"},
      {"{\"model_type\":\"gemma2\",\"attn_logit_softcapping\":-1}", "more than 0"},
      {"{\"model_type\":\"gemma2\",\"final_logit_softcapping\":\"30\"}", "a number"},
      {"{\"model_type\":\"gemma2\",\"query_pre_attn_scalar\":0}", "more than 0"},
      {"{\"model_type\":\"gemma2\",\"sliding_window\":0}", "sliding_window"},
      {"{\"model_type\":\"gemma3_text\",\"sliding_window_pattern\":0}", "sliding_window_pattern"},
      {"{\"model_type\":\"gemma3_text\",\"use_bidirectional_attention\":true}",
       "rows that see what comes after"},
      {"{\"model_type\":\"gemma3_text\",\"rope_local_base_freq\":0}", "more than 0"},
      {"{\"model_type\":\"gemma2\",\"hidden_activation\":\"swiglu\"}", "\"swiglu\""},
      {"{\"model_type\":\"gpt2\",\"scale_attn_by_inverse_layer_idx\":true}",
       "scales of a layer's own"},
      {"{\"model_type\":\"gpt2\",\"scale_attn_weights\":false}", "scale_attn_weights"},
      {"{\"model_type\":\"gpt2\",\"add_cross_attention\":true}", "another sequence"},
      {"{\"model_type\":\"gpt2\",\"n_embd\":770}", "770 does not divide into 12 heads"},
      {"{\"model_type\":\"gpt2\",\"n_inner\":0}", "n_inner"},
      {"{\"model_type\":\"phi3\",\"partial_rotary_factor\":1.5}", "1.5"},
      {"{\"model_type\":\"phi3\",\"rope_scaling\":{\"type\":\"longrope\",\"factor\":2}}",
       "\"longrope\" is not supported"},
      {"{\"model_type\":\"phi3\",\"rope_scaling\":{\"type\":\"yarn\",\"factor\":2}}",
       "is longrope"},
      {"{\"model_type\":\"qwen3\",\"partial_rotary_factor\":0.5}", "for qwen3"},
      {"{\"model_type\":\"llama\",\"rope_scaling\":{\"rope_type\":\"yarn\"}}", "a \"factor\""},
      {"{\"model_type\":\"llama\",\"rope_theta\":1,\"rope_scaling\":{\"rope_type\":\"yarn\","
       "\"factor\":2}}",
       "rope_theta above 1"},
      {"{\"model_type\":\"llama\",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2,"
       "\"beta_fast\":1}}",
       "beta_slow < beta_fast"},
      {"{\"model_type\":\"llama\",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2,"
       "\"mscale\":1,\"mscale_all_dim\":1}}",
       "mscale"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    model_config m;
    loci_err err = {0};
    if (!parse(*state, wrong[i][0], NULL, NULL, &m, &err)) fail_msg("accepted: %s", wrong[i][0]);
    if (!strstr(err.msg, wrong[i][1])) fail_msg("%s: found \"%s\"", wrong[i][0], err.msg);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(gemmas_slide_by_their_pattern), TEST(gemmas_have_scales_and_caps),
      TEST(gpt2_has_names_of_its_own), TEST(yarn_has_its_usual_numbers),
      TEST(what_is_not_computed_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
