/* A walk from its making to its end (see walk.h): an empty one, its run from the plan through the
 * layers to the head, and what it cost. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "walk/back.h"

enum { KEPT_BYTES = 64 << 20 }; /* of a cleared walk's memory */

#define EMPTIED(list)                                                                              \
  { .at = w->list.at, .room = w->list.room }

/* Nothing is sized yet: what a walk needs is known when it is run. */
static loci_status walk_on(const loci_model *m, device *d, walk **out, loci_err *err) {
  *out = NULL;
  TRY(model_check_process(m, err));
  walk *w = calloc(1, sizeof *w);
  if (!w) return fail_nomem(err, "preparing a walk");
  w->model = m;
  w->c = model_decoder(m);
  w->mem = arena_new();
  loci_status st = w->mem ? compute_on(d, m->compute_type, m->threads, &w->a, err)
                          : fail_nomem(err, "preparing a walk");
  if (!st) st = reader_new(m->weights, &w->reader, err);
  if (st) {
    walk_free(w);
    return st;
  }
  *out = w;
  return LOCI_OK;
}

loci_status walk_new(const loci_model *m, walk **out, loci_err *err) {
  return walk_on(m, m->device, out, err);
}

loci_status walk_new_back(const loci_model *m, walk **out, loci_err *err) {
  return walk_on(m, device_back(m->device), out, err);
}

void walk_free(walk *w) {
  if (!w) return;
  free(w->streams.at);
  free(w->embeds.at);
  free(w->patches.at);
  free(w->masks.at);
  free(w->records.at);
  free(w->wants.at);
  free(w->flows.at);
  free(w->grads.at);
  reader_free(w->reader);
  compute_free(w->a);
  arena_free(w->mem);
  free(w);
}

/* All but what is costly to make; whatever is added to a walk begins anew by not being named here.
 */
void walk_clear(walk *w) {
  arena_reset(w->mem, KEPT_BYTES);
  w->a->rows.ops->clear(&w->a->rows);
  compute_restart(w->a);
  *w = (walk){.model = w->model,
              .c = w->c,
              .mem = w->mem,
              .a = w->a,
              .reader = w->reader,
              .streams = EMPTIED(streams),
              .embeds = EMPTIED(embeds),
              .patches = EMPTIED(patches),
              .masks = EMPTIED(masks),
              .records = EMPTIED(records),
              .wants = EMPTIED(wants),
              .flows = EMPTIED(flows),
              .grads = EMPTIED(grads)};
}

/* The first layer that any stream runs. */
static int first_layer(const walk *w) {
  int first = w->c->layers;
  for (int64_t i = 0; i < w->streams.count; i++) {
    if (w->streams.at[i].layer < first) first = w->streams.at[i].layer;
  }
  return first;
}

/* The head runs only if somebody asks for what lies after the last layer.  The cache's length is
 * set last: after a failure it holds what it held. */
static loci_status walk_layers(walk *w, const walk_hooks *hooks, loci_err *err) {
  for (int l = first_layer(w); l < w->layers; l++) TRY(walk_layer(w, l, hooks, err));
  if (w->layers < w->c->layers) return LOCI_OK;
  inherit_rows(w, w->layers);
  return walk_head(w, hooks, err);
}

loci_status walk_run(walk *w, const walk_hooks *hooks, loci_err *err) {
  static const walk_hooks none;
  if (!hooks) hooks = &none;
  TRY(walk_report(w, hooks, "walk", 0, err));
  TRY(walk_plan(w, err));
  loci_status st = walk_layers(w, hooks, err);
  compute_follow(w->a, (watch){0}, "", 0, 0);
  TRY(st);
  TRY(rows_settle(&w->a->rows, err));
  for (int64_t i = 0; i < w->streams.count; i++) {
    const stream *s = &w->streams.at[i];
    if (s->cache && !s->resumed) s->cache->length = s->length;
  }
  return LOCI_OK;
}

int64_t walk_rows(const walk *w) { return w->row_count; }

double walk_flop(const walk *w) { return w->a->flop; }

void walk_add_cost(const walk *w, double share, loci_cost *cost) {
  work_end(w->a, w->a->now); /* up to now */
  const double *s = w->a->seconds;
  cost->rows += llround(share * (double)w->row_count);
  cost->flop += share * w->a->flop;
  if (w->model->device) return; /* whose time the host's steps do not take */
  cost->spent.read += share * s[WORK_READ];
  cost->spent.convert += share * s[WORK_CONVERT];
  cost->spent.product += share * s[WORK_PRODUCT];
  cost->spent.attention += share * s[WORK_ATTENTION];
  cost->spent.head += share * s[WORK_HEAD];
  cost->spent.other += share * s[WORK_OTHER];
}
