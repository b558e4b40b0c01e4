/* edit_tests_read: results of edit tests, read again to stand beside each other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "base/file.h"
#include "base/utf8.h"
#include "edit/edit.h"
#include "model/command.h"

enum { MOST_TESTS = 16, MOST_GROUPS = 16, FILE_LIMIT = 1 << 26 };

static loci_status copy_text(arena *mem, const char *s, const char **out, loci_err *err) {
  *out = arena_strdup(mem, s);
  return *out ? LOCI_OK : fail_nomem(err, "reading a test of edits");
}

/* null: there is no value. */
static loci_status read_interval(const js_value *v, const char *path, loci_interval *out,
                                 loci_err *err) {
  *out = (loci_interval){(double)NAN, (double)NAN, (double)NAN};
  if (js_kind_of(v) == JS_NULL) return LOCI_OK;
  TRY(js_get_real(v, "value", path, &out->value, err));
  TRY(js_get_real(v, "lo", path, &out->lo, err));
  TRY(js_get_real(v, "hi", path, &out->hi, err));
  const double all[] = {out->value, out->lo, out->hi};
  for (int i = 0; i < 3; i++) {
    if (all[i] < 0 || all[i] > 1)
      return fail(err, LOCI_EFORMAT, "%s: %g is no share of answers", path, all[i]);
  }
  return LOCI_OK;
}

/* The share of free answers: right ones, or those that stayed. */
static const js_value *free_answers(const js_value *metrics, const char **name) {
  static const char *const names[] = {"free", "unchanged"};
  for (int i = 0; i < 2; i++) {
    const js_value *v = js_get(metrics, *name = names[i]);
    if (v) return v;
  }
  return NULL;
}

/* The group's free answers alone. */
static loci_status read_group(const js_value *v, const char *path, arena *mem, loci_edit_group *out,
                              loci_err *err) {
  const js_value *metrics = js_get(v, "metrics");
  const char *name = "", *key;
  const js_value *metric = free_answers(metrics, &key);
  int64_t examples = 0, questions = 0;
  loci_edit_metric *m = arena_zarray(mem, 1, loci_edit_metric);
  if (!m) return fail_nomem(err, "reading a test of edits");
  TRY(js_get_text(v, "name", path, &name, err));
  TRY(js_get_int(v, "examples", path, 0, 1 << 30, &examples, err));
  TRY(js_get_int(v, "questions", path, 0, 1 << 30, &questions, err));
  if (!metric) {
    return fail(err, LOCI_EFORMAT, "%s: the group \"%.40s\" has no free answers", path, name);
  }
  TRY(copy_text(mem, key, &m->name, err));
  TRY(read_interval(js_get(metric, "before"), path, &m->before, err));
  TRY(read_interval(js_get(metric, "after"), path, &m->after, err));
  *out = (loci_edit_group){
      .examples = (int)examples, .questions = (int)questions, .metric_count = 1, .metrics = m};
  TRY(copy_text(mem, name, &out->name, err));
  utf8_make_printable((char *)(uintptr_t)out->name);
  return LOCI_OK;
}

/* A test in which no group has a number is a file of another kind, or of examples that were all
 * dropped; a row of dashes in a comparison would not say so. */
static loci_status read_groups(const js_value *v, const char *path, arena *mem, loci_edit_test *out,
                               loci_err *err) {
  int64_t n = js_count(v);
  if (js_kind_of(v) != JS_ARRAY || n < 1 || n > MOST_GROUPS) {
    return fail(err, LOCI_EFORMAT, "%s: is not a test of edits: it has no groups", path);
  }
  loci_edit_group *groups = arena_zarray(mem, n, loci_edit_group);
  if (!groups) return fail_nomem(err, "reading a test of edits");
  for (int64_t i = 0; i < n; i++) TRY(read_group(js_at(v, i), path, mem, &groups[i], err));
  out->groups = groups;
  out->group_count = (int)n;
  for (int64_t i = 0; i < n; i++) {
    if (!isnan(groups[i].metrics[0].after.value)) return LOCI_OK;
  }
  return fail(err, LOCI_EFORMAT, "%s: none of its groups has a number", path);
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
  TRY(read_interval(js_get(v, "score"), path, &out->score, err));
  TRY(read_groups(js_get(v, "groups"), path, mem, out, err));
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

/* All have the groups of the first, in its order. */
static loci_status check_groups(const loci_edit_test *first, const loci_edit_test *t,
                                const char *path, loci_err *err) {
  bool same = first->group_count == t->group_count;
  for (int g = 0; same && g < t->group_count; g++)
    same = strcmp(first->groups[g].name, t->groups[g].name) == 0;
  return same ? LOCI_OK
              : fail(err, LOCI_EFORMAT, "%s: its groups are not those of the first file", path);
}

/* Tests are compared group by group, so all must have the groups of the first. */
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
    if (!st) st = check_groups(&all[0], &all[i], paths[i], err);
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
