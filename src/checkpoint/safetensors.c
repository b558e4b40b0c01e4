/* Reading safetensors (see safetensors.h): 8 bytes little-endian header length, a JSON header, then
 * the tensors' bytes back to back.
 *
 * The file is hostile until proven sound, and all proof is in the header: every tensor's dtype,
 * shape and byte range must agree, and the ranges together must tile the data exactly, without
 * holes, overlaps or bytes after the last.  After that a tensor's data pointer needs no check ever
 * again. Only the header's pages are touched, so opening costs the same for 1 MB and for 100 GB.
 *
 * Stricter than the reference reader: no name twice (it keeps the last), a limit on nesting, on
 * punctuation (so that a header cannot blow up in the JSON parser) and on the length of names, and
 * no 4- or 6-bit dtypes. */
#include "checkpoint/safetensors.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "base/kind.h"
#include "base/size.h"
#include "base/utf8.h"

enum { MAX_HEADER = 100000000, MAX_NAME = 1024, MAX_DEPTH = 64 };

struct st_file {
  arena *mem;
  file_map map;        /* empty when the bytes are borrowed */
  const uint8_t *data; /* first byte after the header */
  int64_t data_size;
  const char *what;
  js_value *header; /* owns the names */
  const js_value *metadata;
  int64_t n;
  st_tensor *tensors;        /* in order of data */
  const st_tensor **by_name; /* sorted */
};

static const struct {
  const char *name;
  int bytes, block;
} dtypes[] = {
    [ST_BOOL] = {"BOOL", 1, 1},
    [ST_U8] = {"U8", 1, 1},
    [ST_I8] = {"I8", 1, 1},
    [ST_F8_E5M2] = {"F8_E5M2", 1, 1},
    [ST_F8_E4M3] = {"F8_E4M3", 1, 1},
    [ST_F8_E8M0] = {"F8_E8M0", 1, 1},
    [ST_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 1, 1},
    [ST_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 1, 1},
    [ST_I16] = {"I16", 2, 1},
    [ST_U16] = {"U16", 2, 1},
    [ST_F16] = {"F16", 2, 1},
    [ST_BF16] = {"BF16", 2, 1},
    [ST_I32] = {"I32", 4, 1},
    [ST_U32] = {"U32", 4, 1},
    [ST_F32] = {"F32", 4, 1},
    [ST_I64] = {"I64", 8, 1},
    [ST_U64] = {"U64", 8, 1},
    [ST_F64] = {"F64", 8, 1},
    [ST_C64] = {"C64", 8, 1},
    [ST_Q4_0] = {"Q4_0", 18, 32},
    [ST_Q4_1] = {"Q4_1", 20, 32},
    [ST_Q5_0] = {"Q5_0", 22, 32},
    [ST_Q5_1] = {"Q5_1", 24, 32},
    [ST_Q8_0] = {"Q8_0", 34, 32},
    [ST_Q4_K] = {"Q4_K", 144, 256},
    [ST_Q5_K] = {"Q5_K", 176, 256},
    [ST_Q6_K] = {"Q6_K", 210, 256},
};

const char *st_dtype_name(st_dtype t) { return dtypes[t].name; }
int64_t st_dtype_block(st_dtype t) { return dtypes[t].block; }
int64_t st_dtype_bytes(st_dtype t) { return dtypes[t].bytes; }

/* ---------------------------------------------------------------- one entry of the header */

/* Rule 3: dtype, shape and data_offsets are there and well typed. */
static loci_status read_dtype(const char *what, const js_value *entry, st_tensor *t,
                              loci_err *err) {
  const js_value *v = js_get(entry, "dtype");
  const char *s = js_text_of(v, NULL);
  if (!s) {
    return fail(err, LOCI_EFORMAT, "%s: tensor %s: \"dtype\" must be a string, found %s", what,
                t->name, js_kind_name(js_kind_of(v)));
  }
  for (int i = 0; i < ST_Q4_0; i++) {
    if (strcmp(s, dtypes[i].name) == 0) {
      t->dtype = (st_dtype)i;
      return LOCI_OK;
    }
  }
  if (strcmp(s, "F4") == 0 || strcmp(s, "F6_E2M3") == 0 || strcmp(s, "F6_E3M2") == 0) {
    return fail(err, LOCI_EUNSUPPORTED, "%s: tensor %s: dtype %s (packed numbers) is not supported",
                what, t->name, s);
  }
  return fail(err, LOCI_EFORMAT, "%s: tensor %s: unknown dtype \"%.40s\"", what, t->name, s);
}

/* A list of non-negative integers, at most [limit] of them. */
static loci_status read_sizes(const char *what, const char *name, const js_value *entry,
                              const char *key, int limit, int64_t *out, int *n, loci_err *err) {
  const js_value *list = js_get(entry, key);
  if (js_kind_of(list) != JS_ARRAY) {
    return fail(err, LOCI_EFORMAT, "%s: tensor %s: \"%s\" must be an array, found %s", what, name,
                key, js_kind_name(js_kind_of(list)));
  }
  if (js_count(list) > limit) {
    return fail(err, LOCI_EFORMAT,
                "%s: tensor %s: \"%s\" has %" PRId64 " items, at most %d are "
                "accepted",
                what, name, key, js_count(list), limit);
  }
  *n = (int)js_count(list);
  for (int i = 0; i < *n; i++) {
    if (!js_int_of(js_at(list, i), &out[i]) || out[i] < 0) {
      return fail(err, LOCI_EFORMAT,
                  "%s: tensor %s: item %d of \"%s\" is not an integer of at least 0", what, name, i,
                  key);
    }
  }
  return LOCI_OK;
}

/* Rules 4 and 5, as far as one tensor can tell: begin <= end <= size of the data, and the range is
 * exactly the shape's. */
static loci_status check_range(const st_file *f, st_tensor *t, const int64_t range[2],
                               loci_err *err) {
  int64_t need = st_dtype_bytes(t->dtype);
  bool empty = false, fits = true;
  for (int i = 0; i < t->rank; i++) empty = empty || t->shape[i] == 0;
  for (int i = 0; i < t->rank && fits; i++) {
    if (t->shape[i] > 0) fits = size_mul(need, t->shape[i], &need);
  }
  if (!fits) {
    return fail(err, LOCI_EFORMAT, "%s: tensor %s: its shape multiplies to more than 2^63 bytes",
                f->what, t->name);
  }
  if (empty) need = 0;
  if (range[0] > range[1]) {
    return fail(err, LOCI_EFORMAT,
                "%s: tensor %s: data ends at %" PRId64 ", before it begins at "
                "%" PRId64,
                f->what, t->name, range[1], range[0]);
  }
  if (range[1] > f->data_size) {
    return fail(err, LOCI_EFORMAT,
                "%s: tensor %s: data ends at %" PRId64 ", the file's data has "
                "%" PRId64 " bytes (truncated?)",
                f->what, t->name, range[1], f->data_size);
  }
  if (range[1] - range[0] != need) {
    return fail(err, LOCI_EFORMAT,
                "%s: tensor %s: its shape needs %" PRId64 " bytes of %s, "
                "\"data_offsets\" give %" PRId64,
                f->what, t->name, need, st_dtype_name(t->dtype), range[1] - range[0]);
  }
  t->bytes = need;
  t->data = f->data + range[0];
  return LOCI_OK;
}

static loci_status read_entry(const st_file *f, const char *name, const js_value *entry,
                              st_tensor *t, loci_err *err) {
  size_t length = strlen(name);
  if (length > MAX_NAME) {
    return fail(err, LOCI_EFORMAT, "%s: a tensor name of %zu bytes, at most %d are accepted",
                f->what, length, MAX_NAME);
  }
  t->name = name;
  if (js_kind_of(entry) != JS_OBJECT) {
    return fail(err, LOCI_EFORMAT, "%s: tensor %s: expected an object, found %s", f->what, name,
                js_kind_name(js_kind_of(entry)));
  }
  int64_t range[2] = {0};
  int n = 0;
  TRY(read_dtype(f->what, entry, t, err));
  TRY(read_sizes(f->what, name, entry, "shape", ST_MAX_RANK, t->shape, &t->rank, err));
  TRY(read_sizes(f->what, name, entry, "data_offsets", 2, range, &n, err));
  if (n != 2) {
    return fail(err, LOCI_EFORMAT, "%s: tensor %s: \"data_offsets\" has %d items, expected 2",
                f->what, name, n);
  }
  return check_range(f, t, range, err);
}

/* ---------------------------------------------------------------- the header as a whole */

static loci_status check_metadata(const st_file *f, const js_value *m, loci_err *err) {
  if (js_kind_of(m) != JS_OBJECT) {
    return fail(err, LOCI_EFORMAT, "%s: \"__metadata__\" must be an object, found %s", f->what,
                js_kind_name(js_kind_of(m)));
  }
  const char *key;
  const js_value *value;
  for (void *it = js_first(m, &key, &value); it; it = js_next(m, it, &key, &value)) {
    if (js_kind_of(value) != JS_TEXT) {
      return fail(err, LOCI_EFORMAT, "%s: \"__metadata__\": \"%.100s\" must be a string, found %s",
                  f->what, key, js_kind_name(js_kind_of(value)));
    }
  }
  return LOCI_OK;
}

static int compare_data(const void *a, const void *b) {
  const st_tensor *x = a, *y = b;
  if (x->data != y->data) return x->data < y->data ? -1 : 1;
  if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
  return strcmp(x->name, y->name);
}

static int compare_name(const void *a, const void *b) {
  const st_tensor *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

/* Rules 4 and 6: sorted, the tensors tile the data. */
static loci_status check_tiling(const st_file *f, loci_err *err) {
  int64_t at = 0;
  for (int64_t i = 0; i < f->n; i++) {
    const st_tensor *t = &f->tensors[i];
    int64_t begin = t->data - f->data;
    if (begin < at) {
      return fail(err, LOCI_EFORMAT,
                  "%s: tensors %s and %s overlap at byte %" PRId64 " of the data", f->what,
                  f->tensors[i - 1].name, t->name, begin);
    }
    if (begin > at) {
      return fail(err, LOCI_EFORMAT, "%s: a hole of %" PRId64 " bytes before tensor %s", f->what,
                  begin - at, t->name);
    }
    at = begin + t->bytes;
  }
  if (at != f->data_size) {
    return fail(err, LOCI_EFORMAT, "%s: %" PRId64 " bytes after the last tensor", f->what,
                f->data_size - at);
  }
  return LOCI_OK;
}

static void sort_names(st_file *f) {
  for (int64_t i = 0; i < f->n; i++) f->by_name[i] = &f->tensors[i];
  if (f->n > 0) qsort(f->by_name, (size_t)f->n, sizeof(void *), compare_name);
}

static loci_status read_entries(st_file *f, loci_err *err) {
  int64_t limit = js_count(f->header) + 1;
  f->tensors = arena_zarray(f->mem, limit, st_tensor);
  f->by_name = arena_array(f->mem, limit, const st_tensor *);
  if (!f->tensors || !f->by_name) return fail_nomem(err, f->what);
  const char *key;
  const js_value *entry;
  for (void *it = js_first(f->header, &key, &entry); it;
       it = js_next(f->header, it, &key, &entry)) {
    if (strcmp(key, "__metadata__") == 0) {
      TRY(check_metadata(f, entry, err));
      f->metadata = entry;
    } else {
      TRY(read_entry(f, key, entry, &f->tensors[f->n], err));
      f->n++;
    }
  }
  if (f->n > 0) qsort(f->tensors, (size_t)f->n, sizeof *f->tensors, compare_data);
  TRY(check_tiling(f, err));
  sort_names(f);
  return LOCI_OK;
}

/* Before the JSON parser sees it: a list of tensors has one bracket or comma in five bytes at the
 * most and nests three deep; "[],[],[],.." would cost fifty times its size in memory. */
static loci_status check_density(const char *what, const uint8_t *s, size_t n, loci_err *err) {
  size_t marks = 0;
  int depth = 0;
  bool inside = false;
  for (size_t i = 0; i < n; i++) {
    if (inside) {
      if (s[i] == '\\')
        i++;
      else if (s[i] == '"')
        inside = false;
      continue;
    }
    if (s[i] == '"') inside = true;
    if (s[i] == '{' || s[i] == '[') depth++;
    if (s[i] == '}' || s[i] == ']') depth--;
    if (s[i] == '{' || s[i] == '[' || s[i] == ',') marks++;
    if (depth > MAX_DEPTH) {
      return fail(err, LOCI_EFORMAT, "%s: the header nests deeper than %d levels", what, MAX_DEPTH);
    }
  }
  if (marks > n / 4 + 64) {
    return fail(err, LOCI_EFORMAT,
                "%s: the header is no list of tensors: %zu brackets and commas "
                "in %zu bytes",
                what, marks, n);
  }
  return LOCI_OK;
}

static uint64_t read_u64le(const uint8_t *p) {
  uint64_t x = 0;
  for (int i = 7; i >= 0; i--) x = x << 8 | p[i];
  return x;
}

/* Where the length should be stands a text: the sentence shows how it begins. */
static loci_status refuse_text(const st_file *f, const uint8_t *bytes, size_t n, loci_err *err) {
  char text[61];
  size_t k = 0;
  for (; k < n && k + 1 < sizeof text; k++) {
    bool blank = bytes[k] == '\n' || bytes[k] == '\r' || bytes[k] == '\t';
    if (!blank && (bytes[k] < ' ' || bytes[k] >= 0x7F)) break;
    text[k] = blank ? ' ' : (char)bytes[k];
  }
  text[k] = 0;
  if (k < 8) return LOCI_OK;
  return fail(err, LOCI_EFORMAT, "%s: not safetensors but a text: %s%s", f->what, text,
              k < n ? ".." : "");
}

static loci_status read_header(st_file *f, const uint8_t *bytes, size_t n, loci_err *err) {
  if (n < 8) return fail(err, LOCI_EFORMAT, "%s: %zu bytes, a header needs 8", f->what, n);
  uint64_t size = read_u64le(bytes);
  if (size > MAX_HEADER || bytes[8 * (n > 8)] != '{') {
    TRY(kind_refuse(bytes, n, f->what, "safetensors", err));
  }
  if (size > MAX_HEADER) {
    TRY(refuse_text(f, bytes, n, err));
    return fail(err, LOCI_EFORMAT,
                "%s: not safetensors: a header of %" PRIu64 " bytes, at most %d are accepted",
                f->what, size, MAX_HEADER);
  }
  if (size > n - 8) {
    return fail(err, LOCI_EFORMAT,
                "%s: a header of %" PRIu64 " bytes in a file of %zu (truncated?)", f->what, size,
                n);
  }
  const uint8_t *text = bytes + 8;
  f->data = text + size;
  f->data_size = (int64_t)(n - 8 - (size_t)size);
  if (!utf8_is_valid((const char *)text, (size_t)size)) {
    return fail(err, LOCI_EFORMAT, "%s: the header is not UTF-8", f->what);
  }
  TRY(check_density(f->what, text, (size_t)size, err));
  TRY(js_parse((const char *)text, (size_t)size, f->what, &f->header, err));
  if (js_kind_of(f->header) != JS_OBJECT) {
    return fail(err, LOCI_EFORMAT, "%s: the header must be an object, found %s", f->what,
                js_kind_name(js_kind_of(f->header)));
  }
  return read_entries(f, err);
}

/* ---------------------------------------------------------------- the file */

static loci_status file_new(const char *what, st_file **out, loci_err *err) {
  st_file *f = calloc(1, sizeof *f);
  if (f) f->mem = arena_new();
  if (f && f->mem) f->what = arena_strdup(f->mem, what);
  *out = f;
  return f && f->mem && f->what ? LOCI_OK : fail_nomem(err, what);
}

loci_status st_open(const char *path, st_file **out, loci_err *err) {
  loci_status st;
  st_file *f;
  *out = NULL;
  TRY_DONE(file_new(path, &f, err));
  TRY_DONE(file_map_open(path, &f->map, err));
  TRY_DONE(read_header(f, f->map.data, f->map.size, err));
  *out = f;
  f = NULL; /* handed over */
done:
  st_close(f);
  return st;
}

loci_status st_open_bytes(const uint8_t *bytes, size_t n, const char *what, st_file **out,
                          loci_err *err) {
  loci_status st;
  st_file *f;
  *out = NULL;
  TRY_DONE(file_new(what, &f, err));
  TRY_DONE(read_header(f, bytes, n, err));
  *out = f;
  f = NULL; /* handed over */
done:
  st_close(f);
  return st;
}

loci_status st_of_tensors(const char *what, file_map *map, const st_tensor *tensors, int64_t n,
                          st_file **out, loci_err *err) {
  loci_status st;
  st_file *f;
  *out = NULL;
  TRY_DONE(file_new(what, &f, err));
  f->tensors = arena_zarray(f->mem, n + 1, st_tensor);
  f->by_name = arena_array(f->mem, n + 1, const st_tensor *);
  if (!f->tensors || !f->by_name) {
    st = fail_nomem(err, what);
    goto done;
  }
  f->map = *map;
  *map = (file_map){0};
  f->n = n;
  if (n > 0) memcpy(f->tensors, tensors, sizeof *tensors * (size_t)n);
  if (n > 0) qsort(f->tensors, (size_t)n, sizeof *f->tensors, compare_data);
  sort_names(f);
  *out = f;
  f = NULL; /* handed over */
done:
  st_close(f);
  file_map_close(map);
  *map = (file_map){0};
  return st;
}

void st_close(st_file *f) {
  if (!f) return;
  js_free(f->header);
  file_map_close(&f->map);
  arena_free(f->mem);
  free(f);
}

int64_t st_count(const st_file *f) { return f->n; }
int64_t st_offset(const st_file *f, const st_tensor *t) {
  return f->map.data ? t->data - f->map.data : 0;
}

const st_tensor *st_at(const st_file *f, int64_t i) { return &f->tensors[i]; }
const st_tensor *st_by_name(const st_file *f, int64_t i) { return f->by_name[i]; }

const st_tensor *st_find(const st_file *f, const char *name) {
  int64_t low = 0, high = f->n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    int order = strcmp(name, f->by_name[middle]->name);
    if (order == 0) return f->by_name[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

const char *st_metadata(const st_file *f, const char *key) {
  return js_text_of(js_get(f->metadata, key), NULL);
}

void st_prefetch(const st_file *f, const st_tensor *t, int64_t at, int64_t n) {
  if (n > t->bytes - at) n = t->bytes - at;
  if (f->map.data && n > 0)
    file_map_prefetch(&f->map, (size_t)(t->data - f->map.data + at), (size_t)n);
}

void st_release(const st_file *f, const st_tensor *t) {
  if (f->map.data) file_map_release(&f->map, (size_t)(t->data - f->map.data), (size_t)t->bytes);
}

void st_read(const st_file *f, const st_tensor *t) {
  if (f->map.data) file_map_read(&f->map, (size_t)(t->data - f->map.data), (size_t)t->bytes);
}
