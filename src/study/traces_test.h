/* What the tests of traces share: small models, one question, its trace. */
#ifndef LOCI_STUDY_TRACES_TEST_H
#define LOCI_STUDY_TRACES_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/safetensors.h"
#include "model/prompt.h"

#include <cmocka.h> /* last: its fail() is a macro */

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"
#define PICTURE LOCI_SOURCE_DIR "/tests/golden/images/scene-a.png"
#define OTHER_PICTURE LOCI_SOURCE_DIR "/tests/golden/images/scene-b.png"
#define QUESTION "In which city is this building, and who made it?"

static inline void must(loci_status st, const loci_err *err) {
  if (st) fail_msg("%s: %s", loci_status_name(st), err->msg);
}

static inline loci_model *open_with(const char *name, loci_precision precision, int threads) {
  char dir[500];
  loci_model *m;
  loci_err err;
  loci_model_opts o = {.size = sizeof o, .precision = precision, .threads = threads};
  snprintf(dir, sizeof dir, "%s%s", name[0] == '/' ? "" : MODELS, name);
  must(loci_model_open(dir, &o, &m, &err), &err);
  return m;
}

static inline loci_prompt *ask_about(const loci_model *m, const char *image) {
  static const char *const constraints[] = {"this building", "made"};
  loci_question q = {.size = sizeof q,
                     .image = image,
                     .text = QUESTION,
                     .template_name = image ? NULL : "raw",
                     .constraints = constraints,
                     .constraint_count = 2};
  loci_prompt *p;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

static inline loci_trace *trace_of(loci_model *m, const loci_prompt *p, loci_trace_opts o) {
  o.size = sizeof o;
  loci_trace *t;
  loci_err err;
  o.no_hash = true;
  must(loci_trace_new(m, p, &o, &t, &err), &err);
  return t;
}

static inline int64_t cells_of(const loci_grid *g) {
  return (int64_t)g->layer_count * g->column_count * (g->head_count ? g->head_count : 1);
}

/* Largest difference of any metric of any cell. */
static inline double trace_distance(const loci_trace *a, const loci_trace *b) {
  double most = 0;
  assert_int_equal(a->grid_count, b->grid_count);
  for (int i = 0; i < a->grid_count; i++) {
    int64_t n = cells_of(&a->grids[i]) * (int64_t)(sizeof(loci_metrics) / sizeof(double));
    const double *x = (const double *)a->grids[i].cells, *y = (const double *)b->grids[i].cells;
    assert_int_equal(cells_of(&a->grids[i]), cells_of(&b->grids[i]));
    for (int64_t k = 0; k < n; k++) {
      double d = fabs(x[k] - y[k]);
      if (!(d <= most)) most = d;
    }
  }
  return most;
}

#endif
