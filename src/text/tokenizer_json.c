/* Reads a tokenizer.json of the tokenizers library into a `tokenizer` (pipeline.h): the BPE model,
 * added tokens, post-processor; json_steps.c reads the rest. */
#include <string.h>

#include "text/build.h"

/* ---------------------------------------------------------------- model */

static loci_status refuse_member(const js_value *model, const char *key, const char *what,
                                 loci_err *err) {
  const js_value *m = js_get(model, key);
  size_t n;
  double x;
  const char *s = js_text_of(m, &n);
  if (!m || (s && n == 0) || (js_real_of(m, &x) && x == 0.0)) return LOCI_OK;
  return fail(err, LOCI_EUNSUPPORTED, "%s: a BPE model with \"%s\" is not supported", what, key);
}

static loci_status read_vocab(tokenizer *t, const js_value *vocab, const char *what,
                              loci_err *err) {
  if (js_kind_of(vocab) != JS_OBJECT) {
    return fail(err, LOCI_EFORMAT, "%s: the model's \"vocab\" must be an object, found %s", what,
                js_kind_name(js_kind_of(vocab)));
  }
  token_table *table = &t->model.vocab;
  if (token_table_init(table, (size_t)js_count(vocab), t->mem) != 0) return fail_nomem(err, what);
  const char *key;
  const js_value *m;
  for (void *it = js_first(vocab, &key, &m); it; it = js_next(vocab, it, &key, &m)) {
    int64_t id;
    if (!js_int_of(m, &id) || id < 0 || id >= ID_LIMIT) {
      return fail(err, LOCI_EFORMAT, "%s: the id of token \"%s\" must be an integer from 0 to %d",
                  what, key, ID_LIMIT - 1);
    }
    const token_entry *other = token_by_id(table, (int)id);
    if (other) {
      return fail(err, LOCI_EFORMAT, "%s: tokens \"%s\" and \"%s\" have the same id %d", what,
                  other->text, key, (int)id);
    }
    size_t n = strlen(key);
    const char *text = arena_strndup(t->mem, key, n);
    if (!text) return fail_nomem(err, what);
    token_table_put(table, text, n, (int)id);
    if (n > t->model.longest) t->model.longest = n;
  }
  return LOCI_OK;
}

typedef struct two_texts {
  const char *left, *right;
  size_t left_size, right_size;
} two_texts;

/* ["a","b"], or "a b" with exactly one blank. */
static bool read_pair(const js_value *m, two_texts *out) {
  if (js_kind_of(m) == JS_ARRAY && js_count(m) == 2) {
    out->left = js_text_of(js_at(m, 0), &out->left_size);
    out->right = js_text_of(js_at(m, 1), &out->right_size);
    return out->left && out->right;
  }
  size_t n;
  const char *s = js_text_of(m, &n), *blank = s ? memchr(s, ' ', n) : NULL;
  if (!blank) return false;
  out->left = s;
  out->left_size = (size_t)(blank - s);
  out->right = blank + 1;
  out->right_size = n - out->left_size - 1;
  return !memchr(out->right, ' ', out->right_size);
}

static loci_status unknown_in_merge(int64_t rank, const char *text, size_t n, const char *what,
                                    loci_err *err) {
  return fail(err, LOCI_EFORMAT, "%s: merge %d uses \"%.*s\", which is not in the vocabulary", what,
              (int)rank, (int)(n < 80 ? n : 80), text);
}

static loci_status read_merge(tokenizer *t, const two_texts *x, int64_t rank, const char *what,
                              loci_err *err) {
  const token_table *vocab = &t->model.vocab;
  const token_entry *l = token_by_text(vocab, x->left, x->left_size);
  const token_entry *r = token_by_text(vocab, x->right, x->right_size);
  if (!l) return unknown_in_merge(rank, x->left, x->left_size, what, err);
  if (!r) return unknown_in_merge(rank, x->right, x->right_size, what, err);
  size_t n = l->size + r->size;
  const token_entry *both = NULL;
  char small[256], *text = small;
  if (n > t->model.longest) return unknown_in_merge(rank, x->left, x->left_size, what, err);
  if (n > sizeof small) text = arena_alloc(t->mem, (int64_t)n, 1);
  if (!text) return fail_nomem(err, what);
  memcpy(text, l->text, l->size);
  memcpy(text + l->size, r->text, r->size);
  both = token_by_text(vocab, text, n);
  if (!both) return unknown_in_merge(rank, text, n, what, err);
  bpe_put_merge(&t->model, l->id, r->id, (uint32_t)rank, both->id);
  return LOCI_OK;
}

static loci_status read_merges(tokenizer *t, const js_value *merges, const char *what,
                               loci_err *err) {
  if (js_kind_of(merges) != JS_ARRAY) {
    return fail(err, LOCI_EFORMAT, "%s: the model's \"merges\" must be an array, found %s", what,
                js_kind_name(js_kind_of(merges)));
  }
  int64_t count = js_count(merges);
  size_t slots = 16;
  while (slots < 2 * (size_t)count) slots *= 2;
  t->model.merges = arena_array(t->mem, (int64_t)slots, merge);
  if (!t->model.merges) return fail_nomem(err, what);
  memset(t->model.merges, 0xFF, slots * sizeof *t->model.merges); /* EMPTY_MERGE */
  t->model.merge_mask = slots - 1;
  for (int64_t i = 0; i < count; i++) {
    two_texts x;
    if (!read_pair(js_at(merges, i), &x)) {
      return fail(err, LOCI_EFORMAT, "%s: merge %d must be two tokens with one blank between", what,
                  (int)i);
    }
    TRY(read_merge(t, &x, i, what, err));
  }
  return LOCI_OK;
}

/* Old files do not say "BPE"; they have merges. */
static loci_status check_type(const js_value *model, const char *what, loci_err *err) {
  const char *type = js_get(model, "merges") ? "BPE" : "?";
  TRY(js_get_text(model, "type", what, &type, err));
  if (strcmp(type, "BPE") == 0) return LOCI_OK;
  return fail(err, LOCI_EUNSUPPORTED, "%s: a model of type \"%s\"; loci reads BPE only", what,
              type);
}

static loci_status read_model(tokenizer *t, const js_value *model, const char *what,
                              loci_err *err) {
  if (js_kind_of(model) != JS_OBJECT) {
    return fail(err, LOCI_EFORMAT, "%s: no \"model\"; is this a tokenizer.json?", what);
  }
  TRY(check_type(model, what, err));
  TRY(refuse_member(model, "dropout", what, err));
  TRY(refuse_member(model, "continuing_subword_prefix", what, err));
  TRY(refuse_member(model, "end_of_word_suffix", what, err));
  bpe_model *m = &t->model;
  const js_value *vocab = js_get(model, "vocab"), *unk = js_get(model, "unk_token");
  TRY(read_vocab(t, vocab, what, err));
  TRY(read_merges(t, js_get(model, "merges"), what, err));
  TRY(js_get_bool(model, "byte_fallback", what, &m->byte_fallback, err));
  TRY(js_get_bool(model, "fuse_unk", what, &m->fuse_unk, err));
  TRY(js_get_bool(model, "ignore_merges", what, &m->ignore_merges, err));
  bpe_find_bytes(m);
  m->unk = -1;
  if (!unk) return LOCI_OK;
  size_t n;
  const char *s;
  TRY(json_need_text(model, "unk_token", what, &s, &n, err));
  const token_entry *e = token_by_text(&m->vocab, s, n);
  if (!e) {
    tokenizer_add_note(t, "%s: unk_token \"%s\" is not in the vocabulary", what, s);
    return LOCI_OK;
  }
  m->unk = e->id;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- added tokens */

loci_status json_read_added(const js_value *v, const char *what, added_token *out, loci_err *err) {
  int64_t id = out->id;
  TRY(json_need_text(v, "content", what, &out->content, &out->size, err));
  TRY(js_get_int(v, "id", what, 0, ID_LIMIT - 1, &id, err));
  TRY(js_get_bool(v, "special", what, &out->special, err));
  out->normalized = !out->special;
  TRY(js_get_bool(v, "normalized", what, &out->normalized, err));
  TRY(js_get_bool(v, "single_word", what, &out->single_word, err));
  TRY(js_get_bool(v, "lstrip", what, &out->lstrip, err));
  TRY(js_get_bool(v, "rstrip", what, &out->rstrip, err));
  out->id = (int)id;
  return LOCI_OK;
}

static loci_status read_added(tokenizer *t, const js_value *list, const char *what, loci_err *err) {
  if (!list) return LOCI_OK;
  if (js_kind_of(list) != JS_ARRAY) {
    return fail(err, LOCI_EFORMAT, "%s: \"added_tokens\" must be an array, found %s", what,
                js_kind_name(js_kind_of(list)));
  }
  for (int64_t i = 0; i < js_count(list); i++) {
    added_token a = {.id = -1};
    TRY(json_read_added(js_at(list, i), what, &a, err));
    if (a.id < 0) {
      return fail(err, LOCI_EFORMAT, "%s: added token \"%s\" has no \"id\"", what, a.content);
    }
    TRY(added_put_own(t, &a, what, err));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- post-processor */

typedef struct post_reader {
  tokenizer *t;
  const char *what;
  loci_err *err;
} post_reader;

static loci_status append_ids(post_reader *r, const js_value *ids, int **list, int *count) {
  int64_t n = js_count(ids);
  if (js_kind_of(ids) != JS_ARRAY || n > 1024 || *count > 1024) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: a special token of the template needs an array \"ids\" of at most 1024",
                r->what);
  }
  int *grown = arena_array(r->t->mem, *count + n, int);
  if (!grown) return fail_nomem(r->err, r->what);
  if (*count) memcpy(grown, *list, (size_t)*count * sizeof *grown);
  for (int64_t i = 0; i < n; i++) {
    int64_t id;
    if (!js_int_of(js_at(ids, i), &id) || id < 0 || id >= ID_LIMIT) {
      return fail(r->err, LOCI_EFORMAT, "%s: the template's ids must be integers from 0 to %d",
                  r->what, ID_LIMIT - 1);
    }
    grown[*count + i] = (int)id;
  }
  *list = grown;
  *count += (int)n;
  return LOCI_OK;
}

/* single: special tokens, the text (sequence A) once, special tokens. */
static loci_status read_template(post_reader *r, const js_value *v) {
  tokenizer *t = r->t;
  const js_value *single = js_get(v, "single"), *specials = js_get(v, "special_tokens");
  int texts = 0;
  if (js_kind_of(single) != JS_ARRAY) {
    return fail(r->err, LOCI_EFORMAT, "%s: TemplateProcessing needs an array \"single\"", r->what);
  }
  if (t->prefix_count || t->suffix_count) {
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: more than one TemplateProcessing", r->what);
  }
  for (int64_t i = 0; i < js_count(single); i++) {
    const js_value *special = js_get(js_at(single, i), "SpecialToken");
    const js_value *sequence = js_get(js_at(single, i), "Sequence");
    const char *id;
    size_t n;
    TRY(json_need_text(special ? special : sequence, "id", r->what, &id, &n, r->err));
    if (!special) {
      texts += strcmp(id, "A") == 0 ? 1 : 2;
      continue;
    }
    const js_value *ids = js_get(js_get(specials, id), "ids");
    if (texts == 0) {
      TRY(append_ids(r, ids, &t->prefix, &t->prefix_count));
    } else {
      TRY(append_ids(r, ids, &t->suffix, &t->suffix_count));
    }
  }
  if (texts == 1) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT, "%s: the template must hold the text (sequence A) once",
              r->what);
}

static loci_status read_post(post_reader *r, const js_value *v, int depth) {
  if (js_kind_of(v) == JS_NULL) return LOCI_OK;
  const char *type;
  size_t n;
  TRY(json_need_text(v, "type", r->what, &type, &n, r->err));
  if (strcmp(type, "TemplateProcessing") == 0) return read_template(r, v);
  if (strcmp(type, "ByteLevel") == 0) {
    bool trims = true, keeps = true;
    TRY(js_get_bool(v, "trim_offsets", r->what, &trims, r->err));
    TRY(js_get_bool(v, "add_prefix_space", r->what, &keeps, r->err));
    if (!trims) return LOCI_OK;
    r->t->trims = true;
    r->t->trim_keeps_prefix = keeps;
    return LOCI_OK;
  }
  if (strcmp(type, "Sequence") != 0 || depth > 8) {
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: post_processor of type \"%s\" is not supported",
                r->what, type);
  }
  const js_value *steps = js_get(v, "processors");
  for (int64_t i = 0; i < js_count(steps); i++) TRY(read_post(r, js_at(steps, i), depth + 1));
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the file */

static const char *kind_of(const tokenizer *t) {
  for (int i = 0; i < t->pre_count; i++) {
    if (t->pre[i].kind == PRE_BYTE_LEVEL) return "byte-level BPE";
    if (t->pre[i].kind == PRE_METASPACE) return "SentencePiece BPE, blanks as marks";
  }
  for (int i = 0; i < t->norm_count; i++) {
    if (t->norm[i].kind == NORM_PREPEND) return "SentencePiece BPE, legacy";
  }
  return t->model.byte_fallback ? "SentencePiece BPE" : "BPE";
}

loci_status json_read_tokenizer(tokenizer *t, const js_value *root, const char *what,
                                loci_err *err) {
  post_reader post = {t, what, err};
  TRY(read_model(t, js_get(root, "model"), what, err));
  TRY(json_read_normalizer(t, js_get(root, "normalizer"), what, err));
  TRY(json_read_pre_tokenizer(t, js_get(root, "pre_tokenizer"), what, err));
  TRY(read_post(&post, js_get(root, "post_processor"), 0));
  TRY(json_read_decoder(t, js_get(root, "decoder"), what, err));
  TRY(read_added(t, js_get(root, "added_tokens"), what, err));
  t->kind = kind_of(t);
  return LOCI_OK;
}
