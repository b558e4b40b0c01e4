/* What the commands that go through a file of examples share. */
#ifndef LOCI_PROGRAMS_STUDY_H
#define LOCI_PROGRAMS_STUDY_H

#include "cli.h"

/* The model of -m, and the examples of the file named; both NULL after a failure. */
int study_open(cli *c, loci_model **model, loci_examples **examples);
/* --template, --limit, --max-new, --seed, progress. */
int study_opts(cli *c, loci_study_opts *out);

int cmd_study_flow(cli *c);
int cmd_study_knockout(cli *c);
int cmd_study_trace(cli *c);
int cmd_study_predict(cli *c);

#endif
