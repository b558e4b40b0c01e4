/* config.json: the defaults Hugging Face leaves out, both generations of spellings, and a refusal
 * by name for everything that is not computed. */
#include "checkpoint/parse_test.h"

static void the_published_llava_config_gets_its_defaults(void **state) {
  model_config m;
  expect(
      *state,
      "{\"model_type\":\"llava\",\"image_token_index\":32000,\"text_config\":{"
      "\"max_position_embeddings\":4096,\"model_type\":\"llama\",\"rms_norm_eps\":1e-05,"
      "\"torch_dtype\":\"float16\",\"vocab_size\":32064},\"vision_config\":{\"hidden_size\":1024,"
      "\"image_size\":336,\"intermediate_size\":4096,\"model_type\":\"clip_vision_model\","
      "\"num_attention_heads\":16,\"num_hidden_layers\":24,\"patch_size\":14,"
      "\"projection_dim\":768,\"vocab_size\":32000}}",
      &m);
  assert_int_equal(m.text.width, 4096);
  assert_int_equal(m.text.inner, 11008);
  assert_int_equal(m.text.layers, 32);
  assert_int_equal(m.text.kv_heads, 32);
  assert_int_equal(m.text.head_dim, 128);
  assert_int_equal(m.text.rotary_dim, 128);
  assert_int_equal(m.text.vocab, 32064);
  assert_int_equal(m.text.max_positions, 4096);
  assert_float_equal(m.text.eps, 1e-5, 0);
  assert_float_equal(m.text.rope.theta, 1e4, 0);
  assert_int_equal(m.text.act, ACT_SILU);
  assert_int_equal(m.text.norm, NORM_RMS);
  assert_true(m.text.gated && !m.text.parallel && !m.text.qkv_bias && !m.text.tied);
  assert_int_equal(m.vision.act, ACT_QUICK_GELU);
  assert_float_equal(m.vision.eps, 1e-5, 0);
  assert_int_equal(m.vision.grid, 24);
  assert_int_equal(m.vision.feature_depth[0], 23);
  assert_true(m.vision.drop_class && m.vision.class_token && m.vision.pre_norm);
  assert_int_equal(m.image_rows, 576);
  assert_int_equal(m.projector.n_linear, 2);
  assert_int_equal(m.projector.act, ACT_GELU_ERF);
  assert_true(m.projector.bias);
  assert_int_equal(m.bos, 1);
  assert_int_equal(m.n_eos, 1);
  assert_int_equal(m.eos[0], 2);
  assert_string_equal(m.default_template, "llava-paper");
}

static void a_bare_llava_is_the_seven_billion_one(void **state) {
  model_config m;
  expect(*state, "{\"model_type\":\"llava\"}", &m);
  assert_int_equal(m.text.width, 4096);
  assert_int_equal(m.image_rows, 576);
  assert_int_equal(m.image_token, 32000);
}

#define MLLAMA "{\"model_type\":\"mllama\","

static void llama_vision_gets_its_classes_defaults(void **state) {
  model_config m;
  expect(*state, "{\"model_type\":\"mllama\"}", &m);
  assert_true(m.text.layers == 40 && m.text.cross[3] && m.text.cross[38] && !m.text.cross[4]);
  assert_true(m.text.rope.theta == 5e5 && m.text.rope.kind == ROPE_DEFAULT && m.text.kv_heads == 8);
  assert_true(m.vision.layers == 40 && m.vision.gated_layers == 8 && m.vision.places == 4);
  assert_true(m.vision.n_features == 6 && m.vision.feature_depth[0] == 40);
  assert_true(m.vision.feature_depth[1] == 3 && m.vision.feature_depth[5] == 30);
  assert_true(m.vision.canvases.count == 8 && m.vision.canvases.at[4][0] == 2);
  assert_true(m.image_token == 128256 && m.image_rows == 4 * 1025 && m.bos == 128000);
  assert_string_equal(m.default_template, "llama3-vision");
  expect(*state,
         MLLAMA "\"text_config\":{\"num_hidden_layers\":2,\"cross_attention_layers\":[0,1],"
                "\"rope_scaling\":null},\"vision_config\":{\"num_attention_heads\":8,"
                "\"image_size\":560,\"max_num_tiles\":2,\"intermediate_layers_indices\":[]}}",
         &m);
  assert_true(m.text.cross[0] && m.text.cross[1] && m.vision.heads == 8);
  assert_true(m.image_rows == 2 * 1601 && m.vision.canvases.count == 3 && m.vision.n_features == 1);
}

static void tiled_llavas_get_their_classes_defaults(void **state) {
  model_config m;
  expect(*state, "{\"model_type\":\"llava_next\"}", &m);
  assert_true(m.tiles.count == 5 && m.tiles.at[0][1] == 672 && m.most_tiles == 0);
  assert_true(m.vision.image_size == 336 && m.vision.feature_depth[0] == 23 && m.image_rows == 0);
  assert_string_equal(m.default_template, "llava_v1");
  expect(*state, "{\"model_type\":\"llava_next\",\"text_config\":{\"model_type\":\"mistral\"}}",
         &m);
  assert_string_equal(m.default_template, "mistral");
  expect(*state, "{\"model_type\":\"llava_onevision\"}", &m);
  assert_true(m.tiles.count == 36 && m.most_tiles == 9 && m.image_token == 151646);
  assert_string_equal(m.vision.model_type, "siglip_vision_model");
  assert_true(m.vision.layers == 26 && m.vision.feature_depth[0] == 26 && !m.vision.drop_class);
  assert_string_equal(m.text.model_type, "qwen2");
  expect(*state,
         "{\"model_type\":\"llava_onevision\",\"vision_aspect_ratio\":\"anyres_max_4\","
         "\"vision_config\":{\"image_size\":64,\"patch_size\":8},"
         "\"image_grid_pinpoints\":[[64,128]]}",
         &m);
  assert_true(m.tiles.count == 1 && m.most_tiles == 4 && m.vision.grid == 8);
}

static void text_families_get_their_defaults(void **state) {
  model_config m;
  expect(*state, "{\"model_type\":\"mistral\"}", &m);
  assert_int_equal(m.text.kv_heads, 8);
  assert_int_equal(m.text.sliding_window, 4096);
  expect(*state, "{\"model_type\":\"mistral\",\"sliding_window\":null}", &m);
  assert_int_equal(m.text.sliding_window, 0);
  expect(*state, "{\"model_type\":\"mistral\",\"num_key_value_heads\":null}", &m);
  assert_int_equal(m.text.kv_heads, 32);
  expect(*state, "{\"model_type\":\"qwen2\",\"sliding_window\":512}", &m);
  assert_int_equal(m.text.sliding_window, 0);
  assert_true(m.text.qkv_bias && !m.text.o_bias);
  assert_int_equal(m.n_eos, 0);
  assert_int_equal(m.bos, -1);
  expect(*state,
         "{\"model_type\":\"qwen2\",\"sliding_window\":512,\"use_sliding_window\":true,"
         "\"tie_word_embeddings\":true}",
         &m);
  assert_int_equal(m.text.sliding_window, 512);
  assert_true(m.text.tied);
  expect(*state, "{\"model_type\":\"qwen2\",\"use_sliding_window\":true,\"max_window_layers\":32}",
         &m);
  assert_int_equal(m.text.sliding_window, 0);
  expect(*state, "{\"model_type\":\"phi\"}", &m);
  assert_int_equal(m.text.rotary_dim, 32);
  assert_true(m.text.parallel && !m.text.gated && m.text.qkv_bias && m.text.o_bias);
  assert_int_equal(m.text.act, ACT_GELU_TANH);
  assert_int_equal(m.text.norm, NORM_LAYER);
  expect(*state,
         "{\"model_type\":\"phi\",\"hidden_size\":2560,\"partial_rotary_factor\":0.4,"
         "\"layer_norm_eps\":1e-5}",
         &m);
  assert_int_equal(m.text.rotary_dim, 32);
  expect(*state, "{\"model_type\":\"llama\",\"attention_bias\":true}", &m);
  assert_true(m.text.qkv_bias && m.text.o_bias && !m.text.mlp_bias);
  assert_int_equal(m.image_rows, 0);
  assert_string_equal(m.default_template, "raw");
}

static void layer_types_say_which_layers_slide(void **state) {
  static const struct {
    const char *config;
    int window;
  } rows[] = {
      {"\"qwen2\",\"num_hidden_layers\":2,\"sliding_window\":512,\"layer_types\":[\"full_"
       "attention\",\"sliding_"
       "attention\"]",
       512},
      {"\"qwen2\",\"num_hidden_layers\":1,\"layer_types\":[\"sliding_attention\"]", 4096},
      {"\"qwen2\",\"use_sliding_window\":true,\"layer_types\":[\"full_attention\"]", 0},
      {"\"qwen2\",\"use_sliding_window\":true,\"layer_types\":null", 4096},
      {"\"llama\",\"num_hidden_layers\":1,\"sliding_window\":64,"
       "\"layer_types\":[\"sliding_attention\"]",
       64},
      {"\"llama\",\"sliding_window\":64,\"layer_types\":[\"full_attention\"]", 0},
      {"\"mistral\",\"layer_types\":[\"full_attention\"]", 4096}, /* reads the window alone */
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char text[200];
    model_config m;
    snprintf(text, sizeof text, "{\"model_type\":%s}", rows[i].config);
    expect(*state, text, &m);
    assert_int_equal(m.text.sliding_window, rows[i].window);
  }
}

static void rotary_spellings_of_all_generations_are_read(void **state) {
  model_config m;
  expect(*state, "{\"model_type\":\"llama\",\"rope_theta\":5e5}", &m);
  assert_float_equal(m.text.rope.theta, 5e5, 0);
  expect(*state,
         "{\"model_type\":\"llama\",\"rope_theta\":2e4,\"rope_parameters\":"
         "{\"rope_type\":\"default\",\"rope_theta\":20000.0}}",
         &m);
  assert_float_equal(m.text.rope.theta, 2e4, 0);
  assert_int_equal(m.text.rope.kind, ROPE_DEFAULT);
  assert_float_equal(m.text.rope.factor, 1, 0);
  expect(*state, "{\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}",
         &m);
  assert_int_equal(m.text.rope.kind, ROPE_LINEAR);
  assert_float_equal(m.text.rope.factor, 2, 0);
  expect(*state,
         "{\"model_type\":\"llama\",\"rope_theta\":7,\"rope_parameters\":"
         "{\"rope_type\":\"dynamic\",\"factor\":4.0}}",
         &m);
  assert_int_equal(m.text.rope.kind, ROPE_DYNAMIC);
  assert_float_equal(m.text.rope.theta, 7, 0);
  expect(*state,
         "{\"model_type\":\"llama\",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,"
         "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
         "\"original_max_position_embeddings\":8192}}",
         &m);
  assert_int_equal(m.text.rope.kind, ROPE_LLAMA3);
  assert_int_equal(m.text.rope.original_max_positions, 8192);
  expect(*state,
         "{\"model_type\":\"phi\",\"partial_rotary_factor\":0.5,\"rope_parameters\":"
         "{\"rope_theta\":9.0,\"partial_rotary_factor\":0.25}}",
         &m);
  assert_int_equal(m.text.rotary_dim, 16);
}

static void a_rotation_beside_its_section_is_noted(void **state) {
  model_config m;
  loci_err err;
  static const char beside[] = "{\"model_type\":\"llava\",\"rope_scaling\":{\"type\":\"linear\","
                               "\"factor\":2},\"text_config\":{\"vocab_size\":32064}}";
  assert_int_equal(parse(*state, beside, NULL, NULL, &m, &err), LOCI_OK);
  assert_non_null(strstr(m.notes[m.n_notes - 1], "stands beside text_config"));
  assert_int_equal(m.text.rope.kind, ROPE_DEFAULT);
}

static void hidden_states_count_from_either_end(void **state) {
  static const struct {
    const char *value;
    int n, depth[3];
  } rows[] = {{"-1", 1, {24}},  {"-2", 1, {23}}, {"0", 1, {0}},
              {"24", 1, {24}},  {"-25", 1, {0}}, {"[-2,-5,3]", 3, {23, 20, 3}},
              {"null", 1, {23}}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char text[200];
    model_config m;
    snprintf(text, sizeof text, "{\"model_type\":\"llava\",\"vision_feature_layer\":%s}",
             rows[i].value);
    expect(*state, text, &m);
    assert_int_equal(m.vision.n_features, rows[i].n);
    assert_memory_equal(m.vision.feature_depth, rows[i].depth, sizeof(int) * (size_t)rows[i].n);
  }
}

#define ORIGINAL                                                                                   \
  "{\"architectures\":[\"LlavaLlamaForCausalLM\"],\"model_type\":\"llava\",\"hidden_size\":4096,"  \
  "\"mm_vision_tower\":\"openai/clip-vit-large-patch14-336\",\"vocab_size\":32000"
#define BUNNY                                                                                      \
  "{\"model_type\":\"bunny-phi\",\"hidden_size\":2560,\"mm_hidden_size\":1152,"                    \
  "\"mm_vision_tower\":\"google/siglip-so400m-patch14-384\",\"vocab_size\":50295"

static void the_original_llava_and_bunny_take_their_tower_by_name(void **state) {
  model_config m;
  expect(*state,
         ORIGINAL ",\"mm_projector_type\":\"mlp2x_gelu\",\"image_aspect_ratio\":\"pad\","
                  "\"tokenizer_model_max_length\":2048,\"max_position_embeddings\":4096}",
         &m);
  assert_string_equal(m.family, "llava-original");
  assert_string_equal(m.default_template, "vicuna_v1");
  assert_int_equal(m.image_rows, 576);
  assert_int_equal(m.projector.n_linear, 2);
  assert_int_equal(m.max_length, 2048);
  assert_string_equal(m.image_aspect, "pad");
  assert_int_equal(m.image_token, -1);
  assert_true(m.split_at_image);
  expect(*state, ORIGINAL ",\"mm_vision_select_feature\":\"cls_patch\"}", &m);
  assert_int_equal(m.projector.n_linear, 1);
  assert_int_equal(m.image_rows, 577);
  assert_null(m.image_aspect);
  expect(*state, BUNNY ",\"mm_vision_select_layer\":-1}", &m);
  assert_string_equal(m.family, "bunny-phi");
  assert_int_equal(m.image_rows, 729);
  assert_int_equal(m.vision.grid, 27);
  assert_int_equal(m.vision.feature_depth[0], 26);
  assert_int_equal(m.projector.n_linear, 2);
  assert_false(m.vision.drop_class);
  static const char *const paths[] = {"/data/sigrid/clip-vit-large-patch14-336/",
                                      "/hub/models--openai--clip-vit-large-patch14-336/snapshots/c",
                                      "../clip-vit-large-patch14-336"};
  for (int i = 0; i < 3; i++) {
    char config[200];
    snprintf(config, sizeof config, "{\"model_type\":\"llava_llama\",\"mm_vision_tower\":\"%s\"}",
             paths[i]);
    expect(*state, config, &m);
    assert_int_equal(m.image_rows, 576);
    assert_null(m.vision_dir);
  }
}

static const struct {
  const char *config, *expected;
  loci_status status;
} refusals[] = {
    {"[]", "expected an object", LOCI_EFORMAT},
    {"{}", "model_type \"\" is not supported; known are llava, ", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"gemma3n\"}", "\"gemma3n\" is not", LOCI_EUNSUPPORTED},
    {MLLAMA "\"text_config\":{\"cross_attention_layers\":[3,40]}}", "numbers of layers, 0 to 39",
     LOCI_EFORMAT},
    {MLLAMA "\"text_config\":{\"cross_attention_layers\":[]}}", "no layer reads the picture",
     LOCI_EUNSUPPORTED},
    {MLLAMA "\"text_config\":{\"cross_attention_layers\":3}}", "must be an array", LOCI_EFORMAT},
    {MLLAMA "\"vision_config\":{\"vision_output_dim\":7681}}", "make 7680", LOCI_EFORMAT},
    {MLLAMA "\"vision_config\":{\"intermediate_layers_indices\":[32]}}", "layers, 0 to 31",
     LOCI_EFORMAT},
    {MLLAMA "\"vision_config\":{\"intermediate_layers_indices\":[0,1,2,3,4,5,6,7]}}", "at most 7",
     LOCI_EUNSUPPORTED},
    {MLLAMA "\"vision_config\":{\"max_num_tiles\":17}}", "max_num_tiles", LOCI_EFORMAT},
    {MLLAMA "\"vision_config\":{\"supported_aspect_ratios\":[[1,5]]}}", "1 x 5 tiles are more",
     LOCI_EFORMAT},
    {MLLAMA "\"vision_config\":{\"patch_size\":15}}", "in patches of 15", LOCI_EFORMAT},
    {MLLAMA "\"vision_config\":[]}", "expected an object", LOCI_EFORMAT},
    {"{\"model_type\":\"llava_next\",\"vision_feature_select_strategy\":\"full\"}",
     "patches and a class row", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llava_next\",\"image_grid_pinpoints\":[[336,400]]}", "whole tiles of 336",
     LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llava_next\",\"image_grid_pinpoints\":\"(1x1),(2x2)\"}", "a list of",
     LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llava_onevision\",\"vision_aspect_ratio\":\"anyres\"}", "anyres_max_N",
     LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llava_onevision\",\"vision_aspect_ratio\":\"anyres_max_0\"}",
     "anyres_max_N", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llava_onevision\",\"vision_feature_select_strategy\":\"default\"}",
     "all patches but the first", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"bunny-qwen2\",\"mm_vision_tower\":\"x\"}", "\"bunny-qwen2\" is not",
     LOCI_EUNSUPPORTED},
    {"{\"model_type\":3}", "\"model_type\" must be a string", LOCI_EFORMAT},
    {"{\"model_type\":\"llava\",\"text_config\":{\"model_type\":\"gemma\"}}",
     "text model \"gemma\" is not supported for the family llava", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llava\",\"text_config\":[]}", "text_config: expected an object",
     LOCI_EFORMAT},
    {"{\"model_type\":\"llava\",\"vision_config\":{\"model_type\":\"pixtral\"}}",
     "vision_config: vision tower \"pixtral\"", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llava\",\"vision_feature_select_strategy\":\"cls\"}", "\"cls\"",
     LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llava\",\"vision_feature_layer\":-26}", "from -25 to 24", LOCI_EFORMAT},
    {"{\"model_type\":\"llava\",\"vision_feature_layer\":25}", "from -25 to 24", LOCI_EFORMAT},
    {"{\"model_type\":\"llava\",\"vision_feature_layer\":[]}", "lists 0", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llava\",\"vision_feature_layer\":[1,1,1,1,1,1,1,1,1]}", "lists 9",
     LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llava\",\"projector_hidden_act\":\"mish\"}", "\"mish\"", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llava\",\"image_grid_pinpoints\":[[336,672]]}", "anyres",
     LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llama\",\"quantization_config\":{\"bits\":4}}", "quantised weights",
     LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llama\",\"hidden_act\":\"xielu\"}", "\"xielu\"", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"su\",\"factor\":2}}", "\"su\"",
     LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"phi\",\"rope_scaling\":{\"rope_type\":\"longrope\"}}", "\"longrope\"",
     LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"linear\"}}", "\"factor\"",
     LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"linear\",\"factor\":0.5}}",
     "at least 1", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"linear\",\"rope_type\":\"dynamic\","
     "\"factor\":2}}",
     "rotary scaling of two types", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"rope_theta\":5e5,\"rope_parameters\":{\"rope_theta\":2e4}}",
     "\"rope_theta\" is 500000, and 20000 in \"rope_parameters\"", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2},"
     "\"rope_parameters\":{\"rope_type\":\"default\"}}",
     "scale the rotation differently", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"rope_scaling\":{\"factor\":2}}", "and no \"rope_type\"",
     LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"mrope\",\"mrope_section\":[16,24,24]}"
     "}",
     "\"mrope_section\" is not supported for the family text", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llama\",\"rope_scaling\":3}", "\"rope_scaling\" must be an object",
     LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"rope_parameters\":{\"full_attention\":{}}}",
     "for \"full_attention\" layers", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llama\",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8}}",
     "low_freq_factor", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"partial_rotary_factor\":0.5}", "partial_rotary_factor 0.5",
     LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"phi\",\"partial_rotary_factor\":0.08}", "5 of 64 channels", LOCI_EFORMAT},
    {"{\"model_type\":\"phi\",\"partial_rotary_factor\":0}", "more than 0", LOCI_EFORMAT},
    {"{\"model_type\":\"qwen2\",\"layer_types\":[\"full_attention\",\"linear_attention\"]}",
     "\"linear_attention\" is not", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"qwen2\",\"layer_types\":[1]}", "must hold strings", LOCI_EFORMAT},
    {"{\"model_type\":\"qwen2\",\"layer_types\":{}}", "must be an array", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"layer_types\":[\"sliding_attention\"]}", "no \"sliding_window\"",
     LOCI_EFORMAT},
    {"{\"model_type\":\"phi\",\"qk_layernorm\":true}", "\"qk_layernorm\"", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"llama\",\"num_attention_heads\":0}", "is 0, expected 1 to 1024",
     LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"num_hidden_layers\":1025}", "1 to 1024", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"hidden_size\":9223372036854775807}", "1 to 65536", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"hidden_size\":4096.0}", "must be an integer", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"hidden_size\":4097}", "does not divide", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"num_key_value_heads\":5}", "cannot share 5", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"vocab_size\":4194305}", "1 to 4194304", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"rms_norm_eps\":0}", "\"rms_norm_eps\" is 0", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"rms_norm_eps\":-1e-6}", "\"rms_norm_eps\"", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"rope_theta\":-1}", "\"rope_theta\"", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"eos_token_id\":-1}", "\"eos_token_id\"", LOCI_EFORMAT},
    {"{\"model_type\":\"llama\",\"eos_token_id\":[1,1.5]}", "\"eos_token_id\"", LOCI_EFORMAT},
    {"{\"model_type\":\"llava\",\"vision_config\":{\"num_channels\":1}}", "\"num_channels\"",
     LOCI_EFORMAT},
    {"{\"model_type\":\"llava\",\"vision_config\":{\"patch_size\":300}}", "makes 0 rows",
     LOCI_EFORMAT},
    {"{\"model_type\":\"llava\",\"vision_config\":{\"num_attention_heads\":7}}",
     "vision_config: hidden_size 768 does not divide", LOCI_EFORMAT},
    {ORIGINAL ",\"mm_projector_type\":\"ldpnet\"}", "projector \"ldpnet\"", LOCI_EUNSUPPORTED},
    {ORIGINAL ",\"mm_projector_type\":\"mlp9x_gelu\"}", "\"mlp9x_gelu\"", LOCI_EUNSUPPORTED},
    {ORIGINAL ",\"mm_projector_type\":\"identity\"}", "without a projector", LOCI_EFORMAT},
    {ORIGINAL ",\"mm_use_im_start_end\":true}", "\"mm_use_im_start_end\"", LOCI_EUNSUPPORTED},
    {ORIGINAL ",\"image_aspect_ratio\":\"anyres\"}", "\"anyres\"", LOCI_EUNSUPPORTED},
    {ORIGINAL ",\"mm_patch_merge_type\":\"spatial_unpad\"}", "\"spatial_unpad\"",
     LOCI_EUNSUPPORTED},
    {ORIGINAL ",\"mm_vision_select_feature\":\"cls\"}", "\"cls\"", LOCI_EUNSUPPORTED},
    {ORIGINAL ",\"mm_hidden_size\":1152}", "\"mm_hidden_size\" is 1152", LOCI_EFORMAT},
    {ORIGINAL ",\"tokenizer_model_max_length\":0.5}", "is 0.5, expected at least 1", LOCI_EFORMAT},
    {ORIGINAL ",\"tokenizer_model_max_length\":0}", "is 0, expected more than 0", LOCI_EFORMAT},
    {BUNNY ",\"use_s2\":true}", "\"use_s2\"", LOCI_EUNSUPPORTED},
    {"{\"model_type\":\"bunny-phi\"}", "no \"mm_vision_tower\"", LOCI_EFORMAT},
    {"{\"model_type\":\"llava\",\"mm_vision_tower\":\"BAAI/EVA\"}", "\"BAAI/EVA\"",
     LOCI_EUNSUPPORTED},
};

static void fields_that_are_given_twice_are_noted(void **state) {
  static const char twice[] =
      "{\"model_type\":\"llava\",\"hidden_size\":64,\"vocab_size\":32064,\"image_token_id\":1,"
      "\"image_token_index\":2,\"text_config\":{\"hidden_size\":4096,\"vocab_size\":32064}}";
  model_config m;
  loci_err err;
  assert_int_equal(parse(*state, twice, NULL, NULL, &m, &err), LOCI_OK);
  assert_int_equal(m.n_notes, 2);
  assert_non_null(strstr(m.notes[0], "gives hidden_size twice"));
  assert_non_null(strstr(m.notes[1], "image_token_id and image_token_index differ"));
  assert_int_equal(m.image_token, 2);
  assert_int_equal(m.text.width, 4096);
}

static void what_is_not_computed_is_refused_by_name(void **state) {
  for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
    model_config m;
    loci_err err = {0};
    loci_status st = parse(*state, refusals[i].config, NULL, NULL, &m, &err);
    if (st == LOCI_OK) fail_msg("accepted: %s", refusals[i].config);
    if (st != refusals[i].status || !strstr(err.msg, refusals[i].expected)) {
      fail_msg("%s: expected \"%s\", found \"%s\" (%d)", refusals[i].config, refusals[i].expected,
               err.msg, (int)st);
    }
  }
}

static void a_tower_directory_never_lies_outside_the_checkpoint(void **state) {
  char dir[] = "/tmp/loci-config-XXXXXX", path[100];
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/sig", dir);
  assert_int_equal(mkdir(path, 0700), 0);
  snprintf(path, sizeof path, "%s/sig/config.json", dir);
  const char tower[] = "{\"model_type\":\"siglip\",\"vision_config\":{\"num_hidden_layers\":5}}";
  loci_err err;
  assert_int_equal(file_write(path, tower, strlen(tower), &err), LOCI_OK);
  static const struct {
    const char *name;
    bool inside;
  } rows[] = {{"sig", true},       {"./sig", true}, {"././sig", true},     {"sig/../sig", false},
              {"../x/sig", false}, {"/sig", false}, {"no-such-sig", false}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char config[300];
    model_config m;
    snprintf(config, sizeof config, "{\"model_type\":\"bunny-phi\",\"mm_vision_tower\":\"%s\"}",
             rows[i].name);
    assert_int_equal(parse(*state, config, NULL, dir, &m, &err), LOCI_OK);
    assert_int_equal(m.vision_dir != NULL, rows[i].inside);
    assert_int_equal(m.vision.layers, rows[i].inside ? 5 : 27);
  }
  char config[300];
  model_config m;
  snprintf(config, sizeof config, "{\"model_type\":\"bunny-phi\",\"mm_vision_tower\":\"%s/sig\"}",
           dir);
  assert_int_equal(parse(*state, config, NULL, dir, &m, &err), LOCI_OK);
  assert_null(m.vision_dir);
  assert_int_equal(m.vision.layers, 27);
  unlink(path);
  snprintf(path, sizeof path, "%s/sig", dir);
  rmdir(path);
  rmdir(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(the_published_llava_config_gets_its_defaults),
                                     TEST(a_bare_llava_is_the_seven_billion_one),
                                     TEST(tiled_llavas_get_their_classes_defaults),
                                     TEST(llama_vision_gets_its_classes_defaults),
                                     TEST(text_families_get_their_defaults),
                                     TEST(layer_types_say_which_layers_slide),
                                     TEST(rotary_spellings_of_all_generations_are_read),
                                     TEST(a_rotation_beside_its_section_is_noted),
                                     TEST(hidden_states_count_from_either_end),
                                     TEST(the_original_llava_and_bunny_take_their_tower_by_name),
                                     TEST(fields_that_are_given_twice_are_noted),
                                     TEST(what_is_not_computed_is_refused_by_name),
                                     TEST(a_tower_directory_never_lies_outside_the_checkpoint)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
