/* Numbers of tests of edits by name, as tables and bars (see view_edits.h). */
#include "show/view_edits.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"

enum { NAME_MIN = 10, NAME_MAX = 26, CELL_W = 10, MOST_NUMBERS = 16 };

const edit_number edits_changed[] = {{"efficacy", NULL, "efficacy", "efficacy"},
                                     {"paraphrases", NULL, "paraphr.", "paraphrases"},
                                     {"same_entity", NULL, "render.", "other\nrenderings"},
                                     {"portability", NULL, "port.", "portability"},
                                     {"fact_check", NULL, "fact", "fact\ncheck"},
                                     {NULL, "score", "together", "harmonic\nmean"},
                                     {NULL, NULL, NULL, NULL}},
                  edits_stayed[] = {{"other_images", NULL, "q1 i2", "question,\nother\npictures"},
                                    {"unrelated_images", NULL, "q1 i3",
                                     "question,\nunrelated\npictures"},
                                    {"no_image", NULL, "q1 none", "question,\nno\npicture"},
                                    {"similar", NULL, "q2 i1", "similar,\nsame\npicture"},
                                    {"similar_other_images", NULL, "q2 i2",
                                     "similar,\nother\npictures"},
                                    {"similar_no_image", NULL, "q2 none", "similar,\nno\npicture"},
                                    {"same_image", NULL, "q3 i1", "unrelated,\nsame\npicture"},
                                    {"unrelated", NULL, "q3 i3", "unrelated,\nits\npicture"},
                                    {"text_only", NULL, "text", "text\nalone"},
                                    {NULL, NULL, NULL, NULL}},
                  edits_whole[] = {{NULL, "proper", "proper", "scope:\nproper"},
                                   {NULL, "under", "under", "scope:\nunder"},
                                   {NULL, "over", "over", "scope:\nover"},
                                   {NULL, "both", "both", "scope:\nboth"},
                                   {NULL, "blindness", "blind", "transient\nblindness"},
                                   {NULL, NULL, NULL, NULL}};

static const struct group_words {
  const char *name, *title, *meaning;
} groups[] = {
    {"efficacy", "efficacy", "the question itself: answered with the target"},
    {"paraphrases", "paraphrases", "in other words: answered with the target"},
    {"same_entity", "other renderings", "other pictures of the entity: answered with the target"},
    {"same_image", "same picture", "other questions on the picture: answered as before"},
    {"other_images", "other pictures", "the question on other pictures: answered as before"},
    {"unrelated", "unrelated", "other questions on other pictures: answered as before"},
    {"unrelated_images", "unrelated pictures",
     "the question on unrelated pictures: answered as before"},
    {"no_image", "no picture", "the question without a picture: answered as before"},
    {"similar", "similar", "similar questions on the picture: answered as before"},
    {"similar_other_images", "similar, other pictures",
     "similar questions on other pictures: answered as before"},
    {"similar_no_image", "similar, no picture",
     "similar questions without a picture: answered as before"},
    {"text_only", "text alone", "questions without a picture: answered as before"},
    {"portability", "portability", "what follows from the target: answered with it"},
    {"fact_check", "fact check", "yes or no: as the target wants it, balanced"},
};
enum { GROUPS = sizeof groups / sizeof *groups };

static const struct group_words *words_of(const char *name) {
  static const struct group_words unknown = {"", "", ""};
  for (int i = 0; i < GROUPS; i++) {
    if (strcmp(groups[i].name, name) == 0) return &groups[i];
  }
  return &unknown;
}
const char *edit_group_title(const char *group) { return words_of(group)->title; }
const char *edit_group_meaning(const char *group) { return words_of(group)->meaning; }

/* ---------------------------------------------------------------- numbers by name */

static const loci_interval nothing = {(double)NAN, (double)NAN, (double)NAN};

static const loci_edit_metric *named_metric(const loci_edit_test *t, const edit_number *x) {
  for (int g = 0; g < t->group_count; g++) {
    const loci_edit_group *from = &t->groups[g];
    if (strcmp(from->name, x->group) != 0) continue;
    for (int i = 0; i < from->metric_count; i++) {
      if (!x->metric || strcmp(from->metrics[i].name, x->metric) == 0) return &from->metrics[i];
    }
  }
  return NULL;
}

static loci_interval number_of(const loci_edit_test *t, const edit_number *x, bool before) {
  if (x->group) {
    const loci_edit_metric *m = named_metric(t, x);
    return !m ? nothing : before ? m->before : m->after;
  }
  if (strcmp(x->metric, "score") == 0) return before ? nothing : t->score;
  for (int i = 0; i < t->measure_count; i++) {
    const loci_edit_measure *m = &t->measures[i];
    if (strcmp(m->name, x->metric) == 0) return before ? m->before : m->after;
  }
  return nothing;
}
loci_interval edit_after(const loci_edit_test *t, const edit_number *x) {
  return number_of(t, x, false);
}
loci_interval edit_before(const loci_edit_test *t, const edit_number *x) {
  return number_of(t, x, true);
}

static bool is_end(const edit_number *x) { return !x->group && !x->metric; }

/* Those that any test has. */
static int numbers_there(const edit_number *list, const loci_edit_test *const *tests, int count,
                         const edit_number *out[MOST_NUMBERS]) {
  int n = 0;
  for (const edit_number *x = list; !is_end(x) && n < MOST_NUMBERS; x++) {
    bool any = false;
    for (int i = 0; i < count; i++) any |= !isnan(edit_after(tests[i], x).value);
    if (any) out[n++] = x;
  }
  return n;
}

/* ---------------------------------------------------------------- tables */

static int width_of_names(const char *const *names, int count) {
  int wide = NAME_MIN;
  for (int i = 0; i < count; i++) {
    int n = utf8_columns(names[i], strlen(names[i])) + 2;
    if (n > wide) wide = n < NAME_MAX ? n : NAME_MAX;
  }
  return wide;
}

void edit_table(views *v, const char *title, const char *const *names,
                const loci_edit_test *const *tests, int count, const edit_number *list) {
  const edit_number *shown[MOST_NUMBERS];
  int n = numbers_there(list, tests, count, shown);
  view_columns *all = view_array(v, 1, view_columns);
  view_column *c = view_array(v, n + 1, view_column);
  if (v->status || n == 0) return;
  c[0] = (view_column){title, width_of_names(names, count), false, false};
  for (int i = 0; i < n; i++)
    c[i + 1] = (view_column){shown[i]->brief, CELL_W - (i + 1 == n) * 2, false, i + 1 == n};
  *all = (view_columns){n + 1, c};
  view_row_of_titles(v, all);
  for (int k = 0; k < count; k++) {
    view_row(v, all);
    view_cell_of(v, VIEW_BOLD, "%s", names[k]);
    for (int i = 0; i < n; i++) {
      double x = edit_after(tests[k], shown[i]).value;
      if (isnan(x)) view_cell_of(v, VIEW_PLAIN, "-");
      if (!isnan(x)) view_cell_of(v, i + 1 < n ? VIEW_PLAIN : VIEW_BOLD, "%.2f", x);
    }
  }
}

/* ---------------------------------------------------------------- bars */

static int count_of(const loci_edit_test *t, const edit_number *x) {
  for (int g = 0; x->group && g < t->group_count; g++)
    if (strcmp(t->groups[g].name, x->group) == 0) return t->groups[g].questions;
  for (int i = 0; !x->group && i < t->measure_count; i++)
    if (strcmp(t->measures[i].name, x->metric) == 0) return t->measures[i].examples;
  return t->sample.used;
}

static void put_interval(double *values, int count, int i, loci_interval x) {
  values[i] = x.value;
  values[count + i] = x.lo;
  values[2 * count + i] = x.hi;
}

void edit_draw_bars(views *v, const edit_bars *b, const char *const *names,
                    const loci_edit_test *const *tests, int count) {
  static const char *const both[] = {"before", "after"};
  const edit_number *shown[MOST_NUMBERS];
  int n = numbers_there(b->list, tests, count, shown), m = b->before ? 2 : count;
  const char **below = view_array(v, n + 1, const char *);
  const char **notes = view_array(v, n + 1, const char *);
  view_series *series = view_array(v, m, view_series);
  double *values = view_array(v, 3 * (int64_t)n * m + 1, double);
  view_bars *drawn = view_array(v, 1, view_bars);
  if (v->status || n == 0) return;
  for (int i = 0; i < n; i++) {
    below[i] = shown[i]->broken;
    notes[i] = view_format(v, "n %d", count_of(tests[0], shown[i]));
  }
  for (int k = 0; k < m; k++) {
    const loci_edit_test *t = tests[b->before ? 0 : k];
    double *x = values + 3 * (int64_t)n * k;
    series[k] = (view_series){
        .name = b->before ? both[k] : names[k], .values = x, .lo = x + n, .hi = x + 2 * n};
    for (int i = 0; i < n; i++) put_interval(x, n, i, number_of(t, shown[i], b->before && k == 0));
  }
  *drawn = (view_bars){.unit = b->unit,
                       .group_count = n,
                       .groups = below,
                       .notes = b->before ? notes : NULL,
                       .series_count = m,
                       .series = series,
                       .no_legend = !b->legend,
                       .mark = (double)NAN};
  view_draw(v, VIEW_BARS, VIEW_PAGE | VIEW_HTML, false, drawn);
}

void edit_say_shares(views *v, const char *lines, bool whole) {
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_PAGE);
  view_say(v, VIEW_DIM,
           "Free answers: what should change is answered with the new answer, what should stay as "
           "before the edit.");
  if (whole)
    view_say(v, VIEW_DIM,
             "Scope, of edits whose question is answered with the target: proper reach every "
             "wording and rendering and move nothing else, under miss some, over move something. "
             "Blindness: the question on other pictures is answered with the target.");
  view_say(v, VIEW_DIM, "Means over examples, %s are 95 %% intervals.", lines);
}
