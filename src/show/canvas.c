/* Cairo's only home (see canvas.h). */
#include "show/canvas.h"

#include <math.h>
#include <cairo-pdf.h>
#include <cairo.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "show/again.h"
#include "show/canvas_svg.h"

/* Cairo falls back to another sans, at worst to its built-in one; but not within a line, so wide
 * characters (Chinese, Japanese, Korean) are set in a font of their own. */
#define FONT "DejaVu Sans"
#define WIDE_FONT "Noto Sans CJK SC"

/* An SVG is written to [data] as it is drawn; Cairo only measures its text. */
struct canvas {
  canvas_kind kind;
  char *title;
  char *note; /* NULL: none */
  bytes data;
  cairo_surface_t *surface;
  cairo_t *cr;
};

static cairo_status_t append(void *ctx, const unsigned char *data, unsigned int n) {
  bytes *b = ctx;
  bytes_add(b, data, n);
  return b->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

/* [scale]: of the page's points to the file's pixels or points. */
static cairo_surface_t *surface_new(canvas *c, canvas_size size, double scale) {
  double width = size.width * scale, height = size.height * scale;
  if (c->kind == CANVAS_PNG) {
    return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)lround(width), (int)lround(height));
  }
  if (c->kind == CANVAS_SVG) return cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1);
  cairo_surface_t *s = cairo_pdf_surface_create_for_stream(append, &c->data, width, height);
  cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_TITLE, c->title);
  cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_CREATOR, "loci " LOCI_VERSION);
  /* a fixed date, so that the same trace gives the same file */
  cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_CREATE_DATE, "2024-01-01T00:00:00Z");
  return s;
}

canvas *canvas_new(canvas_kind kind, canvas_size size, const char *title) {
  enum { FONTS = 32 << 20 }; /* ample: without memory fontconfig ends the program */
  if (!memory_is_there(FONTS)) return NULL;
  canvas *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  double zoom = size.zoom > 0 ? size.zoom : 1, scale = zoom;
  size.width = ceil(size.width); /* a part of a pixel would stay black */
  size.height = ceil(size.height);
  if (kind == CANVAS_PNG) scale *= (size.dpi > 0 ? size.dpi : LOCI_FIGURE_DPI) / 72.0;
  c->kind = kind;
  c->title = strdup(title);
  if (!c->title) {
    free(c);
    return NULL;
  }
  c->surface = surface_new(c, size, scale);
  c->cr = cairo_create(c->surface);
  cairo_font_options_t *options = cairo_font_options_create();
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_set_font_options(c->cr, options);
  cairo_font_options_destroy(options);
  if (kind != CANVAS_SVG) cairo_scale(c->cr, scale, scale);
  if (kind == CANVAS_SVG) svg_begin(&c->data, size.width, size.height, zoom, title);
  canvas_fill(c, (canvas_box){0, 0, size.width + 1, size.height + 1}, (rgb){1, 1, 1});
  return c;
}

void canvas_free(canvas *c) {
  if (!c) return;
  cairo_destroy(c->cr);
  cairo_surface_destroy(c->surface);
  bytes_clear(&c->data);
  free(c->title);
  free(c->note);
  free(c);
}

void canvas_note(canvas *c, const char *json) {
  if (!json) return;
  c->note = strdup(json);
  c->data.failed |= !c->note;
  if (c->note && c->kind == CANVAS_PDF)
    cairo_pdf_surface_set_metadata(c->surface, CAIRO_PDF_METADATA_SUBJECT, c->note);
  if (c->note && c->kind == CANVAS_SVG) svg_metadata(&c->data, c->note);
}

static void set_colour(canvas *c, rgb colour) {
  cairo_set_source_rgb(c->cr, colour.r, colour.g, colour.b);
}

void canvas_fill(canvas *c, canvas_box box, rgb colour) {
  if (c->kind == CANVAS_SVG) {
    svg_fill(&c->data, box, colour);
    return;
  }
  set_colour(c, colour);
  cairo_set_antialias(c->cr, CAIRO_ANTIALIAS_NONE); /* no seams between neighbours */
  cairo_rectangle(c->cr, box.x, box.y, box.w, box.h);
  cairo_fill(c->cr);
  cairo_set_antialias(c->cr, CAIRO_ANTIALIAS_DEFAULT);
}

void canvas_frame(canvas *c, canvas_box box, double width, rgb colour) {
  if (c->kind == CANVAS_SVG) {
    svg_frame(&c->data, box, width, colour);
    return;
  }
  set_colour(c, colour);
  cairo_set_line_width(c->cr, width);
  cairo_rectangle(c->cr, box.x, box.y, box.w, box.h);
  cairo_stroke(c->cr);
}

void canvas_line(canvas *c, double x0, double y0, double x1, double y1, double width, rgb colour) {
  if (c->kind == CANVAS_SVG) {
    svg_line(&c->data, (double[]){x0, y0, x1, y1}, width, colour);
    return;
  }
  set_colour(c, colour);
  cairo_set_line_width(c->cr, width);
  cairo_move_to(c->cr, x0, y0);
  cairo_line_to(c->cr, x1, y1);
  cairo_stroke(c->cr);
}

void canvas_area(canvas *c, const double *corners, int count, rgb colour, double opacity) {
  if (c->kind == CANVAS_SVG) {
    svg_area(&c->data, corners, count, colour, opacity);
    return;
  }
  cairo_set_source_rgba(c->cr, colour.r, colour.g, colour.b, opacity);
  cairo_new_path(c->cr);
  for (int i = 0; i < count; i++) cairo_line_to(c->cr, corners[2 * i], corners[2 * i + 1]);
  cairo_close_path(c->cr);
  cairo_fill(c->cr);
}

void canvas_disc(canvas *c, double x, double y, double radius, rgb colour) {
  if (c->kind == CANVAS_SVG) {
    svg_disc(&c->data, (double[]){x, y}, radius, colour);
    return;
  }
  set_colour(c, colour);
  cairo_new_sub_path(c->cr);
  cairo_arc(c->cr, x, y, radius, 0, 2 * acos(-1));
  cairo_fill(c->cr);
}

/* The lines x + y = k step that cross a box; a union's lines meet, because k counts from 0. */
static void hatch_box(canvas *c, const canvas_box *b, double step, rgb colour) {
  double x1 = b->x + b->w, y1 = b->y + b->h;
  int64_t first = (int64_t)ceil((b->x + b->y) / step), last = (int64_t)ceil((x1 + y1) / step);
  for (int64_t k = first; k < last; k++) {
    double at = (double)k * step;
    double from = fmax(b->x, at - y1), to = fmin(x1, at - b->y);
    if (to > from) canvas_line(c, from, at - from, to, at - to, 0.4, colour);
  }
}

void canvas_hatch(canvas *c, const canvas_box *boxes, int count, double step, rgb colour) {
  for (int i = 0; i < count; i++) hatch_box(c, &boxes[i], step, colour);
}

static void set_font(canvas *c, const canvas_font *font, bool wide) {
  cairo_select_font_face(c->cr, wide ? WIDE_FONT : FONT,
                         font->italic ? CAIRO_FONT_SLANT_ITALIC : CAIRO_FONT_SLANT_NORMAL,
                         font->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(c->cr, font->size);
}

/* Length of the run of all wide or all other characters at s. */
static size_t run_of(const char *s, bool *wide) {
  size_t n = strlen(s), i = 0;
  while (i < n) {
    uint32_t rune;
    int k = utf8_decode(s + i, n - i, &rune);
    bool is_wide = k > 0 && utf8_columns(s + i, (size_t)k) == 2;
    if (i == 0) *wide = is_wide;
    if (is_wide != *wide) break;
    i += k > 0 ? (size_t)k : 1;
  }
  return i;
}

/* Sets the runs of [text] one after the other at x, or only measures them; returns their width. */
static double set_runs(canvas *c, double x, double y, const canvas_font *font, const char *text,
                       bool show) {
  char run[512];
  double width = 0;
  bool wide = false;
  while (*text) {
    size_t n = run_of(text, &wide);
    while (n >= sizeof run || (n > 0 && ((uint8_t)text[n] & 0xC0) == 0x80)) n--;
    if (n == 0) break;
    memcpy(run, text, n);
    run[n] = 0;
    text += n;
    cairo_text_extents_t e = {0};
    set_font(c, font, wide);
    cairo_text_extents(c->cr, run, &e);
    if (show) {
      cairo_move_to(c->cr, x + width, y);
      cairo_show_text(c->cr, run);
    }
    width += e.x_advance;
  }
  return width;
}

double canvas_text_width(canvas *c, const canvas_font *font, const char *text) {
  return set_runs(c, 0, 0, font, text, false);
}

void canvas_text(canvas *c, double x, double y, canvas_align align, const canvas_font *font,
                 const char *text) {
  if (c->kind == CANVAS_SVG) {
    svg_text(&c->data, (double[]){x, y}, align, font, text);
    return;
  }
  double width = align == CANVAS_LEFT ? 0 : canvas_text_width(c, font, text);
  set_colour(c, font->colour);
  set_runs(c, x - (align == CANVAS_RIGHT ? width : width / 2), y, font, text, true);
}

/* ---------------------------------------------------------------- pictures */

/* An image surface; its status tells whether there was memory for it. */
static cairo_surface_t *surface_of_rgb(const uint8_t *pixels, int width, int height) {
  cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
  if (cairo_surface_status(s) != CAIRO_STATUS_SUCCESS) return s;
  cairo_surface_flush(s);
  uint8_t *data = cairo_image_surface_get_data(s);
  int stride = cairo_image_surface_get_stride(s);
  for (int y = 0; y < height; y++) {
    uint32_t *row = (uint32_t *)(void *)(data + (int64_t)y * stride);
    const uint8_t *from = pixels + (int64_t)y * width * 3;
    for (int x = 0; x < width; x++, from += 3)
      row[x] = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
  }
  cairo_surface_mark_dirty(s);
  return s;
}

void canvas_picture(canvas *c, canvas_box box, const uint8_t *pixels, int width, int height) {
  if (c->kind == CANVAS_SVG) {
    bytes png = {0};
    c->data.failed |= canvas_png_of_rgb(pixels, width, height, &png, NULL) != LOCI_OK;
    if (!c->data.failed) svg_picture(&c->data, box, &png);
    bytes_clear(&png);
    return;
  }
  cairo_surface_t *s = surface_of_rgb(pixels, width, height);
  cairo_save(c->cr);
  cairo_translate(c->cr, box.x, box.y);
  cairo_rectangle(c->cr, 0, 0, box.w, box.h);
  cairo_scale(c->cr, box.w / width, box.h / height);
  cairo_set_source_surface(c->cr, s, 0, 0);
  cairo_pattern_set_extend(cairo_get_source(c->cr), CAIRO_EXTEND_PAD); /* no faded border */
  cairo_pattern_set_filter(cairo_get_source(c->cr), CAIRO_FILTER_GOOD);
  cairo_fill(c->cr);
  cairo_restore(c->cr);
  cairo_surface_destroy(s);
}

/* ---------------------------------------------------------------- files */

static loci_status status_of(cairo_status_t s, loci_err *err) {
  if (s == CAIRO_STATUS_SUCCESS) return LOCI_OK;
  if (s == CAIRO_STATUS_NO_MEMORY) return fail_nomem(err, "drawing");
  return fail(err, LOCI_EINVAL, "the picture cannot be drawn: %s", cairo_status_to_string(s));
}

loci_status canvas_check(const canvas *c, loci_err *err) {
  return status_of(cairo_status(c->cr), err);
}

/* Cairo does not tell what kept it from finishing a PDF: without memory the file ends anywhere, or
 * its trailer (cairo 1.18 has none) counts, from 0, objects that were never written. */
static bool is_whole_pdf(const bytes *b) {
  static const char object[] = " 0 obj\n", size[] = "<< /Size ", end[] = "%%EOF\n";
  long objects = 0, counted = 0;
  const char *data = (const char *)b->data;
  size_t n = sizeof end - 1;
  if (b->size < n || memcmp(data + b->size - n, end, n) != 0) return false;
  for (size_t i = 0; i + sizeof size < b->size; i++) {
    objects += memcmp(data + i, object, sizeof object - 1) == 0;
    if (memcmp(data + i, size, sizeof size - 1) == 0)
      counted = strtol(data + i + sizeof size - 1, NULL, 10);
  }
  return !counted || counted == objects + 1;
}

loci_status canvas_finish(canvas *c, bytes *out, loci_err *err) {
  TRY(canvas_check(c, err));
  if (c->kind == CANVAS_PNG)
    TRY(status_of(cairo_surface_write_to_png_stream(c->surface, append, &c->data), err));
  if (c->kind == CANVAS_PNG && c->note) again_into_png(&c->data, c->note);
  if (c->kind == CANVAS_PDF) cairo_show_page(c->cr);
  if (c->kind == CANVAS_SVG) svg_end(&c->data);
  cairo_surface_finish(c->surface);
  TRY(status_of(cairo_surface_status(c->surface), err));
  if (c->kind == CANVAS_PDF) c->data.failed |= !is_whole_pdf(&c->data);
  if (c->data.failed) return fail_nomem(err, "drawing");
  bytes_add(out, c->data.data, c->data.size);
  return out->failed ? fail_nomem(err, "drawing") : LOCI_OK;
}

loci_status canvas_png_of_rgb(const uint8_t *pixels, int width, int height, bytes *out,
                              loci_err *err) {
  cairo_surface_t *s = surface_of_rgb(pixels, width, height);
  loci_status st = LOCI_OK;
  TRY_DONE(status_of(cairo_surface_status(s), err));
  TRY_DONE(status_of(cairo_surface_write_to_png_stream(s, append, out), err));
done:
  cairo_surface_destroy(s);
  return st;
}
