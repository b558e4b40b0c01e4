/* The tokenizer of a GGUF file: its metadata put as the files that the other readers read, so that
 * there is one pipeline.  Byte-level BPE ("gpt2") becomes a tokenizer.json, whose splitting the
 * metadata only name; SentencePiece ("llama") becomes a tokenizer.model, whose pieces, scores and
 * types are the metadata's own. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/gguf.h"
#include "text/build.h"

enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER, TYPE_UNUSED, TYPE_BYTE };

typedef struct gguf_vocabulary {
  const gguf *g;
  arena *mem;
  int64_t n;
  gguf_text *tokens;
  int *types;
  int64_t bos, eos, unk, pad; /* -1: none */
  bool add_bos, add_eos;
  loci_err *err;
} gguf_vocabulary;

/* ---------------------------------------------------------------- what both kinds have */

static loci_status read_tokens(gguf_vocabulary *v) {
  const gguf_value *tokens, *types;
  TRY(gguf_get_array(v->g, "tokenizer.ggml.tokens", GGUF_TEXT, &tokens, v->err));
  TRY(gguf_get_array(v->g, "tokenizer.ggml.token_type", GGUF_I32, &types, v->err));
  if (!tokens || tokens->count == 0) {
    return fail(v->err, LOCI_EFORMAT, "%s: has no \"tokenizer.ggml.tokens\"", gguf_what(v->g));
  }
  if (tokens->count > ID_LIMIT || (types && types->count != tokens->count)) {
    return fail(v->err, LOCI_EFORMAT, "%s: %" PRId64 " tokens, and types of %" PRId64,
                gguf_what(v->g), tokens->count, types ? types->count : 0);
  }
  v->n = tokens->count;
  v->tokens = arena_array(v->mem, v->n, gguf_text);
  v->types = arena_array(v->mem, v->n, int);
  if (!v->tokens || !v->types) return fail_nomem(v->err, gguf_what(v->g));
  const uint8_t *at = tokens->at;
  for (int64_t i = 0; i < v->n; i++) {
    int64_t type = TYPE_NORMAL;
    v->tokens[i] = gguf_next_text(&at);
    if (types && (!gguf_int(types, i, &type) || type < TYPE_NORMAL || type > TYPE_BYTE)) {
      return fail(v->err, LOCI_EFORMAT, "%s: token %" PRId64 " is of an unknown type",
                  gguf_what(v->g), i);
    }
    v->types[i] = (int)type;
    if (v->tokens[i].n == 0 || memchr(v->tokens[i].s, 0, v->tokens[i].n)) {
      return fail(v->err, LOCI_EFORMAT, "%s: token %" PRId64 " is empty or holds a NUL character",
                  gguf_what(v->g), i);
    }
  }
  return LOCI_OK;
}

static loci_status read_id(const gguf_vocabulary *v, const char *key, int64_t *out) {
  *out = -1;
  return gguf_get_int(v->g, key, 0, v->n - 1, out, v->err);
}

static loci_status read_ids(gguf_vocabulary *v) {
  TRY(read_id(v, "tokenizer.ggml.bos_token_id", &v->bos));
  TRY(read_id(v, "tokenizer.ggml.eos_token_id", &v->eos));
  TRY(read_id(v, "tokenizer.ggml.unknown_token_id", &v->unk));
  TRY(read_id(v, "tokenizer.ggml.padding_token_id", &v->pad));
  TRY(gguf_get_bool(v->g, "tokenizer.ggml.add_bos_token", &v->add_bos, v->err));
  TRY(gguf_get_bool(v->g, "tokenizer.ggml.add_eos_token", &v->add_eos, v->err));
  v->add_bos &= v->bos >= 0;
  v->add_eos &= v->eos >= 0;
  return LOCI_OK;
}

/* The tokenizer_config.json: which tokens have a name, and whether a text begins and ends with
 * them. */
static js_value *config_of(const gguf_vocabulary *v) {
  static const char *const names[] = {"bos_token", "eos_token", "unk_token", "pad_token"};
  const int64_t ids[] = {v->bos, v->eos, v->unk, v->pad};
  js_value *o = js_object();
  for (int i = 0; i < 4; i++) {
    if (ids[i] < 0) continue;
    js_put(&o, names[i], js_text_n(v->tokens[ids[i]].s, v->tokens[ids[i]].n));
  }
  js_put(&o, "add_bos_token", js_bool(v->add_bos));
  js_put(&o, "add_eos_token", js_bool(v->add_eos));
  return o;
}

/* ---------------------------------------------------------------- byte-level BPE */

#define SHORT "(?i:'s|'t|'re|'ve|'m|'ll|'d)"

/* Which splitting a name means: the regular expression of the models' own tokenizer.json. */
static const struct splitting {
  const char *name;
  const char *regex; /* NULL: GPT-2's */
  bool digits;       /* each digit for itself, before that */
  bool nfc;
  bool whole; /* a word that is a token is not put together from pieces */
  bool bos;   /* begins with BOS unless told otherwise */
} splittings[] = {
    {"gpt-2", NULL, false, false, false, false},
    {"phi-2", NULL, false, false, false, false},
    {"smollm", NULL, true, false, false, false},
    {"qwen2",
     SHORT "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
           "\\s+(?!\\S)|\\s+",
     false, true, false, false},
    {"llama-bpe",
     SHORT "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
           "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     false, false, true, true},
};

static loci_status find_splitting(const gguf_vocabulary *v, const struct splitting **out) {
  gguf_text name = {"default", 7};
  TRY(gguf_get_text(v->g, "tokenizer.ggml.pre", &name, v->err));
  for (size_t i = 0; i < sizeof splittings / sizeof *splittings; i++) {
    *out = &splittings[i];
    if (strlen((*out)->name) == name.n && memcmp((*out)->name, name.s, name.n) == 0) return LOCI_OK;
  }
  return fail(v->err, LOCI_EUNSUPPORTED,
              "%s: \"tokenizer.ggml.pre\": splitting \"%.*s\" is not supported; known are gpt-2, "
              "phi-2, smollm, qwen2, llama-bpe",
              gguf_what(v->g), (int)(name.n < 60 ? name.n : 60), name.s);
}

static js_value *typed(const char *type) {
  js_value *o = js_object();
  js_put(&o, "type", js_text(type));
  return o;
}

static js_value *byte_level(bool use_regex) {
  js_value *o = typed("ByteLevel");
  js_put(&o, "add_prefix_space", js_bool(false));
  js_put(&o, "trim_offsets", js_bool(false));
  js_put(&o, "use_regex", js_bool(use_regex));
  return o;
}

static js_value *pre_tokenizer(const struct splitting *s) {
  js_value *steps = js_array(), *o = typed("Sequence");
  if (s->digits) {
    js_value *digits = typed("Digits");
    js_put(&digits, "individual_digits", js_bool(true));
    js_push(&steps, digits);
  }
  if (s->regex) {
    js_value *split = typed("Split"), *by = js_object();
    js_put(&by, "Regex", js_text(s->regex));
    js_put(&split, "pattern", by);
    js_put(&split, "behavior", js_text("Isolated"));
    js_put(&split, "invert", js_bool(false));
    js_push(&steps, split);
  }
  js_push(&steps, byte_level(!s->regex));
  js_put(&o, "pretokenizers", steps);
  return o;
}

static loci_status put_vocabulary(const gguf_vocabulary *v, js_value **model) {
  js_value *vocab = js_object();
  for (int64_t i = 0; i < v->n; i++) {
    char *text = arena_strndup(v->mem, v->tokens[i].s, v->tokens[i].n);
    if (text && js_get(vocab, text)) {
      js_free(vocab);
      return fail(v->err, LOCI_EFORMAT, "%s: token %" PRId64 ", \"%.80s\", occurs twice",
                  gguf_what(v->g), i, text);
    }
    if (text) js_put(&vocab, text, js_int(i));
    if (!text || !vocab) {
      js_free(vocab);
      return fail_nomem(v->err, gguf_what(v->g));
    }
  }
  js_put(model, "vocab", vocab);
  return LOCI_OK;
}

static loci_status put_merges(const gguf_vocabulary *v, js_value **model) {
  const gguf_value *merges;
  js_value *list = js_array();
  loci_status st = gguf_get_array(v->g, "tokenizer.ggml.merges", GGUF_TEXT, &merges, v->err);
  if (!st && !merges) {
    st = fail(v->err, LOCI_EFORMAT, "%s: has no \"tokenizer.ggml.merges\"", gguf_what(v->g));
  }
  if (st) {
    js_free(list);
    return st;
  }
  const uint8_t *at = merges->at;
  for (int64_t i = 0; i < merges->count; i++) {
    gguf_text t = gguf_next_text(&at);
    js_push(&list, js_text_n(t.s, t.n));
  }
  js_put(model, "merges", list);
  return LOCI_OK;
}

static js_value *added_tokens(const gguf_vocabulary *v) {
  js_value *list = js_array();
  for (int64_t i = 0; i < v->n; i++) {
    if (v->types[i] != TYPE_CONTROL && v->types[i] != TYPE_USER) continue;
    js_value *o = js_object();
    js_put(&o, "id", js_int(i));
    js_put(&o, "content", js_text_n(v->tokens[i].s, v->tokens[i].n));
    js_put(&o, "special", js_bool(v->types[i] == TYPE_CONTROL));
    js_put(&o, "normalized", js_bool(false));
    js_push(&list, o);
  }
  return list;
}

static void push_special(js_value **list, js_value **specials, const char *name, int64_t id) {
  js_value *ids = js_array(), *about = js_object(), *token = js_object(), *item = js_object();
  js_push(&ids, js_int(id));
  js_put(&about, "ids", ids);
  js_put(specials, name, about);
  js_put(&token, "id", js_text(name));
  js_put(&item, "SpecialToken", token);
  js_push(list, item);
}

/* BOS, the text, EOS. */
static js_value *post_processor(const gguf_vocabulary *v) {
  js_value *o = typed("TemplateProcessing"), *single = js_array(), *specials = js_object();
  js_value *text = js_object(), *a = js_object();
  if (v->add_bos) push_special(&single, &specials, "BOS", v->bos);
  js_put(&a, "id", js_text("A"));
  js_put(&text, "Sequence", a);
  js_push(&single, text);
  if (v->add_eos) push_special(&single, &specials, "EOS", v->eos);
  js_put(&o, "single", single);
  js_put(&o, "special_tokens", specials);
  return o;
}

/* The tokenizer.json in *out, which the caller frees even on failure. */
static loci_status json_of(const gguf_vocabulary *v, const struct splitting *s, js_value **out) {
  js_value *model = typed("BPE");
  loci_status st = put_vocabulary(v, &model);
  if (!st) st = put_merges(v, &model);
  js_put(&model, "ignore_merges", js_bool(s->whole));
  js_put(out, "model", model);
  if (s->nfc) js_put(out, "normalizer", typed("NFC"));
  js_put(out, "pre_tokenizer", pre_tokenizer(s));
  js_put(out, "post_processor", post_processor(v));
  js_put(out, "decoder", byte_level(true));
  js_put(out, "added_tokens", added_tokens(v));
  return st || *out ? st : fail_nomem(v->err, gguf_what(v->g));
}

static loci_status open_bpe(gguf_vocabulary *v, tokenizer **out) {
  const struct splitting *s;
  loci_status st = LOCI_OK;
  js_value *root = js_object(), *config = NULL;
  TRY_DONE(find_splitting(v, &s));
  v->add_bos = s->bos;
  TRY_DONE(read_ids(v));
  TRY_DONE(json_of(v, s, &root));
  config = config_of(v);
  if (!config) {
    st = fail_nomem(v->err, gguf_what(v->g));
    goto done;
  }
  side_files side = {.config = config, .config_what = gguf_what(v->g)};
  st = tokenizer_of_json(root, gguf_what(v->g), &side, out, v->err);
done:
  js_free(root);
  js_free(config);
  return st;
}

/* ---------------------------------------------------------------- SentencePiece */

typedef struct protobuf {
  uint8_t *at;
} protobuf;

static void put_varint(protobuf *p, uint64_t x) {
  for (; x >= 0x80; x >>= 7) *p->at++ = (uint8_t)(x | 0x80);
  *p->at++ = (uint8_t)x;
}

static void put_number(protobuf *p, int field, uint64_t x) {
  put_varint(p, (uint64_t)field << 3);
  put_varint(p, x);
}

static void put_bytes(protobuf *p, int field, const void *bytes, size_t n) {
  put_varint(p, (uint64_t)field << 3 | 2);
  put_varint(p, n);
  memcpy(p->at, bytes, n);
  p->at += n;
}

/* A piece: text, score, type.  One that is not used cannot come out of any merge. */
static void put_piece(protobuf *p, gguf_text text, float score, int type) {
  size_t digits = 1;
  for (size_t n = text.n; n >= 0x80; n >>= 7) digits++;
  put_varint(p, 1 << 3 | 2);
  put_varint(p, 1 + digits + text.n + 1 + sizeof score + 2);
  put_bytes(p, 1, text.s, text.n);
  put_varint(p, 2 << 3 | 5);
  memcpy(p->at, &score, sizeof score);
  p->at += sizeof score;
  put_number(p, 3, (uint64_t)(type == TYPE_UNUSED ? TYPE_NORMAL : type));
}

static loci_status read_scores(const gguf_vocabulary *v, const gguf_value **out) {
  TRY(gguf_get_array(v->g, "tokenizer.ggml.scores", GGUF_F32, out, v->err));
  if (*out && (*out)->count == v->n) return LOCI_OK;
  return fail(v->err, LOCI_EFORMAT,
              "%s: \"tokenizer.ggml.scores\" must hold a score for each token", gguf_what(v->g));
}

/* The tokenizer.model: trainer and normalizer as LLaMA's are. */
static loci_status model_of(const gguf_vocabulary *v, bool prefix, uint8_t **out, size_t *n) {
  enum { BESIDE = 32, ENDING = 128 };
  const gguf_value *scores;
  int64_t room = ENDING;
  TRY(read_scores(v, &scores));
  for (int64_t i = 0; i < v->n; i++) room += (int64_t)v->tokens[i].n + BESIDE;
  uint8_t *bytes = arena_alloc(v->mem, room, 1);
  if (!bytes) return fail_nomem(v->err, gguf_what(v->g));
  protobuf p = {bytes};
  for (int64_t i = 0; i < v->n; i++) {
    double score = 0;
    if (!gguf_real(scores, i, &score)) {
      return fail(v->err, LOCI_EFORMAT, "%s: the score of token %" PRId64 " is no number",
                  gguf_what(v->g), i);
    }
    put_piece(&p, v->tokens[i], (float)score, v->types[i]);
  }
  uint8_t part[64];
  protobuf trainer = {part};
  put_number(&trainer, 3, 2); /* BPE */
  put_number(&trainer, 35, 1);
  put_number(&trainer, 40, (uint64_t)v->unk);
  put_number(&trainer, 41, (uint64_t)v->bos);
  put_bytes(&p, 2, part, (size_t)(trainer.at - part));
  protobuf normalizer = {part};
  put_number(&normalizer, 3, prefix);
  put_number(&normalizer, 4, 0);
  put_number(&normalizer, 5, 1);
  put_bytes(&p, 3, part, (size_t)(normalizer.at - part));
  *out = bytes;
  *n = (size_t)(p.at - bytes);
  return LOCI_OK;
}

static loci_status open_sentencepiece(gguf_vocabulary *v, tokenizer **out) {
  uint8_t *bytes = NULL;
  size_t n = 0;
  bool prefix = true;
  v->add_bos = true;
  TRY(read_ids(v));
  TRY(gguf_get_bool(v->g, "tokenizer.ggml.add_space_prefix", &prefix, v->err));
  TRY(model_of(v, prefix, &bytes, &n));
  js_value *config = config_of(v);
  if (!config) return fail_nomem(v->err, gguf_what(v->g));
  side_files side = {.config = config,
                     .config_what = gguf_what(v->g),
                     .class_name = "LlamaTokenizer",
                     .from_model = true};
  loci_status st = tokenizer_of_spm(bytes, n, gguf_what(v->g), &side, out, v->err);
  js_free(config);
  return st;
}

/* ---------------------------------------------------------------- the file */

static loci_status open_kind(gguf_vocabulary *v, tokenizer **out) {
  gguf_text model = {"none", 4};
  TRY(gguf_get_text(v->g, "tokenizer.ggml.model", &model, v->err));
  TRY(read_tokens(v));
  if (model.n == 4 && memcmp(model.s, "gpt2", 4) == 0) return open_bpe(v, out);
  if (model.n == 5 && memcmp(model.s, "llama", 5) == 0) return open_sentencepiece(v, out);
  return fail(v->err, LOCI_EUNSUPPORTED,
              "%s: a tokenizer \"%.*s\" is not supported; known are gpt2 (byte-level BPE), llama "
              "(SentencePiece)",
              gguf_what(v->g), (int)(model.n < 60 ? model.n : 60), model.s);
}

static loci_status tokenizer_of_gguf(const gguf *g, tokenizer **out, loci_err *err) {
  gguf_vocabulary v = {.g = g, .mem = arena_new(), .err = err};
  *out = NULL;
  if (!v.mem) return fail_nomem(err, gguf_what(g));
  loci_status st = open_kind(&v, out);
  arena_free(v.mem);
  return st;
}

loci_status tokenizer_open_gguf(const char *path, tokenizer **out, loci_err *err) {
  gguf *g;
  *out = NULL;
  TRY(gguf_open(path, &g, err));
  loci_status st = tokenizer_of_gguf(g, out, err);
  gguf_close(g);
  return st;
}

loci_status tokenizer_open_gguf_bytes(const uint8_t *bytes, size_t n, tokenizer **out,
                                      loci_err *err) {
  gguf *g;
  *out = NULL;
  TRY(gguf_open_bytes(bytes, n, "GGUF", &g, err));
  loci_status st = tokenizer_of_gguf(g, out, err);
  gguf_close(g);
  return st;
}
