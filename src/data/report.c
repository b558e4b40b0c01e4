/* The findings about a file (see report.h). */
#include "data/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "base/utf8.h"

enum { MOST_TEXT = 400 }; /* bytes of a sentence */

struct report { /* the public view first, so that one pointer serves both */
  loci_data_report view;
  arena *mem;
  loci_finding *findings;
  loci_finding_kind kinds[LINT_COUNT];
  int64_t room, errors;
};

static const loci_finding_kind table[LINT_COUNT] = {
#define LINT_RULE(id, name, error, repairable, meaning) {name, meaning, error, repairable, 0, 0},
#include "data/lint_rules.def"
#undef LINT_RULE
};

loci_status report_new(const char *what, const char *path, const char *out, report **r,
                       loci_err *err) {
  *r = result_new(LOCI_KIND_DATA_REPORT, sizeof **r);
  report *made = *r;
  if (!made) goto no_memory;
  made->mem = made->view.result.memory;
  memcpy(made->kinds, table, sizeof table);
  made->view.what = what; /* a word of the program */
  made->view.path = arena_strdup(made->mem, path);
  made->view.out = out ? arena_strdup(made->mem, out) : NULL;
  made->view.fixed = out != NULL;
  if (made->view.path && (made->view.out || !out)) return LOCI_OK;
no_memory:
  loci_free(made);
  *r = NULL;
  return fail_nomem(err, path);
}

static bool copy(report *r, const char *s, const char **out) {
  *out = s ? arena_strdup(r->mem, s) : NULL;
  return *out || !s;
}

static loci_status make_room(report *r, loci_err *err) {
  if (r->view.finding_count < r->room) return LOCI_OK;
  int64_t room = r->room ? 2 * r->room : 64;
  loci_finding *more = arena_array(r->mem, room, loci_finding);
  if (!more) return fail_nomem(err, r->view.path);
  if (r->room) memcpy(more, r->findings, (size_t)r->room * sizeof *more);
  r->findings = more;
  r->view.findings = more;
  r->room = room;
  return LOCI_OK;
}

loci_status report_add(report *r, lint_rule kind, const place *at, loci_err *err,
                       const char *format, ...) {
  char text[MOST_TEXT];
  r->kinds[kind].count++;
  r->kinds[kind].repaired += at->repaired != NULL;
  r->errors += table[kind].error && !(at->repaired && r->view.fixed);
  if (r->view.finding_count >= LOCI_MOST_FINDINGS) {
    r->view.unlisted++;
    return LOCI_OK;
  }
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  utf8_make_printable(text);
  TRY(make_room(r, err));
  loci_finding *f = &r->findings[r->view.finding_count];
  memset(f, 0, sizeof *f);
  f->line = at->line;
  f->kind = table[kind].name;
  f->error = table[kind].error;
  if (!copy(r, at->id, &f->id) || !copy(r, at->field, &f->field) || !copy(r, text, &f->message) ||
      !copy(r, at->repaired, &f->repaired))
    return fail_nomem(err, r->view.path);
  r->view.finding_count++;
  return LOCI_OK;
}

const char *report_plain(const char *message, const char *path, int64_t line) {
  char front[32];
  size_t n = strlen(path);
  if (strncmp(message, path, n) != 0) return message;
  snprintf(front, sizeof front, ", line %" PRId64 ": ", line);
  if (strncmp(message + n, front, strlen(front)) == 0) return message + n + strlen(front);
  return strncmp(message + n, ": ", 2) == 0 ? message + n + 2 : message;
}

loci_status report_tell(report *r, const command_words *words, js_value *request, loci_err *err) {
  if (r->view.out) js_put(&request, "out", js_text(r->view.out));
  return request_tell(words, request, &r->view.result, err);
}

loci_data_report *report_view(report *r) { return &r->view; }
int64_t report_errors(const report *r) { return r->errors; }

loci_data_report *report_done(report *r) {
  for (int i = 0; i < LINT_COUNT; i++) {
    if (r->kinds[i].count > 0) r->kinds[r->view.kind_count++] = r->kinds[i];
  }
  r->view.kinds = r->kinds;
  return &r->view;
}
