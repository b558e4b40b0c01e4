/* The text decoder's part of config.json: sizes, windows, biases, caps, after the defaults of
 * text_families.c. */
#include "checkpoint/text_families.h"

#include <math.h>
#include <string.h>

static loci_status heads_parse(const config_reader *r, const js_value *o, decoder_config *d) {
  static const int heads[] = {1, 1024}, widths[] = {1, 65536};
  TRY(read_int(r, o, text_family_of(d->model_type)->keys->heads, heads, &d->heads));
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

/* What "layer_types" (transformers since 4.52) says of each layer's attention; a list that names no
 * window may be of any length. */
static loci_status layer_types_parse(const config_reader *r, const js_value *o, int layers,
                                     bool *slides, bool *named) {
  const js_value *types = js_get(o, "layer_types");
  if (types && js_kind_of(types) != JS_ARRAY) {
    return fail(r->err, LOCI_EFORMAT, "%s: \"layer_types\" must be an array, found %s", r->what,
                js_kind_name(js_kind_of(types)));
  }
  int64_t n = types ? js_count(types) : 0;
  for (int64_t i = 0; i < n; i++) {
    const char *type = js_text_of(js_at(types, i), NULL);
    if (!type) {
      return fail(r->err, LOCI_EFORMAT, "%s: \"layer_types\" must hold strings, found %s", r->what,
                  js_kind_name(js_kind_of(js_at(types, i))));
    }
    if (strcmp(type, "sliding_attention") == 0) {
      *named = true;
      if (i < layers) slides[i] = true;
    } else if (strcmp(type, "full_attention") != 0) {
      return fail(r->err, LOCI_EUNSUPPORTED,
                  "%s: \"layer_types\": \"%.60s\" is not supported; known are full_attention, "
                  "sliding_attention",
                  r->what, type);
    }
  }
  return LOCI_OK;
}

/* The layers that slide by the family's rule: Mistral's and Phi-3's all, Qwen's only when told to
 * and from max_window_layers on, Gemma's all but every so many. */
static loci_status rule_parse(const config_reader *r, const js_value *o, const decoder_config *d,
                              bool *slides) {
  const text_family *f = text_family_of(d->model_type);
  bool used = f->window != WINDOW_UPPER;
  int first = f->window == WINDOW_UPPER ? 28 : 0, pattern = f->window_pattern; /* Qwen's default */
  if (f->window == WINDOW_UPPER) {
    TRY(js_get_bool(o, "use_sliding_window", r->what, &used, r->err));
    TRY(read_int(r, o, "max_window_layers", (const int[]){0, 1 << 20}, &first));
  }
  if (f->window == WINDOW_PATTERN)
    TRY(read_int(r, o, "sliding_window_pattern", (const int[]){1, 1024}, &pattern));
  for (int i = first; used && i < d->layers; i++) {
    slides[i] = f->window != WINDOW_PATTERN || (i + 1) % pattern != 0;
  }
  return LOCI_OK;
}

/* A list of layers counts where there is one, but for Mistral and Phi-3, whose layers all slide
 * unless the window is null. */
static loci_status sliding_parse(const config_reader *r, const js_value *o, decoder_config *d) {
  static const int positions[] = {1, 1 << 28};
  window_rule rule = text_family_of(d->model_type)->window;
  bool named = false, *slides = arena_zarray(r->mem, d->layers, bool);
  if (!slides) return fail_nomem(r->err, r->what);
  TRY(layer_types_parse(r, o, d->layers, slides, &named));
  bool has = js_get(o, "sliding_window") || (d->sliding_window && !is_null(o, "sliding_window"));
  bool ruled = rule != WINDOW_NONE && has && (rule == WINDOW_ALL || !js_get(o, "layer_types"));
  if (named && !has) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: \"layer_types\" name sliding_attention, but there is no \"sliding_window\"",
                r->what);
  }
  int64_t count = js_count(js_get(o, "layer_types"));
  if (named && count != d->layers) {
    return fail(r->err, LOCI_EFORMAT, "%s: \"layer_types\" names %lld layers, the model has %d",
                r->what, (long long)count, d->layers);
  }
  if (ruled || named) TRY(read_int(r, o, "sliding_window", positions, &d->sliding_window));
  if (ruled) TRY(rule_parse(r, o, d, slides));
  for (int i = 0; i < d->layers; i++) {
    if (slides[i]) d->slides = slides;
  }
  if (!d->slides) d->sliding_window = 0;
  return LOCI_OK;
}

static loci_status biases_parse(const config_reader *r, const js_value *o, decoder_config *d) {
  const text_family *f = text_family_of(d->model_type);
  bool attention = false;
  if (f->own_mlp_bias) TRY(js_get_bool(o, "mlp_bias", r->what, &d->mlp_bias, r->err));
  if (!f->own_bias) return LOCI_OK; /* fixed by the family */
  TRY(js_get_bool(o, "attention_bias", r->what, &attention, r->err));
  d->qkv_bias = d->o_bias = attention;
  return LOCI_OK;
}

static loci_status cap_parse(const config_reader *r, const js_value *o, const char *key,
                             double *cap) {
  if (is_null(o, key)) *cap = 0;
  return read_positive(r, o, key, 1e6, cap);
}

/* Gemma's scales and caps. */
static loci_status scales_parse(const config_reader *r, const js_value *o, decoder_config *d) {
  const text_family *f = text_family_of(d->model_type);
  double scalar = f->query_scalar;
  if (f->scaled_rows) d->embed_scale = sqrt(d->width);
  if (scalar == 0) return LOCI_OK;
  TRY(read_positive(r, o, "query_pre_attn_scalar", 1e9, &scalar));
  d->attention_scale = 1 / sqrt(scalar);
  if (f->attention_caps) TRY(cap_parse(r, o, "attn_logit_softcapping", &d->attention_cap));
  TRY(refuse_key(r, o, "use_bidirectional_attention", "rows that see what comes after them"));
  return cap_parse(r, o, "final_logit_softcapping", &d->logit_cap);
}

/* What a GPT-2 may be told and is not computed. */
static loci_status refuse_parse(const config_reader *r, const js_value *o,
                                const decoder_config *d) {
  bool scaled = true;
  TRY(refuse_key(r, o, "qk_layernorm", "norms on queries and keys"));
  TRY(refuse_key(r, o, "quantization_config", "quantised weights"));
  if (!d->position_table) return LOCI_OK;
  TRY(refuse_key(r, o, "scale_attn_by_inverse_layer_idx", "scales of a layer's own"));
  TRY(refuse_key(r, o, "add_cross_attention", "layers that read another sequence"));
  TRY(js_get_bool(o, "scale_attn_weights", r->what, &scaled, r->err));
  if (scaled) return LOCI_OK;
  return fail(r->err, LOCI_EUNSUPPORTED, "%s: \"scale_attn_weights\" false is not supported",
              r->what);
}

loci_status decoder_parse(const config_reader *r, const js_value *o, decoder_config *d) {
  static const int widths[] = {1, 65536}, inners[] = {1, 1 << 20}, layers[] = {1, 1024};
  const text_family *f = text_family_of(d->model_type);
  const text_keys *k = f->keys;
  TRY(read_int(r, o, "vocab_size", (const int[]){1, 1 << 22}, &d->vocab));
  TRY(read_int(r, o, k->width, widths, &d->width));
  if (d->inner == 0) d->inner = 4 * d->width;
  TRY(read_int(r, o, k->inner, inners, &d->inner));
  TRY(read_int(r, o, k->layers, layers, &d->layers));
  TRY(read_int(r, o, k->max_positions, (const int[]){1, 1 << 28}, &d->max_positions));
  TRY(heads_parse(r, o, d));
  TRY(read_act(r, o, k->act, &d->act));
  TRY(read_positive(r, o, f->eps_key, 1, &d->eps));
  TRY(js_get_bool(o, "tie_word_embeddings", r->what, &d->tied, r->err));
  TRY(refuse_parse(r, o, d));
  TRY(sliding_parse(r, o, d));
  TRY(biases_parse(r, o, d));
  TRY(scales_parse(r, o, d));
  if (d->position_table) return LOCI_OK;
  TRY(rope_parse(r, o, d));
  if (!f->longrope || d->rope.kind == ROPE_DEFAULT) return LOCI_OK;
  return fail(
      r->err, LOCI_EUNSUPPORTED,
      "%s: the rotary scaling of %s is longrope, whatever it is called, which is not supported",
      r->what, d->model_type);
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
