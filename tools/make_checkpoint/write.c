/* Writing a planned checkpoint: values, shards and their index, texts. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "make.h"

enum { CHUNK = 1 << 18 };

/* ---------------------------------------------------------------- values */

/* Four values for each random number: its quarters choose from a table of Gaussian numbers, in the
 * tensor's own scale and dtype. */
static void fill(const maker *m, int64_t number, uint8_t *out) {
  const planned *p = &m->tensors[number];
  uint32_t *table = malloc(TABLE * sizeof *table);
  if (!table) abort();
  size_t size = dtype_bytes(m->type);
  for (int i = 0; i < TABLE; i++) {
    float x = (float)(p->mean + p->deviation * (double)m->table[i]);
    memcpy(&table[i], &x, sizeof x);
    if (m->type == DTYPE_BF16) table[i] = bf16_from_f32(x);
    if (m->type == DTYPE_F16) table[i] = f16_from_f32(x);
  }
  uint64_t seed = m->seed * MOST_TENSORS + (uint64_t)number;
  int64_t n = p->t.bytes / (int64_t)size;
#pragma omp parallel for schedule(dynamic)
  for (int64_t first = 0; first < n; first += CHUNK) {
    random_source r = random_stream(seed, (uint64_t)first);
    int64_t end = n - first < CHUNK ? n : first + CHUNK;
    uint64_t bits = 0;
    for (int64_t i = first; i < end; i++) {
      bits = i % 4 == 0 ? random_bits(&r) : bits >> 16;
      const uint32_t *value = &table[bits & (TABLE - 1)];
      if (size == 4) memcpy(out + 4 * i, value, 4);
      if (size == 2) memcpy(out + 2 * i, &(uint16_t){(uint16_t)*value}, 2);
    }
  }
  free(table);
}

/* ---------------------------------------------------------------- files */

char *path_of(const maker *m, const char *name) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/%s", m->dir, name);
  return path;
}

loci_status write_text(maker *m, const char *name, const char *format, ...) {
  char text[8192];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return file_write(path_of(m, name), text, (size_t)n, &m->err);
}

/* Tensors from [first] on that fit into one file; returns the first that does not. */
static int64_t shard_end(const maker *m, int64_t first, int64_t *bytes) {
  int64_t i = first;
  for (*bytes = 0; i < m->count; i++) {
    int64_t more = m->tensors[i].t.bytes;
    if (i > first && *bytes + more > m->shard_bytes) break;
    *bytes += more;
  }
  return i;
}

static loci_status write_shard(maker *m, const char *name, int64_t first, int64_t end,
                               int64_t bytes) {
  static const char *const metadata[] = {"format", "pt", NULL};
  uint8_t *data = malloc((size_t)bytes);
  st_tensor *tensors = calloc((size_t)(end - first), sizeof *tensors);
  loci_status st = data && tensors ? LOCI_OK : fail_nomem(&m->err, "making weights");
  int64_t at = 0;
  for (int64_t i = first; !st && i < end; i++) {
    tensors[i - first] = m->tensors[i].t;
    tensors[i - first].data = data + at;
    fill(m, i, data + at);
    at += m->tensors[i].t.bytes;
  }
  if (!st) st = st_write(path_of(m, name), tensors, end - first, metadata, &m->err);
  free(tensors);
  free(data);
  return st;
}

loci_status write_weights(maker *m) {
  int64_t total = 0, bytes, end;
  int files = 0, file = 0;
  for (int64_t i = 0; i < m->count; i = end, files++) {
    end = shard_end(m, i, &bytes);
    total += bytes;
  }
  FILE *index = fopen(path_of(m, "model.safetensors.index.json"), "w");
  if (!index) return fail(&m->err, LOCI_EIO, "%s: %s", m->dir, strerror(errno));
  fprintf(index, "{\"metadata\": {\"total_size\": %" PRId64 "},\n \"weight_map\": {", total);
  loci_status st = LOCI_OK;
  for (int64_t i = 0; !st && i < m->count; i = end) {
    char name[64];
    end = shard_end(m, i, &bytes);
    snprintf(name, sizeof name, "model-%05d-of-%05d.safetensors", ++file, files);
    st = write_shard(m, name, i, end, bytes);
    for (int64_t k = i; k < end; k++) {
      fprintf(index, "%s\n  \"%s\": \"%s\"", k ? "," : "", m->tensors[k].name, name);
    }
    printf("%s  %.1f MB\n", name, (double)bytes / 1e6);
  }
  fprintf(index, "}}\n");
  bool written = !ferror(index);
  if ((fclose(index) != 0 || !written) && !st) {
    st = fail(&m->err, LOCI_EIO, "%s: the index cannot be written", m->dir);
  }
  return st;
}
