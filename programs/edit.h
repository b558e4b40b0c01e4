/* The commands of `loci edit`. */
#ifndef LOCI_PROGRAMS_EDIT_H
#define LOCI_PROGRAMS_EDIT_H

#include "cli.h"

int cmd_edit_solve(cli *c);
int cmd_edit_apply(cli *c);
int cmd_edit_revert(cli *c);

#endif
