/* The colour bar: its stripes, the numbers below it, its unit, and the key for exact zeros (see
 * page.h).  Numbers far from 1 are written without their power of ten, which stands once with the
 * unit; and there are as many as have room beside each other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fixed.h"
#include "show/page.h"

/* What the bar shows, in units of its power of ten, and how long it is in points. */
typedef struct tick_range {
  double lo, hi, width;
} tick_range;

/* The least of 1, 2 or 5 times a power of ten that is not less than x. */
static double round_step(double x) {
  double power = pow(10, floor(log10(x))), m = x / power;
  return power * (m < 1.001 ? 1 : m < 2.001 ? 2 : m < 5.001 ? 5 : 10);
}

/* The power of ten that is taken out of the numbers; 0 for those one reads at a glance. */
static int exponent_of(double lo, double hi) {
  int power = (int)floor(log10(fmax(fabs(lo), fabs(hi))));
  return power < -2 || power > 3 ? power : 0;
}

/* A number with as many decimals as its step, and a true minus sign. */
static void tick_text(double x, int decimals, char out[32]) {
  snprintf(out, 32, "%s%.*f", x < 0 ? "\xE2\x88\x92" : "", x == 0 ? 0 : decimals, fabs(x));
}

/* Ticks at the multiples of a step; how many, or 0 if two of them would touch. */
static int place_ticks(canvas *ruler, const tick_range *r, double step, page_tick *out) {
  const double gap = 5;
  int decimals = (int)fmax(0, -floor(log10(step) + 1e-9)), n = 0;
  int first = (int)ceil(r->lo / step - 1e-6), last = (int)floor(r->hi / step + 1e-6);
  for (int k = first; k <= last && n < PAGE_TICKS; k++) {
    page_tick *t = &out[n];
    t->x = r->width * (k * step - r->lo) / (r->hi - r->lo);
    tick_text(k * step, decimals, t->text);
    t->width = canvas_text_width(ruler, &page_tick_font, t->text);
    if (n > 0 && t->x - t->width / 2 < t[-1].x + t[-1].width / 2 + gap) return 0;
    n++;
  }
  return n;
}

int page_ticks(canvas *ruler, double lo, double hi, double width, page_tick out[PAGE_TICKS],
               int *exponent) {
  *exponent = exponent_of(lo, hi);
  double unit = pow(10, *exponent);
  tick_range r = {lo / unit, hi / unit, width};
  double step = round_step((r.hi - r.lo) / 6);
  int n = 0;
  while (step <= r.hi - r.lo && (n = place_ticks(ruler, &r, step, out)) == 0)
    step = round_step(step * 1.5);
  return n;
}

/* ---------------------------------------------------------------- drawing */

static void draw_stripes(canvas *c, const heatmap *s, canvas_box box) {
  enum { STRIPES = 128 };
  bool diverging = s->lo < 0 && s->hi > 0;
  for (int i = 0; i < STRIPES; i++) {
    double value = s->lo + (s->hi - s->lo) * (i + 0.5) / STRIPES;
    double under = i + 1 < STRIPES ? 0.5 : 0;
    canvas_box stripe = {box.x + box.w * i / STRIPES, box.y, box.w / STRIPES + under, box.h};
    canvas_fill(c, stripe, colormap(heatmap_level(s, value), diverging));
  }
  canvas_frame(c, box, 0.6, page_grey);
}

const char *page_unit(arena *mem, const char *unit, int exponent) {
  static const char *const digits[] = {
      "\xE2\x81\xB0", "\xC2\xB9",     "\xC2\xB2",     "\xC2\xB3",     "\xE2\x81\xB4",
      "\xE2\x81\xB5", "\xE2\x81\xB6", "\xE2\x81\xB7", "\xE2\x81\xB8", "\xE2\x81\xB9"};
  char number[16], power[64] = "";
  if (exponent == 0) return unit;
  snprintf(number, sizeof number, "%d", exponent);
  size_t at = 0;
  for (const char *d = number; *d; d++)
    at = fixed_add(power, sizeof power, at, "%s", *d == '-' ? "\xE2\x81\xBB" : digits[*d - '0']);
  size_t n = strlen(unit) + sizeof power + 16;
  char *text = arena_alloc(mem, (int64_t)n, 1);
  if (!text) return unit;
  snprintf(text, n,
           "%s (\xC3\x97"
           "10%s)",
           unit, power);
  return text;
}

int page_layer_step(double apart) {
  static const int steps[] = {1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 100};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    if (steps[i] * apart >= 17) return steps[i];
  }
  return 1000;
}

static void draw_bar(canvas *c, const heatmap *s, canvas_box box) {
  canvas_font font = {8, false, false, page_ink};
  page_tick ticks[PAGE_TICKS];
  char most[24], text[160];
  int exponent, n = page_ticks(c, s->lo, s->hi, box.w, ticks, &exponent);
  const char *unit = page_unit(s->mem, s->unit, exponent);
  if (s->most < s->floor) {
    snprintf(text, sizeof text, "%s (hardly any: %s at most)", unit,
             label_number(s->most, 3, most));
    unit = text;
  }
  canvas_text(c, box.x, box.y - 4, CANVAS_LEFT, &font, unit);
  draw_stripes(c, s, box);
  for (int i = 0; i < n; i++) {
    double x = box.x + ticks[i].x, y = box.y + box.h;
    canvas_line(c, x, y, x, y + 2.5, 0.6, page_grey);
    canvas_text(c, x, y + 10.5, CANVAS_CENTRE, &page_tick_font, ticks[i].text);
  }
}

void page_run_mark(canvas *c, canvas_box cell, rgb under) {
  bool bright = 0.3 * under.r + 0.6 * under.g + 0.1 * under.b > 0.55;
  double radius = fmin(fmin(cell.w, cell.h) * 0.2, 1.6);
  canvas_disc(c, cell.x + cell.w / 2, cell.y + cell.h / 2, radius,
              bright ? page_ink : (rgb){1, 1, 1});
}

void page_scale(canvas *c, const heatmap *s, canvas_box box) {
  canvas_font font = {8, false, false, page_ink};
  bool flat = !(s->hi > s->lo);
  if (flat) {
    canvas_text(c, box.x, box.y - 4, CANVAS_LEFT, &font, heatmap_flat(s));
  } else {
    draw_bar(c, s, box);
  }
  canvas_box key = {box.x + (flat ? 0 : box.w + 22), box.y, 14, box.h};
  font.size = 7.5;
  if (s->screened) {
    canvas_box run = {key.x, key.y - 13, key.w, key.h};
    rgb under = colormap(0.7, s->lo < 0 && s->hi > 0);
    canvas_fill(c, run, under);
    page_run_mark(c, run, under);
    canvas_frame(c, run, 0.6, page_grey);
    canvas_text(c, run.x + run.w + 5, run.y + run.h - 1.6, CANVAS_LEFT, &font,
                "run exactly; other cells are estimates by gradients");
  }
  if (!s->has_zero) return;
  canvas_fill(c, key, page_zero);
  canvas_hatch(c, &key, 1, 4, page_faint);
  canvas_frame(c, key, 0.6, page_grey);
  canvas_text(c, key.x + key.w + 5, key.y + key.h - 1.6, CANVAS_LEFT, &font,
              "exactly zero, known without a run");
}
