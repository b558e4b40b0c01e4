/* The vision tower's and the projector's part of config.json.  Hugging Face's LLaVA nests a
 * vision_config; the original LLaVA and Bunny only name the tower, and its values come from a
 * directory inside the checkpoint or from what is known about that name. */
#include "checkpoint/config_parts.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "checkpoint/tower.h"

static const vision_config presets[] = {
    [TOWER_CLIP] = {.model_type = "clip_vision_model",
                    .width = 768,
                    .inner = 3072,
                    .layers = 12,
                    .heads = 12,
                    .image_size = 224,
                    .patch = 32,
                    .eps = 1e-5,
                    .norm = NORM_LAYER,
                    .merge = 1,
                    .act = ACT_QUICK_GELU,
                    .class_token = true,
                    .pre_norm = true},
    [TOWER_SIGLIP] = {.model_type = "siglip_vision_model",
                      .width = 768,
                      .inner = 3072,
                      .layers = 12,
                      .heads = 12,
                      .image_size = 224,
                      .patch = 16,
                      .eps = 1e-6,
                      .norm = NORM_LAYER,
                      .merge = 1,
                      .act = ACT_GELU_TANH,
                      .patch_bias = true},
    [TOWER_CLIP_L_336] = {.model_type = "clip_vision_model",
                          .width = 1024,
                          .inner = 4096,
                          .layers = 24,
                          .heads = 16,
                          .image_size = 336,
                          .patch = 14,
                          .eps = 1e-5,
                          .norm = NORM_LAYER,
                          .merge = 1,
                          .act = ACT_QUICK_GELU,
                          .class_token = true,
                          .pre_norm = true},
    [TOWER_CLIP_L_224] = {.model_type = "clip_vision_model",
                          .width = 1024,
                          .inner = 4096,
                          .layers = 24,
                          .heads = 16,
                          .image_size = 224,
                          .patch = 14,
                          .eps = 1e-5,
                          .norm = NORM_LAYER,
                          .merge = 1,
                          .act = ACT_QUICK_GELU,
                          .class_token = true,
                          .pre_norm = true},
    [TOWER_SIGLIP_SO400M] = {.model_type = "siglip_vision_model",
                             .width = 1152,
                             .inner = 4304,
                             .layers = 27,
                             .heads = 16,
                             .image_size = 384,
                             .patch = 14,
                             .eps = 1e-6,
                             .norm = NORM_LAYER,
                             .merge = 1,
                             .act = ACT_GELU_TANH,
                             .patch_bias = true},
    [TOWER_IDEFICS] = {.model_type = "idefics3_vision",
                       .width = 1152,
                       .inner = 3072,
                       .layers = 12,
                       .heads = 16,
                       .image_size = 224,
                       .patch = 32,
                       .eps = 1e-6,
                       .norm = NORM_LAYER,
                       .merge = 2,
                       .shuffle = true,
                       .act = ACT_GELU_TANH,
                       .patch_bias = true,
                       .post_norm = true},
};

int vision_patch_values(const vision_config *v) {
  return 3 * (v->frames ? v->frames : 1) * v->patch * v->patch;
}

loci_status tower_parse(const config_reader *r, const js_value *o, tower_preset preset,
                        vision_config *out) {
  static const int widths[] = {1, 65536}, heads[] = {1, 1024}, layers[] = {1, 1024};
  static const int pixels[] = {1, 16384}, channels[] = {3, 3};
  int three = 3;
  *out = presets[preset];
  TRY(read_int(r, o, "hidden_size", widths, &out->width));
  TRY(read_int(r, o, "intermediate_size", (const int[]){1, 1 << 20}, &out->inner));
  TRY(read_int(r, o, "num_hidden_layers", layers, &out->layers));
  TRY(read_int(r, o, "num_attention_heads", heads, &out->heads));
  TRY(read_int(r, o, "image_size", pixels, &out->image_size));
  TRY(read_int(r, o, "patch_size", pixels, &out->patch));
  TRY(read_int(r, o, "num_channels", channels, &three));
  TRY(read_act(r, o, "hidden_act", &out->act));
  TRY(read_positive(r, o, "layer_norm_eps", 1, &out->eps));
  out->grid = out->image_size / out->patch;
  if (out->grid < 1 || out->grid > 1024) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: an image of %d pixels in patches of %d makes %d rows, expected 1 to 1024",
                r->what, out->image_size, out->patch, out->grid);
  }
  if (out->width % out->heads != 0) {
    return fail(r->err, LOCI_EFORMAT, "%s: hidden_size %d does not divide into %d heads", r->what,
                out->width, out->heads);
  }
  return LOCI_OK;
}

/* "clip" and "siglip" are the two-tower models, whose vision half is nested once more. */
static loci_status tower_parse_typed(const config_reader *r, const js_value *o, bool siglip,
                                     vision_config *out) {
  const char *type = siglip ? "siglip_vision_model" : "clip_vision_model";
  TRY(js_get_text(o, "model_type", r->what, &type, r->err));
  bool both = strcmp(type, "clip") == 0 || strcmp(type, "siglip") == 0;
  if (both && js_get(o, "vision_config")) o = js_get(o, "vision_config");
  if (strcmp(type, "clip_vision_model") == 0 || strcmp(type, "clip") == 0) {
    return tower_parse(r, o, TOWER_CLIP, out);
  }
  if (strcmp(type, "siglip_vision_model") == 0 || strcmp(type, "siglip") == 0) {
    return tower_parse(r, o, TOWER_SIGLIP, out);
  }
  return fail(r->err, LOCI_EUNSUPPORTED,
              "%s: vision tower \"%.60s\" is not supported; known are clip_vision_model, "
              "siglip_vision_model",
              r->what, type);
}

loci_status tower_parse_hf(const config_reader *r, const js_value *config, bool siglip,
                           vision_config *out) {
  const js_value *o = js_get(config, "vision_config");
  config_reader section;
  if (!o) {
    TRY(tower_parse(r, NULL, siglip ? TOWER_SIGLIP_SO400M : TOWER_CLIP_L_336, out));
    if (siglip) out->layers--; /* the last one's output is not used, and not in the files */
    return LOCI_OK;
  }
  TRY(reader_section(r, "vision_config", &section));
  if (js_kind_of(o) != JS_OBJECT) {
    return fail(r->err, LOCI_EFORMAT, "%s: expected an object, found %s", section.what,
                js_kind_name(js_kind_of(o)));
  }
  return tower_parse_typed(&section, o, siglip, out);
}

/* ---------------------------------------------------------------- towers by name */

static loci_status preset_of(const config_reader *r, const char *name, tower_preset *out) {
  static const struct {
    const char *part;
    tower_preset preset;
  } known[] = {
      {"clip-vit-large-patch14-336", TOWER_CLIP_L_336},
      {"clip-vit-large-patch14", TOWER_CLIP_L_224},
      {"siglip-so400m-patch14-384", TOWER_SIGLIP_SO400M},
      {"sig", TOWER_SIGLIP_SO400M}, /* Bunny's own test for a SigLIP tower */
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (strstr(name, known[i].part)) {
      *out = known[i].preset;
      return LOCI_OK;
    }
  }
  return fail(r->err, LOCI_EUNSUPPORTED,
              "%s: nothing is known about mm_vision_tower \"%.100s\"; fetch it (hf download "
              "%.100s), or put the tower's directory inside the checkpoint's and its relative path "
              "into mm_vision_tower",
              r->what, name, name);
}

loci_status tower_parse_named(const config_reader *r, const js_value *config, model_config *out) {
  const char *name = NULL;
  TRY(js_get_text(config, "mm_vision_tower", r->what, &name, r->err));
  if (!name) return fail(r->err, LOCI_EFORMAT, "%s: no \"mm_vision_tower\"", r->what);
  tower_ref tower;
  TRY(tower_resolve(r->mem, r->dir, name, &tower, r->err));
  out->vision_dir = tower.dir;
  char *file = out->vision_dir ? path_join(r->mem, out->vision_dir, "config.json") : NULL;
  if (out->vision_dir && !file) return fail_nomem(r->err, r->what);
  if (!file || !file_exists(file)) {
    tower_preset preset = TOWER_CLIP;
    TRY(preset_of(r, tower.name, &preset));
    return tower_parse(r, NULL, preset, &out->vision);
  }
  js_value *o;
  config_reader section = *r;
  section.what = file;
  TRY(js_parse_file(file, MAX_CONFIG, &o, r->err));
  loci_status st = tower_parse_typed(&section, o, false, &out->vision);
  js_free(o);
  return st;
}

/* ---------------------------------------------------------------- which hidden state */

/* hidden_states has layers + 1 entries; entry i is what i layers make of the embeddings. */
static loci_status feature_add(const config_reader *r, const char *key, const js_value *v,
                               vision_config *inout) {
  int64_t index;
  int n = inout->layers;
  if (!js_int_of(v, &index) || index < -(n + 1) || index > n) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: \"%s\" must be an integer from %d to %d (the tower has %d layers)", r->what,
                key, -(n + 1), n, n);
  }
  inout->feature_depth[inout->n_features++] = (int)(index < 0 ? n + 1 + index : index);
  return LOCI_OK;
}

loci_status features_parse(const config_reader *r, const js_value *o, const char *key, int usual,
                           vision_config *inout) {
  enum { MOST = sizeof inout->feature_depth / sizeof inout->feature_depth[0] };
  const js_value *v = js_get(o, key);
  inout->n_features = 0;
  if (!v) {
    inout->feature_depth[inout->n_features++] = inout->layers + 1 + usual;
    return LOCI_OK;
  }
  if (js_kind_of(v) != JS_ARRAY) return feature_add(r, key, v, inout);
  if (js_count(v) < 1 || js_count(v) > MOST) {
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: \"%s\" lists %" PRId64 " layers, expected 1 to %d",
                r->what, key, js_count(v), (int)MOST);
  }
  for (int64_t i = 0; i < js_count(v); i++) TRY(feature_add(r, key, js_at(v, i), inout));
  return LOCI_OK;
}

loci_status projector_parse_named(const config_reader *r, const js_value *o, int n_default,
                                  projector_config *out) {
  const char *name = NULL;
  *out = (projector_config){.n_linear = n_default, .act = ACT_GELU_ERF, .bias = true};
  TRY(js_get_text(o, "mm_projector_type", r->what, &name, r->err));
  if (!name) return LOCI_OK;
  if (strcmp(name, "identity") == 0) {
    out->n_linear = 0;
  } else if (strcmp(name, "linear") == 0) {
    out->n_linear = 1;
  } else if (strncmp(name, "mlp", 3) == 0 && name[3] >= '1' && name[3] <= '8' &&
             strcmp(name + 4, "x_gelu") == 0) {
    out->n_linear = name[3] - '0';
  } else {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: projector \"%.60s\" is not supported; known are identity, linear, mlp2x_gelu",
                r->what, name);
  }
  return LOCI_OK;
}
