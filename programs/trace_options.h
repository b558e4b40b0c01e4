/* What the commands that trace or cut, and studies of these, read from the command line.  Whether
 * it makes sense is the library's to say. */
#ifndef LOCI_PROGRAMS_TRACE_OPTIONS_H
#define LOCI_PROGRAMS_TRACE_OPTIONS_H

#include "cli.h"

enum { TRACE_WINDOWS = 16, CUT_GROUPS = 8, CUT_NAME = 32 };

/* Where the lists of the options stand. */
typedef struct trace_lists {
  loci_site sites[LOCI_SITE_COUNT];
  int windows[TRACE_WINDOWS];
} trace_lists;

typedef struct cut_lists {
  char from[CUT_GROUPS][CUT_NAME], to[CUT_GROUPS][CUT_NAME];
  loci_edges pathways[CUT_GROUPS * CUT_GROUPS];
} cut_lists;

/* [each]: of every example of a study.  [metric]: by which screening chooses. */
int trace_read(cli *c, bool each, loci_metric metric, trace_lists *l, loci_trace_opts *o);
int cut_read(cli *c, cut_lists *l, loci_knockout_opts *o);
/* Wrong usage, with the sentence of c->err. */
int cli_refused(cli *c);

#endif
