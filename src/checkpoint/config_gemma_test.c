/* config.json of Gemma-3 with pictures, PaliGemma and the first Gemma: defaults of their classes,
 * which rows see one another, and what is refused. */
#include "checkpoint/parse_test.h"

#define GEMMA3 "{\"model_type\":\"gemma3\","
#define PALIGEMMA "{\"model_type\":\"paligemma\","
#define TOWER "\"vision_config\":{\"image_size\":896,\"patch_size\":14}"

static void gemma3_gets_its_classes_defaults(void **state) {
  model_config m;
  expect(*state, GEMMA3 TOWER ",\"text_config\":{\"final_logit_softcapping\":30}}", &m);
  const vision_config *v = &m.vision;
  assert_string_equal(m.text.model_type, "gemma3_text");
  assert_true(m.text.heads == 8 && m.text.kv_heads == 4 && m.text.head_dim == 256 && m.text.tied);
  assert_true(m.text.mutual == MUTUAL_PICTURE && m.text.slides[0] && !m.text.slides[5]);
  assert_true(m.text.logit_cap == 0 && m.text.rope.first == 0);
  assert_true(v->post_norm && v->feature_depth[0] == 12 && v->grid == 64 && v->merge == 4);
  assert_true(v->shuffle && m.projector.pooled && m.projector.turned && m.projector.norm_joined);
  assert_true(m.projector.norm_kind == NORM_RMS_PLUS_ONE && m.projector.norm_eps == v->eps);
  assert_true(m.image_rows == 256 && m.image_token == 262144 && m.picture->mark != NULL);
  expect(*state,
         GEMMA3 TOWER ",\"mm_tokens_per_image\":1024,\"image_token_index\":7,\"text_config\":{}}",
         &m);
  assert_true(v->merge == 2 && m.image_rows == 1024 && m.image_token == 7);
}

static void paligemma_gets_its_classes_defaults(void **state) {
  model_config m;
  expect(*state, PALIGEMMA "\"vision_config\":{},\"text_config\":{\"head_dim\":16}}", &m);
  assert_string_equal(m.text.model_type, "gemma");
  assert_true(m.text.norm == NORM_RMS_PLUS_ONE && !m.text.post_norms && m.text.embed_scale > 55);
  assert_true(m.text.attention_scale == 0 && m.text.mutual == MUTUAL_PROMPT);
  assert_true(m.text.rope.first == 1 && m.image_token == 256000 && m.image_rows == 196);
  assert_true(m.projector.bias && !m.projector.norm && !m.projector.turned && !m.picture);
  expect(*state,
         PALIGEMMA "\"vision_config\":{},\"text_config\":{\"model_type\":\"gemma2\","
                   "\"query_pre_attn_scalar\":144}}",
         &m);
  assert_true(!m.text.slides && m.text.sliding_window == 0 && m.text.logit_cap == 30);
  assert_true(m.text.attention_cap == 50 && m.text.attention_scale == 1.0 / 12);
}

/* Its activation has the name that Gemma-2's has, and is the same. */
static void the_first_gemma_is_read(void **state) {
  model_config m;
  expect(*state, "{\"model_type\":\"gemma\",\"hidden_size\":64,\"hidden_act\":\"gelu\"}", &m);
  assert_true(m.text.embed_scale == 8 && m.text.act == ACT_GELU_TANH && m.text.inner == 24576);
  assert_true(m.text.mutual == MUTUAL_NONE && m.text.rope.first == 0 && !m.text.slides);
}

static void what_would_be_read_wrongly_is_refused(void **state) {
  static const char *const wrong[][2] = {
      {GEMMA3 "\"text_config\":{}}", "no \"vision_config\""},
      {PALIGEMMA TOWER "}", "no \"text_config\""},
      {GEMMA3 TOWER ",\"text_config\":{},\"mm_tokens_per_image\":200}",
       "is no square that divides"},
      {GEMMA3 TOWER ",\"text_config\":{},\"mm_tokens_per_image\":9}", "the 64 patches"},
      {GEMMA3 TOWER ",\"text_config\":{\"use_bidirectional_attention\":true}}",
       "rows that see what comes after them"},
      {PALIGEMMA TOWER ",\"text_config\":{\"model_type\":\"llama\"}}", "gemma, gemma2"},
      {PALIGEMMA "\"text_config\":{},\"vision_config\":{\"model_type\":\"vit\"}}", "vision tower"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    model_config m;
    loci_err err = {0};
    if (!parse(*state, wrong[i][0], NULL, NULL, &m, &err)) fail_msg("%s is read", wrong[i][0]);
    if (!strstr(err.msg, wrong[i][1])) fail_msg("%s lacks %s", err.msg, wrong[i][1]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(gemma3_gets_its_classes_defaults), TEST(paligemma_gets_its_classes_defaults),
      TEST(the_first_gemma_is_read), TEST(what_would_be_read_wrongly_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
