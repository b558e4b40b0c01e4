/* Do several traces gain from one walk?  Traces one question about each picture, alone and all
 * together, in turns; the fastest of each.
 *
 *   cc traces_together.c $(pkg-config --cflags --libs loci) -o traces_together
 *   ./traces_together models/flags 5 "What is the capital of this country?" "this country" IMAGE...
 */
#include <loci.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST = 16 };

typedef struct asked {
  loci_model *model;
  int count;
  loci_prompt *prompts[MOST];
} asked;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* [step] traces a walk. */
static loci_status trace_all(const asked *a, int step, double *seconds, loci_err *err) {
  double begin = now();
  loci_status st = LOCI_OK;
  for (int i = 0; !st && i < a->count; i += step) {
    loci_trace_request r[MOST] = {0};
    loci_trace_opts opts = {.size = sizeof opts, .no_hash = true};
    int n = a->count - i < step ? a->count - i : step;
    for (int j = 0; j < n; j++)
      r[j] = (loci_trace_request){.prompt = a->prompts[i + j], .opts = &opts};
    st = loci_traces(a->model, r, n, err);
    for (int j = 0; j < n; j++) loci_free(r[j].trace);
  }
  *seconds = now() - begin;
  return st;
}

static loci_status measure(const asked *a, int repeats, loci_err *err) {
  double best[2] = {1e9, 1e9}, took;
  for (int i = 0; i < 2 * repeats; i++) {
    loci_status st = trace_all(a, i % 2 ? a->count : 1, &took, err);
    if (st) return st;
    if (took < best[i % 2]) best[i % 2] = took;
  }
  printf("%d traces: alone %.2f s, in one walk %.2f s: %.2f times as fast (fastest of %d)\n",
         a->count, best[0], best[1], best[0] / best[1], repeats);
  return LOCI_OK;
}

int main(int argc, char **argv) {
  asked a = {0};
  loci_err err = {0};
  if (argc < 6 || argc - 5 > MOST) {
    fprintf(stderr, "usage: %s MODEL REPEATS QUESTION CONSTRAINT IMAGE... (%d at most)\n", argv[0],
            MOST);
    return 2;
  }
  loci_status st = loci_model_open(argv[1], NULL, &a.model, &err);
  for (int i = 5; !st && i < argc; i++) {
    const char *constraint = argv[4];
    loci_question q = {.size = sizeof q,
                       .image = argv[i],
                       .text = argv[3],
                       .constraints = &constraint,
                       .constraint_count = 1};
    st = loci_prompt_new(a.model, &q, &a.prompts[a.count], &err);
    if (!st) a.count++;
  }
  if (!st) st = measure(&a, atoi(argv[2]), &err);
  if (st) fprintf(stderr, "%s\n", err.msg);
  for (int i = 0; i < a.count; i++) loci_prompt_free(a.prompts[i]);
  loci_model_close(a.model);
  return st ? 1 : 0;
}
