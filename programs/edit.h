/* The commands of `loci edit`. */
#ifndef LOCI_PROGRAMS_EDIT_H
#define LOCI_PROGRAMS_EDIT_H

#include "cli.h"

/* --layer, --method, --steps and what else says how an edit is solved; clear it after a failure,
 * too. */
int edit_opts(cli *c, loci_edit_opts *out);
void edit_opts_clear(loci_edit_opts *opts);

/* The edits of some files; edit_free_files is fine after a failure. */
int edit_read_files(cli *c, const char *const *paths, int n, edit_files *out);
/* Those of every --edit. */
int edit_read_option(cli *c, edit_files *out);
void edit_free_files(edit_files *e);

int cmd_edit_solve(cli *c);
int cmd_edit_apply(cli *c);
int cmd_edit_revert(cli *c);
int cmd_edit_test(cli *c);
int cmd_edit_curve(cli *c);
int cmd_edit_covariance(cli *c);

#endif
