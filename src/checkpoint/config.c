/* config.json as a whole (see config.h): which family, its parts, and the ids that begin and end a
 * text.  Whatever a config asks for that is not computed here is refused by name: an ignored field
 * would give wrong numbers without a word. */
#include "checkpoint/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/fixed.h"
#include "checkpoint/config_parts.h"

/* ---------------------------------------------------------------- said twice */

static bool same_scalar(const js_value *a, const js_value *b) {
  double x, y;
  bool p, q;
  const char *s = js_text_of(a, NULL), *t = js_text_of(b, NULL);
  if (js_real_of(a, &x) && js_real_of(b, &y)) return x == y;
  if (js_bool_of(a, &p) && js_bool_of(b, &q)) return p == q;
  if (s && t) return strcmp(s, t) == 0;
  return js_kind_of(a) == js_kind_of(b);
}

/* Fields that the config and its text part give differently; those of the part count. */
static loci_status note_contradictions(const config_reader *r, const js_value *config,
                                       model_config *out) {
  static const char *const idle[] = {"model_type",       "architectures", "_name_or_path",
                                     "torch_dtype",      "dtype",         "transformers_version",
                                     "use_cache",        "bos_token_id",  "eos_token_id",
                                     "pad_token_id",     "return_dict",   "initializer_range",
                                     "output_attentions"};
  const js_value *text = js_get(config, "text_config"), *member;
  const char *key;
  char names[120] = "";
  size_t n = 0;
  if (out->layout == LAYOUT_TEXT) return LOCI_OK;
  for (void *it = js_first(text, &key, &member); it; it = js_next(text, it, &key, &member)) {
    const js_value *above = js_get(config, key);
    bool counts = above && js_kind_of(member) != JS_NULL && !same_scalar(above, member);
    for (size_t i = 0; counts && i < sizeof idle / sizeof *idle; i++) {
      counts = strcmp(key, idle[i]) != 0;
    }
    if (!counts || n + strlen(key) + 3 > sizeof names) continue;
    n = fixed_add(names, sizeof names, n, "%s%s", n ? ", " : "", key);
  }
  if (n == 0) return LOCI_OK;
  char note[256];
  snprintf(note, sizeof note,
           "config.json gives %s twice, differently: text_config's counts, the other is not used",
           names);
  out->notes[out->n_notes] = arena_strdup(r->mem, note);
  return out->notes[out->n_notes++] ? LOCI_OK : fail_nomem(r->err, r->what);
}

/* Of LLaVA's parts only what stands in text_config turns the text's rotation. */
static void note_outside(const js_value *config, model_config *out) {
  const js_value *text = js_get(config, "text_config");
  if (!text || js_get(text, "rope_scaling") || !js_get(config, "rope_scaling")) return;
  out->notes[out->n_notes++] =
      "config.json's rope_scaling stands beside text_config, not in it, and is not used";
}

static loci_status refuse_places(const config_reader *r, const model_config *out) {
  const int *s = out->text.rope.sections;
  if (out->layout == LAYOUT_QWEN_VL || s[0] + s[1] + s[2] == 0) return LOCI_OK;
  return fail(r->err, LOCI_EUNSUPPORTED, "%s: \"mrope_section\" is not supported for the family %s",
              r->what, out->family);
}

/* Gemma's decoders multiply the rows of tokens; those of a picture only in models made for it. */
static loci_status refuse_scaled(const config_reader *r, const model_config *out) {
  if (!out->has_vision || out->text.embed_scale == 0 || out->text.mutual != MUTUAL_NONE)
    return LOCI_OK;
  return fail(r->err, LOCI_EUNSUPPORTED, "%s: text model \"%s\" is not supported for the family %s",
              r->what, out->text.model_type, out->family);
}

static loci_status note_image_ids(const js_value *config, model_config *out) {
  int64_t a, b;
  if (out->image_token < 0 || !js_int_of(js_get(config, "image_token_id"), &a) ||
      !js_int_of(js_get(config, "image_token_index"), &b) || a == b) {
    return LOCI_OK;
  }
  out->notes[out->n_notes++] =
      "image_token_id and image_token_index differ: the latter counts, the former is not used";
  return LOCI_OK;
}

/* ---------------------------------------------------------------- families */

static loci_status parse_text_only(const config_reader *r, const js_value *config,
                                   const char *model_type, model_config *out) {
  out->family = "text";
  out->layout = LAYOUT_TEXT;
  out->default_template = "raw";
  out->image_token = -1;
  return family_text_parse(r, config, model_type, out);
}

static loci_status image_rows_of(const config_reader *r, model_config *out) {
  vision_config *v = &out->vision;
  out->image_rows = v->grid * v->grid + (v->class_token ? 1 : 0) - (v->drop_class ? 1 : 0);
  if (out->image_rows < 1) {
    return fail(r->err, LOCI_EFORMAT, "%s: no image row is left when the first is dropped",
                r->what);
  }
  if (out->projector.n_linear == 0 && v->width * v->n_features != out->text.width) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: without a projector the tower's width %d must be the "
                "text model's %d",
                r->what, v->width * v->n_features, out->text.width);
  }
  return LOCI_OK;
}

/* Hugging Face's LLaVAs: what differs between them, with the defaults of their classes. */
typedef struct llava_kind {
  const char *family, *text_type, *strategy, *template_name;
  int image_token, feature; /* hidden state, counted from the last */
  bool siglip;
  void (*tiles)(tile_sizes *out); /* NULL: pictures are seen whole */
  const char *aspect;             /* anyres_max_N: larger grids shrink; NULL: they never do */
} llava_kind;

static const llava_kind llava = {"llava", "llama", "default", "llava-paper", 32000,
                                 -2,      false,   NULL,      NULL};
static const llava_kind llava_next = {"llava-next", "llama", "default",       "llava_v1", 32000,
                                      -2,           false,   tile_sizes_next, NULL};
static const llava_kind llava_onevision = {
    "llava-onevision",    "qwen2",       "full", "onevision", 151646, -1, true,
    tile_sizes_onevision, "anyres_max_9"};

/* A tiled picture's rows stand in grids, so the tower has to give every patch and nothing else. */
static loci_status tiles_parse(const config_reader *r, const js_value *config, const llava_kind *k,
                               model_config *out) {
  const vision_config *v = &out->vision;
  const char *aspect = k->aspect;
  k->tiles(&out->tiles);
  TRY(tile_sizes_parse(config, r->what, &out->tiles, r->err));
  TRY(tile_sizes_check(&out->tiles, v->image_size, r->what, r->err));
  if (v->class_token != v->drop_class) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: vision_feature_select_strategy: tiles of %s are not supported", r->what,
                v->class_token ? "patches and a class row" : "all patches but the first");
  }
  if (aspect) {
    static const char begin[] = "anyres_max_";
    TRY(js_get_text(config, "vision_aspect_ratio", r->what, &aspect, r->err));
    char *end = NULL;
    long most = strncmp(aspect, begin, sizeof begin - 1) == 0 && aspect[sizeof begin - 1] != 0
                    ? strtol(aspect + sizeof begin - 1, &end, 10)
                    : 0;
    if (!end || *end || most < 1 || most > 1 << 20) {
      return fail(r->err, LOCI_EUNSUPPORTED,
                  "%s: vision_aspect_ratio \"%.60s\" is not supported; known is anyres_max_N",
                  r->what, aspect);
    }
    out->most_tiles = (int)most;
  }
  out->image_rows = 0;
  return LOCI_OK;
}

static loci_status parse_hf_llava(const config_reader *r, const js_value *config,
                                  const llava_kind *k, model_config *out) {
  const js_value *text = js_get(config, "text_config");
  const char *type = k->text_type, *strategy = k->strategy;
  config_reader section;
  TRY(reader_section(r, "text_config", &section));
  if (text && js_kind_of(text) != JS_OBJECT) {
    return fail(r->err, LOCI_EFORMAT, "%s: expected an object, found %s", section.what,
                js_kind_name(js_kind_of(text)));
  }
  TRY(js_get_text(text, "model_type", section.what, &type, r->err));
  TRY(family_text_parse(&section, text, type, out));
  out->family = k->family;
  out->layout = LAYOUT_HF_LEGACY; /* the tensors' names decide */
  bool instructed = k->tiles && strcmp(type, "mistral") == 0;
  out->default_template = instructed ? "mistral" : k->template_name;
  out->has_vision = true;
  TRY(tower_parse_hf(r, config, k->siglip, &out->vision));
  TRY(features_parse(r, config, "vision_feature_layer", k->feature, &out->vision));
  TRY(js_get_text(config, "vision_feature_select_strategy", r->what, &strategy, r->err));
  out->vision.drop_class = strcmp(strategy, "default") == 0;
  if (!out->vision.drop_class && strcmp(strategy, "full") != 0) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: vision_feature_select_strategy \"%.60s\" is not "
                "supported; known are default, full",
                r->what, strategy);
  }
  out->projector = (projector_config){
      .n_linear = 2, .act = ACT_GELU_ERF, .bias = true, .inner = out->text.width};
  TRY(read_act(r, config, "projector_hidden_act", &out->projector.act));
  TRY(js_get_bool(config, "multimodal_projector_bias", r->what, &out->projector.bias, r->err));
  out->image_token = k->image_token;
  TRY(read_int(r, config, "image_token_id", (const int[]){0, INT32_MAX}, &out->image_token));
  TRY(read_int(r, config, "image_token_index", (const int[]){0, INT32_MAX}, &out->image_token));
  if (!js_get(text, "tie_word_embeddings")) {
    TRY(js_get_bool(config, "tie_word_embeddings", r->what, &out->text.tied, r->err));
  }
  TRY(image_rows_of(r, out));
  return k->tiles ? tiles_parse(r, config, k, out) : LOCI_OK;
}

static loci_status parse_llava(const config_reader *r, const js_value *config,
                               const char *model_type, model_config *out) {
  (void)model_type;
  return parse_hf_llava(r, config, &llava, out);
}

static loci_status parse_llava_next(const config_reader *r, const js_value *config,
                                    const char *model_type, model_config *out) {
  (void)model_type;
  return parse_hf_llava(r, config, &llava_next, out);
}

static loci_status parse_llava_onevision(const config_reader *r, const js_value *config,
                                         const char *model_type, model_config *out) {
  (void)model_type;
  return parse_hf_llava(r, config, &llava_onevision, out);
}

/* What the original LLaVA and Bunny share: flat fields, a tower by name, prompts split at <image>.
 */
static loci_status parse_original(const config_reader *r, const js_value *config, int n_linear,
                                  model_config *out) {
  const char *aspect = "square", *merge = "flat";
  out->has_vision = true;
  out->image_token = -1;
  out->split_at_image = true;
  TRY(refuse_key(r, config, "use_s2", "towers at several scales"));
  TRY(refuse_key(r, config, "s2", "towers at several scales"));
  TRY(refuse_key(r, config, "mm_use_im_start_end", "start and end marks round the image"));
  TRY(refuse_key(r, config, "mm_resampler_type", "resamplers"));
  TRY(js_get_text(config, "mm_patch_merge_type", r->what, &merge, r->err));
  if (strcmp(merge, "flat") != 0) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: mm_patch_merge_type \"%.60s\" is not supported; known is flat", r->what,
                merge);
  }
  TRY(js_get_text(config, "image_aspect_ratio", r->what, &aspect, r->err));
  if (strcmp(aspect, "pad") == 0) {
    out->image_aspect = "pad";
  } else if (strcmp(aspect, "square") != 0) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: image_aspect_ratio \"%.60s\" is not supported; known are pad, square", r->what,
                aspect);
  }
  TRY(tower_parse_named(r, config, out));
  TRY(projector_parse_named(r, config, n_linear, &out->projector));
  out->projector.inner = out->text.width;
  double length = out->max_length;
  TRY(read_positive(r, config, "tokenizer_model_max_length", 1e31, &length));
  if (length < 1) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: \"tokenizer_model_max_length\" is %g, expected at least 1", r->what, length);
  }
  if (length < out->max_length) out->max_length = (int)length;
  return LOCI_OK;
}

static loci_status check_mm_hidden(const config_reader *r, const js_value *config,
                                   const model_config *out) {
  int width = out->vision.width * out->vision.n_features, stated = width;
  TRY(read_int(r, config, "mm_hidden_size", (const int[]){1, 1 << 20}, &stated));
  if (stated == width) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT,
              "%s: \"mm_hidden_size\" is %d, the vision tower's features have %d channels", r->what,
              stated, width);
}

static loci_status parse_llava_original(const config_reader *r, const js_value *config,
                                        const char *model_type, model_config *out) {
  const char *feature = "patch";
  TRY(family_text_parse(r, config, model_type, out));
  out->family = "llava-original";
  out->layout = LAYOUT_LLAVA_ORIGINAL;
  out->default_template = "vicuna_v1";
  TRY(parse_original(r, config, 1, out));
  TRY(features_parse(r, config, "mm_vision_select_layer", -2, &out->vision));
  TRY(js_get_text(config, "mm_vision_select_feature", r->what, &feature, r->err));
  out->vision.drop_class = strcmp(feature, "patch") == 0;
  if (!out->vision.drop_class && strcmp(feature, "cls_patch") != 0) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: mm_vision_select_feature \"%.60s\" is not "
                "supported; known are patch, cls_patch",
                r->what, feature);
  }
  if (!out->vision.class_token) out->vision.drop_class = false;
  TRY(check_mm_hidden(r, config, out));
  return image_rows_of(r, out);
}

/* Bunny always takes hidden_states[-2], whatever the file says, and drops only a class token. */
static loci_status parse_bunny(const config_reader *r, const js_value *config,
                               const char *model_type, model_config *out) {
  (void)model_type;
  TRY(family_text_parse(r, config, "phi", out));
  out->family = "bunny-phi";
  out->layout = LAYOUT_BUNNY;
  out->default_template = "bunny";
  TRY(parse_original(r, config, 2, out));
  TRY(features_parse(r, NULL, "", -2, &out->vision));
  out->vision.drop_class = out->vision.class_token;
  TRY(check_mm_hidden(r, config, out));
  return image_rows_of(r, out);
}

/* ---------------------------------------------------------------- which family */

typedef loci_status family_parser(const config_reader *r, const js_value *config,
                                  const char *model_type, model_config *out);

static const struct family {
  const char *model_type, *architecture; /* either decides; NULL: any */
  bool has_tower_name;                   /* only with mm_vision_tower */
  const char *text_type;
  family_parser *parse;
} families[] = {
    {"bunny-phi", "BunnyPhiForCausalLM", false, "phi", parse_bunny},
    {"llava_llama", "LlavaLlamaForCausalLM", false, "llama", parse_llava_original},
    {"llava_mistral", "LlavaMistralForCausalLM", false, "mistral", parse_llava_original},
    {"llava", NULL, true, "llama", parse_llava_original},
    {"llava", NULL, false, "llama", parse_llava},
    {"llava_next", NULL, false, "llama", parse_llava_next},
    {"llava_onevision", NULL, false, "qwen2", parse_llava_onevision},
    {"qwen2_vl", NULL, false, "qwen2", family_qwen2_vl},
    {"qwen2_5_vl", NULL, false, "qwen2", family_qwen2_5_vl},
    {"qwen3_vl", NULL, false, "qwen3_vl_text", family_qwen3_vl},
    {"mllama", NULL, false, "mllama_text_model", family_mllama},
    {"idefics3", NULL, false, "llama", family_idefics3},
    {"smolvlm", NULL, false, "llama", family_smolvlm},
    {"internvl", NULL, false, "qwen2", family_internvl},
    {"gemma3", NULL, false, "gemma3_text", family_gemma3},
    {"paligemma", NULL, false, "gemma", family_paligemma},
    {"llama", NULL, false, "llama", parse_text_only},
    {"mistral", NULL, false, "mistral", parse_text_only},
    {"qwen2", NULL, false, "qwen2", parse_text_only},
    {"phi", NULL, false, "phi", parse_text_only},
    {"phi3", NULL, false, "phi3", parse_text_only},
    {"qwen3", NULL, false, "qwen3", parse_text_only},
    {"gemma", NULL, false, "gemma", parse_text_only},
    {"gemma2", NULL, false, "gemma2", parse_text_only},
    {"gemma3_text", NULL, false, "gemma3_text", parse_text_only},
    {"gpt2", NULL, false, "gpt2", parse_text_only},
};

static loci_status family_find(const config_reader *r, const js_value *config,
                               const struct family **out) {
  const char *type = "",
             *architecture = js_text_of(js_at(js_get(config, "architectures"), 0), NULL);
  bool has_tower = js_get(config, "mm_vision_tower") != NULL;
  TRY(js_get_text(config, "model_type", r->what, &type, r->err));
  for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
    const struct family *f = &families[i];
    bool same = strcmp(f->model_type, type) == 0 ||
                (architecture && f->architecture && strcmp(f->architecture, architecture) == 0);
    if (!same || (f->has_tower_name && !has_tower)) continue;
    *out = f;
    return LOCI_OK;
  }
  return fail(
      r->err, LOCI_EUNSUPPORTED,
      "%s: model_type \"%.60s\" is not supported; known are llava, llava_next, "
      "llava_onevision, llava_llama, llava_mistral, bunny-phi, qwen2_vl, qwen2_5_vl, qwen3_vl, "
      "mllama, idefics3, smolvlm, internvl, gemma3, paligemma, llama, mistral, qwen2, qwen3, phi, "
      "phi3, gemma, gemma2, gemma3_text, gpt2",
      r->what, type);
}

loci_status config_parse(const js_value *config, const js_value *generation, const char *dir,
                         const char *what, arena *a, model_config *out, loci_err *err) {
  config_reader r = {.what = what, .dir = dir, .mem = a, .err = err};
  const struct family *family = NULL;
  memset(out, 0, sizeof *out);
  out->repetition_penalty = 1;
  if (js_kind_of(config) != JS_OBJECT) {
    return fail(err, LOCI_EFORMAT, "%s: expected an object, found %s", what,
                js_kind_name(js_kind_of(config)));
  }
  TRY(refuse_key(&r, config, "quantization_config", "quantised weights"));
  TRY(refuse_key(&r, config, "compression_config", "compressed weights"));
  TRY(family_find(&r, config, &family));
  TRY(family->parse(&r, config, family->text_type, out));
  if (out->tiles.count == 0) {
    TRY(refuse_key(&r, config, "image_grid_pinpoints", "images in tiles (anyres)"));
  }
  TRY(note_contradictions(&r, config, out));
  TRY(note_image_ids(config, out));
  TRY(refuse_places(&r, out));
  TRY(refuse_scaled(&r, out));
  note_outside(config, out);
  const js_value *text = js_get(config, "text_config");
  return generation_parse(&r, config, text ? text : config, generation, out);
}

loci_status config_read(const char *dir, arena *a, model_config *out, loci_err *err) {
  loci_status st = LOCI_OK;
  js_value *config = NULL, *generation = NULL;
  const char *path = path_join(a, dir, "config.json");
  const char *generation_path = path_join(a, dir, "generation_config.json");
  if (!path || !generation_path) return fail_nomem(err, dir);
  if (!file_exists(path)) {
    return fail(err, LOCI_EIO,
                "%s: no config.json; a checkpoint is a Hugging Face directory with "
                "config.json and model.safetensors",
                dir);
  }
  TRY_DONE(js_parse_file(path, MAX_CONFIG, &config, err));
  if (file_exists(generation_path)) {
    TRY_DONE(js_parse_file(generation_path, MAX_CONFIG, &generation, err));
  }
  st = config_parse(config, generation, dir, path, a, out, err);
done:
  js_free(config);
  js_free(generation);
  return st;
}
