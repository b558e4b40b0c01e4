/* The metadata of a GGUF file, asked for by key (see gguf.h): a number, a text, a list, of the type
 * that is expected, within the bounds that are given. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/gguf_parts.h"

const gguf_type_info gguf_types[GGUF_TYPES] = {
    [GGUF_U8] = {"uint8", 1},    [GGUF_I8] = {"int8", 1},    [GGUF_U16] = {"uint16", 2},
    [GGUF_I16] = {"int16", 2},   [GGUF_U32] = {"uint32", 4}, [GGUF_I32] = {"int32", 4},
    [GGUF_F32] = {"float32", 4}, [GGUF_BOOL] = {"bool", 1},  [GGUF_TEXT] = {"string", 0},
    [GGUF_ARRAY] = {"array", 0}, [GGUF_U64] = {"uint64", 8}, [GGUF_I64] = {"int64", 8},
    [GGUF_F64] = {"float64", 8},
};

uint64_t gguf_unsigned_at(const uint8_t *p, int bytes) {
  uint64_t x = 0;
  for (int i = bytes - 1; i >= 0; i--) x = x << 8 | p[i];
  return x;
}

int gguf_compare(const void *a, const void *b) {
  const gguf_value *x = a, *y = b;
  return strcmp(x->key, y->key);
}

const char *gguf_what(const gguf *g) { return g->what; }

int64_t gguf_count(const gguf *g) { return g->n; }

const gguf_value *gguf_at(const gguf *g, int64_t i) { return &g->values[i]; }

const gguf_value *gguf_find(const gguf *g, const char *key) {
  gguf_value wanted = {.key = key};
  return g->n ? bsearch(&wanted, g->values, (size_t)g->n, sizeof wanted, gguf_compare) : NULL;
}

bool gguf_int(const gguf_value *v, int64_t i, int64_t *out) {
  if (i < 0 || i >= v->count || v->type == GGUF_TEXT) return false;
  int bytes = gguf_types[v->type].bytes;
  uint64_t x = gguf_unsigned_at(v->at + i * bytes, bytes);
  switch (v->type) {
    case GGUF_I8: *out = x < 128 ? (int64_t)x : (int64_t)x - 256; return true;
    case GGUF_I16: *out = (int16_t)x; return true;
    case GGUF_I32: *out = (int32_t)x; return true;
    case GGUF_U8:
    case GGUF_U16:
    case GGUF_U32:
    case GGUF_U64:
    case GGUF_I64: break;
    default: return false;
  }
  *out = (int64_t)x;
  return v->type == GGUF_I64 || x <= INT64_MAX;
}

bool gguf_real(const gguf_value *v, int64_t i, double *out) {
  int64_t whole;
  if (i < 0 || i >= v->count) return false;
  if (v->type == GGUF_F32) {
    float x;
    memcpy(&x, v->at + 4 * i, sizeof x);
    *out = (double)x;
    return true;
  }
  if (v->type == GGUF_F64) {
    memcpy(out, v->at + 8 * i, sizeof *out);
    return true;
  }
  if (!gguf_int(v, i, &whole)) return false;
  *out = (double)whole;
  return true;
}

static loci_status mistyped(const gguf *g, const gguf_value *v, const char *expected,
                            loci_err *err) {
  return fail(err, LOCI_EFORMAT, "%s: \"%s\" must be %s, found %s%s", gguf_what(g), v->key,
              expected, v->is_array ? "an array of " : "", gguf_types[v->type].name);
}

loci_status gguf_get_int(const gguf *g, const char *key, int64_t lo, int64_t hi, int64_t *inout,
                         loci_err *err) {
  const gguf_value *v = gguf_find(g, key);
  int64_t x = 0;
  if (!v) return LOCI_OK;
  if (v->is_array || !gguf_int(v, 0, &x)) return mistyped(g, v, "an integer", err);
  if (x < lo || x > hi) {
    return fail(err, LOCI_EFORMAT, "%s: \"%s\" is %" PRId64 ", expected %" PRId64 " to %" PRId64,
                gguf_what(g), key, x, lo, hi);
  }
  *inout = x;
  return LOCI_OK;
}

loci_status gguf_get_real(const gguf *g, const char *key, double *inout, loci_err *err) {
  const gguf_value *v = gguf_find(g, key);
  double x = 0;
  if (!v) return LOCI_OK;
  if (v->is_array || !gguf_real(v, 0, &x)) return mistyped(g, v, "a number", err);
  if (!isfinite(x))
    return fail(err, LOCI_EFORMAT, "%s: \"%s\" is %g, expected a finite number", gguf_what(g), key,
                x);
  *inout = x;
  return LOCI_OK;
}

loci_status gguf_get_bool(const gguf *g, const char *key, bool *inout, loci_err *err) {
  const gguf_value *v = gguf_find(g, key);
  if (!v) return LOCI_OK;
  if (v->is_array || v->type != GGUF_BOOL) return mistyped(g, v, "a bool", err);
  *inout = v->at[0] != 0;
  return LOCI_OK;
}

loci_status gguf_get_text(const gguf *g, const char *key, gguf_text *inout, loci_err *err) {
  const gguf_value *v = gguf_find(g, key);
  if (!v) return LOCI_OK;
  if (v->is_array || v->type != GGUF_TEXT) return mistyped(g, v, "a string", err);
  const uint8_t *at = v->at;
  *inout = gguf_next_text(&at);
  return LOCI_OK;
}

loci_status gguf_get_array(const gguf *g, const char *key, gguf_type type, const gguf_value **out,
                           loci_err *err) {
  const gguf_value *v = gguf_find(g, key);
  bool is_text = v && v->type == GGUF_TEXT;
  *out = v;
  if (!v) return LOCI_OK;
  if (v->is_array && v->type != GGUF_BOOL && is_text == (type == GGUF_TEXT)) return LOCI_OK;
  return mistyped(g, v, type == GGUF_TEXT ? "an array of strings" : "an array of numbers", err);
}

gguf_text gguf_next_text(const uint8_t **at) {
  gguf_text t = {(const char *)*at + 8, (size_t)gguf_unsigned_at(*at, 8)};
  *at += 8 + t.n;
  return t;
}
