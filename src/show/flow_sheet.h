/* A pathway of a flow laid out for the eye (see sheet.h): its sources down, layers across, one
 * number in every cell.  Contributions and raw attention are two sheets: they have no common scale.
 */
#ifndef LOCI_SHOW_FLOW_SHEET_H
#define LOCI_SHOW_FLOW_SHEET_H

#include "show/sheet.h"

typedef enum flow_quantity { FLOW_CONTRIBUTION, FLOW_ATTENTION } flow_quantity;

/* One panel.  Beyond about [max_rows] sources, neighbours share a row that shows the strongest of
 * them.  Free with sheet_free. */
loci_status flow_sheet_new(const loci_flow *flow, const loci_flow_path *path, flow_quantity what,
                           int max_rows, sheet **out, loci_err *err);

/* The layer in which most flows, counted from the first measured one. */
int flow_peak(const loci_flow *flow, const loci_flow_path *path);

#endif
