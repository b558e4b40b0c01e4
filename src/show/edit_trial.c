/* What edits do on an edit set, as JSON ("loci.edit.test/1") and as a table for a terminal. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "edit/edit.h"
#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"

/* ---------------------------------------------------------------- JSON */

static js_value *json_group(const loci_edit_group *g) {
  js_value *o = js_object(), *metrics = js_object();
  js_put(&o, "name", js_text(g->name));
  js_put(&o, "examples", js_int(g->examples));
  js_put(&o, "questions", js_int(g->questions));
  for (int i = 0; i < g->metric_count; i++) {
    js_value *m = js_object();
    js_put(&m, "before", json_interval(&g->metrics[i].before));
    js_put(&m, "after", json_interval(&g->metrics[i].after));
    js_put(&metrics, g->metrics[i].name, m);
  }
  js_put(&o, "metrics", metrics);
  return o;
}

js_value *json_edit_groups(const loci_edit_test *t) {
  js_value *groups = js_array();
  for (int i = 0; i < t->group_count; i++) js_push(&groups, json_group(&t->groups[i]));
  return groups;
}

void json_put_edit_test(js_value **to, const loci_edit_test *t) {
  js_put(to, "layer", t->layer < 0 ? js_null() : js_int(t->layer));
  js_put(to, "settings", edit_settings_json(&t->settings));
  js_put(to, "score", json_interval(&t->score));
  js_put(to, "groups", json_edit_groups(t));
}

loci_status edit_test_json(const void *result, char **out, loci_err *err) {
  const loci_edit_test *t = result;
  js_value *o = json_result("edit.test");
  json_put_sample(&o, &t->sample);
  js_put(&o, "method", js_text(t->method));
  json_put_edit_test(&o, t);
  return json_print_lines(o, out, err);
}

/* ---------------------------------------------------------------- terminal */

enum { NAME_W = 14, BEFORE_W = 8, AFTER_W = 22 };

/* What a group is, and what its first measure says. */
static const char *meaning_of(const char *name) {
  static const char *const words[][2] = {
      {"efficacy", "the question itself: answered with the target"},
      {"paraphrases", "in other words: answered with the target"},
      {"same_entity", "other pictures of the entity: answered with the target"},
      {"same_image", "other questions on the picture: answered as before"},
      {"other_images", "the question on other pictures: answered as before"},
      {"unrelated", "other questions on other pictures: answered as before"}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcmp(words[i][0], name) == 0) return words[i][1];
  }
  return "";
}

static void put_number(term *t, double x, int width) {
  char text[16] = "-";
  if (!isnan(x)) snprintf(text, sizeof text, "%.3f", x);
  term_cell(t, TERM_DIM, text, width);
}

/* The other measures of a group, in one line. */
static void put_others(term *t, const loci_edit_group *g) {
  t->indent = 4;
  term_put(t, TERM_PLAIN, "  ");
  for (int i = 1; i < g->metric_count; i++) {
    const loci_edit_metric *m = &g->metrics[i];
    if (isnan(m->after.value)) continue;
    if (isnan(m->before.value)) {
      term_format(t, TERM_DIM, "%s %.3f%s", m->name, m->after.value,
                  i + 1 < g->metric_count ? "," : "");
    } else {
      term_format(t, TERM_DIM, "%s %.3f to %.3f%s", m->name, m->before.value, m->after.value,
                  i + 1 < g->metric_count ? "," : "");
    }
  }
  t->indent = 0;
  term_newline(t);
}

static void put_group(term *t, const loci_edit_group *g) {
  char text[48];
  if (g->questions == 0) return;
  term_cell(t, TERM_BOLD, g->name, NAME_W);
  put_number(t, g->metrics[0].before.value, BEFORE_W);
  term_cell(t, TERM_PLAIN, interval_text(&g->metrics[0].after, false, t->ascii, text), AFTER_W);
  if (t->width >= NAME_W + BEFORE_W + AFTER_W + 12) {
    term_format(t, TERM_DIM, "%d question%s", g->questions, g->questions == 1 ? "" : "s");
  }
  term_newline(t);
  put_others(t, g);
}

static void put_table(term *t, const loci_edit_test *e) {
  char text[48];
  term_cell(t, TERM_DIM, "", NAME_W);
  term_cell(t, TERM_DIM, "before", BEFORE_W);
  term_cell(t, TERM_DIM, "after (95 %)", AFTER_W);
  term_newline(t);
  for (int i = 0; i < e->group_count; i++) put_group(t, &e->groups[i]);
  term_cell(t, TERM_BOLD, "together", NAME_W);
  term_cell(t, TERM_DIM, "", BEFORE_W);
  term_cell(t, TERM_PLAIN, interval_text(&e->score, false, t->ascii, text), AFTER_W);
  term_newline(t);
}

loci_status edit_test_draw(const void *result, const loci_draw_opts *opts, char **out,
                           loci_err *err) {
  const loci_edit_test *e = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  *out = NULL;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "drawing a test");
  term t = term_of(&o, mem);
  term_format(&t, TERM_BOLD, "%d example%s, edits by %s", e->sample.used,
              e->sample.used == 1 ? "" : "s", e->method);
  if (e->layer >= 0) term_format(&t, TERM_DIM, "in layer %d", e->layer);
  term_newline(&t);
  term_newline(&t);
  put_table(&t, e);
  term_newline(&t);
  for (int i = 0; i < e->group_count; i++) {
    if (e->groups[i].questions == 0) continue;
    t.indent = 2;
    term_format(&t, TERM_DIM, "%s: %s", e->groups[i].name, meaning_of(e->groups[i].name));
    term_newline(&t);
  }
  t.indent = 0;
  term_dropped(&t, &e->sample);
  term_sample(&t, &e->sample);
  loci_status st = bytes_take(&t.out, out, NULL, err);
  arena_free(mem);
  return st;
}
