/* Several threads and one model: the same numbers as one after the other, one reading of the
 * weights for the hash, a call that another thread stops, and an OpenMP count that stays the
 * caller's. */
#include "model/model.h"

#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"

enum { THREADS = 4 };

static loci_model *model;

static const loci_model *shared(void) { return model; }

static int open_model(void **state) {
  (void)state;
  loci_model_opts o = {.size = sizeof o, .precision = LOCI_PRECISION_F32, .threads = 2};
  return loci_model_open(MODELS "text-llama", &o, &model, NULL) ? -1 : 0;
}

static int close_model(void **state) {
  (void)state;
  loci_model_close(model);
  return 0;
}

typedef struct job {
  loci_trace *trace;
  loci_status status;
  const char *hash;
  loci_monitor monitor;
  int verify;
} job;

static void *run(void *ctx) {
  job *j = ctx;
  static const char *const constraint[] = {"this city"};
  loci_question q = {.size = sizeof q,
                     .text = "Where is this city?",
                     .template_name = "raw",
                     .constraints = constraint,
                     .constraint_count = 1};
  loci_trace_opts o = {.size = sizeof o,
                       .corrupt = "noise:1",
                       .seed = 3,
                       .verify = j->verify,
                       .progress = loci_monitor_progress,
                       .progress_ctx = &j->monitor};
  loci_prompt *p;
  j->status = loci_prompt_new(shared(), &q, &p, NULL);
  if (!j->status) j->status = model_hash(shared(), NULL, NULL, &j->hash, NULL);
  if (!j->status) j->status = loci_trace_new(shared(), p, &o, &j->trace, NULL);
  loci_prompt_free(j->status ? p : NULL);
  return p;
}

static void one_model_serves_many_threads(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  job jobs[THREADS] = {{0}}, alone = {0};
  void *prompts[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, run, &jobs[i]), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], &prompts[i]);
  loci_prompt *p = run(&alone);
  assert_int_equal(alone.status, LOCI_OK);
  const loci_grid *a = alone.trace->grids;
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(jobs[i].status, LOCI_OK);
    assert_ptr_equal(jobs[i].hash, alone.hash);
    const loci_grid *g = jobs[i].trace->grids;
    size_t n = (size_t)a->layer_count * (size_t)a->column_count;
    assert_memory_equal(g->cells, a->cells, n * sizeof *a->cells);
    loci_free(jobs[i].trace);
    loci_prompt_free(prompts[i]);
  }
  loci_free(alone.trace);
  loci_prompt_free(p);
}

/* It would verify for hours; another thread sees that it has begun, and stops it. */
static void another_thread_stops_a_call(void **state) {
  (void)state;
  pthread_t thread;
  job j = {.verify = 1 << 30};
  int permille;
  assert_int_equal(pthread_create(&thread, NULL, run, &j), 0);
  while (!loci_monitor_stage(&j.monitor, &permille)) continue;
  assert_in_range(permille, 0, 1000);
  loci_monitor_cancel(&j.monitor);
  pthread_join(thread, NULL);
  assert_int_equal(j.status, LOCI_ECANCELLED);
  assert_null(j.trace);
}

static void openmp_keeps_the_callers_count(void **state) {
  (void)state;
  job j = {0};
  omp_set_num_threads(3);
  loci_prompt *p = run(&j);
  assert_int_equal(j.status, LOCI_OK);
  assert_int_equal(omp_get_max_threads(), 3);
  loci_free(j.trace);
  loci_prompt_free(p);
}

/* A layer of the demo model. */
static loci_trace *trace_with(int threads, int64_t memory) {
  static const char *const constraint[] = {"this country"};
  static const loci_site sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT};
  loci_model_opts o = {.size = sizeof o,
                       .precision = LOCI_PRECISION_F32,
                       .threads = threads,
                       .memory_bytes = memory};
  loci_question q = {.size = sizeof q,
                     .image = LOCI_SOURCE_DIR "/models/flags/images/ukraine.png",
                     .text = "What is the capital of this country?",
                     .constraints = constraint,
                     .constraint_count = 1};
  loci_trace_opts opts = {.size = sizeof opts,
                          .sites = sites,
                          .site_count = 2,
                          .first_layer = 3,
                          .layer_count = 1,
                          .no_hash = true};
  loci_model *m;
  loci_prompt *p;
  loci_trace *t;
  loci_err err;
  if (loci_model_open(LOCI_SOURCE_DIR "/models/flags", &o, &m, &err) ||
      loci_prompt_new(m, &q, &p, &err) || loci_trace_new(m, p, &opts, &t, &err))
    fail_msg("%s", err.msg);
  loci_prompt_free(p);
  loci_model_close(m);
  return t;
}

static size_t cells_of(const loci_grid *g) {
  return (size_t)g->layer_count * (size_t)g->column_count;
}

/* Threads and memory say how work is split, and no more (docs/STORE.md).  The same split gives the
 * same bytes; with another, oneDNN may fold its sums in another order, and 1e-5 is what the
 * reference leaves a careful f32 implementation. */
static void a_split_changes_no_more_than_last_digits(void **state) {
  static const struct {
    int threads;
    int64_t mib;
  } splits[] = {{2, 0}, {1, 0}, {3, 0}, {2, 74}};
  (void)state;
  loci_trace *first = trace_with(2, 0);
  int64_t few = first->cost.rows;
  for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
    loci_trace *t = trace_with(splits[i].threads, splits[i].mib << 20);
    if (splits[i].mib) assert_true(t->cost.rows > few); /* several walks, each with its base runs */
    assert_int_equal(t->grid_count, first->grid_count);
    for (int g = 0; g < t->grid_count; g++) {
      size_t n = cells_of(&t->grids[g]);
      const loci_metrics *a = t->grids[g].cells, *b = first->grids[g].cells;
      if (i == 0) assert_memory_equal(a, b, n * sizeof *a);
      for (size_t k = 0; k < n; k++) assert_true(fabs(a[k].p - b[k].p) <= 1e-5);
    }
    loci_free(t);
  }
  loci_free(first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_model_serves_many_threads),
      cmocka_unit_test(another_thread_stops_a_call),
      cmocka_unit_test(a_split_changes_no_more_than_last_digits),
      cmocka_unit_test(openmp_keeps_the_callers_count),
  };
  return cmocka_run_group_tests(tests, open_model, close_model);
}
