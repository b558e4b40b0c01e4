/* What contributions cost: a plain forward and a flow of all layers, in turns, the fastest of each.
 *
 *   cc flow_cost.c $(pkg-config --cflags --libs loci) -o flow_cost
 *   ./flow_cost models/flags IMAGE [REPEATS]
 */
#include <loci.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One token of an answer: every layer once, and the scores of the last position. */
static loci_status forward(const loci_model *m, const loci_prompt *p, loci_err *err) {
  loci_answer *a = NULL;
  loci_status st = loci_ask(m, p, 1, NULL, NULL, &a, err);
  loci_free(a);
  return st;
}

static loci_status flow(loci_model *m, const loci_prompt *p, loci_err *err) {
  loci_flow *f = NULL;
  loci_flow_opts o = {.size = sizeof o, .no_hash = true};
  loci_status st = loci_flow_new(m, p, &o, &f, err);
  loci_free(f);
  return st;
}

static loci_status measure(loci_model *m, const loci_prompt *p, int repeats, loci_err *err) {
  double best[2] = {1e9, 1e9};
  loci_status st = LOCI_OK;
  for (int i = 0; !st && i < 2 * repeats; i++) {
    double begin = now();
    st = i % 2 ? flow(m, p, err) : forward(m, p, err);
    double took = now() - begin;
    if (took < best[i % 2]) best[i % 2] = took;
  }
  if (!st) {
    printf("forward %.2f ms, flow of all layers %.2f ms: %.2f forwards (fastest of %d)\n",
           1e3 * best[0], 1e3 * best[1], best[1] / best[0], repeats);
  }
  return st;
}

int main(int argc, char **argv) {
  static const char *const constraint = "this country";
  loci_model *m = NULL;
  loci_prompt *p = NULL;
  loci_err err;
  if (argc < 3) {
    fprintf(stderr, "usage: %s MODEL IMAGE [REPEATS]\n", argv[0]);
    return 2;
  }
  int repeats = argc > 3 ? atoi(argv[3]) : 100;
  loci_question q = {.size = sizeof q,
                     .image = argv[2],
                     .text = "What is the capital of this country?",
                     .constraints = &constraint,
                     .constraint_count = 1};
  loci_status st = loci_model_open(argv[1], NULL, &m, &err);
  if (!st) st = loci_prompt_new(m, &q, &p, &err);
  if (!st) st = measure(m, p, repeats, &err);
  if (st) fprintf(stderr, "%s\n", err.msg);
  loci_prompt_free(p);
  loci_model_close(m);
  return st ? 1 : 0;
}
