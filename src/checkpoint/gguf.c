/* Reading GGUF (see gguf.h; ggml's docs/gguf.md): a magic, a version, two counts; so many keys with
 * their values; so many tensors with shape, format and offset; padding; the tensors' bytes.
 *
 * The file is hostile until proven sound.  A count is believed only as far as the bytes that are
 * left could hold so many items, so memory goes with the file's size; each text's length and each
 * array's items are walked once, so that nothing needs a check afterwards; and the tensors tile
 * the data in the order of their offsets, each at the first multiple of the alignment after the
 * one before, as ggml's own reader demands. */
#include "checkpoint/gguf_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/kind.h"
#include "base/size.h"
#include "base/utf8.h"

enum { MAX_KEY = 65535, MAX_NAME = 1024, MAX_RANK = 4, MAX_ALIGNMENT = 1 << 20 };

/* What is still to be read. */
typedef struct cursor {
  const uint8_t *at, *end;
  const char *what;
  loci_err *err;
} cursor;

/* ggml's number of a format; those without a dtype of ours are refused by name. */
enum { NO_DTYPE = -1 };
static const struct {
  const char *name;
  int dtype;
} formats[] = {
    [0] = {"F32", ST_F32},       [1] = {"F16", ST_F16},        [2] = {"Q4_0", ST_Q4_0},
    [3] = {"Q4_1", ST_Q4_1},     [6] = {"Q5_0", ST_Q5_0},      [7] = {"Q5_1", ST_Q5_1},
    [8] = {"Q8_0", ST_Q8_0},     [9] = {"Q8_1", NO_DTYPE},     [10] = {"Q2_K", NO_DTYPE},
    [11] = {"Q3_K", NO_DTYPE},   [12] = {"Q4_K", ST_Q4_K},     [13] = {"Q5_K", ST_Q5_K},
    [14] = {"Q6_K", ST_Q6_K},    [15] = {"Q8_K", NO_DTYPE},    [16] = {"IQ2_XXS", NO_DTYPE},
    [17] = {"IQ2_XS", NO_DTYPE}, [18] = {"IQ3_XXS", NO_DTYPE}, [19] = {"IQ1_S", NO_DTYPE},
    [20] = {"IQ4_NL", NO_DTYPE}, [21] = {"IQ3_S", NO_DTYPE},   [22] = {"IQ2_S", NO_DTYPE},
    [23] = {"IQ4_XS", NO_DTYPE}, [24] = {"I8", ST_I8},         [25] = {"I16", ST_I16},
    [26] = {"I32", ST_I32},      [27] = {"I64", ST_I64},       [28] = {"F64", ST_F64},
    [29] = {"IQ1_M", NO_DTYPE},  [30] = {"BF16", ST_BF16},     [34] = {"TQ1_0", NO_DTYPE},
    [35] = {"TQ2_0", NO_DTYPE},  [39] = {"MXFP4", NO_DTYPE},   [40] = {"NVFP4", NO_DTYPE},
};

/* ---------------------------------------------------------------- bytes */

static int64_t left(const cursor *c) { return c->end - c->at; }

static loci_status cut_off(const cursor *c, const char *part) {
  return fail(c->err, LOCI_EFORMAT, "%s: cut off, or garbled, in its %s", c->what, part);
}

static loci_status read_uint(cursor *c, int bytes, const char *part, uint64_t *out) {
  if (left(c) < bytes) return cut_off(c, part);
  *out = gguf_unsigned_at(c->at, bytes);
  c->at += bytes;
  return LOCI_OK;
}

/* A count of items that take [least] bytes each at the least. */
static loci_status read_count(cursor *c, int64_t least, const char *part, int64_t *out) {
  uint64_t n;
  TRY(read_uint(c, 8, part, &n));
  if (n > (uint64_t)(left(c) / least)) {
    return fail(c->err, LOCI_EFORMAT,
                "%s: %" PRIu64 " items in its %s, more than %" PRId64 " bytes can hold", c->what, n,
                part, left(c));
  }
  *out = (int64_t)n;
  return LOCI_OK;
}

static loci_status read_text(cursor *c, const char *part, gguf_text *out) {
  int64_t n;
  TRY(read_count(c, 1, part, &n));
  *out = (gguf_text){(const char *)c->at, (size_t)n};
  c->at += n;
  return LOCI_OK;
}

/* A name in memory of its own: UTF-8 without NUL. */
static loci_status keep_name(cursor *c, arena *mem, gguf_text t, size_t most, const char *part,
                             const char **out) {
  if (t.n == 0 || t.n > most || !utf8_is_valid(t.s, t.n) || memchr(t.s, 0, t.n)) {
    return fail(c->err, LOCI_EFORMAT,
                "%s: a name among its %s of %zu bytes; expected 1 to %zu bytes of UTF-8", c->what,
                part, t.n, most);
  }
  *out = arena_strndup(mem, t.s, t.n);
  return *out ? LOCI_OK : fail_nomem(c->err, c->what);
}

/* ---------------------------------------------------------------- metadata */

static loci_status read_items(cursor *c, gguf_value *v) {
  v->at = c->at;
  if (v->type != GGUF_TEXT) {
    int64_t bytes;
    if (!size_mul(v->count, gguf_types[v->type].bytes, &bytes) || bytes > left(c)) {
      return cut_off(c, "metadata");
    }
    for (int64_t i = 0; v->type == GGUF_BOOL && i < bytes; i++) {
      if (c->at[i] > 1) {
        return fail(c->err, LOCI_EFORMAT, "%s: \"%s\": a bool is %d, expected 0 or 1", c->what,
                    v->key, c->at[i]);
      }
    }
    c->at += bytes;
    return LOCI_OK;
  }
  for (int64_t i = 0; i < v->count; i++) {
    gguf_text t;
    TRY(read_text(c, "metadata", &t));
    if (!utf8_is_valid(t.s, t.n)) {
      return fail(c->err, LOCI_EFORMAT, "%s: \"%s\": text %" PRId64 " is not UTF-8", c->what,
                  v->key, i);
    }
  }
  return LOCI_OK;
}

static loci_status read_type(cursor *c, const char *key, gguf_type *out) {
  uint64_t type;
  TRY(read_uint(c, 4, "metadata", &type));
  if (type >= GGUF_TYPES) {
    return fail(c->err, LOCI_EFORMAT, "%s: \"%s\": a value of the unknown type %" PRIu64, c->what,
                key, type);
  }
  *out = (gguf_type)type;
  return LOCI_OK;
}

static loci_status read_value(cursor *c, arena *mem, gguf_value *v) {
  gguf_text key;
  TRY(read_text(c, "metadata", &key));
  TRY(keep_name(c, mem, key, MAX_KEY, "keys", &v->key));
  TRY(read_type(c, v->key, &v->type));
  v->count = 1;
  v->is_array = v->type == GGUF_ARRAY;
  if (v->is_array) {
    TRY(read_type(c, v->key, &v->type));
    if (v->type == GGUF_ARRAY) {
      return fail(c->err, LOCI_EUNSUPPORTED, "%s: \"%s\": arrays in arrays are not supported",
                  c->what, v->key);
    }
    TRY(read_count(c, v->type == GGUF_TEXT ? 8 : gguf_types[v->type].bytes, "metadata", &v->count));
  }
  return read_items(c, v);
}

static loci_status read_metadata(gguf *g, cursor *c) {
  g->values = arena_zarray(g->mem, g->n + 1, gguf_value);
  if (!g->values) return fail_nomem(c->err, c->what);
  for (int64_t i = 0; i < g->n; i++) TRY(read_value(c, g->mem, &g->values[i]));
  if (g->n > 0) qsort(g->values, (size_t)g->n, sizeof *g->values, gguf_compare);
  for (int64_t i = 1; i < g->n; i++) {
    if (strcmp(g->values[i - 1].key, g->values[i].key) == 0) {
      return fail(c->err, LOCI_EFORMAT, "%s: \"%s\" is there twice", c->what, g->values[i].key);
    }
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- tensors */

static loci_status read_format(cursor *c, st_tensor *t) {
  uint64_t format;
  enum { FORMATS = sizeof formats / sizeof *formats };
  TRY(read_uint(c, 4, "list of tensors", &format));
  if (format >= FORMATS || !formats[format].name) {
    return fail(c->err, LOCI_EUNSUPPORTED, "%s: tensor %s: format %" PRIu64 " is not known",
                c->what, t->name, format);
  }
  if (formats[format].dtype == NO_DTYPE) {
    return fail(c->err, LOCI_EUNSUPPORTED,
                "%s: tensor %s: format %s is not supported; known are F32, F16, BF16, Q8_0, Q4_0, "
                "Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K",
                c->what, t->name, formats[format].name);
  }
  t->dtype = (st_dtype)formats[format].dtype;
  return LOCI_OK;
}

/* Dimensions stand in the file with the one of neighbouring numbers first; ours is the last. */
static loci_status read_shape(cursor *c, st_tensor *t) {
  uint64_t rank;
  TRY(read_uint(c, 4, "list of tensors", &rank));
  if (rank < 1 || rank > MAX_RANK) {
    return fail(c->err, LOCI_EFORMAT, "%s: tensor %s: %" PRIu64 " dimensions, expected 1 to %d",
                c->what, t->name, rank, MAX_RANK);
  }
  t->rank = (int)rank;
  for (int i = t->rank - 1; i >= 0; i--) {
    uint64_t size;
    TRY(read_uint(c, 8, "list of tensors", &size));
    if (size < 1 || size > INT64_MAX) {
      return fail(c->err, LOCI_EFORMAT, "%s: tensor %s: a dimension of %" PRIu64, c->what, t->name,
                  size);
    }
    t->shape[i] = (int64_t)size;
  }
  return LOCI_OK;
}

/* The bytes of the shape, rows in whole blocks. */
static loci_status measure(cursor *c, st_tensor *t) {
  int64_t block = st_dtype_block(t->dtype), bytes = st_dtype_bytes(t->dtype);
  int64_t columns = t->shape[t->rank - 1];
  if (columns % block != 0) {
    return fail(c->err, LOCI_EFORMAT,
                "%s: tensor %s: rows of %" PRId64 " numbers are not whole blocks of %s (%" PRId64
                ")",
                c->what, t->name, columns, st_dtype_name(t->dtype), block);
  }
  bool fits = size_mul(columns / block, bytes, &t->bytes);
  for (int i = 0; i + 1 < t->rank && fits; i++) fits = size_mul(t->bytes, t->shape[i], &t->bytes);
  if (fits) return LOCI_OK;
  return fail(c->err, LOCI_EFORMAT, "%s: tensor %s: its shape multiplies to more than 2^63 bytes",
              c->what, t->name);
}

/* Name, shape, format and offset; the offset waits for the data to begin in offsets[]. */
static loci_status read_tensor(gguf *g, cursor *c, st_tensor *t, uint64_t *offset) {
  gguf_text name;
  TRY(read_text(c, "list of tensors", &name));
  TRY(keep_name(c, g->mem, name, MAX_NAME, "tensors", &t->name));
  TRY(read_shape(c, t));
  TRY(read_format(c, t));
  TRY(measure(c, t));
  return read_uint(c, 8, "list of tensors", offset);
}

static loci_status place(cursor *c, const uint8_t *data, st_tensor *t, uint64_t offset) {
  int64_t size = c->end - data, end;
  if (offset > (uint64_t)size || !size_add((int64_t)offset, t->bytes, &end) || end > size) {
    return fail(c->err, LOCI_EFORMAT,
                "%s: tensor %s: %" PRId64 " bytes from %" PRIu64
                " of the data on, which has %" PRId64 " (truncated?)",
                c->what, t->name, t->bytes, offset, size);
  }
  t->data = data + offset;
  return LOCI_OK;
}

/* In order of data, each begins where the one before ends, rounded up. */
static loci_status check_tiling(cursor *c, const uint8_t *data, const st_file *f,
                                int64_t alignment) {
  int64_t at = 0;
  for (int64_t i = 0; i < st_count(f); i++) {
    const st_tensor *t = st_at(f, i);
    int64_t begin = t->data - data;
    if (begin != at) {
      return fail(c->err, LOCI_EFORMAT,
                  "%s: tensor %s begins at byte %" PRId64 " of the data, expected %" PRId64
                  ": tensors follow each other, aligned to %" PRId64 " bytes",
                  c->what, t->name, begin, at, alignment);
    }
    at = (begin + t->bytes + alignment - 1) / alignment * alignment;
  }
  for (int64_t i = 1; i < st_count(f); i++) {
    const st_tensor *t = st_by_name(f, i);
    if (strcmp(st_by_name(f, i - 1)->name, t->name) == 0) {
      return fail(c->err, LOCI_EFORMAT, "%s: tensor %s is there twice", c->what, t->name);
    }
  }
  if (c->end - data <= at) return LOCI_OK;
  return fail(c->err, LOCI_EFORMAT, "%s: %" PRId64 " bytes after the last tensor", c->what,
              (int64_t)(c->end - data) - at);
}

static loci_status read_tensors(gguf *g, cursor *c, const uint8_t *bytes) {
  int64_t alignment = 32;
  uint64_t *offsets = arena_zarray(g->mem, g->n_tensors + 1, uint64_t);
  g->tensors = arena_zarray(g->mem, g->n_tensors + 1, st_tensor);
  if (!offsets || !g->tensors) return fail_nomem(c->err, c->what);
  for (int64_t i = 0; i < g->n_tensors; i++) {
    TRY(read_tensor(g, c, &g->tensors[i], &offsets[i]));
  }
  TRY(gguf_get_int(g, "general.alignment", 1, MAX_ALIGNMENT, &alignment, c->err));
  if (alignment & (alignment - 1)) {
    return fail(c->err, LOCI_EFORMAT,
                "%s: \"general.alignment\" is %" PRId64 ", expected a power of two", c->what,
                alignment);
  }
  int64_t begin = (c->at - bytes + alignment - 1) / alignment * alignment;
  const uint8_t *data = begin < c->end - bytes ? bytes + begin : c->end;
  for (int64_t i = 0; i < g->n_tensors; i++) TRY(place(c, data, &g->tensors[i], offsets[i]));
  TRY(st_of_tensors(c->what, &g->map, g->tensors, g->n_tensors, &g->file, c->err));
  g->map = (file_map){0}; /* the tensors' now */
  return check_tiling(c, data, g->file, alignment);
}

/* ---------------------------------------------------------------- the file */

static loci_status read_version(cursor *c) {
  uint64_t magic, version;
  TRY(read_uint(c, 4, "beginning", &magic));
  TRY(read_uint(c, 4, "beginning", &version));
  if (magic != 0x46554747) {
    TRY(kind_refuse(c->at - 8, (size_t)left(c) + 8, c->what, "GGUF", c->err));
    return fail(c->err, LOCI_EFORMAT, "%s: not a GGUF file", c->what);
  }
  if (version == 2 || version == 3) return LOCI_OK;
  if (version == 0x03000000 || version == 0x02000000) {
    return fail(c->err, LOCI_EUNSUPPORTED, "%s: a GGUF file of a big-endian machine", c->what);
  }
  return fail(c->err, LOCI_EUNSUPPORTED, "%s: GGUF version %" PRIu64 "; known are 2 and 3", c->what,
              version);
}

static loci_status read_all(gguf *g, const uint8_t *bytes, size_t n, loci_err *err) {
  enum { LEAST_TENSOR = 33, LEAST_VALUE = 14 }; /* bytes of a short one */
  cursor c = {bytes, bytes + n, g->what, err};
  TRY(read_version(&c));
  TRY(read_count(&c, LEAST_TENSOR, "list of tensors", &g->n_tensors));
  TRY(read_count(&c, LEAST_VALUE, "metadata", &g->n));
  TRY(read_metadata(g, &c));
  return read_tensors(g, &c, bytes);
}

static loci_status gguf_new(const char *what, gguf **out, loci_err *err) {
  gguf *g = calloc(1, sizeof *g);
  if (g) g->mem = arena_new();
  if (g && g->mem) g->what = arena_strdup(g->mem, what);
  *out = g;
  return g && g->mem && g->what ? LOCI_OK : fail_nomem(err, what);
}

loci_status gguf_open(const char *path, gguf **out, loci_err *err) {
  loci_status st;
  gguf *g;
  *out = NULL;
  TRY_DONE(gguf_new(path, &g, err));
  TRY_DONE(file_map_open(path, &g->map, err));
  TRY_DONE(read_all(g, g->map.data, g->map.size, err));
  *out = g;
  g = NULL; /* handed over */
done:
  gguf_close(g);
  return st;
}

loci_status gguf_open_bytes(const uint8_t *bytes, size_t n, const char *what, gguf **out,
                            loci_err *err) {
  loci_status st;
  gguf *g;
  *out = NULL;
  TRY_DONE(gguf_new(what, &g, err));
  TRY_DONE(read_all(g, bytes, n, err));
  *out = g;
  g = NULL; /* handed over */
done:
  gguf_close(g);
  return st;
}

void gguf_close(gguf *g) {
  if (!g) return;
  st_close(g->file);
  file_map_close(&g->map);
  arena_free(g->mem);
  free(g);
}

bool gguf_is(const char *path) {
  char magic[4] = {0};
  struct stat s; /* opening a pipe waits for who writes to it */
  if (stat(path, &s) != 0 || !S_ISREG(s.st_mode)) return false;
  FILE *f = fopen(path, "re");
  if (!f) return false;
  bool is = fread(magic, 1, sizeof magic, f) == sizeof magic && memcmp(magic, "GGUF", 4) == 0;
  fclose(f);
  return is;
}

const st_file *gguf_tensors(const gguf *g) { return g->file; }

st_file *gguf_take_tensors(gguf *g) {
  st_file *f = g->file;
  g->file = NULL;
  return f;
}
