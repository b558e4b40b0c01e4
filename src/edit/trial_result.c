/* The result of a test of edits (see trial.h): means over examples with their intervals, the
 * harmonic mean of what matters, and what is said of examples as a whole: transient blindness and
 * the scope of successful edits (docs/MATH.md, "Measures of edits"). */
#include <math.h>
#include <string.h>

#include "edit/trial.h"
#include "study/intervals.h"

const char *const measure_names[MEASURES] = {"blindness", "proper", "under", "over", "both"};

/* What a measure of one example can be; what is a share of its questions has a share's interval. */
static stat_range range_of(const char *metric) {
  if (strcmp(metric, "p") == 0) return stat_probability;
  if (strcmp(metric, "lead") == 0) return stat_change;
  return strcmp(metric, "kl") == 0 ? stat_amount : stat_shares;
}

/* The mean of a column over examples. */
static loci_status mean_of(const trial *t, bool after, int g, int i, double *scratch,
                           loci_interval *out, loci_err *err) {
  for (int k = 0; k < t->s.used; k++) {
    scratch[k] = after ? t->rows[k].after[g][i] : t->rows[k].before[g][i];
  }
  return stat_mean(scratch, t->s.used, range_of(metric_names[trial_groups[g].kind][i]),
                   t->opts->study->seed, out, err);
}

/* Examples without a question in the group are no part of its mean. */
static loci_status fill_group(const trial *t, int g, double *scratch, loci_edit_group *out,
                              loci_err *err) {
  const char *const *names = metric_names[trial_groups[g].kind];
  loci_edit_metric *metrics = arena_zarray(t->out->result.memory, METRICS, loci_edit_metric);
  if (!metrics) return fail_nomem(err, "testing an edit");
  *out = (loci_edit_group){.name = trial_groups[g].name, .metrics = metrics};
  for (int k = 0; k < t->s.used; k++) {
    out->questions += t->rows[k].questions[g];
    out->examples += t->rows[k].questions[g] > 0;
  }
  for (int i = 0; names[i]; i++) {
    metrics[i].name = names[i];
    out->metric_count++;
    TRY(mean_of(t, false, g, i, scratch, &metrics[i].before, err));
    TRY(mean_of(t, true, g, i, scratch, &metrics[i].after, err));
  }
  return LOCI_OK;
}

static const int scored_groups[] = {EFFICACY, PARAPHRASES, SAME_ENTITY, SAME_IMAGE, OTHER_IMAGES};
enum { SCORED = sizeof scored_groups / sizeof *scored_groups };

static double first_measure(const trial *t, int64_t i, int k) {
  return t->rows[i].after[scored_groups[k]][0];
}

/* Harmonic mean H of the first measures m_k of the [used] groups that have examples, and its
 * standard error by the delta method: an example moves H by sum over k of dH/dm_k (x_ik - m_k) /
 * n_k with dH/dm_k = H^2 / (used m_k^2). */
static bool harmonic(const void *ctx, const int *times, int64_t n, double *value, double *error) {
  const trial *t = ctx;
  double mean[SCORED] = {0}, count[SCORED] = {0}, inverse = 0, squares = 0;
  int used = 0;
  for (int k = 0; k < SCORED; k++) {
    for (int64_t i = 0; i < n; i++) {
      double x = first_measure(t, i, k);
      if (isnan(x)) continue;
      mean[k] += times[i] * x;
      count[k] += times[i];
    }
    if (count[k] == 0) continue;
    mean[k] /= count[k];
    inverse += 1 / mean[k]; /* of zero: H is zero, without an error */
    used++;
  }
  *value = used ? used / inverse : (double)NAN;
  for (int64_t i = 0; i < n; i++) {
    double moves = 0;
    for (int k = 0; k < SCORED; k++) {
      double x = first_measure(t, i, k);
      if (!isnan(x) && mean[k] > 0) moves += (x - mean[k]) / (mean[k] * mean[k] * count[k]);
    }
    squares += times[i] * moves * moves;
  }
  *error = *value * *value / (used ? used : 1) * sqrt(squares);
  return used > 0;
}

/* Where no example differs from the others draws say nothing: then the harmonic mean of the groups'
 * own intervals, which are never of width zero. */
static loci_status fill_score(const trial *t, loci_edit_test *v, loci_err *err) {
  double lo = 0, hi = 0;
  int used = 0;
  TRY(stat_studentised(harmonic, t, t->s.used, stat_probability, t->opts->study->seed, &v->score,
                       err));
  if (isnan(v->score.value) || v->score.hi > v->score.lo) return LOCI_OK;
  for (int k = 0; k < SCORED; k++) {
    const loci_interval *after = &v->groups[scored_groups[k]].metrics[0].after;
    if (isnan(after->value)) continue;
    lo += 1 / after->lo;
    hi += 1 / after->hi;
    used++;
  }
  v->score.lo = used / lo;
  v->score.hi = used / hi;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- of examples as a whole */

/* Transient blindness: the share of questions that only look like the edit's, on another picture,
 * that are answered with the target all the same. */
static double blindness(const example_row *r, bool after) {
  static const int groups[] = {OTHER_IMAGES, UNRELATED_IMAGES};
  double sum = 0;
  int n = 0;
  for (int i = 0; i < 2; i++) {
    int g = groups[i], k = r->counted[g][STAY_TARGET];
    n += k;
    if (k > 0) sum += k * (after ? r->after : r->before)[g][STAY_TARGET];
  }
  return n ? sum / n : (double)NAN;
}

/* Whether the first measure is 1 for every question of the groups from [from] to [to] that should
 * become what [kind] says; *any: there are such questions. */
static bool all_of(const example_row *r, int from, int to, question_kind kind, bool *any) {
  bool all = true;
  for (int g = from; g <= to; g++) {
    if (trial_groups[g].kind != kind || r->questions[g] == 0) continue;
    *any = true;
    all = all && r->after[g][0] == 1;
  }
  return all;
}

/* Of an edit that is answered with its target: proper where every wording and rendering is, too,
 * and everything that should stay has stayed; under where some wording or rendering is not, over
 * where something has moved.  -1: no such edit, or nothing is asked in scope or out of it. */
static int scope_of(const example_row *r) {
  bool within = false, beyond = false;
  bool reached = all_of(r, PARAPHRASES, SAME_ENTITY, SHOULD_CHANGE, &within);
  bool kept = all_of(r, SAME_IMAGE, TEXT_ONLY, SHOULD_STAY, &beyond);
  if (r->questions[EFFICACY] == 0 || r->after[EFFICACY][0] != 1 || !within || !beyond) return -1;
  return reached ? (kept ? PROPER : OVER) : (kept ? UNDER : BOTH);
}

static double measure_of(const example_row *r, int measure, bool after) {
  if (measure == BLINDNESS) return blindness(r, after);
  int scope = after ? scope_of(r) : -1; /* before, nothing was edited */
  return scope < 0 ? (double)NAN : scope == measure;
}

/* Shares over the examples that a measure applies to; the others have no number there. */
static loci_status fill_measures(const trial *t, double *x, loci_edit_test *v, loci_err *err) {
  loci_edit_measure *m = arena_zarray(v->result.memory, MEASURES, loci_edit_measure);
  if (!m) return fail_nomem(err, "testing an edit");
  v->measures = m;
  v->measure_count = MEASURES;
  for (int i = 0; i < MEASURES; i++) {
    m[i].name = measure_names[i];
    for (int after = 0; after < 2; after++) {
      m[i].examples = 0;
      for (int k = 0; k < t->s.used; k++) {
        x[k] = measure_of(&t->rows[k], i, after);
        m[i].examples += !isnan(x[k]);
      }
      TRY(stat_mean(x, t->s.used, stat_shares, t->opts->study->seed,
                    after ? &m[i].after : &m[i].before, err));
    }
  }
  return LOCI_OK;
}

/* Groups come before the score, which is made of them. */
loci_status trial_fill(trial *t, loci_err *err) {
  loci_edit_test *v = t->out;
  double *scratch = arena_array(t->out->result.memory, t->s.used + 1, double);
  loci_edit_group *groups = arena_zarray(t->out->result.memory, GROUPS, loci_edit_group);
  if (!scratch || !groups) return fail_nomem(err, "testing an edit");
  if (t->s.used == 0) {
    const char *why = study_first_reason(&t->s);
    return fail(err, LOCI_EINVAL, "%s: no example can be used%s%s", examples_path(t->s.examples),
                why ? ", the first because: " : "", why ? why : "");
  }
  for (int g = 0; g < GROUPS; g++) TRY(fill_group(t, g, scratch, &groups[g], err));
  v->groups = groups;
  v->group_count = GROUPS;
  TRY(fill_score(t, v, err));
  TRY(fill_measures(t, scratch, v, err));
  return study_describe(&t->s, &v->sample, err);
}
