/* Writing safetensors (see safetensors.h): one header, padded with blanks so that the data starts
 * at a multiple of 8, then the tensors' bytes straight from where they are (a map, usually): a
 * 13 GB checkpoint is never copied in memory.  The file appears under its name only when it is
 * complete. */
#include "checkpoint/safetensors.h"

#include <stdbool.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/size.h"
#include "base/utf8.h"

static loci_status check_tensor(const char *path, const st_tensor *t, loci_err *err) {
  if (!utf8_is_valid(t->name, strlen(t->name)) || strcmp(t->name, "__metadata__") == 0) {
    return fail(err, LOCI_EINVAL, "%s: \"%s\" cannot be the name of a tensor", path, t->name);
  }
  int64_t need = st_dtype_bytes(t->dtype);
  bool fits = t->rank >= 0 && t->rank <= ST_MAX_RANK;
  for (int i = 0; fits && i < t->rank; i++) fits = size_mul(need, t->shape[i], &need);
  if (!fits || need != t->bytes) {
    return fail(err, LOCI_EINVAL, "%s: tensor %s: %" PRId64 " bytes do not fit its shape", path,
                t->name, t->bytes);
  }
  return LOCI_OK;
}

static js_value *entry_of(const st_tensor *t, int64_t begin) {
  js_value *shape = js_array(), *range = js_array(), *entry = js_object();
  for (int i = 0; i < t->rank; i++) js_push(&shape, js_int(t->shape[i]));
  js_push(&range, js_int(begin));
  js_push(&range, js_int(begin + t->bytes));
  js_put(&entry, "dtype", js_text(st_dtype_name(t->dtype)));
  js_put(&entry, "shape", shape);
  js_put(&entry, "data_offsets", range);
  return entry;
}

/* The header's JSON text; caller frees. */
static loci_status header_text(const char *path, const st_tensor *tensors, int64_t n,
                               const char *const *metadata, char **out, loci_err *err) {
  js_value *header = js_object();
  loci_status st = LOCI_OK;
  if (metadata && metadata[0]) {
    js_value *m = js_object();
    for (int i = 0; metadata[i]; i += 2) js_put(&m, metadata[i], js_text(metadata[i + 1]));
    js_put(&header, "__metadata__", m);
  }
  int64_t at = 0;
  for (int64_t i = 0; i < n && !st; i++) {
    st = check_tensor(path, &tensors[i], err);
    if (!st && js_get(header, tensors[i].name)) {
      st = fail(err, LOCI_EINVAL, "%s: two tensors named %s", path, tensors[i].name);
    }
    if (st) break;
    js_put(&header, tensors[i].name, entry_of(&tensors[i], at));
    if (!size_add(at, tensors[i].bytes, &at)) {
      st = fail(err, LOCI_EINVAL, "%s: more than 2^63 bytes", path);
    }
  }
  if (st) {
    js_free(header);
    return st;
  }
  return js_print(header, false, out, err);
}

enum { PIECE = 16 << 20 };

static loci_status write_data(out_file *o, const st_tensor *t, const watch *w, loci_err *err) {
  for (int64_t at = 0; at < t->bytes; at += PIECE) {
    int64_t n = w && t->bytes - at > PIECE ? PIECE : t->bytes - at;
    if (watch_stops(w, "write", (double)at, (double)t->bytes))
      return fail(err, LOCI_ECANCELLED, "cancelled while writing");
    TRY(out_file_write(o, t->data + at, (size_t)n, err));
    if (!w) break;
    TRY(out_file_settle(o, err));
  }
  return LOCI_OK;
}

static loci_status write_tensors(out_file *o, const char *header, const st_tensor *tensors,
                                 int64_t n, const watch *w, loci_err *err) {
  size_t size = strlen(header), padded = (size + 7) / 8 * 8;
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)padded >> 8 * i);
  TRY(out_file_write(o, length, 8, err));
  TRY(out_file_write(o, header, size, err));
  TRY(out_file_write(o, "        ", padded - size, err));
  for (int64_t i = 0; i < n; i++) TRY(write_data(o, &tensors[i], w, err));
  return LOCI_OK;
}

/* Renaming onto a device would replace it. */
static bool is_special(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && !S_ISREG(s.st_mode);
}

loci_status st_write_watched(const char *path, const st_tensor *tensors, int64_t n,
                             const char *const *metadata, const watch *w, loci_err *err) {
  char *header = NULL;
  if (is_special(path)) return fail(err, LOCI_EINVAL, "%s: not a regular file", path);
  TRY(header_text(path, tensors, n, metadata, &header, err));
  out_file *o;
  loci_status st = out_file_open(path, &o, err);
  if (!st) {
    st = write_tensors(o, header, tensors, n, w, err);
    if (st) {
      out_file_drop(o);
    } else {
      st = out_file_keep(o, err);
    }
  }
  free(header);
  return st;
}

loci_status st_write(const char *path, const st_tensor *tensors, int64_t n,
                     const char *const *metadata, loci_err *err) {
  return st_write_watched(path, tensors, n, metadata, NULL, err);
}
