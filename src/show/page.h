/* The page's back end: blocks one below the other, drawings that belong together side by side, the
 * same for PNG, SVG and PDF.  page.c measures and places; page_map.c, page_lines.c, page_bars.c,
 * page_words.c and page_overlay.c draw what is placed. */
#ifndef LOCI_SHOW_PAGE_H
#define LOCI_SHOW_PAGE_H

#include "show/canvas.h"
#include "show/view.h"

/* How a figure is wanted; all 0: as it comes. */
typedef struct page_look {
  double width; /* of the file, in points */
  double scale; /* the end of colours and value axes */
  bool bare;    /* the drawings with their headings and warnings alone */
  int dpi;      /* of a PNG */
} page_look;

/* The blocks from [first] to before [end] (NULL: all) as a file; [title] is its description. */
loci_status page_of_blocks(const view_block *first, const view_block *end, const char *title,
                           canvas_kind kind, bytes *out, loci_err *err);
/* A result as a file. */
loci_status page_draw(view_fn *say, const void *result, const loci_draw_opts *opts,
                      canvas_kind kind, bytes *out, loci_err *err);
/* A page of its own with an SVG inside, for a browser; uses [svg] up. */
loci_status page_html(const char *title, bytes *svg, bytes *out, loci_err *err);

/* ---------------------------------------------------------------- inside */

typedef struct page {
  arena *mem;
  canvas *ruler; /* measures text before the page exists */
  const view_block *first, *end;
  page_look look;
  double width;
} page;

/* A drawing and the room it takes: a frame, and what stands round it. */
typedef struct page_part {
  const view_block *block;
  bool alone;                     /* no drawing of the page stands beside another */
  const struct page_part *before; /* the one it stands beside; or NULL */
  canvas_box box;                 /* the frame */
  double left, right, above, below;
  void *own; /* what measuring found */
} page_part;

/* They set all but the place; false: out of memory. */
typedef bool page_measure_fn(page *p, page_part *part);
typedef bool page_draw_fn(page *p, canvas *c, const page_part *part);

page_measure_fn page_map_measure, page_lines_measure, page_bars_measure, page_words_measure,
    page_overlay_measure;
page_draw_fn page_map_draw, page_lines_draw, page_bars_draw, page_words_draw, page_overlay_draw;

/* Down to a multiple of half a point, between lo and hi. */
double page_half_points(double x, double lo, double hi);

/* ---- the scale (page_scale.c) */

/* The colour bar in a box, its unit above, its numbers below; and the keys beside it. */
void page_scale(canvas *c, const heatmap *s, canvas_box box);
/* The spot of a cell that was run among estimates; [under]: the cell's colour. */
void page_run_mark(canvas *c, canvas_box cell, rgb under);

/* A number at an axis. */
typedef struct page_tick {
  double x, width; /* its middle, from the axis' begin; of the text */
  char text[32];
} page_tick;

enum { PAGE_TICKS = 12 };

/* Round numbers from lo to hi that do not touch each other along [width] points; returns how many.
 * They are to be multiplied by 10 to the *exponent. */
int page_ticks(canvas *ruler, double lo, double hi, double width, page_tick out[PAGE_TICKS],
               int *exponent);
/* "unit (×10⁻⁴)", in the arena. */
const char *page_unit(arena *mem, const char *unit, int exponent);
/* The multiples of layers that have room if a layer takes [apart] points. */
int page_layer_step(double apart);

/* ---- series (page_lines.c) */

rgb page_hue(int series); /* PAGE_HUES different ones, then again from the first */
enum { PAGE_HUES = 7 };
void page_dashes(canvas *c, double x0, double y0, double x1, double y1);
/* Draws the key of an entry into its box. */
typedef void page_key_fn(canvas *c, const void *ctx, int entry, canvas_box key);
/* Keys and names from the box's corner on, in lines as wide as the box; returns the height.  With
 * [c] NULL it is only measured. */
double page_legend(canvas *ruler, canvas *c, const char *const *names, int n, canvas_box box,
                   page_key_fn *draw_key, const void *ctx);

/* Greys and accents of the page. */
extern const rgb page_ink, page_grey, page_faint, page_accent, page_image, page_zero;
extern const canvas_font page_tick_font, page_name_font;

#endif
