/* A page to draw on, in points (1/72 inch), origin at the top left: the fence round Cairo.  The
 * same calls give a PNG (two pixels per point), a PDF, or an SVG (canvas_svg.c).  Errors are
 * remembered inside and come out of canvas_finish.  The same calls give the same bytes. */
#ifndef LOCI_SHOW_CANVAS_H
#define LOCI_SHOW_CANVAS_H

#include "show/bytes.h"
#include "show/colormap.h"

typedef enum canvas_kind { CANVAS_PNG, CANVAS_SVG, CANVAS_PDF } canvas_kind;
typedef enum canvas_align { CANVAS_LEFT, CANVAS_CENTRE, CANVAS_RIGHT } canvas_align;

typedef struct canvas_font {
  double size;
  bool bold, italic;
  rgb colour;
} canvas_font;

typedef struct canvas canvas;

typedef struct canvas_box {
  double x, y, w, h;
} canvas_box;

/* How large the page comes out. */
typedef struct canvas_size {
  double width, height; /* in points */
  double zoom;          /* of all in the file; 0: 1 */
  int dpi;              /* pixels of a PNG an inch; 0: 144 */
} canvas_size;

/* A white page, of whole points.  NULL: out of memory.  [title] (printable) goes into the file's
 * description. */
canvas *canvas_new(canvas_kind kind, canvas_size size, const char *title);
void canvas_free(canvas *c);
/* One line of JSON that goes into the file, unseen (again.h); NULL: nothing. */
void canvas_note(canvas *c, const char *json);

void canvas_fill(canvas *c, canvas_box box, rgb colour);
void canvas_frame(canvas *c, canvas_box box, double width, rgb colour);
void canvas_line(canvas *c, double x0, double y0, double x1, double y1, double width, rgb colour);
/* The area inside [count] corners (x, y, x, y, ...), seen through: opacity 0 to 1. */
void canvas_area(canvas *c, const double *corners, int count, rgb colour, double opacity);
void canvas_disc(canvas *c, double x, double y, double radius, rgb colour);
/* Diagonal lines inside the union of the boxes. */
void canvas_hatch(canvas *c, const canvas_box *boxes, int count, double step, rgb colour);
/* 8-bit RGB pixels (height, width, 3), stretched to the box. */
void canvas_picture(canvas *c, canvas_box box, const uint8_t *pixels, int width, int height);
/* One line of printable UTF-8, its baseline at y. */
void canvas_text(canvas *c, double x, double y, canvas_align align, const canvas_font *font,
                 const char *text);
double canvas_text_width(canvas *c, const canvas_font *font, const char *text);

/* Whether all that was drawn or measured so far is right: a width is 0 where memory was out. */
loci_status canvas_check(const canvas *c, loci_err *err);
/* The file; the canvas is used up but still has to be freed. */
loci_status canvas_finish(canvas *c, bytes *out, loci_err *err);

/* A PNG file of 8-bit RGB pixels (height, width, 3). */
loci_status canvas_png_of_rgb(const uint8_t *pixels, int width, int height, bytes *out,
                              loci_err *err);

#endif
