/* The commands that make, check and show files of examples. */
#ifndef LOCI_PROGRAMS_DATA_H
#define LOCI_PROGRAMS_DATA_H

#include "cli.h"

/* Prints what was found (freed here) and writes it to every -o F.json; the exit code is 1 where
 * errors stay. */
int data_finish(cli *c, loci_data_report *report);
/* The one -o F.jsonl, or NULL; two are wrong usage. */
int data_output(cli *c, const char **out);

int cmd_data_import(cli *c);
int cmd_data_lint(cli *c);
int cmd_data_annotate(cli *c);
int cmd_data_show(cli *c);

#endif
