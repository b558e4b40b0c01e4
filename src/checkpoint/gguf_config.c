/* The metadata of a GGUF file as a config.json (see gguf_config.h), so that one parser and one set
 * of refusals serves both: a table says which key is which field. */
#include "checkpoint/gguf_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fixed.h"

enum { KEY = 160 };

typedef struct gguf_field {
  const char *key;  /* after "ARCHITECTURE.", where there is one */
  const char *name; /* of config.json */
  bool is_real, needed;
} gguf_field;

static const gguf_field fields[] = {
    {"block_count", "num_hidden_layers", false, true},
    {"embedding_length", "hidden_size", false, true},
    {"feed_forward_length", "intermediate_size", false, true},
    {"context_length", "max_position_embeddings", false, true},
    {"attention.head_count", "num_attention_heads", false, true},
    {"attention.head_count_kv", "num_key_value_heads", false, false},
    {"attention.key_length", "head_dim", false, false},
    {"rope.freq_base", "rope_theta", true, false},
    {"attention.sliding_window", "sliding_window", false, false},
};

/* An architecture of llama.cpp, and the model_type of transformers that computes the same. */
static const struct architecture {
  const char *name, *model_type, *eps, *eps_name;
} architectures[] = {
    {"llama", "llama", "attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"qwen2", "qwen2", "attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"phi2", "phi", "attention.layer_norm_epsilon", "layer_norm_eps"},
};

/* Metadata of computations that are not ours, if they are not what they are for these families. */
static const struct {
  const char *key;
  double harmless;
  const char *what;
} refused[] = {
    {"expert_count", 0, "mixtures of experts"},
    {"expert_used_count", 0, "mixtures of experts"},
    {"attention.clamp_kqv", 0, "clamped queries"},
    {"attention.max_alibi_bias", 0, "ALiBi"},
    {"attention.scale", 0, "attention scales of their own"},
    {"attn_logit_softcapping", 0, "capped scores"},
    {"final_logit_softcapping", 0, "capped logits"},
    {"logit_scale", 1, "scaled logits"},
    {"residual_scale", 1, "scaled residual streams"},
    {"embedding_scale", 1, "scaled embeddings"},
    {"rope.scaling.attn_factor", 1, "scaled attention (YaRN)"},
};

typedef struct reading {
  const gguf *g;
  const struct architecture *arch; /* NULL: the projector's file */
  js_value *out;                   /* NULL once memory was out */
  loci_err *err;
} reading;

static void key_of(const reading *r, const char *key, char out[KEY]) {
  snprintf(out, KEY, "%s%s%s", r->arch ? r->arch->name : "", r->arch ? "." : "", key);
}

/* A text as "...": what a sentence may show of it. */
static int shown(gguf_text t) { return (int)(t.n < 60 ? t.n : 60); }

static bool is_text(gguf_text t, const char *s) {
  return t.n == strlen(s) && memcmp(t.s, s, t.n) == 0;
}

static loci_status lacks(const reading *r, const char *key) {
  return fail(r->err, LOCI_EFORMAT, "%s: lacks \"%s\"", gguf_what(r->g), key);
}
#define lacks(...) failure_is((lacks)(__VA_ARGS__), LOCI_EFORMAT)

/* ---------------------------------------------------------------- what kind of model */

static loci_status find_architecture(reading *r) {
  gguf_text name = {"", 0}, type = {"model", 5};
  const char *what = gguf_what(r->g);
  TRY(gguf_get_text(r->g, "general.architecture", &name, r->err));
  TRY(gguf_get_text(r->g, "general.type", &type, r->err));
  if (!gguf_find(r->g, "general.architecture")) return lacks(r, "general.architecture");
  if (is_text(name, "clip")) {
    return fail(r->err, LOCI_EINVAL,
                "%s: a vision tower and projector (general.architecture \"clip\"), no language "
                "model: it goes with --mmproj beside one",
                what);
  }
  if (!is_text(type, "model")) {
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: general.type \"%.*s\", expected \"model\"", what,
                shown(type), type.s);
  }
  for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++) {
    r->arch = &architectures[i];
    if (is_text(name, r->arch->name)) return LOCI_OK;
  }
  return fail(r->err, LOCI_EUNSUPPORTED,
              "%s: architecture \"%.*s\" is not supported; known are llama, qwen2, phi2", what,
              shown(name), name.s);
}

static loci_status refuse_other_architectures(reading *r) {
  char key[KEY];
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    double x = refused[i].harmless;
    key_of(r, refused[i].key, key);
    TRY(gguf_get_real(r->g, key, &x, r->err));
    if (x == refused[i].harmless) continue;
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: \"%s\" is %g: %s are not supported",
                gguf_what(r->g), key, x, refused[i].what);
  }
  bool causal = true;
  key_of(r, "attention.causal", key);
  TRY(gguf_get_bool(r->g, key, &causal, r->err));
  if (causal) return LOCI_OK;
  return fail(r->err, LOCI_EUNSUPPORTED,
              "%s: \"%s\" is false: models that see what comes are not supported", gguf_what(r->g),
              key);
}

/* ---------------------------------------------------------------- fields */

static loci_status put_field(reading *r, const gguf_field *f) {
  char key[KEY];
  key_of(r, f->key, key);
  const gguf_value *v = gguf_find(r->g, key);
  if (!v && !f->needed) return LOCI_OK;
  if (!v) return lacks(r, key);
  if (f->is_real) {
    double x = 0;
    TRY(gguf_get_real(r->g, key, &x, r->err));
    js_put(&r->out, f->name, js_real(x));
    return LOCI_OK;
  }
  int64_t n = 0, other;
  if (v->is_array && v->count > 0 && gguf_int(v, 0, &n)) { /* one for each layer */
    for (int64_t i = 1; i < v->count; i++) {
      if (gguf_int(v, i, &other) && other == n) continue;
      return fail(r->err, LOCI_EUNSUPPORTED, "%s: \"%s\" differs from layer to layer",
                  gguf_what(r->g), key);
    }
  } else {
    TRY(gguf_get_int(r->g, key, 0, INT32_MAX, &n, r->err));
  }
  js_put(&r->out, f->name, js_int(n));
  return LOCI_OK;
}

/* Rows of the vocabulary: said, or as many as there are tokens. */
static loci_status put_vocabulary(reading *r) {
  char key[KEY];
  int64_t n = 0;
  const gguf_value *tokens;
  key_of(r, "vocab_size", key);
  TRY(gguf_get_array(r->g, "tokenizer.ggml.tokens", GGUF_TEXT, &tokens, r->err));
  if (tokens) n = tokens->count;
  if (!tokens && !gguf_find(r->g, key)) return lacks(r, "tokenizer.ggml.tokens");
  TRY(gguf_get_int(r->g, key, 1, 1 << 22, &n, r->err));
  js_put(&r->out, "vocab_size", js_int(n));
  return LOCI_OK;
}

/* 1 / 10 in f32 is not a tenth: the number that was written is the shortest one that rounds to it.
 */
static double as_written(double x) {
  for (int digits = 1; digits < 9; digits++) {
    char text[40];
    snprintf(text, sizeof text, "%.*g", digits, x);
    double y = strtod(text, NULL);
    if ((float)y == (float)x) return y;
  }
  return x;
}

static loci_status put_eps(reading *r) {
  char key[KEY];
  double eps = 0;
  key_of(r, r->arch->eps, key);
  TRY(gguf_get_real(r->g, key, &eps, r->err));
  if (!gguf_find(r->g, key)) return lacks(r, key);
  if (!(eps > 0))
    return fail(r->err, LOCI_EFORMAT, "%s: \"%s\" is %g, expected more than 0", gguf_what(r->g),
                key, eps);
  js_put(&r->out, r->arch->eps_name, js_real(as_written(eps)));
  return LOCI_OK;
}

/* Linear scaling; what llama3 scales is in rope_freqs.weight. */
static loci_status put_scaling(reading *r) {
  char key[KEY];
  gguf_text type = {"none", 4};
  double factor = 1;
  key_of(r, "rope.scale_linear", key); /* the old spelling */
  TRY(gguf_get_real(r->g, key, &factor, r->err));
  if (factor != 1) type = (gguf_text){"linear", 6};
  key_of(r, "rope.scaling.type", key);
  TRY(gguf_get_text(r->g, key, &type, r->err));
  if (is_text(type, "none")) return LOCI_OK;
  if (!is_text(type, "linear")) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: \"%s\": rotary scaling \"%.*s\" is not supported; known are none, linear",
                gguf_what(r->g), key, shown(type), type.s);
  }
  key_of(r, "rope.scaling.factor", key);
  TRY(gguf_get_real(r->g, key, &factor, r->err));
  js_value *scaling = js_object();
  js_put(&scaling, "rope_type", js_text("linear"));
  js_put(&scaling, "factor", js_real(factor));
  js_put(&r->out, "rope_scaling", scaling);
  return LOCI_OK;
}

/* The channels that rotate: all of them but in Phi. */
static loci_status put_rotation(reading *r) {
  char key[KEY];
  int64_t width = 0, heads = 1, head, rotate;
  key_of(r, "embedding_length", key);
  TRY(gguf_get_int(r->g, key, 1, 65536, &width, r->err));
  key_of(r, "attention.head_count", key);
  const gguf_value *v = gguf_find(r->g, key);
  if (v && v->is_array) gguf_int(v, 0, &heads);
  if (v && !v->is_array) TRY(gguf_get_int(r->g, key, 1, 1024, &heads, r->err));
  head = width / (heads > 0 ? heads : 1);
  key_of(r, "attention.key_length", key);
  TRY(gguf_get_int(r->g, key, 1, 65536, &head, r->err));
  int64_t value = head;
  key_of(r, "attention.value_length", key);
  TRY(gguf_get_int(r->g, key, 1, 65536, &value, r->err));
  if (value != head) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: keys of %" PRId64 " and values of %" PRId64 " channels are not supported",
                gguf_what(r->g), head, value);
  }
  rotate = head;
  key_of(r, "rope.dimension_count", key);
  TRY(gguf_get_int(r->g, key, 1, 65536, &rotate, r->err));
  if (rotate > head) {
    return fail(r->err, LOCI_EFORMAT, "%s: \"%s\" is %" PRId64 ", a head has %" PRId64 " channels",
                gguf_what(r->g), key, rotate, head);
  }
  js_put(&r->out, "partial_rotary_factor", js_real((double)rotate / (double)head));
  return LOCI_OK;
}

/* Those ids that end a text; of several, the ones a chat ends with, too. */
static loci_status put_ids(reading *r) {
  static const char *const ends[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                     "tokenizer.ggml.eom_token_id"};
  js_value *list = js_array();
  int64_t ids[3] = {0}, n = 0, bos = -1;
  for (int i = 0; i < 3; i++) {
    int64_t id = -1;
    loci_status st = gguf_get_int(r->g, ends[i], 0, INT32_MAX, &id, r->err);
    if (st) {
      js_free(list);
      return st;
    }
    bool known = id < 0;
    for (int64_t k = 0; k < n; k++) known |= ids[k] == id;
    if (known) continue;
    ids[n++] = id;
    js_push(&list, js_int(id));
  }
  js_put(&r->out, "eos_token_id", list);
  TRY(gguf_get_int(r->g, "tokenizer.ggml.bos_token_id", 0, INT32_MAX, &bos, r->err));
  js_put(&r->out, "bos_token_id", bos < 0 ? js_null() : js_int(bos));
  return LOCI_OK;
}

static bool has_tensor(const reading *r, const char *name) {
  return st_find(gguf_tensors(r->g), name) != NULL;
}

/* The text model's own config.json, in r->out. */
static loci_status put_text(reading *r) {
  TRY(find_architecture(r));
  TRY(refuse_other_architectures(r));
  js_put(&r->out, "model_type", js_text(r->arch->model_type));
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) TRY(put_field(r, &fields[i]));
  TRY(put_vocabulary(r));
  TRY(put_eps(r));
  TRY(put_scaling(r));
  TRY(put_rotation(r));
  TRY(put_ids(r));
  js_put(&r->out, "tie_word_embeddings", js_bool(!has_tensor(r, "output.weight")));
  js_put(&r->out, "attention_bias", js_bool(has_tensor(r, "blk.0.attn_q.bias")));
  js_put(&r->out, "mlp_bias", js_bool(has_tensor(r, "blk.0.ffn_up.bias")));
  return r->out ? LOCI_OK : fail_nomem(r->err, gguf_what(r->g));
}

/* ---------------------------------------------------------------- the projector's file */

static const gguf_field vision_fields[] = {
    {"clip.vision.image_size", "image_size", false, true},
    {"clip.vision.patch_size", "patch_size", false, true},
    {"clip.vision.embedding_length", "hidden_size", false, true},
    {"clip.vision.feed_forward_length", "intermediate_size", false, true},
    {"clip.vision.block_count", "num_hidden_layers", false, true},
    {"clip.vision.attention.head_count", "num_attention_heads", false, true},
    {"clip.vision.attention.layer_norm_epsilon", "layer_norm_eps", true, true},
};

static loci_status check_projector(const reading *r) {
  gguf_text arch = {"", 0}, type = {"mlp", 3};
  bool silu = false;
  const char *what = gguf_what(r->g);
  TRY(gguf_get_text(r->g, "general.architecture", &arch, r->err));
  TRY(gguf_get_text(r->g, "clip.projector_type", &type, r->err));
  TRY(gguf_get_text(r->g, "clip.vision.projector_type", &type, r->err));
  TRY(gguf_get_bool(r->g, "clip.use_silu", &silu, r->err));
  if (!is_text(arch, "clip")) {
    return fail(
        r->err, LOCI_EINVAL,
        "%s: general.architecture \"%.*s\", expected \"clip\": a vision tower and projector", what,
        shown(arch), arch.s);
  }
  if (!is_text(type, "mlp")) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: projector \"%.*s\" is not supported; known is mlp (LLaVA-1.5)", what,
                shown(type), type.s);
  }
  if (gguf_find(r->g, "clip.vision.image_grid_pinpoints")) {
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: images in tiles (anyres) are not supported", what);
  }
  if (silu) return fail(r->err, LOCI_EUNSUPPORTED, "%s: towers with SiLU are not supported", what);
  return LOCI_OK;
}

/* Which hidden states the projector reads, by layers run: said, or all but the last layer's, as
 * LLaVA takes them.  Older converters left that layer out, of CLIP-L's 24. */
static loci_status put_features(reading *r, js_value **out) {
  enum { CLIP_L = 24 };
  const gguf_value *layers;
  js_value *list = js_array();
  int64_t count = 0, width = 0, one = 0;
  loci_status st = gguf_get_array(r->g, "clip.vision.feature_layer", GGUF_I32, &layers, r->err);
  if (!st) st = gguf_get_int(r->g, "clip.vision.block_count", 1, 1024, &count, r->err);
  if (!st) st = gguf_get_int(r->g, "clip.vision.embedding_length", 1, 65536, &width, r->err);
  if (st) {
    js_free(list);
    return st;
  }
  bool cut = width == 1024 && count == CLIP_L - 1;
  if (!layers) js_push(&list, js_int(cut ? count : count - 1));
  for (int64_t i = 0; layers && i < layers->count; i++) {
    js_push(&list, js_int(gguf_int(layers, i, &one) ? one : -1));
  }
  js_put(out, "vision_feature_layer", list);
  return LOCI_OK;
}

/* A llava config.json round the text model's, which is taken over. */
static loci_status put_eyes(reading *r, js_value *text, js_value **out) {
  bool gelu = false;
  js_value *tower = js_object();
  js_put(out, "model_type", js_text("llava"));
  js_put(out, "text_config", text);
  r->out = tower;
  loci_status st = check_projector(r);
  js_put(&r->out, "model_type", js_text("clip_vision_model"));
  for (size_t i = 0; i < sizeof vision_fields / sizeof *vision_fields && !st; i++) {
    st = put_field(r, &vision_fields[i]);
  }
  if (!st) st = gguf_get_bool(r->g, "clip.use_gelu", &gelu, r->err);
  js_put(&r->out, "hidden_act", js_text(gelu ? "gelu" : "quick_gelu"));
  js_put(out, "vision_config", r->out);
  if (!st) st = put_features(r, out);
  return st || *out ? st : fail_nomem(r->err, gguf_what(r->g));
}

loci_status gguf_config(const gguf *g, const gguf *eyes, arena *a, model_config *out,
                        loci_err *err) {
  reading r = {.g = g, .out = js_object(), .err = err};
  loci_status st = put_text(&r);
  js_value *config = r.out;
  if (!st && eyes) {
    reading see = {.g = eyes, .err = err};
    config = js_object();
    st = put_eyes(&see, r.out, &config);
  }
  if (!st) st = config_parse(config, NULL, NULL, gguf_what(g), a, out, err);
  js_free(config);
  if (st) return st;
  out->layout = LAYOUT_GGUF;
  if (!eyes) return LOCI_OK;
  out->image_token = -1; /* the vocabulary has none: prompts are split, as in the original LLaVA */
  out->split_at_image = true;
  out->image_aspect = "pad";
  out->default_template = "vicuna_v1";
  return LOCI_OK;
}
