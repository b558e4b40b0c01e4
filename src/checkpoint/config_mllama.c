/* Llama-3.2-Vision in config.json: a decoder some of whose layers read the picture by
 * cross-attention instead of the sequence, and a tower that sees all tiles of a picture at once. */
#include "checkpoint/config_parts.h"

static const vision_config tower = {.model_type = "mllama_vision_model",
                                    .width = 1280,
                                    .inner = 5120,
                                    .layers = 32,
                                    .gated_layers = 8,
                                    .heads = 16,
                                    .patch = 14,
                                    .image_size = 448,
                                    .eps = 1e-5,
                                    .norm = NORM_LAYER,
                                    .act = ACT_GELU_ERF,
                                    .merge = 1,
                                    .places = 4,
                                    .class_token = true,
                                    .pre_norm = true};

/* ---------------------------------------------------------------- the decoder */

static loci_status cross_layers_parse(const config_reader *r, const js_value *o,
                                      decoder_config *d) {
  static const int usual[] = {3, 8, 13, 18, 23, 28, 33, 38};
  const js_value *list = js_get(o, "cross_attention_layers");
  bool *cross = arena_zarray(r->mem, d->layers, bool);
  if (!cross) return fail_nomem(r->err, r->what);
  if (list && js_kind_of(list) != JS_ARRAY) {
    return fail(r->err, LOCI_EFORMAT, "%s: \"cross_attention_layers\" must be an array, found %s",
                r->what, js_kind_name(js_kind_of(list)));
  }
  for (int64_t i = 0; i < (list ? js_count(list) : 8); i++) {
    int64_t layer = list ? -1 : usual[i];
    if ((list && !js_int_of(js_at(list, i), &layer)) || layer < 0 || layer >= d->layers) {
      return fail(r->err, LOCI_EFORMAT,
                  "%s: \"cross_attention_layers\" must hold numbers of layers, 0 to %d", r->what,
                  d->layers - 1);
    }
    d->cross = cross;
    cross[layer] = true;
  }
  if (d->cross) return LOCI_OK;
  return fail(r->err, LOCI_EUNSUPPORTED,
              "%s: \"cross_attention_layers\" is empty: no layer reads the picture", r->what);
}

/* ---------------------------------------------------------------- the tower */

/* The hidden states that are joined: the end of the last layer, then, channel by channel side by
 * side, what the listed layers read. */
static loci_status features_of(const config_reader *r, const js_value *o, vision_config *v) {
  enum { MOST = sizeof v->feature_depth / sizeof v->feature_depth[0] };
  static const int usual[] = {3, 7, 15, 23, 30};
  const js_value *list = js_get(o, "intermediate_layers_indices");
  int64_t n = list ? js_count(list) : 5;
  if ((list && js_kind_of(list) != JS_ARRAY) || n >= MOST) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: \"intermediate_layers_indices\" must be an array of at most %d layers",
                r->what, (int)MOST - 1);
  }
  v->feature_depth[v->n_features++] = v->layers;
  for (int64_t i = 0; i < n; i++) {
    int64_t layer = list ? -1 : usual[i];
    if ((list && !js_int_of(js_at(list, i), &layer)) || layer < 0 ||
        layer >= v->layers - v->gated_layers) {
      return fail(r->err, LOCI_EFORMAT,
                  "%s: \"intermediate_layers_indices\" must hold numbers of layers, 0 to %d",
                  r->what, v->layers - v->gated_layers - 1);
    }
    v->feature_depth[v->n_features++] = (int)layer;
  }
  int width = v->width * v->n_features;
  TRY(read_int(r, o, "vision_output_dim", (const int[]){1, 1 << 20}, &width));
  if (width == v->width * v->n_features) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT,
              "%s: \"vision_output_dim\" is %d, but %d layers of %d channels make %d", r->what,
              width, v->n_features, v->width, v->width * v->n_features);
}

static loci_status canvases_of(const config_reader *r, const js_value *o, vision_config *v) {
  TRY(read_int(r, o, "max_num_tiles", (const int[]){1, TILE_PLACES}, &v->places));
  tile_sizes_within(v->places, &v->canvases);
  if (!js_get(o, "supported_aspect_ratios")) return LOCI_OK;
  TRY(tile_sizes_parse_key(o, "supported_aspect_ratios", r->what, &v->canvases, r->err));
  for (int i = 0; i < v->canvases.count; i++) {
    if (v->canvases.at[i][0] * v->canvases.at[i][1] <= v->places) continue;
    return fail(r->err, LOCI_EFORMAT,
                "%s: \"supported_aspect_ratios\": %d x %d tiles are more than \"max_num_tiles\" %d",
                r->what, v->canvases.at[i][0], v->canvases.at[i][1], v->places);
  }
  return LOCI_OK;
}

static loci_status tower_of(const config_reader *r, const js_value *o, vision_config *v) {
  static const int widths[] = {1, 65536}, heads[] = {1, 1024}, layers[] = {1, 1024};
  static const int pixels[] = {1, 16384}, three[] = {3, 3};
  int channels = 3;
  *v = tower;
  TRY(read_int(r, o, "hidden_size", widths, &v->width));
  TRY(read_int(r, o, "intermediate_size", (const int[]){1, 1 << 20}, &v->inner));
  TRY(read_int(r, o, "num_hidden_layers", layers, &v->layers));
  TRY(read_int(r, o, "num_global_layers", (const int[]){0, 1024}, &v->gated_layers));
  TRY(read_int(r, o, "num_attention_heads", heads, &v->heads));
  TRY(read_int(r, o, "attention_heads", heads, &v->heads));
  TRY(read_int(r, o, "image_size", pixels, &v->image_size));
  TRY(read_int(r, o, "patch_size", pixels, &v->patch));
  TRY(read_int(r, o, "num_channels", three, &channels));
  TRY(read_act(r, o, "hidden_act", &v->act));
  TRY(read_positive(r, o, "norm_eps", 1, &v->eps));
  v->layers += v->gated_layers;
  v->grid = v->image_size / v->patch;
  if (v->grid < 1 || v->grid > 1024 || v->image_size % v->patch != 0 || v->width % v->heads != 0) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: tiles of %d pixels in patches of %d, %d channels in %d heads", r->what,
                v->image_size, v->patch, v->width, v->heads);
  }
  TRY(canvases_of(r, o, v));
  return features_of(r, o, v);
}

/* ---------------------------------------------------------------- the whole */

loci_status family_mllama(const config_reader *r, const js_value *config, const char *model_type,
                          model_config *out) {
  const js_value *text, *vision;
  config_reader section;
  TRY(section_read(r, config, "text_config", &text, &section));
  TRY(family_text_parse(&section, text, model_type, out));
  TRY(cross_layers_parse(&section, text, &out->text));
  TRY(section_read(r, config, "vision_config", &vision, &section));
  TRY(tower_of(&section, vision, &out->vision));
  out->family = "mllama";
  out->layout = LAYOUT_MLLAMA;
  out->default_template = "llama3-vision";
  out->has_vision = true;
  out->projector = (projector_config){.n_linear = 1, .bias = true, .inner = out->text.width};
  out->image_rows = out->vision.places * (out->vision.grid * out->vision.grid + 1);
  out->image_token = 128256;
  TRY(read_int(r, config, "image_token_id", (const int[]){0, INT32_MAX}, &out->image_token));
  return read_int(r, config, "image_token_index", (const int[]){0, INT32_MAX}, &out->image_token);
}
