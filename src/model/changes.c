/* A model's changes (see changes.h).  The layers' table of weights is the only thing a walk looks
 * at, so a change is another pointer in it; what the map says is kept beside. */
#include "model/changes.h"

#include <stdlib.h>
#include <string.h>

#include "model/compute.h"

enum { STRIP = 64 }; /* columns summed together */

typedef struct change {
  const void *owner;
  low_rank *parts; /* owned */
  float **made; /* owned: place for a matrix of each part, so that taking an edit off needs none */
  int count;
} change;

struct model_changes {
  int count, room;
  change *at;
  weight *original; /* (L) what the map holds */
  float **matrix;   /* (L) the changed copy, or NULL */
};

void low_rank_row(const weight *w, const low_rank *c, int64_t d, float *out) {
  weight_row(w, d, out);
  for (int64_t from = 0; from < w->cols; from += STRIP) {
    int64_t n = w->cols - from < STRIP ? w->cols - from : STRIP;
    double sum[STRIP];
    for (int64_t i = 0; i < n; i++) sum[i] = (double)out[from + i];
    for (int64_t k = 0; k < c->rank; k++) {
      double x = (double)c->left[d * c->rank + k];
      const float *right = c->right + k * w->cols + from;
      for (int64_t i = 0; x != 0 && i < n; i++) sum[i] += x * (double)right[i];
    }
    for (int64_t i = 0; i < n; i++) out[from + i] = (float)sum[i];
  }
}

static weight *place_of(loci_model *m, int layer) { return &m->weights->layers[layer].down.w; }

/* W' of a layer under all its changes but those of [without], in the order they came; NULL in *out
 * if none is left. */
static loci_status lay_on(const loci_model *m, int layer, const void *without, float **out,
                          loci_err *err) {
  const struct model_changes *all = m->changes;
  weight w = all->original[layer];
  *out = NULL;
  for (int i = 0; i < all->count; i++) {
    const change *of = &all->at[i];
    const low_rank *c = of->parts;
    while (c < of->parts + of->count && c->layer != layer) c++;
    if (c == of->parts + of->count || of->owner == without) continue;
    float *next = malloc((size_t)(w.rows * w.cols) * sizeof *next);
    if (!next) {
      free(*out);
      *out = NULL;
      return fail_nomem(err, "changing a matrix");
    }
#pragma omp parallel for num_threads(m->threads) schedule(static)
    for (int64_t d = 0; d < w.rows; d++) low_rank_row(&w, c, d, next + d * w.cols);
    free(*out);
    *out = next;
    w.data = (const uint8_t *)next;
    w.type = DTYPE_F32;
    w.row_step = 0;
  }
  return LOCI_OK;
}

static void put_matrix(loci_model *m, int layer, float *matrix) {
  struct model_changes *all = m->changes;
  weight *w = place_of(m, layer);
  free(all->matrix[layer]);
  all->matrix[layer] = matrix;
  *w = all->original[layer];
  if (!matrix) return;
  w->data = (const uint8_t *)matrix;
  w->type = DTYPE_F32;
  w->row_step = 0;
}

static loci_status make_room(loci_model *m, loci_err *err) {
  int L = model_decoder(m)->layers;
  if (!m->changes) {
    struct model_changes *all = calloc(1, sizeof *all);
    if (all) all->original = calloc((size_t)L, sizeof *all->original);
    if (all) all->matrix = calloc((size_t)L, sizeof *all->matrix);
    m->changes = all;
    if (!all || !all->original || !all->matrix) {
      changes_free(m);
      return fail_nomem(err, "changing a matrix");
    }
    for (int l = 0; l < L; l++) all->original[l] = *place_of(m, l);
  }
  struct model_changes *all = m->changes;
  if (all->count < all->room) return LOCI_OK;
  int room = all->room ? 2 * all->room : 4;
  change *more = realloc(all->at, (size_t)room * sizeof *more);
  if (!more) return fail_nomem(err, "changing a matrix");
  all->at = more;
  all->room = room;
  return LOCI_OK;
}

int changes_find(const loci_model *m, const void *owner) {
  for (int i = 0; m->changes && i < m->changes->count; i++) {
    if (m->changes->at[i].owner == owner) return i;
  }
  return -1;
}

/* The matrices of all of a change's layers with the others' changes and, unless it is [without],
 * its own.  Either all of them are as they should be, or none was touched. */
static loci_status lay_on_all(loci_model *m, const change *c, const void *without, loci_err *err) {
  loci_status st = LOCI_OK;
  int n = 0;
  while (!st && n < c->count) {
    st = lay_on(m, c->parts[n].layer, without, &c->made[n], err);
    n += !st;
  }
  for (int i = 0; i < n; i++) {
    if (st) free(c->made[i]);
    if (!st) put_matrix(m, c->parts[i].layer, c->made[i]);
  }
  return st;
}

static void free_change(const change *c) {
  free(c->parts);
  free((void *)c->made);
}

loci_status changes_add(loci_model *m, const void *owner, const low_rank *c, int n, loci_err *err) {
  if (changes_find(m, owner) >= 0) return fail(err, LOCI_EINVAL, "this edit is applied already");
  TRY(make_room(m, err));
  change *new = &m->changes->at[m->changes->count];
  *new = (change){owner, malloc((size_t)n * sizeof *new->parts),
                  (float **)malloc((size_t)n * sizeof *new->made), n};
  if (!new->parts || !new->made) {
    free_change(new);
    return fail_nomem(err, "changing a matrix");
  }
  memcpy(new->parts, c, (size_t)n * sizeof *c);
  m->changes->count++;
  loci_status st = lay_on_all(m, new, NULL, err);
  if (st) {
    m->changes->count--;
    free_change(new);
  }
  return st;
}

loci_status changes_renew(loci_model *m, const void *owner, loci_err *err) {
  int i = changes_find(m, owner);
  if (i < 0) return fail(err, LOCI_EINVAL, "this edit is not applied to the model");
  return lay_on_all(m, &m->changes->at[i], NULL, err);
}

loci_status changes_remove(loci_model *m, const void *owner, loci_err *err) {
  int i = changes_find(m, owner);
  if (i < 0) return fail(err, LOCI_EINVAL, "this edit is not applied to the model");
  struct model_changes *all = m->changes;
  TRY(lay_on_all(m, &all->at[i], owner, err));
  free_change(&all->at[i]);
  memmove(all->at + i, all->at + i + 1, (size_t)(all->count - i - 1) * sizeof *all->at);
  all->count--;
  return LOCI_OK;
}

int changes_count(const loci_model *m) { return m->changes ? m->changes->count : 0; }

void changes_free(loci_model *m) {
  struct model_changes *all = m->changes;
  if (!all) return;
  for (int l = 0; all->matrix && l < model_decoder(m)->layers; l++) free(all->matrix[l]);
  for (int i = 0; i < all->count; i++) free_change(&all->at[i]);
  free(all->matrix);
  free(all->original);
  free(all->at);
  free(all);
  m->changes = NULL;
}

/* ---------------------------------------------------------------- views */

typedef struct view_box { /* the model first, so that one pointer serves both */
  loci_model model;
  checkpoint weights;
} view_box;

loci_status view_new(const loci_model *m, loci_model **out, loci_err *err) {
  *out = NULL;
  size_t layers = (size_t)model_decoder(m)->layers * sizeof(decoder_layer);
  view_box *v = calloc(1, sizeof *v);
  if (!v) return fail_nomem(err, "changing a matrix");
  v->model = *m;
  v->weights = *m->weights;
  v->model.weights = &v->weights;
  v->model.changes = NULL;
  v->weights.layers = malloc(layers);
  if (!v->weights.layers) {
    free(v);
    return fail_nomem(err, "changing a matrix");
  }
  memcpy(v->weights.layers, m->weights->layers, layers);
  *out = &v->model;
  return LOCI_OK;
}

void view_free(loci_model *view) {
  if (!view) return;
  view_box *v = (view_box *)view;
  changes_free(view);
  free(v->weights.layers);
  free(v);
}
