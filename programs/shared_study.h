/* One study run by several processes (peers.h): the first gives out the lines of the file, measures
 * too, and is the one that writes the store; the others measure and send their rows. */
#ifndef LOCI_PROGRAMS_SHARING_H
#define LOCI_PROGRAMS_SHARING_H

#include "cli.h"

/* How many processes there are: 1, this one alone; 0: they cannot work together, and c->err says
 * why.  Then this process's threads are its share of the host's cores (c->threads). */
int shared_study_start(cli *c);
/* Whether this process writes, and speaks. */
bool shared_study_is_first(void);
/* As loci_store_run, by all processes; the first one's call.  [state]: of all. */
loci_status shared_study_lead(cli *c, loci_store *store, loci_model *model, const char *data,
                              const loci_store_run_opts *opts, loci_store_run_state *state);
/* The others'. */
loci_status shared_study_help(cli *c, loci_model *model, const char *data,
                              const loci_store_run_opts *opts);
/* The last call of each. */
void shared_study_end(cli *c, int code);

#endif
