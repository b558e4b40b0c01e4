/* An example for a terminal, with the constraints marked in its question. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "show/formats.h"
#include "show/term_parts.h"
#include "text/span.h"

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
static void put_word(term *t, const loci_example *e, const span *spans, int64_t from, int64_t to) {
  bytes word = {0};
  char *text;
  term_style style = TERM_PLAIN;
  bool brackets = t->color == LOCI_COLOR_NONE;
  for (int64_t i = from; i < to; i++) {
    int here = constraint_at(e, spans, i), before = i > 0 ? constraint_at(e, spans, i - 1) : 0;
    int behind = constraint_at(e, spans, i + 1);
    if (here) style = is_textual(e, here) ? TERM_BOLD : TERM_ACCENT;
    if (brackets && here && here != before) bytes_text(&word, is_textual(e, here) ? "{" : "[");
    bytes_add(&word, e->question + i, 1);
    if (brackets && here && here != behind) bytes_text(&word, is_textual(e, here) ? "}" : "]");
  }
  if (bytes_take(&word, &text, NULL, NULL)) {
    t->out.failed = true;
    return;
  }
  const char *clean = label_text(t->mem, text);
  if (clean) term_word(t, style, clean);
  t->out.failed |= !clean;
  free(text);
}

static void put_question(term *t, const loci_example *e, const span *spans) {
  int64_t n = (int64_t)strlen(e->question);
  for (int64_t from = 0, to; from < n; from = to + 1) {
    for (to = from; to < n && e->question[to] != ' '; to++) {
    }
    if (to > from) put_word(t, e, spans, from, to);
  }
  term_newline(t);
}

static void put_lost(term *t, const loci_example *e, const span *spans) {
  for (int i = 0; i < e->constraint_count; i++) {
    if (spans[i].begin >= 0) continue;
    term_put(t, TERM_PLAIN, "  ");
    term_format(t, TERM_ACCENT, "not in the question: \"%.100s\"", e->constraints[i]);
    term_newline(t);
  }
}

static void put_about(term *t, const loci_example *e) {
  term_put(t, TERM_PLAIN, "  ");
  for (int i = 0; i < e->answer_count && i < 5; i++)
    term_format(t, TERM_DIM, "%.100s%s", e->answers[i], i + 1 < e->answer_count ? "," : "");
  if (e->answer_count > 5) term_format(t, TERM_DIM, "and %d more", e->answer_count - 5);
  if (e->target) term_format(t, TERM_DIM, "\xE2\x86\x92 %.100s", e->target);
  if (e->image) term_format(t, TERM_DIM, "(%.200s)", e->image);
  if (e->answer_count || e->target || e->image) term_newline(t);
}

loci_status example_draw(const void *result, const loci_draw_opts *opts, char **out,
                         loci_err *err) {
  const loci_example *e = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  *out = NULL;
  arena *mem = arena_new();
  span *spans = mem ? arena_zarray(mem, e->constraint_count, span) : NULL;
  if (!spans) {
    arena_free(mem);
    return fail_nomem(err, "drawing an example");
  }
  for (int i = 0; i < e->constraint_count; i++)
    spans[i] = span_find(e->question, e->constraints[i]);
  term t = term_of(&o, mem);
  t.indent = 2;
  term_format(&t, TERM_DIM, "%" PRId64, e->line);
  if (e->id) term_format(&t, TERM_DIM, "%.100s", e->id);
  term_newline(&t);
  term_put(&t, TERM_PLAIN, "  ");
  put_question(&t, e, spans);
  put_lost(&t, e, spans);
  put_about(&t, e);
  loci_status st = bytes_take(&t.out, out, NULL, err);
  arena_free(mem);
  return st;
}
