/* Named arrays and the two files they go into (see array_list.h).  NPZ is a zip archive whose
 * members are stored, not compressed, each an .npy file (version 1.0). */
#include "show/array_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fixed.h"
#include "base/file.h"
#include "show/bytes.h"

void array_list_init(array_list *list, int64_t room) {
  *list = (array_list){.mem = arena_new(), .room = room};
  if (list->mem) list->items = arena_zarray(list->mem, room, st_tensor);
  list->failed = !list->items;
}

void array_list_clear(array_list *list) {
  arena_free(list->mem);
  *list = (array_list){0};
}

loci_status array_list_check(array_list *list, loci_err *err) {
  if (!list->failed) return LOCI_OK;
  array_list_clear(list);
  return fail_nomem(err, "writing arrays");
}

static bool grow(array_list *list) {
  st_tensor *more = arena_zarray(list->mem, 2 * list->room, st_tensor);
  list->failed = !more;
  if (!more) return false;
  memcpy(more, list->items, (size_t)list->count * sizeof *more);
  list->items = more;
  list->room *= 2;
  return true;
}

bool array_list_has(const array_list *list, const char *name) {
  for (int64_t i = 0; i < list->count; i++)
    if (strcmp(list->items[i].name, name) == 0) return true;
  return false;
}

void *array_list_add(array_list *list, const char *name, st_dtype dtype, const int64_t *shape,
                     int rank) {
  if (list->failed) return NULL;
  if (list->count == list->room && !grow(list)) return NULL;
  st_tensor *t = &list->items[list->count];
  int64_t n = st_dtype_bytes(dtype);
  for (int i = 0; i < rank; i++) n *= t->shape[i] = shape[i];
  char *copy = arena_strdup(list->mem, name);
  void *data = arena_alloc(list->mem, n > 0 ? n : 1, 1);
  list->failed = !copy || !data;
  if (list->failed) return NULL;
  t->name = copy;
  t->dtype = dtype;
  t->rank = rank;
  t->data = data;
  t->bytes = n;
  list->count++;
  return data;
}

void array_list_names(array_list *list, const char *name, const char *const *names, int n) {
  int64_t shape[2] = {n, 1};
  for (int i = 0; i < n; i++) {
    int64_t size = (int64_t)strlen(names[i]);
    if (size > shape[1]) shape[1] = size;
  }
  char *out = array_list_add(list, name, ST_U8, shape, 2);
  for (int i = 0; out && i < n; i++) {
    const char *rest = names[i];
    for (int64_t k = 0; k < shape[1]; k++) *out++ = *rest ? *rest++ : 0;
  }
}

void array_list_text(array_list *list, const char *name, const char *text) {
  int64_t n = (int64_t)strlen(text);
  char *out = array_list_add(list, name, ST_U8, &n, 1);
  if (out) memcpy(out, text, (size_t)n);
}

/* Bytes that are read as words: numpy's S type. */
static bool holds_names(const st_tensor *t) {
  return path_ends_with(t->name, ".groups.names") || strcmp(t->name, ARRAY_COMMAND) == 0 ||
         strcmp(t->name, ARRAY_REQUEST) == 0;
}

/* ---------------------------------------------------------------- NPZ */

enum { NPY_HEADER = 192 }; /* a multiple of 64, so that the data are aligned within the member */

static void npy_header(const st_tensor *t, char out[NPY_HEADER]) {
  char text[NPY_HEADER - 11], shape[64] = "", descr[32] = "|b1";
  size_t n = 0;
  int rank = holds_names(t) ? t->rank - 1 : t->rank;
  for (int i = 0; i < rank; i++)
    n = fixed_add(shape, sizeof shape, n, "%" PRId64 ", ", t->shape[i]);
  if (n > 0) shape[n - (rank > 1 ? 2 : 1)] = 0; /* "(3,)" but "(3, 4)"; "()" of a text */
  if (t->dtype == ST_F64) snprintf(descr, sizeof descr, "<f8");
  if (t->dtype == ST_F32) snprintf(descr, sizeof descr, "<f4");
  if (t->dtype == ST_I64) snprintf(descr, sizeof descr, "<i8");
  if (holds_names(t)) snprintf(descr, sizeof descr, "|S%" PRId64, t->shape[rank]);
  snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr,
           shape);
  memset(out, ' ', NPY_HEADER);
  memcpy(out, "\x93NUMPY\x01\x00", 8);
  out[8] = (char)(NPY_HEADER - 10); /* 182: the byte counts, not its sign */
  out[9] = 0;
  memcpy(out + 10, text, strlen(text));
  out[NPY_HEADER - 1] = '\n';
}

/* The fields that a member's local header and its line in the directory share. */
static void zip_fields(bytes *b, uint32_t crc, uint32_t size, size_t name) {
  bytes_u16(b, 20);    /* version needed */
  bytes_u16(b, 0x800); /* names are UTF-8 */
  bytes_u16(b, 0);     /* stored */
  bytes_u16(b, 0);     /* 00:00:00 */
  bytes_u16(b, 33);    /* 1 January 1980, so that files can be compared */
  bytes_u32(b, crc);
  bytes_u32(b, size);
  bytes_u32(b, size);
  bytes_u16(b, (uint32_t)name);
  bytes_u16(b, 0); /* no extra field */
}

static void zip_member(bytes *file, bytes *directory, const st_tensor *t) {
  char name[160], header[NPY_HEADER];
  snprintf(name, sizeof name, "%s.npy", t->name);
  npy_header(t, header);
  uint32_t crc = bytes_crc32(bytes_crc32(0, header, sizeof header), t->data, (size_t)t->bytes);
  uint32_t size = (uint32_t)t->bytes + NPY_HEADER, at = (uint32_t)file->size;
  bytes_u32(file, 0x04034B50);
  zip_fields(file, crc, size, strlen(name));
  bytes_text(file, name);
  bytes_add(file, header, sizeof header);
  bytes_add(file, t->data, (size_t)t->bytes);
  bytes_u32(directory, 0x02014B50);
  bytes_u16(directory, 20); /* version made by */
  zip_fields(directory, crc, size, strlen(name));
  bytes_u16(directory, 0); /* no comment */
  bytes_u16(directory, 0); /* disk 0 */
  bytes_u16(directory, 0);
  bytes_u32(directory, 0);
  bytes_u32(directory, at);
  bytes_text(directory, name);
}

static loci_status write_npz(const array_list *list, const char *path, loci_err *err) {
  bytes file = {0}, directory = {0};
  if (arena_bytes(list->mem) > UINT32_MAX / 2 || list->count > UINT16_MAX) {
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: more than 2 GB of arrays do not fit an NPZ file; write .safetensors", path);
  }
  for (int64_t i = 0; i < list->count; i++) zip_member(&file, &directory, &list->items[i]);
  uint32_t at = (uint32_t)file.size;
  bytes_add(&file, directory.data, directory.size);
  bytes_u32(&file, 0x06054B50);
  bytes_u32(&file, 0); /* disks */
  bytes_u16(&file, (uint32_t)list->count);
  bytes_u16(&file, (uint32_t)list->count);
  bytes_u32(&file, (uint32_t)directory.size);
  bytes_u32(&file, at);
  bytes_u16(&file, 0); /* no comment */
  file.failed |= directory.failed;
  bytes_clear(&directory);
  return bytes_write(&file, path, err);
}

loci_status array_list_write(array_list *list, const char *path, const char *const *metadata,
                             loci_err *err) {
  TRY(array_list_check(list, err));
  bool npz = path_ends_with(path, ".npz");
  loci_status st =
      npz ? write_npz(list, path, err) : st_write(path, list->items, list->count, metadata, err);
  array_list_clear(list);
  return st;
}
