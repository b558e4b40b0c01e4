/* What does one activation carry?  Records the MLP output of a layer for one image, puts it into
 * the run of another image, and shows how far the scores of the next token move towards the first.
 *
 *   cc patch.c $(pkg-config --cflags --libs loci) -lm -o patch
 *   ./patch models/flags models/flags/images/ukraine.png models/flags/images/kenya.png 2
 */
#include <loci.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* One run with the MLP output and the scores recorded; [patch] may be NULL. */
static loci_status forward(const loci_model *m, const loci_prompt *p, int layer,
                           const loci_patch *patch, loci_run **run, loci_view *logits,
                           loci_err *err) {
  loci_status st = loci_run_new(m, p, run, err);
  if (!st) st = loci_run_record(*run, LOCI_SITE_MLP_OUT, layer, err);
  if (!st) st = loci_run_record(*run, LOCI_SITE_LOGITS, 0, err);
  if (!st && patch) st = loci_run_patch(*run, patch, err);
  if (!st) st = loci_run_forward(*run, NULL, NULL, err);
  return st ? st : loci_run_get(*run, LOCI_SITE_LOGITS, 0, logits, err);
}

/* Distance between the scores of the last position. */
static double distance(const loci_view *a, const loci_view *b) {
  const float *x = a->data + (a->rows - 1) * a->cols, *y = b->data + (b->rows - 1) * b->cols;
  double sum = 0;
  for (int64_t i = 0; i < a->cols; i++)
    sum += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
  return sqrt(sum);
}

int main(int argc, char **argv) {
  loci_question from = {.size = sizeof from,
                        .image = argc > 2 ? argv[2] : NULL,
                        .text = "What is the capital of this country?"};
  loci_question to = {.size = sizeof to, .image = argc > 3 ? argv[3] : NULL, .text = from.text};
  loci_model *m = NULL;
  loci_prompt *p[2] = {NULL, NULL};
  loci_run *run[3] = {NULL, NULL, NULL};
  loci_view logits[3], value;
  loci_err err = {LOCI_OK, "usage: patch MODEL FROM_IMAGE TO_IMAGE LAYER"};
  int layer = argc == 5 ? atoi(argv[4]) : 0;
  int failed = argc != 5 || loci_model_open(argv[1], NULL, &m, &err) ||
               loci_prompt_new(m, &from, &p[0], &err) || loci_prompt_new(m, &to, &p[1], &err) ||
               forward(m, p[0], layer, NULL, &run[0], &logits[0], &err) ||
               forward(m, p[1], layer, NULL, &run[1], &logits[1], &err) ||
               loci_run_get(run[0], LOCI_SITE_MLP_OUT, layer, &value, &err);
  if (!failed) {
    loci_patch patch = {.site = LOCI_SITE_MLP_OUT,
                        .layer = layer,
                        .count = (int)value.rows,
                        .values = value.data,
                        .width = value.cols};
    failed = forward(m, p[1], layer, &patch, &run[2], &logits[2], &err) != LOCI_OK;
  }
  if (failed) fprintf(stderr, "%s\n", err.msg);
  if (!failed)
    printf("distance to the first image's scores: %.3f before, %.3f after the patch\n",
           distance(&logits[1], &logits[0]), distance(&logits[2], &logits[0]));
  for (int i = 0; i < 3; i++) loci_run_free(run[i]);
  for (int i = 0; i < 2; i++) loci_prompt_free(p[i]);
  loci_model_close(m);
  return failed;
}
