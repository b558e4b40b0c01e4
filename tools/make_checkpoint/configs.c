/* Configuration files, by family: config.json and the image processor's, as the published
 * checkpoints have them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "make.h"

loci_status write_llava_config(maker *m) {
  const shape *s = &m->s;
  int side = s->image_size / s->patch;
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"LlavaForConditionalGeneration\"], \"model_type\": \"llava\",\n"
      " \"image_seq_length\": %d, \"image_token_index\": 603, \"projector_hidden_act\": \"gelu\",\n"
      " \"vision_feature_layer\": -2, \"vision_feature_select_strategy\": \"default\",\n"
      " \"text_config\": {\"model_type\": \"llama\", \"hidden_size\": %d, \"intermediate_size\": "
      "%d,\n"
      "  \"num_hidden_layers\": %d, \"num_attention_heads\": %d, \"num_key_value_heads\": %d,\n"
      "  \"vocab_size\": %d, \"max_position_embeddings\": 4096, \"rms_norm_eps\": 1e-05,\n"
      "  \"rope_theta\": 10000.0, \"hidden_act\": \"silu\", \"bos_token_id\": 1, \"eos_token_id\": "
      "2},\n"
      " \"vision_config\": {\"model_type\": \"clip_vision_model\", \"hidden_size\": %d,\n"
      "  \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d,\n"
      "  \"image_size\": %d, \"patch_size\": %d, \"projection_dim\": %d,\n"
      "  \"hidden_act\": \"quick_gelu\", \"layer_norm_eps\": 1e-05},\n"
      " \"tie_word_embeddings\": false, \"torch_dtype\": \"%s\"}\n",
      side * side, s->width, s->inner, s->layers, s->heads, s->kv_heads, s->vocab, s->vision_width,
      s->vision_inner, s->vision_layers, s->vision_heads, s->image_size, s->patch, s->vision_width,
      m->type == DTYPE_F32   ? "float32"
      : m->type == DTYPE_F16 ? "float16"
                             : "bfloat16"));
  TRY(write_text(m, "processor_config.json",
                 "{\"processor_class\": \"LlavaProcessor\", \"patch_size\": %d, \"image_token\": "
                 "\"<image>\",\n \"vision_feature_select_strategy\": \"default\", "
                 "\"num_additional_image_tokens\": 1}\n",
                 s->patch));
  return write_text(
      m, "preprocessor_config.json",
      "{\"image_processor_type\": \"CLIPImageProcessor\", \"do_convert_rgb\": true,\n"
      " \"do_resize\": true, \"size\": {\"shortest_edge\": %d}, \"resample\": 3,\n"
      " \"do_center_crop\": true, \"crop_size\": {\"height\": %d, \"width\": %d},\n"
      " \"do_rescale\": true, \"rescale_factor\": 0.00392156862745098, \"do_normalize\": true,\n"
      " \"image_mean\": [0.48145466, 0.4578275, 0.40821073],\n"
      " \"image_std\": [0.26862954, 0.26130258, 0.27577711]}\n",
      s->image_size, s->image_size, s->image_size);
}

/* Every canvas of up to 6 x 6 tiles, or of LLaVA-NeXT's five; JSON, at most 600 bytes. */
static void list_canvases(const maker *m, char out[1024]) {
  static const int five[][2] = {{1, 2}, {2, 1}, {2, 2}, {3, 1}, {1, 3}};
  bool next = m->s.family == NEXT;
  int side = m->s.image_size;
  size_t n = 0;
  for (int i = 0; i < (next ? 5 : 36); i++) {
    int down = next ? five[i][0] : i / 6 + 1, across = next ? five[i][1] : i % 6 + 1;
    n += (size_t)snprintf(out + n, 1024 - n, "%s[%d, %d]", i ? ", " : "[", down * side,
                          across * side);
  }
  snprintf(out + n, 1024 - n, "]");
}

loci_status write_tiled_config(maker *m) {
  const shape *s = &m->s;
  bool next = s->family == NEXT;
  char canvases[1024];
  list_canvases(m, canvases);
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"%s\"], \"model_type\": \"%s\",\n"
      " \"image_grid_pinpoints\": %s,\n"
      " \"image_token_index\": 603, \"projector_hidden_act\": \"gelu\",\n"
      " \"use_image_newline_parameter\": true, \"vision_aspect_ratio\": \"anyres_max_9\",\n"
      " \"vision_feature_layer\": %d, \"vision_feature_select_strategy\": \"%s\",\n"
      " \"text_config\": {\"model_type\": \"%s\", \"hidden_size\": %d, \"intermediate_size\": %d,\n"
      "  \"num_hidden_layers\": %d, \"num_attention_heads\": %d, \"num_key_value_heads\": %d,\n"
      "  \"vocab_size\": %d, \"max_position_embeddings\": 32768, \"rms_norm_eps\": 1e-06,\n"
      "  \"rope_theta\": 1000000.0, \"sliding_window\": null, \"eos_token_id\": %d},\n"
      " \"vision_config\": {\"model_type\": \"%s\", \"hidden_size\": %d,\n"
      "  \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d,\n"
      "  \"image_size\": %d, \"patch_size\": %d}, \"tie_word_embeddings\": false}\n",
      next ? "LlavaNextForConditionalGeneration" : "LlavaOnevisionForConditionalGeneration",
      next ? "llava_next" : "llava_onevision", canvases, next ? -2 : -1, next ? "default" : "full",
      next ? "mistral" : "qwen2", s->width, s->inner, s->layers, s->heads, s->kv_heads, s->vocab,
      next ? 2 : 602, next ? "clip_vision_model" : "siglip_vision_model", s->vision_width,
      s->vision_inner, s->vision_layers, s->vision_heads, s->image_size, s->patch));
  return write_text(
      m, "preprocessor_config.json",
      "{\"image_processor_type\": \"%s\", \"resample\": 3, \"image_grid_pinpoints\": %s,\n"
      " \"size\": {\"height\": %d, \"width\": %d}, \"crop_size\": {\"height\": %d, \"width\": "
      "%d}}\n",
      next ? "LlavaNextImageProcessor" : "LlavaOnevisionImageProcessor", canvases, s->image_size,
      s->image_size, s->image_size, s->image_size);
}

/* Every eighth block sees the whole picture. */
loci_status write_qwen_config(maker *m) {
  const shape *s = &m->s;
  int pairs = s->width / s->heads / 2, time = pairs / 4, rest = pairs - time;
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"Qwen2_5_VLForConditionalGeneration\"], \"model_type\": "
      "\"qwen2_5_vl\",\n"
      " \"hidden_size\": %d, \"intermediate_size\": %d, \"num_hidden_layers\": %d,\n"
      " \"num_attention_heads\": %d, \"num_key_value_heads\": %d, \"vocab_size\": %d,\n"
      " \"max_position_embeddings\": 128000, \"rms_norm_eps\": 1e-06, \"rope_theta\": 1000000.0,\n"
      " \"rope_scaling\": {\"type\": \"mrope\", \"mrope_section\": [%d, %d, %d]},\n"
      " \"use_sliding_window\": false, \"tie_word_embeddings\": false, \"eos_token_id\": 602,\n"
      " \"image_token_id\": 612, \"vision_start_token_id\": 609, \"vision_end_token_id\": 610,\n"
      " \"vision_config\": {\"depth\": %d, \"hidden_size\": %d, \"intermediate_size\": %d,\n"
      "  \"num_heads\": %d, \"patch_size\": %d, \"out_hidden_size\": %d, \"window_size\": %d,\n"
      "  \"fullatt_block_indexes\": [7, 15, 23, 31], \"hidden_act\": \"silu\"}}\n",
      s->width, s->inner, s->layers, s->heads, s->kv_heads, s->vocab, time, rest / 2,
      rest - rest / 2, s->vision_layers, s->vision_width, s->vision_inner, s->vision_heads,
      s->patch, s->width, s->image_size));
  return write_text(m, "preprocessor_config.json",
                    "{\"image_processor_type\": \"Qwen2VLImageProcessor\", \"patch_size\": %d,\n"
                    " \"merge_size\": 2, \"temporal_patch_size\": 2, \"min_pixels\": 3136,\n"
                    " \"max_pixels\": 12845056}\n",
                    s->patch);
}

loci_status write_qwen3_vl_config(maker *m) {
  const shape *s = &m->s;
  int pairs = head_of(s) / 2, rest = pairs * 5 / 16, table = s->image_size / s->patch;
  int blocks[3] = {0}, n = deep_blocks(s, blocks);
  char list[64];
  snprintf(list, sizeof list, n < 3 ? "%d" : "%d, %d, %d", blocks[0], blocks[1], blocks[2]);
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"Qwen3VLForConditionalGeneration\"], \"model_type\": "
      "\"qwen3_vl\",\n"
      " \"text_config\": {\"model_type\": \"qwen3_vl_text\", \"hidden_size\": %d,\n"
      "  \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d,\n"
      "  \"num_key_value_heads\": %d, \"head_dim\": %d, \"vocab_size\": %d,\n"
      "  \"max_position_embeddings\": 262144, \"rms_norm_eps\": 1e-06, \"rope_theta\": 5000000,\n"
      "  \"rope_scaling\": {\"mrope_interleaved\": true, \"mrope_section\": [%d, %d, %d],\n"
      "   \"rope_type\": \"default\"}, \"eos_token_id\": 602},\n"
      " \"image_token_id\": 612, \"vision_start_token_id\": 609, \"vision_end_token_id\": 610,\n"
      " \"vision_config\": {\"depth\": %d, \"hidden_size\": %d, \"intermediate_size\": %d,\n"
      "  \"num_heads\": %d, \"patch_size\": %d, \"out_hidden_size\": %d,\n"
      "  \"num_position_embeddings\": %d, \"deepstack_visual_indexes\": [%s],\n"
      "  \"hidden_act\": \"gelu_pytorch_tanh\"}}\n",
      s->width, s->inner, s->layers, s->heads, s->kv_heads, head_of(s), s->vocab, pairs - 2 * rest,
      rest, rest, s->vision_layers, s->vision_width, s->vision_inner, s->vision_heads, s->patch,
      s->width, table * table, list));
  return write_text(
      m, "preprocessor_config.json",
      "{\"image_processor_type\": \"Qwen2VLImageProcessorFast\", \"patch_size\": %d,\n"
      " \"merge_size\": 2, \"temporal_patch_size\": 2, \"image_mean\": [0.5, 0.5, "
      "0.5],\n \"image_std\": [0.5, 0.5, 0.5], \"size\": {\"shortest_edge\": 65536, "
      "\"longest_edge\": 16777216}}\n",
      s->patch);
}

loci_status write_bunny_config(maker *m) {
  const shape *s = &m->s;
  if (mkdir(path_of(m, "siglip"), 0777) != 0) {
    return fail(&m->err, LOCI_EIO, "%s/siglip: %s", m->dir, strerror(errno));
  }
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"BunnyPhiForCausalLM\"], \"model_type\": \"bunny-phi\",\n"
      " \"hidden_size\": %d, \"intermediate_size\": %d, \"num_hidden_layers\": %d,\n"
      " \"num_attention_heads\": %d, \"num_key_value_heads\": %d, \"vocab_size\": %d,\n"
      " \"max_position_embeddings\": 2048, \"layer_norm_eps\": 1e-05, \"rope_theta\": 10000.0,\n"
      " \"partial_rotary_factor\": 0.4, \"hidden_act\": \"gelu_new\", \"bos_token_id\": 639,\n"
      " \"eos_token_id\": 639, \"mm_hidden_size\": %d, \"mm_projector_type\": \"mlp2x_gelu\",\n"
      " \"mm_vision_tower\": \"./siglip\", \"image_aspect_ratio\": \"pad\",\n"
      " \"tokenizer_model_max_length\": 2048, \"use_mm_proj\": true}\n",
      s->width, s->inner, s->layers, s->heads, s->kv_heads, s->vocab, s->vision_width));
  TRY(write_text(m, "siglip/config.json",
                 "{\"architectures\": [\"SiglipVisionModel\"], \"model_type\": "
                 "\"siglip_vision_model\",\n \"hidden_size\": %d, \"intermediate_size\": %d, "
                 "\"num_hidden_layers\": %d,\n \"num_attention_heads\": %d, \"image_size\": %d, "
                 "\"patch_size\": %d,\n \"hidden_act\": \"gelu_pytorch_tanh\", \"layer_norm_eps\": "
                 "1e-06, \"vision_use_head\": false}\n",
                 s->vision_width, s->vision_inner, s->vision_layers, s->vision_heads, s->image_size,
                 s->patch));
  return write_text(
      m, "siglip/preprocessor_config.json",
      "{\"image_processor_type\": \"SiglipImageProcessor\", \"do_resize\": true,\n"
      " \"size\": {\"height\": %d, \"width\": %d}, \"resample\": 3, \"do_rescale\": true,\n"
      " \"rescale_factor\": 0.00392156862745098, \"do_normalize\": true,\n"
      " \"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [0.5, 0.5, 0.5]}\n",
      s->image_size, s->image_size);
}

/* JSON of some numbers, at most 1,000 bytes. */
static void list_numbers(const int *numbers, int count, char out[1024]) {
  size_t n = (size_t)snprintf(out, 1024, "[");
  for (int i = 0; i < count; i++)
    n += (size_t)snprintf(out + n, 1024 - n, "%s%d", i ? ", " : "", numbers[i]);
  snprintf(out + n, 1024 - n, "]");
}

loci_status write_mllama_config(maker *m) {
  const shape *s = &m->s;
  int layers[128], features[5], n = 0, kept = feature_layers(s, features);
  char cross[1024], listed[1024];
  for (int l = 0; l < s->layers && n < 128; l++) {
    if (reads_picture(s, l)) layers[n++] = l;
  }
  list_numbers(layers, n, cross);
  list_numbers(features, kept, listed);
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"MllamaForConditionalGeneration\"], \"model_type\": \"mllama\",\n"
      " \"image_token_index\": 631,\n"
      " \"text_config\": {\"model_type\": \"mllama_text_model\", \"hidden_size\": %d,\n"
      "  \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d,\n"
      "  \"num_key_value_heads\": %d, \"vocab_size\": %d, \"cross_attention_layers\": %s,\n"
      "  \"max_position_embeddings\": 131072, \"rms_norm_eps\": 1e-05, \"rope_theta\": 500000.0,\n"
      "  \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0,\n"
      "   \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 8192},\n"
      "  \"bos_token_id\": 620, \"eos_token_id\": [621, 628, 629], \"pad_token_id\": 624,\n"
      "  \"tie_word_embeddings\": false},\n"
      " \"vision_config\": {\"model_type\": \"mllama_vision_model\", \"hidden_size\": %d,\n"
      "  \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_global_layers\": %d,\n"
      "  \"attention_heads\": %d, \"image_size\": %d, \"patch_size\": %d, \"max_num_tiles\": 4,\n"
      "  \"vision_output_dim\": %d, \"intermediate_layers_indices\": %s,\n"
      "  \"supported_aspect_ratios\": [[1, 1], [1, 2], [1, 3], [1, 4], [2, 1], [2, 2], [3, 1], "
      "[4, 1]]}}\n",
      s->width, s->inner, s->layers, s->heads, s->kv_heads, s->vocab, cross, s->vision_width,
      s->vision_inner, s->vision_layers, gated_layers(s), s->vision_heads, s->image_size, s->patch,
      s->vision_width * (1 + kept), listed));
  return write_text(
      m, "preprocessor_config.json",
      "{\"image_processor_type\": \"MllamaImageProcessor\", \"max_image_tiles\": 4,\n"
      " \"size\": {\"height\": %d, \"width\": %d}, \"resample\": 2, \"do_pad\": true}\n",
      s->image_size, s->image_size);
}

loci_status write_idefics_config(maker *m) {
  const shape *s = &m->s;
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"SmolVLMForConditionalGeneration\"], \"model_type\": \"smolvlm\",\n"
      " \"image_token_id\": 627, \"scale_factor\": 4, \"tie_word_embeddings\": false,\n"
      " \"text_config\": {\"model_type\": \"llama\", \"hidden_size\": %d, \"intermediate_size\": "
      "%d,\n"
      "  \"num_hidden_layers\": %d, \"num_attention_heads\": %d, \"num_key_value_heads\": %d,\n"
      "  \"vocab_size\": %d, \"max_position_embeddings\": 8192, \"rms_norm_eps\": 1e-05,\n"
      "  \"rope_theta\": 100000, \"bos_token_id\": 1, \"eos_token_id\": 629, \"pad_token_id\": "
      "2},\n"
      " \"vision_config\": {\"model_type\": \"smolvlm_vision\", \"hidden_size\": %d,\n"
      "  \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d,\n"
      "  \"image_size\": %d, \"patch_size\": %d}}\n",
      s->width, s->inner, s->layers, s->heads, s->kv_heads, s->vocab, s->vision_width,
      s->vision_inner, s->vision_layers, s->vision_heads, s->image_size, s->patch));
  return write_text(
      m, "preprocessor_config.json",
      "{\"image_processor_type\": \"SmolVLMImageProcessor\", \"do_image_splitting\": true,\n"
      " \"max_image_size\": {\"longest_edge\": %d}, \"size\": {\"longest_edge\": %d}, "
      "\"resample\": 1}\n",
      s->image_size, 4 * s->image_size);
}

loci_status write_internvl_config(maker *m) {
  const shape *s = &m->s;
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"InternVLForConditionalGeneration\"], \"model_type\": \"internvl\",\n"
      " \"image_token_id\": 616, \"downsample_ratio\": 0.5, \"vision_feature_layer\": -1,\n"
      " \"text_config\": {\"model_type\": \"qwen2\", \"hidden_size\": %d, \"intermediate_size\": "
      "%d,\n"
      "  \"num_hidden_layers\": %d, \"num_attention_heads\": %d, \"num_key_value_heads\": %d,\n"
      "  \"vocab_size\": %d, \"max_position_embeddings\": 32768, \"rms_norm_eps\": 1e-06,\n"
      "  \"rope_theta\": 1000000.0, \"use_sliding_window\": false, \"eos_token_id\": 602},\n"
      " \"vision_config\": {\"model_type\": \"internvl_vision\", \"hidden_size\": %d,\n"
      "  \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d,\n"
      "  \"attention_bias\": true, \"image_size\": [%d, %d], \"patch_size\": [%d, %d]}}\n",
      s->width, s->inner, s->layers, s->heads, s->kv_heads, s->vocab, s->vision_width,
      s->vision_inner, s->vision_layers, s->vision_heads, s->image_size, s->image_size, s->patch,
      s->patch));
  return write_text(
      m, "preprocessor_config.json",
      "{\"image_processor_type\": \"GotOcr2ImageProcessor\", \"crop_to_patches\": true,\n"
      " \"min_patches\": 1, \"max_patches\": 12, \"size\": {\"height\": %d, \"width\": %d},\n"
      " \"image_mean\": [0.485, 0.456, 0.406], \"image_std\": [0.229, 0.224, 0.225]}\n",
      s->image_size, s->image_size);
}

loci_status write_gemma_vision_config(maker *m) {
  const shape *s = &m->s;
  bool pali = s->family == PALIGEMMA;
  int side = s->image_size / s->patch / 4;
  TRY(write_text(
      m, "config.json",
      "{\"architectures\": [\"%s\"], \"model_type\": \"%s\",\n"
      " \"image_token_index\": %d, \"mm_tokens_per_image\": %d, \"eos_token_id\": 1,\n"
      " \"text_config\": {\"model_type\": \"%s\", \"hidden_size\": %d, \"intermediate_size\": %d,\n"
      "  \"num_hidden_layers\": %d, \"num_attention_heads\": %d, \"num_key_value_heads\": %d,\n"
      "  \"head_dim\": %d, \"query_pre_attn_scalar\": %d, \"vocab_size\": %d,\n"
      "  \"max_position_embeddings\": 8192, \"sliding_window\": 1024%s},\n"
      " \"vision_config\": {\"model_type\": \"siglip_vision_model\", \"hidden_size\": %d,\n"
      "  \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d,\n"
      "  \"image_size\": %d, \"patch_size\": %d, \"vision_use_head\": false}}\n",
      pali ? "PaliGemmaForConditionalGeneration" : "Gemma3ForConditionalGeneration",
      pali ? "paligemma" : "gemma3", pali ? 603 : 605, side * side, pali ? "gemma" : "gemma3_text",
      s->width, s->inner, s->layers, s->heads, s->kv_heads, head_of(s), head_of(s), s->vocab,
      pali ? "" : ", \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 8.0}",
      s->vision_width, s->vision_inner, s->vision_layers, s->vision_heads, s->image_size,
      s->patch));
  return write_text(
      m, "preprocessor_config.json",
      "{\"image_processor_type\": \"%sImageProcessor\", \"size\": {\"height\": %d, \"width\": "
      "%d},\n"
      " \"resample\": %d, \"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [0.5, 0.5, 0.5]}\n",
      pali ? "Siglip" : "Gemma3", s->image_size, s->image_size, pali ? 3 : 2);
}

/* What the text families have in common but GPT-2, and what is each one's own. */
loci_status write_text_config(maker *m) {
  static const char *const own[][3] = {
      [QWEN3] = {"Qwen3ForCausalLM", "qwen3",
                 "\"hidden_act\": \"silu\", \"rope_theta\": 1000000.0, \"sliding_window\": null, "
                 "\"eos_token_id\": 602"},
      [PHI3] = {"Phi3ForCausalLM", "phi3",
                "\"hidden_act\": \"silu\", \"rope_theta\": 250000.0, \"sliding_window\": null, "
                "\"eos_token_id\": 603, \"pad_token_id\": 603"},
      [GEMMA2] =
          {"Gemma2ForCausalLM", "gemma2",
           "\"hidden_activation\": \"gelu_pytorch_tanh\", \"attn_logit_softcapping\": 50.0, "
           "\"final_logit_softcapping\": 30.0, \"sliding_window\": 4096, \"eos_token_id\": 1"},
      [GEMMA3] = {"Gemma3ForCausalLM", "gemma3_text",
                  "\"hidden_activation\": \"gelu_pytorch_tanh\", \"rope_theta\": 1000000.0, "
                  "\"sliding_window\": 512, \"sliding_window_pattern\": 6, \"eos_token_id\": 1"}};
  const shape *s = &m->s;
  if (s->family == GPT2) {
    return write_text(m, "config.json",
                      "{\"architectures\": [\"GPT2LMHeadModel\"], \"model_type\": \"gpt2\",\n"
                      " \"n_embd\": %d, \"n_inner\": %d, \"n_layer\": %d, \"n_head\": %d,\n"
                      " \"n_positions\": 1024, \"vocab_size\": %d, \"eos_token_id\": 600}\n",
                      s->width, s->inner, s->layers, s->heads, s->vocab);
  }
  return write_text(
      m, "config.json",
      "{\"architectures\": [\"%s\"], \"model_type\": \"%s\", \"hidden_size\": %d,\n"
      " \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d,\n"
      " \"num_key_value_heads\": %d, \"head_dim\": %d, \"query_pre_attn_scalar\": %d,\n"
      " \"vocab_size\": %d, \"max_position_embeddings\": 16384, \"rms_norm_eps\": 1e-06,\n %s}\n",
      own[s->family][0], own[s->family][1], s->width, s->inner, s->layers, s->heads, s->kv_heads,
      head_of(s), head_of(s), s->vocab, own[s->family][2]);
}
