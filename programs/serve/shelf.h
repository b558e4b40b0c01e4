/* Prompts of the questions that were asked, kept with their clean runs (loci_prompt_keep): the next
 * thing asked about one costs its own positions alone.
 *
 * A prompt is in use while a job runs on it, and held while a result borrows from it; what is
 * neither goes when the shelf is full.  Of one prompt's kept run one worker makes use. */
#ifndef LOCI_SERVE_SHELF_H
#define LOCI_SERVE_SHELF_H

#include <loci.h>

typedef struct shelf shelf;
typedef struct shelf_place shelf_place;

/* At most that many bytes of kept runs.  NULL: no memory. */
shelf *shelf_new(const loci_model *m, int64_t most);
void shelf_free(shelf *s);

/* The prompt of a question about the picture of that id (NULL: none), made where it is not there;
 * in use until shelf_leave. */
loci_status shelf_take(shelf *s, const loci_question *q, const char *picture, shelf_place **out,
                       loci_err *err);
loci_prompt *shelf_prompt(const shelf_place *place);
/* Keeps the run of a prompt in use, if there is room: without it everything is the same, later.
 * LOCI_ECANCELLED alone is an error. */
loci_status shelf_keep(shelf *s, shelf_place *place, loci_progress_fn progress, void *ctx,
                       loci_err *err);
/* No longer in use; [held]: a result borrows from it, until shelf_drop. */
void shelf_leave(shelf *s, shelf_place *place, bool held);
void shelf_drop(shelf *s, shelf_place *place);

#endif
