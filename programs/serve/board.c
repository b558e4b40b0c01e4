/* Jobs (see board.h).  Everything about a job is under the board's one lock; a worker holds it only
 * to take a job and to say how far it is. */
#include "board.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "page_request.h"

enum { MOST_JOBS = 64, MOST_WAITING = 32, WORKERS = 2, UNWATCHED_SECONDS = 30 };

typedef enum state { WAITING, RUNNING, DONE, CANCELLED, FAILED } state;

static const char *const state_names[] = {"waiting", "running", "done", "cancelled", "failed"};

/* A worker's own place on its board. */
typedef struct seat {
  board *b;
  int worker;
} seat;

typedef struct job {
  int id;     /* 0: an empty place */
  int worker; /* which one runs it */
  state state;
  unsigned change; /* counts what can be told; watchers compare */
  bool cancel;
  form form;
  page_request request;
  char *asked; /* the form as it came: the same form is the same job */
  size_t asked_size;
  char stage[32];
  int permille;
  double started, ended;
  int watchers;
  double watched; /* when the last one left */
  char *result;
  loci_edit *edit; /* what "edit solve" solved */
  int edition;     /* of the model it was asked of */
  loci_err err;
} job;

struct board {
  board_opts o;
  pthread_mutex_t lock;
  pthread_cond_t changed; /* some job did, or the board closes */
  pthread_t workers[WORKERS];
  seat seats[WORKERS];
  int worker_count, last_id;
  int edition; /* counts the edits that came and went */
  job *applied;
  bool closing;
  job jobs[MOST_JOBS];
};

/* A worker and its job, as the command sees them. */
typedef struct running {
  board *b;
  job *j;
  double told;
} running;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Under the lock. */
static void tell(board *b, job *j) {
  j->change++;
  pthread_cond_broadcast(&b->changed);
}

/* Four times a second at most: more would only be drawn over. */
static bool on_progress(void *ctx, const char *stage, double done, double total) {
  running *r = ctx;
  double time = now();
  pthread_mutex_lock(&r->b->lock);
  bool other = strncmp(stage, r->j->stage, sizeof r->j->stage - 1) != 0;
  if (!r->j->watchers && time - r->j->watched > UNWATCHED_SECONDS) r->j->cancel = true;
  bool go = !r->j->cancel;
  if (other || time - r->told > 0.25) {
    r->told = time;
    snprintf(r->j->stage, sizeof r->j->stage, "%s", stage);
    r->j->permille = total > 0 ? (int)(1000 * (done < total ? done / total : 1)) : 0;
    tell(r->b, r->j);
  }
  pthread_mutex_unlock(&r->b->lock);
  return go && !terminal_signal();
}

/* A result lives as long as its command: what is kept of it is its JSON. */
static void on_result(void *ctx, char *json) {
  running *r = ctx;
  r->j->result = json;
}

static void on_edit(void *ctx, loci_edit *edit) {
  running *r = ctx;
  r->j->edit = edit;
}

static void run(board *b, job *j) {
  running r = {.b = b, .j = j};
  cli_host host = {.ctx = &r, .model = b->o.model, .take = on_result, .keep = on_edit};
  cli c = {.command = j->request.command, .args = j->request.args, .json = true, .host = &host};
  c.term =
      (terminal){.columns = 80, .wrap = 80, .utf8 = b->o.utf8, .host = on_progress, .host_ctx = &r};
  int code = b->o.run(&c);
  if (code) j->err = c.err;
  pthread_mutex_lock(&b->lock);
  j->state = !code ? DONE : j->err.code == LOCI_ECANCELLED ? CANCELLED : FAILED;
  j->ended = now();
  tell(b, j);
  pthread_mutex_unlock(&b->lock);
}

/* The one that has waited longest; NULL: none. */
static job *next_job(board *b, int worker) {
  job *first = NULL;
  for (int i = 0; i < MOST_JOBS; i++) {
    job *j = &b->jobs[i];
    bool fits = j->id && j->state == WAITING && j->worker == worker;
    if (fits && (!first || j->id < first->id)) first = j;
  }
  return first;
}

static void *work(void *ctx) {
  const seat *s = ctx;
  board *b = s->b;
  pthread_mutex_lock(&b->lock);
  while (!b->closing) {
    job *j = next_job(b, s->worker);
    if (!j) {
      pthread_cond_wait(&b->changed, &b->lock);
      continue;
    }
    j->state = RUNNING;
    j->started = j->watched = now();
    tell(b, j);
    pthread_mutex_unlock(&b->lock);
    run(b, j);
    pthread_mutex_lock(&b->lock);
  }
  pthread_mutex_unlock(&b->lock);
  return NULL;
}

board *board_new(const board_opts *o) {
  board *b = calloc(1, sizeof *b);
  if (!b) return NULL;
  b->o = *o;
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_mutex_init(&b->lock, NULL);
  pthread_cond_init(&b->changed, &attr);
  pthread_condattr_destroy(&attr);
  while (b->worker_count < WORKERS) {
    int i = b->worker_count;
    b->seats[i] = (seat){b, i};
    if (pthread_create(&b->workers[i], NULL, work, &b->seats[i])) {
      board_close(b);
      board_free(b);
      return NULL;
    }
    b->worker_count++;
  }
  return b;
}

void board_close(board *b) {
  pthread_mutex_lock(&b->lock);
  b->closing = true;
  for (int i = 0; i < MOST_JOBS; i++) b->jobs[i].cancel = true;
  pthread_cond_broadcast(&b->changed);
  pthread_mutex_unlock(&b->lock);
  for (int i = 0; i < b->worker_count; i++) pthread_join(b->workers[i], NULL);
  b->worker_count = 0;
}

static void forget(job *j) {
  if (j->asked) request_clear(&j->request);
  form_clear(&j->form);
  free(j->asked);
  loci_text_free(j->result);
  loci_free(j->edit);
  memset(j, 0, sizeof *j);
}

void board_free(board *b) {
  if (!b) return;
  if (b->applied && loci_edit_revert(b->o.model, b->applied->edit, NULL)) b->applied->edit = NULL;
  for (int i = 0; i < MOST_JOBS; i++) forget(&b->jobs[i]);
  pthread_cond_destroy(&b->changed);
  pthread_mutex_destroy(&b->lock);
  free(b);
}

static job *find(board *b, int id) {
  for (int i = 0; id > 0 && i < MOST_JOBS; i++)
    if (b->jobs[i].id == id) return &b->jobs[i];
  return NULL;
}

/* A job of the same form that is done or on its way: the same question is no work. */
static job *find_same(board *b, const char *text, size_t size) {
  for (int i = 0; i < MOST_JOBS; i++) {
    job *j = &b->jobs[i];
    bool good = j->id && j->state <= DONE && !j->cancel && j->edition == b->edition;
    if (good && j->asked_size == size && memcmp(j->asked, text, size) == 0) return j;
  }
  return NULL;
}

/* An empty place, or that of the job that ended longest ago; NULL: all are waiting or running. */
static job *find_place(board *b) {
  job *oldest = NULL;
  int waiting = 0;
  for (int i = 0; i < MOST_JOBS; i++) waiting += b->jobs[i].id && b->jobs[i].state == WAITING;
  for (int i = 0; i < MOST_JOBS && waiting < MOST_WAITING; i++) {
    job *j = &b->jobs[i];
    if (!j->id) return j;
    if (j->state > RUNNING && !j->watchers && j != b->applied &&
        (!oldest || j->ended < oldest->ended))
      oldest = j;
  }
  return oldest;
}

static board_answer answer(int status, const char *code, const char *message) {
  board_answer a = {.status = status};
  snprintf(a.code, sizeof a.code, "%s", code);
  snprintf(a.message, sizeof a.message, "%s", message);
  return a;
}

/* Those that answer while one types have a worker of their own. */
static int worker_of(const command *c) { return c->id == COMMAND_TOKENS || c->id == COMMAND_INFO; }

/* Fills an empty place; under the lock, so that nobody takes half a job. */
static board_answer fill(board *b, job *j, const char *text, size_t size) {
  const char *why, *code = "request";
  char said[400];
  if (!form_read(text, size, &j->form, &why)) return answer(400, "form", why);
  j->asked = malloc(size + 1);
  if (!j->asked) return answer(507, "memory", "out of memory");
  if (!request_read(&j->form, b->o.pictures, &j->request, &code, said, sizeof said))
    return answer(422, code, said);
  memcpy(j->asked, text, size);
  j->asked_size = size;
  j->worker = worker_of(j->request.command);
  j->edition = b->edition;
  j->id = ++b->last_id;
  return answer(202, "", "");
}

board_answer board_add(board *b, const char *text, size_t size, int *id) {
  board_answer a;
  pthread_mutex_lock(&b->lock);
  job *j = find_same(b, text, size);
  if (j) {
    a = answer(200, "", "");
  } else if ((j = find_place(b)) == NULL) {
    a = answer(429, "queue", "32 jobs are waiting already");
  } else {
    forget(j);
    a = fill(b, j, text, size);
    if (a.status == 202) {
      tell(b, j);
    } else {
      forget(j);
    }
  }
  *id = j ? j->id : 0;
  pthread_mutex_unlock(&b->lock);
  return a;
}

board_answer board_cancel(board *b, int id) {
  board_answer a = answer(202, "", "");
  pthread_mutex_lock(&b->lock);
  job *j = find(b, id);
  if (!j) {
    a = answer(404, "job", "there is no such job (any more)");
  } else if (j->state == WAITING) {
    j->state = CANCELLED;
    j->ended = now();
    tell(b, j);
  } else {
    j->cancel = true;
  }
  pthread_mutex_unlock(&b->lock);
  return a;
}

board_answer board_apply(board *b, int id, bool on) {
  board_answer a = answer(200, "", "");
  loci_err err = {0};
  bool busy = false;
  pthread_mutex_lock(&b->lock);
  job *j = find(b, id);
  for (int i = 0; i < MOST_JOBS; i++) busy |= b->jobs[i].id && b->jobs[i].state <= RUNNING;
  if (!j || !j->edit) {
    a = answer(404, "job", "it has no edit (any more)");
  } else if (busy) {
    a = answer(409, "busy", "the model is in use: wait for what runs, or stop it");
  } else if (on == (b->applied == j)) { /* as it is already */
  } else if (on && b->applied) {
    a = answer(409, "edited", "another edit is on the model: revert it first");
  } else if (on ? loci_edit_apply(b->o.model, j->edit, &err)
                : loci_edit_revert(b->o.model, j->edit, &err)) {
    a = answer(422, "edit", err.msg);
  } else {
    b->applied = on ? j : NULL;
    b->edition++;
  }
  pthread_mutex_unlock(&b->lock);
  return a;
}

int board_applied(board *b) {
  pthread_mutex_lock(&b->lock);
  int id = b->applied ? b->applied->id : 0;
  pthread_mutex_unlock(&b->lock);
  return id;
}

/* Under the lock. */
static char *describe(const job *j) {
  char *text = NULL;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  if (!f) return NULL;
  double end = j->state > RUNNING ? j->ended : now();
  fprintf(f, "{\"job\":%d,\"what\":\"%s\",\"state\":\"%s\",\"stage\":", j->id,
          j->request.command->name, state_names[j->state]);
  put_json_string(f, j->stage);
  fprintf(f, ",\"permille\":%d,\"seconds\":%.3f", j->permille,
          j->started > 0 ? end - j->started : 0);
  if (j->state == FAILED) {
    fprintf(f, ",\"error\":{\"code\":%d,\"message\":", j->err.code);
    put_json_string(f, j->err.msg);
    fprintf(f, "}");
  }
  fprintf(f, "}");
  return fclose(f) == 0 ? text : NULL;
}

bool board_state(board *b, int id, double seconds, unsigned *seen, char **out, bool *ended) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += (time_t)seconds;
  *out = NULL;
  pthread_mutex_lock(&b->lock);
  job *j = find(b, id);
  if (j) j->watchers++; /* it is not forgotten meanwhile */
  while (j && j->change == *seen && !b->closing)
    if (pthread_cond_timedwait(&b->changed, &b->lock, &until)) break;
  if (j && --j->watchers == 0) j->watched = now();
  bool there = j != NULL && !b->closing;
  if (there && j->change != *seen) {
    *seen = j->change;
    *out = describe(j);
  }
  *ended = !there || j->state > RUNNING;
  pthread_mutex_unlock(&b->lock);
  return there;
}

char *board_result(board *b, int id, size_t *size) {
  char *copy = NULL;
  pthread_mutex_lock(&b->lock);
  const job *j = find(b, id);
  if (j && j->state == DONE && j->result) {
    *size = strlen(j->result);
    copy = malloc(*size + 1);
    if (copy) memcpy(copy, j->result, *size + 1);
  }
  pthread_mutex_unlock(&b->lock);
  return copy;
}
