/* Shared pieces of terminal reports (see term_parts.h). */
#include "show/term_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

term term_of(const loci_draw_opts *o, arena *mem) {
  int width = o->columns <= 0 ? 80 : o->columns < 40 ? 40 : o->columns > 200 ? 200 : o->columns;
  return (term){.mem = mem, .color = o->color, .ascii = o->ascii, .width = width};
}

void term_format(term *t, term_style style, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  term_words(t, style, text);
}

void term_cell(term *t, term_style style, const char *text, int width) {
  char padded[64];
  int pad = width - utf8_columns(text, strlen(text));
  snprintf(padded, sizeof padded, "%s%*s", text, pad > 0 ? pad : 0, "");
  term_put(t, style, padded);
}

const char *term_token(term *t, label_spelling spelling, const char *token) {
  const char *label = label_token(t->mem, spelling, token ? token : "");
  t->out.failed |= !label;
  return label ? label : "";
}

/* ---------------------------------------------------------------- question and answers */

/* A run of image rows as one word; returns the position behind it. */
static int put_image(term *t, const loci_prompt_info *p, int i) {
  int from = i;
  while (i < p->length && p->tokens[i].role == LOCI_ROLE_IMAGE) i++;
  term_format(t, TERM_DIM, "<image>\xC3\x97%d", i - from);
  return i;
}

void term_tokens(term *t, label_spelling spelling, const loci_prompt_info *p) {
  bool brackets = t->color == LOCI_COLOR_NONE;
  for (int i = 0; i < p->length;) {
    loci_role role = p->tokens[i].role;
    if (role == LOCI_ROLE_IMAGE) {
      i = put_image(t, p, i);
      continue;
    }
    const char *label = term_token(t, spelling, p->tokens[i].text);
    bool constraint = role_is_constraint(role);
    bool next = i + 1 < p->length && role_is_constraint(p->tokens[i + 1].role) &&
                p->tokens[i + 1].role != LOCI_ROLE_CONSTRAINT_FIRST;
    bool opens = constraint && (i == 0 || role == LOCI_ROLE_CONSTRAINT_FIRST ||
                                !role_is_constraint(p->tokens[i - 1].role));
    char *word = arena_alloc(t->mem, (int64_t)strlen(label) + 3, 1);
    if (word) {
      sprintf(word, "%s%s%s", brackets && opens ? "[" : "", label,
              brackets && constraint && !next ? "]" : "");
      term_word(t, constraint ? TERM_ACCENT : TERM_DIM, word);
    }
    t->out.failed |= !word;
    i++;
  }
  term_newline(t);
}

void term_edits(term *t, const loci_model_info *m) {
  for (int i = 0; m && i < m->edit_count; i++) {
    const char *title = label_text(t->mem, m->edits[i].title);
    t->indent = 10;
    term_put(t, TERM_ACCENT, "edited    ");
    if (title) term_words(t, TERM_PLAIN, title);
    t->out.failed |= !title;
    term_newline(t);
    t->indent = 0;
  }
}

void term_question(term *t, label_spelling spelling, const loci_prompt_info *p,
                   const loci_model_info *m) {
  term_words(t, TERM_BOLD, p->question ? p->question : "");
  term_newline(t);
  term_tokens(t, spelling, p);
  term_newline(t);
  term_edits(t, m);
}

void term_outcome(term *t, label_spelling spelling, const loci_outcome *o) {
  for (int i = 0; i < 3 && o->top[i].text; i++) {
    const char *label = term_token(t, spelling, o->top[i].text);
    term_format(t, i == 0 ? TERM_BOLD : TERM_PLAIN, "\xE2\x80\x9C%s\xE2\x80\x9D", label);
    term_format(t, TERM_PLAIN, "%.3f", o->top[i].p);
  }
}

/* ---------------------------------------------------------------- cost */

/* 251904 as "251,904" */
static void grouped_digits(int64_t n, char out[32]) {
  char digits[24];
  int size = snprintf(digits, sizeof digits, "%" PRId64, n), m = 0;
  for (int i = 0; i < size; i++) {
    if (i > 0 && (size - i) % 3 == 0 && digits[i - 1] != '-') out[m++] = ',';
    out[m++] = digits[i];
  }
  out[m] = 0;
}

void term_cost(term *t, const loci_cost *c, const char *unit) {
  char rows[32];
  grouped_digits(c->rows, rows);
  term_format(t, TERM_DIM, "%.1f s, %s rows, %.3g TFLOP", c->seconds, rows, c->flop / 1e12);
  if (c->seconds > 0) term_format(t, TERM_DIM, "at %.3g GFLOP/s", c->flop / c->seconds / 1e9);
  if (c->flop > 0 && c->naive_flop > c->flop)
    term_format(t, TERM_DIM, "(%s by %s: %.3g times as many)", unit, unit, c->naive_flop / c->flop);
}
