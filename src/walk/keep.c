/* Keeping the clean run of a prompt (see keep.h). */
#include "walk/keep.h"

#include <stdlib.h>
#include <string.h>

#include "model/changes.h"
#include "model/compute.h"
#include "model/rope.h"
#include "walk/streams.h"

enum { ANSWER_ROOM = 64 }; /* positions after the prompt's, for tokens of an answer */

struct kept_run {
  kv_cache *cache;
  int length; /* of the prompt */
};

void keep_free(kept_run *k) {
  if (!k) return;
  kv_cache_free(k->cache);
  free(k);
}

static int64_t bytes_of(const loci_model *m, int capacity) {
  const decoder_config *c = model_decoder(m);
  int64_t one = key_floats(capacity, c->head_dim) + value_floats(capacity, c->head_dim);
  return one * c->layers * c->kv_heads * (int64_t)sizeof(float);
}

/* [capacity] beyond the prompt's length is room for the tokens of an answer. */
static loci_status new_run(const loci_prompt *p, int capacity, kept_run **out, loci_err *err) {
  kept_run *k = calloc(1, sizeof *k);
  *out = NULL;
  if (!k) return fail_nomem(err, "keeping a run");
  k->length = p->info.length;
  loci_status st = kv_cache_new(p->model, capacity, &k->cache, err);
  if (st) {
    free(k);
    return st;
  }
  *out = k;
  return LOCI_OK;
}

loci_status keep_new(const loci_prompt *p, kept_run **out, loci_err *err) {
  return new_run(p, p->info.length, out, err);
}

/* Nobody asks for logits: the cache alone is filled. */
static loci_status fill(const loci_prompt *p, kv_cache *cache, const walk_hooks *hooks,
                        loci_err *err) {
  walk *w;
  int s;
  TRY(walk_new(p->model, &w, err));
  loci_status st = walk_continue(w, cache, prompt_input(p), &s, err);
  if (!st) st = walk_run(w, hooks, err);
  walk_free(w);
  return st;
}

loci_status loci_prompt_keep(loci_prompt *p, int64_t bytes, loci_progress_fn progress, void *ctx,
                             loci_err *err) {
  NEEDS(p, "prompt");
  keep_free(p->kept);
  p->kept = NULL;
  if (bytes == 0) return LOCI_OK;
  int capacity = p->info.length + ANSWER_ROOM;
  int64_t needed = bytes_of(p->model, capacity);
  if (changes_count(p->model) > 0)
    return fail(err, LOCI_EINVAL, "runs are kept of a model without edits");
  if (needed > bytes)
    return fail(err, LOCI_ENOMEM,
                "keeping the run of %d positions needs %lld bytes, %lld are allowed",
                p->info.length, (long long)needed, (long long)bytes);
  kept_run *k;
  walk_hooks hooks = {.progress = progress, .progress_ctx = ctx};
  TRY(new_run(p, capacity, &k, err));
  loci_status st = fill(p, k->cache, &hooks, err);
  if (st) {
    keep_free(k);
    return st;
  }
  p->kept = k;
  p->give_up = keep_free;
  return LOCI_OK;
}

int64_t keep_bytes(const loci_prompt *p) { return bytes_of(p->model, p->info.length); }

/* Whether a run of [length] positions could be used: none while edits are applied, nor where all
 * rows see one another, so that none comes before the others, nor one so short that its rows alone
 * were multiplied as few are: beside a trace's they are not, and round otherwise. */
static bool can_use(const loci_prompt *p, int length) {
  return changes_count(p->model) == 0 && length > FEW_ROWS &&
         mutual_first(p->mutual, length - 1) > 0;
}

/* What may be used of it: nothing where the rotation of all positions depends on how many there
 * are, either. */
static const kept_run *usable(const loci_prompt *p, int length) {
  const kept_run *k = p->kept;
  if (!k || !can_use(p, k->length) || length > k->cache->capacity) return NULL;
  return rope_is_same(model_decoder(p->model), k->length, length) ? k : NULL;
}

bool keep_fits(const loci_prompt *p, int64_t bytes) {
  int capacity = p->info.length + ANSWER_ROOM;
  return can_use(p, p->info.length) && bytes_of(p->model, capacity) <= bytes;
}

bool keep_is_used(const loci_prompt *p) { return usable(p, p->info.length) != NULL; }

/* A run that begins after kept rows writes what it computes of the others where they are kept: for
 * the prompt's these are the same numbers, so they stay whole. */
loci_status keep_root(walk *w, const loci_prompt *p, kept_run *own, input rows, int first, int *out,
                      int *from, loci_err *err) {
  const kept_run *k = own ? own : p ? usable(p, rows.count) : NULL;
  *from = 0;
  if (own && own->cache->length == 0) return walk_continue(w, own->cache, rows, out, err);
  if (!k || first < 1) return walk_root(w, rows, out, err);
  *from = mutual_first(rows.mutual, first < k->length ? first : k->length - 1);
  if (*from == 0) return walk_root(w, rows, out, err);
  k->cache->length = k->length;
  walk_beside(w, *from);
  return walk_resume(w, k->cache, *from, 0, input_from(rows, *from, w->c), out, err);
}

int keep_copy(const walk *w, const loci_prompt *p, int first, kv_cache *to) {
  const kept_run *k = usable(p, p->info.length);
  if (!k || first < 1) return 0;
  const kv_cache *c = k->cache;
  const row_engine *e = &w->a->rows;
  int64_t heads = (int64_t)c->layers * c->heads, values = round_up(c->K, PANEL) / PANEL * heads;
  row_list keys_to = rows_f32(to->keys, key_floats(to->capacity, c->K), NULL);
  row_list values_to = rows_f32(to->values, (int64_t)to->capacity * PANEL, NULL);
  rows_copy(e, keys_to, rows_f32(c->keys, key_floats(c->capacity, c->K), NULL), heads,
            key_floats(first, c->K));
  rows_copy(e, values_to, rows_f32(c->values, (int64_t)c->capacity * PANEL, NULL), values,
            (int64_t)first * PANEL);
  to->length = first;
  return first;
}
