/* A trace as named arrays, in an NPZ file for numpy or a safetensors file.  One list of arrays is
 * collected first; the two writers differ only in how they wrap it.  NPZ is a zip archive whose
 * members are stored, not compressed, each an .npy file (version 1.0). */
#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "show/formats.h"

typedef struct array_list {
  arena *mem;
  st_tensor *items; /* each one's shape says its bytes */
  int64_t count;
  bool failed;
} array_list;

enum { ARRAYS_PER_GRID = 11, ARRAYS_PER_PROMPT = 2 };

/* A new array of [rank] axes; NULL once memory is out. */
static void *add_array(array_list *list, const char *name, st_dtype dtype, const int64_t *shape,
                       int rank) {
  if (list->failed) return NULL;
  st_tensor *t = &list->items[list->count];
  int64_t n = dtype == ST_U8 ? 1 : 8;
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

/* Names as fixed-width bytes, shorter ones filled with 0: numpy's S type, whose last axis is not
 * counted as one. */
static void add_names(array_list *list, const char *name, const char *const *names, int n) {
  int64_t shape[2] = {n, 1};
  for (int i = 0; i < n; i++) {
    int64_t size = (int64_t)strlen(names[i]);
    if (size > shape[1]) shape[1] = size;
  }
  char *out = add_array(list, name, ST_U8, shape, 2);
  for (int i = 0; out && i < n; i++) {
    const char *rest = names[i];
    for (int64_t k = 0; k < shape[1]; k++) *out++ = *rest ? *rest++ : 0;
  }
}

static bool holds_names(const st_tensor *t) { return path_ends_with(t->name, ".groups.names"); }

static void add_ints(array_list *list, const char *name, const int *x, int n) {
  int64_t count = n, *out = add_array(list, name, ST_I64, &count, 1);
  for (int i = 0; out && i < n; i++) out[i] = x[i];
}

typedef struct field {
  const char *name;
  size_t offset; /* in loci_metrics */
} field;

static const field fields[] = {{"p", offsetof(loci_metrics, p)},
                               {"logp", offsetof(loci_metrics, logp)},
                               {"p_first", offsetof(loci_metrics, p_first)},
                               {"logp_first", offsetof(loci_metrics, logp_first)},
                               {"logit_diff", offsetof(loci_metrics, logit_diff)},
                               {"kl", offsetof(loci_metrics, kl)}};
enum { FIELDS = sizeof fields / sizeof *fields };

static void add_grid(array_list *list, const loci_grid *g) {
  char stem[96], name[128];
  int64_t shape[3] = {g->layer_count, g->column_count, g->head_count};
  int rank = g->head_count > 0 ? 3 : 2;
  int64_t n = shape[0] * shape[1] * (g->head_count > 0 ? shape[2] : 1);
  snprintf(stem, sizeof stem, "%s.%s.w%d%s", g->direction == LOCI_NOISE ? "noise" : "denoise",
           loci_site_name(g->site), g->window, g->groups ? ".groups" : "");
  for (int f = 0; f < FIELDS; f++) {
    snprintf(name, sizeof name, "%s.%s", stem, fields[f].name);
    double *out = add_array(list, name, ST_F64, shape, rank);
    for (int64_t i = 0; out && i < n; i++)
      memcpy(&out[i], (const char *)&g->cells[i] + fields[f].offset, sizeof *out);
  }
  snprintf(name, sizeof name, "%s.ie", stem);
  double *ie = add_array(list, name, ST_F64, shape, rank);
  if (ie) memcpy(ie, g->ie, (size_t)n * sizeof *ie);
  snprintf(name, sizeof name, "%s.restoration", stem);
  double *restoration = add_array(list, name, ST_F64, shape, rank);
  if (restoration) memcpy(restoration, g->restoration, (size_t)n * sizeof *restoration);
  snprintf(name, sizeof name, "%s.skipped", stem);
  uint8_t *skipped = add_array(list, name, ST_U8, shape, rank);
  for (int64_t i = 0; skipped && i < n; i++) skipped[i] = g->skipped && g->skipped[i];
  snprintf(name, sizeof name, "%s.layers", stem);
  add_ints(list, name, g->layers, g->layer_count);
  snprintf(name, sizeof name, "%s.%s", stem, g->groups ? "names" : "positions");
  if (g->groups) add_names(list, name, g->groups, g->column_count);
  if (g->positions) add_ints(list, name, g->positions, g->column_count);
}

static void add_prompt(array_list *list, const loci_prompt_info *p) {
  int64_t shape[2] = {p->length, 2};
  int64_t *ids = add_array(list, "tokens.ids", ST_I64, shape, 1);
  int64_t *ranges = add_array(list, "tokens.bytes", ST_I64, shape, 2);
  for (int i = 0; ids && ranges && i < p->length; i++) {
    ids[i] = p->tokens[i].id;
    ranges[2 * (int64_t)i] = p->tokens[i].bytes[0];
    ranges[2 * (int64_t)i + 1] = p->tokens[i].bytes[1];
  }
}

/* A grid drawn twice (the same site, window and direction) would give a name twice. */
static bool is_repeated(const loci_trace *t, int i) {
  const loci_grid *g = &t->grids[i];
  for (int k = 0; k < i; k++) {
    const loci_grid *o = &t->grids[k];
    if (o->site == g->site && o->window == g->window && o->direction == g->direction &&
        !o->groups == !g->groups)
      return true;
  }
  return false;
}

static loci_status collect(const loci_trace *t, array_list *list, loci_err *err) {
  *list = (array_list){.mem = arena_new()};
  int64_t most = (int64_t)t->grid_count * ARRAYS_PER_GRID + ARRAYS_PER_PROMPT;
  if (list->mem) list->items = arena_zarray(list->mem, most, st_tensor);
  list->failed = !list->items;
  if (!list->failed) add_prompt(list, t->prompt);
  for (int i = 0; i < t->grid_count; i++) {
    if (!is_repeated(t, i)) add_grid(list, &t->grids[i]);
  }
  assert(list->count <= most);
  if (!list->failed) return LOCI_OK;
  arena_free(list->mem);
  list->mem = NULL;
  return fail_nomem(err, "writing arrays");
}

/* Group names of the grids, "constraint,last", for readers of the file. */
static void group_names(const loci_trace *t, bytes *out) {
  for (int i = 0; i < t->grid_count; i++) {
    if (!t->grids[i].groups) continue;
    for (int c = 0; c < t->grids[i].column_count; c++) {
      if (c > 0) bytes_text(out, ",");
      bytes_text(out, t->grids[i].groups[c]);
    }
    return; /* the same for every grid */
  }
}

loci_status trace_write_safetensors(const loci_trace *trace, const char *path, loci_err *err) {
  array_list list;
  bytes groups = {0};
  char *names = NULL;
  TRY(collect(trace, &list, err));
  loci_status st = LOCI_OK;
  group_names(trace, &groups);
  TRY_DONE(bytes_take(&groups, &names, NULL, err));
  const char *metadata[] = {"format",   "loci.trace/1",
                            "version",  LOCI_VERSION,
                            "question", trace->prompt->question ? trace->prompt->question : "",
                            "corrupt",  trace->corrupt ? trace->corrupt : "",
                            "target",   trace->target_text ? trace->target_text : "",
                            "groups",   names,
                            NULL};
  st = st_write(path, list.items, list.count, metadata, err);
done:
  loci_text_free(names);
  arena_free(list.mem);
  return st;
}

/* ---------------------------------------------------------------- NPZ */

/* CRC-32 as zip has it (reflected 0xEDB88320), continued from [crc]; begin with 0. */
static uint32_t crc32_of(uint32_t crc, const void *data, size_t n) {
  const uint8_t *b = data;
  crc = ~crc;
  for (size_t i = 0; i < n; i++) {
    crc ^= b[i];
    for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

enum { NPY_HEADER = 192 }; /* a multiple of 64, so that the data are aligned within the member */

static void npy_header(const st_tensor *t, char out[NPY_HEADER]) {
  char text[NPY_HEADER - 11], shape[64] = "", descr[32] = "|b1";
  size_t n = 0;
  int rank = holds_names(t) ? t->rank - 1 : t->rank;
  for (int i = 0; i < rank; i++)
    n += (size_t)snprintf(shape + n, sizeof shape - n, "%" PRId64 ", ", t->shape[i]);
  shape[n - (rank > 1 ? 2 : 1)] = 0; /* "(3,)" but "(3, 4)" */
  if (t->dtype == ST_F64) snprintf(descr, sizeof descr, "<f8");
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
  uint32_t crc = crc32_of(crc32_of(0, header, sizeof header), t->data, (size_t)t->bytes);
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

loci_status trace_write_npz(const loci_trace *trace, const char *path, loci_err *err) {
  array_list list;
  bytes file = {0}, directory = {0};
  TRY(collect(trace, &list, err));
  loci_status st = LOCI_OK;
  if (arena_bytes(list.mem) > UINT32_MAX / 2 || list.count > UINT16_MAX) {
    st = fail(err, LOCI_EUNSUPPORTED,
              "%s: more than 2 GB of arrays do not fit an NPZ file; write "
              ".safetensors",
              path);
    goto done;
  }
  for (int64_t i = 0; i < list.count; i++) zip_member(&file, &directory, &list.items[i]);
  uint32_t at = (uint32_t)file.size;
  bytes_add(&file, directory.data, directory.size);
  bytes_u32(&file, 0x06054B50);
  bytes_u32(&file, 0); /* disks */
  bytes_u16(&file, (uint32_t)list.count);
  bytes_u16(&file, (uint32_t)list.count);
  bytes_u32(&file, (uint32_t)directory.size);
  bytes_u32(&file, at);
  bytes_u16(&file, 0); /* no comment */
  file.failed |= directory.failed;
  st = bytes_write(&file, path, err);
done:
  bytes_clear(&directory);
  arena_free(list.mem);
  return st;
}
