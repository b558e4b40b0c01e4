/* Updates that are spread and followed by others, against what the releases of AlphaEdit and MEMIT
 * do, written out: the solve with the projected covariance, in double; the loop over the layers;
 * one request after the other. */
#include "base/random.h"
#include "edit/update.h"
#include "tensor/jacobi_test.h"
#include "walk/walk.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* last: it has a macro `fail` */

#include "edit/questions_test.h"
#include "sized.h"

enum { LAYER = 2, STEPS = 4, MOST = 3 };

static void must(loci_status st, const loci_err *err) {
  if (st) fail_msg("%s", err->msg);
}

/* ---------------------------------------------------------------- the slow way */

/* The key at a layer and the residual stream after another, where the key is read. */
static void read_state(const loci_model *m, const loci_prompt *p, int layer, int value_layer,
                       float *key, float *resid) {
  walk *w;
  int s;
  loci_err err;
  walk_span one = {key_position(p), 1};
  must(walk_new(m, &w, &err), &err);
  must(walk_root(w, prompt_input(p), &s, &err), &err);
  must(walk_record_at(w, s, LOCI_SITE_MLP_POST, layer, one, key, &err), &err);
  must(walk_record_at(w, s, LOCI_SITE_RESID_POST, value_layer, one, resid, &err), &err);
  must(walk_run(w, &(walk_hooks){0}, &err), &err);
  walk_free(w);
}

/* x := a^-1 x by Gauss with pivots; a (n,n) is spoilt, x (n,m). */
static void gauss(double *a, int64_t n, double *x, int64_t m) {
  for (int64_t k = 0; k < n; k++) {
    int64_t best = k;
    for (int64_t i = k; i < n; i++)
      if (fabs(a[i * n + k]) > fabs(a[best * n + k])) best = i;
    for (int64_t j = 0; j < n; j++) {
      double t = a[k * n + j];
      a[k * n + j] = a[best * n + j];
      a[best * n + j] = t;
    }
    for (int64_t j = 0; j < m; j++) {
      double t = x[k * m + j];
      x[k * m + j] = x[best * m + j];
      x[best * m + j] = t;
    }
    for (int64_t i = 0; i < n; i++) {
      if (i == k) continue;
      double f = a[i * n + k] / a[k * n + k];
      for (int64_t j = k; j < n; j++) a[i * n + j] -= f * a[k * n + j];
      for (int64_t j = 0; j < m; j++) x[i * m + j] -= f * x[k * m + j];
    }
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < m; j++) x[i * m + j] /= a[i * n + i];
}

/* The projection on eigenvectors whose eigenvalue is below the bound; or the identity. (F,F) */
static double *projection(const loci_covariance *c, int64_t F, double bound) {
  double *p = calloc((size_t)(F * F), sizeof *p), *u = calloc((size_t)(F * F), sizeof *u);
  double *a = calloc((size_t)(F * F), sizeof *a), *values = calloc((size_t)F, sizeof *values);
  assert_true(p && u && a && values);
  for (int64_t i = 0; i < F * F; i++) a[i] = (double)c->values[i];
  jacobi(a, F, values, u);
  for (int64_t k = 0; k < F; k++)
    for (int64_t i = 0; values[k] < bound && i < F; i++)
      for (int64_t j = 0; j < F; j++) p[i * F + j] += u[k * F + i] * u[k * F + j];
  free(u);
  free(a);
  free(values);
  return p;
}

/* As released: delta^T = solve(P (K K^T + K_p K_p^T) + L2 I, P K R^T), added to change (D,F); keys
 * (n + before, F), earlier ones last, R (D,n). */
static void released(const double *P, const float *keys, int n, int before, const double *R,
                     int64_t D, int64_t F, double l2, double *change) {
  double *a = calloc((size_t)(F * F), sizeof *a), *x = calloc((size_t)(F * D), sizeof *x);
  assert_true(a && x);
  for (int k = 0; k < n + before; k++) {
    const float *key = keys + k * F;
    for (int64_t i = 0; i < F; i++) {
      double moved = 0;
      for (int64_t j = 0; j < F; j++) moved += P[i * F + j] * (double)key[j];
      for (int64_t j = 0; j < F; j++) a[i * F + j] += moved * (double)key[j];
      for (int64_t d = 0; k < n && d < D; d++) x[i * D + d] += moved * R[d * n + k];
    }
  }
  for (int64_t i = 0; i < F; i++) a[i * F + i] += l2;
  gauss(a, F, x, D);
  for (int64_t i = 0; i < F; i++)
    for (int64_t d = 0; d < D; d++) change[d * F + i] += x[i * D + d];
  free(a);
  free(x);
}

/* ||left right - change|| / ||change|| */
static double apart(const loci_edit *e, const loci_edit_part *p, const double *change) {
  double sum = 0, whole = 0;
  for (int64_t d = 0; d < e->width; d++) {
    for (int64_t f = 0; f < e->inner; f++) {
      double x = 0, y = change[d * e->inner + f];
      for (int64_t k = 0; k < p->rank; k++)
        x += (double)p->left[d * p->rank + k] * (double)p->right[k * e->inner + f];
      sum += (x - y) * (x - y);
      whole += y * y;
    }
  }
  assert_true(whole > 0);
  return sqrt(sum / whole);
}

/* ---------------------------------------------------------------- AlphaEdit */

typedef struct setting {
  loci_model *m;
  loci_prompt *p[MOST];
  loci_edit_request r[MOST];
  int64_t D, F;
} setting;

static const char *const targets[] = {"few", "many people", "no one"};

static setting begin(const char *model) {
  setting s = {.m = open_model(model)};
  for (int i = 0; i < MOST; i++) {
    s.p[i] = ask(s.m, questions[i], "Vienna");
    s.r[i] = (loci_edit_request){.prompt = s.p[i], .target = targets[i]};
  }
  s.D = model_decoder(s.m)->width;
  s.F = model_decoder(s.m)->inner;
  return s;
}

static void end(setting *s) {
  for (int i = 0; i < MOST; i++) loci_prompt_free(s->p[i]);
  loci_model_close(s->m);
}

/* The edit's own residuals, so that the solve alone is compared. */
static void alphaedit_is(const char *model, int batch) {
  setting s = begin(model);
  loci_covariance *c = covariance(s.m, LAYER);
  loci_edit_settings set = {
      .size = sizeof set, .steps = STEPS, .lr = 0.3, .null_relative = 0.3, .batch = batch};
  loci_edit *e = solve(s.m, s.r, MOST,
                       (loci_edit_opts){.has_layer = true,
                                        .layer = LAYER,
                                        .method = "alphaedit",
                                        .covariance = c,
                                        .no_answers = true,
                                        .settings = &set});
  double mean = 0;
  for (int64_t i = 0; i < s.F; i++) mean += (double)c->values[i * s.F + i] / (double)s.F;
  double *P = projection(c, s.F, 0.3 * mean), R[MOST * 512], free_ones = 0;
  double *change = calloc((size_t)(s.D * s.F), sizeof *change);
  float *keys = calloc((size_t)(MOST * s.F), sizeof *keys), *resid = calloc((size_t)s.D, 4);
  assert_true(change && keys && resid && s.D <= 512);
  for (int64_t i = 0; i < s.F; i++) free_ones += P[i * s.F + i];
  assert_true(fabs(free_ones - (double)e->parts->free_count) < 1e-6);
  assert_true(e->parts->free_count > 0 && e->parts->free_count < s.F);
  int step = batch ? batch : MOST;
  for (int from = 0; from < MOST; from += step) {
    int n = from + step > MOST ? MOST - from : step;
    for (int i = 0; i < n; i++) {
      read_state(s.m, s.p[from + i], LAYER, LAYER, keys + i * s.F, resid);
      for (int64_t d = 0; d < s.D; d++) R[d * n + i] = (double)e->left[d * MOST + from + i];
    }
    for (int i = 0; i < from; i++)
      read_state(s.m, s.p[i], LAYER, LAYER, keys + (n + i) * s.F, resid);
    released(P, keys, n, from, R, s.D, s.F, 10, change);
  }
  double far = apart(e, e->parts, change);
  /* the keys are read again, by f32 walks of another shape, and those of one subject are nearly
   * parallel; from the same keys it is 1e-6, below */
  if (far > 1e-5) fail_msg("batch %d: %g apart", batch, far);
  free(P);
  free(change);
  free(keys);
  free(resid);
  loci_free(e);
  loci_free(c);
  end(&s);
}

static void alphaedit_is_the_released_solve(void **state) {
  (void)state;
  alphaedit_is("text-llama", 0);
  alphaedit_is("text-llama", 1);
  alphaedit_is("text-llama", 2);
  alphaedit_is("text-phi", 1);
}

/* From the same keys: right is f32, all else is in double on both sides. */
static void the_solve_is_the_released_one(void **state) {
  (void)state;
  enum { F = 48, N = 3, BEFORE = 2, ROWS = 20 };
  float keys[(N + BEFORE) * F], values[F * F] = {0}, right[N * F];
  double eye[N * N] = {0}, want[N * F] = {0}, sum = 0, whole = 0;
  random_source r = random_new(4);
  for (int row = 0; row < ROWS; row++) {
    float x[F];
    for (int i = 0; i < F; i++) x[i] = (float)random_gaussian(&r);
    for (int i = 0; i < F * F; i++) values[i] += x[i / F] * x[i % F] / ROWS;
  }
  for (int i = 0; i < (N + BEFORE) * F; i++) keys[i] = (float)random_gaussian(&r);
  for (int i = 0; i < N; i++) eye[i * N + i] = 1;
  loci_covariance c = {.layer = 0, .inner = F, .values = values};
  loci_edit_settings set = {.null_below = 0.3};
  loci_model m = {.threads = 1, .memory = key_metric_bytes(ALPHAEDIT, F)};
  problem like = {.m = &m, .opts = &(loci_edit_opts){0}, .set = &set, .method = ALPHAEDIT};
  key_metric *metric;
  loci_err err;
  must(key_metric_new(&c, &like, &metric, &err), &err);
  assert_in_range(key_metric_free_count(metric), F - ROWS, F - 2);
  update_problem u = {
      .keys = keys, .n = N, .kept = BEFORE, .F = F, .lambda = 10, .metric = metric, .threads = 1};
  must(update_solve(&u, right, &err), &err);
  double *P = projection(&c, F, 0.3);
  released(P, keys, N, BEFORE, eye, N, F, 10, want);
  for (int i = 0; i < N * F; i++) {
    sum += ((double)right[i] - want[i]) * ((double)right[i] - want[i]);
    whole += want[i] * want[i];
  }
  assert_true(whole > 0 && sqrt(sum / whole) < 1e-6);
  free(P);
  key_metric_free(metric);
}

static void what_is_not_free_is_left_alone(void **state) {
  (void)state;
  setting s = begin("text-llama");
  loci_covariance *c = covariance(s.m, LAYER);
  loci_edit_settings set = {.size = sizeof set, .steps = STEPS};
  float *values = (float *)(uintptr_t)c->values;
  for (int64_t i = 0; i < s.F * s.F; i++) values[i] = i / s.F == i % s.F; /* they vary alike */
  loci_edit_opts o = {.size = sizeof o, .method = "alphaedit", .covariance = c, .settings = &set};
  loci_edit *e;
  loci_err err;
  assert_int_equal(loci_edit_solve(s.m, s.r, 1, &o, &e, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "no direction of the keys of layer 2 is free"));
  set.null_below = 1e30; /* all of them: the ridge alone, of the identity */
  e = solve(s.m, s.r, 1, o);
  assert_int_equal(e->parts->free_count, s.F);
  set.null_below = 0;
  o.covariance = NULL;
  o.no_covariance = true;
  loci_edit *plain = solve(s.m, s.r, 1, o);
  assert_int_equal(plain->parts->free_count, -1);
  for (int64_t f = 0; f < s.F; f++)
    assert_true(fabs((double)e->right[f] - (double)plain->right[f]) < 1e-7);
  loci_free(e);
  loci_free(plain);
  loci_free(c);
  end(&s);
}

/* ---------------------------------------------------------------- several layers */

/* MEMIT's release over [layers], C the identity: after each layer what is still missing is shared
 * by the layers left.  [z] (n,D) is what should stand after the last one. */
static void loop(setting *s, const int *layers, int count, const float *z, loci_edit *e) {
  float *keys = calloc((size_t)(MOST * s->F), sizeof *keys);
  float *h = calloc((size_t)(MOST * s->D), sizeof *h);
  double R[MOST * 512], *eye = calloc((size_t)(s->F * s->F), sizeof *eye);
  double *change = calloc((size_t)(s->D * s->F), sizeof *change);
  float *left = calloc((size_t)(s->D * s->D), sizeof *left);
  float *right[8];
  loci_model *view;
  loci_err err;
  assert_true(keys && h && eye && change && left);
  for (int64_t i = 0; i < s->F; i++) eye[i * s->F + i] = 1;
  for (int64_t d = 0; d < s->D; d++) left[d * s->D + d] = 1;
  must(view_new(s->m, &view, &err), &err);
  for (int l = 0; l < count; l++) {
    right[l] = calloc((size_t)(s->D * s->F), sizeof *right[l]);
    assert_non_null(right[l]);
    for (int i = 0; i < MOST; i++) {
      read_state(view, s->p[i], layers[l], layers[count - 1], keys + i * s->F, h + i * s->D);
      for (int64_t d = 0; d < s->D; d++)
        R[d * MOST + i] = ((double)z[i * s->D + d] - (double)h[i * s->D + d]) / (count - l);
    }
    memset(change, 0, (size_t)(s->D * s->F) * sizeof *change);
    released(eye, keys, MOST, 0, R, s->D, s->F, 1, change);
    double far = apart(e, &e->parts[l], change);
    /* residual streams of norm 10 in f32, of which shares of 0.1 and more are differences */
    if (far > 1e-5) fail_msg("layer %d: %g apart", layers[l], far);
    for (int64_t i = 0; i < s->D * s->F; i++) right[l][i] = (float)change[i];
    low_rank c = {layers[l], s->D, left, right[l]};
    must(changes_add(view, right[l], &c, 1, &err), &err);
  }
  view_free(view);
  for (int l = 0; l < count; l++) free(right[l]);
  free(keys);
  free(h);
  free(eye);
  free(change);
  free(left);
}

static void layers_share_as_memits_loop_does(void **state) {
  (void)state;
  static const int all[] = {0, 1, 2, 3}, ends[] = {1, 3};
  for (int blue = 0; blue < 2; blue++) {
    const int *layers = blue ? ends : all;
    int count = blue ? 2 : 4;
    setting s = begin("text-llama");
    loci_edit_settings set = {.size = sizeof set, .steps = STEPS, .lr = 0.3};
    loci_edit_opts o = {.size = sizeof o,
                        .has_layer = true,
                        .layer = 3,
                        .method = "memit",
                        .no_covariance = true,
                        .no_answers = true,
                        .settings = &set};
    loci_edit *one = solve(s.m, s.r, MOST, o);
    o.layers = layers;
    o.layer_count = count;
    loci_edit *e = solve(s.m, s.r, MOST, o);
    assert_int_equal(e->part_count, count);
    assert_int_equal(e->layer, 3);
    float *z = calloc((size_t)(MOST * s.D), sizeof *z), *key = calloc((size_t)s.F, sizeof *key);
    assert_true(z && key);
    for (int i = 0; i < MOST; i++) {
      read_state(s.m, s.p[i], 3, 3, key, z + i * s.D);
      for (int64_t d = 0; d < s.D; d++) z[i * s.D + d] += one->left[d * MOST + i];
    }
    loop(&s, layers, count, z, e);
    for (int i = 0; i < MOST; i++)
      assert_true(e->facts[i].after.m.logp > e->facts[i].before.m.logp);
    free(z);
    free(key);
    loci_free(one);
    loci_free(e);
    end(&s);
  }
}

/* ---------------------------------------------------------------- one after the other */

/* A second request in the model that the first has changed: both edits solved one by one, the
 * second on a checkpoint's view with the first, are the edit of both in batches of one. */
static void later_requests_see_earlier_ones(void **state) {
  (void)state;
  setting s = begin("text-llama");
  loci_edit_settings set = {.size = sizeof set, .steps = STEPS, .lr = 0.3, .batch = 1};
  loci_edit_opts o = {.size = sizeof o, .no_answers = true, .settings = &set};
  loci_edit *both = solve(s.m, s.r, 2, o), *first = solve(s.m, s.r, 1, o);
  set.batch = 0;
  loci_edit *together = solve(s.m, s.r, 2, o);
  assert_int_equal(both->rank, 2);
  for (int64_t d = 0; d < s.D; d++) assert_true(both->left[2 * d] == first->left[d]);
  assert_memory_equal(both->right, first->right, (size_t)s.F * sizeof *both->right);
  assert_memory_not_equal(both->left, together->left, (size_t)(2 * s.D) * sizeof *both->left);
  /* the second value begins where the first edit left the model */
  assert_true(both->facts[1].steps[0].p != together->facts[1].steps[0].p);
  assert_true(both->facts[0].steps[0].p == together->facts[0].steps[0].p);
  loci_free(both);
  loci_free(first);
  loci_free(together);
  end(&s);
}

/* What is made of a layer's covariance is the same whether it is kept from batch to batch or, where
 * memory has no room for those of all layers, made again. */
static void what_memory_does_not_hold_is_made_again(void **state) {
  (void)state;
  static const int layers[] = {1, 2, 3};
  setting s = begin("text-llama");
  const loci_covariance *c[3];
  for (int i = 0; i < 3; i++) c[i] = covariance(s.m, layers[i]);
  loci_edit_settings set = {.size = sizeof set, .steps = STEPS, .null_relative = 0.3, .batch = 1};
  loci_edit *made[2];
  for (int i = 0; i < 2; i++) {
    if (i == 1) s.m->memory = 3 * key_metric_bytes(ALPHAEDIT, s.F) - 1;
    loci_edit_opts o = {.method = "alphaedit", .no_answers = true, .settings = &set};
    o.layers = layers;
    o.layer_count = o.covariance_count = 3;
    o.covariances = c;
    made[i] = solve(s.m, s.r, 2, o);
  }
  for (int i = 0; i < 3; i++) {
    const loci_edit_part *a = &made[0]->parts[i], *b = &made[1]->parts[i];
    assert_in_range(a->free_count, 1, s.F - 1);
    assert_true(a->free_count == b->free_count);
    assert_memory_equal(a->left, b->left, (size_t)(s.D * a->rank) * sizeof(float));
    assert_memory_equal(a->right, b->right, (size_t)(a->rank * s.F) * sizeof(float));
    loci_free((void *)(uintptr_t)c[i]);
  }
  loci_free(made[0]);
  loci_free(made[1]);
  end(&s);
}

/* ---------------------------------------------------------------- its file, and the model */

static void parts_are_written_read_and_laid_on(void **state) {
  (void)state;
  static const int layers[] = {1, 3};
  char path[] = "/tmp/loci-spread-XXXXXX";
  int fd = mkstemp(path);
  loci_err err;
  loci_edit *back;
  setting s = begin("text-llama");
  loci_edit_settings set = {.size = sizeof set, .steps = STEPS, .lr = 0.3};
  loci_edit *e = solve(s.m, s.r, 2,
                       (loci_edit_opts){.method = "memit",
                                        .no_covariance = true,
                                        .layers = layers,
                                        .layer_count = 2,
                                        .settings = &set});
  assert_true(fd >= 0 && close(fd) == 0);
  must(edit_write(e, path, &err), &err);
  must(edit_read(path, &back, &err), &err);
  assert_int_equal(back->part_count, 2);
  assert_true(back->layer == 3 && back->norm == e->norm);
  for (int i = 0; i < 2; i++) {
    const loci_edit_part *a = &e->parts[i], *b = &back->parts[i];
    assert_true(a->layer == b->layer && a->rank == b->rank && a->norm == b->norm);
    assert_string_equal(a->tensor, b->tensor);
    assert_memory_equal(a->left, b->left, (size_t)(e->width * a->rank) * sizeof(float));
    assert_memory_equal(a->right, b->right, (size_t)(a->rank * e->inner) * sizeof(float));
  }
  const uint8_t *before[4];
  for (int l = 0; l < 4; l++) before[l] = s.m->weights->layers[l].down.w.data;
  must(loci_edit_apply(s.m, back, &err), &err);
  for (int l = 0; l < 4; l++)
    assert_int_equal(s.m->weights->layers[l].down.w.data != before[l], l == 1 || l == 3);
  must(loci_edit_revert(s.m, back, &err), &err);
  for (int l = 0; l < 4; l++) assert_ptr_equal(s.m->weights->layers[l].down.w.data, before[l]);
  unlink(path);
  loci_free(back);
  loci_free(e);
  end(&s);
}

static void refused(setting *s, loci_edit_opts o, const char *sentence) {
  loci_edit *e;
  loci_err err;
  o.size = sizeof o;
  assert_int_equal(loci_edit_solve(s->m, s->r, 1, &o, &e, &err), LOCI_EINVAL);
  if (!strstr(err.msg, sentence)) fail_msg("\"%s\" does not say \"%s\"", err.msg, sentence);
}

static void layers_that_make_no_sense_are_refused(void **state) {
  (void)state;
  static const int layers[] = {1, 3}, turned[] = {3, 1}, far[] = {1, 9};
  setting s = begin("text-llama");
  loci_covariance *c = covariance(s.m, 3);
  refused(&s, (loci_edit_opts){.layers = layers, .layer_count = 2},
          "the method multedit takes no several layers");
  refused(&s,
          (loci_edit_opts){
              .method = "memit", .no_covariance = true, .layers = turned, .layer_count = 2},
          "layers of an edit are ascending");
  refused(
      &s,
      (loci_edit_opts){.method = "memit", .no_covariance = true, .layers = far, .layer_count = 2},
      "layer 9: the model has layers 0 to 4");
  refused(&s,
          (loci_edit_opts){.method = "memit", .covariance = c, .layers = layers, .layer_count = 2},
          "2 layers want as many covariances");
  refused(&s, (loci_edit_opts){.method = "ft", .settings = SIZED(loci_edit_settings, .batch = 1)},
          "the method ft takes no batches");
  refused(&s,
          (loci_edit_opts){.method = "memit",
                           .no_covariance = true,
                           .settings = SIZED(loci_edit_settings, .null_below = 1)},
          "the method memit takes no bound of free directions");
  loci_free(c);
  end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alphaedit_is_the_released_solve),
      cmocka_unit_test(the_solve_is_the_released_one),
      cmocka_unit_test(what_is_not_free_is_left_alone),
      cmocka_unit_test(layers_share_as_memits_loop_does),
      cmocka_unit_test(later_requests_see_earlier_ones),
      cmocka_unit_test(what_memory_does_not_hold_is_made_again),
      cmocka_unit_test(parts_are_written_read_and_laid_on),
      cmocka_unit_test(layers_that_make_no_sense_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
