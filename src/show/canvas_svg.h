/* SVG, written by hand: text stays text, neighbouring cells leave no hairlines, and nothing has a
 * number or a name that could clash with another figure on the same page. */
#ifndef LOCI_SHOW_CANVAS_SVG_H
#define LOCI_SHOW_CANVAS_SVG_H

#include "show/canvas.h"

/* In points, which stand for [zoom] of them. */
void svg_begin(bytes *out, double width, double height, double zoom, const char *title);
/* After svg_begin; [text] may be any. */
void svg_metadata(bytes *out, const char *text);
void svg_end(bytes *out);
void svg_fill(bytes *out, canvas_box box, rgb colour);
void svg_frame(bytes *out, canvas_box box, double width, rgb colour);
void svg_line(bytes *out, const double ends[4], double width, rgb colour);
void svg_area(bytes *out, const double *corners, int count, rgb colour, double opacity);
void svg_disc(bytes *out, const double at[2], double radius, rgb colour);
/* [png]: the bytes of a PNG file. */
void svg_picture(bytes *out, canvas_box box, const bytes *png);
void svg_text(bytes *out, const double at[2], canvas_align align, const canvas_font *font,
              const char *text);

#endif
