/* loci_edit_save, loci_edit_undo: the edited model as a checkpoint, and what its dtype left of the
 * edits.  The matrices are those of the edited model in memory, f32, rounded once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "base/json.h"
#include "base/list.h"
#include "base/tree.h"
#include "checkpoint/save.h"
#include "edit/edit.h"
#include "model/command.h"

typedef struct saving {
  const loci_model *m;
  loci_model *edited; /* a view of it */
  const loci_edit *const *edits;
  int count;
  const char *dir;
  watch w;
  loci_edit_saved *out;
  loci_edit_check *checks;
} saving;

static loci_status report(const saving *s, const char *word, int done, int total, loci_err *err) {
  if (!watch_stops(&s->w, word, done, total)) return LOCI_OK;
  return fail(err, LOCI_ECANCELLED, "cancelled while saving");
}

/* ---------------------------------------------------------------- measuring */

typedef enum phase { BEFORE, EDITED, SAVED } phase;

/* A request's prompt, under the model that [m] views. */
static loci_status open_prompt(const loci_model *m, const loci_edit_fact *f, loci_prompt **out,
                               loci_err *err) {
  loci_question q = {.size = sizeof q,
                     .image = f->image,
                     .text = f->question,
                     .template_name = f->template_name,
                     .system = f->system,
                     .date = f->date,
                     .constraints = &f->constraint,
                     .constraint_count = 1};
  return loci_prompt_new(m, &q, out, err);
}

/* The same measurement at three stages, so that what rounding to the file's dtype takes away can
 * be told from what the edit brings. */
static loci_status measure_phase(const saving *s, const loci_model *m, phase at,
                                 const loci_prompt *p, const target *t, loci_edit_check *out,
                                 loci_err *err) {
  target_reading seen = {0};
  TRY(measure_target(m, t, NULL, &seen, err));
  if (at == BEFORE) out->p_before = seen.p;
  if (at == BEFORE) return LOCI_OK;
  if (at == EDITED) out->p_edited = seen.p;
  if (at == EDITED) out->edited = seen.wins;
  if (at == SAVED) out->p_saved = seen.p;
  if (at == SAVED) out->saved = seen.wins;
  return measure_answer(m, p, &s->w, s->out->result.memory,
                        at == EDITED ? &out->answer_edited : &out->answer_saved, err);
}

/* The request under [m], and under [second] (NULL: none). */
static loci_status measure_request(const saving *s, const loci_edit *e, const loci_edit_fact *f,
                                   const loci_model *m, const loci_model *second,
                                   loci_edit_check *out, loci_err *err) {
  loci_prompt *p = NULL;
  target t;
  arena *mem = arena_new();
  loci_status st = mem ? open_prompt(m, f, &p, err) : fail_nomem(err, "measuring an edit");
  if (!st) st = target_make(p, f->target, mem, &t, err);
  if (!st) t.watch = &s->w;
  if (!st && p && e->settings.authors) {
    t.count = 1;
    t.length = p->info.length;
  }
  if (!st) st = measure_phase(s, m, second ? BEFORE : SAVED, p, &t, out, err);
  if (!st && second) st = measure_phase(s, second, EDITED, p, &t, out, err);
  loci_prompt_free(p);
  arena_free(mem);
  return st;
}

/* Requests of all edits in the order they were laid on. */
static loci_status measure_requests(const saving *s, const loci_model *m, const loci_model *second,
                                    loci_err *err) {
  loci_edit_check *out = s->checks;
  int total = s->out->check_count;
  for (int i = 0; i < s->count; i++) {
    for (int k = 0; k < s->edits[i]->fact_count; k++, out++) {
      const loci_edit_fact *f = &s->edits[i]->facts[k];
      TRY(report(s, "measure", (int)(out - s->checks), total, err));
      out->question = arena_strdup(s->out->result.memory, f->question);
      out->target = arena_strdup(s->out->result.memory, f->target);
      if (!out->question || !out->target) return fail_nomem(err, "measuring an edit");
      TRY(measure_request(s, s->edits[i], f, m, second, out, err));
    }
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- writing */

/* The edits in the words of their files, for whoever finds the checkpoint. */
static loci_status about(const saving *s, char **out, loci_err *err) {
  js_value *all = js_array();
  for (int i = 0; i < s->count; i++) {
    const loci_edit *e = s->edits[i];
    js_value *o = js_object(), *requests = js_array();
    js_put(&o, "method", js_text(e->method));
    js_value *layers = js_array();
    for (int k = 0; k < e->part_count; k++) js_push(&layers, js_int(e->parts[k].layer));
    js_put(&o, "layer", js_int(e->layer));
    js_put(&o, "layers", layers);
    js_put(&o, "rank", js_int(e->rank));
    for (int k = 0; k < e->fact_count; k++) {
      js_value *r = js_object();
      js_put(&r, "question", js_text(e->facts[k].question));
      js_put(&r, "target", js_text(e->facts[k].target));
      js_push(&requests, r);
    }
    js_put(&o, "requests", requests);
    js_push(&all, o);
  }
  return js_print(all, false, out, err);
}

/* A matrix was changed if the view has its own copy: files whose weights are all as they were
 * are linked, not copied. */
static loci_status write_checkpoint(saving *s, loci_err *err) {
  int L = model_decoder(s->m)->layers, n = 0;
  loci_edit_saved *v = s->out;
  saved_files files = {.mem = v->result.memory};
  char *text;
  new_values *changes = arena_zarray(s->out->result.memory, L, new_values);
  if (!changes) return fail_nomem(err, "saving an edit");
  for (int l = 0; l < L; l++) {
    const weight *old = &s->m->weights->layers[l].down.w;
    const weight *new = &s->edited->weights->layers[l].down.w;
    if (new->data == old->data) continue;
    changes[n++] = (new_values){.w = old, .values = (const float *)(const void *)new->data};
    v->dtype = dtype_name(old->type);
  }
  TRY(about(s, &text, err));
  loci_status st = checkpoint_save(s->m->weights, s->dir, changes, n, text, &s->w, &files, err);
  free(text);
  TRY(st);
  double moved = 0, lost = 0;
  for (int i = 0; i < n; i++) {
    moved += changes[i].moved * changes[i].moved;
    lost += changes[i].lost * changes[i].lost;
  }
  v->matrix_count = n;
  v->norm = sqrt(moved);
  v->rounding = sqrt(lost);
  v->linked = files.counts.linked;
  v->copied = files.counts.copied;
  v->left = files.left;
  v->left_count = files.left_count;
  v->written = n;
  return LOCI_OK;
}

/* Opens what was written, and measures every request in it. */
static loci_status read_back(saving *s, loci_err *err) {
  loci_model *m;
  const char *hash;
  loci_edit_saved *v = s->out;
  loci_model_opts opts = s->m->asked; /* pictures and their rows are to be seen as they were */
  opts.precision = s->m->compute_type == DTYPE_BF16 ? LOCI_PRECISION_BF16 : LOCI_PRECISION_F32;
  opts.threads = s->m->threads;
  opts.memory_bytes = s->m->memory;
  TRY(loci_model_open(s->dir, &opts, &m, err));
  loci_status st = measure_requests(s, m, NULL, err);
  if (!st) st = model_hash(m, s->w.progress, s->w.ctx, &hash, err);
  if (!st) v->hash = arena_strdup(s->out->result.memory, hash);
  loci_model_close(m);
  TRY(st);
  for (int i = 0; i < v->check_count; i++) {
    v->lost += s->checks[i].edited && !s->checks[i].saved;
    v->missed += !s->checks[i].edited;
  }
  return v->hash ? LOCI_OK : fail_nomem(err, "saving an edit");
}

/* An edit that is in no file has no command that applies it again. */
static loci_status tell(const saving *s, const loci_model *m, loci_err *err) {
  arena *mem = s->out->result.memory;
  const char **files = arena_zarray(mem, s->count + 1, const char *);
  command_words words = command_of("edit apply", m);
  if (!files) return fail_nomem(err, "saving an edit");
  js_value *request = js_object(), *list = js_array();
  request_put_model(&request, m);
  for (int i = 0; i < s->count; i++) {
    files[i] = s->edits[i]->path ? s->edits[i]->path : "";
    words.cannot |= !s->edits[i]->path || files[i][0] == '-';
    js_push(&list, js_text(s->edits[i]->path));
  }
  js_put(&request, "files", list);
  js_put(&request, "out", js_text(s->dir));
  words.words = files;
  words.word_count = s->count;
  return request_tell(&words, request, &s->out->result, err);
}

/* Nothing is written before the edited model was measured; what was written is read again, and
 * taken away if it is not what was measured. */
static loci_status save(saving *s, const loci_model *m, loci_err *err) {
  loci_edit_saved *v = s->out;
  const char *hash;
  if (s->count == 0) return fail(err, LOCI_EINVAL, "no edit to save");
  TRY(check_list(s->count, s->edits, "edits", err));
  for (int i = 0; i < s->count; i++) NEEDS(s->edits[i], "edit");
  if (changes_count(m) > 0) return fail(err, LOCI_EINVAL, "the model has edits applied already");
  TRY(model_hash(m, s->w.progress, s->w.ctx, &hash, err)); /* the view takes it over */
  TRY(view_new(m, &s->edited, err));
  for (int i = 0; i < s->count; i++) {
    TRY(edit_lay_on(s->edited, s->edits[i], err));
    v->check_count += s->edits[i]->fact_count;
  }
  v->edit_count = s->count;
  v->dir = arena_strdup(s->out->result.memory, s->dir);
  s->checks = arena_zarray(s->out->result.memory, v->check_count, loci_edit_check);
  v->checks = s->checks;
  if (!v->dir || !s->checks) return fail_nomem(err, "saving an edit");
  TRY(tell(s, m, err));
  TRY(measure_requests(s, m, s->edited, err));
  TRY(report(s, "write", 0, 1, err));
  TRY(write_checkpoint(s, err));
  loci_status st = read_back(s, err);
  if (st) tree_remove(s->dir); /* nothing half done */
  return st;
}

loci_status loci_edit_save(const loci_model *model, const loci_edit *const *edits, int count,
                           const char *dir, loci_progress_fn progress, void *ctx,
                           loci_edit_saved **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(dir, "directory");
  TRY(edit_check_format(model, err));
  saving s = {.m = model, .edits = edits, .count = count, .dir = dir};
  s.w = (watch){progress, ctx};
  s.out = result_new(LOCI_KIND_EDIT_SAVED, sizeof *s.out);
  loci_status st = s.out ? LOCI_OK : fail_nomem(err, "saving an edit");
  if (!st) st = save(&s, model, err);
  view_free(s.edited);
  if (st) {
    loci_free(s.out);
    return st;
  }
  *out = s.out;
  return LOCI_OK;
}

loci_status loci_edit_undo(const char *dir, loci_progress_fn progress, void *ctx, loci_err *err) {
  NEEDS(dir, "directory");
  return checkpoint_undo(dir, &(watch){progress, ctx}, err);
}
