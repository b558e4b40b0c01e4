/* The jobs of the page: each is a command of loci with its options, run on the model that is open.
 *
 *   form -> options, checked as the command line's are -> the command -> its result as JSON
 *
 * So an option, its check, its sentence and the numbers are those of the command line.  One worker
 * runs the commands that compute, long ones in the order they came and brief ones between their
 * layers (worker.c); another runs those that answer while one types. */
#ifndef LOCI_SERVE_JOBS_H
#define LOCI_SERVE_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "gallery.h"

struct cli;                 /* cli.h */
typedef struct board board; /* of jobs */

typedef struct board_opts {
  loci_model *model; /* borrowed; nobody else computes with it */
  loci_model_opts opened;
  gallery *pictures;
  int64_t keep; /* bytes of kept runs, at most */
  bool utf8;
  int (*run)(struct cli *c); /* runs its command */
  void *(*work)(void *seat); /* a worker's thread: board_work */
} board_opts;

/* The result of a call about a job: an HTTP status, and for a failure a code, a sentence, and the
 * field of the form that it is about, "" none. */
typedef struct board_answer {
  int status;
  char code[24], message[512], field[32];
} board_answer;

board *board_new(const board_opts *o); /* NULL: no memory, no thread */
void *board_work(void *seat);          /* worker.c */
/* Every job is cancelled, every watcher woken: from here on nothing waits. */
void board_close(board *b);
void board_free(board *b); /* when no watcher is left; closes it, if need be */

/* A new job, or the one that has done the same already: its number into *id.  [form] is
 * name=value&name=value, encoded as browsers do; "what" is the command. */
board_answer board_add(board *b, const char *form, size_t size, int *id);
board_answer board_cancel(board *b, int id);
/* Waits for the end of a job that is brief, a moment at most: what it says at once spares whoever
 * asked a stream and another request.  {"job", "state", "result"}, the last two where it has ended;
 * NULL: no memory.  Caller frees it. */
char *board_told(board *b, int id, size_t *size);

/* A job as one line of JSON: state, stage, permille, error with the field it is about; NULL: there
 * is none.  Caller frees it.
 */
char *board_state(board *b, int id);
void board_put_states(board *b, FILE *f); /* {"jobs": [..]} of all, the oldest first */
/* What its results are called: the command; false: there is no such job. */
bool board_name(board *b, int id, char name[48]);
/* How much of a job somebody knows; {0}: nothing. */
typedef struct board_place {
  unsigned seen;
  int events;
} board_place;
/* What is new as an event stream has it: "part" events, pieces of a trace while it is made, and the
 * "state".  Waits for it, at most [seconds]; *out NULL: nothing.  False: there is no such job.
 * Caller frees *out. */
bool board_follow(board *b, int id, double seconds, board_place *at, char **out, bool *ended);
/* Puts the edit that a job solved onto the model, or takes it off again: between jobs, never under
 * one, and one edit at a time.  Answers of before are of another model then, and asked for anew. */
board_answer board_apply(board *b, int id, bool on);
/* The bytes of an .edit as a job that is done: it is applied, tested and written as one that was
 * solved here. */
board_answer board_add_edit(board *b, const char *bytes, size_t size, int *id);
/* Another model in the place of the one that is open, which nothing refers to from then on: jobs
 * and their results are forgotten.  Refused while a job runs; the model is the caller's then. */
board_answer board_take_model(board *b, loci_model *m, const loci_model_opts *opened);
/* What jobs are asked of: [edition] counts models and edits that came and went.  A form that names
 * another edition is refused. */
typedef struct board_edition {
  int edition, applied; /* the job whose edit the model has; 0: none */
} board_edition;
board_edition board_edition_of(board *b);
/* The result as `loci COMMAND -o F.ending` writes it, also of a job that was stopped and kept what
 * was done; NULL: none.  Caller frees it. */
char *board_result(board *b, int id, const char *ending, size_t *size);

#endif
