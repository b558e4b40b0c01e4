/* A pathway of a flow laid out for the eye (see heatmap.h): its sources down, layers across, one
 * number in every cell.  Contributions and raw attention are two heatmaps: they have no common
 * scale.
 */
#ifndef LOCI_SHOW_FLOW_SHEET_H
#define LOCI_SHOW_FLOW_SHEET_H

#include "model/image_layout.h"
#include "show/heatmap.h"

typedef enum flow_quantity { FLOW_CONTRIBUTION, FLOW_ATTENTION } flow_quantity;

/* One panel, in the arena; NULL: out of memory.  Beyond about [max_rows] sources, neighbours share
 * a row that shows the strongest of them. */
heatmap *flow_heatmap(arena *mem, const loci_flow *flow, const loci_flow_path *path,
                      flow_quantity what, int max_rows);
/* Of a flow with heads: what each head gives in each layer, summed over the sources, mean over the
 * queries. */
heatmap *flow_heads_heatmap(arena *mem, const loci_flow *flow, const loci_flow_path *path);

/* Which row of the picture a source of a pathway is; -1: none. */
static inline int flow_image_row(const loci_flow *f, const loci_flow_path *x, int source) {
  return x->outside ? source : layout_row_at(f->prompt, source);
}

/* The layer in which most flows, counted from the first measured one. */
int flow_peak(const loci_flow *flow, const loci_flow_path *path);

#endif
