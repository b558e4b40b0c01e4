/* config.json of families whose patches are put together after the tower, and whose pictures are
 * tiles with the whole after them. */
#include "checkpoint/parse_test.h"

#define SMOLVLM "{\"model_type\":\"smolvlm\","

static void idefics_gets_its_classes_defaults(void **state) {
  model_config m;
  expect(*state, SMOLVLM "\"vision_config\":{\"image_size\":512,\"patch_size\":16}}", &m);
  assert_string_equal(m.family, "smolvlm");
  assert_string_equal(m.text.model_type, "llama");
  assert_true(m.vision.width == 1152 && m.vision.inner == 3072 && m.vision.layers == 12);
  assert_true(m.vision.merge == 2 && m.vision.shuffle && m.vision.post_norm && m.picture);
  assert_true(m.vision.feature_depth[0] == 12 && m.image_rows == 256 && m.image_token == 128257);
  assert_true(m.projector.n_linear == 1 && !m.projector.bias && !m.projector.norm);
  assert_true(!m.text.tied && m.text.rope.theta == 10000);
  expect(*state,
         "{\"model_type\":\"idefics3\",\"scale_factor\":3,\"image_token_id\":7,"
         "\"vision_config\":{\"image_size\":384,\"patch_size\":14},"
         "\"text_config\":{\"model_type\":\"mistral\",\"sliding_window\":null}}",
         &m);
  assert_string_equal(m.default_template, "idefics3");
  assert_true(m.vision.grid == 27 && m.image_rows == 81 && m.image_token == 7);
  assert_string_equal(m.text.model_type, "mistral");
}

#define INTERNVL "{\"model_type\":\"internvl\","

static void internvl_gets_its_classes_defaults(void **state) {
  model_config m;
  expect(*state, "{\"model_type\":\"internvl\"}", &m);
  const vision_config *v = &m.vision;
  assert_string_equal(m.text.model_type, "qwen2");
  assert_true(v->width == 1024 && v->layers == 24 && v->grid == 32 && v->merge == 2 && v->shuffle);
  assert_true(v->scaled && v->class_token && v->drop_class && !v->qkv_bias && !v->qk_norm);
  assert_true(v->norm == NORM_LAYER && !v->post_norm && v->feature_depth[0] == 24);
  assert_true(m.projector.norm_joined && m.projector.norm_eps == 1e-5 && m.projector.bias);
  assert_true(m.image_rows == 256 && m.image_token == 151667 && m.picture);
  assert_string_equal(m.default_template, "chatml");
  expect(*state,
         INTERNVL "\"downsample_ratio\":0.25,\"vision_feature_layer\":-2,\"text_config\":{"
                  "\"model_type\":\"llama\"},\"vision_config\":{\"image_size\":[56,56],"
                  "\"patch_size\":7,\"norm_type\":\"rms_norm\",\"use_qk_norm\":true,"
                  "\"attention_bias\":true,\"use_mean_pooling\":false}}",
         &m);
  assert_true(v->norm == NORM_RMS && v->qk_norm && v->qkv_bias && v->merge == 4 && v->grid == 8);
  assert_true(v->feature_depth[0] == 23 && !v->post_norm && m.projector.norm_kind == NORM_LAYER);
  expect(*state, INTERNVL "\"vision_config\":{\"use_mean_pooling\":false}}", &m);
  assert_true(v->post_norm);
}

static void what_would_be_read_wrongly_is_refused(void **state) {
  static const char *const wrong[][2] = {
      {SMOLVLM "\"scale_factor\":2}", "does not divide the 7 patches"},
      {SMOLVLM "\"scale_factor\":9}", "scale_factor"},
      {SMOLVLM "\"text_config\":{\"use_resampler\":true}}", "a resampler"},
      {SMOLVLM "\"text_config\":{\"qk_layer_norms\":true}}", "norms on queries and keys"},
      {SMOLVLM "\"text_config\":[]}", "expected an object"},
      {INTERNVL "\"downsample_ratio\":0.3}", "does not divide the 32 patches"},
      {INTERNVL "\"downsample_ratio\":1e-9}", "does not divide the 32 patches"},
      {INTERNVL "\"vision_feature_select_strategy\":\"full\"}", "the patches of one layer"},
      {INTERNVL "\"vision_feature_layer\":[-1,-2]}", "the patches of one layer"},
      {INTERNVL "\"vision_config\":{\"image_size\":[448,224]}}", "only squares"},
      {INTERNVL "\"vision_config\":{\"image_size\":[448]}}", "a height and a width"},
      {INTERNVL "\"vision_config\":{\"patch_size\":[0,0]}}", "a height and a width"},
      {INTERNVL "\"vision_config\":{\"norm_type\":\"batch_norm\"}}", "\"batch_norm\""},
      {INTERNVL "\"vision_config\":{\"use_absolute_position_embeddings\":false}}",
       "without positions"},
      {INTERNVL "\"vision_config\":{\"num_attention_heads\":3}}", "1024 channels in 3 heads"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    model_config m;
    loci_err err = {0};
    if (!parse(*state, wrong[i][0], NULL, NULL, &m, &err)) fail_msg("%s is read", wrong[i][0]);
    if (!strstr(err.msg, wrong[i][1])) fail_msg("%s lacks %s", err.msg, wrong[i][1]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(idefics_gets_its_classes_defaults),
                                     TEST(internvl_gets_its_classes_defaults),
                                     TEST(what_would_be_read_wrongly_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
