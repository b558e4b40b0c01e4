/* The canvas of a library without cairo (LOCI_SHOW=OFF): nothing is drawn, and canvas_finish says
 * so.  Texts for terminals, JSON and CSV do not come here. */
#include <stdlib.h>
#include <string.h>

#include "show/canvas.h"

struct canvas {
  char unused;
};

static loci_status no_pictures(bytes *out, loci_err *err) {
  *out = (bytes){0};
  return fail(err, LOCI_EUNSUPPORTED, "this loci was built without pictures (LOCI_SHOW)");
}

canvas *canvas_new(canvas_kind kind, canvas_size size, const char *title) {
  (void)kind, (void)size, (void)title;
  return calloc(1, sizeof(canvas));
}
void canvas_free(canvas *c) { free(c); }
void canvas_note(canvas *c, const char *json) { (void)c, (void)json; }

void canvas_fill(canvas *c, canvas_box box, rgb colour) { (void)c, (void)box, (void)colour; }
void canvas_frame(canvas *c, canvas_box box, double width, rgb colour) {
  (void)c, (void)box, (void)width, (void)colour;
}
void canvas_line(canvas *c, double x0, double y0, double x1, double y1, double width, rgb colour) {
  (void)c, (void)x0, (void)y0, (void)x1, (void)y1, (void)width, (void)colour;
}
void canvas_area(canvas *c, const double *corners, int count, rgb colour, double opacity) {
  (void)c, (void)corners, (void)count, (void)colour, (void)opacity;
}
void canvas_disc(canvas *c, double x, double y, double radius, rgb colour) {
  (void)c, (void)x, (void)y, (void)radius, (void)colour;
}
void canvas_hatch(canvas *c, const canvas_box *boxes, int count, double step, rgb colour) {
  (void)c, (void)boxes, (void)count, (void)step, (void)colour;
}
void canvas_picture(canvas *c, canvas_box box, const uint8_t *pixels, int width, int height) {
  (void)c, (void)box, (void)pixels, (void)width, (void)height;
}
void canvas_text(canvas *c, double x, double y, canvas_align align, const canvas_font *font,
                 const char *text) {
  (void)c, (void)x, (void)y, (void)align, (void)font, (void)text;
}
double canvas_text_width(canvas *c, const canvas_font *font, const char *text) {
  (void)c;
  return font->size / 2 * (double)strlen(text);
}

loci_status canvas_check(const canvas *c, loci_err *err) {
  (void)c, (void)err;
  return LOCI_OK;
}

loci_status canvas_finish(canvas *c, bytes *out, loci_err *err) {
  (void)c;
  return no_pictures(out, err);
}
loci_status canvas_png_of_rgb(const uint8_t *pixels, int width, int height, bytes *out,
                              loci_err *err) {
  (void)pixels, (void)width, (void)height;
  return no_pictures(out, err);
}
