/* A grid of words in a terminal: layers down, positions across; in each cell the most likely word
 * and its probability, coloured by it, and beside it the target's probability and rank where there
 * is room. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "show/colormap.h"
#include "show/term.h"

enum { LABEL = 6, WORD = 10, P = 4, TARGET = 13, GAP = 2 };

/* How the positions fit the width. */
typedef struct words_fit {
  bool targets; /* whether the target's columns have room */
  int width;    /* of a position's columns */
} words_fit;

static const view_word *word_at(const view_words *w, int position, int layer) {
  return &w->words[(int64_t)position * w->layer_count + layer];
}

/* ".87", "1.0", "<.01" */
static void short_p(double p, char out[8]) {
  int percent = (int)lround(colormap_level(p) * 100);
  snprintf(out, 8, percent >= 100 ? "1.0" : percent == 0 && p > 0 ? "<.01" : ".%02d", percent);
}

/* The cell's text over a background of its probability; light letters where that is dark. */
static void put_word(term *t, const view_word *w) {
  char p[8], escape[32], text[96];
  const char *word = term_cut(t, w->text, WORD);
  short_p(w->p, p);
  int columns = utf8_columns(word, strlen(word));
  snprintf(text, sizeof text, "%s%*s%*s", word, WORD - columns, "", P + 1, p);
  bool coloured = t->color != LOCI_COLOR_NONE;
  if (coloured) {
    term_background(t, w->p, false, escape);
    bytes_text(&t->out, escape);
    bytes_text(&t->out, w->p > 0.5 ? "\x1b[38;5;231m" : "\x1b[38;5;16m");
  }
  bytes_text(&t->out, text);
  if (coloured) bytes_text(&t->out, "\x1b[0m");
  t->column += WORD + 1 + P;
}

static void put_target(term *t, const view_word *w) {
  char text[48], p[24];
  snprintf(text, sizeof text, " %6s #%d", label_number(w->target_p, 3, p), w->target_rank);
  if (w->target_p > 0 && w->target_p < 0.0005)
    snprintf(text, sizeof text, " <0.001 #%d", w->target_rank);
  term_put(t, w->target_rank == 1 ? VIEW_BOLD : VIEW_DIM, text);
}

/* "75 country", and over the target's columns its name. */
static void put_header(term *t, const view_words *w, const words_fit *f, int from, int to) {
  for (int i = from; i < to; i++) {
    char text[128];
    int at = LABEL + (i - from) * f->width;
    snprintf(text, sizeof text, "%d %.100s", w->positions[i], w->labels[i]);
    term_pad(t, at);
    term_put(t, role_is_constraint(w->roles[i]) ? VIEW_ACCENT : VIEW_BOLD,
             term_cut(t, text, WORD + 1 + P));
    if (!f->targets) continue;
    term_pad(t, at + WORD + 1 + P);
    term_put(t, VIEW_DIM, " target rank");
  }
  term_newline(t);
}

static void put_block(term *t, const view_words *w, const words_fit *f, int from, int to) {
  char layer[16];
  put_header(t, w, f, from, to);
  for (int k = 0; k < w->layer_count; k++) {
    snprintf(layer, sizeof layer, "%4d", w->layers[k]);
    term_put(t, VIEW_DIM, layer);
    for (int i = from; i < to; i++) {
      term_pad(t, LABEL + (i - from) * f->width);
      put_word(t, word_at(w, i, k));
      if (f->targets) put_target(t, word_at(w, i, k));
    }
    term_newline(t);
  }
}

void term_grid_of_words(term *t, const view_words *w) {
  int room = t->width - LABEL, n = w->position_count;
  words_fit f = {.targets = n * (WORD + 1 + P + TARGET + GAP) - GAP <= room};
  if (!f.targets && n <= 2) f.targets = WORD + 1 + P + TARGET <= room;
  f.width = WORD + 1 + P + (f.targets ? TARGET : 0) + GAP;
  int per_block = (room + GAP) / f.width;
  for (int i = 0; i < n; i += per_block) {
    if (i > 0) term_newline(t);
    put_block(t, w, &f, i, i + per_block < n ? i + per_block : n);
  }
}
