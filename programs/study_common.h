/* What the commands that go through a file of examples share. */
#ifndef LOCI_PROGRAMS_STUDY_H
#define LOCI_PROGRAMS_STUDY_H

#include "cli.h"

/* The model of -m, and the examples of the file named; both NULL after a failure. */
int study_open(cli *c, loci_model **model, loci_examples **examples);
/* --template, --limit, --max-new, --seed, progress. */
int study_opts(cli *c, loci_study_opts *out);

/* --min-te, or the usual 0.1. */
int study_least_effect(cli *c, double *out);
/* An average: drawn or as JSON, and into every -o file. */
/* What is in a store: printed, and into every -o F.json. */
int study_show_store(cli *c, loci_store *store);

int cmd_study_run(cli *c);
int cmd_study_status(cli *c);
int cmd_study_export(cli *c);
int cmd_study_report(cli *c);
int cmd_study_merge(cli *c);
int cmd_study_compare(cli *c);
int cmd_study_flow(cli *c);
int cmd_study_knockout(cli *c);
int cmd_study_trace(cli *c);
int cmd_study_predict(cli *c);
int cmd_score(cli *c);

#endif
