/* InternVL in config.json, as Hugging Face has it: a tower with a factor for every channel of a
 * branch, whose patches are put together as downsample_ratio says, and a decoder of any known kind.
 */
#include <math.h>
#include <string.h>

#include "checkpoint/config_parts.h"

static const vision_config tower = {.model_type = "internvl_vision",
                                    .width = 1024,
                                    .inner = 4096,
                                    .layers = 24,
                                    .heads = 16,
                                    .image_size = 448,
                                    .patch = 14,
                                    .eps = 1e-6,
                                    .norm = NORM_LAYER,
                                    .act = ACT_GELU_ERF,
                                    .shuffle = true,
                                    .scaled = true,
                                    .patch_bias = true,
                                    .class_token = true,
                                    .drop_class = true};

static const picture_text marks = {
    .begin = "<img>", .line = "", .whole = {"", ""}, .end = "</img>"};

/* A number of pixels, or the same one twice: height and width. */
static loci_status side_parse(const config_reader *r, const js_value *o, const char *key,
                              int *inout) {
  const js_value *list = js_get(o, key);
  int64_t n[2];
  if (js_kind_of(list) != JS_ARRAY) return read_int(r, o, key, (const int[]){1, 16384}, inout);
  for (int i = 0; i < 2; i++) {
    if (js_count(list) != 2 || !js_int_of(js_at(list, i), &n[i]) || n[i] < 1 || n[i] > 16384) {
      return fail(r->err, LOCI_EFORMAT, "%s: \"%s\" must be a height and a width, 1 to 16384",
                  r->what, key);
    }
  }
  *inout = (int)n[0];
  if (n[0] == n[1]) return LOCI_OK;
  return fail(r->err, LOCI_EUNSUPPORTED, "%s: \"%s\": only squares are supported, not %d x %d",
              r->what, key, (int)n[0], (int)n[1]);
}

static loci_status norms_parse(const config_reader *r, const js_value *o, vision_config *v) {
  const char *norm = "layer_norm";
  bool positions = true, pooled = true;
  TRY(js_get_text(o, "norm_type", r->what, &norm, r->err));
  TRY(js_get_bool(o, "use_absolute_position_embeddings", r->what, &positions, r->err));
  TRY(js_get_bool(o, "use_mean_pooling", r->what, &pooled, r->err));
  TRY(js_get_bool(o, "attention_bias", r->what, &v->qkv_bias, r->err));
  TRY(js_get_bool(o, "use_qk_norm", r->what, &v->qk_norm, r->err));
  v->norm = strcmp(norm, "rms_norm") == 0 ? NORM_RMS : NORM_LAYER;
  v->post_norm = !pooled;
  if (v->norm == NORM_LAYER && strcmp(norm, "layer_norm") != 0) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: norm_type \"%.60s\" is not supported; known are layer_norm, rms_norm", r->what,
                norm);
  }
  if (positions) return LOCI_OK;
  return fail(r->err, LOCI_EUNSUPPORTED, "%s: a tower without positions is not supported", r->what);
}

static loci_status tower_of(const config_reader *r, const js_value *o, vision_config *v) {
  int channels = 3;
  *v = tower;
  TRY(read_int(r, o, "hidden_size", (const int[]){1, 65536}, &v->width));
  TRY(read_int(r, o, "intermediate_size", (const int[]){1, 1 << 20}, &v->inner));
  TRY(read_int(r, o, "num_hidden_layers", (const int[]){1, 1024}, &v->layers));
  TRY(read_int(r, o, "num_attention_heads", (const int[]){1, 1024}, &v->heads));
  TRY(read_int(r, o, "num_channels", (const int[]){3, 3}, &channels));
  TRY(side_parse(r, o, "image_size", &v->image_size));
  TRY(side_parse(r, o, "patch_size", &v->patch));
  TRY(read_act(r, o, "hidden_act", &v->act));
  TRY(read_positive(r, o, "layer_norm_eps", 1, &v->eps));
  v->grid = v->image_size / v->patch;
  if (v->grid < 1 || v->grid > 1024 || v->width % v->heads != 0) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: a view of %d pixels in patches of %d, %d channels in %d heads", r->what,
                v->image_size, v->patch, v->width, v->heads);
  }
  return norms_parse(r, o, v);
}

/* Which layer gives the features, and how many patches each way become one row of the sequence. */
static loci_status features_of(const config_reader *r, const js_value *config, vision_config *v) {
  const char *strategy = "default";
  double ratio = 0.5;
  int64_t layer = -1;
  TRY(features_parse(r, config, "vision_feature_layer", -1, v));
  TRY(js_get_text(config, "vision_feature_select_strategy", r->what, &strategy, r->err));
  TRY(read_positive(r, config, "downsample_ratio", 1, &ratio));
  (void)js_int_of(js_get(config, "vision_feature_layer"), &layer);
  v->post_norm = v->post_norm && layer == -1; /* any other is taken as it stands */
  if (strcmp(strategy, "default") != 0 || v->n_features != 1) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: only the patches of one layer are supported (\"vision_feature_layer\", "
                "\"vision_feature_select_strategy\" \"default\")",
                r->what);
  }
  v->merge = (int)fmin(1 / ratio, 100);
  if (v->merge <= 8 && v->merge * ratio == 1 && v->grid % v->merge == 0) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT,
              "%s: \"downsample_ratio\" %g does not divide the %d patches on a side", r->what,
              ratio, v->grid);
}

loci_status family_internvl(const config_reader *r, const js_value *config, const char *model_type,
                            model_config *out) {
  const js_value *text, *vision;
  config_reader section;
  TRY(section_read(r, config, "text_config", &text, &section));
  TRY(js_get_text(text, "model_type", section.what, &model_type, r->err));
  TRY(family_text_parse(&section, text, model_type, out));
  if (!js_get(text, "tie_word_embeddings")) {
    TRY(js_get_bool(config, "tie_word_embeddings", r->what, &out->text.tied, r->err));
  }
  TRY(section_read(r, config, "vision_config", &vision, &section));
  TRY(tower_of(&section, vision, &out->vision));
  TRY(features_of(r, config, &out->vision));
  out->family = "internvl";
  out->layout = LAYOUT_INTERNVL;
  out->default_template = "chatml";
  out->has_vision = true;
  out->picture = &marks;
  out->projector = (projector_config){.n_linear = 2,
                                      .act = ACT_GELU_ERF,
                                      .bias = true,
                                      .norm_joined = true,
                                      .norm_kind = NORM_LAYER,
                                      .norm_eps = 1e-5,
                                      .inner = out->text.width};
  TRY(read_act(r, config, "projector_hidden_act", &out->projector.act));
  int side = out->vision.grid / out->vision.merge;
  out->image_rows = side * side;
  out->image_token = 151667;
  return read_int(r, config, "image_token_id", (const int[]){0, INT32_MAX}, &out->image_token);
}
