/* The steps of a tokenizer.json: normalizer, pre_tokenizer, decoder.  Each is one step or a
 * Sequence of them; a step of a kind not listed here is refused by name, never skipped. */
#include <string.h>

#include "base/utf8.h"
#include "text/build.h"

typedef struct step_reader {
  tokenizer *t;
  const char *what, *part; /* file; "normalizer", ... */
  const char *list;        /* member of a Sequence that holds its steps */
  loci_status (*read)(struct step_reader *r, const js_value *step, const char *type);
  loci_err *err;
} step_reader;

enum { NESTING_LIMIT = 16 };

loci_status json_need_text(const js_value *v, const char *key, const char *what, const char **out,
                           size_t *n, loci_err *err) {
  const js_value *m = js_get(v, key);
  *out = js_text_of(m, n);
  if (*out) return LOCI_OK;
  return fail(err, LOCI_EFORMAT, "%s: \"%s\" must be a string, found %s", what, key,
              m ? js_kind_name(js_kind_of(m)) : "nothing");
}

/* Strings of the JSON tree die with it; the steps need their own. */
static loci_status keep_text(step_reader *r, const js_value *v, const char *key, const char **out,
                             size_t *n) {
  const char *s;
  TRY(json_need_text(v, key, r->what, &s, n, r->err));
  *out = arena_strndup(r->t->mem, s, *n);
  return *out ? LOCI_OK : fail_nomem(r->err, r->what);
}

static loci_status read_steps(step_reader *r, const js_value *v, int depth) {
  if (js_kind_of(v) == JS_NULL) return LOCI_OK;
  const char *type;
  size_t n;
  if (js_kind_of(v) != JS_OBJECT) {
    return fail(r->err, LOCI_EFORMAT, "%s: \"%s\" must be an object, found %s", r->what, r->part,
                js_kind_name(js_kind_of(v)));
  }
  TRY(json_need_text(v, "type", r->what, &type, &n, r->err));
  if (strcmp(type, "Sequence") != 0) return r->read(r, v, type);
  if (depth >= NESTING_LIMIT) {
    return fail(r->err, LOCI_EFORMAT, "%s: %s sequences are nested deeper than %d", r->what,
                r->part, NESTING_LIMIT);
  }
  const js_value *steps = js_get(v, r->list);
  if (js_kind_of(steps) != JS_ARRAY) {
    return fail(r->err, LOCI_EFORMAT, "%s: a %s Sequence needs an array \"%s\"", r->what, r->part,
                r->list);
  }
  for (int64_t i = 0; i < js_count(steps); i++) {
    if (js_kind_of(js_at(steps, i)) == JS_NULL) {
      return fail(r->err, LOCI_EFORMAT, "%s: a %s Sequence holds null", r->what, r->part);
    }
    TRY(read_steps(r, js_at(steps, i), depth + 1));
  }
  return LOCI_OK;
}

static loci_status refuse(const step_reader *r, const char *type) {
  return fail(r->err, LOCI_EUNSUPPORTED, "%s: %s of type \"%s\" is not supported", r->what, r->part,
              type);
}

static loci_status too_many(const step_reader *r) {
  return fail(r->err, LOCI_EUNSUPPORTED, "%s: more than %d %s steps", r->what, STEP_LIMIT, r->part);
}

/* "Prepend", "Replace", ...: the index in names, or -1. */
static int index_of(const char *name, const char *const *names, int count) {
  for (int i = 0; i < count; i++) {
    if (strcmp(name, names[i]) == 0) return i;
  }
  return -1;
}

loci_status json_read_pattern(tokenizer *t, const js_value *step, const char *what, pattern *out,
                              loci_err *err) {
  const js_value *p = js_get(step, "pattern");
  size_t n;
  const char *s = js_text_of(js_get(p, "String"), &n);
  if (s) {
    if (n == 0) return fail(err, LOCI_EFORMAT, "%s: an empty \"pattern\"", what);
    *out = (pattern){arena_strndup(t->mem, s, n), n, NULL};
    return out->literal ? LOCI_OK : fail_nomem(err, what);
  }
  s = js_text_of(js_get(p, "Regex"), &n);
  if (!s) {
    return fail(err, LOCI_EFORMAT, "%s: \"pattern\" must be {\"String\": ..} or {\"Regex\": ..}",
                what);
  }
  regex *re;
  TRY(regex_new(s, n, what, &re, err));
  *out = (pattern){NULL, 0, re};
  return tokenizer_keep_regex(t, re, err);
}

/* ---------------------------------------------------------------- normalizer */

static loci_status read_norm(step_reader *r, const js_value *v, const char *type) {
  static const char *const names[] = {"NFC",     "NFD",     "NFKC",      "NFKD",
                                      "Prepend", "Replace", "Lowercase", "Strip"};
  int kind = index_of(type, names, 8);
  if (kind < 0) return refuse(r, type);
  if (r->t->norm_count == STEP_LIMIT) return too_many(r);
  norm_step *s = &r->t->norm[r->t->norm_count];
  *s = (norm_step){.left = true, .right = true};
  if (kind < 4) {
    static const unicode_form forms[] = {FORM_NFC, FORM_NFD, FORM_NFKC, FORM_NFKD};
    s->kind = NORM_FORM;
    s->form = forms[kind];
  } else if (kind == 4) {
    s->kind = NORM_PREPEND;
    TRY(keep_text(r, v, "prepend", &s->content, &s->size));
  } else if (kind == 5) {
    s->kind = NORM_REPLACE;
    TRY(json_read_pattern(r->t, v, r->what, &s->find, r->err));
    TRY(keep_text(r, v, "content", &s->content, &s->size));
  } else if (kind == 6) {
    s->kind = NORM_LOWERCASE;
  } else {
    s->kind = NORM_STRIP;
    TRY(js_get_bool(v, "strip_left", r->what, &s->left, r->err));
    TRY(js_get_bool(v, "strip_right", r->what, &s->right, r->err));
  }
  r->t->norm_count++;
  return LOCI_OK;
}

loci_status json_read_normalizer(tokenizer *t, const js_value *v, const char *what, loci_err *err) {
  step_reader r = {t, what, "normalizer", "normalizers", read_norm, err};
  return read_steps(&r, v, 0);
}

/* ---------------------------------------------------------------- pre_tokenizer */

static loci_status read_behavior(step_reader *r, const js_value *v, split_behavior *out) {
  static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
                                      "Contiguous"};
  const char *name = NULL;
  TRY(js_get_text(v, "behavior", r->what, &name, r->err));
  if (!name) return LOCI_OK;
  int i = index_of(name, names, 5);
  if (i < 0) {
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: split behavior \"%s\" is not supported", r->what,
                name);
  }
  *out = (split_behavior)i;
  return LOCI_OK;
}

/* The replacement character, and the scheme by its new and its old name. */
static loci_status read_metaspace(step_reader *r, const js_value *v, const char **mark, size_t *n,
                                  prepend_scheme *scheme) {
  static const char *const names[] = {"always", "first", "never"};
  const char *name = "always";
  bool add_prefix = true;
  uint32_t rune;
  TRY(keep_text(r, v, "replacement", mark, n));
  if (*n == 0 || (size_t)utf8_decode(*mark, *n, &rune) != *n) {
    return fail(r->err, LOCI_EFORMAT, "%s: Metaspace's \"replacement\" must be one character",
                r->what);
  }
  TRY(js_get_text(v, "prepend_scheme", r->what, &name, r->err));
  TRY(js_get_bool(v, "add_prefix_space", r->what, &add_prefix, r->err));
  int i = index_of(name, names, 3);
  if (i < 0) {
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: prepend_scheme \"%s\" is not supported", r->what,
                name);
  }
  *scheme = (prepend_scheme)i;
  if (!add_prefix && *scheme != PREPEND_FIRST) *scheme = PREPEND_NEVER;
  return LOCI_OK;
}

static loci_status read_byte_level(step_reader *r, const js_value *v, pre_step *s) {
  s->kind = PRE_BYTE_LEVEL;
  s->add_prefix_space = s->use_regex = true;
  TRY(js_get_bool(v, "add_prefix_space", r->what, &s->add_prefix_space, r->err));
  TRY(js_get_bool(v, "use_regex", r->what, &s->use_regex, r->err));
  return s->use_regex ? pattern_gpt2(r->t, &s->find, r->what, r->err) : LOCI_OK;
}

static loci_status read_pre(step_reader *r, const js_value *v, const char *type) {
  static const char *const names[] = {"Split", "ByteLevel", "Metaspace", "Digits", "Punctuation"};
  int kind = index_of(type, names, 5);
  if (kind < 0) return refuse(r, type);
  if (r->t->pre_count == STEP_LIMIT) return too_many(r);
  pre_step *s = &r->t->pre[r->t->pre_count];
  *s = (pre_step){.kind = (pre_kind)kind, .behavior = SPLIT_ISOLATED, .split = true};
  bool individual = false;
  switch (s->kind) {
    case PRE_SPLIT:
      TRY(json_read_pattern(r->t, v, r->what, &s->find, r->err));
      TRY(read_behavior(r, v, &s->behavior));
      TRY(js_get_bool(v, "invert", r->what, &s->invert, r->err));
      break;
    case PRE_BYTE_LEVEL: TRY(read_byte_level(r, v, s)); break;
    case PRE_METASPACE:
      TRY(read_metaspace(r, v, &s->mark, &s->mark_size, &s->prepend));
      TRY(js_get_bool(v, "split", r->what, &s->split, r->err));
      break;
    case PRE_DIGITS:
      TRY(js_get_bool(v, "individual_digits", r->what, &individual, r->err));
      s->behavior = individual ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS;
      break;
    case PRE_PUNCTUATION: TRY(read_behavior(r, v, &s->behavior)); break;
  }
  r->t->pre_count++;
  return LOCI_OK;
}

loci_status json_read_pre_tokenizer(tokenizer *t, const js_value *v, const char *what,
                                    loci_err *err) {
  step_reader r = {t, what, "pre_tokenizer", "pretokenizers", read_pre, err};
  return read_steps(&r, v, 0);
}

/* ---------------------------------------------------------------- decoder */

static loci_status read_strip(step_reader *r, const js_value *v, dec_step *s) {
  int64_t start = 0, stop = 0;
  uint32_t rune;
  TRY(keep_text(r, v, "content", &s->find, &s->find_size));
  if (s->find_size == 0 || (size_t)utf8_decode(s->find, s->find_size, &rune) != s->find_size) {
    return fail(r->err, LOCI_EFORMAT, "%s: the Strip decoder's \"content\" must be one character",
                r->what);
  }
  TRY(js_get_int(v, "start", r->what, 0, INT32_MAX, &start, r->err));
  TRY(js_get_int(v, "stop", r->what, 0, INT32_MAX, &stop, r->err));
  s->start = (int)start;
  s->stop = (int)stop;
  return LOCI_OK;
}

static loci_status read_dec(step_reader *r, const js_value *v, const char *type) {
  static const char *const names[] = {"Replace", "ByteFallback", "Fuse",
                                      "Strip",   "ByteLevel",    "Metaspace"};
  int kind = index_of(type, names, 6);
  if (kind < 0) return refuse(r, type);
  if (r->t->dec_count == STEP_LIMIT) return too_many(r);
  dec_step *s = &r->t->dec[r->t->dec_count];
  *s = (dec_step){.kind = (dec_kind)kind};
  pattern find = {0};
  if (s->kind == DEC_STRIP) TRY(read_strip(r, v, s));
  if (s->kind == DEC_METASPACE) TRY(read_metaspace(r, v, &s->find, &s->find_size, &s->prepend));
  if (s->kind == DEC_REPLACE) {
    TRY(json_read_pattern(r->t, v, r->what, &find, r->err));
    if (!find.literal) return refuse(r, "Replace with a regular expression");
    s->find = find.literal;
    s->find_size = find.size;
    TRY(keep_text(r, v, "content", &s->content, &s->size));
  }
  r->t->dec_count++;
  return LOCI_OK;
}

loci_status json_read_decoder(tokenizer *t, const js_value *v, const char *what, loci_err *err) {
  step_reader r = {t, what, "decoder", "decoders", read_dec, err};
  t->has_decoder = js_kind_of(v) != JS_NULL;
  return read_steps(&r, v, 0);
}
