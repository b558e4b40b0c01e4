/* Idefics3 and SmolVLM in config.json: a LLaMA and a tower like SigLIP's, whose patches are put
 * together scale_factor x scale_factor at a time.  A prompt spells out which tile the rows of a
 * picture are of. */
#include "checkpoint/config_parts.h"

static const picture_text markers = {
    .begin = "",
    .tile = {"<fake_token_around_image><row_", "_col_", ">"},
    .line = "\n",
    .whole = {"<fake_token_around_image><global-img>", "\n<fake_token_around_image><global-img>"},
    .end = "<fake_token_around_image>"};

static loci_status tower_of(const config_reader *r, const js_value *config, model_config *out) {
  vision_config *v = &out->vision;
  const js_value *vision;
  config_reader section;
  TRY(section_read(r, config, "vision_config", &vision, &section));
  TRY(tower_parse(&section, vision, TOWER_IDEFICS, v));
  TRY(read_int(r, config, "scale_factor", (const int[]){1, 8}, &v->merge));
  if (v->grid % v->merge != 0) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: \"scale_factor\" %d does not divide the %d patches on a side", r->what,
                v->merge, v->grid);
  }
  v->n_features = 1;
  v->feature_depth[0] = v->layers;
  return LOCI_OK;
}

static loci_status parse(const config_reader *r, const js_value *config, const char *model_type,
                         const char *family, model_config *out) {
  const js_value *text;
  config_reader section;
  TRY(section_read(r, config, "text_config", &text, &section));
  TRY(js_get_text(text, "model_type", section.what, &model_type, r->err));
  TRY(refuse_key(&section, text, "use_resampler", "a resampler between tower and text"));
  TRY(refuse_key(&section, text, "qk_layer_norms", "norms on queries and keys"));
  TRY(family_text_parse(&section, text, model_type, out));
  if (!js_get(text, "tie_word_embeddings")) {
    TRY(js_get_bool(config, "tie_word_embeddings", r->what, &out->text.tied, r->err));
  }
  TRY(tower_of(r, config, out));
  out->family = out->default_template = family;
  out->layout = LAYOUT_IDEFICS;
  out->has_vision = true;
  out->picture = &markers;
  out->projector = (projector_config){.n_linear = 1, .inner = out->text.width};
  int side = out->vision.grid / out->vision.merge;
  out->image_rows = side * side;
  out->image_token = 128257;
  return read_int(r, config, "image_token_id", (const int[]){0, INT32_MAX}, &out->image_token);
}

loci_status family_idefics3(const config_reader *r, const js_value *config, const char *model_type,
                            model_config *out) {
  return parse(r, config, model_type, "idefics3", out);
}

loci_status family_smolvlm(const config_reader *r, const js_value *config, const char *model_type,
                           model_config *out) {
  return parse(r, config, model_type, "smolvlm", out);
}
