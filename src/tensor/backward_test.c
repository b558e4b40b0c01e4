/* Every backward pass of src/tensor against central differences of its forward kernel. */
#include <string.h>

#include "tensor/attention.h"
#include "tensor/backward.h"
#include "tensor/dtype.h"
#include "tensor/kernels.h"
#include "tensor/product.h"

#include "tensor/check_grad_test.h" /* last: see there */

/* Steps of 1e-2 in f32: the results of size 1 carry errors of 1e-7, so a slope carries 1e-5 of
 * them; the third derivative adds some 1e-4. */
static const float EPS = 1e-2f;
static const double TOL = 2e-3;

static const kernel_set *plain(void) { return kernels_at(0); }

typedef struct job {
  int64_t n;
  const float *r; /* the loss is <r, f(x)> */
  const float *w, *b;
  float *y;
  act_kind act;
  int target;
} job;

static double norm_loss(void *ctx, const float *x) {
  job *j = ctx;
  if (j->b) {
    plain()->layernorm(j->y, x, j->w, j->b, j->n, 1e-5);
  } else {
    plain()->rmsnorm(j->y, x, j->w, j->n, 1e-5);
  }
  return dot(j->r, j->y, j->n);
}

static void norms_have_their_slopes(void **state) {
  (void)state;
  static const int64_t sizes[] = {2, 7, 16, 33};
  for (int i = 0; i < 8; i++) {
    int64_t n = sizes[i / 2];
    random_source s = random_new(11 + (uint64_t)i);
    float *x = random_floats(&s, n), *r = random_floats(&s, n), *w = random_floats(&s, n),
          *b = random_floats(&s, n), *y = random_floats(&s, n), *dx = calloc((size_t)n, 4);
    assert_non_null(dx);
    for (int64_t k = 0; k < n; k++) x[k] = 2 * x[k] + 1; /* a mean that is not 0 */
    job j = {.n = n, .r = r, .w = w, .b = i % 2 ? b : NULL, .y = y};
    for (int64_t k = 0; k < n; k++) dx[k] = 5; /* it adds */
    if (i % 2) {
      layernorm_backward(dx, r, x, w, n, 1e-5);
    } else {
      rmsnorm_backward(dx, r, x, w, n, 1e-5);
    }
    for (int64_t k = 0; k < n; k++) dx[k] -= 5;
    check_grad(norm_loss, &j, x, dx, n, 1, EPS, TOL);
    float *all[] = {x, r, w, b, y, dx};
    for (int k = 0; k < 6; k++) free(all[k]);
  }
}

static double act_loss(void *ctx, const float *x) {
  job *j = ctx;
  memcpy(j->y, x, (size_t)j->n * sizeof *x);
  plain()->gate(j->y, DTYPE_F32, j->y, NULL, j->act, j->n);
  return dot(j->r, j->y, j->n);
}

static void activations_have_their_slopes(void **state) {
  (void)state;
  void (*const backward[ACT_COUNT])(float *, const float *,
                                    int64_t) = {[ACT_SILU] = silu_backward,
                                                [ACT_GELU_TANH] = gelu_tanh_backward,
                                                [ACT_GELU_ERF] = gelu_erf_backward,
                                                [ACT_QUICK_GELU] = quick_gelu_backward,
                                                [ACT_RELU] = relu_backward};
  enum { N = 60 };
  for (int i = 0; i < ACT_COUNT; i++) {
    random_source s = random_new(3);
    float x[N], y[N], *r = random_floats(&s, N), *dx = calloc(N, sizeof *dx);
    assert_non_null(dx);
    for (int q = 0; q < N; q++) x[q] = (float)q / 7 - 4.2f; /* -4 .. 4, never near 0 */
    memcpy(dx, r, N * sizeof *dx);
    job j = {.n = N, .r = r, .y = y, .act = (act_kind)i};
    backward[i](dx, x, N);
    check_grad(act_loss, &j, x, dx, N, 1, EPS, TOL);
    free(r);
    free(dx);
  }
}

static double softmax_loss(void *ctx, const float *x) {
  job *j = ctx;
  memcpy(j->y, x, (size_t)j->n * sizeof *x);
  plain()->softmax(j->y, j->n);
  return dot(j->r, j->y, j->n);
}

static double logp_loss(void *ctx, const float *x) {
  job *j = ctx;
  float *unused = calloc((size_t)j->n, sizeof *unused);
  assert_non_null(unused);
  double logp = logp_backward(unused, x, j->n, j->target, 1);
  free(unused);
  return 3 * logp;
}

static void softmax_and_logp_have_their_slopes(void **state) {
  (void)state;
  enum { N = 21 };
  random_source s = random_new(5);
  float *x = random_floats(&s, N), *r = random_floats(&s, N), p[N], dx[N];
  memcpy(p, x, sizeof p);
  plain()->softmax(p, N);
  memcpy(dx, r, sizeof dx);
  softmax_backward(dx, p, N);
  job j = {.n = N, .r = r, .y = random_floats(&s, N)};
  check_grad(softmax_loss, &j, x, dx, N, 1, EPS, TOL);
  for (j.target = 0; j.target < N; j.target += 10) {
    memset(dx, 0, sizeof dx);
    double logp = logp_backward(dx, x, N, j.target, 3);
    assert_true(fabs(logp - log((double)p[j.target])) < 1e-5); /* a softmax in f32 */
    check_grad(logp_loss, &j, x, dx, N, 1, EPS, TOL);
  }
  free(x);
  free(r);
  free(j.y);
}

static void rope_turns_back(void **state) {
  (void)state;
  enum { H = 3, K = 12, ROT = 8 };
  random_source s = random_new(6);
  float *x = random_floats(&s, H * K), y[H * K], cosine[ROT / 2], sine[ROT / 2];
  for (int i = 0; i < ROT / 2; i++) {
    cosine[i] = cosf(1.3f * (float)(i + 1));
    sine[i] = sinf(1.3f * (float)(i + 1));
  }
  memcpy(y, x, sizeof y);
  plain()->rope(y, cosine, sine, H, K, ROT);
  rope_backward(y, cosine, sine, H, K, ROT); /* the transpose of a rotation is its inverse */
  for (int i = 0; i < H * K; i++) assert_true(fabs((double)y[i] - (double)x[i]) < 1e-6);
  free(x);
}

/* ---------------------------------------------------------------- attention */

enum { KEYS = 37, ROWS = 5, LD = 64, CUT = 20, FIRST = 18 };

typedef struct scene {
  const kernel_set *k;
  int K;
  float *q, *key, *value, *r; /* (ROWS, K), (KEYS, K), (KEYS, K), (ROWS, K) */
  float *panels, *values, *S, *z;
} scene;

static int seen(int r) { return KEYS - ROWS + 1 + r; } /* causal: the last row sees all */

/* Weights of all rows: S; two edges are cut in row 2. */
static attend_rows weigh(const scene *s, kv_stretch st[2]) {
  int64_t half = key_floats(CUT, s->K), vhalf = value_floats(CUT, s->K);
  pack_keys(s->panels, 0, s->key, s->K, CUT, s->K);
  pack_values(s->values, CUT, 0, s->value, s->K, CUT, s->K);
  pack_keys(s->panels + half, 0, s->key + (int64_t)CUT * s->K, s->K, KEYS - CUT, s->K);
  pack_values(s->values + vhalf, KEYS - CUT, 0, s->value + (int64_t)CUT * s->K, s->K, KEYS - CUT,
              s->K);
  st[0] = (kv_stretch){s->panels, packed_values(s->values, CUT), 0, CUT};
  st[1] =
      (kv_stretch){s->panels + half, packed_values(s->values + vhalf, KEYS - CUT), CUT, KEYS - CUT};
  attend_rows a = {.q = s->q,
                   .q_stride = s->K,
                   .z = s->z,
                   .z_stride = s->K,
                   .R = ROWS,
                   .K = s->K,
                   .stretches = st,
                   .stretch_count = 2,
                   .S = s->S,
                   .ld = LD};
  attend_scores(s->k, &a);
  for (int r = 0; r < ROWS; r++) {
    float *line = s->S + r * LD;
    if (r == 2) line[4] = line[25] = -INFINITY;
    s->k->softmax(line, seen(r));
    for (int j = seen(r); j < KEYS; j++) line[j] = 0;
  }
  return a;
}

static double attention_loss(void *ctx, const float *x) {
  scene *s = ctx;
  (void)x; /* one of s->q, key, value */
  kv_stretch st[2];
  attend_rows a = weigh(s, st);
  attend_mix(s->k, &a);
  return dot(s->r, s->z, (int64_t)ROWS * s->K);
}

static void check_attention(const kernel_set *k, int K) {
  random_source source = random_new(77);
  int64_t wide = round_up(K, PANEL);
  scene s = {.k = k, .K = K};
  float **inputs[] = {&s.q, &s.key, &s.value, &s.r, &s.panels, &s.values, &s.S, &s.z};
  int64_t sizes[] = {ROWS * K, KEYS * K,    KEYS * K,  ROWS * K,
                     64 * K,   KEYS * wide, ROWS * LD, ROWS * K};
  for (int i = 0; i < 8; i++) *inputs[i] = random_floats(&source, sizes[i]);
  kv_turned turned = {random_floats(&source, KEYS * wide), random_floats(&source, 48 * (int64_t)K)};
  float *dq = random_floats(&source, ROWS * K), *dk = calloc(KEYS * (size_t)K, 4),
        *dv = calloc(KEYS * (size_t)K, 4);
  float *dS = random_floats(&source, ROWS * LD), *transposed = random_floats(&source, LD * ROWS),
        *rows = random_floats(&source, ROWS * wide);
  kv_stretch st[2];
  attend_rows a = weigh(&s, st);
  transpose_stretches(st, 2, K, &turned);
  attend_grads g = {.dz = s.r,
                    .dq = dq,
                    .kv = &turned,
                    .count = KEYS,
                    .first = FIRST,
                    .dk = dk + FIRST * K,
                    .dv = dv + FIRST * K,
                    .kv_stride = K,
                    .dS = dS,
                    .transposed = transposed,
                    .rows = rows};
  attend_backward(k, &a, &g);
  check_grad(attention_loss, &s, s.q, dq, ROWS * K, 1, EPS, TOL);
  check_grad(attention_loss, &s, s.key + FIRST * K, dk + FIRST * K, (KEYS - FIRST) * K, 3, EPS,
             TOL);
  check_grad(attention_loss, &s, s.value + FIRST * K, dv + FIRST * K, (KEYS - FIRST) * K, 3, EPS,
             TOL);
  for (int i = 0; i < FIRST * K; i++) assert_true(dk[i] == 0 && dv[i] == 0);
  for (int i = 0; i < 8; i++) free(*inputs[i]);
  float *rest[] = {turned.key_rows, turned.value_panels, dq, dk, dv, dS, transposed, rows};
  for (int i = 0; i < 8; i++) free(rest[i]);
}

static void attention_has_its_slopes_in_every_kernel_set(void **state) {
  (void)state;
  static const int widths[] = {4, 12, 16, 20};
  for (int set = 0; kernels_at(set); set++) {
    for (int i = 0; i < 4; i++) check_attention(kernels_at(set), widths[i]);
  }
}

/* ---------------------------------------------------------------- linear */

/* <r, x W^T> has the slope r W, whatever the shape and the number of threads. */
static void a_product_backward_is_the_slope_of_the_forward_one(void **state) {
  (void)state;
  static const int shapes[][3] = {{1, 5, 7}, {7, 33, 12}, {33, 20, 48}, {17, 1, 9}};
  for (int i = 0; i < 8; i++) {
    int M = shapes[i / 2][0], N = shapes[i / 2][1], K = shapes[i / 2][2];
    if (i % 2) setenv("LOCI_KERNELS", "ref", 1);
    product *p;
    loci_err err;
    if (product_new(DTYPE_F32, 2, &p, &err)) fail_msg("%s", err.msg);
    unsetenv("LOCI_KERNELS");
    random_source s = random_new(9);
    int64_t room = product_rows(M);
    float *x = random_floats(&s, room * K), *w = random_floats(&s, N * K),
          *r = random_floats(&s, room * N), *y = random_floats(&s, room * N),
          *dx = random_floats(&s, room * K);
    product_shape transposed = {.M = M, .N = K, .K = N, .ldy = K, .backward = true};
    if (product_run(p, transposed, r, w, dx, &err)) fail_msg("%s", err.msg);
    product_shape along = {.M = M, .N = N, .K = K, .ldy = N};
    if (product_run(p, along, x, w, y, &err)) fail_msg("%s", err.msg);
    /* linear: <r, x W^T> = <r W, x> exactly, up to sums of 48 numbers in f32 */
    double loss = dot(r, y, (int64_t)M * N), same = dot(dx, x, (int64_t)M * K);
    assert_true(fabs(loss - same) <= 1e-4 * fmax(1, fabs(loss)));
    for (int m = 0; m < M; m++) {
      for (int k = 0; k < K; k++) {
        double sum = 0;
        for (int n = 0; n < N; n++) sum += (double)r[m * N + n] * (double)w[n * K + k];
        assert_true(fabs(sum - (double)dx[m * K + k]) <= 1e-5 * fmax(1, fabs(sum)));
      }
    }
    product_free(p);
    float *all[] = {x, w, r, y, dx};
    for (int k = 0; k < 5; k++) free(all[k]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(norms_have_their_slopes),
      cmocka_unit_test(activations_have_their_slopes),
      cmocka_unit_test(softmax_and_logp_have_their_slopes),
      cmocka_unit_test(rope_turns_back),
      cmocka_unit_test(attention_has_its_slopes_in_every_kernel_set),
      cmocka_unit_test(a_product_backward_is_the_slope_of_the_forward_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
