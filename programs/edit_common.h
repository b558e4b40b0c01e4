/* The commands of `loci edit`. */
#ifndef LOCI_PROGRAMS_EDIT_H
#define LOCI_PROGRAMS_EDIT_H

#include "calls.h"

/* Files of covariances, as often as the option was given. */
void edit_put_covariances(cli *c, cli_request *r);
/* The request of a test or a curve, whose prompts are those of --keep. */
int edit_request(cli *c, cli_request *r);
/* What a command line names the requests by, for the result's command: the values of n options. */
void edit_put_words(cli *c, cli_request *r, const option_id *ids, int n);

/* Prompts that grow and are freed together. */
typedef struct prompt_list {
  loci_prompt **at;
  int count, room;
} prompt_list;
/* The prompt of a question, after those there are. */
loci_status prompt_list_put(prompt_list *list, const loci_model *m, const loci_question *q,
                            loci_err *err);
void prompt_list_clear(prompt_list *list);
/* The questions of the file that an option names, those that have their constraint; one without a
 * picture is asked on [image] (may be NULL).  Without the option none. */
int edit_read_questions(cli *c, option_id id, const loci_model *m, const char *image,
                        prompt_list *out);

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
int cmd_edit_compare(cli *c);
int cmd_edit_covariance(cli *c);

#endif
