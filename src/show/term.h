/* Text for a terminal of a given width: words wrap, styles become escape sequences only if colour
 * is allowed, and every character is printable. */
#ifndef LOCI_SHOW_TERM_H
#define LOCI_SHOW_TERM_H

#include "base/arena.h"
#include "show/bytes.h"
#include "show/sheet.h"

typedef enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_ACCENT } term_style;

typedef struct term {
  bytes out;
  arena *mem;
  loci_color color;
  bool ascii;
  int width;
  int column, indent; /* of the line being written; of the lines it wraps into */
  bool has_word;      /* whether term_word has put one on this line */
} term;

/* A word, set off by a blank from what stands before it on the line; wraps.  [word] is printable.
 */
void term_word(term *t, term_style style, const char *word);
/* The words of a text. */
void term_words(term *t, term_style style, const char *text);
void term_newline(term *t);
/* Text at the current place that is known to fit; a word behind it gets no blank in between. */
void term_put(term *t, term_style style, const char *text);

/* The escape sequence that makes the background show a level of the colour map. */
void term_background(const term *t, double level, bool diverging, char out[32]);
/* The map of one panel, ready to print: title, rows, layer axis. */
void term_panel(term *t, const sheet *s, const sheet_panel *p);
/* The scale of all panels, on one or two lines. */
void term_legend(term *t, const sheet *s);

#endif
