/* The terminal's back end: text of a given width.  Words wrap, styles become escape sequences only
 * if colour is allowed, and every character is printable. */
#ifndef LOCI_SHOW_TERM_H
#define LOCI_SHOW_TERM_H

#include "show/bytes.h"
#include "show/view.h"

typedef struct term {
  bytes out;
  arena *mem; /* of the block that is being written */
  loci_color color;
  bool ascii;
  int width, wrap;    /* of drawings; of texts and rows */
  double scale;       /* of loci_draw_opts */
  int column, indent; /* of the line being written; of the lines it wraps into */
  bool has_word;      /* whether term_words has put one on this line */
} term;

/* The words of a printable text, each set off by a blank from what stands before it; they wrap. */
void term_words(term *t, view_style style, const char *text);
void term_newline(term *t);
/* Text at the current place that is known to fit; a word after it gets no blank in between. */
void term_put(term *t, view_style style, const char *text);
void term_pad(term *t, int column);
/* A text as it will be written, cut to some columns; "" once memory is out. */
const char *term_cut(term *t, const char *text, int columns);
/* The escape sequence that makes the background show a level of the colour map. */
void term_background(const term *t, double level, bool diverging, char out[32]);

/* The drawings that a terminal has. */
void term_map(term *t, const heatmap *s);
void term_lines(term *t, const view_lines *l);
void term_grid_of_words(term *t, const view_words *w);

#endif
