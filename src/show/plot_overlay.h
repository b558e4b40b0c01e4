/* What image positions give, over the picture itself and as a profile. */
#ifndef LOCI_SHOW_PLOT_OVERLAY_H
#define LOCI_SHOW_PLOT_OVERLAY_H

#include "base/arena.h"
#include "show/canvas.h"

/* Whether the pathway's sources are the patches of a picture that the flow has. */
bool plot_has_overlay(const loci_flow *flow, const loci_flow_path *path);

typedef struct plot_overlay {
  const loci_flow *flow;
  const loci_flow_path *path;
  int layer;  /* counted from the first measured one */
  double hi;  /* the strongest colour */
  bool marks; /* outline the top sources */
} plot_overlay;

/* The picture in grey, each patch coloured by its number, into the (square) box.  False: out of
 * memory. */
bool plot_overlay_draw(canvas *c, const plot_overlay *o, arena *mem, canvas_box box);

/* A bar for each source, in order; the top ones are darker.  [name] stands above, 0 and the largest
 * number to the left. */
void plot_profile_draw(canvas *c, const plot_overlay *o, const double *values, const char *name,
                       canvas_box box);

#endif
