/* Words and styles for a terminal (see term.h). */
#include "show/term.h"

#include <string.h>

#include "base/utf8.h"
#include "show/label.h"

static const char *const escapes[] = {"", "\x1b[1m", "\x1b[2m", "\x1b[1;35m"};

void term_put(term *t, term_style style, const char *text) {
  const char *s = t->ascii ? label_ascii(t->mem, text) : text;
  if (!s) {
    t->out.failed = true;
    return;
  }
  bool styled = t->color != LOCI_COLOR_NONE && style != TERM_PLAIN && *s;
  if (styled) bytes_text(&t->out, escapes[style]);
  bytes_text(&t->out, s);
  if (styled) bytes_text(&t->out, "\x1b[0m");
  t->column += utf8_columns(s, strlen(s));
}

void term_newline(term *t) {
  while (t->out.size > 0 && t->out.data[t->out.size - 1] == ' ') t->out.size--;
  bytes_text(&t->out, "\n");
  t->column = 0;
  t->has_word = false;
}

static void wrap(term *t) {
  term_newline(t);
  bytes_repeat(&t->out, " ", t->indent);
  t->column = t->indent;
}

/* Writes what fits of an overlong word on this line; returns the rest. */
static const char *put_part(term *t, term_style style, const char *word) {
  size_t n = strlen(word), fit = 0;
  while (fit < n) {
    uint32_t rune;
    int k = utf8_decode(word + fit, n - fit, &rune);
    size_t next = fit + (k > 0 ? (size_t)k : 1);
    if (fit > 0 && t->column + utf8_columns(word, next) > t->width) break;
    fit = next;
  }
  char *part = arena_strndup(t->mem, word, fit);
  if (part) term_put(t, style, part);
  t->out.failed |= !part;
  return word + fit;
}

void term_word(term *t, term_style style, const char *word) {
  const char *s = t->ascii ? label_ascii(t->mem, word) : word;
  if (!s) {
    t->out.failed = true;
    return;
  }
  if (!*s) return;
  int columns = utf8_columns(s, strlen(s)) + (t->has_word ? 1 : 0);
  if (t->column > t->indent && t->column + columns > t->width) {
    wrap(t);
  } else if (t->has_word) {
    term_put(t, TERM_PLAIN, " ");
  }
  t->has_word = true;
  int left = utf8_columns(s, strlen(s));
  while (t->column + left > t->width && !t->out.failed) {
    int before = t->column;
    s = put_part(t, style, s);
    left -= t->column - before;
    if (*s) wrap(t);
  }
  term_put(t, style, s);
}

void term_words(term *t, term_style style, const char *text) {
  const char *clean = label_text(t->mem, text);
  t->out.failed |= !clean;
  while (clean && *clean) {
    size_t n = strcspn(clean, " ");
    char *word = arena_strndup(t->mem, clean, n);
    if (word) term_word(t, style, word);
    t->out.failed |= !word;
    clean += n;
    clean += strspn(clean, " ");
  }
}
