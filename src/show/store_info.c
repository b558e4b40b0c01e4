/* What is in a store: as JSON ("loci.study.status/1"). */
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
