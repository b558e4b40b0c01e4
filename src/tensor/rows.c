/* The processor's operations over lists of rows (see rows.h): rows are split over threads, and each
 * is a kernel's. */
#include "tensor/rows.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "tensor/attend_list.h"
#include "tensor/backward.h"

static void *row_at(const row_list *l, int64_t i) {
  int64_t row = l->index ? l->index[i] : i;
  return (char *)l->at + row * l->stride * (int64_t)dtype_bytes(l->type);
}

static void copy(const row_engine *e, row_list to, row_list from, int64_t n, int64_t width) {
  bool rounds = to.type != from.type;
  size_t bytes = (size_t)width * dtype_bytes(to.type);
#pragma omp parallel for num_threads(row_threads(e, n *width)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    void *out = row_at(&to, i);
    const void *x = row_at(&from, i);
    if (rounds) {
      e->k->round_bf16(out, x, width);
    } else {
      memcpy(out, x, bytes);
    }
  }
}

static void add(const row_engine *e, row_list to, row_list from, int64_t n, int64_t width) {
#pragma omp parallel for num_threads(row_threads(e, n *width)) schedule(static)
  for (int64_t i = 0; i < n; i++) e->k->add(row_at(&to, i), row_at(&from, i), width);
}

static void zero(const row_engine *e, row_list to, int64_t n, int64_t width) {
#pragma omp parallel for num_threads(row_threads(e, n *width)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    memset(row_at(&to, i), 0, (size_t)width * dtype_bytes(to.type));
  }
}

/* A row that is rounded is a line of f32 first. */
static void norm(const row_engine *e, row_list to, row_list x, int64_t n, const row_norm *m) {
  int threads = row_threads(e, n * m->width);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int t = 0; t < threads; t++) {
    for (int64_t i = n * t / threads; i < n * (t + 1) / threads; i++) {
      float *out = to.type == DTYPE_F32 ? row_at(&to, i) : e->lines + t * e->line;
      if (m->b) {
        e->k->layernorm(out, row_at(&x, i), m->w, m->b, m->width, m->eps);
      } else {
        e->k->rmsnorm(out, row_at(&x, i), m->w, m->width, m->eps);
      }
      if (to.type != DTYPE_F32) e->k->round_bf16(row_at(&to, i), out, m->width);
    }
  }
}

static void norm_back(const row_engine *e, row_list dx, row_list dy, row_list x, int64_t n,
                      const row_norm *m) {
#pragma omp parallel for num_threads(row_threads(e, n * m->width)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    float *to = row_at(&dx, i);
    const float *slope = row_at(&dy, i), *from = row_at(&x, i);
    if (m->b) {
      layernorm_backward(to, slope, from, m->w, m->width, m->eps);
    } else {
      rmsnorm_backward(to, slope, from, m->w, m->width, m->eps);
    }
  }
}

static void turn(const row_engine *e, row_list x, int64_t n, const row_rotation *t) {
  int rotary = 2 * t->half;
#pragma omp parallel for num_threads(row_threads(e, n * t->heads * t->K)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    const float *cosine = t->cosine + t->angles[i] * t->half;
    const float *sine = t->sine + t->angles[i] * t->half;
    if (t->back) {
      rope_backward(row_at(&x, i), cosine, sine, t->heads, t->K, rotary);
    } else {
      e->k->rope(row_at(&x, i), cosine, sine, t->heads, t->K, rotary);
    }
  }
}

static void gate(const row_engine *e, row_list to, row_list g, row_list u, act_kind act, int64_t n,
                 int64_t width) {
#pragma omp parallel for num_threads(row_threads(e, n *width)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    const float *factor = u.at ? row_at(&u, i) : NULL;
    e->k->gate(row_at(&to, i), to.type, row_at(&g, i), factor, act, width);
  }
}

static void act_backward(act_kind act, float *dx, const float *x, int64_t n) {
  switch (act) {
    case ACT_COUNT: break;
    case ACT_SILU: silu_backward(dx, x, n); break;
    case ACT_GELU_TANH: gelu_tanh_backward(dx, x, n); break;
    case ACT_GELU_ERF: gelu_erf_backward(dx, x, n); break;
    case ACT_QUICK_GELU: quick_gelu_backward(dx, x, n); break;
    case ACT_RELU: relu_backward(dx, x, n); break;
  }
}

/* f = act(g) u: du = df act(g), dg = df u act'(g) */
static void gate_back(const row_engine *e, row_list df, row_list g, row_list u, act_kind act,
                      int64_t n, int64_t width) {
  int threads = row_threads(e, n * width);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int t = 0; t < threads; t++) {
    float *du = e->lines + t * e->line;
    for (int64_t i = n * t / threads; i < n * (t + 1) / threads; i++) {
      float *slope = row_at(&df, i), *factor = u.at ? row_at(&u, i) : NULL;
      const float *x = row_at(&g, i);
      if (factor) {
        e->k->gate(du, DTYPE_F32, x, slope, act, width);
        e->k->mul(slope, factor, width);
        memcpy(factor, du, (size_t)width * sizeof *du);
      }
      act_backward(act, slope, x, width);
    }
  }
}

static void cap(const row_engine *e, float *x, int64_t n, int64_t width, float c) {
  int64_t all = n * width;
#pragma omp parallel for num_threads(row_threads(e, all)) schedule(static)
  for (int64_t i = 0; i < all; i++) x[i] = c * tanhf(x[i] / c);
}

static void scale(const row_engine *e, float *x, int64_t n, int64_t width, const float *by) {
#pragma omp parallel for num_threads(row_threads(e, n *width)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    for (int64_t d = 0; d < width; d++) x[i * width + d] *= by[i];
  }
}

static void unpermute(const row_engine *e, float *x, int64_t n, int64_t width, int K, bool back) {
  int64_t half = K / 2;
#pragma omp parallel for num_threads(row_threads(e, n *width)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    float *line = e->lines + omp_get_thread_num() * e->line;
    for (float *head = x + i * width; head < x + (i + 1) * width; head += K) {
      memcpy(line, head, (size_t)K * sizeof *line);
      for (int64_t j = 0; j < half; j++) {
        head[back ? 2 * j : j] = line[back ? j : 2 * j];
        head[back ? 2 * j + 1 : half + j] = line[back ? half + j : 2 * j + 1];
      }
    }
  }
}

/* What is the host's is there at once. */
static void *room(const row_engine *e, arena *mem, int64_t bytes, bool zeroed) {
  (void)e;
  return zeroed ? arena_zalloc(mem, bytes, 1) : arena_alloc(mem, bytes, 1);
}

static void clear(const row_engine *e) { (void)e; }

static const float *fetch(const row_engine *e, const float *at, int64_t n) {
  (void)e;
  (void)n;
  return at;
}

static loci_status settle(const row_engine *e, loci_err *err) {
  (void)e;
  (void)err;
  return LOCI_OK;
}

const row_ops rows_cpu = {
    .name = "cpu",
    .room = room,
    .clear = clear,
    .fetch = fetch,
    .settle = settle,
    .copy = copy,
    .add = add,
    .zero = zero,
    .norm = norm,
    .norm_back = norm_back,
    .turn = turn,
    .gate = gate,
    .gate_back = gate_back,
    .cap = cap,
    .scale = scale,
    .unpermute = unpermute,
    .pack = pack_streams,
    .attend = attend_jobs,
    .goes_back = true,
};
