/* Text round the drawing, and pages for a browser (see plot_page.h). */
#include "show/plot_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "show/label.h"

const double PLOT_MARGIN = 20;
const canvas_font plot_title_font = {12, true, false, {0.13, 0.13, 0.15}};
const canvas_font plot_text_font = {8.5, false, false, {0.25, 0.25, 0.28}};
const canvas_font plot_note_font = {7, false, false, {0.45, 0.45, 0.48}};

double plot_half_points(double x, double lo, double hi) {
  double y = floor(x * 2) / 2;
  return y < lo ? lo : y > hi ? hi : y;
}

/* Bytes of [text] that fit in [width], cut at a blank if there is one. */
static size_t fitting(canvas *ruler, arena *mem, const canvas_font *font, const char *text,
                      double width) {
  size_t n = strlen(text), fit = 0, blank = 0;
  for (size_t i = 0; i < n;) {
    uint32_t rune;
    int k = utf8_decode(text + i, n - i, &rune);
    i += k > 0 ? (size_t)k : 1;
    char *part = arena_strndup(mem, text, i);
    if (!part || canvas_text_width(ruler, font, part) > width) return blank > 0 ? blank : fit;
    fit = i;
    if (i < n && text[i] == ' ') blank = i;
  }
  return n;
}

void plot_page_add(plot_page *p, const canvas_font *font, const char *text, int most, double *y) {
  const char *rest = label_text(p->mem, text);
  double width = p->width - 2 * PLOT_MARGIN;
  while (rest && *rest && most-- > 0 && p->line_count < PLOT_PAGE_LINES) {
    size_t n = fitting(p->ruler, p->mem, font, rest, width);
    if (n == 0) return;
    char *line = arena_strndup(p->mem, rest, n);
    if (most == 0 && rest[n]) {
      n = fitting(p->ruler, p->mem, font, rest, width - font->size);
      line = arena_alloc(p->mem, (int64_t)n + 4, 1);
      if (line) snprintf(line, n + 4, "%.*s\xE2\x80\xA6", (int)n, rest);
    }
    if (!line) return;
    *y += font->size * 1.35;
    p->lines[p->line_count++] = (plot_line){font, line, *y};
    rest += n;
    rest += strspn(rest, " ");
  }
}

void plot_page_edits(plot_page *p, const loci_model_info *m, double *y) {
  char text[512];
  for (int i = 0; m && i < m->edit_count; i++) {
    snprintf(text, sizeof text, "edited: %.480s", m->edits[i].title);
    plot_page_add(p, &plot_note_font, text, 2, y);
  }
}

void plot_page_made_by(plot_page *p, const loci_model_info *model, const char *precision,
                       double *y) {
  char text[256];
  snprintf(text, sizeof text, "%s, %s, loci %s", label_model(model), precision ? precision : "",
           LOCI_VERSION);
  plot_page_add(p, &plot_note_font, text, 1, y);
  plot_page_edits(p, model, y);
}

static loci_status draw_page(plot_page *p, const plot_picture *picture, const char *title,
                             canvas_kind kind, bytes *out, loci_err *err) {
  char *label = p->mem ? label_text(p->mem, title ? title : "") : NULL;
  if (!label || !p->ruler || !picture->lay_out(p)) return fail_nomem(err, picture->doing);
  canvas *c = canvas_new(kind, p->width, p->height, label);
  if (!c) return fail_nomem(err, picture->doing);
  for (int i = 0; i < p->line_count; i++)
    canvas_text(c, PLOT_MARGIN, p->lines[i].y, CANVAS_LEFT, p->lines[i].font, p->lines[i].text);
  loci_status st =
      picture->draw(p, c) ? canvas_finish(c, out, err) : fail_nomem(err, picture->doing);
  canvas_free(c);
  return st;
}

loci_status plot_page_draw(plot_page *p, const plot_picture *picture, const char *title,
                           canvas_kind kind, bytes *out, loci_err *err) {
  p->mem = arena_new();
  p->ruler = canvas_new(CANVAS_PNG, 1, 1, "");
  loci_status st = draw_page(p, picture, title, kind, out, err);
  canvas_free(p->ruler);
  arena_free(p->mem);
  return st;
}

loci_status plot_html(const char *title, bytes *svg, bytes *out, loci_err *err) {
  char *text = NULL;
  TRY(bytes_take(svg, &text, NULL, err));
  const char *body = strstr(text, "<svg");
  bytes_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width\">\n");
  bytes_format(out, "<title>loci: %s</title>\n", title);
  bytes_text(out, "<style>body { margin: 2em auto; max-width: 72em; padding: 0 1em; "
                  "background: #fff; } svg { max-width: 100%; height: auto; }</style>\n");
  bytes_text(out, body ? body : text);
  bytes_text(out, "</html>\n");
  loci_text_free(text);
  return out->failed ? fail_nomem(err, "drawing a page") : LOCI_OK;
}
