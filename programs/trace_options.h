/* What the commands that trace or cut, and studies of these, read from the command line. */
#ifndef LOCI_PROGRAMS_TRACE_OPTIONS_H
#define LOCI_PROGRAMS_TRACE_OPTIONS_H

#include "cli.h"

enum { TRACE_WINDOWS = 16 };

/* Where the lists of the options stand. */
typedef struct trace_lists {
  loci_site sites[LOCI_SITE_COUNT];
  int windows[TRACE_WINDOWS];
} trace_lists;

/* --corrupt; a study of traces also takes "swap" alone. */
int trace_read_corruption(cli *c, loci_trace_opts *o);
bool trace_is_noise(const loci_trace_opts *o);
int trace_read_sites(cli *c, trace_lists *l, loci_trace_opts *o);
int trace_read_windows(cli *c, trace_lists *l, loci_trace_opts *o);
/* --positions and --only, of a study: what a single question has of them is not known yet. */
int trace_read_places(cli *c, loci_trace_opts *o);
/* --window of a knockout: a number of layers, or all of them at once. */
int cut_read_window(cli *c, loci_knockout_opts *o);

#endif
