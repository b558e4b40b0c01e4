/* Study trace: indirect effects by role, averaged over examples (docs/MATH.md, "Averages").
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/file.h"
#include "base/names.h"
#include "study/average_tests.h"
#include "study/corrupt.h"
#include "study/jobs.h"
#include "study/request.h"
#include "study/study_donor.h"
#include "study/sweep.h"

enum { ROLES = LOCI_ROLE_LAST + 1, GROUP_PLACE = 64, FINGERPRINT = 24 };

/* "all of constraint", beside the role "constraint-last" */
enum { CORRUPTION_MAX = 1 << 28 }; /* bytes of its file */

static const char of_sets[] = ", set";
static const char *const set_kinds[] = {"the set", "random sets", "difference"};

typedef struct trace_study {
  average_job job;
  loci_trace_opts how;
  char picture[FINGERPRINT], noise[FINGERPRINT], twins[FINGERPRINT]; /* bytes of files; "": none */
  double least_effect;
  bool all;                             /* wrong answers and small effects are measured, too */
  const char *donor_path, *donor_model; /* NULL: none */
  const char *donor_hash;               /* of its weights, for a store; or NULL */
  arena *mem;                           /* the job's */
  donors *donors;
} trace_study;

/* Effects on p, or on the logit difference: (layers, columns, heads). */
typedef struct effects {
  const loci_trace *t;
  const loci_grid *g;
  bool logits;
} effects;

static double effect_at(const effects *e, int64_t i) {
  const loci_metrics *base = e->g->direction == LOCI_NOISE ? &e->t->clean.m : &e->t->corrupted.m;
  return e->logits ? e->g->cells[i].logit_diff - base->logit_diff : e->g->ie[i];
}

/* Whether a column is the place number r: of single positions a role, else a group. */
static bool is_at(const effects *e, int column, int r) {
  if (e->g->groups) return column == r;
  int position = e->g->positions[column];
  return position < e->t->prompt->length && e->t->prompt->tokens[position].role == (loci_role)r;
}

/* Mean effect of the columns at a place, layer by layer, and over heads or (heads, layers); false:
 * there are none. */
static bool effect_of_place(const effects *e, int r, bool by_head, double *out) {
  const loci_grid *g = e->g;
  int count = 0, L = g->layer_count, heads = g->head_count ? g->head_count : 1;
  memset(out, 0, (size_t)((by_head ? heads : 1) * L) * sizeof *out);
  for (int c = 0; c < g->column_count; c++) {
    if (!is_at(e, c, r)) continue;
    count++;
    for (int l = 0; l < L; l++) {
      for (int h = 0; h < heads; h++) {
        double x = effect_at(e, ((int64_t)l * g->column_count + c) * heads + h);
        out[by_head ? h * L + l : l] += by_head ? x : x / heads;
      }
    }
  }
  for (int i = 0; i < (by_head ? heads : 1) * L && count > 0; i++) out[i] /= count;
  return count > 0;
}

/* A grid of groups is averaged column by column (a group restored at once is a place of its own
 * beside the roles), one of positions by role: positions of two prompts have nothing in common but
 * their roles.  Heads are a quantity of their own, beside their mean: a series of all heads'
 * layers. */
static loci_status put_effects(averaging *a, const effects *e, bool by_head, loci_err *err) {
  const loci_grid *g = e->g;
  char quantity[GRID_NAME + 48], place[GROUP_PLACE], name[GRID_NAME], heads[24] = "";
  series_key key = {.quantity = quantity,
                    .window = g->window,
                    .place = place,
                    .first = g->layers[0],
                    .points = g->layer_count * (by_head ? g->head_count : 1)};
  double *x = malloc((size_t)key.points * sizeof *x);
  loci_status st = x ? LOCI_OK : fail_nomem(err, "averaging");
  if (by_head) snprintf(heads, sizeof heads, ", %d" AVERAGE_BY_HEAD, g->head_count);
  snprintf(quantity, sizeof quantity, "%s%s%s", grid_name(g, name), heads,
           e->logits ? AVERAGE_LOGITS : "");
  for (int r = 0; !st && r < (g->positions ? ROLES : g->column_count); r++) {
    snprintf(place, sizeof place, "%s%s", g->groups ? AVERAGE_GROUP : "",
             g->groups ? g->groups[r] : role_name((loci_role)r));
    if (effect_of_place(e, r, by_head, x)) st = average_put(a, &key, x, err);
  }
  free(x);
  return st;
}

/* A set, the mean of the random ones, and what it has more than they, as series of one number. */
static loci_status put_sets(averaging *a, const loci_trace *t, loci_err *err) {
  for (int i = 0; i < t->set_count; i++) {
    const loci_set *x = &t->sets[i];
    const double values[] = {x->ie, x->control_mean, x->ie - x->control_mean};
    char quantity[GRID_NAME + 8], place[2 * GROUP_PLACE];
    snprintf(quantity, sizeof quantity, "%s%s%s", site_name(x->site),
             x->direction == LOCI_NOISE ? ", noise" : "", of_sets);
    for (int k = 0; k < 3 && x->control_count > 0; k++) {
      snprintf(place, sizeof place, AVERAGE_GROUP "%s: %s", x->group, set_kinds[k]);
      series_key key = {.quantity = quantity, .place = place, .points = 1};
      TRY(average_put(a, &key, &values[k], err));
    }
  }
  return LOCI_OK;
}

/* One example's numbers: probabilities, then every grid in p and in logit difference, whole and by
 * head. */
static loci_status put(trace_study *s, const loci_trace *t, loci_err *err) {
  averaging *a = s->job.a;
  TRY(average_room(a, err));
  TRY(average_put_number(a, "clean p", t->clean.m.p, err));
  TRY(average_put_number(a, "corrupted p", t->corrupted.m.p, err));
  TRY(average_put_number(a, "total effect", t->total_effect, err));
  double total = t->clean.m.logit_diff - t->corrupted.m.logit_diff;
  TRY(average_put_number(a, "total" AVERAGE_LOGITS, total, err));
  for (int i = 0; i < t->grid_count; i++) {
    for (int logits = 0; logits < 2; logits++) {
      effects e = {t, &t->grids[i], logits};
      TRY(put_effects(a, &e, false, err));
      if (e.g->head_count > 0) TRY(put_effects(a, &e, true, err));
    }
  }
  return put_sets(a, t, err);
}

/* ---------------------------------------------------------------- one example */

/* "swap" and "question" take the example's own text; one that has none is dropped. */
static loci_status corruption_of(const trace_study *s, study_item *item, const char **out,
                                 loci_err *err) {
  *out = s->how.corrupt;
  const char *field = corruption_field(*out), *kind = *out;
  if (!field) return LOCI_OK;
  const char *own = example_field(item->example, field);
  if (!own || !own[strspn(own, " \t\r\n")]) {
    item->drop = strcmp(kind, "swap") == 0 ? "no swap" : "no other question";
    return LOCI_OK;
  }
  size_t n = strlen(kind) + strlen(own) + 2;
  char *text = arena_array(item->mem, (int64_t)n, char);
  if (!text) return fail_nomem(err, "tracing");
  snprintf(text, n, "%s:%s", kind, own);
  *out = text;
  return LOCI_OK;
}

static bool is_wrong(study_item *item, const study_answer *answer) {
  if (!answer || answer->right) return false;
  item->drop = "answered wrongly";
  snprintf(item->why, sizeof item->why, "answered \"%.80s\", expected \"%.80s\"", answer->text,
           item->example->answers[0]);
  return true;
}

/* Right answers whose corruption matters are averaged. */
static void judge(void *ctx, study_item *item, const study_answer *answer) {
  const trace_study *s = ctx;
  const averaging *a = s->job.a;
  int effect = average_find(a, "total effect", 0, "");
  double x = effect < 0 ? (double)NAN : average_row_of(a, effect, a->n)[0];
  if (is_wrong(item, answer) || x >= s->least_effect) return;
  item->drop = isnan(x) ? "no total effect" : "small effect";
  if (isnan(x)) return;
  snprintf(item->why, sizeof item->why, "the corruption lowers p by %.3g, less than %.3g", x,
           s->least_effect);
}

/* The model is hashed once for the study and not for each trace; whoever keeps whole traces (a
 * store) sees them here. */
static loci_status trace(trace_study *s, study_item *item, const char *corrupt, loci_err *err) {
  loci_trace *t;
  loci_trace_opts how = s->how;
  how.corrupt = corrupt;
  how.no_hash = true;
  how.progress = study_progress;
  how.progress_ctx = s->job.a->s;
  if (s->donors) {
    TRY(donors_trace(s->donors, s->job.a, item, &how, &t, err));
    if (!t) item->drop = "no donor";
    if (!t) return LOCI_OK;
  } else {
    TRY(loci_trace_new(s->job.a->s->model, item->prompt, &how, &t, err));
  }
  loci_status st = LOCI_OK;
  if (s->job.see_trace) st = s->job.see_trace(s->job.see_ctx, t, err);
  if (!st) st = put(s, t, err);
  if (!st && s->donors) st = donors_put(s->donors, s->job.a, err);
  loci_free(t);
  return st;
}

/* The answer is asked before the trace, and a wrong one ends the example there: a trace costs a
 * hundred times an answer. */
static loci_status gather(void *ctx, study_item *item, loci_err *err) {
  trace_study *s = ctx;
  const char *corrupt;
  const study_answer *answer = NULL;
  if (s->donors) {
    TRY(trace(s, item, NULL, err));
    if (!item->drop) average_next(s->job.a, -1);
    return LOCI_OK;
  }
  TRY(corruption_of(s, item, &corrupt, err));
  if (item->drop) return LOCI_OK;
  if (item->example->answer_count > 0) TRY(study_ask(s->job.a->s, item, &answer, err));
  if (!s->all && is_wrong(item, answer)) return LOCI_OK;
  TRY(trace(s, item, corrupt, err));
  if (!s->all) judge(s, item, answer);
  if (!item->drop) average_next(s->job.a, -1);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- charts */

/* The series of the same numbers on the logit difference; -1: there is none. */
static int logits_of(const averaging *a, const series_key *key) {
  char quantity[GRID_NAME + 48];
  snprintf(quantity, sizeof quantity, "%.80s" AVERAGE_LOGITS, key->quantity);
  return average_find(a, quantity, key->window, key->place);
}

/* What comes back of p and of the logit difference, at numbers [from] on of a series. */
static loci_status add_restored(averaging *a, loci_curve *curve, int series, int from, int points,
                                loci_err *err) {
  int logits = logits_of(a, &a->series[series].key);
  TRY(average_restored(a, series, from, points, average_find(a, "total effect", 0, ""), LEAST_TOTAL,
                       &curve->p_restored, err));
  return average_restored(a, logits, from, points, average_find(a, "total" AVERAGE_LOGITS, 0, ""),
                          LEAST_LOGIT_DIFF, &curve->logit_diff_restored, err);
}

/* A series as the chart's next curve, unless no example has it; tested.  [of]: whose curves they
 * are. */
static loci_status add_curve(averaging *a, loci_chart *c, int series, int *of, loci_err *err) {
  int before = c->curve_count;
  TRY(average_curve(a, c, series, OF_ALL, a->series[series].key.place, err));
  if (c->curve_count == before) return LOCI_OK;
  of[before] = series;
  loci_curve *curve = (loci_curve *)(uintptr_t)&c->curves[before];
  curve->own_peak = average_own_peak(a, series, curve->peak);
  TRY(add_restored(a, curve, series, 0, c->point_count, err));
  return average_test(a, c, before, series, err);
}

/* "z, 12 heads": 12; 0: not of heads. */
static int heads_of(const series_key *key) {
  const char *comma = strrchr(key->quantity, ',');
  int heads = comma ? atoi(comma + 1) : 0;
  return heads > 0 && strstr(comma, AVERAGE_BY_HEAD) && key->points % heads == 0 ? heads : 0;
}

/* Where of all heads and layers the mean is highest: (heads, layers). */
static int highest_of(const loci_chart *c) {
  int best = -1;
  double most = (double)-INFINITY;
  for (int h = 0; h < c->curve_count; h++) {
    for (int l = 0; l < c->point_count; l++) {
      double x = c->curves[h].points[l].value;
      if (x > most) best = h * c->point_count + l;
      if (x > most) most = x;
    }
  }
  return best;
}

/* A map of heads and layers at one place. */
static loci_status chart_of_heads(averaging *a, int series, int heads, loci_err *err) {
  const series_key *key = &a->series[series].key;
  int layers = key->points / heads;
  char name[128];
  int site = (int)(strrchr(key->quantity, ',') - key->quantity);
  snprintf(name, sizeof name, "%.*s by head, window %d: %s", site, key->quantity, key->window,
           key->place);
  char *own = arena_strdup(a->mem, name);
  double *among = arena_array(a->mem, key->points, double);
  if (!own || !among) return fail_nomem(err, "averaging");
  loci_chart *c = average_chart(a, own, "indirect effect", key->first, layers, heads);
  if (!c) return fail_nomem(err, "averaging");
  c->of_heads = true;
  TRY(average_recall(a, key->quantity, key->window, key->place, err));
  TRY(average_among_ten(a, series, among, err));
  for (int h = 0; h < heads; h++) {
    snprintf(name, sizeof name, "head %d", h);
    TRY(average_curve_from(a, c, series, h * layers, OF_ALL, name, err));
    if (c->curve_count != h + 1) return LOCI_OK; /* no example has the place */
    loci_curve *curve = (loci_curve *)(uintptr_t)&c->curves[h];
    curve->among_ten = among + h * layers;
    TRY(add_restored(a, curve, series, h * layers, layers, err));
  }
  c->own_peak = average_own_peak(a, series, highest_of(c));
  for (int h = 0; h < heads; h++) ((loci_curve *)(uintptr_t)&c->curves[h])->own_peak = c->own_peak;
  return average_test(a, c, 0, series, err);
}

static bool same_chart(const series_key *a, const series_key *b) {
  return a->window == b->window && strcmp(a->quantity, b->quantity) == 0;
}

static int curves_of(const averaging *a, const series_key *key) {
  int n = 0;
  for (int i = 0; i < a->series_count; i++) n += same_chart(&a->series[i].key, key);
  return n;
}

/* One chart: a site with a window; roles in their order, then the groups. */
static loci_status chart_of(trace_study *s, const series_key *key, loci_err *err) {
  averaging *a = s->job.a;
  char name[96];
  snprintf(name, sizeof name, "%s, window %d", key->quantity, key->window);
  char *own = arena_strdup(a->mem, name);
  if (!own) return fail_nomem(err, "averaging");
  int curves = curves_of(a, key), *of = arena_array(a->mem, curves, int);
  loci_chart *c = average_chart(a, own, "indirect effect", key->first, key->points, curves);
  if (!c || !of) return fail_nomem(err, "averaging");
  TRY(average_recall(a, key->quantity, key->window, NULL, err));
  for (int r = 0; r < ROLES; r++) {
    int series = average_find(a, key->quantity, key->window, role_name((loci_role)r));
    if (series >= 0) TRY(add_curve(a, c, series, of, err));
  }
  for (int i = 0; i < a->series_count; i++) {
    const series_key *k = &a->series[i].key;
    if (same_chart(k, key) && average_is_group(k->place)) TRY(add_curve(a, c, i, of, err));
  }
  average_own_map(a, c, of);
  return average_peaks(a, c, err);
}

/* The sets of one site and direction, each beside the random ones; the difference is tested. */
static loci_status chart_of_sets(averaging *a, int first, loci_err *err) {
  const series_key *key = &a->series[first].key;
  char name[GRID_NAME + 48];
  snprintf(name, sizeof name, "%.*s: restored together, and as many at random",
           (int)(strlen(key->quantity) - sizeof of_sets + 1), key->quantity);
  char *own = arena_strdup(a->mem, name);
  if (!own) return fail_nomem(err, "averaging");
  loci_chart *c = average_chart(a, own, "indirect effect", 0, 1, a->series_count - first);
  if (!c) return fail_nomem(err, "averaging");
  c->x_name = "set";
  for (int i = first; i < a->series_count; i++) {
    const series_key *k = &a->series[i].key;
    int before = c->curve_count;
    if (strcmp(k->quantity, key->quantity) != 0) continue;
    TRY(average_curve(a, c, i, OF_ALL, k->place, err));
    if (c->curve_count > before && strstr(k->place, set_kinds[2]))
      TRY(average_test(a, c, before, i, err));
  }
  return LOCI_OK;
}

static loci_status charts_of_sets(averaging *a, loci_err *err) {
  for (int i = 0; i < a->series_count; i++) {
    const char *quantity = a->series[i].key.quantity;
    size_t n = strlen(quantity), k = sizeof of_sets - 1;
    bool first = n > k && strcmp(quantity + n - k, of_sets) == 0;
    for (int b = 0; b < i && first; b++) first = strcmp(a->series[b].key.quantity, quantity) != 0;
    if (first) TRY(chart_of_sets(a, i, err));
  }
  return LOCI_OK;
}

/* Whether a series before [i] belongs to the same chart. */
static bool has_chart(const averaging *a, int i) {
  for (int n = 0; n < i; n++)
    if (same_chart(&a->series[n].key, &a->series[i].key)) return true;
  return false;
}

/* What one chart shows; donors' are few. */
static bool waits(const series_key *key) { return key->window > 0 && !donors_have(key); }

/* One chart for each site, window and direction that any example has, in the order they came. */
static loci_status finish(void *ctx, loci_err *err) {
  trace_study *s = ctx;
  averaging *a = s->job.a;
  char title[128];
  static const char *const numbers[] = {"clean p", "corrupted p", "total effect"};
  if (s->donor_path) {
    snprintf(title, sizeof title, "States of %.80s put in", s->donor_path);
  } else {
    snprintf(title, sizeof title, "Causal traces, %.80s",
             strcmp(s->how.corrupt, "replace") != 0 ? s->how.corrupt : CORRUPTION_USUAL);
  }
  a->out->title = arena_strdup(a->mem, title);
  if (!a->out->title) return fail_nomem(err, "averaging");
  for (int i = 0; i < 3; i++) {
    int series = average_find(a, numbers[i], 0, "");
    if (series >= 0) TRY(average_number(a, series, 0, OF_ALL, numbers[i], err));
  }
  int logits = average_find(a, "total" AVERAGE_LOGITS, 0, "");
  if (logits >= 0) TRY(average_number(a, logits, 0, OF_ALL, "total logit difference", err));
  for (int i = 0; i < a->series_count; i++) {
    const series_key *k = &a->series[i].key;
    bool charted = k->window > 0 && !strstr(k->quantity, AVERAGE_LOGITS) && heads_of(k) == 0;
    charted &= !donors_have(k);
    if (charted && !has_chart(a, i)) TRY(chart_of(s, k, err));
  }
  for (int i = 0; i < a->series_count; i++) {
    const series_key *k = &a->series[i].key;
    int heads = k->window > 0 ? heads_of(k) : 0;
    if (heads > 0) TRY(chart_of_heads(a, i, heads, err));
  }
  TRY(charts_of_sets(a, err));
  TRY(donors_finish(a, err));
  return average_correct(a, err);
}

/* Another file under the same name is another corruption. */
static loci_status fingerprint(const char *path, char out[FINGERPRINT], loci_err *err) {
  char *bytes;
  size_t n;
  TRY(file_read(path, CORRUPTION_MAX, &bytes, &n, err));
  snprintf(out, FINGERPRINT, "%016" PRIx64, example_fingerprint(bytes, n));
  free(bytes);
  return LOCI_OK;
}

/* What the donors are is in their file's bytes and their model's weights, whatever both are called.
 * Standard input is read once. */
static loci_status open_donors(trace_study *s, const loci_model *m, loci_err *err) {
  TRY(donors_open(s->donor_path, s->donor_model, m, s->mem, &s->donors, err));
  if (strcmp(s->donor_path, "-") != 0) TRY(fingerprint(s->donor_path, s->twins, err));
  return s->all && s->donor_model ? donors_hash(s->donors, &s->donor_hash, err) : LOCI_OK;
}

static loci_status complete(void *ctx, const loci_model *m, loci_err *err) {
  trace_study *s = ctx;
  request_of of = {.m = m, .each = true, .donors = s->donor_path != NULL};
  TRY(trace_request_complete(&of, &s->how, err));
  if (s->donor_path && m) TRY(open_donors(s, m, err));
  if (s->how.corrupt && strncmp(s->how.corrupt, "image:", 6) == 0)
    TRY(fingerprint(s->how.corrupt + 6, s->picture, err));
  return s->how.noise_path ? fingerprint(s->how.noise_path, s->noise, err) : LOCI_OK;
}

static void describe(const void *ctx, js_value **to) {
  const trace_study *s = ctx;
  trace_request_describe(to, &s->how);
  if (s->picture[0]) js_put(to, "picture", js_text(s->picture));
  if (s->noise[0]) js_put(to, "noise_bytes", js_text(s->noise));
  if (s->how.donor_at) js_put(to, "donor_at", js_text(s->how.donor_at));
  if (s->donor_path) js_put(to, "donors", js_text(s->donor_path));
  if (s->twins[0]) js_put(to, "donor_bytes", js_text(s->twins));
  if (s->donor_model) js_put(to, "donor_model", js_text(s->donor_model));
  if (s->donor_hash) js_put(to, "donor_hash", js_text(s->donor_hash));
  if (!s->all && !s->donor_path) js_put(to, "min_te", js_real(s->least_effect));
}

average_job *job_trace(arena *mem, const loci_trace_opts *how) {
  trace_study *s = arena_zalloc(mem, 1, sizeof *s);
  if (!s) return NULL;
  s->job = (average_job){.what = "trace",
                         .asks = true,
                         .complete = complete,
                         .describe = describe,
                         .gather = gather,
                         .finish = finish,
                         .judge = judge,
                         .waits = waits,
                         .headline = "total effect",
                         .ctx = s};
  if (how) s->how = *how;
  s->how.size = sizeof s->how;
  s->mem = mem;
  if (!s->how.corrupt) s->how.corrupt = "replace"; /* a store's settings may be older or broken */
  if (strncmp(s->how.corrupt, "image", 5) != 0) s->job.needs = NEEDS_CONSTRAINT;
  return &s->job;
}

void job_trace_filter(average_job *trace, double least_effect, bool all) {
  trace_study *s = trace->ctx;
  s->least_effect = least_effect;
  s->all = all;
}

void job_trace_donors(average_job *trace, const char *path, const char *model) {
  trace_study *s = trace->ctx;
  s->donor_path = path;
  s->donor_model = model;
  trace->judge = NULL; /* right or wrong, whatever the donor's run has more */
  if (s->how.corrupt && strcmp(s->how.corrupt, "replace") == 0) s->how.corrupt = NULL;
}
