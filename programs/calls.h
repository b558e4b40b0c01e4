/* A command line as a request: every option that is neither the model's, the prompt's nor the
 * program's own is a member of the command's call (loci_call.h) of the same name, with its text as
 * it was typed.  What it means, and whether it makes sense, is the library's to say. */
#ifndef LOCI_PROGRAMS_CALLS_H
#define LOCI_PROGRAMS_CALLS_H

#include "cli.h"

typedef struct cli_request {
  char *text; /* JSON; NULL: out of memory */
  size_t size;
  FILE *to; /* while it grows */
} cli_request;

/* The members of the command line, for call_end.  [but]: options that are left out, n of them.
 */
void call_begin(cli *c, cli_request *r, const option_id *but, int n);
/* Further members. */
void call_put_int(cli_request *r, const char *name, int64_t value);
void call_put_text(cli_request *r, const char *name, const char *value);
void call_put_texts(cli_request *r, const char *name, const char *const *values, int n);
/* What must be JSON already. */
void call_put_json(cli_request *r, const char *name, const char *json);
/* Closes the object and asks the library whether it makes sense: else wrong usage. */
int call_end(cli *c, cli_request *r);
void call_clear(cli_request *r);

/* A call of the command's name that tells this terminal how far it is. */
loci_call call_of(cli *c, const cli_request *r, loci_model *model);
/* A member at the beginning of c->err is an option; wrong usage. */
int call_refused(cli *c);

/* The commands that are one call: of one question, drawn for the terminal and written to every -o
 * file by its ending; [only] as of cli_open_prompt; [draw] NULL: as usual. */
int call_ask(cli *c, const cli_request *r, const cli_constraints *only, const loci_draw_opts *draw);
/* And of a file of examples; [show] writes its result. */
int call_command(cli *c, int (*show)(cli *c, loci_result *result));
int cmd_examples(cli *c);
/* Runs the call; *out is NULL after a failure. */
int call_measure(cli *c, const loci_call *call, loci_result **out);

#endif
