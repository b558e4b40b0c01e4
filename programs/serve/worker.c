/* Running jobs (see page_job.h): the command is called as main calls it, with a host that answers
 * for the terminal.
 *
 * A sweep takes seconds, a click should take none.  So a brief job does not wait for the long one
 * that runs: whenever that says how far it is, between two layers or within a large product, the
 * brief one is run there and then, on the same thread.  One thread computes at any time, and one
 * uses the kept prompts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page_job.h"
#include "cli.h"

enum { UNWATCHED_SECONDS = 30 };

/* A job while it runs, as the command sees it. */
typedef struct running {
  board *b;
  job *j;
  double told;
  shelf_place *about; /* in use */
  bool *seen;         /* cells of a trace that watchers were told of */
  int looks;          /* at the trace so far */
} running;

static void run(board *b, job *j);

static void run_brief(board *b) {
  pthread_mutex_lock(&b->lock);
  job *j = b->closing ? NULL : board_next(b, 0, true);
  if (j) {
    j->state = RUNNING;
    j->started = j->watched = board_now();
    board_tell(b, j);
  }
  pthread_mutex_unlock(&b->lock);
  if (j) run(b, j);
}

/* Four times a second at most: more would only be drawn over. */
static bool on_progress(void *ctx, const char *stage, double done, double total) {
  running *r = ctx;
  if (!r->j->brief && r->j->worker == 0) run_brief(r->b);
  double time = board_now();
  pthread_mutex_lock(&r->b->lock);
  bool other = strncmp(stage, r->j->stage, sizeof r->j->stage - 1) != 0;
  if (!r->j->watchers && time - r->j->watched > UNWATCHED_SECONDS) r->j->cancel = true;
  bool go = !r->j->cancel;
  if (other || time - r->told > 0.25) {
    r->told = time;
    snprintf(r->j->stage, sizeof r->j->stage, "%s", stage);
    r->j->permille = total > 0 ? (int)(1000 * (done < total ? done / total : 1)) : 0;
    board_tell(r->b, r->j);
  }
  pthread_mutex_unlock(&r->b->lock);
  return go && !terminal_signal();
}

/* ---------------------------------------------------------------- what a command hands over */

static loci_status on_prompt(void *ctx, const loci_question *q, loci_prompt **out, loci_err *err) {
  running *r = ctx;
  if (shelf_take(r->b->prompts, q, form_get(&r->j->form, "picture"), &r->about, err))
    return err->code;
  *out = shelf_prompt(r->about);
  if (r->j->worker > 0) return LOCI_OK;
  return shelf_keep(r->b->prompts, r->about, on_progress, r, err);
}

static void on_result(void *ctx, char *json) {
  running *r = ctx;
  pthread_mutex_lock(&r->b->lock);
  r->j->result = json;
  pthread_mutex_unlock(&r->b->lock);
}

static void on_made(void *ctx, loci_result *result) {
  running *r = ctx;
  pthread_mutex_lock(&r->b->lock);
  r->j->made = result;
  pthread_mutex_unlock(&r->b->lock);
}

/* ---------------------------------------------------------------- a trace while it is made */

static int64_t cells_of(const loci_grid *g) {
  return (int64_t)g->layer_count * g->column_count * (g->head_count ? g->head_count : 1);
}

static void put_number(FILE *f, double x, bool first) {
  if (!first) fputc(',', f);
  if (isfinite(x)) fprintf(f, "%.9g", x);
  if (!isfinite(x)) fputs("null", f);
}

/* The cells [at, at + n) of a grid in one array for each number. */
static void put_cells(FILE *f, const loci_grid *g, const int64_t *at, int64_t n) {
  static const char *const names[] = {"p", "logp", "logit_diff", "kl", "ie", "restoration"};
  fputs("\"at\":[", f);
  for (int64_t i = 0; i < n; i++) fprintf(f, "%s%lld", i ? "," : "", (long long)at[i]);
  fputc(']', f);
  for (int k = 0; k < LENGTH(names); k++) {
    fprintf(f, ",\"%s\":[", names[k]);
    for (int64_t i = 0; i < n; i++) {
      const loci_metrics *m = &g->cells[at[i]];
      const double x[] = {m->p, m->logp, m->logit_diff, m->kl, g->ie[at[i]], g->restoration[at[i]]};
      put_number(f, x[k], i == 0);
    }
    fputc(']', f);
  }
}

static int64_t cells_of_all(const loci_trace *t) {
  int64_t n = 1; /* so that there is room to be had */
  for (int i = 0; i < t->grid_count; i++) n += cells_of(&t->grids[i]);
  return n;
}

/* What was run since the last time, or NULL. */
static char *new_cells(running *r, const loci_trace *t) {
  char *text = NULL;
  size_t size;
  int64_t before = 0;
  int64_t *at = malloc((size_t)cells_of_all(t) * sizeof *at);
  FILE *f = at && r->seen ? open_memstream(&text, &size) : NULL;
  if (f)
    fprintf(f, "{\"done\":%lld,\"planned\":%lld,\"grids\":[", (long long)(t->planned - t->missing),
            (long long)t->planned);
  for (int i = 0; f && i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    int64_t n = 0;
    for (int64_t k = 0; k < cells_of(g); k++) {
      bool *seen = &r->seen[before + k];
      if (g->exact[k] && !*seen) at[n++] = k, *seen = true;
    }
    fprintf(f, "%s{\"grid\":%d,", i ? "," : "", i);
    put_cells(f, g, at, n);
    fputc('}', f);
    before += cells_of(g);
  }
  if (f) fputs("]}", f);
  bool good = f && fclose(f) == 0;
  free(at);
  if (good) return text;
  free(text);
  return NULL;
}

/* Whole, after the answers and after the estimates (and with what another one had already); then
 * the cells that come. */
static void on_watch(void *ctx, const loci_trace *t) {
  running *r = ctx;
  char *text = NULL;
  int64_t before = 0;
  if (!r->seen) r->seen = calloc((size_t)cells_of_all(t), 1);
  if (r->looks++ >= 2) {
    text = new_cells(r, t);
  } else if (loci_json(&t->result, &text, NULL)) {
    return;
  }
  for (int i = 0; r->seen && i < t->grid_count; before += cells_of(&t->grids[i++]))
    for (int64_t k = 0; k < cells_of(&t->grids[i]); k++)
      r->seen[before + k] |= t->grids[i].exact[k];
  if (text) board_event(r->b, r->j, text);
}

/* The newest step of an edit. */
static void on_steps(void *ctx, const loci_edit_step *steps, int count) {
  running *r = ctx;
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f) return;
  fprintf(f, "{\"step\":%d,\"loss\":", count - 1);
  put_number(f, steps[count - 1].loss, true);
  fputs(",\"p\":", f);
  put_number(f, steps[count - 1].p, true);
  fputs("}", f);
  if (fclose(f) == 0) board_event(r->b, r->j, text);
}

/* The newest token of an answer, and the text so far. */
static void on_answer(void *ctx, const loci_answer *a) {
  running *r = ctx;
  const loci_candidate *top = a->top[a->count - 1];
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  if (!f) return;
  fprintf(f, "{\"token\":%d,\"text\":", a->count - 1);
  put_json_string(f, a->text);
  fputs(",\"top\":[", f);
  for (int k = 0; k < LOCI_TOP && top[k].text; k++) {
    fprintf(f, "%s{\"id\":%d,\"text\":", k ? "," : "", top[k].id);
    put_json_string(f, top[k].text);
    fputs(",\"p\":", f);
    put_number(f, top[k].p, true);
    fputc('}', f);
  }
  fputs("]}", f);
  if (fclose(f) == 0) board_event(r->b, r->j, text);
}

/* ---------------------------------------------------------------- a job */

static void end(running *r, int code, const loci_err *err) {
  board *b = r->b;
  job *j = r->j;
  bool held = j->made && r->about;
  free(r->seen);
  if (r->about) shelf_leave(b->prompts, r->about, held);
  if (held) j->about = r->about;
  pthread_mutex_lock(&b->lock);
  if (code) j->err = *err;
  bool part = j->made && j->made->kind == LOCI_KIND_TRACE && ((loci_trace *)j->made)->missing > 0;
  j->state = part || (code && j->err.code == LOCI_ECANCELLED) ? CANCELLED : code ? FAILED : DONE;
  j->ended = board_now();
  board_forget_events(j); /* the result has it all */
  board_tell(b, j);
  pthread_mutex_unlock(&b->lock);
}

/* The edit of a job, and the file of examples that its test reads. */
static const loci_edit *begin_test(page_request *r, job *of, loci_err *err) {
  const loci_edit *e = of ? (const loci_edit *)of->made : NULL;
  if (!e) {
    cli_fail(err, LOCI_EINVAL, "there is no such edit (any more), or one is on the model: revert");
  } else if (!request_write_data(r, e->facts[0].target)) {
    cli_fail(err, LOCI_ENOMEM, "out of memory");
  }
  return err->code ? NULL : e;
}

static void run(board *b, job *j) {
  running r = {.b = b, .j = j};
  bool tests = j->request.command->id == COMMAND_EDIT_TEST;
  job *of = board_held(b, j, tests ? LOCI_KIND_EDIT : LOCI_KIND_TRACE);
  cli_host host = {.ctx = &r,
                   .model = b->o.model,
                   .opened = &b->o.opened,
                   .prompt = on_prompt,
                   .take = on_result,
                   .keep = on_made,
                   .so_far = of && !tests ? (const loci_trace *)of->made : NULL,
                   .steps = on_steps,
                   .answer = on_answer};
  cli c = {.command = j->request.command, .args = j->request.args, .json = true, .host = &host};
  c.term = (terminal){.columns = 80,
                      .wrap = 80,
                      .utf8 = b->o.utf8,
                      .watch = on_watch,
                      .host = on_progress,
                      .host_ctx = &r};
  if (tests) host.edit = begin_test(&j->request, of, &c.err);
  int code = c.err.code ? EXIT_FAILED : b->o.run(&c);
  if (of) board_let_go(b, of);
  end(&r, code, &c.err);
}

void *board_work(void *ctx) {
  const seat *s = ctx;
  board *b = s->b;
  pthread_mutex_lock(&b->lock);
  while (!b->closing) {
    job *j = board_next(b, s->worker, false);
    if (!j) {
      pthread_cond_wait(&b->changed, &b->lock);
      continue;
    }
    j->state = RUNNING;
    j->started = j->watched = board_now();
    board_tell(b, j);
    pthread_mutex_unlock(&b->lock);
    run(b, j);
    pthread_mutex_lock(&b->lock);
  }
  pthread_mutex_unlock(&b->lock);
  return NULL;
}
