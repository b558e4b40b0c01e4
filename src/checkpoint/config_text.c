/* The text decoder's part of config.json: one table of defaults per model_type, because Hugging
 * Face writes only what differs from them, and the rotary embedding's three spellings. */
#include "checkpoint/config_parts.h"

#include <math.h>
#include <string.h>

typedef struct text_family {
  const char *eps_key;
  double partial_rotary; /* 0: the family has no such thing */
  int bos, eos;
  decoder_config config; /* head_dim 0: width / heads; kv_heads 0: heads */
} text_family;

static const text_family families[] = {
    {"rms_norm_eps",
     0,
     1,
     2,
     {.model_type = "llama",
      .vocab = 32000,
      .width = 4096,
      .inner = 11008,
      .layers = 32,
      .heads = 32,
      .max_positions = 2048,
      .eps = 1e-6,
      .norm = NORM_RMS,
      .act = ACT_SILU,
      .gated = true}},
    {"rms_norm_eps",
     0,
     1,
     2,
     {.model_type = "mistral",
      .vocab = 32000,
      .width = 4096,
      .inner = 14336,
      .layers = 32,
      .heads = 32,
      .kv_heads = 8,
      .max_positions = 131072,
      .sliding_window = 4096,
      .eps = 1e-6,
      .norm = NORM_RMS,
      .act = ACT_SILU,
      .gated = true}},
    {"rms_norm_eps",
     0,
     -1,
     -1,
     {.model_type = "qwen2",
      .vocab = 151936,
      .width = 4096,
      .inner = 22016,
      .layers = 32,
      .heads = 32,
      .kv_heads = 32,
      .max_positions = 32768,
      .sliding_window = 4096,
      .eps = 1e-6,
      .norm = NORM_RMS,
      .act = ACT_SILU,
      .gated = true,
      .qkv_bias = true}},
    {"layer_norm_eps",
     0.5,
     1,
     2,
     {.model_type = "phi",
      .vocab = 51200,
      .width = 2048,
      .inner = 8192,
      .layers = 24,
      .heads = 32,
      .max_positions = 2048,
      .eps = 1e-5,
      .norm = NORM_LAYER,
      .act = ACT_GELU_TANH,
      .parallel = true,
      .qkv_bias = true,
      .o_bias = true,
      .mlp_bias = true}},
    {"rms_norm_eps",
     0,
     128000,
     128001,
     {.model_type = "mllama_text_model",
      .vocab = 128256,
      .width = 4096,
      .inner = 14336,
      .layers = 40,
      .heads = 32,
      .kv_heads = 8,
      .max_positions = 131072,
      .eps = 1e-5,
      .norm = NORM_RMS,
      .act = ACT_SILU,
      .gated = true,
      .rope = {.theta = 500000}}},
};

static const text_family *family_of(const char *model_type) {
  for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
    if (strcmp(families[i].config.model_type, model_type) == 0) return &families[i];
  }
  return NULL;
}

loci_status decoder_defaults(const config_reader *r, const char *model_type, decoder_config *out,
                             int *bos, int *eos) {
  const text_family *f = family_of(model_type);
  if (!f) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: text model \"%.60s\" is not supported; known are llama, mistral, qwen2, phi, "
                "mllama_text_model",
                r->what, model_type);
  }
  *out = f->config;
  *bos = f->bos;
  *eos = f->eos;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- rotary embedding */

/* A number from rope_parameters / rope_scaling, else from the config itself. */
static loci_status rope_number(const config_reader *r, const js_value *rope, const js_value *o,
                               const char *key, double *inout) {
  return read_positive(r, js_get(rope, key) ? rope : o, key, 1e15, inout);
}

static loci_status rope_type(const config_reader *r, const js_value *rope, rope_kind *out) {
  static const char *const names[] = {[ROPE_DEFAULT] = "default",
                                      [ROPE_LINEAR] = "linear",
                                      [ROPE_DYNAMIC] = "dynamic",
                                      [ROPE_LLAMA3] = "llama3"};
  const char *name = "default", *key, *old = NULL;
  const js_value *member;
  TRY(js_get_text(rope, "type", r->what, &old, r->err));       /* the old spelling */
  if (old) name = strcmp(old, "mrope") == 0 ? "default" : old; /* the sections say the rest */
  TRY(js_get_text(rope, "rope_type", r->what, &name, r->err));
  if (strcmp(name, "mrope") == 0) name = "default";
  if (old && strcmp(old, "mrope") != 0 && strcmp(old, name) != 0) {
    return fail(
        r->err, LOCI_EFORMAT,
        "%s: rotary scaling of two types: \"rope_type\" is \"%.40s\", \"type\" is \"%.40s\"",
        r->what, name, old);
  }
  for (void *it = js_first(rope, &key, &member); it; it = js_next(rope, it, &key, &member)) {
    if (js_kind_of(member) == JS_OBJECT) {
      return fail(r->err, LOCI_EUNSUPPORTED,
                  "%s: a rotary embedding of its own for \"%.60s\" layers is not supported",
                  r->what, key);
    }
  }
  for (int i = 0; i < 4; i++) {
    if (strcmp(name, names[i]) == 0) {
      *out = (rope_kind)i;
      return LOCI_OK;
    }
  }
  return fail(r->err, LOCI_EUNSUPPORTED,
              "%s: rotary scaling \"%.60s\" is not supported; known are default, linear, dynamic, "
              "llama3",
              r->what, name);
}

static loci_status rope_factors(const config_reader *r, const js_value *rope,
                                const decoder_config *d, rope_config *out) {
  TRY(read_positive(r, rope, "factor", 1e6, &out->factor));
  if (out->factor < 1) {
    return fail(r->err, LOCI_EFORMAT, "%s: rotary scaling needs a \"factor\" of at least 1",
                r->what);
  }
  if (out->kind != ROPE_LLAMA3) return LOCI_OK;
  TRY(read_positive(r, rope, "low_freq_factor", 1e6, &out->low_freq));
  TRY(read_positive(r, rope, "high_freq_factor", 1e6, &out->high_freq));
  if (!(out->low_freq > 0 && out->high_freq > out->low_freq)) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: llama3 rotary scaling needs 0 < low_freq_factor < high_freq_factor", r->what);
  }
  out->original_max_positions = d->max_positions;
  return read_int(r, rope, "original_max_position_embeddings", (const int[]){1, 1 << 28},
                  &out->original_max_positions);
}

/* Which of a head's channel pairs turn by a place's time, row and column (M-RoPE). */
static loci_status rope_sections(const config_reader *r, const js_value *rope, decoder_config *d) {
  const js_value *list = js_get(rope, "mrope_section");
  int64_t sum = 0, n;
  if (!list) return LOCI_OK;
  if (d->rope.kind != ROPE_DEFAULT) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: \"mrope_section\" with a scaled rotation is not supported", r->what);
  }
  for (int i = 0; i < 3; i++) {
    if (js_count(list) != 3 || !js_int_of(js_at(list, i), &n) || n < 0 || n > d->head_dim) {
      return fail(r->err, LOCI_EFORMAT,
                  "%s: \"mrope_section\" must be three numbers of channel pairs", r->what);
    }
    d->rope.sections[i] = (int)n;
    sum += n;
  }
  if (sum == d->rotary_dim / 2) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT, "%s: \"mrope_section\" has %d channel pairs, a head turns %d",
              r->what, (int)sum, d->rotary_dim / 2);
}

static loci_status rope_scaled(const config_reader *r, const js_value *rope, decoder_config *d) {
  TRY(rope_type(r, rope, &d->rope.kind));
  if (d->rope.kind != ROPE_DEFAULT) return rope_factors(r, rope, d, &d->rope);
  d->rope.factor = 1;
  bool named = js_get(rope, "type") || js_get(rope, "rope_type");
  if (named || !js_get(rope, "factor")) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT, "%s: rotary scaling has a \"factor\" and no \"rope_type\"",
              r->what);
}

/* A config with the new spelling and the old one has to say the same in both. */
static loci_status rope_agrees(const config_reader *r, const js_value *o, const decoder_config *d) {
  const js_value *new = js_get(o, "rope_parameters"), *old = js_get(o, "rope_scaling");
  double above = d->rope.theta;
  if (js_get(new, "rope_theta")) TRY(read_positive(r, o, "rope_theta", 1e15, &above));
  if (above != d->rope.theta) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: \"rope_theta\" is %g, and %g in \"rope_parameters\": which one?", r->what,
                above, d->rope.theta);
  }
  if (!new || !old) return LOCI_OK;
  decoder_config other = *d;
  other.rope = (rope_config){.theta = d->rope.theta};
  TRY(rope_scaled(r, old, &other));
  const rope_config *a = &d->rope, *b = &other.rope;
  if (a->kind == b->kind && a->factor == b->factor && a->low_freq == b->low_freq &&
      a->high_freq == b->high_freq && a->original_max_positions == b->original_max_positions)
    return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT,
              "%s: \"rope_parameters\" and \"rope_scaling\" scale the rotation differently: "
              "which one?",
              r->what);
}

static loci_status rope_parse(const config_reader *r, const js_value *o, decoder_config *d) {
  const char *key = js_get(o, "rope_parameters") ? "rope_parameters" : "rope_scaling";
  const js_value *rope = js_get(o, key);
  if (rope && js_kind_of(rope) != JS_OBJECT) {
    return fail(r->err, LOCI_EFORMAT, "%s: \"%s\" must be an object, found %s", r->what, key,
                js_kind_name(js_kind_of(rope)));
  }
  if (d->rope.theta == 0) d->rope.theta = 10000;
  TRY(rope_number(r, rope, o, "rope_theta", &d->rope.theta));
  TRY(rope_scaled(r, rope, d));
  TRY(rope_agrees(r, o, d));

  double family = family_of(d->model_type)->partial_rotary;
  double partial = family > 0 ? family : 1;
  TRY(rope_number(r, rope, o, "partial_rotary_factor", &partial));
  if (partial > 1 || (family <= 0 && partial < 1)) {
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: partial_rotary_factor %g is not supported for %s",
                r->what, partial, d->model_type);
  }
  d->rotary_dim = (int)(d->head_dim * partial);
  if (d->rotary_dim < 2 || d->rotary_dim % 2 != 0) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: %d of %d channels of a head rotate, expected an even "
                "number of at least 2",
                r->what, d->rotary_dim, d->head_dim);
  }
  return rope_sections(r, rope, d);
}

/* ---------------------------------------------------------------- sizes */

static loci_status heads_parse(const config_reader *r, const js_value *o, decoder_config *d) {
  static const int heads[] = {1, 1024}, widths[] = {1, 65536};
  TRY(read_int(r, o, "num_attention_heads", heads, &d->heads));
  if (d->kv_heads == 0 || is_null(o, "num_key_value_heads")) d->kv_heads = d->heads;
  TRY(read_int(r, o, "num_key_value_heads", heads, &d->kv_heads));
  TRY(read_int(r, o, "head_dim", widths, &d->head_dim));
  if (d->heads % d->kv_heads != 0) {
    return fail(r->err, LOCI_EFORMAT, "%s: %d heads cannot share %d key/value heads evenly",
                r->what, d->heads, d->kv_heads);
  }
  if (d->head_dim == 0) {
    if (d->width % d->heads != 0) {
      return fail(r->err, LOCI_EFORMAT, "%s: hidden_size %d does not divide into %d heads", r->what,
                  d->width, d->heads);
    }
    d->head_dim = d->width / d->heads;
  }
  return LOCI_OK;
}

/* What "layer_types" (transformers since 4.52) says of each layer's attention. */
static loci_status layer_types_parse(const config_reader *r, const js_value *o, bool *listed,
                                     bool *slides) {
  const js_value *types = js_get(o, "layer_types");
  *listed = types != NULL;
  if (types && js_kind_of(types) != JS_ARRAY) {
    return fail(r->err, LOCI_EFORMAT, "%s: \"layer_types\" must be an array, found %s", r->what,
                js_kind_name(js_kind_of(types)));
  }
  for (int64_t i = 0; types && i < js_count(types); i++) {
    const char *type = js_text_of(js_at(types, i), NULL);
    if (!type) {
      return fail(r->err, LOCI_EFORMAT, "%s: \"layer_types\" must hold strings, found %s", r->what,
                  js_kind_name(js_kind_of(js_at(types, i))));
    }
    if (strcmp(type, "sliding_attention") == 0) {
      *slides = true;
    } else if (strcmp(type, "full_attention") != 0) {
      return fail(r->err, LOCI_EUNSUPPORTED,
                  "%s: \"layer_types\": \"%.60s\" is not supported; known are full_attention, "
                  "sliding_attention",
                  r->what, type);
    }
  }
  return LOCI_OK;
}

/* Mistral slides unless told null; Qwen2 in the layers its layer_types name, or, without them, only
 * when told to and from max_window_layers on.  Any family slides where layer_types say so. */
static loci_status sliding_parse(const config_reader *r, const js_value *o, decoder_config *d) {
  static const int positions[] = {1, 1 << 28}, layers[] = {0, 1 << 20};
  bool is_qwen = strcmp(d->model_type, "qwen2") == 0, listed, named = false;
  TRY(layer_types_parse(r, o, &listed, &named));
  bool slides = d->sliding_window > 0 && !is_null(o, "sliding_window");
  if (slides || named) TRY(read_int(r, o, "sliding_window", positions, &d->sliding_window));
  if (named && (d->sliding_window == 0 || is_null(o, "sliding_window"))) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: \"layer_types\" name sliding_attention, but there is no \"sliding_window\"",
                r->what);
  }
  if (slides && is_qwen && !listed) {
    int first = 28; /* Qwen2's default */
    slides = false;
    TRY(js_get_bool(o, "use_sliding_window", r->what, &slides, r->err));
    TRY(read_int(r, o, "max_window_layers", layers, &first));
    slides = slides && first < d->layers;
  } else if (is_qwen) {
    slides = false;
  }
  if (!slides && !named) d->sliding_window = 0;
  return LOCI_OK;
}

static loci_status biases_parse(const config_reader *r, const js_value *o, decoder_config *d) {
  if (strcmp(d->model_type, "llama") != 0) return LOCI_OK; /* fixed by the family */
  bool attention = false;
  TRY(js_get_bool(o, "attention_bias", r->what, &attention, r->err));
  TRY(js_get_bool(o, "mlp_bias", r->what, &d->mlp_bias, r->err));
  d->qkv_bias = d->o_bias = attention;
  return LOCI_OK;
}

loci_status decoder_parse(const config_reader *r, const js_value *o, decoder_config *d) {
  static const int widths[] = {1, 65536}, inners[] = {1, 1 << 20}, layers[] = {1, 1024};
  TRY(read_int(r, o, "vocab_size", (const int[]){1, 1 << 22}, &d->vocab));
  TRY(read_int(r, o, "hidden_size", widths, &d->width));
  TRY(read_int(r, o, "intermediate_size", inners, &d->inner));
  TRY(read_int(r, o, "num_hidden_layers", layers, &d->layers));
  TRY(read_int(r, o, "max_position_embeddings", (const int[]){1, 1 << 28}, &d->max_positions));
  TRY(heads_parse(r, o, d));
  TRY(read_act(r, o, "hidden_act", &d->act));
  TRY(read_positive(r, o, family_of(d->model_type)->eps_key, 1, &d->eps));
  TRY(js_get_bool(o, "tie_word_embeddings", r->what, &d->tied, r->err));
  TRY(refuse_key(r, o, "qk_layernorm", "norms on queries and keys"));
  TRY(refuse_key(r, o, "quantization_config", "quantised weights"));
  TRY(sliding_parse(r, o, d));
  TRY(biases_parse(r, o, d));
  return rope_parse(r, o, d);
}

loci_status family_text_parse(const config_reader *r, const js_value *o, const char *model_type,
                              model_config *out) {
  int eos;
  TRY(decoder_defaults(r, model_type, &out->text, &out->bos, &eos));
  out->n_eos = eos >= 0 ? 1 : 0;
  out->eos[0] = eos;
  TRY(decoder_parse(r, o, &out->text));
  out->max_length = out->text.max_positions;
  return LOCI_OK;
}
