/* A command that is a job of the page (serve/board.h) runs in a host instead of a terminal. */
#ifndef LOCI_PROGRAMS_HOST_H
#define LOCI_PROGRAMS_HOST_H

#include <loci.h>

/* A model that is open already and stays so, prompts that are kept, and somebody who takes the
 * result.  The command then prints nothing; a failure is in the cli's err. */
typedef struct cli_host {
  void *ctx;
  loci_model *model;
  const loci_model_opts *opened; /* how it was opened */
  /* The prompt of a question, whose owner the host is: asked before, or made now. */
  loci_status (*prompt)(void *ctx, const loci_question *q, loci_prompt **out, loci_err *err);
  void (*take)(void *ctx, char *json);          /* takes it over, for loci_text_free */
  void (*keep)(void *ctx, loci_result *result); /* takes it over, after take */
  const loci_trace *so_far;                     /* that a trace goes on with; or NULL */
  const loci_edit *edit;                        /* that is tested; or NULL */
  void (*steps)(void *ctx, const loci_edit_step *steps, int count); /* of an edit; or NULL */
  void (*answer)(void *ctx, const loci_answer *so_far);             /* or NULL */
} cli_host;

#endif
