/* The fence round jansson (see json.h). */
#include "base/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/kind.h"
#include "base/utf8.h"

/* ---------------------------------------------------------------- memory
 *
 * jansson 2.14 does not look whether the buffer of the token it reads could grow: it drops the
 * byte, and may run past the closing quote it dropped.  So a reader that is refused memory goes on
 * with a reserve, gets no more text, and what it read is thrown away.  The allocations are counted
 * for each thread; a program that sets its own functions for jansson does without all this. */

enum { RESERVE = 1 << 16, FED_AT_ONCE = 256 };

static _Thread_local struct {
  bool refused;
  char *reserve;
  size_t used, size;
} reading;

static void *hooked_malloc(size_t n) {
  void *p = malloc(n);
  if (p || !reading.reserve) return p;
  reading.refused = true;
  size_t room = (n + 15) / 16 * 16;
  if (room < n || room > reading.size - reading.used) return NULL;
  p = reading.reserve + reading.used;
  reading.used += room;
  return p;
}

static void hooked_free(void *p) {
  uintptr_t at = (uintptr_t)p, reserve = (uintptr_t)reading.reserve;
  if (!reserve || at < reserve || at >= reserve + reading.size) free(p);
}

__attribute__((constructor)) static void hook_jansson(void) {
  json_set_alloc_funcs(hooked_malloc, hooked_free);
}

/* Text on its way in, a little at a time: until memory is refused. */
typedef struct feed {
  const char *text;
  size_t left;
} feed;

static size_t give_text(void *to, size_t n, void *ctx) {
  feed *f = ctx;
  if (reading.refused) return 0;
  if (n > FED_AT_ONCE) n = FED_AT_ONCE;
  if (n > f->left) n = f->left;
  memcpy(to, f->text, n);
  f->text += n;
  f->left -= n;
  return n;
}

/* A token's buffer doubles: the reserve holds the last one and the one before. */
static js_value *read_text(const char *text, size_t n, json_error_t *e, bool *refused) {
  feed f = {text, n};
  reading.size = 4 * n + RESERVE;
  reading.used = 0;
  reading.reserve = malloc(reading.size);
  reading.refused = !reading.reserve;
  json_t *v = NULL;
  if (!reading.refused)
    v = json_load_callback(give_text, &f, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, e);
  *refused = reading.refused;
  if (*refused) json_decref(v);
  free(reading.reserve);
  reading.reserve = NULL;
  return *refused ? NULL : v;
}

/* ---------------------------------------------------------------- reading */

/* jansson wants non-const pointers for reading but does not write through them. */
static json_t *mutable_of(const js_value *v) { return (json_t *)(uintptr_t)v; }

/* Bytes of the string (opening quote to closing quote), number or single byte at s. */
static size_t lexeme(const char *s, size_t n) {
  static const char number[] = "+-.0123456789eE";
  size_t k = 1;
  if (s[0] == '"') {
    while (k < n && s[k] != '"') k += s[k] == '\\' && k + 1 < n ? 2 : 1;
    return k < n ? k + 1 : n;
  }
  if (s[0] != '-' && (s[0] < '0' || s[0] > '9')) return 1;
  while (k < n && memchr(number, s[k], sizeof number - 1)) k++;
  return k;
}

/* Whether the number at s is an integer, and too large for 64 bits. */
static bool is_wide_integer(const char *s, size_t n) {
  static const char largest[] = "9223372036854775807";
  if (n > 0 && s[0] == '-') s++, n--;
  for (size_t i = 0; i < n; i++) {
    if (s[i] < '0' || s[i] > '9') return false;
  }
  return n > strlen(largest) || (n == strlen(largest) && memcmp(s, largest, n) > 0);
}

/* A copy in which integers too large for 64 bits are reals ("e0" is put after them): in many
 * checkpoints, tokenizer_config.json says "model_max_length": 1000000000000000019884624838656.
 * NULL: out of memory. */
static char *widened(const char *text, size_t n, size_t *size) {
  char *copy = malloc(n + n / 19 * 2 + 1);
  if (!copy) return NULL;
  size_t m = 0;
  for (size_t i = 0, k; i < n; i += k) {
    k = lexeme(text + i, n - i);
    memcpy(copy + m, text + i, k);
    m += k;
    if (!is_wide_integer(text + i, k)) continue;
    copy[m++] = 'e';
    copy[m++] = '0';
  }
  *size = m;
  return copy;
}

/* JSON by its grammar, and yet nothing that a reader could be given. */
static bool is_well_formed(const json_error_t *e) {
  static const enum json_error_code codes[] = {
      json_error_duplicate_key, json_error_numeric_overflow, json_error_null_character,
      json_error_null_byte_in_key, json_error_stack_overflow};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (json_error_code(e) == codes[i]) return true;
  return false;
}

loci_status js_parse_line(const char *text, size_t n, const char *what, int64_t line,
                          js_value **out, loci_err *err) {
  json_error_t e = {0}; /* jansson fills in a part of it, and reads its last byte */
  bool refused;
  *out = read_text(text, n, &e, &refused);
  if (!*out && !refused && json_error_code(&e) == json_error_numeric_overflow) {
    size_t m;
    char *wide = widened(text, n, &m);
    if (!wide) return fail_nomem(err, what);
    *out = read_text(wide, m, &e, &refused);
    free(wide);
  }
  if (*out) return LOCI_OK;
  if (refused) return fail_nomem(err, what);
  return fail(err, LOCI_EFORMAT, "%s: %s at line %" PRId64 ", column %d: %s", what,
              is_well_formed(&e) ? "JSON that is not read" : "not valid JSON", line + e.line - 1,
              e.column, e.text);
}

loci_status js_parse(const char *text, size_t n, const char *what, js_value **out, loci_err *err) {
  return js_parse_line(text, n, what, 1, out, err);
}

loci_status js_parse_file(const char *path, size_t limit, js_value **out, loci_err *err) {
  char *text;
  size_t n;
  *out = NULL;
  TRY(file_read(path, limit, &text, &n, err));
  loci_status st = js_parse(text, n, path, out, err);
  if (st == LOCI_EFORMAT) {
    loci_status known = kind_refuse(text, n, path, "JSON", err);
    if (known) st = known;
  }
  free(text);
  return st;
}

void js_free(js_value *v) { json_decref(v); }

js_kind js_kind_of(const js_value *v) {
  if (!v) return JS_NULL;
  switch (json_typeof(v)) {
    case JSON_OBJECT: return JS_OBJECT;
    case JSON_ARRAY: return JS_ARRAY;
    case JSON_STRING: return JS_TEXT;
    case JSON_INTEGER: return JS_INT;
    case JSON_REAL: return JS_REAL;
    case JSON_TRUE:
    case JSON_FALSE: return JS_BOOL;
    case JSON_NULL: break;
  }
  return JS_NULL;
}

const char *js_kind_name(js_kind kind) {
  static const char *const names[] = {"null",     "true or false", "an integer", "a real number",
                                      "a string", "an array",      "an object"};
  return names[kind];
}

const js_value *js_get(const js_value *v, const char *key) {
  const js_value *m = v ? json_object_get(v, key) : NULL;
  return js_kind_of(m) == JS_NULL ? NULL : m;
}

int64_t js_count(const js_value *v) {
  if (js_kind_of(v) == JS_ARRAY) return (int64_t)json_array_size(v);
  if (js_kind_of(v) == JS_OBJECT) return (int64_t)json_object_size(v);
  return 0;
}

const js_value *js_at(const js_value *v, int64_t i) {
  return v && i >= 0 ? json_array_get(v, (size_t)i) : NULL;
}

const char *js_text_of(const js_value *v, size_t *n) {
  if (js_kind_of(v) != JS_TEXT) return NULL;
  if (n) *n = json_string_length(v);
  return json_string_value(v);
}

bool js_int_of(const js_value *v, int64_t *out) {
  if (js_kind_of(v) != JS_INT) return false;
  *out = json_integer_value(v);
  return true;
}

bool js_real_of(const js_value *v, double *out) {
  js_kind kind = js_kind_of(v);
  if (kind != JS_INT && kind != JS_REAL) return false;
  *out = json_number_value(v);
  return true;
}

bool js_bool_of(const js_value *v, bool *out) {
  if (js_kind_of(v) != JS_BOOL) return false;
  *out = json_is_true(v);
  return true;
}

static void *member_at(void *it, const char **key, const js_value **member) {
  if (!it) return NULL;
  *key = json_object_iter_key(it);
  *member = json_object_iter_value(it);
  return it;
}

void *js_first(const js_value *v, const char **key, const js_value **member) {
  return member_at(json_object_iter(mutable_of(v)), key, member);
}

void *js_next(const js_value *v, void *it, const char **key, const js_value **member) {
  return member_at(json_object_iter_next(mutable_of(v), it), key, member);
}

static loci_status mistyped(const js_value *m, const char *key, const char *what,
                            const char *expected, loci_err *err) {
  return fail(err, LOCI_EFORMAT, "%s: \"%s\" must be %s, found %s", what, key, expected,
              js_kind_name(js_kind_of(m)));
}

loci_status js_get_int(const js_value *v, const char *key, const char *what, int64_t lo, int64_t hi,
                       int64_t *inout, loci_err *err) {
  const js_value *m = js_get(v, key);
  if (!m) return LOCI_OK;
  int64_t i;
  if (!js_int_of(m, &i)) return mistyped(m, key, what, "an integer", err);
  if (i < lo || i > hi) {
    return fail(err, LOCI_EFORMAT, "%s: \"%s\" is %" PRId64 ", expected %" PRId64 " to %" PRId64,
                what, key, i, lo, hi);
  }
  *inout = i;
  return LOCI_OK;
}

loci_status js_get_real(const js_value *v, const char *key, const char *what, double *inout,
                        loci_err *err) {
  const js_value *m = js_get(v, key);
  if (!m) return LOCI_OK;
  return js_real_of(m, inout) ? LOCI_OK : mistyped(m, key, what, "a number", err);
}

loci_status js_get_bool(const js_value *v, const char *key, const char *what, bool *inout,
                        loci_err *err) {
  const js_value *m = js_get(v, key);
  if (!m) return LOCI_OK;
  return js_bool_of(m, inout) ? LOCI_OK : mistyped(m, key, what, "true or false", err);
}

loci_status js_get_text(const js_value *v, const char *key, const char *what, const char **inout,
                        loci_err *err) {
  const js_value *m = js_get(v, key);
  if (!m) return LOCI_OK;
  size_t n;
  const char *s = js_text_of(m, &n);
  if (!s) return mistyped(m, key, what, "a string", err);
  if (strlen(s) != n) return fail(err, LOCI_EFORMAT, "%s: \"%s\" holds a NUL character", what, key);
  *inout = s;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- building */

js_value *js_object(void) { return json_object(); }
js_value *js_array(void) { return json_array(); }
js_value *js_int(int64_t i) { return json_integer(i); }
js_value *js_real(double x) { return isfinite(x) ? json_real(x) : json_null(); }
js_value *js_bool(bool b) { return json_boolean(b); }
js_value *js_null(void) { return json_null(); }

/* A copy of s in which every invalid byte sequence is U+FFFD. */
static js_value *repaired_text(const char *s, size_t n) {
  char *copy = malloc(3 * n + 1);
  if (!copy) return NULL;
  size_t m = 0;
  for (size_t i = 0; i < n;) {
    uint32_t rune;
    int k = utf8_decode(s + i, n - i, &rune);
    if (k > 0) {
      memcpy(copy + m, s + i, (size_t)k);
      m += (size_t)k;
    } else {
      m += (size_t)utf8_encode(0xFFFD, copy + m);
      k = utf8_invalid_length(s + i, n - i);
    }
    i += (size_t)k;
  }
  js_value *v = json_stringn(copy, m);
  free(copy);
  return v;
}

js_value *js_text(const char *s) { return js_text_n(s, s ? strlen(s) : 0); }

js_value *js_text_n(const char *s, size_t n) {
  if (!s) return json_null();
  return utf8_is_valid(s, n) ? json_stringn_nocheck(s, n) : repaired_text(s, n);
}

static void give_up(js_value **to, js_value *v) {
  json_decref(v);
  json_decref(*to);
  *to = NULL;
}

js_value *js_copy(const js_value *v) { return (js_value *)json_deep_copy(mutable_of(v)); }

void js_put(js_value **to, const char *key, js_value *v) {
  if (!*to || !v) {
    give_up(to, v);
  } else if (json_object_set_new(*to, key, v) != 0) { /* took v over even so */
    give_up(to, NULL);
  }
}

void js_push(js_value **to, js_value *v) {
  if (!*to || !v) {
    give_up(to, v);
  } else if (json_array_append_new(*to, v) != 0) {
    give_up(to, NULL);
  }
}

js_value *js_member(js_value *v, const char *key) { return json_object_get(v, key); }

js_value *js_item(js_value *v, int64_t i) {
  return i < 0 ? NULL : json_array_get(v, (size_t)i); /* NULL beyond the end */
}

bool js_set(js_value *v, const char *key, js_value *member) {
  return member && json_object_set_new(v, key, member) == 0;
}

bool js_set_item(js_value *v, int64_t i, js_value *item) {
  return item && json_array_set_new(v, (size_t)i, item) == 0;
}

bool js_drop_items(js_value *v, const bool *drop) {
  json_t *kept = json_array();
  bool good = kept != NULL;
  for (size_t i = 0; good && i < json_array_size(v); i++)
    good = drop[i] || json_array_append(kept, json_array_get(v, i)) == 0;
  good = good && json_array_clear(v) == 0 && json_array_extend(v, kept) == 0;
  json_decref(kept);
  return good;
}

js_value *js_ints(const int *x, int64_t n) {
  js_value *a = js_array();
  for (int64_t i = 0; i < n; i++) js_push(&a, js_int(x[i]));
  return a;
}

/* Text on its way out.  A failure is remembered here: jansson 2.14 does not look whether a key
 * could be written, and would go on without it. */
typedef struct printed {
  char *text;
  size_t size, room;
  bool failed;
} printed;

static int print_piece(const char *piece, size_t n, void *to) {
  printed *p = to;
  if (p->failed) return -1;
  if (n + 1 > p->room - p->size) {
    size_t room = 2 * p->room + n + 256;
    char *text = realloc(p->text, room);
    p->failed = !text;
    if (!text) return -1;
    p->text = text;
    p->room = room;
  }
  memcpy(p->text + p->size, piece, n);
  p->size += n;
  p->text[p->size] = 0;
  return 0;
}

static loci_status dump(const js_value *v, size_t flags, char **out, loci_err *err) {
  printed p = {0};
  *out = NULL;
  if (json_dump_callback(v, print_piece, &p, JSON_REAL_PRECISION(12) | flags) || p.failed) {
    free(p.text);
    return fail_nomem(err, "writing JSON");
  }
  *out = p.text;
  return LOCI_OK;
}

loci_status js_print(js_value *v, bool pretty, char **out, loci_err *err) {
  *out = NULL;
  loci_status st = v ? dump(v, pretty ? JSON_INDENT(1) : JSON_COMPACT, out, err)
                     : fail_nomem(err, "writing JSON");
  json_decref(v);
  return st;
}

loci_status js_dump(const js_value *v, char **out, loci_err *err) {
  return dump(v, JSON_COMPACT | JSON_ENCODE_ANY, out, err);
}
