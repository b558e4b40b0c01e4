/* Operations over lists of rows on a device (see opencl.h and kernels.cl): some rows at a time, so
 * that their numbers, and rows of the host's, fit the ring. */
#include <string.h>

#include "device/opencl_parts.h"

/* Rows that an operation takes at a time: two lists of [width] numbers each at most. */
static int64_t some_rows(int64_t width) {
  int64_t fit = RING_BYTES / 4 / (width * (int64_t)sizeof(float) + 1);
  return fit < 1 ? 1 : fit < 16384 ? fit : 16384;
}

static void copy(const row_engine *engine, row_list to, row_list from, int64_t n, int64_t width) {
  cl_engine *e = engine_of(engine);
  if (is_host(e, to) && is_host(e, from)) {
    rows_cpu.copy(engine, to, from, n, width);
    return;
  }
  enum { MOST = 1 << 20 }; /* numbers of a row at a time */
  for (int64_t c = 0; c < width; c += MOST) {
    int64_t w = width - c < MOST ? width - c : MOST, some = some_rows(w);
    row_list a = to, b = from;
    a.at = (float *)to.at + c;
    b.at = (float *)from.at + c;
    for (int64_t i = 0; i < n; i += some) {
      int64_t rows = n - i < some ? n - i : some;
      cl_call call = cl_begin(e, KERNEL_COPY);
      row_view_cl x = view_in(e, b, i, rows, w), y = view_out(e, a, i, rows, w);
      cl_view(&call, y);
      cl_view(&call, x);
      cl_mem_arg(&call, e->ring);
      cl_long_arg(&call, w);
      cl_run(&call, rows, "copying rows");
      view_back(e, y, a, i, rows, w);
    }
  }
}

static void add(const row_engine *engine, row_list to, row_list from, int64_t n, int64_t width) {
  cl_engine *e = engine_of(engine);
  int64_t some = some_rows(width);
  for (int64_t i = 0; i < n; i += some) {
    int64_t rows = n - i < some ? n - i : some;
    cl_call call = cl_begin(e, KERNEL_ADD);
    cl_view(&call, view_in(e, to, i, rows, width));
    cl_view(&call, view_in(e, from, i, rows, width));
    cl_mem_arg(&call, e->ring);
    cl_long_arg(&call, width);
    cl_run(&call, rows, "adding rows");
  }
}

static void zero(const row_engine *engine, row_list to, int64_t n, int64_t width) {
  cl_engine *e = engine_of(engine);
  if (is_host(e, to)) {
    rows_cpu.zero(engine, to, n, width);
    return;
  }
  for (int64_t i = 0; i < n; i += 16384) {
    int64_t rows = n - i < 16384 ? n - i : 16384;
    cl_call call = cl_begin(e, KERNEL_ZERO);
    cl_view(&call, view_in(e, to, i, rows, width));
    cl_mem_arg(&call, e->ring);
    cl_long_arg(&call, width);
    cl_run(&call, rows, "clearing rows");
  }
}

static void norm(const row_engine *engine, row_list to, row_list x, int64_t n, const row_norm *m) {
  cl_engine *e = engine_of(engine);
  int64_t some = some_rows(m->width);
  size_t bytes = (size_t)m->width * sizeof(float);
  for (int64_t i = 0; i < n; i += some) {
    int64_t rows = n - i < some ? n - i : some;
    size_t w = ring_put(e, m->w, bytes), b = m->b ? ring_put(e, m->b, bytes) : w;
    row_view_cl in = view_in(e, x, i, rows, m->width), out = view_out(e, to, i, rows, m->width);
    cl_call call = cl_begin(e, KERNEL_NORM);
    cl_view(&call, out);
    cl_view(&call, in);
    cl_mem_arg(&call, e->ring);
    cl_mem_arg(&call, e->ring);
    cl_long_arg(&call, (int64_t)(w / sizeof(float)));
    cl_long_arg(&call, (int64_t)(b / sizeof(float)));
    cl_int_arg(&call, m->width);
    cl_float_arg(&call, m->eps);
    cl_int_arg(&call, m->b != NULL);
    cl_run(&call, rows, "norm");
    view_back(e, out, to, i, rows, m->width);
  }
}

/* Of the tables, the rows between the least and the greatest that is asked for, or, where these are
 * more than the rows that turn, each one that is. */
static void turn(const row_engine *engine, row_list x, int64_t n, const row_rotation *t) {
  cl_engine *e = engine_of(engine);
  int64_t half = t->half, some = some_rows(4 * half + 4);
  size_t line = (size_t)half * sizeof(float);
  for (int64_t i = 0; half > 0 && i < n; i += some) {
    int64_t rows = n - i < some ? n - i : some, least = t->angles[i], most = least;
    for (int64_t k = i; k < i + rows; k++) {
      least = t->angles[k] < least ? t->angles[k] : least;
      most = t->angles[k] > most ? t->angles[k] : most;
    }
    bool each = most - least >= rows;
    int64_t count = each ? rows : most - least + 1;
    size_t cosine = ring_take(e, 2 * (size_t)count * line + (size_t)rows * sizeof(cl_int));
    size_t sine = cosine + (size_t)count * line, angles = sine + (size_t)count * line;
    for (int64_t k = 0; k < count; k++) {
      int64_t from = (each ? t->angles[i + k] : least + k) * half;
      memcpy(e->mirror + cosine + (size_t)k * line, t->cosine + from, line);
      memcpy(e->mirror + sine + (size_t)k * line, t->sine + from, line);
    }
    cl_int *at = (cl_int *)(void *)(e->mirror + angles);
    for (int64_t k = 0; k < rows; k++) at[k] = (cl_int)(each ? k : t->angles[i + k] - least);
    ring_send(e, cosine, 2 * (size_t)count * line + (size_t)rows * sizeof(cl_int));
    cl_call call = cl_begin(e, KERNEL_TURN);
    cl_view(&call, view_in(e, x, i, rows, 0));
    cl_mem_arg(&call, e->ring);
    cl_mem_arg(&call, e->ring);
    cl_long_arg(&call, (int64_t)(cosine / sizeof(float)));
    cl_long_arg(&call, (int64_t)(sine / sizeof(float)));
    cl_long_arg(&call, (int64_t)(angles / sizeof(float)));
    cl_int_arg(&call, half);
    cl_int_arg(&call, t->heads);
    cl_int_arg(&call, t->K);
    cl_run(&call, rows, "turning rows");
  }
}

static void gate(const row_engine *engine, row_list to, row_list g, row_list u, act_kind act,
                 int64_t n, int64_t width) {
  cl_engine *e = engine_of(engine);
  int64_t some = some_rows(width);
  for (int64_t i = 0; i < n; i += some) {
    int64_t rows = n - i < some ? n - i : some;
    cl_call call = cl_begin(e, KERNEL_GATE);
    cl_view(&call, view_in(e, to, i, rows, width));
    cl_view(&call, view_in(e, g, i, rows, width));
    cl_view(&call, view_in(e, u, i, rows, width));
    cl_mem_arg(&call, e->ring);
    cl_long_arg(&call, width);
    cl_int_arg(&call, act);
    cl_int_arg(&call, u.at != NULL);
    cl_run(&call, rows, "activation");
  }
}

static void cap(const row_engine *engine, float *x, int64_t n, int64_t width, float c) {
  cl_engine *e = engine_of(engine);
  cl_call call = cl_begin(e, KERNEL_CAP);
  cl_view(&call, view_in(e, rows_f32(x, width, NULL), 0, n, width));
  cl_mem_arg(&call, e->ring);
  cl_long_arg(&call, width);
  cl_float_arg(&call, (double)c);
  cl_run(&call, n, "capping rows");
}

static void scale(const row_engine *engine, float *x, int64_t n, int64_t width, const float *by) {
  cl_engine *e = engine_of(engine);
  row_list l = rows_f32(x, width, NULL);
  if (is_host(e, l)) {
    rows_cpu.scale(engine, x, n, width, by);
    return;
  }
  for (int64_t i = 0; i < n; i += 16384) {
    int64_t rows = n - i < 16384 ? n - i : 16384;
    size_t at = ring_put(e, by + i, (size_t)rows * sizeof *by);
    cl_call call = cl_begin(e, KERNEL_SCALE);
    cl_view(&call, view_in(e, l, i, rows, width));
    cl_mem_arg(&call, e->ring);
    cl_long_arg(&call, width);
    cl_mem_arg(&call, e->ring);
    cl_long_arg(&call, (int64_t)(at / sizeof *by));
    cl_run(&call, rows, "scaling rows");
  }
}

static void unpermute(const row_engine *engine, float *x, int64_t n, int64_t width, int K,
                      bool back) {
  cl_engine *e = engine_of(engine);
  (void)back; /* of gradients, which goes_back denies */
  cl_call call = cl_begin(e, KERNEL_UNPERMUTE);
  cl_view(&call, view_in(e, rows_f32(x, width, NULL), 0, n, width));
  cl_mem_arg(&call, e->ring);
  cl_int_arg(&call, width / K);
  cl_int_arg(&call, K);
  cl_arg(&call, NULL, (size_t)K * sizeof(float));
  cl_run(&call, n * (width / K), "ordering channels");
}

const row_ops rows_opencl = {
    .name = "opencl",
    .room = opencl_matrix,
    .clear = opencl_clear,
    .fetch = opencl_fetch,
    .settle = opencl_settle,
    .copy = copy,
    .add = add,
    .zero = zero,
    .norm = norm,
    .turn = turn,
    .gate = gate,
    .cap = cap,
    .scale = scale,
    .unpermute = unpermute,
    .pack = opencl_pack,
    .attend = opencl_attend,
};
