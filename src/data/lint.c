/* A file of examples, checked line by line (see check.h), and written again with repairs. */
#include "base/options.h"
#include "data/check.h"
#include "data/file_rewrite.h"

enum { MAX_ANSWER = 20 };

static loci_status check_line(void *ctx, js_value *line, const example_source *from, bool *keep,
                              bool *changed, loci_err *err) {
  return check_example(ctx, line, from, keep, changed, err);
}

static loci_status tell(const checker *c, const char *path, bool fix, loci_err *err) {
  command_words words = {.name = "data lint"};
  js_value *request = js_object();
  if (c->model) words = command_of("data lint", c->model);
  if (c->model) request_put_model(&request, c->model);
  if (c->model) js_put(&request, "max_new", js_int(c->max_answer));
  words.file = path;
  if (c->no_images) js_put(&request, "no_images", js_bool(true));
  if (fix) js_put(&request, "fix", js_bool(true));
  return report_tell(c->found, &words, request, err);
}

loci_status loci_data_lint(const char *path, const loci_lint_opts *opts, loci_data_report **out,
                           loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(path, "path");
  loci_lint_opts o;
  TRY(options_take(loci_lint_opts, &o, opts, err));
  checker c = {.model = o.model,
               .max_answer = o.max_answer ? o.max_answer : MAX_ANSWER,
               .no_images = o.no_images};
  TRY(report_new("lint", path, o.out, &c.found, err));
  file_rewrite r = {path, o.out, "lint", c.found, check_line, &c, o.progress, o.progress_ctx};
  c.before = key_set_new();
  loci_status st = c.before ? file_rewrite_run(&r, err) : fail_nomem(err, path);
  if (!st) st = tell(&c, path, o.out != NULL, err);
  key_set_free(c.before);
  if (st) {
    loci_free(c.found);
  } else {
    *out = report_done(c.found);
  }
  return st;
}
