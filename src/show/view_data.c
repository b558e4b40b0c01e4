/* Examples for the eye: one with its constraints marked, and what was found in a file of them: a
 * line for each error, and for the first notes of each kind, as compilers write them, then a table
 * of the kinds. */
#include <inttypes.h>
#include <string.h>

#include "show/view_parts.h"
#include "text/span.h"

enum { NOTES = 10 };

/* Proposals are shown as they are, whatever their number. */
static bool is_annotation(const loci_data_report *r) { return strcmp(r->what, "annotate") == 0; }

/* Errors all; of a kind of notes that goes on and on, the first ones. */
static bool is_shown(const loci_data_report *r, const loci_finding *f, int64_t *shown) {
  bool all = f->error || is_annotation(r);
  for (int k = 0; !all && k < r->kind_count; k++) {
    if (strcmp(r->kinds[k].name, f->kind) == 0) return shown[k]++ < NOTES;
  }
  return true;
}

static void say_finding(views *v, const loci_data_report *r, const loci_finding *f) {
  view_begin(v, VIEW_LINE);
  view_indent(v, 0, 4);
  view_say(v, VIEW_BOLD, "%.300s:%" PRId64 ":", r->path, f->line);
  if (f->field) view_say(v, VIEW_PLAIN, "%.200s:", f->field);
  view_say(v, VIEW_PLAIN, "%s", f->message);
  if (f->repaired && *f->repaired) {
    view_say(v, VIEW_DIM, r->fixed || is_annotation(r) ? "\xE2\x86\x92" : "\xE2\x86\x92?");
    view_say(v, VIEW_ACCENT, "%s", f->repaired);
  }
  view_say(v, f->error ? VIEW_ACCENT : VIEW_DIM, "[%s%s]", f->error ? "error: " : "", f->kind);
}

static void say_kinds(views *v, const loci_data_report *r) {
  for (int i = 0; i < r->kind_count; i++) {
    const loci_finding_kind *k = &r->kinds[i];
    view_begin(v, VIEW_LINE);
    view_indent(v, 0, 8);
    view_put(v, VIEW_BOLD, "%7" PRId64 " ", k->count);
    view_put(v, k->error ? VIEW_ACCENT : VIEW_PLAIN, "%-27s", k->name);
    view_say(v, VIEW_DIM, "%s", k->meaning);
    if (is_annotation(r)) continue;
    if (!k->error && k->count > NOTES)
      view_say(v, VIEW_PLAIN, "(the first %d above; --json and -o F.json name all)", NOTES);
    if (k->repaired > 0)
      view_say(v, VIEW_PLAIN, "(%" PRId64 " %s)", k->repaired,
               r->fixed ? "repaired" : "can be repaired: --fix");
  }
  if (r->kind_count > 0) view_gap(v);
}

static void say_counts(views *v, const loci_data_report *r) {
  bool import = strcmp(r->what, "import") == 0;
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_BOLD, "%" PRId64 " %s read,", r->read, import ? "rows" : "examples");
  if (import)
    view_say(v, VIEW_PLAIN, "%" PRId64 " with a picture, %" PRId64 " with answers,", r->pictured,
             r->answered);
  if (r->out) view_say(v, VIEW_PLAIN, "%" PRId64 " written,", r->written);
  view_say(v, r->bad ? VIEW_ACCENT : VIEW_PLAIN, "%" PRId64 " with errors", r->bad);
  if (r->out) view_say(v, VIEW_PLAIN, "that stay");
  if (r->compared == 0) return;
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_BOLD, "%.3f the same as the constraint that is there,",
           (double)r->exact / (double)r->compared);
  view_say(v, VIEW_PLAIN,
           "token F1 %.3f, on the %" PRId64 " examples whose constraint is a piece of the question",
           r->token_f1, r->compared);
}

void view_data_report(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_data_report *r = result;
  int64_t *shown = view_array(v, r->kind_count, int64_t);
  (void)opts;
  if (!shown) return;
  for (int64_t i = 0; i < r->finding_count; i++) {
    if (is_shown(r, &r->findings[i], shown)) say_finding(v, r, &r->findings[i]);
  }
  if (r->unlisted > 0) {
    view_begin(v, VIEW_LINE);
    view_say(v, VIEW_DIM, "and %" PRId64 " more, which are counted below", r->unlisted);
  }
  if (r->finding_count > 0) view_gap(v);
  say_kinds(v, r);
  say_counts(v, r);
}

/* ---------------------------------------------------------------- an example */

/* What holds at a byte of the question: the number of a constraint, from 1, or 0. */
static int constraint_at(const loci_example *e, const span *spans, int64_t at) {
  for (int i = 0; i < e->constraint_count; i++) {
    if (spans[i].begin >= 0 && at >= spans[i].begin &&
        at < spans[i].begin + (int64_t)spans[i].length)
      return i + 1;
  }
  return 0;
}

static bool is_textual(const loci_example *e, int constraint) {
  const char *kind = e->kinds[constraint - 1];
  return kind && strcmp(kind, "textual") == 0;
}

/* A word of the question, with brackets where a constraint begins or ends in it. */
static void say_word(views *v, const loci_example *e, const span *spans, int64_t from, int64_t to) {
  char *word = view_array(v, 3 * (to - from) + 1, char);
  int64_t n = 0;
  view_style style = VIEW_PLAIN;
  for (int64_t i = from; i < to && word; i++) {
    int here = constraint_at(e, spans, i), before = i > 0 ? constraint_at(e, spans, i - 1) : 0;
    int next = constraint_at(e, spans, i + 1);
    if (here) style = is_textual(e, here) ? VIEW_BOLD : VIEW_ACCENT;
    if (v->brackets && here && here != before) word[n++] = is_textual(e, here) ? '{' : '[';
    word[n++] = e->question[i];
    if (v->brackets && here && here != next) word[n++] = is_textual(e, here) ? '}' : ']';
  }
  if (word) view_say(v, style, "%s", word);
}

static void say_question(views *v, const loci_example *e, const span *spans) {
  int64_t n = (int64_t)strlen(e->question);
  view_begin(v, VIEW_LINE);
  view_indent(v, 2, 2);
  for (int64_t from = 0, to; from < n; from = to + 1) {
    for (to = from; to < n && e->question[to] != ' '; to++) {
    }
    if (to > from) say_word(v, e, spans, from, to);
  }
}

static void say_about(views *v, const loci_example *e) {
  view_begin(v, VIEW_LINE);
  view_indent(v, 2, 2);
  for (int i = 0; i < e->answer_count && i < 5; i++)
    view_say(v, VIEW_DIM, "%.100s%s", e->answers[i], i + 1 < e->answer_count ? "," : "");
  if (e->answer_count > 5) view_say(v, VIEW_DIM, "and %d more", e->answer_count - 5);
  if (e->target) view_say(v, VIEW_DIM, "\xE2\x86\x92 %.100s", e->target);
  if (e->image) view_say(v, VIEW_DIM, "(%.200s)", e->image);
}

void view_example(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_example *e = result;
  span *spans = view_array(v, e->constraint_count, span);
  (void)opts;
  if (!spans) return;
  for (int i = 0; i < e->constraint_count; i++)
    spans[i] = span_find(e->question, e->constraints[i]);
  view_begin(v, VIEW_LINE);
  view_indent(v, 0, 2);
  view_say(v, VIEW_DIM, "%" PRId64, e->line);
  if (e->id) view_say(v, VIEW_DIM, "%.100s", e->id);
  say_question(v, e, spans);
  for (int i = 0; i < e->constraint_count; i++) {
    if (spans[i].begin >= 0) continue;
    view_begin(v, VIEW_LINE);
    view_indent(v, 2, 2);
    view_say(v, VIEW_ACCENT, "not in the question: \"%.100s\"", e->constraints[i]);
  }
  say_about(v, e);
}
