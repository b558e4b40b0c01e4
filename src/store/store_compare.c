/* loci_store_compare: two runs, number by number (docs/MATH.md, "Comparisons").
 *
 * Examples pair by their line and its picture, by the line alone where one store does not know the
 * picture's bytes, or else by their id; then differences are of pairs.
 * Where none pair the groups are independent. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/result.h"
#include "model/command.h"
#include "store/store.h"
#include "study/permutation.h"

typedef struct comparing {
  loci_comparison *out;
  arena *mem;
  uint64_t seed;
  store_side a, b;
  int *pair;         /* (a.n) the partner in b, or -1 */
  stat_draws *draws; /* of the pairs, or of both groups together */
  const watch *watch;
} comparing;

static loci_status no_memory(loci_err *err) { return fail_nomem(err, "comparing runs"); }

/* ---------------------------------------------------------------- pairs */

typedef struct named {
  const char *name;
  int at;
} named;

static int by_name(const void *a, const void *b) {
  const named *x = a, *y = b;
  int order = strcmp(x->name, y->name);
  return order ? order : x->at - y->at;
}

/* Partners of those that have none yet, by one kind of name. */
static loci_status pair_by(comparing *c, char *const *mine, char *const *theirs, bool *taken,
                           loci_err *err) {
  int n = c->b.numbers.n;
  named *list = calloc((size_t)n + 1, sizeof *list);
  if (!list) return no_memory(err);
  for (int i = 0; i < n; i++) list[i] = (named){theirs[i], i};
  qsort(list, (size_t)n, sizeof *list, by_name);
  for (int i = 0; i < c->a.numbers.n; i++) {
    named key = {mine[i], -1};
    if (c->pair[i] >= 0 || !mine[i][0]) continue;
    int lo = 0, hi = n;
    while (lo < hi) {
      int middle = lo + (hi - lo) / 2;
      if (by_name(&list[middle], &key) < 0) {
        lo = middle + 1;
      } else {
        hi = middle;
      }
    }
    if (lo == n || strcmp(list[lo].name, mine[i]) != 0 || taken[list[lo].at]) continue;
    c->pair[i] = list[lo].at;
    taken[list[lo].at] = true;
    c->out->pairs++;
  }
  free(list);
  return LOCI_OK;
}

/* Ids without the ending that a text-only twin of a file gives them ("trace-0001-text"). */
static loci_status trim_ids(const comparing *c, const store_side *side, char ***out,
                            loci_err *err) {
  static const char ending[] = "-text";
  size_t k = sizeof ending - 1;
  *out = arena_zarray(c->mem, side->numbers.n + 1, char *);
  if (!*out) return no_memory(err);
  for (int i = 0; i < side->numbers.n; i++) {
    size_t n = strlen(side->ids[i]);
    if (n > k && strcmp(side->ids[i] + n - k, ending) == 0) n -= k;
    (*out)[i] = arena_strndup(c->mem, side->ids[i], n);
    if (!(*out)[i]) return no_memory(err);
  }
  return LOCI_OK;
}

/* Keys by their lines: [unknown]: of examples alone whose picture's bytes are not in the key. */
static loci_status line_keys(const comparing *c, const store_side *side, bool unknown, char ***out,
                             loci_err *err) {
  *out = arena_zarray(c->mem, side->numbers.n + 1, char *);
  if (!*out) return no_memory(err);
  for (int i = 0; i < side->numbers.n; i++) {
    const char *key = side->keys[i], *dash = strchr(key, '-');
    size_t n = dash ? (size_t)(dash - key) : strlen(key);
    (*out)[i] = arena_strndup(c->mem, key, dash && unknown ? 0 : n);
    if (!(*out)[i]) return no_memory(err);
  }
  return LOCI_OK;
}

static loci_status pair_lines(comparing *c, bool *taken, loci_err *err) {
  char **mine, **theirs;
  for (int one = 0; one < 2; one++) {
    TRY(line_keys(c, &c->a, one == 0, &mine, err));
    TRY(line_keys(c, &c->b, one == 1, &theirs, err));
    TRY(pair_by(c, mine, theirs, taken, err));
  }
  return LOCI_OK;
}

static loci_status find_pairs(comparing *c, loci_err *err) {
  bool *taken = arena_zarray(c->mem, c->b.numbers.n + 1, bool);
  c->pair = arena_array(c->mem, c->a.numbers.n + 1, int);
  if (!taken || !c->pair) return no_memory(err);
  for (int i = 0; i < c->a.numbers.n; i++) c->pair[i] = -1;
  bool one_run = c->a.run == c->b.run && strcmp(c->a.store, c->b.store) == 0;
  if (c->out->by_right && one_run) return LOCI_OK; /* an id that is there twice makes no pair */
  char **mine, **theirs;
  TRY(trim_ids(c, &c->a, &mine, err));
  TRY(trim_ids(c, &c->b, &theirs, err));
  TRY(pair_by(c, c->a.keys, c->b.keys, taken, err));
  TRY(pair_lines(c, taken, err));
  TRY(pair_by(c, c->a.ids, c->b.ids, taken, err));
  return pair_by(c, mine, theirs, taken, err);
}

/* ---------------------------------------------------------------- one number */

static double mean_of(const stat_running *r) { return r->n > 0 ? r->mean : (double)NAN; }

/* A pair's difference is one number: Student's test of their mean.  [x] has room for all. */
static loci_status compare_paired(const comparing *c, int s, int t, int k, double *x,
                                  loci_compared *out, loci_err *err) {
  stat_running d = {0}, a = {0}, b = {0};
  int n = 0;
  for (int i = 0; i < c->a.numbers.n; i++) {
    if (c->pair[i] < 0) continue;
    double one = average_row_of(&c->a.numbers, s, i)[k];
    double other = average_row_of(&c->b.numbers, t, c->pair[i])[k];
    x[n++] = other - one;
    if (isnan(other - one)) continue;
    stat_running_add(&d, other - one);
    stat_running_add(&a, one);
    stat_running_add(&b, other);
  }
  double error = stat_running_error(&d);
  out->n = (int)d.n;
  out->a = mean_of(&a);
  out->b = mean_of(&b);
  out->p = error > 0    ? stat_t_test(d.mean / error, (double)(d.n - 1))
           : error == 0 ? d.mean == 0
                        : 1; /* of a single pair nobody knows the spread */
  stat_table table = {x, n, 1, 1, NULL};
  return stat_means(c->draws, &table, stat_any, &out->difference, NULL, NULL, err);
}

static loci_status compare_groups(const comparing *c, int s, int t, int k, double *x,
                                  loci_compared *out, loci_err *err) {
  stat_running a = {0}, b = {0};
  int n = c->a.numbers.n, m = c->b.numbers.n;
  for (int i = 0; i < n; i++) x[i] = average_row_of(&c->a.numbers, s, i)[k];
  for (int i = 0; i < m; i++) x[n + i] = average_row_of(&c->b.numbers, t, i)[k];
  for (int i = 0; i < n + m; i++)
    if (!isnan(x[i])) stat_running_add(i < n ? &a : &b, x[i]);
  out->n = 0;
  out->a = mean_of(&a);
  out->b = mean_of(&b);
  out->p = stat_welch(&a, &b);
  return stat_difference(c->draws, x, n, x + n, m, &out->difference, err);
}

/* ---------------------------------------------------------------- rows of numbers */

static int peak_of(const loci_compared *p, int n, bool second) {
  int best = -1;
  for (int i = 0; i < n; i++) {
    double x = second ? p[i].b : p[i].a;
    if (!isnan(x) && (best < 0 || x > (second ? p[best].b : p[best].a))) best = i;
  }
  return best;
}

static loci_status compare_series(comparing *c, int s, int t, double *x, loci_compared_row *row,
                                  loci_err *err) {
  const series_key *k = &c->a.numbers.series[s].key;
  loci_compared *points = arena_zarray(c->mem, k->points, loci_compared);
  double *profiles = arena_array(c->mem, 2 * (int64_t)k->points, double);
  *row = (loci_compared_row){.quantity = arena_strdup(c->mem, k->quantity),
                             .place = arena_strdup(c->mem, k->place),
                             .window = k->window,
                             .first = k->first,
                             .count = k->points,
                             .points = points,
                             .spearman = (double)NAN};
  if (!points || !profiles || !row->quantity || !row->place) return no_memory(err);
  for (int i = 0; i < k->points; i++) {
    TRY(c->out->pairs > 0 ? compare_paired(c, s, t, i, x, &points[i], err)
                          : compare_groups(c, s, t, i, x, &points[i], err));
    profiles[i] = points[i].a;
    profiles[k->points + i] = points[i].b;
  }
  row->peak_a = peak_of(points, k->points, false);
  row->peak_b = peak_of(points, k->points, true);
  if (row->peak_a < 0 || row->peak_b < 0) return LOCI_OK; /* no ranks of nothing */
  return stat_spearman(profiles, profiles + k->points, k->points, &row->spearman, err);
}

/* Every difference is a test; what is no number is none. */
static loci_status correct(comparing *c, loci_err *err) {
  int64_t n = 0, at = 0;
  for (int r = 0; r < c->out->row_count; r++) n += c->out->rows[r].count;
  double *p = calloc(2 * (size_t)n + 1, sizeof *p), *q = p ? p + n : NULL;
  if (!p) return no_memory(err);
  for (int r = 0; r < c->out->row_count; r++) {
    const loci_compared_row *row = &c->out->rows[r];
    for (int i = 0; i < row->count; i++) {
      bool tested = !isnan(row->points[i].difference.value);
      p[at++] = tested ? row->points[i].p : (double)NAN;
      c->out->tests += tested;
    }
  }
  loci_status st = stat_correct(p, n, NULL, q, err);
  at = 0;
  for (int r = 0; !st && r < c->out->row_count; r++) {
    loci_compared *points = (loci_compared *)(uintptr_t)c->out->rows[r].points;
    for (int i = 0; i < c->out->rows[r].count; i++, at++)
      if (!isnan(p[at])) points[i].q = q[at];
  }
  free(p);
  return st;
}

static loci_status compare_rows(comparing *c, loci_err *err) {
  const averaging *a = &c->a.numbers, *b = &c->b.numbers;
  loci_compared_row *rows = arena_zarray(c->mem, a->series_count + 1, loci_compared_row);
  double *x = calloc((size_t)(a->n + b->n) + 1, sizeof *x);
  loci_status st = rows && x ? LOCI_OK : no_memory(err);
  c->out->rows = rows;
  for (int s = 0; !st && s < a->series_count; s++) {
    const series_key *k = &a->series[s].key;
    if (watch_stops(c->watch, "compare", s, a->series_count))
      st = fail(err, LOCI_ECANCELLED, "stopped");
    if (st) break;
    int t = average_find(b, k->quantity, k->window, k->place);
    if (strncmp(k->quantity, "top visual ", 11) == 0) continue; /* names of tokens, no measure */
    if (average_is_beside(k)) continue;
    if (t < 0 || b->series[t].key.points != k->points || b->series[t].key.first != k->first)
      continue;
    st = compare_series(c, s, t, x, &rows[c->out->row_count++], err);
  }
  free(x);
  if (st) return st;
  if (c->out->row_count == 0)
    return fail(err, LOCI_EINVAL, "the two runs have no numbers in common");
  return correct(c, err);
}

/* ---------------------------------------------------------------- the call */

static loci_status describe(comparing *c, loci_err *err) {
  const store_side *sides[] = {&c->a, &c->b};
  loci_compared_run *runs[] = {&c->out->a, &c->out->b};
  for (int i = 0; i < 2; i++) {
    loci_compared_run *r = runs[i];
    r->used = sides[i]->numbers.n;
    r->dropped = sides[i]->average->sample.dropped_count;
    r->run = sides[i]->run;
    r->what = arena_strdup(c->mem, sides[i]->average->what);
    r->title = arena_strdup(c->mem, sides[i]->average->title);
    r->store = arena_strdup(c->mem, sides[i]->store);
    r->model = arena_strdup(c->mem, sides[i]->average->sample.model->path);
    r->hash = arena_strdup(c->mem, sides[i]->average->sample.hash);
    if (!r->what || !r->title || !r->store || !r->model || !r->hash) return no_memory(err);
  }
  if (strcmp(runs[0]->what, runs[1]->what) == 0) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "a run of %s and one of %s are not compared", runs[0]->what,
              runs[1]->what);
}

/* Runs by their numbers, whatever comes after them. */
static loci_status tell(const comparing *c, const loci_compare_opts *o, loci_err *err) {
  int64_t runs[2] = {c->a.run, c->b.run};
  js_value *how = js_object(), *list = js_array();
  command_words words = {.name = "study compare", .file = c->a.store, .second = c->b.store};
  for (int i = 0; i < 2; i++) js_push(&list, js_int(runs[i]));
  js_put(&how, "a", js_text(c->a.store));
  js_put(&how, "b", js_text(c->b.store));
  js_put(&how, "run", list);
  if (o->by_right) js_put(&how, "by", js_text("right"));
  js_put(&how, "min_te", js_real(o->least_effect));
  js_put(&how, "seed", request_seed(o->seed));
  return request_tell(&words, how, &c->out->result, err);
}

loci_status loci_store_compare(loci_store *a, loci_store *b, const loci_compare_opts *opts,
                               loci_comparison **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(a, "store");
  NEEDS(b, "store");
  loci_compare_opts o;
  TRY(options_take(loci_compare_opts, &o, opts, err));
  watch follow = {o.progress, o.progress_ctx};
  store_which one = {o.run_a, o.least_effect, o.seed, o.by_right ? 1 : -1, follow};
  store_which other = {o.run_b, o.least_effect, o.seed, o.by_right ? 0 : -1, follow};
  loci_comparison *made = result_new(LOCI_KIND_COMPARISON, sizeof *made);
  if (!made) return no_memory(err);
  comparing c = {.out = made, .mem = made->result.memory, .seed = o.seed, .watch = &follow};
  loci_status st = LOCI_OK;
  made->by_right = o.by_right;
  TRY_DONE(store_side_load(a, &one, &c.a, err));
  TRY_DONE(store_side_load(b, &other, &c.b, err));
  TRY_DONE(describe(&c, err));
  TRY_DONE(find_pairs(&c, err));
  int64_t n = made->pairs > 0 ? made->pairs : (int64_t)c.a.numbers.n + c.b.numbers.n;
  TRY_DONE(stat_draws_new(n, c.seed, &c.draws, err));
  TRY_DONE(compare_rows(&c, err));
  TRY_DONE(tell(&c, &o, err));
  *out = made;
  made = NULL;
done:
  stat_draws_free(c.draws);
  store_side_clear(&c.a);
  store_side_clear(&c.b);
  loci_free(made);
  return st;
}
