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

#define QWEN3(text, vision)                                                                        \
  "{\"model_type\":\"qwen3_vl\",\"text_config\":{" text "},\"vision_config\":{" vision "}}"

/* Hugging Face writes only what differs from its class. */
static void qwen3_vl_gets_its_classes_defaults(void **state) {
  model_config m;
  expect(*state, QWEN3("\"rope_scaling\":{}", "\"out_hidden_size\":4096"), &m);
  assert_string_equal(m.family, "qwen3-vl");
  assert_int_equal(m.layout, LAYOUT_QWEN_VL);
  const decoder_config *d = &m.text;
  assert_int_equal(d->width, 4096);
  assert_int_equal(d->inner, 22016);
  assert_int_equal(d->kv_heads, 32);
  assert_int_equal(d->head_dim, 128);
  assert_int_equal(d->max_positions, 128000);
  assert_int_equal(d->deep, 3);
  assert_true(d->qk_norm && !d->qkv_bias && d->rope.theta == 5e6 && d->rope.interleaved);
  assert_int_equal(d->rope.sections[0], 24);
  assert_int_equal(d->rope.sections[2], 20);
  const vision_config *v = &m.vision;
  assert_int_equal(v->width, 1152);
  assert_int_equal(v->inner, 4304);
  assert_int_equal(v->layers, 27);
  assert_int_equal(v->patch, 16);
  assert_int_equal(v->stretched, 48);
  assert_int_equal(v->deep_depth[2], 25);
  assert_true(v->rotary && v->act == ACT_GELU_TANH && !v->gated && v->norm == NORM_LAYER);
  expect(*state,
         QWEN3("\"num_hidden_layers\":2,\"hidden_size\":3584",
               "\"deepstack_visual_indexes\":[0,4,5,26]"),
         &m);
  assert_int_equal(m.text.deep, 2);
  assert_int_equal(m.vision.deep_count, 4);
  expect(*state, QWEN3("\"hidden_size\":3584", "\"deepstack_visual_indexes\":[]"), &m);
  assert_int_equal(m.text.deep, 0);
}

static void a_qwen_vl_that_would_be_read_wrongly_is_refused(void **state) {
  static const char *const wrong[][2] = {
      {QWEN3("", "\"out_hidden_size\":4095"), "rows have 4096 channels"},
      {QWEN3("", "\"out_hidden_size\":4096,\"deepstack_visual_indexes\":[9,4]"), "ascending"},
      {QWEN3("", "\"out_hidden_size\":4096,\"deepstack_visual_indexes\":[27]"), "the 27 blocks"},
      {QWEN3("", "\"out_hidden_size\":4096,\"deepstack_visual_indexes\":8"),
       "an array of at most 8"},
      {QWEN3("", "\"out_hidden_size\":4096,\"num_position_embeddings\":2300"), "no square"},
      {QWEN3("\"rope_scaling\":{\"mrope_interleaved\":false}", "\"out_hidden_size\":4096"),
       "mrope_interleaved"},
      {QWEN3("\"head_dim\":64", "\"out_hidden_size\":4096"), "a head turns 32"},
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
                                     TEST(qwen3_vl_gets_its_classes_defaults),
                                     TEST(a_qwen_vl_that_would_be_read_wrongly_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
