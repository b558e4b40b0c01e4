/* A logit lens for a terminal: layers down, positions across; in each cell the most likely word and
 * its probability, coloured by it, and beside it the target's probability and rank where there is
 * room. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "show/colormap.h"
#include "show/formats.h"
#include "show/term_parts.h"

enum { LABEL = 6, WORD = 10, P = 4, TARGET = 13, GAP = 2 };

typedef struct report {
  const loci_lens *l;
  label_spelling spelling;
  bool targets; /* whether the target's columns have room */
  int width;    /* of a position's columns */
} report;

static const loci_lens_cell *cell_at(const report *r, int position, int layer) {
  return &r->l->cells[(int64_t)position * r->l->layer_count + layer];
}

static void pad_to(term *t, int column) {
  while (t->column < column) term_put(t, TERM_PLAIN, " ");
}

/* ".87", "1.0", "<.01" */
static void short_p(double p, char out[8]) {
  int percent = (int)lround(colormap_level(p) * 100);
  snprintf(out, 8, percent >= 100 ? "1.0" : percent == 0 && p > 0 ? "<.01" : ".%02d", percent);
}

/* The cell's text over a background of its probability; light letters where that is dark. */
static void put_word(term *t, const report *r, const loci_lens_cell *c) {
  char p[8], escape[32], text[96];
  const char *word = term_token(t, r->spelling, c->top[0].text);
  if (t->ascii) word = label_ascii(t->mem, word);
  if (word) word = label_cut(t->mem, word, WORD, t->ascii);
  if (!word) {
    t->out.failed = true;
    return;
  }
  short_p(c->top[0].p, p);
  int columns = utf8_columns(word, strlen(word));
  snprintf(text, sizeof text, "%s%*s%*s", word, WORD - columns, "", P + 1, p);
  bool coloured = t->color != LOCI_COLOR_NONE;
  if (coloured) {
    term_background(t, c->top[0].p, false, escape);
    bytes_text(&t->out, escape);
    bytes_text(&t->out, c->top[0].p > 0.5 ? "\x1b[38;5;231m" : "\x1b[38;5;16m");
  }
  bytes_text(&t->out, text);
  if (coloured) bytes_text(&t->out, "\x1b[0m");
  t->column += WORD + 1 + P;
}

static void put_target(term *t, const loci_lens_cell *c) {
  char text[48], p[24];
  snprintf(text, sizeof text, " %6s #%d", label_number(c->p, 3, p), c->rank);
  if (c->p > 0 && c->p < 0.0005) snprintf(text, sizeof text, " <0.001 #%d", c->rank);
  term_put(t, c->rank == 1 ? TERM_BOLD : TERM_DIM, text);
}

/* "75 country", and over the target's columns its name. */
static void put_header(term *t, const report *r, int from, int to) {
  for (int i = from; i < to; i++) {
    char text[128];
    const loci_token *token = &r->l->prompt->tokens[r->l->positions[i]];
    int at = LABEL + (i - from) * r->width;
    snprintf(text, sizeof text, "%d %.100s", r->l->positions[i],
             term_token(t, r->spelling, token->text));
    char *label = t->ascii ? label_ascii(t->mem, text) : text;
    if (label) label = label_cut(t->mem, label, WORD + 1 + P, t->ascii);
    t->out.failed |= !label;
    pad_to(t, at);
    if (label) term_put(t, role_is_constraint(token->role) ? TERM_ACCENT : TERM_BOLD, label);
    if (!r->targets) continue;
    pad_to(t, at + WORD + 1 + P);
    term_put(t, TERM_DIM, " target rank");
  }
  term_newline(t);
}

static void put_block(term *t, const report *r, int from, int to) {
  char layer[16];
  put_header(t, r, from, to);
  for (int k = 0; k < r->l->layer_count; k++) {
    snprintf(layer, sizeof layer, "%4d", r->l->layers[k]);
    term_put(t, TERM_DIM, layer);
    for (int i = from; i < to; i++) {
      pad_to(t, LABEL + (i - from) * r->width);
      put_word(t, r, cell_at(r, i, k));
      if (r->targets) put_target(t, cell_at(r, i, k));
    }
    term_newline(t);
  }
  term_newline(t);
}

/* From which layer on the target is the most likely, or how near it comes. */
static void put_summary(term *t, const report *r, int i) {
  const loci_token *token = &r->l->prompt->tokens[r->l->positions[i]];
  int best = 0, from = r->l->layer_count;
  while (from > 0 && cell_at(r, i, from - 1)->rank == 1) from--;
  for (int k = 0; k < r->l->layer_count; k++) {
    if (cell_at(r, i, k)->rank < cell_at(r, i, best)->rank) best = k;
  }
  t->indent = 4;
  term_put(t, TERM_PLAIN, "  ");
  term_format(t, TERM_BOLD, "%d \xE2\x80\x9C%s\xE2\x80\x9D", r->l->positions[i],
              term_token(t, r->spelling, token->text));
  term_format(t, TERM_PLAIN, "(%s):", loci_role_name(token->role));
  if (from < r->l->layer_count) {
    term_format(t, TERM_PLAIN, "the target is the most likely from layer %d on",
                r->l->layers[from]);
  } else {
    char p[24];
    term_format(t, TERM_PLAIN, "the target's best rank is %d, in layer %d (p %s)",
                cell_at(r, i, best)->rank, r->l->layers[best],
                label_number(cell_at(r, i, best)->p, 3, p));
  }
  term_newline(t);
  t->indent = 0;
}

static void put_lens(term *t, report *r) {
  const loci_lens *l = r->l;
  int room = t->width - LABEL, n = l->position_count;
  r->targets = n * (WORD + 1 + P + TARGET + GAP) - GAP <= room;
  if (!r->targets && n <= 2) r->targets = WORD + 1 + P + TARGET <= room;
  r->width = WORD + 1 + P + (r->targets ? TARGET : 0) + GAP;
  int per_block = (room + GAP) / r->width;
  term_question(t, r->spelling, l->prompt, l->model);
  t->indent = 10;
  term_put(t, TERM_DIM, "clean     ");
  loci_outcome clean = {0};
  memcpy(clean.top, l->clean, sizeof clean.top);
  term_outcome(t, r->spelling, &clean);
  term_newline(t);
  term_put(t, TERM_DIM, "target    ");
  term_format(t, TERM_BOLD, "\xE2\x80\x9C%s\xE2\x80\x9D",
              term_token(t, r->spelling, l->target_text));
  term_newline(t);
  t->indent = 0;
  term_newline(t);
  for (int i = 0; i < n; i += per_block) put_block(t, r, i, i + per_block < n ? i + per_block : n);
  for (int i = 0; i < n && n <= 8; i++) put_summary(t, r, i);
  if (n <= 8) term_newline(t);
  term_cost(t, &l->cost, "cell");
  term_newline(t);
}

loci_status lens_draw(const void *result, const loci_draw_opts *opts, char **out, loci_err *err) {
  const loci_lens *l = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  report r = {.l = l};
  *out = NULL;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "drawing a lens");
  r.spelling = label_spelling_of(l->prompt->tokens, l->prompt->length);
  term t = term_of(&o, mem);
  put_lens(&t, &r);
  loci_status st = bytes_take(&t.out, out, NULL, err);
  arena_free(mem);
  return st;
}
