/* SVG (see canvas_svg.h).  Numbers are written in hundredths of a point, so that no locale has a
 * say in them. */
#include "show/canvas_svg.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* The same family as Cairo's, then what other systems have for it. */
static const char fonts[] = "'DejaVu Sans',Verdana,'Noto Sans','Noto Sans CJK SC',sans-serif";

/* Filled boxes, which are many, are crisp by the page's own attribute; the rest is not. */
static const char smooth[] = " shape-rendering=\"auto\"/>\n";

static void put_number(bytes *out, double x) {
  if (!isfinite(x)) x = 0;
  int64_t n = llround(fmin(fmax(x, -1e9), 1e9) * 100);
  uint64_t size = n < 0 ? (uint64_t)-n : (uint64_t)n;
  bytes_format(out, "%s%" PRIu64, n < 0 ? "-" : "", size / 100);
  if (size % 100 != 0) bytes_format(out, ".%02" PRIu64, size % 100);
}

/* " x=\"1.5\"" */
static void put(bytes *out, const char *name, double x) {
  bytes_format(out, " %s=\"", name);
  put_number(out, x);
  bytes_text(out, "\"");
}

static void put_colour(bytes *out, const char *name, rgb c) {
  bytes_format(out, " %s=\"#%02x%02x%02x\"", name, colormap_byte(c.r), colormap_byte(c.g),
               colormap_byte(c.b));
}

static void put_box(bytes *out, canvas_box box) {
  put(out, "x", box.x);
  put(out, "y", box.y);
  put(out, "width", box.w);
  put(out, "height", box.h);
}

void svg_begin(bytes *out, double width, double height, double zoom, const char *title) {
  bytes_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg "
                  "xmlns=\"http://www.w3.org/2000/svg\" "
                  "xmlns:xlink=\"http://www.w3.org/1999/xlink\"");
  bytes_text(out, " width=\"");
  put_number(out, width * zoom);
  bytes_text(out, "pt\" height=\"");
  put_number(out, height * zoom);
  bytes_format(out, "pt\" viewBox=\"0 0 %.0f %.0f\"", width, height);
  bytes_format(out, " font-family=\"%s\" shape-rendering=\"crispEdges\">\n<title>", fonts);
  bytes_escaped(out, title);
  bytes_text(out, "</title>\n");
}

void svg_metadata(bytes *out, const char *text) {
  bytes_text(out, "<metadata>");
  bytes_escaped(out, text);
  bytes_text(out, "</metadata>\n");
}

void svg_end(bytes *out) { bytes_text(out, "</svg>\n"); }

void svg_fill(bytes *out, canvas_box box, rgb colour) {
  bytes_text(out, "<rect");
  put_box(out, box);
  put_colour(out, "fill", colour);
  bytes_text(out, "/>\n");
}

void svg_frame(bytes *out, canvas_box box, double width, rgb colour) {
  bytes_text(out, "<rect");
  put_box(out, box);
  put_colour(out, "stroke", colour);
  put(out, "stroke-width", width);
  bytes_text(out, " fill=\"none\"");
  bytes_text(out, smooth);
}

void svg_line(bytes *out, const double ends[4], double width, rgb colour) {
  bytes_text(out, "<line");
  put(out, "x1", ends[0]);
  put(out, "y1", ends[1]);
  put(out, "x2", ends[2]);
  put(out, "y2", ends[3]);
  put_colour(out, "stroke", colour);
  put(out, "stroke-width", width);
  bytes_text(out, smooth);
}

void svg_area(bytes *out, const double *corners, int count, rgb colour, double opacity) {
  bytes_text(out, "<polygon points=\"");
  for (int i = 0; i < 2 * count; i++) {
    put_number(out, corners[i]);
    bytes_text(out, i % 2 ? " " : ",");
  }
  bytes_text(out, "\"");
  put_colour(out, "fill", colour);
  put(out, "fill-opacity", opacity);
  bytes_text(out, smooth);
}

void svg_disc(bytes *out, const double at[2], double radius, rgb colour) {
  bytes_text(out, "<circle");
  put(out, "cx", at[0]);
  put(out, "cy", at[1]);
  put(out, "r", radius);
  put_colour(out, "fill", colour);
  bytes_text(out, smooth);
}

static void put_base64(bytes *out, const char *data, size_t n) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const unsigned char *x = (const unsigned char *)data;
  for (size_t i = 0; i < n; i += 3) {
    uint32_t three = (uint32_t)x[i] << 16 | (i + 1 < n ? (uint32_t)x[i + 1] << 8 : 0) |
                     (i + 2 < n ? x[i + 2] : 0);
    char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                    i + 1 < n ? digits[three >> 6 & 63] : '=',
                    i + 2 < n ? digits[three & 63] : '='};
    bytes_add(out, four, 4);
  }
}

void svg_picture(bytes *out, canvas_box box, const bytes *png) {
  bytes_text(out, "<image");
  put_box(out, box);
  bytes_text(out, " preserveAspectRatio=\"none\" xlink:href=\"data:image/png;base64,");
  put_base64(out, png->data, png->size);
  bytes_text(out, "\"/>\n");
}

void svg_text(bytes *out, const double at[2], canvas_align align, const canvas_font *font,
              const char *text) {
  static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
  bytes_text(out, "<text");
  put(out, "x", at[0]);
  put(out, "y", at[1]);
  put(out, "font-size", font->size);
  put_colour(out, "fill", font->colour);
  bytes_text(out, anchors[align]);
  if (font->bold) bytes_text(out, " font-weight=\"bold\"");
  if (font->italic) bytes_text(out, " font-style=\"italic\"");
  bytes_text(out, " xml:space=\"preserve\">");
  bytes_escaped(out, text);
  bytes_text(out, "</text>\n");
}
