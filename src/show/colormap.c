/* Colour maps by linear interpolation between a few CIELAB colours whose lightness falls in equal
 * steps (see colormap.h). */
#include "show/colormap.h"

#include <math.h>

typedef struct lab {
  double l, a, b;
} lab;

enum { STOPS = 5 };

/* Pale straw, green, teal, blue, navy. */
static const lab sequential[STOPS] = {
    {97, -2, 7}, {76.25, -24, 9}, {55.5, -19, -21}, {34.75, 8, -42}, {14, 18, -34}};
/* The two arms of the diverging map, from zero outwards; equal lightness at equal strength. */
static const lab negative[STOPS] = {
    {97, 0, 2}, {81, -6, -14}, {65, -5, -31}, {49, 3, -44}, {33, 14, -47}};
static const lab positive[STOPS] = {
    {97, 0, 2}, {81, 14, 28}, {65, 32, 45}, {49, 48, 48}, {33, 46, 36}};

static double inverse_f(double t) {
  const double d = 6.0 / 29;
  return t > d ? t * t * t : 3 * d * d * (t - 4.0 / 29);
}

static double gamma_of(double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  return x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055;
}

rgb colormap_from_lab(double l, double a, double b) {
  double fy = (l + 16) / 116;
  double x = 0.95047 * inverse_f(fy + a / 500), y = inverse_f(fy);
  double z = 1.08883 * inverse_f(fy - b / 200);
  return (rgb){gamma_of(3.2404542 * x - 1.5371385 * y - 0.4985314 * z),
               gamma_of(-0.9692660 * x + 1.8760108 * y + 0.0415560 * z),
               gamma_of(0.0556434 * x - 0.2040259 * y + 1.0572252 * z)};
}

double colormap_level(double x) { return isnan(x) ? 0 : fmin(fmax(x, -1), 1); }

int colormap_byte(double x) { return (int)lround(255 * fabs(colormap_level(fmax(x, 0)))); }

rgb colormap(double level, bool diverging) {
  const lab *arm = !diverging ? sequential : level < 0 ? negative : positive;
  double at = fabs(colormap_level(level)) * (STOPS - 1);
  int i = at >= STOPS - 1 ? STOPS - 2 : (int)at;
  double w = at - i;
  const lab *p = &arm[i], *q = &arm[i + 1];
  return colormap_from_lab(p->l + w * (q->l - p->l), p->a + w * (q->a - p->a),
                           p->b + w * (q->b - p->b));
}

static double distance(rgb c, double r, double g, double b) {
  return (c.r - r) * (c.r - r) + (c.g - g) * (c.g - g) + (c.b - b) * (c.b - b);
}

/* Of the six steps of the colour cube. */
static int nearest_step(double x) {
  static const double steps[] = {0, 95 / 255.0, 135 / 255.0, 175 / 255.0, 215 / 255.0, 1};
  int best = 0;
  for (int i = 1; i < 6; i++) {
    if (fabs(x - steps[i]) < fabs(x - steps[best])) best = i;
  }
  return best;
}

int colormap_index256(rgb c) {
  static const double steps[] = {0, 95 / 255.0, 135 / 255.0, 175 / 255.0, 215 / 255.0, 1};
  int r = nearest_step(c.r), g = nearest_step(c.g), b = nearest_step(c.b);
  int grey = (int)lround(((c.r + c.g + c.b) / 3 * 255 - 8) / 10);
  grey = grey < 0 ? 0 : grey > 23 ? 23 : grey;
  double v = (8 + 10 * grey) / 255.0;
  bool use_grey = distance(c, v, v, v) < distance(c, steps[r], steps[g], steps[b]);
  return use_grey ? 232 + grey : 16 + 36 * r + 6 * g + b;
}
