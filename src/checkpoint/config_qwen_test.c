/* config.json of the Qwen-VL families: flat and nested, and what would be read otherwise than it is
 * meant. */
#include "checkpoint/parse_test.h"

#define QWEN_SIZES                                                                                 \
  "\"vocab_size\":640,\"hidden_size\":48,\"intermediate_size\":80,\"num_hidden_layers\":4,"        \
  "\"num_attention_heads\":3,\"num_key_value_heads\":1"
#define QWEN_ROPE(kind) "\"rope_scaling\":{\"" kind "\",\"mrope_section\":[2,3,3]}"
#define QWEN_TOWER                                                                                 \
  "\"vision_config\":{\"depth\":4,\"hidden_size\":32,\"intermediate_size\":40,\"num_heads\":2,"    \
  "\"out_hidden_size\":48,\"patch_size\":4,\"window_size\":24,\"fullatt_block_indexes\":[2,9]}"

/* Published files have the text's fields beside the others, newer ones in a section. */
static void qwen_vl_is_read_flat_and_nested(void **state) {
  static const char *const texts[] = {
      "{\"model_type\":\"qwen2_5_vl\"," QWEN_SIZES "," QWEN_ROPE("type\":\"mrope") "," QWEN_TOWER
                                                                                   "}",
      "{\"model_type\":\"qwen2_5_vl\",\"hidden_size\":7,\"text_config\":{\"model_type\":"
      "\"qwen2_5_vl_text\"," QWEN_SIZES "," QWEN_ROPE("rope_type\":\"default") "}," QWEN_TOWER "}"};
  for (int i = 0; i < 2; i++) {
    model_config m;
    expect(*state, texts[i], &m);
    assert_string_equal(m.family, "qwen2-vl");
    assert_int_equal(m.layout, LAYOUT_QWEN_VL);
    assert_int_equal(m.text.width, 48);
    assert_true(m.text.qkv_bias && m.text.rope.theta == 1e6 && m.text.rope.kind == ROPE_DEFAULT);
    assert_int_equal(m.text.rope.sections[2], 3);
    assert_int_equal(m.image_token, 151655);
    assert_int_equal(m.image_marks[0], 151652);
    const vision_config *v = &m.vision;
    assert_true(v->norm == NORM_RMS && v->gated && v->rotary && v->image_size == 0);
    assert_int_equal(v->window, 3);
    for (int l = 0; l < 4; l++) assert_int_equal(v->full[l], l == 2);
    assert_int_equal(m.projector.inner, 128);
  }
}

static void qwen2_vl_names_its_tower_otherwise(void **state) {
  model_config m;
  expect(*state,
         "{\"model_type\":\"qwen2_vl\"," QWEN_SIZES
         "," QWEN_ROPE("type\":\"mrope") ",\"vision_config\":{\"depth\":3,\"embed_dim\":32,\"mlp_"
                                         "ratio\":2,\"num_heads\":2,"
                                         "\"hidden_size\":48,\"patch_size\":4}}",
         &m);
  assert_int_equal(m.vision.width, 32);
  assert_int_equal(m.vision.inner, 64);
  assert_true(m.vision.norm == NORM_LAYER && !m.vision.gated && m.vision.window == 0);
}

static void a_qwen_vl_that_would_be_read_wrongly_is_refused(void **state) {
  static const char *const wrong[][2] = {
      {"{\"model_type\":\"qwen2_5_vl\"," QWEN_SIZES "," QWEN_TOWER "}", "mrope_section"},
      {"{\"model_type\":\"qwen2_5_vl\"," QWEN_SIZES
       ",\"rope_scaling\":{\"type\":\"mrope\",\"mrope_section\":[2,3,4]}," QWEN_TOWER "}",
       "has 9 channel pairs, a head turns 8"},
      {"{\"model_type\":\"qwen2_5_vl\"," QWEN_SIZES
       ",\"rope_scaling\":{\"type\":\"mrope\",\"mrope_section\":[8]}," QWEN_TOWER "}",
       "three numbers"},
      {"{\"model_type\":\"qwen2_5_vl\"," QWEN_SIZES
       ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2,\"mrope_section\":[2,3,3]}," QWEN_TOWER
       "}",
       "with a scaled rotation"},
      {"{\"model_type\":\"qwen2_5_vl\"}", "no \"vocab_size\""},
      {"{\"model_type\":\"qwen2_5_vl\"," QWEN_SIZES
       "," QWEN_ROPE("type\":\"mrope") ",\"vision_config\":{\"hidden_size\":32,\"num_heads\":2,"
                                       "\"out_hidden_size\":64}}",
       "\"out_hidden_size\" is 64"},
      {"{\"model_type\":\"qwen2_5_vl\"," QWEN_SIZES
       "," QWEN_ROPE("type\":\"mrope") ",\"vision_config\":{\"hidden_size\":36,\"num_heads\":6,"
                                       "\"out_hidden_size\":48}}",
       "turn by row and column"},
      {"{\"model_type\":\"qwen2_5_vl\"," QWEN_SIZES
       "," QWEN_ROPE("type\":\"mrope") ",\"vision_config\":{\"hidden_size\":32,\"num_heads\":2,"
                                       "\"window_size\":8}}",
       "a window of 8 pixels"},
      {"{\"model_type\":\"qwen2_5_vl\"," QWEN_SIZES
       "," QWEN_ROPE("type\":\"mrope") ",\"vision_config\":{\"in_channels\":1}}",
       "in_channels"},
      {"{\"model_type\":\"qwen2_5_vl\"," QWEN_SIZES
       "," QWEN_ROPE("type\":\"mrope") ",\"vision_config\":7}",
       "vision_config"},
      {"{\"model_type\":\"qwen2_vl_moe\"}", "qwen2_vl_moe"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    model_config m;
    loci_err err = {0};
    if (!parse(*state, wrong[i][0], NULL, NULL, &m, &err)) fail_msg("%s is read", wrong[i][0]);
    if (!strstr(err.msg, wrong[i][1])) fail_msg("%s lacks %s", err.msg, wrong[i][1]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(qwen_vl_is_read_flat_and_nested),
                                     TEST(qwen2_vl_names_its_tower_otherwise),
                                     TEST(a_qwen_vl_that_would_be_read_wrongly_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
