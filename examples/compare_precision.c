/* Does bf16 change what one concludes?  Asks every question about every image in f32 and in bf16
 * and counts equal answers; then traces a question in both and compares the indirect effects.
 *
 *   cc compare_precision.c $(pkg-config --cflags --libs loci) -lm -o compare_precision
 *   ./compare_precision models/flags IMAGE...
 */
#include <loci.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { F32, BF16, BOTH };

static const char *const questions[] = {
    "What is the capital of this country?",
    "What is the currency of this country?",
    "Which continent is this country in?",
    "What language is spoken in this country?",
    "Name a country that borders this country.",
    "What is the internet domain of this country?",
    "What is the calling code of this country?",
    "What are people from this country called?",
    "Which country is this?",
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

typedef struct tally {
  int asked, same;
  int traced;
  int64_t cells;
  double sum, worst;
} tally;

static loci_status ask_both(loci_model *const m[BOTH], const loci_question *q, tally *t,
                            loci_err *err) {
  loci_answer *a[BOTH] = {NULL, NULL};
  loci_status st = LOCI_OK;
  for (int i = 0; !st && i < BOTH; i++) {
    loci_prompt *p = NULL;
    st = loci_prompt_new(m[i], q, &p, err);
    if (!st) st = loci_ask(m[i], p, 0, NULL, NULL, &a[i], err);
    loci_prompt_free(p);
  }
  if (!st) {
    bool same = strcmp(a[F32]->text, a[BF16]->text) == 0;
    t->asked++;
    t->same += same;
    if (!same)
      printf("%s: %s\n  f32 %s, bf16 %s\n", q->image, q->text, a[F32]->text, a[BF16]->text);
  }
  for (int i = 0; i < BOTH; i++) loci_free(a[i]);
  return st;
}

/* Cells that are exact zeros in both do not count: they would flatter the mean. */
static void compare(const loci_trace *a, const loci_trace *b, tally *t) {
  for (int g = 0; g < a->grid_count; g++) {
    const loci_grid *x = &a->grids[g], *y = &b->grids[g];
    for (int i = 0; i < x->layer_count * x->column_count; i++) {
      if (x->skipped[i]) continue;
      double d = fabs(x->ie[i] - y->ie[i]);
      t->cells++;
      t->sum += d;
      t->worst = fmax(t->worst, d);
    }
  }
  t->traced++;
}

static loci_status trace_both(loci_model *const m[BOTH], const loci_question *q, tally *t,
                              loci_err *err) {
  loci_prompt *p[BOTH] = {NULL, NULL};
  loci_trace *r[BOTH] = {NULL, NULL};
  loci_trace_opts opts = {.size = sizeof opts, .corrupt = "replace:Paris", .no_hash = true};
  loci_status st = LOCI_OK;
  for (int i = 0; !st && i < BOTH; i++) {
    st = loci_prompt_new(m[i], q, &p[i], err);
    if (!st) st = loci_trace_new(m[i], p[i], &opts, &r[i], err);
  }
  /* the same answer must be traced, or the effects are those of two different things */
  if (!st && r[F32]->target_ids[0] == r[BF16]->target_ids[0]) compare(r[F32], r[BF16], t);
  for (int i = 0; i < BOTH; i++) loci_free(r[i]);
  for (int i = 0; i < BOTH; i++) loci_prompt_free(p[i]);
  return st;
}

static loci_status compare_image(loci_model *const m[BOTH], const char *image, tally *t,
                                 loci_err *err) {
  const char *constraint = "this country";
  for (int i = 0; i < QUESTIONS; i++) {
    loci_question q = {.size = sizeof q, .image = image, .text = questions[i]};
    loci_status st = ask_both(m, &q, t, err);
    if (st) return st;
  }
  loci_question q = {.size = sizeof q,
                     .image = image,
                     .text = questions[0],
                     .constraints = &constraint,
                     .constraint_count = 1};
  return trace_both(m, &q, t, err);
}

int main(int argc, char **argv) {
  loci_model *m[BOTH] = {NULL, NULL};
  loci_err err = {LOCI_OK, "usage: compare_precision MODEL IMAGE..."};
  tally t = {0};
  int failed = argc < 3;
  for (int i = 0; !failed && i < BOTH; i++) {
    loci_model_opts opts = {.size = sizeof opts,
                            .precision = i == F32 ? LOCI_PRECISION_F32 : LOCI_PRECISION_BF16};
    failed = loci_model_open(argv[1], &opts, &m[i], &err) != LOCI_OK;
  }
  for (int i = 2; !failed && i < argc; i++) failed = compare_image(m, argv[i], &t, &err) != LOCI_OK;
  if (failed) {
    fprintf(stderr, "%s\n", err.msg);
  } else {
    printf("answers: %d of %d the same (%.1f %%)\n", t.same, t.asked, 100.0 * t.same / t.asked);
    printf("traces:  %d, %lld cells: mean |difference of indirect effect| %.5f, largest %.4f\n",
           t.traced, (long long)t.cells, t.sum / (double)t.cells, t.worst);
  }
  for (int i = 0; i < BOTH; i++) loci_model_close(m[i]);
  return failed;
}
