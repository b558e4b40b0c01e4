/* Qwen2-VL, Qwen2.5-VL and Qwen3-VL in config.json: the decoder's fields in a section of their own
 * or flat beside the others, as the published files have them, and a tower that takes every picture
 * at its own size.  The first two classes' defaults are those of the largest model, so sizes have
 * to be there. */
#include "checkpoint/config_parts.h"

#include <math.h>

typedef struct qwen_family {
  const char *name;
  const char *width_key, *out_key; /* of the tower, and of the rows that it gives */
  int out;
  bool flat, windows, deep;
  vision_config vision;
} qwen_family;

static const qwen_family qwen2 = {"qwen2-vl",
                                  "embed_dim",
                                  "hidden_size",
                                  3584,
                                  true,
                                  false,
                                  false,
                                  {.model_type = "qwen2_vl",
                                   .width = 1280,
                                   .layers = 32,
                                   .heads = 16,
                                   .patch = 14,
                                   .eps = 1e-6,
                                   .norm = NORM_LAYER,
                                   .act = ACT_QUICK_GELU,
                                   .fused = true,
                                   .rotary = true,
                                   .frames = 2,
                                   .merge = 2}};

static const qwen_family qwen2_5 = {"qwen2-vl",
                                    "hidden_size",
                                    "out_hidden_size",
                                    3584,
                                    true,
                                    true,
                                    false,
                                    {.model_type = "qwen2_5_vl",
                                     .width = 3584,
                                     .inner = 3420,
                                     .layers = 32,
                                     .heads = 16,
                                     .patch = 14,
                                     .eps = 1e-6,
                                     .norm = NORM_RMS,
                                     .act = ACT_SILU,
                                     .gated = true,
                                     .fused = true,
                                     .rotary = true,
                                     .frames = 2,
                                     .merge = 2}};

static const qwen_family qwen3 = {"qwen3-vl",
                                  "hidden_size",
                                  "out_hidden_size",
                                  3584,
                                  false,
                                  false,
                                  true,
                                  {.model_type = "qwen3_vl",
                                   .width = 1152,
                                   .inner = 4304,
                                   .layers = 27,
                                   .heads = 16,
                                   .patch = 16,
                                   .eps = 1e-6,
                                   .norm = NORM_LAYER,
                                   .act = ACT_GELU_TANH,
                                   .fused = true,
                                   .fc_names = true,
                                   .patch_bias = true,
                                   .rotary = true,
                                   .frames = 2,
                                   .merge = 2}};

/* ---------------------------------------------------------------- the tower */

static loci_status inner_parse(const config_reader *r, const js_value *o, vision_config *v) {
  double ratio = 4;
  if (v->inner) return read_int(r, o, "intermediate_size", (const int[]){1, 1 << 20}, &v->inner);
  TRY(read_positive(r, o, "mlp_ratio", 64, &ratio));
  v->inner = (int)(v->width * ratio);
  if (v->inner >= 1) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT, "%s: \"mlp_ratio\" is %g, which leaves nothing of %d channels",
              r->what, ratio, v->width);
}

/* Blocks that see the whole picture, and how many rows of the sequence a window has on its side.
 */
static loci_status windows_parse(const config_reader *r, const js_value *o, vision_config *v) {
  static const int usual[] = {7, 15, 23, 31};
  const js_value *list = js_get(o, "fullatt_block_indexes");
  int pixels = 112;
  bool *full = arena_zarray(r->mem, v->layers, bool);
  if (!full) return fail_nomem(r->err, r->what);
  TRY(read_int(r, o, "window_size", (const int[]){1, 1 << 20}, &pixels));
  v->window = pixels / v->merge / v->patch;
  if (v->window < 1) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: a window of %d pixels is smaller than %d x %d patches of %d", r->what, pixels,
                v->merge, v->merge, v->patch);
  }
  if (list && js_kind_of(list) != JS_ARRAY) {
    return fail(r->err, LOCI_EFORMAT, "%s: \"fullatt_block_indexes\" must be an array, found %s",
                r->what, js_kind_name(js_kind_of(list)));
  }
  for (int64_t i = 0; i < (list ? js_count(list) : 4); i++) {
    int64_t block = list ? -1 : usual[i];
    if (list && (!js_int_of(js_at(list, i), &block) || block < 0)) {
      return fail(r->err, LOCI_EFORMAT, "%s: \"fullatt_block_indexes\" must hold numbers of blocks",
                  r->what);
    }
    if (block < v->layers) full[block] = true;
  }
  v->full = full;
  return LOCI_OK;
}

/* A square table of positions, and the blocks whose rows go to the decoder's first layers. */
static loci_status deep_parse(const config_reader *r, const js_value *o, vision_config *v) {
  enum { MOST = sizeof v->deep_depth / sizeof *v->deep_depth };
  static const int usual[] = {8, 16, 24};
  const js_value *list = js_get(o, "deepstack_visual_indexes");
  int positions = 2304;
  TRY(read_int(r, o, "num_position_embeddings", (const int[]){1, 1 << 20}, &positions));
  v->stretched = (int)lround(sqrt(positions));
  if (v->stretched * v->stretched != positions) {
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: \"num_position_embeddings\" %d is no square",
                r->what, positions);
  }
  int64_t n = list ? js_count(list) : 3, block = -1;
  if (n > MOST || (list && js_kind_of(list) != JS_ARRAY)) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: \"deepstack_visual_indexes\" must be an array of at most %d blocks", r->what,
                (int)MOST);
  }
  for (int64_t i = 0, before = -1; i < n; i++, before = block) {
    block = list ? -1 : usual[i];
    if ((list && !js_int_of(js_at(list, i), &block)) || block <= before || block >= v->layers) {
      return fail(r->err, LOCI_EFORMAT,
                  "%s: \"deepstack_visual_indexes\" must hold ascending numbers of the %d blocks",
                  r->what, v->layers);
    }
    v->deep_depth[v->deep_count++] = (int)block + 1;
  }
  return LOCI_OK;
}

static loci_status sizes_check(const config_reader *r, const vision_config *v) {
  if (v->width % v->heads != 0 || v->width / v->heads % 4 != 0) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: %d channels do not divide into %d heads that turn by row and column", r->what,
                v->width, v->heads);
  }
  return LOCI_OK;
}

static loci_status tower_of(const config_reader *r, const js_value *o, const qwen_family *f,
                            model_config *out) {
  static const int widths[] = {1, 65536}, few[] = {1, 8}, three[] = {3, 3};
  vision_config *v = &out->vision;
  int channels = 3, rows_width = f->out;
  *v = f->vision;
  TRY(read_int(r, o, f->width_key, widths, &v->width));
  TRY(read_int(r, o, f->out_key, widths, &rows_width));
  TRY(read_int(r, o, "depth", (const int[]){1, 1024}, &v->layers));
  TRY(read_int(r, o, "num_heads", (const int[]){1, 1024}, &v->heads));
  TRY(read_int(r, o, "patch_size", (const int[]){1, 1024}, &v->patch));
  TRY(read_int(r, o, "spatial_merge_size", few, &v->merge));
  TRY(read_int(r, o, "temporal_patch_size", few, &v->frames));
  TRY(read_int(r, o, "in_channels", three, &channels));
  TRY(read_int(r, o, "in_chans", three, &channels));
  TRY(read_act(r, o, "hidden_act", &v->act));
  TRY(inner_parse(r, o, v));
  if (f->windows) TRY(windows_parse(r, o, v));
  if (f->deep) TRY(deep_parse(r, o, v));
  TRY(sizes_check(r, v));
  v->n_features = 1;
  v->feature_depth[0] = v->layers;
  out->text.deep = v->deep_count < out->text.layers ? v->deep_count : out->text.layers;
  if (rows_width == out->text.width) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT, "%s: \"%s\" is %d, but the text model's rows have %d channels",
              r->what, f->out_key, rows_width, out->text.width);
}

/* ---------------------------------------------------------------- the whole */

/* What a section must say of the decoder. */
static loci_status require_sizes(const config_reader *r, const js_value *o) {
  static const char *const keys[] = {"vocab_size",          "hidden_size",
                                     "intermediate_size",   "num_hidden_layers",
                                     "num_attention_heads", "num_key_value_heads"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    if (!js_get(o, keys[i])) return fail(r->err, LOCI_EFORMAT, "%s: no \"%s\"", r->what, keys[i]);
  }
  return LOCI_OK;
}

/* Where the flat classes have another default than Qwen2. */
static void class_defaults(const js_value *o, decoder_config *d) {
  bool theta = js_get(o, "rope_theta") || js_get(js_get(o, "rope_parameters"), "rope_theta") ||
               js_get(js_get(o, "rope_scaling"), "rope_theta");
  if (!theta) d->rope.theta = 1e6;
  if (!js_get(o, "rms_norm_eps")) d->eps = 1e-5;
}

static loci_status decoder_of(const config_reader *r, const js_value *config,
                              const char *model_type, const qwen_family *f, model_config *out) {
  const js_value *text;
  config_reader section;
  TRY(section_read(r, config, "text_config", &text, &section));
  if (!text && f->flat) section = *r;
  const js_value *o = text || !f->flat ? text : config;
  if (f->flat) TRY(require_sizes(&section, o));
  TRY(family_text_parse(&section, o, model_type, out));
  if (f->flat) class_defaults(o, &out->text);
  if (text && !js_get(text, "tie_word_embeddings")) {
    TRY(js_get_bool(config, "tie_word_embeddings", r->what, &out->text.tied, r->err));
  }
  const int *s = out->text.rope.sections;
  if (s[0] + s[1] + s[2] > 0) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT, "%s: no \"mrope_section\" among the rotary parameters",
              section.what);
}

static loci_status parse(const config_reader *r, const js_value *config, const char *model_type,
                         const qwen_family *f, model_config *out) {
  static const int ids[] = {0, INT32_MAX};
  const js_value *vision;
  config_reader section;
  TRY(decoder_of(r, config, model_type, f, out));
  TRY(section_read(r, config, "vision_config", &vision, &section));
  TRY(tower_of(&section, vision, f, out));
  out->family = out->default_template = f->name;
  out->layout = LAYOUT_QWEN_VL;
  out->has_vision = true;
  out->projector =
      (projector_config){.n_linear = 2,
                         .act = ACT_GELU_ERF,
                         .bias = true,
                         .norm = true,
                         .norm_kind = out->vision.norm,
                         .norm_eps = out->vision.eps,
                         .inner = out->vision.width * out->vision.merge * out->vision.merge};
  out->image_token = 151655;
  out->image_marks[0] = 151652;
  out->image_marks[1] = 151653;
  TRY(read_int(r, config, "image_token_id", ids, &out->image_token));
  TRY(read_int(r, config, "vision_start_token_id", ids, &out->image_marks[0]));
  return read_int(r, config, "vision_end_token_id", ids, &out->image_marks[1]);
}

loci_status family_qwen2_vl(const config_reader *r, const js_value *config, const char *model_type,
                            model_config *out) {
  return parse(r, config, model_type, &qwen2, out);
}

loci_status family_qwen2_5_vl(const config_reader *r, const js_value *config,
                              const char *model_type, model_config *out) {
  return parse(r, config, model_type, &qwen2_5, out);
}

loci_status family_qwen3_vl(const config_reader *r, const js_value *config, const char *model_type,
                            model_config *out) {
  return parse(r, config, model_type, &qwen3, out);
}
