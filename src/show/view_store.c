/* Stores for the eye: what is in one, and two runs compared. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/fixed.h"
#include "base/json.h"
#include "show/view_parts.h"

enum { FEW = 10, ALIKE_SHOWN = 6 };

enum { LIST_MOST = 20 }; /* items of a setting that are shown */

/* "corrupt replace:Paris" out of "corrupt": "replace:Paris"; lists with blanks between. */
static void say_setting(views *v, const char *key, const js_value *value) {
  bool list = js_kind_of(value) == JS_ARRAY;
  int64_t count = list ? js_count(value) : 1, number;
  view_say(v, VIEW_DIM, "%s", key);
  for (int64_t i = 0; i < count && i < LIST_MOST; i++) {
    const js_value *x = list ? js_at(value, i) : value;
    const char *word = js_text_of(x, NULL);
    if (word) view_say(v, VIEW_DIM, "%.60s", word);
    if (js_int_of(x, &number)) view_say(v, VIEW_DIM, "%" PRId64, number);
  }
  view_put(v, VIEW_DIM, ",");
}

static void say_settings(views *v, const loci_store_run_info *r) {
  const char *key;
  const js_value *value;
  js_value *all;
  if (js_parse(r->settings, strlen(r->settings), "settings", &all, NULL)) return;
  view_begin(v, VIEW_LINE);
  view_indent(v, 2, 2);
  for (void *it = js_first(all, &key, &value); it; it = js_next(all, it, &key, &value)) {
    if (strcmp(key, "what") != 0 && strcmp(key, "model") != 0) say_setting(v, key, value);
  }
  js_free(all);
  view_say(v, VIEW_DIM, "%s %s, %s", path_base(r->model.path), r->hash,
           r->data[0] ? path_base(r->data) : "examples in memory");
}

static void say_run(views *v, const loci_store_run_info *r) {
  char text[80];
  bool asked = r->right + r->wrong > 0, told = !isnan(r->mean.value);
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_BOLD, "run %" PRId64 ", %s:", r->id, r->what);
  view_say(v, VIEW_PLAIN, "%" PRId64 " examples measured, %" PRId64 " dropped%s", r->used,
           r->dropped, told && !asked ? "," : "");
  if (asked)
    view_say(v, VIEW_PLAIN, "(%" PRId64 " answered correctly, %" PRId64 " incorrectly)%s", r->right,
             r->wrong, told ? "," : "");
  if (r->reported < r->used)
    view_say(v, VIEW_PLAIN,
             "%" PRId64 " of them in a report: answered correctly, total effect 0.1 or more;",
             r->reported);
  if (told) view_say(v, VIEW_PLAIN, "%s %s", r->headline, mean_text(&r->mean, v->ascii, text));
  if (r->used > 0)
    view_say(v, VIEW_DIM, "(%.0f s, %.2f s an example)", r->seconds,
             r->seconds / (double)(r->used + r->dropped));
  for (int i = 0; i < r->tally_count; i++) {
    const loci_tally *x = &r->tallies[i];
    bool more = strcmp(x->kind, x->first_reason) != 0;
    view_begin(v, VIEW_ITEM);
    view_say(v, VIEW_PLAIN, "%" PRId64 " %s,", x->count, x->kind);
    view_say(v, VIEW_DIM, "the first in line %" PRId64 "%s", x->first_line, more ? ":" : "");
    if (more) view_say(v, VIEW_DIM, "%s", x->first_reason);
  }
  say_settings(v, r);
}

void view_store_info(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_store_info *info = result;
  (void)opts;
  if (info->run_count == 0) {
    view_begin(v, VIEW_LINE);
    view_say(v, VIEW_PLAIN, "nothing was measured yet");
  }
  bool few = false;
  for (int i = 0; i < info->run_count; i++) {
    say_run(v, &info->runs[i]);
    few |= info->runs[i].used > 0 && info->runs[i].used < FEW && !isnan(info->runs[i].mean.lo);
  }
  if (!few) return;
  view_begin(v, VIEW_NOTE);
  view_say(v, VIEW_PLAIN, "fewer than ten examples: more may change these numbers much");
}

/* ---------------------------------------------------------------- two runs */

static void say_side(views *v, const char *name, const loci_compared_run *r, const char *which) {
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_BOLD, "%s", name);
  view_say(v, VIEW_PLAIN, "%s, %s%s: %d examples, %d left out", r->title, path_base(r->model),
           which, r->used, r->dropped);
  view_say(v, VIEW_DIM, "(%s, run %" PRId64 ")", path_base(r->store), r->run);
}

/* The number whose difference is the largest. */
static int strongest(const loci_compared_row *r) {
  int best = -1;
  for (int i = 0; i < r->count; i++) {
    double x = fabs(r->points[i].difference.value);
    if (!isnan(x) && (best < 0 || x > fabs(r->points[best].difference.value))) best = i;
  }
  return best;
}

static int differing(const loci_compared_row *r) {
  int n = 0;
  for (int i = 0; i < r->count; i++) n += r->points[i].q < 0.05;
  return n;
}

static void say_row(views *v, const loci_compared_row *r) {
  char text[80], a[32], b[32];
  int best = strongest(r), sure = differing(r);
  if (best < 0) return;
  const loci_compared *p = &r->points[best];
  view_begin(v, VIEW_LINE);
  view_indent(v, 0, 4);
  view_say(v, VIEW_BOLD, "%s%s%s", view_arrows(v, r->quantity), r->place[0] ? ", " : "",
           view_arrows(v, r->place));
  if (r->window > 0) view_say(v, VIEW_DIM, "window %d", r->window);
  view_begin(v, VIEW_LINE);
  view_indent(v, 4, 4);
  view_say(v, VIEW_PLAIN, "b - a %s", mean_text(&p->difference, v->ascii, text));
  if (r->count > 1) view_say(v, VIEW_PLAIN, "at %d", r->first + best);
  view_say(v, VIEW_DIM, "(%s to %s, q %.2g)", fixed_digits(p->a, 3, a), fixed_digits(p->b, 3, b),
           p->q);
  if (r->count == 1) return;
  view_say(v, VIEW_PLAIN, "; peaks at %d and %d", r->first + r->peak_a, r->first + r->peak_b);
  if (!isnan(r->spearman)) view_say(v, VIEW_PLAIN, "; rank correlation %.2f", r->spearman);
  view_say(v, VIEW_DIM, "; %d of %d differ", sure, r->count);
}

/* What differs; of the rest the first few, and how many there are. */
static void say_rows(views *v, const loci_comparison *c) {
  int alike = 0;
  for (int i = 0; i < c->row_count; i++)
    if (differing(&c->rows[i])) say_row(v, &c->rows[i]);
  for (int i = 0; i < c->row_count; i++) {
    if (differing(&c->rows[i]) || strongest(&c->rows[i]) < 0) continue;
    if (alike++ < ALIKE_SHOWN) say_row(v, &c->rows[i]);
  }
  if (alike <= ALIKE_SHOWN) return;
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_DIM, "%d further quantities do not differ; -o F.csv has all numbers.",
           alike - ALIKE_SHOWN);
}

void view_comparison(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_comparison *c = result;
  (void)opts;
  say_side(v, "a:", &c->a, c->by_right ? ", right answers" : "");
  say_side(v, "b:", &c->b, c->by_right ? ", wrong answers" : "");
  view_begin(v, VIEW_LINE);
  if (c->pairs > 0)
    view_say(v, VIEW_PLAIN, "%d pairs of examples: differences are of pairs", c->pairs);
  else
    view_say(v, VIEW_PLAIN, "no example of both: differences are of independent groups");
  view_gap(v);
  say_rows(v, c);
  view_gap(v);
  if ((c->pairs > 0 && c->pairs < FEW) || c->a.used < FEW || c->b.used < FEW) {
    view_begin(v, VIEW_NOTE);
    view_say(v, VIEW_PLAIN, "fewer than ten examples: more may change these numbers much");
  }
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_DIM,
           "Intervals are 95 %%, by bootstrap.  q: two-sided t test, corrected for %" PRId64
           " numbers after Benjamini and Hochberg; those with q < 0.05 differ.",
           c->tests);
}
