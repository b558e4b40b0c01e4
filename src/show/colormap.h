/* Colours of effects: monotone in CIELAB lightness, so that a greyscale print and a colour-blind
 * eye see the same order; zero is always the same end (or the middle, if both signs occur). */
#ifndef LOCI_SHOW_COLORMAP_H
#define LOCI_SHOW_COLORMAP_H

#include <stdbool.h>

typedef struct rgb {
  double r, g, b; /* sRGB, 0..1 */
} rgb;

/* The guard every number passes on its way to a colour or a shade: NaN is 0, the rest is cut to
 * -1..1. */
double colormap_level(double x);
/* [level] -1..1: zero is nearly white, strong is dark, on paper as in a terminal.  [diverging]: the
 * sign has its own hue. */
rgb colormap(double level, bool diverging);
/* One of r, g, b as 0..255. */
int colormap_byte(double x);

/* CIELAB (D65, 2 degrees) to sRGB, cut to the gamut. */
rgb colormap_from_lab(double l, double a, double b);
/* The nearest of the 256 terminal colours (16..255). */
int colormap_index256(rgb c);

#endif
