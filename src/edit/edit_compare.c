/* edit_tests_read: results of edit tests, read again to stand beside each other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "base/file.h"
#include "base/utf8.h"
#include "edit/trial.h"
#include "model/command.h"

enum { MOST_TESTS = 16, FILE_LIMIT = 1 << 26 };

static loci_status copy_text(arena *mem, const char *s, const char **out, loci_err *err) {
  *out = arena_strdup(mem, s);
  return *out ? LOCI_OK : fail_nomem(err, "reading a test of edits");
}

static const loci_interval nothing = {(double)NAN, (double)NAN, (double)NAN};

/* null: there is no value. */
static loci_status read_interval(const js_value *v, const char *path, double most,
                                 loci_interval *out, loci_err *err) {
  *out = nothing;
  if (js_kind_of(v) == JS_NULL) return LOCI_OK;
  TRY(js_get_real(v, "value", path, &out->value, err));
  TRY(js_get_real(v, "lo", path, &out->lo, err));
  TRY(js_get_real(v, "hi", path, &out->hi, err));
  const double all[] = {out->value, out->lo, out->hi};
  for (int i = 0; i < 3; i++) {
    if (all[i] < 0 || all[i] > most)
      return fail(err, LOCI_EFORMAT, "%s: %g is no share of answers", path, all[i]);
  }
  return LOCI_OK;
}

/* What a comparison shows of a group beside its first metric. */
static const char *const further[] = {"kl", "top1", "top10"};
enum { FURTHER = sizeof further / sizeof *further };

static loci_status read_metric(const js_value *metrics, const char *name, const char *path,
                               loci_edit_metric *out, loci_err *err) {
  const js_value *v = js_get(metrics, name);
  double most = strcmp(name, "kl") == 0 ? HUGE_VAL : 1;
  out->name = name;
  TRY(read_interval(js_get(v, "before"), path, most, &out->before, err));
  return read_interval(js_get(v, "after"), path, most, &out->after, err);
}

static loci_status read_count(const js_value *v, const char *key, const char *path, int *out,
                              loci_err *err) {
  int64_t x = 0;
  TRY(js_get_int(v, key, path, 0, 1 << 30, &x, err));
  *out = (int)x;
  return LOCI_OK;
}

/* The group's free answers, and how far it has moved. */
static loci_status read_group(const js_value *v, const char *path, loci_edit_group *all,
                              loci_err *err) {
  const js_value *metrics = js_get(v, "metrics");
  const char *name = "";
  int g = 0;
  TRY(js_get_text(v, "name", path, &name, err));
  while (g < GROUPS && strcmp(trial_groups[g].name, name) != 0) g++;
  if (g == GROUPS)
    return fail(err, LOCI_EFORMAT, "%s: \"%.40s\" is no group of edit test", path, name);
  const char *first = metric_names[trial_groups[g].kind][0];
  if (!js_get(metrics, first))
    return fail(err, LOCI_EFORMAT, "%s: the group \"%.40s\" has no free answers", path, name);
  loci_edit_group *out = &all[g];
  loci_edit_metric *m = (loci_edit_metric *)(uintptr_t)out->metrics;
  out->metric_count = 0;
  TRY(read_count(v, "examples", path, &out->examples, err));
  TRY(read_count(v, "questions", path, &out->questions, err));
  TRY(read_metric(metrics, first, path, &m[out->metric_count++], err));
  for (int i = 0; i < FURTHER; i++) {
    if (js_get(metrics, further[i]))
      TRY(read_metric(metrics, further[i], path, &m[out->metric_count++], err));
  }
  return LOCI_OK;
}

/* Every group, without a question to begin with. */
static loci_edit_group *no_groups(arena *mem) {
  loci_edit_group *all = arena_zarray(mem, GROUPS, loci_edit_group);
  for (int g = 0; g < GROUPS && all; g++) {
    loci_edit_metric *m = arena_zarray(mem, 1 + FURTHER, loci_edit_metric);
    if (!m) return NULL;
    *m = (loci_edit_metric){metric_names[trial_groups[g].kind][0], nothing, nothing};
    all[g] = (loci_edit_group){.name = trial_groups[g].name, .metric_count = 1, .metrics = m};
  }
  return all;
}

/* A test in which no group has a number is a file of another kind, or of examples that were all
 * dropped; a row of dashes in a comparison would not say so.  One of an earlier version has fewer
 * groups. */
static loci_status read_groups(const js_value *v, const char *path, arena *mem, loci_edit_test *out,
                               loci_err *err) {
  int64_t n = js_count(v);
  if (js_kind_of(v) != JS_ARRAY || n < 1 || n > GROUPS) {
    return fail(err, LOCI_EFORMAT, "%s: is not a test of edits: it has no groups", path);
  }
  loci_edit_group *groups = no_groups(mem);
  if (!groups) return fail_nomem(err, "reading a test of edits");
  for (int64_t i = 0; i < n; i++) TRY(read_group(js_at(v, i), path, groups, err));
  out->groups = groups;
  out->group_count = GROUPS;
  for (int g = 0; g < GROUPS; g++) {
    if (!isnan(groups[g].metrics[0].after.value)) return LOCI_OK;
  }
  return fail(err, LOCI_EFORMAT, "%s: none of its groups has a number", path);
}

/* A file of an earlier version has none. */
static loci_status read_measures(const js_value *v, const char *path, arena *mem,
                                 loci_edit_test *out, loci_err *err) {
  loci_edit_measure *all = arena_zarray(mem, MEASURES, loci_edit_measure);
  if (!all) return fail_nomem(err, "reading a test of edits");
  for (int i = 0; i < MEASURES; i++) {
    const js_value *one = js_get(v, measure_names[i]);
    all[i] = (loci_edit_measure){measure_names[i], 0, nothing, nothing};
    if (!one) continue;
    TRY(read_count(one, "examples", path, &all[i].examples, err));
    TRY(read_interval(js_get(one, "before"), path, 1, &all[i].before, err));
    TRY(read_interval(js_get(one, "after"), path, 1, &all[i].after, err));
  }
  out->measures = all;
  out->measure_count = MEASURES;
  return LOCI_OK;
}

/* Only what a comparison shows is read; files of later versions with more fields are read, too. */
static loci_status read_test(const js_value *v, const char *path, arena *mem, loci_edit_test *out,
                             loci_err *err) {
  const char *format = "", *method = "";
  int64_t layer = -1, used = 0;
  TRY(js_get_text(v, "format", path, &format, err));
  if (strcmp(format, "loci.edit.test/1") != 0) {
    return fail(err, LOCI_EFORMAT,
                "%s: is \"%.60s\", expected loci.edit.test/1 (of loci edit test)", path, format);
  }
  TRY(js_get_text(v, "method", path, &method, err));
  TRY(js_get_int(v, "layer", path, 0, 1 << 20, &layer, err));
  TRY(js_get_int(js_get(v, "sample"), "used", path, 0, 1 << 30, &used, err));
  TRY(read_interval(js_get(v, "score"), path, 1, &out->score, err));
  TRY(read_groups(js_get(v, "groups"), path, mem, out, err));
  TRY(read_measures(js_get(v, "measures"), path, mem, out, err));
  out->layer = (int)layer;
  out->sample.used = (int)used;
  return copy_text(mem, method, &out->method, err);
}

/* "multedit" of "results/multedit.json" */
static loci_status name_of(const char *path, arena *mem, const char **out, loci_err *err) {
  const char *base = path_base(path), *dot = strrchr(base, '.');
  char *name = arena_strndup(mem, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
  if (!name) return fail_nomem(err, "reading a test of edits");
  utf8_make_printable(name);
  *out = name;
  return LOCI_OK;
}

/* All or none: a table with a method left out would be read as one that was not tried. */
static loci_status read_all(loci_edit_tests *out, const char *const *paths, int count,
                            loci_err *err) {
  arena *mem = out->result.memory;
  const char **names = arena_zarray(mem, count, const char *);
  loci_edit_test *all = arena_zarray(mem, count, loci_edit_test);
  const loci_edit_test **tests = arena_zarray(mem, count, const loci_edit_test *);
  if (!names || !all || !tests) return fail_nomem(err, "reading a test of edits");
  for (int i = 0; i < count; i++) {
    js_value *v;
    TRY(js_parse_file(paths[i], FILE_LIMIT, &v, err));
    loci_status st = read_test(v, paths[i], mem, &all[i], err);
    js_free(v);
    if (!st) st = name_of(paths[i], mem, &names[i], err);
    if (st) return st;
    all[i].result.kind = LOCI_KIND_EDIT_TEST;
    tests[i] = &all[i];
  }
  out->count = count;
  out->names = names;
  out->tests = tests;
  return LOCI_OK;
}

static loci_status tell(loci_edit_tests *made, const char *const *paths, int count, loci_err *err) {
  command_words words = {.name = "edit compare", .words = paths, .word_count = count};
  js_value *request = js_object(), *files = js_array();
  for (int i = 0; i < count; i++) {
    js_push(&files, js_text(paths[i]));
    words.cannot |= paths[i][0] == '-';
  }
  js_put(&request, "files", files);
  return request_tell(&words, request, &made->result, err);
}

loci_status edit_tests_read(const char *const *paths, int count, loci_edit_tests **out,
                            loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(paths, "paths");
  if (count < 1 || count > MOST_TESTS) {
    return fail(err, LOCI_EINVAL, "%d tests of edits, expected 1 to %d", count, MOST_TESTS);
  }
  for (int i = 0; i < count; i++) NEEDS(paths[i], "path");
  loci_edit_tests *made = result_new(LOCI_KIND_EDIT_TESTS, sizeof *made);
  if (!made) return fail_nomem(err, "reading a test of edits");
  loci_status st = read_all(made, paths, count, err);
  if (!st) st = tell(made, paths, count, err);
  if (st) {
    loci_free(made);
    return st;
  }
  *out = made;
  return LOCI_OK;
}
