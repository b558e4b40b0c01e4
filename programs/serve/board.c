/* Jobs (see board.h).  Everything about a job is under the board's one lock; a worker holds it only
 * to take a job and to say how far it is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "page_job.h"
#include "cli.h"
#include "export.h"
#include "values.h"

enum { MOST_WAITING = 32, MOST_MADE = 16 };
static const double MOMENT = 0.3; /* seconds */

static const char *const state_names[] = {"waiting", "running", "done", "cancelled", "failed"};

double board_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void board_tell(board *b, job *j) {
  j->change++;
  pthread_cond_broadcast(&b->changed);
}

/* Line breaks of JSON stand between its members only. */
void board_event(board *b, job *j, char *data) {
  for (char *s = data; (s = strchr(s, '\n')) != NULL;) *s = ' ';
  pthread_mutex_lock(&b->lock);
  char **more = realloc(j->events, (size_t)(j->event_count + 1) * sizeof *more);
  if (more) {
    j->events = more;
    j->events[j->event_count++] = data;
    board_tell(b, j);
  }
  pthread_mutex_unlock(&b->lock);
  if (!more) loci_text_free(data);
}

void board_forget_events(job *j) {
  for (int i = 0; i < j->event_count; i++) loci_text_free(j->events[i]);
  free(j->events);
  j->events = NULL;
  j->event_count = 0;
}

/* The one that has waited longest; brief ones first. */
job *board_next(board *b, int worker, bool brief) {
  job *first = NULL;
  for (int i = 0; i < MOST_JOBS; i++) {
    job *j = &b->jobs[i];
    if (!j->id || j->state != WAITING || j->worker != worker || (brief && !j->brief)) continue;
    bool sooner =
        !first || j->brief > first->brief || (j->brief == first->brief && j->id < first->id);
    if (sooner) first = j;
  }
  return first;
}

board *board_new(const board_opts *o) {
  board *b = calloc(1, sizeof *b);
  if (!b) return NULL;
  b->o = *o;
  b->prompts = shelf_new(o->model, o->keep);
  if (!b->prompts) {
    free(b);
    return NULL;
  }
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_mutex_init(&b->lock, NULL);
  pthread_cond_init(&b->changed, &attr);
  pthread_condattr_destroy(&attr);
  while (b->worker_count < WORKERS) {
    int i = b->worker_count;
    b->seats[i] = (seat){b, i};
    if (pthread_create(&b->workers[i], NULL, b->o.work, &b->seats[i])) {
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

/* The result itself, which borrows from a prompt. */
static void forget_made(board *b, job *j) {
  loci_free(j->made);
  if (j->about) shelf_drop(b->prompts, j->about);
  j->made = NULL;
  j->about = NULL;
}

void board_forget(board *b, job *j) {
  if (j->asked) request_clear(&j->request);
  form_clear(&j->form);
  free(j->asked);
  loci_text_free(j->result);
  board_forget_events(j);
  forget_made(b, j);
  memset(j, 0, sizeof *j);
}

void board_forget_all(board *b) {
  loci_edit *applied = b->applied ? (loci_edit *)b->applied->made : NULL;
  if (applied && loci_edit_revert(b->o.model, applied, NULL)) b->applied->made = NULL;
  b->applied = NULL;
  for (int i = 0; i < MOST_JOBS; i++) board_forget(b, &b->jobs[i]);
}

void board_free(board *b) {
  if (!b) return;
  board_close(b); /* where no server began, nobody did */
  board_forget_all(b);
  shelf_free(b->prompts);
  pthread_cond_destroy(&b->changed);
  pthread_mutex_destroy(&b->lock);
  free(b);
}

job *board_find(board *b, int id) {
  for (int i = 0; id > 0 && i < MOST_JOBS; i++)
    if (b->jobs[i].id == id) return &b->jobs[i];
  return NULL;
}

/* An edit is of the model as it is on disk. */
job *board_held(board *b, const job *j, loci_kind kind) {
  pthread_mutex_lock(&b->lock);
  job *old = board_find(b, j->request.of);
  bool good = old && old->state > RUNNING && old->made && old->made->kind == kind &&
              (kind == LOCI_KIND_EDIT ? !b->applied : old->edition == j->edition);
  if (good) old->watchers++;
  pthread_mutex_unlock(&b->lock);
  return good ? old : NULL;
}

void board_let_go(board *b, job *held) {
  pthread_mutex_lock(&b->lock);
  held->watchers--;
  pthread_mutex_unlock(&b->lock);
}

/* A job of the same form that is done or on its way: the same question is no work. */
static job *find_same(board *b, const char *text, size_t size) {
  for (int i = 0; i < MOST_JOBS; i++) {
    job *j = &b->jobs[i];
    bool good = j->id && j->asked && j->state <= DONE && !j->cancel && j->edition == b->edition;
    if (good && j->asked_size == size && memcmp(j->asked, text, size) == 0) return j;
  }
  return NULL;
}

/* An empty place, or that of the job that ended longest ago; NULL: all are waiting or running. */
job *board_find_place(board *b) {
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

board_answer board_says(int status, const char *code, const char *message) {
  board_answer a = {.status = status};
  snprintf(a.code, sizeof a.code, "%s", code);
  snprintf(a.message, sizeof a.message, "%s", message);
  return a;
}

/* Those that answer while one types have a worker of their own. */
static int worker_of(const command *c) {
  return c->id == COMMAND_TOKENS || c->id == COMMAND_INFO || c->id == COMMAND_IMAGE;
}

/* Results themselves are held of the latest jobs only: their JSON is enough for most. */
static void forget_old(board *b) {
  int made = 0;
  for (int i = 0; i < MOST_JOBS; i++) made += b->jobs[i].made != NULL;
  while (made-- > MOST_MADE) {
    job *oldest = NULL;
    for (int i = 0; i < MOST_JOBS; i++) {
      job *j = &b->jobs[i];
      bool old = j->made && j->state > RUNNING && !j->watchers && j->made->kind != LOCI_KIND_EDIT;
      if (old && (!oldest || j->ended < oldest->ended)) oldest = j;
    }
    if (oldest) forget_made(b, oldest);
  }
}

static board_answer about_field(board_answer a, const char *field) {
  snprintf(a.field, sizeof a.field, "%s", field ? field : "");
  return a;
}

/* Fills an empty place; under the lock, so that nobody takes half a job. */
static board_answer fill(board *b, job *j, const char *text, size_t size) {
  const char *why;
  refusal no;
  if (!form_read(text, size, &j->form, &why)) return board_says(400, "form", why);
  const char *edition = form_get(&j->form, "edition");
  int of = 0;
  if (edition && (!value_int(edition, 0, INT32_MAX, &of) || of != b->edition))
    return about_field(
        board_says(409, "changed", "the model, or the edit on it, is another one by now"),
        "edition");
  j->asked = malloc(size + 1);
  if (!j->asked) return board_says(507, "memory", "out of memory");
  if (!request_read(&j->form, b->o.pictures, &j->request, &no))
    return about_field(board_says(422, no.code, no.why), no.field);
  memcpy(j->asked, text, size);
  j->asked_size = size;
  j->worker = worker_of(j->request.command);
  j->brief = j->request.command->id == COMMAND_ASK;
  j->edition = b->edition;
  j->id = ++b->last_id;
  return board_says(202, "", "");
}

board_answer board_add(board *b, const char *text, size_t size, int *id) {
  board_answer a;
  pthread_mutex_lock(&b->lock);
  forget_old(b);
  job *j = find_same(b, text, size);
  if (j) {
    a = board_says(200, "", "");
  } else if ((j = board_find_place(b)) == NULL) {
    a = board_says(429, "queue", "32 jobs are waiting already");
  } else {
    board_forget(b, j);
    a = fill(b, j, text, size);
    if (a.status == 202) {
      board_tell(b, j);
    } else {
      board_forget(b, j);
    }
  }
  *id = j ? j->id : 0;
  pthread_mutex_unlock(&b->lock);
  return a;
}

board_answer board_cancel(board *b, int id) {
  board_answer a = board_says(202, "", "");
  pthread_mutex_lock(&b->lock);
  job *j = board_find(b, id);
  if (!j) {
    a = board_says(404, "job", "there is no such job (any more)");
  } else if (j->state == WAITING) {
    j->state = CANCELLED;
    j->ended = board_now();
    board_tell(b, j);
  } else {
    j->cancel = true;
  }
  pthread_mutex_unlock(&b->lock);
  return a;
}

/* Under the lock. */
static char *describe(const job *j) {
  char *text = NULL;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  if (!f) return NULL;
  double end = j->state > RUNNING ? j->ended : board_now();
  fprintf(f, "{\"job\":%d,\"what\":\"%s\",\"state\":\"%s\",\"stage\":", j->id,
          j->request.command->name, state_names[j->state]);
  put_json_string(f, j->stage);
  fprintf(f, ",\"permille\":%d,\"seconds\":%.3f", j->permille,
          j->started > 0 ? end - j->started : 0);
  if (j->state == CANCELLED && j->result) fprintf(f, ",\"partial\":true");
  if (j->state == FAILED) {
    const char *field = form_named(&j->form, j->err.msg);
    fprintf(f, ",\"error\":{\"code\":\"%s\",\"message\":", loci_status_name(j->err.code));
    put_json_string(f, j->err.msg);
    fputs(",\"field\":", f);
    field ? put_json_string(f, field) : (void)fputs("null", f);
    fputc('}', f);
  }
  fprintf(f, "}");
  return fclose(f) == 0 ? text : NULL;
}

/* For a job to end, or only to change from what was [seen]; [seconds] at most.  It is not forgotten
 * meanwhile.  Under the lock. */
static void wait_for(board *b, job *j, const unsigned *seen, double seconds) {
  double until = board_now() + seconds;
  const struct timespec t = {(time_t)until, (long)(1e9 * (until - floor(until)))};
  j->watchers++;
  while ((seen ? j->change == *seen : j->state <= RUNNING) && !b->closing)
    if (pthread_cond_timedwait(&b->changed, &b->lock, &t)) break;
  if (--j->watchers == 0) j->watched = board_now();
}

char *board_told(board *b, int id, size_t *size) {
  char *text = NULL;
  FILE *f = open_memstream(&text, size);
  if (!f) return NULL;
  fprintf(f, "{\"job\":%d", id);
  pthread_mutex_lock(&b->lock);
  job *j = board_find(b, id);
  if (j && (j->brief || j->worker > 0)) wait_for(b, j, NULL, MOMENT);
  char *state = j && j->state > RUNNING ? describe(j) : NULL;
  if (state) fprintf(f, ",\"state\":%s", state);
  if (state && j->result) fprintf(f, ",\"result\":%s", j->result);
  pthread_mutex_unlock(&b->lock);
  free(state);
  fputs("}\n", f);
  return fclose(f) == 0 ? text : NULL;
}

char *board_state(board *b, int id) {
  pthread_mutex_lock(&b->lock);
  const job *j = board_find(b, id);
  char *text = j ? describe(j) : NULL;
  pthread_mutex_unlock(&b->lock);
  return text;
}

void board_put_states(board *b, FILE *f) {
  fputs("{\"jobs\":[", f);
  bool first = true;
  pthread_mutex_lock(&b->lock);
  for (int id = 0; id <= b->last_id; id++) {
    const job *j = board_find(b, id);
    char *text = j ? describe(j) : NULL;
    if (text) fprintf(f, "%s%s", first ? "" : ",", text);
    if (text) first = false;
    free(text);
  }
  pthread_mutex_unlock(&b->lock);
  fputs("]}\n", f);
}

bool board_name(board *b, int id, char name[48]) {
  pthread_mutex_lock(&b->lock);
  const job *j = board_find(b, id);
  if (j) snprintf(name, 48, "%s", j->request.command->name);
  pthread_mutex_unlock(&b->lock);
  return j != NULL;
}

/* What is new at [at] as an event stream has it: parts of the result, then the state.  Under the
 * lock. */
static char *news(const job *j, board_place *at) {
  char *text = NULL;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  if (!f) return NULL;
  for (; at->events < j->event_count; at->events++)
    fprintf(f, "event: part\ndata: %s\n\n", j->events[at->events]);
  char *state = at->seen != j->change ? describe(j) : NULL;
  if (state) fprintf(f, "event: state\ndata: %s\n\n", state);
  free(state);
  at->seen = j->change;
  return fclose(f) == 0 ? text : NULL;
}

bool board_follow(board *b, int id, double seconds, board_place *at, char **out, bool *ended) {
  *out = NULL;
  pthread_mutex_lock(&b->lock);
  job *j = board_find(b, id);
  if (j) wait_for(b, j, &at->seen, seconds);
  bool there = j != NULL && !b->closing;
  if (there && j->change != at->seen) *out = news(j, at);
  *ended = !there || j->state > RUNNING;
  pthread_mutex_unlock(&b->lock);
  return there;
}

/* Pinned while it is written: that may take longer than others should wait. */
char *board_result(board *b, int id, const char *ending, size_t *size) {
  char *copy = NULL;
  pthread_mutex_lock(&b->lock);
  job *j = board_find(b, id);
  bool json = strcmp(ending, "json") == 0;
  if (j && j->state > RUNNING && json && j->result) {
    *size = strlen(j->result);
    copy = malloc(*size + 1);
    if (copy) memcpy(copy, j->result, *size + 1);
  } else if (j && j->state > RUNNING && !json && j->made) {
    j->watchers++;
    pthread_mutex_unlock(&b->lock);
    copy = export_result(j->made, ending, size);
    pthread_mutex_lock(&b->lock);
    j->watchers--;
  }
  pthread_mutex_unlock(&b->lock);
  return copy;
}
