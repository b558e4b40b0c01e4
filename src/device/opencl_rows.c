/* Operations over lists of rows on a device (see opencl.h and kernels.cl). */
#include <string.h>

#include "device/opencl_parts.h"

/* An operation: of its lists the first is written, and [fresh], not read.  Kernels take the lists,
 * the numbers of rows, the width, and what is their own. */
typedef struct rows_call {
  cl_engine *e;
  kernel_id kernel;
  const char *doing;
  row_list lists[3];
  int count;
  bool fresh;
  int64_t first, some; /* rows [first, first + some) are being done */
  row_view_cl to;
  cl_call call;
} rows_call;

static rows_call rows_of(const row_engine *e, kernel_id id, const char *doing, int lists,
                         bool fresh, row_list to) {
  return (rows_call){.e = engine_of(e),
                     .kernel = id,
                     .doing = doing,
                     .count = lists,
                     .fresh = fresh,
                     .lists = {to}};
}

/* Some rows at a time, so that their numbers, and rows of the host's, fit the ring. */
static bool next_rows(rows_call *c, int64_t n, int64_t width) {
  enum { MOST = 16384 };
  if (c->some > 0) {
    cl_run(&c->call, c->some, c->doing);
    view_back(c->e, c->to, c->lists[0], c->first, c->some, width);
  }
  c->first += c->some;
  if (c->first >= n || c->e->err.code) return false;
  int64_t fit = RING_BYTES / 4 / (width * (int64_t)sizeof(float) + 1), left = n - c->first;
  for (int i = 0; fit < 1 && i < c->count; i++) /* a list of rows wider than that */
    cl_ok(c->e, is_host(c->e, c->lists[i]) ? CL_INVALID_BUFFER_SIZE : CL_SUCCESS, c->doing);
  fit = fit < 1 ? 1 : fit < MOST ? fit : MOST;
  c->some = left < fit ? left : fit;
  c->call = cl_begin(c->e, c->kernel);
  for (int i = 0; i < c->count; i++) {
    bool out = i == 0 && c->fresh;
    row_view_cl v = out ? view_out(c->e, c->lists[i], c->first, c->some, width)
                        : view_in(c->e, c->lists[i], c->first, c->some, width);
    if (i == 0) c->to = v;
    ARGS(&c->call, MEM(v.mem), LONG(v.off), LONG(v.stride), LONG(v.index));
  }
  ARGS(&c->call, MEM(c->e->ring), INT(width));
  return true;
}

static void copy(const row_engine *engine, row_list to, row_list from, int64_t n, int64_t width) {
  enum { MOST = 1 << 20 }; /* numbers of a row at a time */
  cl_engine *e = engine_of(engine);
  if (is_host(e, to) && is_host(e, from)) {
    rows_cpu.copy(engine, to, from, n, width);
    return;
  }
  for (int64_t at = 0; at < width; at += MOST) {
    rows_call c = rows_of(engine, KERNEL_COPY, "copying rows", 2, true, to);
    c.lists[1] = from;
    for (int i = 0; i < 2; i++) c.lists[i].at = (float *)c.lists[i].at + at;
    while (next_rows(&c, n, width - at < MOST ? width - at : MOST)) continue;
  }
}

static void add(const row_engine *e, row_list to, row_list from, int64_t n, int64_t width) {
  rows_call c = rows_of(e, KERNEL_ADD, "adding rows", 2, false, to);
  c.lists[1] = from;
  while (next_rows(&c, n, width)) continue;
}

static void zero(const row_engine *e, row_list to, int64_t n, int64_t width) {
  rows_call c = rows_of(e, KERNEL_ZERO, "clearing rows", 1, true, to);
  while (next_rows(&c, n, width)) continue;
}

static void norm(const row_engine *e, row_list to, row_list x, int64_t n, const row_norm *m) {
  rows_call c = rows_of(e, KERNEL_NORM, "norm", 2, true, to);
  size_t bytes = (size_t)m->width * sizeof(float);
  c.lists[1] = x;
  while (next_rows(&c, n, m->width)) {
    size_t w = ring_put(c.e, m->w, bytes), b = m->b ? ring_put(c.e, m->b, bytes) : w;
    ARGS(&c.call, MEM(c.e->ring), LONG(w / sizeof(float)), LONG(b / sizeof(float)), FLOAT(m->eps),
         INT(m->b != NULL));
  }
}

/* Of the tables, the rows between the least and the greatest that is asked for, or, where these are
 * more than the rows that turn, each one that is. */
static void turn(const row_engine *e, row_list x, int64_t n, const row_rotation *t) {
  rows_call c = rows_of(e, KERNEL_TURN, "turning rows", 1, false, x);
  size_t line = (size_t)t->half * sizeof(float);
  while (t->half > 0 && next_rows(&c, n, (int64_t)t->heads * t->K)) {
    const int64_t *asked = t->angles + c.first;
    int64_t least = asked[0], most = asked[0];
    for (int64_t k = 0; k < c.some; k++) {
      least = asked[k] < least ? asked[k] : least;
      most = asked[k] > most ? asked[k] : most;
    }
    bool each = most - least >= c.some;
    int64_t count = each ? c.some : most - least + 1;
    size_t bytes = 2 * (size_t)count * line + (size_t)c.some * sizeof(cl_int);
    size_t cosine = ring_take(c.e, bytes), sine = cosine + (size_t)count * line;
    size_t angles = sine + (size_t)count * line;
    for (int64_t k = 0; k < count; k++) {
      int64_t from = (each ? asked[k] : least + k) * t->half;
      memcpy(c.e->mirror + cosine + (size_t)k * line, t->cosine + from, line);
      memcpy(c.e->mirror + sine + (size_t)k * line, t->sine + from, line);
    }
    cl_int *at = (cl_int *)(void *)(c.e->mirror + angles);
    for (int64_t k = 0; k < c.some; k++) at[k] = (cl_int)(each ? k : asked[k] - least);
    ring_send(c.e, cosine, bytes);
    ARGS(&c.call, MEM(c.e->ring), LONG(cosine / sizeof(float)), LONG(sine / sizeof(float)),
         LONG(angles / sizeof(float)), INT(t->half), INT(t->K));
  }
}

static void gate(const row_engine *e, row_list to, row_list g, row_list u, act_kind act, int64_t n,
                 int64_t width) {
  rows_call c = rows_of(e, KERNEL_GATE, "activation", 3, false, to);
  c.lists[1] = g;
  c.lists[2] = u;
  while (next_rows(&c, n, width)) {
    ARGS(&c.call, INT(act), INT(u.at != NULL));
  }
}

static void cap(const row_engine *e, float *x, int64_t n, int64_t width, float bound) {
  rows_call c = rows_of(e, KERNEL_CAP, "capping rows", 1, false, rows_f32(x, width, NULL));
  while (next_rows(&c, n, width)) ARGS(&c.call, FLOAT(bound));
}

static void scale(const row_engine *e, float *x, int64_t n, int64_t width, const float *by) {
  rows_call c = rows_of(e, KERNEL_SCALE, "scaling rows", 1, false, rows_f32(x, width, NULL));
  while (next_rows(&c, n, width)) {
    size_t at = ring_put(c.e, by + c.first, (size_t)c.some * sizeof *by);
    ARGS(&c.call, MEM(c.e->ring), LONG(at / sizeof *by));
  }
}

/* [back] is of gradients, which goes_back denies; each head is a row of its own. */
static void unpermute(const row_engine *e, float *x, int64_t n, int64_t width, int K, bool back) {
  (void)back;
  rows_call c = rows_of(e, KERNEL_UNPERMUTE, "ordering channels", 1, false, rows_f32(x, K, NULL));
  while (next_rows(&c, n * (width / K), K)) ARGS(&c.call, LOCAL(K));
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
