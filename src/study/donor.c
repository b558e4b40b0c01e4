/* Cross-prompt and cross-model patching (see donor.h; docs/MATH.md, "Donors"): h_A of prompt A, the
 * donor, at position i replaces h_B of prompt B at position j, in the layers of the window; A may
 * be of another model with as many layers, as wide and with as many tokens.
 *
 *   A's run      once, in a walk of its own model: target, metrics, and the values of the sites
 *   B's run      clean; a cell is a branch of it with these values
 *
 * So a trace's "clean" run is A's here, its "corrupted" run B's, and its restoration is the
 * recovered share (p_patched - p_B) / (p_A - p_B). */
#include "study/donor.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "study/differences.h"

struct donor {
  const loci_prompt *p;
  variants runs;                  /* its own run and nothing beside it */
  reference against;              /* of it */
  int first, count;               /* positions whose values are kept */
  float *values[LOCI_SITE_COUNT]; /* (L, count, row) */
};

static loci_status check_model(const sweep *s, const loci_model *m, loci_err *err) {
  const decoder_config *a = model_decoder(m), *b = model_decoder(s->m);
  if (a->layers == b->layers && a->width == b->width && a->heads == b->heads &&
      a->head_dim == b->head_dim && a->vocab == b->vocab)
    return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "the donor's model has %d layers of width %d, %d heads and %d tokens, this one %d of "
              "%d, %d and %d: values go between models of one shape",
              a->layers, (int)a->width, a->heads, (int)a->vocab, b->layers, (int)b->width, b->heads,
              (int)b->vocab);
}

/* After both prompts the answer has to be the same tokens. */
static loci_status check_target(const sweep *s, const target *t, loci_err *err) {
  const target *own = &s->runs.target;
  bool same = t->count == own->count;
  for (int i = 0; same && i < t->count && own->given; i++) same = t->ids[i] == own->ids[i];
  return same ? LOCI_OK
              : fail(err, LOCI_EINVAL, "after the donor's prompt the answer has other tokens");
}

loci_status donor_new(sweep *s, loci_err *err) {
  const loci_prompt *p = s->opts->donor;
  if (!p) return LOCI_OK;
  TRY(check_model(s, p->model, err));
  s->donor = arena_zarray(s->mem, 1, struct donor);
  if (!s->donor) return fail_nomem(err, "reading a donor");
  variants *v = &s->donor->runs;
  s->donor->p = p;
  s->donor->first = p->info.length;
  *v = (variants){.m = p->model, .p = p, .what = "donor"};
  TRY(target_make(p, s->opts->answer, s->mem, &v->target, err));
  TRY(check_target(s, &v->target, err));
  return variants_room(v, s->mem, err);
}

/* ---------------------------------------------------------------- where */

/* A position by its number, or a group, of the donor's prompt. */
static loci_status find_place(const struct donor *d, const char *place, int *at, int *count,
                              loci_err *err) {
  group_kind g;
  size_t n = strlen(place);
  if (n > 0 && n < 10 && strspn(place, "0123456789") == n) {
    at[0] = atoi(place);
    *count = 1;
    if (at[0] < d->p->info.length) return LOCI_OK;
    return fail(err, LOCI_EINVAL, "position %s: the donor has positions 0 to %d", place,
                d->p->info.length - 1);
  }
  TRY(group_find(place, n, &g, err));
  *count = group_positions(d->p, g, 0, at);
  return *count > 0 ? LOCI_OK : fail_empty_group(d->p, g, err);
}

loci_status donor_positions(sweep *s, int count, const char *group, const int **out,
                            loci_err *err) {
  struct donor *d = s->donor;
  const char *place = s->opts->donor_at ? s->opts->donor_at : group;
  int n = 0, room = d->p->info.length > count ? d->p->info.length : count;
  int *at = arena_array(s->mem, room, int);
  if (!at) return fail_nomem(err, "reading a donor");
  if (!place)
    return fail(err, LOCI_EINVAL,
                "positions by number need --donor-at: where in the donor their values are taken");
  TRY(find_place(d, place, at, &n, err));
  if (n != count && n != 1)
    return fail(err, LOCI_EINVAL,
                "%s has %d positions, the donor's %s %d: take a single one (--donor-at)",
                group ? group : "the place", count, place, n);
  for (int i = n; i < count; i++) at[i] = at[0];
  int last = d->first + d->count;
  for (int i = 0; i < count; i++) {
    if (at[i] < d->first) d->first = at[i];
    if (at[i] + 1 > last) last = at[i] + 1;
  }
  d->count = last - d->first;
  *out = at;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the donor's run */

static void on_logits(void *ctx, int64_t index, const float *logits) {
  variants_read_base(ctx, 0, (int)index, logits);
}

/* The donor's own run, with its values recorded where they are taken from. */
static loci_status build(void *ctx, walk *w, loci_err *err) {
  struct donor *d = ctx;
  const target *t = &d->runs.target;
  int stream, L = model_decoder(d->p->model)->layers;
  TRY(walk_root(w, target_input(t), &stream, err));
  for (int i = 0; i < LOCI_SITE_COUNT; i++) {
    int64_t rows = d->count * site_width(d->p->model, (loci_site)i);
    for (int l = 0; d->values[i] && l < L; l++)
      TRY(walk_record_at(w, stream, (loci_site)i, l, (walk_span){d->first, d->count},
                         d->values[i] + l * rows, err));
  }
  for (int i = 0; i < t->count; i++) TRY(walk_want(w, stream, t->length - t->count + i, err));
  return LOCI_OK;
}

loci_status donor_run(sweep *s, loci_err *err) {
  struct donor *d = s->donor;
  int64_t L = model_decoder(s->m)->layers;
  for (int i = 0; i < s->grid_count; i++) {
    loci_site site = s->grids[i].site;
    if (d->values[site]) continue;
    TRY(differences_table(s, L * d->count * site_width(s->m, site), &d->values[site], err));
  }
  walk_job job = {.m = d->p->model, .build = build, .ctx = d, .cost = &s->runs.cost};
  job.hooks = (walk_hooks){.logits = on_logits,
                           .logits_ctx = &d->runs,
                           .ordered = d->runs.target.count,
                           .progress = s->opts->progress,
                           .progress_ctx = s->opts->progress_ctx};
  TRY(walk_once(&job, err));
  s->runs.cost.formula += L * d->runs.target.length;
  if (d->runs.not_finite) return not_finite(d->p->model, err);
  s->runs.target.ids[0] = d->runs.target.ids[0];
  s->runs.target.given = true; /* whatever the prompt's own run would say */
  d->against = d->runs.clean;
  d->against.other = -1;
  s->runs.against = &d->against;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- cells */

const float *donor_row(const sweep *s, const cell *c, int u, int i) {
  const struct donor *d = s->donor;
  int64_t place = (int64_t)cell_layer(c, u) * d->count + c->from[i] - d->first;
  const float *row = d->values[c->site] + place * site_width(s->m, c->site);
  int head = cell_head(c, u);
  return head < 0 ? row : row + (int64_t)head * model_decoder(s->m)->head_dim;
}

/* o' is the prompt's own. */
loci_metrics donor_metrics(const sweep *s) {
  const variants *v = &s->donor->runs;
  loci_metrics m = variants_base(v, 0);
  m.logit_diff = v->clean.logp[v->target.ids[0]] - v->clean.logp[s->runs.other[0]];
  return m;
}

const top_logits *donor_top(const sweep *s) { return &s->donor->runs.clean.top; }

static void put_from(js_value **to, const char *key, const js_value *from, const char *name) {
  const js_value *x = js_get(from, name);
  const char *text = js_text_of(x, NULL);
  if (text) js_put(to, key, js_text(text));
  if (js_kind_of(x) != JS_ARRAY) return;
  js_value *list = js_array();
  for (int64_t i = 0; i < js_count(x); i++) {
    text = js_text_of(js_at(x, i), NULL);
    if (text) js_push(&list, js_text(text));
  }
  js_put(to, key, list);
}

void donor_describe(const sweep *s, js_value **to, command_words *words) {
  const loci_prompt *p = s->donor->p;
  js_value *of = request_of_prompt(p);
  put_from(to, "donor", of, "question");
  put_from(to, "donor_image", of, "image");
  put_from(to, "donor_constraint", of, "constraints");
  if (p->model != s->m) js_put(to, "donor_model", js_text(p->model->info.path));
  if (s->opts->donor_at) js_put(to, "donor_at", js_text(s->opts->donor_at));
  words->cannot |=
      js_get(of, "pixels") || p->model->info.edit_count > 0 || p->info.constraint_count > 1;
  js_free(of);
}
