/* The model that jobs are asked of, and the edits of it (see board.h): changed between jobs, never
 * under one.  Each change makes another edition, of which earlier answers are not. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "page_job.h"
#include "cli.h"

static const char busy[] = "the model is in use: wait for what runs, or stop it";

/* Under the lock. */
static bool is_busy(const board *b) {
  for (int i = 0; i < MOST_JOBS; i++)
    if (b->jobs[i].id && (b->jobs[i].state <= RUNNING || b->jobs[i].watchers)) return true;
  return false;
}

board_answer board_apply(board *b, int id, bool on) {
  board_answer a = board_says(200, "", "");
  loci_err err = {0};
  pthread_mutex_lock(&b->lock);
  job *j = board_find(b, id);
  loci_edit *edit = j && j->made && j->made->kind == LOCI_KIND_EDIT ? (loci_edit *)j->made : NULL;
  if (!edit) {
    a = board_says(404, "job", "it has no edit (any more)");
  } else if (is_busy(b)) {
    a = board_says(409, "busy", busy);
  } else if (on == (b->applied == j)) { /* as it is already */
  } else if (on && b->applied) {
    a = board_says(409, "edited", "another edit is on the model: revert it first");
  } else if (on ? loci_edit_apply(b->o.model, edit, &err)
                : loci_edit_revert(b->o.model, edit, &err)) {
    a = board_says(422, "edit", err.msg);
  } else {
    b->applied = on ? j : NULL;
    b->edition++;
  }
  pthread_mutex_unlock(&b->lock);
  return a;
}

board_edition board_edition_of(board *b) {
  pthread_mutex_lock(&b->lock);
  board_edition now = {.edition = b->edition, .applied = b->applied ? b->applied->id : 0};
  pthread_mutex_unlock(&b->lock);
  return now;
}

board_answer board_take_model(board *b, loci_model *m, const loci_model_opts *opened) {
  shelf *empty = shelf_new(m, b->o.keep), *old = NULL;
  if (!empty) return board_says(507, "memory", "out of memory");
  pthread_mutex_lock(&b->lock);
  bool free_now = !b->closing && !is_busy(b);
  if (free_now) {
    board_forget_all(b);
    old = b->prompts;
    b->prompts = empty;
    b->o.model = m;
    b->o.opened = *opened;
    b->edition++;
  }
  pthread_mutex_unlock(&b->lock);
  shelf_free(free_now ? old : empty);
  return free_now ? board_says(200, "", "") : board_says(409, "busy", busy);
}

/* ---------------------------------------------------------------- an edit of a file */

/* It has no file by then that a command could name. */
static loci_status read_edit(const char *bytes, size_t size, loci_result **out, loci_err *err) {
  char path[PICTURE_PATH];
  const char *paths[] = {path};
  int fd = gallery_file(bytes, size, path);
  if (fd < 0) return cli_fail(err, LOCI_ENOMEM, "out of memory");
  loci_status st = loci_read(LOCI_KIND_EDIT, paths, 1, out, err);
  close(fd);
  if (st) {
    gallery_say(err, path, "the edit");
    return st;
  }
  loci_edit *e = (loci_edit *)*out;
  e->path = NULL;
  if (e->fact_count > 0) return LOCI_OK;
  loci_free(e);
  *out = NULL;
  return cli_fail(err, LOCI_EINVAL, "the edit names no question");
}

board_answer board_add_edit(board *b, const char *bytes, size_t size, int *id) {
  loci_err err = {0};
  loci_result *e = NULL;
  char *json = NULL;
  if (read_edit(bytes, size, &e, &err) || loci_json(e, &json, &err)) {
    loci_free(e);
    return board_says(err.code == LOCI_ENOMEM ? 507 : 422, "edit", err.msg);
  }
  pthread_mutex_lock(&b->lock);
  job *j = board_find_place(b);
  if (j) {
    board_forget(b, j);
    *j = (job){.id = ++b->last_id,
               .state = DONE,
               .change = 1,
               .request = {.command = &commands[COMMAND_EDIT_SOLVE], .picture = -1, .data = -1},
               .started = board_now(),
               .ended = board_now(),
               .result = json,
               .made = e,
               .edition = b->edition};
    *id = j->id;
  }
  pthread_mutex_unlock(&b->lock);
  if (j) return board_says(200, "", "");
  loci_free(e);
  loci_text_free(json);
  return board_says(429, "queue", "32 jobs are waiting already");
}
