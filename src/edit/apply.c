/* loci_edit_apply, loci_edit_revert: edits on a model in memory, and off it (docs/MATH.md,
 * "Editing").
 *
 * The matrices are changes.c's.  Here an edit is compared with the model, and the model's
 * description is kept: it is made anew with each edit that comes or goes and never changed after,
 * so that a result goes on saying what it was measured on.  Descriptions are the model's until it
 * is closed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "edit/edit.h"

loci_status edit_changes(const loci_edit *e, low_rank **out, loci_err *err) {
  *out = calloc((size_t)e->part_count, sizeof **out);
  if (!*out) return fail_nomem(err, "applying an edit");
  for (int i = 0; i < e->part_count; i++) {
    const loci_edit_part *p = &e->parts[i];
    (*out)[i] = (low_rank){.layer = p->layer, .rank = p->rank, .left = p->left, .right = p->right};
  }
  return LOCI_OK;
}

void edit_show_parts(loci_edit *e) {
  const loci_edit_part *last = &e->parts[e->part_count - 1];
  e->layer = last->layer;
  e->tensor = last->tensor;
  e->rank = last->rank;
  e->left = last->left;
  e->right = last->right;
}

/* ---------------------------------------------------------------- describing */

/* "lima.edit: What is the capital of this country? -> Lima (and 2 more)" */
static const char *title_of(const loci_edit *e, arena *mem) {
  char text[400], more[32] = "";
  if (e->fact_count > 1) snprintf(more, sizeof more, " (and %d more)", e->fact_count - 1);
  const char *name = e->path ? path_base(e->path) : e->method;
  if (e->fact_count == 0) return arena_strdup(mem, name);
  snprintf(text, sizeof text, "%.80s: %.180s -> %.80s%s", name, e->facts[0].question,
           e->facts[0].target, more);
  return arena_strdup(mem, text);
}

/* Copies, because the edit may be freed while the model still bears it. */
static loci_status describe(const loci_edit *e, arena *mem, loci_applied_edit *out, loci_err *err) {
  int n = e->fact_count;
  const char **questions = arena_zarray(mem, n, const char *);
  const char **targets = arena_zarray(mem, n, const char *);
  *out = (loci_applied_edit){.title = title_of(e, mem),
                             .method = arena_strdup(mem, e->method),
                             .file = e->path ? arena_strdup(mem, e->path) : NULL,
                             .layer = e->layer,
                             .rank = e->rank,
                             .norm = e->norm,
                             .request_count = n,
                             .questions = questions,
                             .targets = targets};
  bool good = questions && targets && out->title && out->method && (out->file || !e->path);
  for (int i = 0; good && i < n; i++) {
    questions[i] = arena_strdup(mem, e->facts[i].question);
    targets[i] = arena_strdup(mem, e->facts[i].target);
    good = questions[i] && targets[i];
  }
  return good ? LOCI_OK : fail_nomem(err, "applying an edit");
}

/* The description with one edit more (NULL: none), and without the one at [gone] (-1: none). */
static loci_status new_info(const loci_model *m, const loci_edit *more, int gone,
                            const loci_model_info **out, loci_err *err) {
  const loci_model_info *old = loci_model_get_info(m);
  loci_model_info *info = arena_zarray(m->mem, 1, loci_model_info);
  loci_applied_edit *edits = arena_zarray(m->mem, old->edit_count + 1, loci_applied_edit);
  if (!info || !edits) return fail_nomem(err, "applying an edit");
  *info = *old;
  info->edits = edits;
  info->edit_count = 0;
  for (int i = 0; i < old->edit_count; i++) {
    if (i != gone) edits[info->edit_count++] = old->edits[i];
  }
  if (more) TRY(describe(more, m->mem, &edits[info->edit_count++], err));
  *out = info;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- applying */

/* The hash decides: an edit is the difference to one exact matrix, and laid on another it would
 * be noise.  The shapes are looked at first, for they say more plainly what does not fit. */
static loci_status check_shape(const loci_model *m, const loci_edit *e, int layer, loci_err *err) {
  const char *file = e->path ? e->path : "", *colon = e->path ? ": " : "";
  int L = model_decoder(m)->layers;
  if (layer < 0 || layer >= L) {
    return fail(err, LOCI_EINVAL, "%s%sthe edit changes layer %d: the model has layers 0 to %d",
                file, colon, layer, L - 1);
  }
  const weight *w = &m->weights->layers[layer].down.w;
  if (w->rows != e->width || w->cols != e->inner) {
    return fail(err, LOCI_EINVAL,
                "%s%sthe edit is for a matrix of %lld x %lld, the model's %s has %lld x %lld", file,
                colon, (long long)e->width, (long long)e->inner, w->name, (long long)w->rows,
                (long long)w->cols);
  }
  return LOCI_OK;
}

/* An edit is of one matrix's numbers: on other weights it would be another change. */
static loci_status check(loci_model *m, const loci_edit *e, loci_err *err) {
  const char *hash, *file = e->path ? e->path : "", *colon = e->path ? ": " : "";
  for (int i = 0; i < e->part_count; i++) TRY(check_shape(m, e, e->parts[i].layer, err));
  TRY(model_hash(m, NULL, NULL, &hash, err));
  for (int i = 0; strcmp(hash, e->hash) == 0; i++) {
    if (i == e->part_count) return LOCI_OK;
    const loci_edit_part *p = &e->parts[i];
    if (strcmp(m->weights->layers[p->layer].down.w.name, p->tensor) == 0) continue;
    return fail(err, LOCI_EFORMAT, "%s%sthe edit is of layer %d and of %.120s, which is not there",
                file, colon, p->layer, p->tensor);
  }
  return fail(err, LOCI_EINVAL,
              "%s%sthe edit was made for a model with the hash %s, this one has %s", file, colon,
              e->hash, hash);
}

loci_status edit_check_format(const loci_model *m, loci_err *err) {
  if (!checkpoint_is_gguf(m->weights)) return LOCI_OK;
  return fail(err, LOCI_EUNSUPPORTED,
              "%s: a GGUF file (%s weights) is traced and not edited: a change of a matrix has no "
              "place in its format; edit the model's 16-bit checkpoint",
              m->info.path, m->info.dtype);
}

loci_status edit_lay_on(loci_model *m, const loci_edit *e, loci_err *err) {
  low_rank *changes;
  TRY(check(m, e, err));
  TRY(edit_changes(e, &changes, err));
  loci_status st = changes_add(m, e, changes, e->part_count, err);
  free(changes);
  return st;
}

loci_status loci_edit_apply(loci_model *m, const loci_edit *e, loci_err *err) {
  NEEDS(m, "model");
  NEEDS(e, "edit");
  const loci_model_info *info;
  TRY(edit_check_format(m, err));
  TRY(new_info(m, e, -1, &info, err));
  TRY(edit_lay_on(m, e, err));
  m->edited_info = info;
  return LOCI_OK;
}

loci_status loci_edit_revert(loci_model *m, const loci_edit *e, loci_err *err) {
  NEEDS(m, "model");
  NEEDS(e, "edit");
  const loci_model_info *info;
  TRY(new_info(m, NULL, changes_find(m, e), &info, err));
  TRY(changes_remove(m, e, err));
  m->edited_info = info->edit_count > 0 ? info : NULL;
  return LOCI_OK;
}
