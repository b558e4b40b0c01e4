/* Tensor names (see tensor_names.h): per layout a list of prefixes and what stands for them; the
 * first that matches is used, and a name that matches none stays as it is. */
#include "checkpoint/tensor_names.h"

#include <string.h>

typedef struct rename_rule {
  const char *from, *to;
} rename_rule;

static const rename_rule hf_rules[] = {
    {"language_model.model.", "language_model."},
    {"language_model.lm_head.", "lm_head."},
    {"vision_tower.vision_model.", "vision_tower."},
    {"multi_modal_projector.linear.", "multi_modal_projector.linear_1."},
    {"multi_modal_projector.mm_soft_emb_norm.", "multi_modal_projector.norm."},
    {"multi_modal_projector.mm_input_projection_weight", "multi_modal_projector.linear_1.weight"},
    {NULL, NULL},
};

/* The original LLaVA and Bunny: an activation stands between two linears, so they count by two. */
static const rename_rule original_rules[] = {
    {"model.vision_tower.vision_tower.vision_model.", "vision_tower."},
    {"model.vision_tower.vision_tower.", "vision_tower."},
    {"model.vision_tower.", "vision_tower."},
    {"model.mm_projector.0.", "multi_modal_projector.linear_1."},
    {"model.mm_projector.2.", "multi_modal_projector.linear_2."},
    {"model.mm_projector.4.", "multi_modal_projector.linear_3."},
    {"model.mm_projector.6.", "multi_modal_projector.linear_4."},
    {"model.mm_projector.8.", "multi_modal_projector.linear_5."},
    {"model.mm_projector.10.", "multi_modal_projector.linear_6."},
    {"model.mm_projector.12.", "multi_modal_projector.linear_7."},
    {"model.mm_projector.14.", "multi_modal_projector.linear_8."},
    {"model.mm_projector.", "multi_modal_projector.linear_1."},
    {"model.image_newline", "image_newline"},
    {"model.", "language_model."},
    {NULL, NULL},
};

/* Qwen2-VL as published, and as it stands in memory since transformers 4.52; Qwen3-VL. */
static const rename_rule qwen_rules[] = {
    {"visual.merger.ln_q.", "multi_modal_projector.norm."},
    {"visual.merger.norm.", "multi_modal_projector.norm."},
    {"visual.merger.mlp.0.", "multi_modal_projector.linear_1."},
    {"visual.merger.mlp.2.", "multi_modal_projector.linear_2."},
    {"visual.merger.linear_fc1.", "multi_modal_projector.linear_1."},
    {"visual.merger.linear_fc2.", "multi_modal_projector.linear_2."},
    {"visual.deepstack_merger_list.", "deep_projectors."},
    {"visual.patch_embed.proj.", "vision_tower.embeddings.patch_embedding."},
    {"visual.pos_embed.", "vision_tower.embeddings.position_embedding."},
    {"visual.blocks.", "vision_tower.encoder.layers."},
    {"visual.", "vision_tower."},
    {"language_model.", "language_model."},
    {"model.", "language_model."},
    {NULL, NULL},
};

/* Llama-3.2-Vision */
static const rename_rule mllama_rules[] = {
    {"language_model.model.", "language_model."},
    {"language_model.lm_head.", "lm_head."},
    {"multi_modal_projector.", "multi_modal_projector.linear_1."},
    {"vision_model.patch_embedding.", "vision_tower.embeddings.patch_embedding."},
    {"vision_model.transformer.layers.", "vision_tower.encoder.layers."},
    {"vision_model.global_transformer.layers.", "vision_tower.encoder.gated_layers."},
    {"vision_model.", "vision_tower."},
    {NULL, NULL},
};

/* Idefics3 and SmolVLM */
static const rename_rule idefics_rules[] = {
    {"text_model.", "language_model."},
    {"vision_model.", "vision_tower."},
    {"connector.modality_projection.proj.", "multi_modal_projector.linear_1."},
    {NULL, NULL},
};

/* InternVL as Hugging Face has it */
static const rename_rule internvl_rules[] = {
    {"language_model.model.", "language_model."},
    {"language_model.lm_head.", "lm_head."},
    {"multi_modal_projector.layer_norm.", "multi_modal_projector.norm."},
    {"vision_tower.embeddings.cls_token", "vision_tower.embeddings.class_embedding"},
    {"vision_tower.embeddings.position_embeddings",
     "vision_tower.embeddings.position_embedding.weight"},
    {"vision_tower.embeddings.patch_embeddings.projection.",
     "vision_tower.embeddings.patch_embedding."},
    {"vision_tower.encoder.layer.", "vision_tower.encoder.layers."},
    {"vision_tower.layernorm.", "vision_tower.post_layernorm."},
    {NULL, NULL},
};

/* Without "model.": saved from the model below the head.  GPT-2's names are its own. */
static const rename_rule text_rules[] = {
    {"model.image_newline", "image_newline"},
    {"model.", "language_model."},
    {"transformer.wte.", "language_model.embed_tokens."},
    {"transformer.wpe.", "language_model.embed_positions."},
    {"transformer.h.", "language_model.layers."},
    {"transformer.ln_f.", "language_model.final_layernorm."},
    {"wte.", "language_model.embed_tokens."},
    {"wpe.", "language_model.embed_positions."},
    {"h.", "language_model.layers."},
    {"ln_f.", "language_model.final_layernorm."},
    {"embed_tokens.", "language_model.embed_tokens."},
    {"layers.", "language_model.layers."},
    {"norm.", "language_model.norm."},
    {"final_layernorm.", "language_model.final_layernorm."},
    {NULL, NULL},
};

/* A tower's own file; CLIP and SigLIP files hold a text model too, which keeps its names. */
static const rename_rule tower_rules[] = {
    {"vision_tower.vision_model.", "vision_tower."},
    {"vision_model.", "vision_tower."},
    {"embeddings.", "vision_tower.embeddings."},
    {"pre_layrnorm.", "vision_tower.pre_layrnorm."},
    {"encoder.", "vision_tower.encoder."},
    {NULL, NULL},
};

static bool starts_with(const char *s, const char *prefix) {
  return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool ends_with(const char *s, const char *ending) {
  size_t n = strlen(s), m = strlen(ending);
  return n >= m && strcmp(s + n - m, ending) == 0;
}

static const rename_rule *rules_of(layout_kind layout) {
  switch (layout) {
    case LAYOUT_HF_LEGACY:
    case LAYOUT_HF_NEW:
    case LAYOUT_HF_BASE: return hf_rules;
    case LAYOUT_LLAVA_ORIGINAL:
    case LAYOUT_BUNNY: return original_rules;
    case LAYOUT_QWEN_VL: return qwen_rules;
    case LAYOUT_MLLAMA: return mllama_rules;
    case LAYOUT_IDEFICS: return idefics_rules;
    case LAYOUT_INTERNVL: return internvl_rules;
    case LAYOUT_TEXT:
    case LAYOUT_GGUF: break;
  }
  return text_rules;
}

static const char model[] = "model.";

/* Since transformers 4.52 the whole below the head is a "model." in memory, and so in files that
 * are saved from there; in these layouts nothing else has that name, but for Qwen's, where it may
 * be the decoder's. */
static bool is_below_model(layout_kind layout, const char *name) {
  const rename_rule *rules = rules_of(layout);
  if (!starts_with(name, model)) return false;
  name += sizeof model - 1;
  if (rules == qwen_rules)
    return starts_with(name, "visual.") || starts_with(name, "language_model.");
  return rules == hf_rules || rules == mllama_rules || rules == idefics_rules ||
         rules == internvl_rules;
}

const char *name_canonical(arena *a, layout_kind layout, bool is_tower, const char *name) {
  const rename_rule *rule = is_tower ? tower_rules : rules_of(layout);
  if (!is_tower && is_below_model(layout, name)) name += sizeof model - 1;
  while (rule->from && !starts_with(name, rule->from)) rule++;
  if (!rule->from) return name;
  const char *rest = name + strlen(rule->from);
  size_t n = strlen(rule->to), m = strlen(rest);
  char *canonical = arena_alloc(a, (int64_t)(n + m + 1), 1);
  if (!canonical) return NULL;
  memcpy(canonical, rule->to, n);
  memcpy(canonical + n, rest, m + 1);
  return canonical;
}

bool name_is_needless(const char *canonical) {
  return ends_with(canonical, ".rotary_emb.inv_freq") || ends_with(canonical, ".attn.bias") ||
         ends_with(canonical, ".attn.masked_bias") || ends_with(canonical, ".position_ids") ||
         starts_with(canonical, "vision_tower.post_layernorm.") ||
         starts_with(canonical, "vision_tower.head.");
}

const char *name_refusal(const char *name) {
  static const char *const packed[] = {".qweight",
                                       ".qzeros",
                                       ".scales",
                                       ".g_idx",
                                       ".SCB",
                                       ".weight_scale",
                                       ".weight_zero_point",
                                       ".weight_packed",
                                       ".weight_scale_inv",
                                       ".weight.absmax",
                                       ".weight.quant_map",
                                       ".weight_format"};
  for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++) {
    if (ends_with(name, packed[i])) return "quantised weights are not supported";
  }
  if (strstr(name, ".weight.quant_state.")) return "quantised weights are not supported";
  if (strstr(name, ".lora_A.") || strstr(name, ".lora_B.")) {
    return "an adapter (LoRA) has to be merged into its model first";
  }
  return NULL;
}

bool name_tells_layout(const char *name, layout_kind *out) {
  if (starts_with(name, "language_model.model.")) {
    *out = LAYOUT_HF_LEGACY;
  } else if (starts_with(name, "model.language_model.")) {
    *out = LAYOUT_HF_NEW;
  } else if (starts_with(name, "language_model.embed_tokens.")) {
    *out = LAYOUT_HF_BASE;
  } else {
    return false;
  }
  return true;
}
