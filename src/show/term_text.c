/* Words in a terminal (see term.h): at most as wide as it is, with styles where colour is allowed.
 */
#include <string.h>

#include "base/utf8.h"
#include "show/label.h"
#include "show/term.h"

void term_put(term *t, view_style style, const char *text) {
  static const char *const escapes[] = {"", "\x1b[1m", "\x1b[2m", "\x1b[1;35m"};
  const char *s = t->ascii ? label_ascii(t->mem, text) : text;
  if (!s) {
    t->out.failed = true;
    return;
  }
  bool styled = t->color != LOCI_COLOR_NONE && style != VIEW_PLAIN && *s;
  if (styled) bytes_text(&t->out, escapes[style]);
  bytes_text(&t->out, s);
  if (styled) bytes_text(&t->out, "\x1b[0m");
  t->column += utf8_columns(s, strlen(s));
}

void term_pad(term *t, int column) {
  while (t->column < column) term_put(t, VIEW_PLAIN, " ");
}

const char *term_cut(term *t, const char *text, int columns) {
  const char *s = t->ascii ? label_ascii(t->mem, text) : text;
  if (s) s = label_cut(t->mem, s, columns, t->ascii);
  t->out.failed |= !s;
  return s ? s : "";
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
static const char *put_part(term *t, view_style style, const char *word) {
  size_t n = strlen(word), fit = 0;
  while (fit < n) {
    uint32_t rune;
    int k = utf8_decode(word + fit, n - fit, &rune);
    size_t next = fit + (k > 0 ? (size_t)k : 1);
    if (fit > 0 && t->column + utf8_columns(word, next) > t->wrap) break;
    fit = next;
  }
  char *part = arena_strndup(t->mem, word, fit);
  if (part) term_put(t, style, part);
  t->out.failed |= !part;
  return word + fit;
}

static void put_word(term *t, view_style style, const char *word) {
  const char *s = t->ascii ? label_ascii(t->mem, word) : word;
  if (!s) {
    t->out.failed = true;
    return;
  }
  if (!*s) return;
  int left = utf8_columns(s, strlen(s)), columns = left + (t->has_word ? 1 : 0);
  if (t->column > t->indent && t->column + columns > t->wrap) {
    wrap(t);
  } else if (t->has_word) {
    term_put(t, VIEW_PLAIN, " ");
  }
  t->has_word = true;
  while (t->column + left > t->wrap && !t->out.failed) {
    int before = t->column;
    s = put_part(t, style, s);
    left -= t->column - before;
    if (*s) wrap(t);
  }
  term_put(t, style, s);
}

void term_words(term *t, view_style style, const char *text) {
  while (*text) {
    size_t n = strcspn(text, " ");
    char *word = arena_strndup(t->mem, text, n);
    if (word) put_word(t, style, word);
    t->out.failed |= !word;
    text += n;
    text += strspn(text, " ");
  }
}
