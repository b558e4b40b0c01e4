/* What is in a store: as JSON ("loci.study.status/1") and for a terminal. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "show/formats.h"
#include "show/json_parts.h"
#include "show/study_parts.h"

/* ---------------------------------------------------------------- JSON */

static js_value *json_tallies(const loci_run_info *r) {
  js_value *list = js_array();
  for (int i = 0; i < r->tally_count; i++) {
    js_value *o = js_object();
    js_put(&o, "kind", js_text(r->tallies[i].kind));
    js_put(&o, "count", js_int(r->tallies[i].count));
    js_put(&o, "first_line", js_int(r->tallies[i].first_line));
    js_put(&o, "first_reason", js_text(r->tallies[i].first_reason));
    js_push(&list, o);
  }
  return list;
}

static js_value *json_run(const loci_run_info *r) {
  js_value *o = js_object(), *settings = NULL, *headline = js_object();
  if (js_parse(r->settings, strlen(r->settings), "settings", &settings, NULL)) settings = js_null();
  js_put(&o, "run", js_int(r->id));
  js_put(&o, "what", js_text(r->what));
  js_put(&o, "settings", settings);
  js_put(&o, "model", json_model(&r->model, r->hash));
  js_put(&o, "data", js_text(r->data));
  js_put(&o, "created", js_text(r->created));
  js_put(&o, "used", js_int(r->used));
  js_put(&o, "right", js_int(r->right));
  js_put(&o, "wrong", js_int(r->wrong));
  js_put(&o, "dropped", js_int(r->dropped));
  js_put(&o, "reasons", json_tallies(r));
  js_put(&headline, "name", js_text(r->headline));
  js_put(&headline, "value", js_real(r->mean.value));
  js_put(&headline, "lo", js_real(r->mean.lo));
  js_put(&headline, "hi", js_real(r->mean.hi));
  js_put(&o, "mean", headline);
  js_put(&o, "seconds", js_real(r->seconds));
  return o;
}

loci_status store_info_json(const void *result, char **out, loci_err *err) {
  const loci_store_info *info = result;
  js_value *o = json_result("study.status"), *runs = js_array();
  js_put(&o, "store", js_text(info->path));
  js_put(&o, "examples", js_int(info->examples));
  for (int i = 0; i < info->run_count; i++) js_push(&runs, json_run(&info->runs[i]));
  js_put(&o, "runs", runs);
  return json_print_lines(o, out, err);
}

/* ---------------------------------------------------------------- terminal */

/* "corrupt replace:Paris" out of "corrupt": "replace:Paris"; lists with blanks between. */
static void put_setting(term *t, const char *key, const js_value *v) {
  char text[200];
  int n = snprintf(text, sizeof text, ", %s", key);
  int64_t count = js_kind_of(v) == JS_ARRAY ? js_count(v) : 1, number;
  for (int64_t i = 0; i < count && n < 120; i++) {
    const js_value *x = js_kind_of(v) == JS_ARRAY ? js_at(v, i) : v;
    const char *word = js_text_of(x, NULL);
    if (word) n += snprintf(text + n, sizeof text - (size_t)n, " %.60s", word);
    if (js_int_of(x, &number))
      n += snprintf(text + n, sizeof text - (size_t)n, " %" PRId64, number);
  }
  term_format(t, TERM_DIM, "%s", text + 2);
  term_put(t, TERM_DIM, ",");
}

static void put_settings(term *t, const loci_run_info *r) {
  const char *key;
  const js_value *v;
  js_value *all;
  if (js_parse(r->settings, strlen(r->settings), "settings", &all, NULL)) return;
  for (void *it = js_first(all, &key, &v); it; it = js_next(all, it, &key, &v)) {
    if (strcmp(key, "what") != 0 && strcmp(key, "model") != 0) put_setting(t, key, v);
  }
  js_free(all);
  term_format(t, TERM_DIM, "%s %s, %s", path_base(r->model.path), r->hash, path_base(r->data));
  term_newline(t);
}

static void put_tallies(term *t, const loci_run_info *r) {
  for (int i = 0; i < r->tally_count; i++) {
    const loci_tally *x = &r->tallies[i];
    bool told = strcmp(x->kind, x->first_reason) != 0;
    term_put(t, TERM_PLAIN, "  ");
    term_format(t, TERM_PLAIN, "%" PRId64 " %s,", x->count, x->kind);
    term_format(t, TERM_DIM, "the first in line %" PRId64 "%s", x->first_line, told ? ":" : "");
    if (told) term_words(t, TERM_DIM, x->first_reason);
    term_newline(t);
  }
}

static void put_run(term *t, const loci_run_info *r) {
  char text[80];
  term_format(t, TERM_BOLD, "run %" PRId64 ", %s:", r->id, r->what);
  term_format(t, TERM_PLAIN, "%" PRId64 " examples used, %" PRId64 " dropped%s", r->used,
              r->dropped, isnan(r->mean.value) || r->right + r->wrong > 0 ? "" : ",");
  if (r->right + r->wrong > 0)
    term_format(t, TERM_PLAIN, "(%" PRId64 " answered rightly, %" PRId64 " wrongly)%s", r->right,
                r->wrong, isnan(r->mean.value) ? "" : ",");
  if (!isnan(r->mean.value))
    term_format(t, TERM_PLAIN, "%s %s", r->headline, mean_text(&r->mean, t->ascii, text));
  if (r->used > 0)
    term_format(t, TERM_DIM, "(%.0f s, %.2f s an example)", r->seconds,
                r->seconds / (double)(r->used + r->dropped));
  term_newline(t);
  t->indent = 4;
  put_tallies(t, r);
  t->indent = 2;
  term_put(t, TERM_PLAIN, "  ");
  put_settings(t, r);
  t->indent = 0;
}

loci_status store_info_draw(const void *result, const loci_draw_opts *opts, char **out,
                            loci_err *err) {
  const loci_store_info *info = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  *out = NULL;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "describing a store");
  term t = term_of(&o, mem);
  if (info->run_count == 0) {
    term_words(&t, TERM_PLAIN, "nothing was measured yet");
    term_newline(&t);
  }
  for (int i = 0; i < info->run_count; i++) put_run(&t, &info->runs[i]);
  loci_status st = bytes_take(&t.out, out, NULL, err);
  arena_free(mem);
  return st;
}
