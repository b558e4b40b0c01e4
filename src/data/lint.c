/* A file of examples, checked line by line (see check.h), and written again with repairs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/lines.h"
#include "data/check.h"

enum { MAX_ANSWER = 20 };

typedef struct linter {
  const loci_lint_opts *o;
  checker check;
  loci_data_report *counts;
  line_reader *lines;
  out_file *out; /* NULL: nothing is written */
  example_source from;
  loci_err *err;
} linter;

static loci_status put(linter *l, const char *text, size_t n) {
  if (!l->out) return LOCI_OK;
  l->counts->written++;
  TRY(out_file_write(l->out, text, n, l->err));
  return out_file_write(l->out, "\n", 1, l->err);
}

/* A parsed line; as it was when nothing had to be repaired. */
static loci_status lint_parsed(linter *l, js_value *line, const char *text, size_t n) {
  bool keep, changed;
  char *repaired;
  TRY(check_example(&l->check, line, &l->from, &keep, &changed, l->err));
  if (!keep || !l->out) return LOCI_OK;
  if (!changed) return put(l, text, n);
  TRY(js_dump(line, &repaired, l->err));
  loci_status st = put(l, repaired, strlen(repaired));
  free(repaired);
  return st;
}

static loci_status say(linter *l, const char *message) {
  place at = {.line = l->from.line};
  return report_add(l->check.found, QUIRK_NO_EXAMPLE, &at, l->err, "%s",
                    report_plain(message, l->from.path, l->from.line));
}

static loci_status lint_line(linter *l, const char *text, size_t n) {
  js_value *line = NULL;
  loci_err why = {0};
  l->counts->read++;
  loci_status st = js_parse_line(text, n, l->from.path, l->from.line, &line, &why);
  if (st == LOCI_ENOMEM) return fail_nomem(l->err, l->from.path);
  if (st) return say(l, why.msg);
  st = lint_parsed(l, line, text, n);
  js_free(line);
  return st;
}

static loci_status next_line(linter *l, bool *more) {
  const char *text;
  size_t n;
  loci_err why = {0};
  loci_status st = lines_next(l->lines, &text, &n, &why);
  l->from.line = lines_number(l->lines);
  *more = st == LOCI_EFORMAT || text;
  int64_t before = report_errors(l->check.found);
  if (st == LOCI_EFORMAT) { /* longer than a line may be */
    l->counts->read++;
    st = say(l, why.msg);
  } else if (st) {
    return fail(l->err, st, "%s", why.msg);
  } else if (text && strspn(text, " \t\r") < n) {
    st = lint_line(l, text, n);
  }
  l->counts->bad += report_errors(l->check.found) > before;
  return st;
}

static loci_status lint_all(linter *l) {
  bool more = true;
  while (more) {
    TRY(next_line(l, &more));
    if (l->from.line % 64 || !l->o->progress) continue;
    if (!l->o->progress(l->o->progress_ctx, "lint", lines_share(l->lines), 1))
      return fail(l->err, LOCI_ECANCELLED, "stopped");
  }
  return LOCI_OK;
}

static loci_status open_all(linter *l, const char *path, char **folder) {
  size_t n = (size_t)(path_base(path) - path);
  *folder = strndup(path, n > 1 ? n - 1 : n); /* without the slash; the root keeps its own */
  l->check.before = seen_new();
  if (!*folder || !l->check.before) return fail_nomem(l->err, path);
  l->from = (example_source){path, *folder, "line", 0};
  TRY(report_new("lint", path, l->o->out, &l->check.found, l->err));
  l->counts = report_view(l->check.found);
  TRY(lines_open(path, EXAMPLE_LINE_MAX, &l->lines, l->err));
  return l->o->out ? out_file_open(l->o->out, &l->out, l->err) : LOCI_OK;
}

loci_status loci_data_lint(const char *path, const loci_lint_opts *opts, loci_data_report **out,
                           loci_err *err) {
  static const loci_lint_opts none;
  linter l = {.o = opts ? opts : &none, .err = err};
  char *folder = NULL;
  loci_status st;
  *out = NULL;
  l.check.model = l.o->model;
  l.check.max_answer = l.o->max_answer ? l.o->max_answer : MAX_ANSWER;
  l.check.no_images = l.o->no_images;
  TRY_DONE(open_all(&l, path, &folder));
  TRY_DONE(lint_all(&l));
  if (l.out) {
    st = out_file_keep(l.out, err);
    l.out = NULL;
    if (st) goto done;
  }
  *out = report_done(l.check.found);
  l.check.found = NULL;
done:
  out_file_drop(l.out);
  lines_close(l.lines);
  seen_free(l.check.before);
  report_free(l.check.found);
  free(folder);
  return st;
}
