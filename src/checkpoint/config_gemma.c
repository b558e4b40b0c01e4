/* Gemma-3 with pictures and PaliGemma in config.json: a SigLIP tower, normalised after its last
 * layer, before a decoder of Gemma's, in which rows see what comes after them: Gemma-3's of a
 * picture each other, PaliGemma's of a prompt. */
#include <string.h>

#include "checkpoint/config_parts.h"

static const picture_text marks = {.mark = "<start_of_image>",
                                   .begin = "\n\n<start_of_image>",
                                   .line = "",
                                   .whole = {"", ""},
                                   .end = "<end_of_image>\n\n"};

static loci_status parse(const config_reader *r, const js_value *config, const char *model_type,
                         model_config *out) {
  const js_value *text;
  config_reader section;
  vision_config *v = &out->vision;
  TRY(section_read(r, config, "text_config", &text, &section));
  TRY(js_get_text(text, "model_type", section.what, &model_type, r->err));
  if (!text || !js_get(config, "vision_config")) {
    return fail(r->err, LOCI_EFORMAT, "%s: no \"%s\"", r->what,
                text ? "vision_config" : "text_config");
  }
  if (strncmp(model_type, "gemma", 5) != 0) { /* whose rows of tokens are scaled */
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: text model \"%.60s\" is not supported; known are "
                "gemma, gemma2, gemma3_text",
                section.what, model_type);
  }
  TRY(family_text_parse(&section, text, model_type, out));
  if (!js_get(text, "tie_word_embeddings")) {
    TRY(js_get_bool(config, "tie_word_embeddings", r->what, &out->text.tied, r->err));
  }
  TRY(tower_parse_hf(r, config, true, v));
  v->post_norm = true;
  v->n_features = 1;
  v->feature_depth[0] = v->layers;
  out->layout = LAYOUT_HF_LEGACY; /* the tensors' names decide */
  out->has_vision = true;
  out->projector = (projector_config){.n_linear = 1, .inner = out->text.width};
  TRY(read_int(r, config, "image_token_id", (const int[]){0, INT32_MAX}, &out->image_token));
  return read_int(r, config, "image_token_index", (const int[]){0, INT32_MAX}, &out->image_token);
}

loci_status family_gemma3(const config_reader *r, const js_value *config, const char *model_type,
                          model_config *out) {
  vision_config *v = &out->vision;
  int side = 1, rows = 256;
  out->image_token = 262144;
  TRY(parse(r, config, model_type, out));
  TRY(read_int(r, config, "mm_tokens_per_image", (const int[]){1, 1 << 20}, &rows));
  while (side * side < rows) side++;
  if (side * side != rows || v->grid % side != 0) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: \"mm_tokens_per_image\" %d is no square that divides the %d patches on a side",
                r->what, rows, v->grid);
  }
  out->family = out->default_template = "gemma3";
  out->text.mutual = MUTUAL_PICTURE;
  out->text.logit_cap = 0; /* only the text model alone has it */
  out->picture = &marks;
  out->image_rows = rows;
  v->merge = v->grid / side;
  v->shuffle = true;
  out->projector.pooled = out->projector.turned = true;
  out->projector.norm_joined = true;
  out->projector.norm_kind = NORM_RMS_PLUS_ONE;
  out->projector.norm_eps = v->eps;
  return LOCI_OK;
}

loci_status family_paligemma(const config_reader *r, const js_value *config, const char *model_type,
                             model_config *out) {
  out->image_token = 256000;
  TRY(parse(r, config, model_type, out));
  out->family = out->default_template = "paligemma";
  out->text.mutual = MUTUAL_PROMPT;
  out->text.rope.first = 1;
  out->text.slides = NULL; /* one mask serves all layers */
  out->text.sliding_window = 0;
  out->image_rows = out->vision.grid * out->vision.grid;
  out->projector.bias = true;
  return LOCI_OK;
}
