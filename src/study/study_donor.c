/* The share of accuracy that another prompt's states bring back, over examples (see study_donor.h;
 * docs/MATH.md, "Donors"): (acc_patched - acc_B) / (acc_A - acc_B) by layer, with acc the share of
 * examples whose most likely next token begins an accepted answer.
 *
 * Each example has a twin in the donors' file: the line with its id, or its id with "-text".
 * Beside it stand two controls in the same walk: the donor of the line before the twin's, and a
 * random position of the own twin.  Neither depends on which examples were measured before, so a
 * study that was stopped and goes on has the numbers of one that was not. */
#include "study/study_donor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "study/average_tests.h"

enum { TWIN, OTHER, RANDOM, KINDS, CURVES = 32 };
static const char *const kinds[KINDS] = {"", ", another example's", ", a random position's"};
static const char of_right[] = ", right", total_row[] = "right, donor less own",
                  donor_row[] = "right, donor", own_row[] = "right, own";

/* The prompt of donor [at]; -1: of none.  NULL: a control that has none. */
typedef struct asked_donor {
  int at;
  loci_prompt *prompt;
} asked_donor;

/* Accuracy of the traces of one example: (grids, columns, kinds, layers). */
struct donors {
  const loci_model *model, *own;
  loci_model *opened;
  const char *path;
  loci_example **all;
  int count, room, next; /* next: where the last twin was */
  asked_donor twin, before;
  loci_trace *traces[KINDS]; /* but the first: the example's */
  const loci_trace *first;
  study_item *item;
};

/* ---------------------------------------------------------------- twins */

static void forget(asked_donor *a) {
  loci_prompt_free(a->prompt);
  *a = (asked_donor){.at = -1};
}

static void close_donors(void *donors_) {
  donors *d = donors_;
  for (int i = 0; i < d->count; i++) loci_free(d->all[i]);
  for (int i = OTHER; i < KINDS; i++) loci_free(d->traces[i]);
  free((void *)d->all);
  forget(&d->twin);
  forget(&d->before);
  loci_model_close(d->opened);
}

/* Donors are held whole: each is used by the example after its own, too. */
static loci_status add(donors *d, loci_example *e, loci_err *err) {
  if (d->count == d->room) {
    int room = d->room ? 2 * d->room : 64;
    loci_example **more = realloc((void *)d->all, (size_t)room * sizeof *more);
    if (!more) {
      loci_free(e);
      return fail_nomem(err, "reading donors");
    }
    d->all = more;
    d->room = room;
  }
  d->all[d->count++] = e;
  return LOCI_OK;
}

static loci_status read_all(donors *d, loci_err *err) {
  loci_examples *from;
  loci_example *e = NULL;
  TRY(loci_examples_open(d->path, &from, err));
  loci_status st;
  do {
    st = loci_examples_next(from, &e, err);
    if (!st && e) st = add(d, e, err);
  } while (!st && e);
  loci_examples_close(from);
  return st;
}

loci_status donors_open(const char *path, const char *model, const loci_model *own, arena *mem,
                        donors **out, loci_err *err) {
  char place[LOCI_PATH_SIZE];
  donors *d = arena_zalloc(mem, 1, sizeof *d);
  if (!d || !arena_defer(mem, close_donors, d)) return fail_nomem(err, "reading donors");
  d->own = d->model = own;
  d->twin.at = d->before.at = -1;
  d->path = arena_strdup(mem, path);
  if (!d->path) return fail_nomem(err, "reading donors");
  if (model) {
    loci_model_opts how = own->asked;
    TRY(loci_model_find(model, place, err));
    TRY(loci_model_open(place, &how, &d->opened, err));
    d->model = d->opened;
  }
  *out = d;
  return read_all(d, err);
}

loci_status donors_hash(const donors *d, const char **out, loci_err *err) {
  return model_hash(d->model, NULL, NULL, out, err);
}

/* Without the ending of a text-only twin's id. */
static size_t trimmed(const char *id) {
  static const char ending[] = "-text";
  size_t n = strlen(id), k = sizeof ending - 1;
  return n > k && strcmp(id + n - k, ending) == 0 ? n - k : n;
}

static bool are_twins(const loci_example *a, const loci_example *b) {
  if (!a->id || !b->id) return false;
  size_t n = trimmed(a->id);
  return n == trimmed(b->id) && memcmp(a->id, b->id, n) == 0;
}

/* Files of twins go side by side as a rule.  -1: it has none. */
static int find_twin(donors *d, const loci_example *e) {
  for (int i = 0; i < d->count; i++) {
    int at = (d->next + i) % d->count;
    if (!are_twins(d->all[at], e)) continue;
    d->next = at + 1;
    return at;
  }
  return -1;
}

/* The prompts of that twin and of the donor before it, of which the last ones may be one; before
 * the first stands the last. */
static loci_status ask_twins(donors *d, study *s, int twin, loci_err *err) {
  int before = twin > 0 ? twin - 1 : d->count - 1;
  if (d->twin.at == before) {
    forget(&d->before);
    d->before = d->twin;
    d->twin = (asked_donor){.at = -1};
  }
  forget(&d->twin);
  if (d->before.at != before) {
    forget(&d->before);
    loci_err own = {0};
    loci_prompt **to = &d->before.prompt;
    loci_status st = before == twin ? LOCI_OK : study_prompt(s, d->all[before], to, &own);
    if (st && !status_is_own(st)) return pass_on(&own, err); /* a control may not be there */
    d->before.at = before;
  }
  TRY(study_prompt(s, d->all[twin], &d->twin.prompt, err));
  d->twin.at = twin;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- traces of an example */

/* Another position than those that values are taken from, by number. */
static const char *random_place(const donors *d, const averaging *a, const loci_example *e,
                                char room[16]) {
  const loci_prompt_info *p = loci_prompt_get_info(d->twin.prompt);
  random_source r = random_stream(a->s->opts->seed, e->fingerprint);
  int last = p->length > 1 ? p->length - 1 : 1, at;
  do {
    at = (int)random_below(&r, last);
  } while (p->tokens[at].role == LOCI_ROLE_CONSTRAINT_LAST && last > 1);
  snprintf(room, 16, "%d", at);
  return room;
}

static void forget_traces(donors *d) {
  for (int i = OTHER; i < KINDS; i++) {
    loci_free(d->traces[i]);
    d->traces[i] = NULL;
  }
}

/* The twin's states and both controls in one walk; an example without a control counts without it.
 */
static loci_status run_traces(donors *d, averaging *a, study_item *item, const loci_trace_opts *how,
                              loci_trace **out, loci_err *err) {
  loci_trace_opts opts[KINDS] = {*how, *how, *how};
  loci_trace_request ask[KINDS] = {{0}};
  char place[16];
  int n = 0, kind[KINDS];
  for (int i = 0; i < KINDS; i++) {
    opts[i].donor = (i == OTHER ? &d->before : &d->twin)->prompt;
    if (!opts[i].donor) continue;
    if (i == RANDOM) opts[i].donor_at = random_place(d, a, item->example, place);
    kind[n] = i;
    ask[n++] = (loci_trace_request){.prompt = item->prompt, .opts = &opts[i]};
  }
  TRY(loci_traces(a->s->model, ask, n, err));
  loci_status st = ask[0].err.code ? pass_on(&ask[0].err, err) : LOCI_OK;
  for (int i = 1; i < n; i++) d->traces[kind[i]] = ask[i].trace; /* a control may not be there */
  *out = ask[0].trace;
  return st;
}

loci_status donors_trace(donors *d, averaging *a, study_item *item, const loci_trace_opts *how,
                         loci_trace **out, loci_err *err) {
  study of = *a->s;
  *out = NULL;
  int twin = find_twin(d, item->example);
  if (twin < 0) return LOCI_OK;
  forget_traces(d);
  of.model = d->model;
  TRY(ask_twins(d, &of, twin, err));
  TRY(run_traces(d, a, item, how, out, err));
  d->first = *out;
  d->item = item;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- accuracies */

static loci_status is_right(const donors *d, int id, double *out, loci_err *err) {
  const loci_example *e = d->item->example;
  bool right;
  TRY(study_begins_with(d->item->prompt, e->answers, e->answer_count, id, &right, err));
  *out = right;
  return LOCI_OK;
}

/* Right with the values put in, less right without: a column of a grid, layer by layer. */
static loci_status put_column(const donors *d, averaging *a, const loci_grid *g, int column,
                              int kind, double own, loci_err *err) {
  char quantity[GRID_NAME + 16], place[96], name[GRID_NAME];
  series_key key = {.quantity = quantity,
                    .window = g->window,
                    .place = place,
                    .first = g->layers[0],
                    .points = g->layer_count};
  int heads = g->head_count ? g->head_count : 1;
  double *x = calloc((size_t)g->layer_count, sizeof *x);
  loci_status st = x ? LOCI_OK : fail_nomem(err, "averaging");
  snprintf(quantity, sizeof quantity, "%s%s", grid_name(g, name), of_right);
  snprintf(place, sizeof place, AVERAGE_GROUP "%s%s", g->groups[column], kinds[kind]);
  for (int l = 0; !st && l < g->layer_count; l++) {
    for (int h = 0; !st && h < heads; h++) {
      double right = 0;
      st =
          is_right(d, g->top_ids[((int64_t)l * g->column_count + column) * heads + h], &right, err);
      x[l] += (right - own) / heads;
    }
  }
  if (!st) st = average_put(a, &key, x, err);
  free(x);
  return st;
}

loci_status donors_put(const donors *d, averaging *a, loci_err *err) {
  const loci_trace *t = d->first;
  double donor, own;
  if (d->item->example->answer_count == 0) return LOCI_OK;
  TRY(is_right(d, t->clean.top[0].id, &donor, err));
  TRY(is_right(d, t->corrupted.top[0].id, &own, err));
  TRY(average_put_number(a, donor_row, donor, err));
  TRY(average_put_number(a, own_row, own, err));
  TRY(average_put_number(a, total_row, donor - own, err));
  for (int kind = 0; kind < KINDS; kind++) {
    const loci_trace *of = kind == TWIN ? t : d->traces[kind];
    for (int i = 0; of && i < of->grid_count; i++) {
      const loci_grid *g = &of->grids[i];
      for (int c = 0; g->groups && c < g->column_count; c++)
        TRY(put_column(d, a, g, c, kind, own, err));
    }
  }
  return LOCI_OK;
}

bool donors_have(const series_key *key) { return strstr(key->quantity, of_right) != NULL; }

/* ---------------------------------------------------------------- charts */

/* The curve's points are shares of what lies between both accuracies. */
static loci_status add_curve(averaging *a, loci_chart *c, int series, loci_err *err) {
  int before = c->curve_count;
  const loci_restored *shares;
  TRY(average_curve(a, c, series, OF_ALL, a->series[series].key.place, err));
  if (c->curve_count == before) return LOCI_OK;
  TRY(average_restored(a, series, 0, c->point_count, average_find(a, total_row, 0, ""), 0, &shares,
                       err));
  loci_curve *curve = (loci_curve *)(uintptr_t)&c->curves[before];
  if (shares) curve->points = shares->ratio_of_means;
  curve->errors = NULL;
  return LOCI_OK;
}

static bool is_kind(const char *place, int kind) {
  int is = TWIN;
  for (int k = OTHER; k < KINDS; k++)
    if (strstr(place, kinds[k])) is = k;
  return is == kind;
}

/* All series of a quantity and window, the twins' first. */
static loci_status chart_of(averaging *a, const series_key *key, loci_err *err) {
  char name[96];
  snprintf(name, sizeof name, "%.*s, window %d: accuracy recovered",
           (int)(strlen(key->quantity) - sizeof of_right + 1), key->quantity, key->window);
  char *own = arena_strdup(a->mem, name);
  if (!own) return fail_nomem(err, "averaging");
  loci_chart *c = average_chart(a, own, "share of what the donor's accuracy is above", key->first,
                                key->points, CURVES);
  for (int kind = 0; c && kind < KINDS; kind++) {
    for (int n = 0; n < a->series_count && c->curve_count < CURVES; n++) {
      const series_key *x = &a->series[n].key;
      bool here = x->window == key->window && strcmp(x->quantity, key->quantity) == 0;
      if (here && is_kind(x->place, kind)) TRY(add_curve(a, c, n, err));
    }
  }
  return LOCI_OK;
}

loci_status donors_finish(averaging *a, loci_err *err) {
  static const char *const numbers[] = {donor_row, own_row};
  for (int i = 0; i < 2; i++) {
    int series = average_find(a, numbers[i], 0, "");
    if (series >= 0) TRY(average_number(a, series, 0, OF_ALL, numbers[i], err));
  }
  for (int i = 0; i < a->series_count; i++) {
    const series_key *k = &a->series[i].key;
    bool first = donors_have(k) && k->window > 0;
    for (int n = 0; n < i; n++)
      first &= strcmp(a->series[n].key.quantity, k->quantity) != 0 ||
               a->series[n].key.window != k->window;
    if (first) TRY(chart_of(a, k, err));
  }
  return LOCI_OK;
}
