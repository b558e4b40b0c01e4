/* A command that is a job of the page (serve/board.h) runs in a host instead of a terminal. */
#ifndef LOCI_PROGRAMS_HOST_H
#define LOCI_PROGRAMS_HOST_H

#include <loci.h>

/* A model that is open already and stays so, and somebody who takes the result's JSON.  The command
 * then prints nothing; a failure is in the cli's err. */
typedef struct cli_host {
  void *ctx;
  loci_model *model;
  void (*take)(void *ctx, char *json);      /* takes it over, for loci_text_free */
  void (*keep)(void *ctx, loci_edit *edit); /* takes it over, after take */
} cli_host;

#endif
