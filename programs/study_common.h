/* What the commands that go through a file of examples share. */
#ifndef LOCI_PROGRAMS_STUDY_H
#define LOCI_PROGRAMS_STUDY_H

#include "cli.h"

/* The model of -m; before that takes its time, the file of examples has to be there. */
int study_open(cli *c, loci_model **model);

/* --min-te, or the usual 0.1. */
int study_least_effect(cli *c, double *out);
/* What is in a store: printed, and into every -o F.json. */
int study_show_store(cli *c, loci_store *store);

int cmd_study_run(cli *c);
int cmd_study_status(cli *c);
int cmd_study_export(cli *c);
int cmd_study_report(cli *c);
int cmd_study_merge(cli *c);
int cmd_study_compare(cli *c);

#endif
