/* --memory holds: what a trace takes beside its weights stays under the limit given, and of weights
 * that are larger than the limit no more than a few layers are resident at once.
 *
 * Resident memory is a process's own, so every trace runs in a child, whose peak the kernel tells
 * when it has ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tree.h"
#include "loci.h"

#include <cmocka.h> /* last: its fail() is a macro */

enum { MIB = 1 << 20 };
static char dir[] = "/tmp/loci-memory.XXXXXX";
static char model_dir[sizeof dir + 8];

/* What a child does: opens the model, and traces unless [memory] is -1. */
static int trace_in_child(int64_t memory, int64_t *rows) {
  loci_model *m;
  loci_prompt *p;
  loci_trace *t = NULL;
  const char *constraint = "this country";
  loci_model_opts o = {.size = sizeof o, .memory_bytes = memory > 0 ? memory : 0, .threads = 2};
  loci_question q = {.size = sizeof q,
                     .image = LOCI_SOURCE_DIR "/models/flags/images/ukraine.png",
                     .text = "What is the capital of this country?",
                     .constraints = &constraint,
                     .constraint_count = 1};
  loci_trace_opts opts = {.size = sizeof opts, .no_hash = true};
  if (loci_model_open(model_dir, &o, &m, NULL) || loci_prompt_new(m, &q, &p, NULL)) return 1;
  if (memory >= 0 && loci_trace_new(m, p, &opts, &t, NULL)) return 2;
  if (t) *rows = t->cost.rows;
  loci_free(t);
  loci_prompt_free(p);
  loci_model_close(m);
  return 0;
}

/* Peak bytes resident in a trace, and the rows it ran. */
static int64_t peak_of(int64_t memory, int64_t *rows) {
  int pipe_ends[2], status;
  struct rusage used;
  assert_int_equal(pipe(pipe_ends), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    int64_t n = 0;
    int code = trace_in_child(memory, &n);
    if (write(pipe_ends[1], &n, sizeof n) != sizeof n) code = 3;
    _exit(code);
  }
  assert_int_equal(read(pipe_ends[0], rows, sizeof *rows), sizeof *rows);
  assert_int_equal(wait4(child, &status, 0, &used), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  return (int64_t)used.ru_maxrss * 1024;
}

/* 105 MB of weights, 5.8 MB a layer. */
static int make_model(void **state) {
  (void)state;
  char command[512];
  if (!mkdtemp(dir)) return 1;
  snprintf(model_dir, sizeof model_dir, "%s/model", dir);
  snprintf(command, sizeof command,
           MAKE_CHECKPOINT
           " tiny %s --dtype f32 --layers 18 --width 512 --inner 256 --heads 8 --kv-heads 8 "
           ">%s/log",
           model_dir, dir);
  return system(command); // NOLINT(cert-env33-c): a tool of this build
}

static int remove_model(void **state) {
  (void)state;
  tree_remove(dir);
  return 0;
}

/* Sanitizers keep memory of their own for every byte: then only that nothing breaks is tested. */
static bool is_sanitized(void) {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#else
  return false;
#endif
}

static void a_trace_keeps_to_its_limit(void **state) {
  (void)state;
  enum { LIMIT = 100 * MIB, LAYER = 6 * MIB };
  int64_t rows, all_rows, none;
  int64_t before = peak_of(-1, &none), free_peak = peak_of((int64_t)4096 * MIB, &all_rows),
          peak = peak_of(LIMIT, &rows);
  print_message("before %lld MiB, without a limit %lld, with one of %d: %lld\n",
                (long long)before / MIB, (long long)free_peak / MIB, LIMIT / MIB,
                (long long)peak / MIB);
  assert_true(rows > all_rows); /* several walks, each with the base runs of its own */
  if (is_sanitized()) skip();
  assert_true(free_peak - before > 2 * (int64_t)LIMIT); /* the limit asks for something */
  /* The layer that is computed, the next one, and the one after until it is given up; threads'
   * stacks, compiled products and the C library's reserve are the process's own. */
  assert_true(peak - before < LIMIT + 3 * LAYER + 16 * MIB);
}

static void too_small_a_limit_is_refused(void **state) {
  (void)state;
  loci_model *m;
  loci_prompt *p;
  loci_trace *t;
  loci_err err;
  loci_model_opts o = {.size = sizeof o, .memory_bytes = 32 * MIB};
  loci_question q = {.size = sizeof q, .text = "What is this?"};
  assert_int_equal(loci_model_open(model_dir, &o, &m, &err), LOCI_OK);
  assert_int_equal(loci_prompt_new(m, &q, &p, &err), LOCI_OK);
  loci_trace_opts opts = {.size = sizeof opts, .no_hash = true};
  assert_int_not_equal(loci_trace_new(m, p, &opts, &t, &err), LOCI_OK);
  assert_null(t);
  loci_prompt_free(p);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(
          a_trace_keeps_to_its_limit), /* first: children of a process without threads */
      cmocka_unit_test(too_small_a_limit_is_refused),
  };
  return cmocka_run_group_tests(tests, make_model, remove_model);
}
