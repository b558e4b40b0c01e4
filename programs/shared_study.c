/* One study run by several processes (see shared_study.h).
 *
 *   a helper    CLAIM ->  <- LINE   the next line of the file that nobody has, or none
 *               ROWS ->             what it measured, about once a second
 *               DONE or FAILED ->   at its end           <- BYE
 *
 * The first process answers while it measures itself: whenever a walk reports progress.  A line
 * that was given to a helper that is lost has no rows in the store, so going through the file once
 * more at the end, as any run does that goes on, measures it.  Rows are the same whoever measured
 * them. */
#include "shared_study.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peers.h"

enum kind { CLAIM = 1, LINE, ROWS, DONE, FAILED, BYE, BEAT };

static const double rows_every = 1, beat_every = 20; /* seconds */

static int count = 1;
static bool all_ended = true;  /* nobody is lost */
static bool dismissed = false; /* BYE was said */

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int shared_study_start(cli *c) {
  count = peers_start();
  if (count > 0) {
    if (count > 1) c->threads = peers_cores();
    return count;
  }
  cli_fail(&c->err, LOCI_EUNSUPPORTED,
           "this loci was built without MPI: measure shares with --shard and join them with study "
           "merge");
  return 0;
}

bool shared_study_is_first(void) { return count == 1 || peers_rank() == 0; }

/* ---------------------------------------------------------------- the first process */

typedef struct lead {
  cli *c;
  loci_todo *todo;
  int64_t count, next, line; /* of the list, in it; the line this process has claimed */
  bool *ended;               /* (count) */
  peer_message *rows;        /* that came while a walk was running */
  int row_count, row_room;
  double beat; /* when the last was sent */
} lead;

static int64_t next_line(lead *l) {
  return l->next < l->count ? l->todo->lines[l->next++] : INT64_MAX;
}

static void keep_rows(lead *l, const peer_message *m) {
  if (l->row_count == l->row_room) {
    int room = l->row_room ? 2 * l->row_room : 8;
    peer_message *more = realloc(l->rows, (size_t)room * sizeof *more);
    if (!more) { /* its lines are measured again */
      free(m->data);
      return;
    }
    l->rows = more;
    l->row_room = room;
  }
  l->rows[l->row_count++] = *m;
}

static void complain(lead *l, const peer_message *m) {
  terminal_progress_end(&l->c->term);
  fprintf(stderr, "loci: process %d: ", m->from);
  put_text(stderr, m->data, l->c->term.utf8);
  fputc('\n', stderr);
}

static void answer(lead *l, peer_message *m) {
  int64_t line;
  bool kept = false;
  switch (m->kind) {
    case CLAIM:
      line = next_line(l);
      peers_send(m->from, LINE, &line, sizeof line);
      break;
    case ROWS:
      keep_rows(l, m);
      kept = true;
      break;
    case FAILED:
      ((char *)m->data)[m->size] = 0;
      complain(l, m);
      l->ended[m->from] = true;
      break;
    case DONE: l->ended[m->from] = true; break;
    default: break;
  }
  if (!kept) free(m->data);
}

static void answer_all(lead *l) {
  peer_message m;
  while (peers_receive(&m)) answer(l, &m);
}

/* While the list of lines is made, claims wait; the helpers are told that this process lives. */
static bool listing_progress(void *ctx, const char *stage, double done, double total) {
  lead *l = ctx;
  if (seconds() - l->beat > beat_every) {
    for (int i = 1; i < count; i++) peers_send(i, BEAT, NULL, 0);
    l->beat = seconds();
  }
  return terminal_progress(&l->c->term, stage, done, total);
}

static bool lead_progress(void *ctx, const char *stage, double done, double total) {
  lead *l = ctx;
  (void)stage;
  (void)done;
  (void)total;
  answer_all(l);
  return terminal_signal() == 0;
}

static bool lead_mine(void *ctx, int64_t line) {
  lead *l = ctx;
  answer_all(l);
  while (l->line < line) l->line = next_line(l);
  return l->line == line;
}

static loci_status lead_between(void *ctx, loci_store *store, bool *added, loci_err *err) {
  lead *l = ctx;
  loci_status st = LOCI_OK;
  answer_all(l);
  *added = l->row_count > 0;
  for (int i = 0; i < l->row_count; i++) {
    if (!st) st = loci_store_give(store, l->rows[i].data, l->rows[i].size, err);
    free(l->rows[i].data);
  }
  l->row_count = 0;
  return st;
}

static bool all_helpers_ended(const lead *l) {
  for (int i = 1; i < count; i++)
    if (!l->ended[i] && !peers_lost(i)) return false;
  return true;
}

/* Until every helper has ended or is lost. */
static loci_status wait_for_helpers(lead *l, loci_store *store, loci_err *err) {
  bool added;
  l->next = l->count;
  while (!all_helpers_ended(l) && terminal_signal() == 0) {
    if (lead_between(l, store, &added, err)) return err->code;
    peers_wait();
  }
  return lead_between(l, store, &added, err);
}

static void say_bye(void) {
  for (int i = 1; i < count; i++) peers_send(i, BYE, &all_ended, sizeof all_ended);
  dismissed = true;
}

static void dismiss(lead *l) {
  for (int i = 1; i < count; i++) {
    if (!l->ended[i] && peers_lost(i)) {
      all_ended = false;
      terminal_progress_end(&l->c->term);
      fprintf(stderr, "loci: process %d is lost; what it had not sent was measured again\n", i);
    }
  }
  say_bye();
}

static loci_status list_lines(lead *l, loci_store *store, loci_model *model, const char *data,
                              const loci_store_run_opts *opts, loci_err *err) {
  loci_examples *examples;
  loci_status st = loci_examples_open(data, &examples, err);
  if (st) return st;
  st = loci_store_todo(store, model, examples, opts, &l->todo, err);
  loci_examples_close(examples);
  if (st) return st;
  int64_t limit = opts->study->limit, left = limit - l->todo->used;
  l->count = l->todo->count;
  if (limit > 0 && l->count > left) l->count = left > 0 ? left : 0;
  return LOCI_OK;
}

static loci_status go_through(loci_store *store, loci_model *model, const char *data,
                              const loci_store_run_opts *opts, loci_store_run_state *state,
                              loci_err *err) {
  loci_examples *examples;
  loci_status st = loci_examples_open(data, &examples, err);
  if (st) return st;
  st = loci_store_run(store, model, examples, opts, state, err);
  loci_examples_close(examples);
  return st;
}

loci_status shared_study_lead(cli *c, loci_store *store, loci_model *model, const char *data,
                              const loci_store_run_opts *opts, loci_store_run_state *state) {
  lead l = {.c = c, .ended = calloc((size_t)count, sizeof *l.ended)};
  loci_sharing sharing = {lead_mine, lead_between, &l};
  loci_store_run_opts own = *opts;
  loci_study_opts study = *opts->study;
  double began = l.beat = seconds();
  own.study = &study;
  study.progress = listing_progress;
  study.progress_ctx = &l;
  loci_status st = l.ended ? list_lines(&l, store, model, data, &own, &c->err)
                           : cli_fail(&c->err, LOCI_ENOMEM, "out of memory while sharing a study");
  study.progress = lead_progress;
  own.sharing = &sharing;
  if (!st) st = go_through(store, model, data, &own, state, &c->err);
  if (!st) st = wait_for_helpers(&l, store, &c->err);
  own.retry = false;
  own.sharing = NULL; /* what the lost had, and what dropped examples leave of a limit */
  if (!st) st = go_through(store, model, data, &own, state, &c->err);
  if (!st)
    state->fresh = state->used + state->dropped - l.todo->before.used - l.todo->before.dropped;
  state->seconds = seconds() - began;
  if (st) all_ended = false;
  if (l.ended) dismiss(&l);
  loci_free(l.todo);
  free(l.rows);
  free(l.ended);
  return st;
}

/* ---------------------------------------------------------------- the others */

typedef struct helper {
  int64_t line; /* claimed; 0: none yet */
  bool over;    /* the first process has no more lines, or is lost */
  double sent;
} helper;

/* A message of that kind. */
static bool wait_for(helper *h, enum kind kind, void *out, int64_t size) {
  peer_message m;
  while (terminal_signal() == 0) {
    if (!peers_receive(&m)) {
      if (peers_lost(0)) break;
      peers_wait();
      continue;
    }
    bool right = m.kind == (int)kind && m.size == size;
    if (right) memcpy(out, m.data, (size_t)size);
    if (m.kind == BYE && m.size == sizeof all_ended) {
      memcpy(&all_ended, m.data, sizeof all_ended);
      dismissed = true;
    }
    free(m.data);
    if (right) return true;
    if (dismissed) break;
  }
  h->over = true;
  return false;
}

/* The next claim is made before it is needed. */
static bool helper_mine(void *ctx, int64_t line) {
  helper *h = ctx;
  while (!h->over && h->line < line) {
    if (!wait_for(h, LINE, &h->line, sizeof h->line)) break;
    if (h->line < INT64_MAX && !peers_send(0, CLAIM, NULL, 0)) h->over = true;
  }
  return !h->over && h->line == line;
}

static loci_status send_rows(helper *h, loci_store *store, loci_err *err) {
  loci_rows *rows;
  loci_status st = loci_store_take(store, &rows, err);
  if (st) return st;
  if (!peers_send(0, ROWS, rows->bytes, rows->size))
    st = cli_fail(err, LOCI_ECANCELLED, "the first process is lost");
  loci_free(rows);
  h->sent = seconds();
  return st;
}

static loci_status helper_between(void *ctx, loci_store *store, bool *added, loci_err *err) {
  helper *h = ctx;
  *added = false;
  return seconds() - h->sent < rows_every ? LOCI_OK : send_rows(h, store, err);
}

static bool helper_progress(void *ctx, const char *stage, double done, double total) {
  helper *h = ctx;
  (void)stage;
  (void)done;
  (void)total;
  if (seconds() - h->sent > beat_every) {
    peers_send(0, BEAT, NULL, 0);
    h->sent = seconds() - rows_every; /* rows are due after this example */
  }
  return terminal_signal() == 0;
}

loci_status shared_study_help(cli *c, loci_model *model, const char *data,
                              const loci_store_run_opts *opts) {
  helper h = {.sent = seconds()};
  loci_sharing sharing = {helper_mine, helper_between, &h};
  loci_store *store;
  loci_store_run_state state;
  loci_store_run_opts own = *opts;
  loci_study_opts study = *opts->study;
  own.study = &study;
  study.limit = 0;
  study.progress = helper_progress;
  study.progress_ctx = &h;
  own.stop_width = 0;
  own.retry = false;
  own.each = NULL;
  own.sharing = &sharing;
  loci_status st = loci_store_open(NULL, true, &store, &c->err);
  if (st) return st;
  h.over = !peers_send(0, CLAIM, NULL, 0);
  st = go_through(store, model, data, &own, &state, &c->err);
  if (!st) st = send_rows(&h, store, &c->err);
  loci_store_close(store);
  return st;
}

/* ---------------------------------------------------------------- the end */

/* A helper that could not begin, or has failed, says so; then all wait for the first one's word. */
static void leave(cli *c, int code) {
  helper h = {0};
  if (code) {
    peers_send(0, FAILED, c->err.msg, (int64_t)strlen(c->err.msg));
  } else {
    peers_send(0, DONE, NULL, 0);
  }
  if (!dismissed) wait_for(&h, BYE, &all_ended, sizeof all_ended);
  if (!dismissed) all_ended = false;
}

void shared_study_end(cli *c, int code) {
  if (count <= 1) return;
  if (!shared_study_is_first()) leave(c, code);
  /* Where the first one fails, mpirun ends the others: they may be in the middle of a message that
   * nobody takes any more, and would be waited for in vain. */
  if (shared_study_is_first() && code) all_ended = false;
  if (!dismissed && shared_study_is_first()) say_bye(); /* it failed before it could lead */
  peers_end(all_ended, code);
}
