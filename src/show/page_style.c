/* Colours, fonts and the grid of half points that all drawings of a page share (see page.h). */
#include <math.h>

#include "show/page.h"

const rgb page_ink = {0.13, 0.13, 0.15}, page_grey = {0.45, 0.45, 0.48},
          page_faint = {0.80, 0.80, 0.82}, page_accent = {0.66, 0.08, 0.40},
          page_image = {0.20, 0.47, 0.35}, page_zero = {0.955, 0.955, 0.958};
const canvas_font page_tick_font = {7.5, false, false, {0.13, 0.13, 0.15}},
                  page_name_font = {8, false, false, {0.13, 0.13, 0.15}};

double page_half_points(double x, double lo, double hi) {
  double y = floor(x * 2) / 2;
  return y < lo ? lo : y > hi ? hi : y;
}
