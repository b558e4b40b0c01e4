/* An open checkpoint as a whole: its hash, its size, its oddities.  This file is the
 * fence round xxHash. */
#include "checkpoint/weights.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "checkpoint/files.h"

/* Read ahead and hashed between two looks: a cold file comes at the disk's rate. */
enum { CHUNK = 8 << 20 };

/* ---------------------------------------------------------------- hash */

uint64_t bytes_hash(const void *data, size_t n) { return XXH3_64bits(data, n); }

static int compare_names(const void *a, const void *b) {
  const tensor_entry *const *x = a, *const *y = b;
  int order = strcmp((*x)->tensor->name, (*y)->tensor->name);
  return order ? order : strcmp((*x)->canonical, (*y)->canonical);
}

static void hash_header(XXH3_state_t *state, const st_tensor *t) {
  uint8_t shape[8 * ST_MAX_RANK + 1];
  size_t n = 0;
  for (int i = 0; i < t->rank; i++) {
    for (int j = 0; j < 8; j++) shape[n++] = (uint8_t)((uint64_t)t->shape[i] >> 8 * j);
  }
  shape[n++] = (uint8_t)t->rank;
  const char *type = st_dtype_name(t->dtype);
  XXH3_64bits_update(state, t->name, strlen(t->name) + 1);
  XXH3_64bits_update(state, type, strlen(type) + 1);
  XXH3_64bits_update(state, shape, n);
}

typedef struct hashing {
  XXH3_state_t *state;
  loci_progress_fn progress;
  void *ctx;
  double done, total;
} hashing;

static void prefetch(const tensor_entry *e, int64_t at) {
  if (e) st_prefetch(e->from->file, e->tensor, at, CHUNK);
}

/* The next piece is read while this one is hashed; [next]: the tensor after it, or NULL. */
static loci_status hash_tensor(hashing *h, const tensor_entry *e, const tensor_entry *next,
                               loci_err *err) {
  const st_tensor *t = e->tensor;
  hash_header(h->state, t);
  for (int64_t at = 0; at < t->bytes; at += CHUNK) {
    int64_t n = t->bytes - at < CHUNK ? t->bytes - at : CHUNK;
    if (h->progress && !h->progress(h->ctx, "hash", h->done, h->total)) {
      return fail(err, LOCI_ECANCELLED, "cancelled while hashing the weights");
    }
    prefetch(n == CHUNK ? e : next, n == CHUNK ? at + CHUNK : 0);
    XXH3_64bits_update(h->state, t->data + at, (size_t)n);
    h->done += (double)n;
  }
  st_release(e->from->file, t);
  return LOCI_OK;
}

/* All tensors in the order of their names. */
static loci_status hash_entries(hashing *h, const checkpoint_files *files, loci_err *err) {
  const tensor_entry **order = malloc(sizeof(void *) * (size_t)(files->n + 1));
  if (!order) return fail_nomem(err, "hashing the weights");
  for (int64_t i = 0; i < files->n; i++) order[i] = &files->entries[i];
  if (files->n > 0) qsort(order, (size_t)files->n, sizeof(void *), compare_names);
  loci_status st = LOCI_OK;
  for (int64_t i = 0; i < files->n && !st; i++) {
    st = hash_tensor(h, order[i], i + 1 < files->n ? order[i + 1] : NULL, err);
  }
  free(order);
  return st;
}

loci_status checkpoint_hash(const checkpoint *c, loci_progress_fn progress, void *ctx, char out[32],
                            loci_err *err) {
  checkpoint_files *files = c->files;
  if (!files->hash[0]) {
    hashing h = {.state = XXH3_createState(), .progress = progress, .ctx = ctx};
    if (!h.state) return fail_nomem(err, "hashing the weights");
    XXH3_64bits_reset(h.state);
    h.total = (double)checkpoint_measure(c).bytes;
    loci_status st = hash_entries(&h, files, err);
    uint64_t digest = XXH3_64bits_digest(h.state);
    XXH3_freeState(h.state);
    if (st) return st;
    snprintf(files->hash, sizeof files->hash, "xxh3:%016" PRIx64, digest);
  }
  memcpy(out, files->hash, sizeof files->hash);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- sizes and notes */

checkpoint_sizes checkpoint_measure(const checkpoint *c) {
  const checkpoint_files *files = c->files;
  checkpoint_sizes s = {.tensors = files->n, .files = files->main.n + files->vision.n};
  int64_t by_type[DTYPE_COUNT] = {0};
  for (int64_t i = 0; i < files->n; i++) {
    const st_tensor *t = files->entries[i].tensor;
    dtype type;
    s.bytes += t->bytes;
    if (!weight_dtype(t->dtype, &type)) continue; /* position ids and the like */
    by_type[type] += t->bytes;
    s.parameters += t->bytes / st_dtype_bytes(t->dtype) * st_dtype_block(t->dtype);
  }
  for (int i = 0; i < DTYPE_COUNT; i++) {
    if (by_type[i] > by_type[s.main_dtype]) s.main_dtype = (dtype)i;
  }
  return s;
}

bool checkpoint_is_gguf(const checkpoint *c) { return c->config.layout == LAYOUT_GGUF; }
