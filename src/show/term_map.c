/* A heat map in a terminal: tokens down, layers across, one or two columns per layer, or several
 * layers per column where the terminal is narrow.  Colours are those of the pictures, whatever the
 * screen's own; without colour, shades and, for negative effects, bars. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fixed.h"
#include "base/utf8.h"
#include "show/colormap.h"
#include "show/label.h"
#include "show/term.h"

/* How a panel fits the width. */
typedef struct map_fit {
  int number, label; /* columns of the position and of the token */
  int cells, per;    /* cells in a row; layers in one */
  int wide;          /* columns of a cell */
} map_fit;

static const char *const shades[] = {" ", "\xE2\x96\x91", "\xE2\x96\x92", "\xE2\x96\x93",
                                     "\xE2\x96\x88"}; /* ░▒▓█ */
static const char *const bars[] = {" ", "\xE2\x96\x81", "\xE2\x96\x82", "\xE2\x96\x84",
                                   "\xE2\x96\x86"}; /* ▁▂▄▆ */
static const char ascii_shades[] = " .:-=+*#%@";
static const char ascii_bars[] = " ,;coO";

static int most(int a, int b) { return a > b ? a : b; }
static int least(int a, int b) { return a < b ? a : b; }

/* Labels are cut to a quarter of the width, unless all layers have their two columns beside whole
 * ones: curves of a study may differ in their last words alone. */
static map_fit fit_panel(const term *t, const heatmap_panel *p) {
  map_fit f = {.number = 1, .label = 1};
  for (int r = 0; r < p->row_count; r++) {
    const char *label = p->rows[r].label;
    char number[16];
    int n = p->rows[r].first == p->rows[r].last ? p->rows[r].first : 0;
    f.number = most(f.number, snprintf(number, sizeof number, "%d", n));
    int spare = p->rows[r].first != p->rows[r].last || n < 0 ? f.number + 1 : 0;
    f.label = most(f.label, utf8_columns(label, strlen(label)) - spare);
  }
  int beside = t->width - (2 + f.number + 1 + 1); /* columns of labels and cells */
  int given = most(10, least(20, t->width / 4));
  f.label = least(f.label, most(given, beside - 2 * p->layer_count));
  int room = beside - f.label;
  f.per = most(1, (p->layer_count + room - 1) / room);
  f.cells = (p->layer_count + f.per - 1) / f.per;
  f.wide = f.cells * 2 <= room ? 2 : 1;
  return f;
}

/* ---------------------------------------------------------------- cells */

typedef struct map_cell {
  double value; /* of the strongest of its layers */
  bool zero;    /* all are exact zeros */
  bool run;     /* the strongest was run, where others are estimates */
} map_cell;

static map_cell cell_of(const heatmap_panel *p, const map_fit *f, int row, int column) {
  map_cell c = {0, true, false};
  for (int l = column * f->per; l < least((column + 1) * f->per, p->layer_count); l++) {
    int64_t i = (int64_t)row * p->layer_count + l;
    c.zero = c.zero && p->zero[i];
    if (!(fabs(p->values[i]) > fabs(c.value))) continue;
    c.value = p->values[i];
    c.run = p->exact && p->exact[i];
  }
  return c;
}

/* The shade of a strength 0..1: blank only below 2 %, then [last] equal steps. */
static int step_of(double strength, int last) {
  if (strength < 0.02) return 0;
  return least(last, 1 + (int)(strength * last));
}

/* A mark for a level without colour. */
static const char *mark_of(const term *t, double level, bool diverging, char ascii[2]) {
  bool bar = diverging && level < 0;
  double strength = fabs(colormap_level(level));
  ascii[1] = 0;
  if (t->ascii) {
    int last = (int)strlen(bar ? ascii_bars : ascii_shades) - 1;
    ascii[0] = (bar ? ascii_bars : ascii_shades)[step_of(strength, last)];
    return ascii;
  }
  return (bar ? bars : shades)[step_of(strength, 4)];
}

void term_background(const term *t, double level, bool diverging, char out[32]) {
  rgb c = colormap(level, diverging);
  if (t->color == LOCI_COLOR_256) {
    snprintf(out, 32, "\x1b[48;5;%dm", colormap_index256(c));
  } else {
    snprintf(out, 32, "\x1b[48;2;%d;%d;%dm", colormap_byte(c.r), colormap_byte(c.g),
             colormap_byte(c.b));
  }
}

/* The mark of a cell that was run among estimates: in colour on its background, else after its
 * shade where there is room. */
static void put_run(term *t, double level, bool diverging) {
  if (t->color == LOCI_COLOR_NONE) {
    bytes_text(&t->out, t->ascii ? "'" : "\xE2\x80\xA2");
    return;
  }
  rgb c = colormap(level, diverging);
  bool bright = 0.3 * c.r + 0.6 * c.g + 0.1 * c.b > 0.5;
  bytes_text(&t->out, bright ? "\x1b[30m" : "\x1b[97m");
  bytes_text(&t->out, t->ascii ? "+" : "\xE2\x80\xA2");
  bytes_text(&t->out, "\x1b[39m");
}

/* One cell; [last] holds the background in force ("" for none) and is kept up to date. */
static void put_cell(term *t, const map_cell *x, bool diverging, int wide, char last[32]) {
  char escape[32] = "", ascii[2];
  if (t->color == LOCI_COLOR_NONE) {
    const char *mark =
        x->zero ? (t->ascii ? " " : "\xC2\xB7") : mark_of(t, x->value, diverging, ascii);
    bool run = x->run && wide > 1;
    bytes_repeat(&t->out, mark, x->zero || run ? 1 : wide);
    if (run) put_run(t, x->value, diverging);
    if (x->zero) bytes_repeat(&t->out, " ", wide - 1);
    return;
  }
  if (!x->zero) term_background(t, x->value, diverging, escape);
  if (strcmp(escape, last) != 0) {
    bytes_text(&t->out, x->zero ? "\x1b[0m" : escape);
    memcpy(last, escape, sizeof escape);
  }
  if (x->run && !x->zero) {
    put_run(t, x->value, diverging);
  } else {
    bytes_text(&t->out, !x->zero ? " " : t->ascii ? "." : "\xC2\xB7");
  }
  bytes_repeat(&t->out, " ", wide - 1);
}

static void put_cells(term *t, const heatmap *s, const heatmap_panel *p, const map_fit *f,
                      int row) {
  char last[32] = "";
  bool diverging = s->lo < 0 && s->hi > 0;
  for (int i = 0; i < f->cells; i++) {
    map_cell c = cell_of(p, f, row, i);
    c.value = heatmap_level(s, c.value);
    if (!diverging) c.value = fabs(c.value);
    put_cell(t, &c, diverging, f->wide, last);
  }
  if (last[0]) bytes_text(&t->out, "\x1b[0m");
}

/* ---------------------------------------------------------------- rows */

static void put_row(term *t, const heatmap *s, const heatmap_panel *p, const map_fit *f, int row) {
  const heatmap_row *r = &p->rows[row];
  bool constraint = role_is_constraint(r->role), single = r->first >= 0 && r->first == r->last;
  char number[16];
  int cells = 2 + f->number + 1 + f->label + 1, room = single ? f->label : cells - 3;
  const char *label = term_cut(t, r->label, room);
  term_put(t, VIEW_ACCENT, !constraint ? " " : t->ascii ? "*" : "\xE2\x96\x90"); /* ▐ */
  if (single) {
    snprintf(number, sizeof number, "%d", r->first);
    term_pad(t, 2 + f->number - (int)strlen(number));
    term_put(t, VIEW_DIM, number);
  }
  term_pad(t, cells - 1 - utf8_columns(label, strlen(label)));
  term_put(t, constraint ? VIEW_ACCENT : VIEW_PLAIN, label);
  term_pad(t, cells);
  put_cells(t, s, p, f, row);
  term_newline(t);
}

/* Layer numbers below the cells that they name, as many as fit. */
static void put_axis(term *t, const heatmap *s, const heatmap_panel *p, const map_fit *f) {
  static const int steps[] = {1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 100, 1000};
  const char *name = s->x_name ? s->x_name : "layer";
  int cells = 2 + f->number + 1 + f->label + 1, i = 0;
  while (i < 11 && steps[i] * f->wide < 4 * f->per) i++;
  term_pad(t, cells - 1 - (int)strlen(name));
  term_put(t, VIEW_DIM, name);
  for (int c = 0; c < f->cells && !s->x_name; c++) {
    int layer = p->layers[c * f->per];
    char text[16];
    snprintf(text, sizeof text, "%d", layer);
    int at = cells + c * f->wide;
    bool named = p->layer_count == 1 || layer % steps[i] < f->per;
    if (!named || at < t->column + (c > 0) || at + (int)strlen(text) > t->width) continue;
    term_pad(t, at);
    term_put(t, VIEW_DIM, text);
  }
  term_newline(t);
}

static void put_panel(term *t, const heatmap *s, const heatmap_panel *p) {
  map_fit f = fit_panel(t, p);
  term_words(t, VIEW_BOLD, p->title);
  if (f.per > 1) {
    char text[48];
    snprintf(text, sizeof text, "(%d layers in a column)", f.per);
    term_words(t, VIEW_DIM, text);
  }
  term_newline(t);
  for (int r = 0; r < p->row_count; r++) {
    if (r == p->group_rows && r > 0) term_newline(t);
    put_row(t, s, p, &f, r);
  }
  put_axis(t, s, p, &f);
}

/* ---------------------------------------------------------------- legend */

static void put_number(term *t, double x) {
  char text[32];
  term_put(t, VIEW_PLAIN, fixed_digits(x, 3, text));
}

static void put_run_key(term *t, const heatmap *s) {
  bool colour = t->color != LOCI_COLOR_NONE;
  bool marked = s->panel_count > 0 && (colour || fit_panel(t, &s->panels[0]).wide > 1);
  if (marked) term_words(t, VIEW_DIM, !t->ascii ? "\xE2\x80\xA2" : colour ? "+" : "'");
  term_words(t, VIEW_DIM,
             marked ? "run exactly; other cells are estimates by gradients"
                    : "Most cells are estimates by gradients; only the strongest were run.");
  term_newline(t);
}

static void put_bar(term *t, const heatmap *s) {
  bool diverging = s->lo < 0 && s->hi > 0;
  char last[32] = "", most[24], text[80];
  int steps = t->color != LOCI_COLOR_NONE ? 24 : diverging ? 9 : 10;
  put_number(t, diverging ? s->lo : 0);
  term_put(t, VIEW_PLAIN, " ");
  for (int i = 0; i < steps; i++) {
    double level = 0.99 * i / (steps - 1); /* each shade once or twice */
    map_cell c = {diverging ? 2 * level - 0.99 : s->hi > 0 ? level : -level, false, false};
    put_cell(t, &c, diverging, 1, last);
  }
  if (last[0]) bytes_text(&t->out, "\x1b[0m");
  t->column += steps;
  term_put(t, VIEW_PLAIN, " ");
  put_number(t, s->hi > 0 ? s->hi : s->lo);
  term_put(t, VIEW_PLAIN, "  ");
  term_words(t, VIEW_PLAIN, s->unit);
  if (!(s->most < s->floor)) return;
  snprintf(text, sizeof text, "(hardly any: %s at most)", label_number(s->most, 3, most));
  term_words(t, VIEW_PLAIN, text);
}

static void put_legend(term *t, const heatmap *s) {
  if (s->hi > s->lo) put_bar(t, s);
  if (!(s->hi > s->lo)) term_words(t, VIEW_PLAIN, heatmap_flat(s));
  term_newline(t);
  if (s->has_zero && !(t->ascii && t->color == LOCI_COLOR_NONE)) {
    term_words(t, VIEW_DIM, t->ascii ? "." : "\xC2\xB7");
    term_words(t, VIEW_DIM, "exactly zero, known without a run");
    term_newline(t);
  }
  if (s->screened) put_run_key(t, s);
}

void term_map(term *t, const heatmap *given) {
  heatmap fixed = *given, *s = &fixed;
  heatmap_fix(s, t->scale);
  for (int i = 0; i < s->panel_count; i++) {
    if (i > 0) term_newline(t);
    put_panel(t, s, &s->panels[i]);
  }
  term_newline(t);
  put_legend(t, s);
}

/* ---------------------------------------------------------------- lines */

/* Series as rows of colour: their values, or what they differ from the mark by. */
static bool fill_panel(arena *mem, const view_lines *l, heatmap *s, heatmap_panel *p) {
  int n = l->point_count;
  heatmap_row *rows = arena_zarray(mem, l->series_count, heatmap_row);
  double *values = arena_zarray(mem, (int64_t)l->series_count * n, double);
  bool *zero = arena_zarray(mem, (int64_t)l->series_count * n, bool);
  if (!rows || !values || !zero) return false;
  *s = (heatmap){.mem = mem,
                 .panel_count = 1,
                 .panels = p,
                 .unit = l->change_unit ? l->change_unit : l->unit,
                 .x_name = strcmp(l->x_name, "layer") != 0 ? l->x_name : NULL,
                 .floor = l->floor};
  for (int k = 0; k < l->series_count; k++) {
    rows[k] = (heatmap_row){l->series[k].name, -1, -1, LOCI_ROLE_BEFORE};
    for (int i = 0; i < n; i++) {
      bool exact = l->series[k].zero && l->series[k].zero[i];
      values[k * n + i] = l->series[k].values[i] - (l->change_unit ? l->mark : 0);
      zero[k * n + i] = exact;
      s->has_zero |= exact;
    }
  }
  *p = (heatmap_panel){.title = l->title,
                       .group_rows = l->series_count,
                       .row_count = l->series_count,
                       .rows = rows,
                       .layer_count = n,
                       .layers = l->points,
                       .values = values,
                       .zero = zero};
  heatmap_scale(s);
  return true;
}

void term_lines(term *t, const view_lines *l) {
  heatmap s;
  heatmap_panel panel;
  if (!fill_panel(t->mem, l, &s, &panel)) {
    t->out.failed = true;
    return;
  }
  heatmap_fix(&s, t->scale);
  put_panel(t, &s, &panel);
  put_legend(t, &s);
}
