/* The way through a file of examples (see file_rewrite.h). */
#include "data/file_rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/lines.h"

typedef struct job {
  const file_rewrite *r;
  loci_data_report *counts;
  line_reader *lines;
  out_file *out; /* NULL: nothing is written */
  example_source from;
  loci_err *err;
} job;

static loci_status put(job *j, const char *text, size_t n) {
  if (!j->out) return LOCI_OK;
  j->counts->written++;
  TRY(out_file_write(j->out, text, n, j->err));
  return out_file_write(j->out, "\n", 1, j->err);
}

/* A parsed line; as it was when nothing was changed. */
static loci_status take_parsed(job *j, js_value *line, const char *text, size_t n) {
  bool keep = false, changed = false;
  char *again;
  TRY(j->r->each(j->r->ctx, line, &j->from, &keep, &changed, j->err));
  if (!keep || !j->out) return LOCI_OK;
  if (!changed) return put(j, text, n);
  TRY(js_dump(line, &again, j->err));
  loci_status st = put(j, again, strlen(again));
  free(again);
  return st;
}

static loci_status say(job *j, const char *message) {
  place at = {.line = j->from.line};
  return report_add(j->r->found, LINT_NO_EXAMPLE, &at, j->err, "%s",
                    report_plain(message, j->from.path, j->from.line));
}

static loci_status take_line(job *j, const char *text, size_t n) {
  js_value *line = NULL;
  loci_err why = {0};
  if (j->counts->read == 0 && text[strspn(text, " \t\r")] == '[')
    return fail(j->err, LOCI_EUNSUPPORTED,
                "%s: is one JSON array, an object a line is wanted (jq -c '.[]' makes it)",
                j->from.path);
  j->counts->read++;
  loci_status st = js_parse_line(text, n, j->from.path, j->from.line, &line, &why);
  if (st && !status_is_own(st)) return pass_on(&why, j->err);
  if (st) return say(j, why.msg);
  st = take_parsed(j, line, text, n);
  js_free(line);
  return st;
}

static loci_status next_line(job *j, bool *more) {
  const char *text;
  size_t n;
  loci_err why = {0};
  loci_status st = lines_next(j->lines, &text, &n, &why);
  j->from.line = lines_number(j->lines);
  *more = st == LOCI_EFORMAT || text;
  int64_t before = report_errors(j->r->found);
  if (st == LOCI_EFORMAT) { /* longer than a line may be */
    j->counts->read++;
    st = say(j, why.msg);
  } else if (st) {
    return fail(j->err, st, "%s", why.msg);
  } else if (text && strspn(text, " \t\r") < n) {
    st = take_line(j, text, n);
  }
  j->counts->bad += report_errors(j->r->found) > before;
  return st;
}

static loci_status take_all(job *j) {
  bool more = true;
  while (more) {
    TRY(next_line(j, &more));
    if (j->from.line % 64 || !j->r->progress) continue;
    if (!j->r->progress(j->r->progress_ctx, j->r->stage, lines_share(j->lines), 1))
      return fail(j->err, LOCI_ECANCELLED, "stopped");
  }
  return LOCI_OK;
}

loci_status file_rewrite_run(const file_rewrite *r, loci_err *err) {
  size_t n = (size_t)(path_base(r->path) - r->path);
  char *folder = strndup(r->path, n > 1 ? n - 1 : n); /* no slash; the root keeps its own */
  job j = {
      .r = r, .counts = report_view(r->found), .from = {r->path, folder, "line", 0}, .err = err};
  loci_status st = folder ? LOCI_OK : fail_nomem(err, r->path);
  if (st) goto done;
  TRY_DONE(lines_open(r->path, EXAMPLE_LINE_MAX, &j.lines, err));
  if (r->out) TRY_DONE(out_file_open(r->out, &j.out, err));
  TRY_DONE(take_all(&j));
  if (j.out) {
    st = out_file_keep(j.out, err);
    j.out = NULL;
  }
done:
  out_file_drop(j.out);
  lines_close(j.lines);
  free(folder);
  return st;
}
