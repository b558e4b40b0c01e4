/* Norm, linear, activation on rows (see compute.h). */
#include "model/compute.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* A tenth of a second or less on two cores of today, which is how soon work can be stopped. */
static const double SLICE_FLOP = 2e10;

enum {
  BLOCK_BYTES = 16 << 20, /* converted weights stay in the cache between conversion and product */
  FEW_OF_BF16 = 4         /* that stand as products want them */
};

static loci_status multiply_here(const row_engine *e, const row_product *p, loci_err *err);

loci_status compute_new(dtype type, int threads, compute **out, loci_err *err) {
  return compute_on(NULL, type, threads, out, err);
}

loci_status compute_on(device *d, dtype type, int threads, compute **out, loci_err *err) {
  *out = NULL;
  compute *a = calloc(1, sizeof *a);
  if (!a) return fail_nomem(err, "preparing arithmetic");
  a->type = type;
  a->rows = (row_engine){.ops = &rows_cpu,
                         .multiply = multiply_here,
                         .own = a,
                         .k = kernels_choose(),
                         .threads = threads};
  a->since = clock_seconds();
  a->follow.slice = SLICE_FLOP;
  loci_status st = product_new(type, threads, &a->products, err);
  if (!st) st = device_begin(d, &a->rows, err);
  if (!st) a->device = d;
  if (st) {
    compute_free(a);
    return st;
  }
  *out = a;
  return LOCI_OK;
}

void compute_follow(compute *a, watch w, const char *stage, double done, double total) {
  a->follow.watch = w;
  a->follow.stage = stage;
  a->follow.done = done;
  a->follow.total = total;
  a->follow.unasked = 0;
}

loci_status compute_ask(compute *a, double flop, loci_err *err) {
  a->follow.unasked += flop;
  if (a->follow.unasked < a->follow.slice) return LOCI_OK;
  a->follow.unasked = 0;
  if (!watch_stops(&a->follow.watch, a->follow.stage, a->follow.done, a->follow.total))
    return LOCI_OK;
  return fail(err, LOCI_ECANCELLED, "cancelled in layer %d", (int)a->follow.done);
}

loci_status compute_touch(compute *a, int64_t floats, loci_err *err) {
  return compute_ask(a, TOUCH_FLOP * (double)floats, err);
}

void work_end(compute *a, work_kind before) {
  double now = clock_seconds();
  a->seconds[a->now] += now - a->since;
  a->since = now;
  a->now = before;
}

work_kind work_begin(compute *a, work_kind w) {
  work_kind before = a->now;
  if (before == WORK_OTHER) work_end(a, w);
  return before;
}

void compute_restart(compute *a) {
  a->flop = 0;
  a->now = WORK_OTHER;
  a->since = clock_seconds();
  memset(a->seconds, 0, sizeof a->seconds);
}

void compute_free(compute *a) {
  if (!a) return;
  device_end(a->device, &a->rows);
  product_free(a->products);
  free(a->block);
  free(a->vector[0]);
  free(a->vector[1]);
  free(a->few);
  free(a->rows.lines);
  free(a->back.operand);
  free(a->back.part);
  free(a->back.turned);
  free(a);
}

int64_t operand_bytes(const compute *a, int64_t rows, int64_t n) {
  return product_rows(rows) * n * (int64_t)dtype_bytes(a->type);
}

void operand_set(const compute *a, void *out, int64_t r, const float *x, int64_t n) {
  if (a->type == DTYPE_BF16) {
    a->rows.k->round_bf16((uint16_t *)out + r * n, x, n);
  } else {
    memcpy((float *)out + r * n, x, (size_t)n * sizeof *x);
  }
}

const void *operand_of(const compute *a, void *room, const float *x, int64_t n, int64_t width) {
  if (a->type == DTYPE_F32) return x;
  rows_copy(&a->rows, operand_rows(a, room, width, NULL), rows_f32(x, width, NULL), n, width);
  return room;
}

loci_status compute_grow(float **at, int64_t *size, int64_t n, loci_err *err) {
  if (n <= *size) return LOCI_OK;
  free(*at);
  *at = malloc((size_t)n * sizeof **at);
  *size = *at ? n : 0;
  return *at ? LOCI_OK : fail_nomem(err, "preparing arithmetic");
}

loci_status compute_lines(compute *a, int64_t width, loci_err *err) {
  int64_t line = round_up(width, PANEL);
  if (line <= a->rows.line) return LOCI_OK;
  TRY(compute_grow(&a->rows.lines, &a->lines_size, line * a->rows.threads, err));
  a->rows.line = line;
  return LOCI_OK;
}

static loci_status grow_vectors(compute *a, int64_t n, loci_err *err) {
  if (n <= a->vector_size) return LOCI_OK;
  for (int i = 0; i < 2; i++) {
    float *bigger = realloc(a->vector[i], (size_t)n * sizeof(float));
    if (!bigger) return fail_nomem(err, "reading a bias or norm");
    a->vector[i] = bigger;
  }
  a->vector_size = n;
  return LOCI_OK;
}

loci_status weight_vector(compute *a, const weight *w, int i, const float **out, loci_err *err) {
  TRY(grow_vectors(a, w->cols, err));
  a->rows.k->to_f32(a->vector[i], w->type, w->data, w->cols);
  *out = a->vector[i];
  return LOCI_OK;
}

void weight_row(const weight *w, int64_t row, float *out) {
  size_t size = dtype_bytes(w->type);
  for (int64_t c = 0; w->row_step && c < w->cols; c++) {
    dtype_to_f32(w->type, w->data + (size_t)(c * w->row_step + row) * size, out + c, 1);
  }
  if (w->row_step) return;
  dtype_to_f32(w->type, w->data + dtype_size(w->type, row * w->cols), out, w->cols);
}

/* The norm with its weights as f32. */
static loci_status row_norm_of(compute *a, norm_spec spec, const norm_weights *weights,
                               row_norm *out, loci_err *err) {
  *out = (row_norm){.eps = spec.eps, .width = spec.width};
  TRY(weight_vector(a, &weights->w, 0, &out->w, err));
  for (int64_t i = 0; spec.kind == NORM_RMS_PLUS_ONE && i < spec.width; i++) a->vector[0][i] += 1;
  return spec.kind == NORM_LAYER ? weight_vector(a, &weights->b, 1, &out->b, err) : LOCI_OK;
}

static row_list rows_after(row_list r, int64_t n) {
  if (r.index) r.index += n;
  if (!r.index) r.at = (char *)r.at + n * r.stride * (int64_t)dtype_bytes(r.type);
  return r;
}

loci_status norm_forward(compute *a, norm_spec spec, const norm_weights *w, row_list out,
                         row_list x, int64_t n, loci_err *err) {
  enum { SOME = 8192 };
  row_norm norm;
  TRY(row_norm_of(a, spec, w, &norm, err));
  if (out.type != DTYPE_F32) TRY(compute_lines(a, spec.width, err));
  for (int64_t first = 0, some; first < n; first += some) {
    some = n - first < SOME ? n - first : SOME;
    TRY(compute_touch(a, some * spec.width, err));
    a->rows.ops->norm(&a->rows, rows_after(out, first), rows_after(x, first), some, &norm);
  }
  return LOCI_OK;
}

loci_status norm_backward(compute *a, norm_spec spec, const norm_weights *w, row_list dx,
                          row_list dy, row_list x, int64_t n, loci_err *err) {
  row_norm norm;
  TRY(row_norm_of(a, spec, w, &norm, err));
  a->rows.ops->norm_back(&a->rows, dx, dy, x, n, &norm);
  return LOCI_OK;
}

/* Whether the map holds a weight as products want it. */
static bool is_ready(const compute *a, const weight *w) {
  return w->type == a->type && (uintptr_t)w->data % dtype_bytes(w->type) == 0;
}

/* [n] runs of [width] numbers, [step] apart from [from] on, into the block, one after the other. */
static void fill_block(compute *a, dtype type, const uint8_t *from, int64_t step, int64_t n,
                       int64_t width) {
  int64_t bytes = dtype_size(type, step);
  work_kind before = work_begin(a, WORK_CONVERT);
#pragma omp parallel for num_threads(row_threads(&a->rows, n *width)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    const uint8_t *run = from + i * bytes;
    if (a->type == DTYPE_BF16) {
      a->rows.k->to_bf16((uint16_t *)a->block + i * width, type, run, width);
    } else {
      a->rows.k->to_f32((float *)a->block + i * width, type, run, width);
    }
  }
  work_end(a, before);
}

loci_status weight_block(compute *a, const weight *w, int64_t first, int64_t n, const void **out,
                         loci_err *err) {
  int64_t at = w->row_step ? first : first * w->cols;
  const uint8_t *from = w->data + dtype_size(w->type, at);
  if (is_ready(a, w) && (!w->row_step || n == w->row_step)) {
    *out = from;
    return LOCI_OK;
  }
  if (!a->block) a->block = malloc(BLOCK_BYTES);
  if (!a->block) return fail_nomem(err, "converting weights");
  if (w->row_step) fill_block(a, w->type, from, w->row_step, w->cols, n);
  if (!w->row_step) fill_block(a, w->type, from, w->cols, n, w->cols);
  *out = a->block;
  return LOCI_OK;
}

loci_status weight_stored(compute *a, const weight *w, int64_t first, int64_t n, const void **out,
                          loci_err *err) {
  const uint8_t *from = w->data + dtype_size(w->type, first * w->row_step);
  *out = from;
  if (is_ready(a, w) && w->row_step == w->rows) return LOCI_OK;
  if (!a->block) a->block = malloc(BLOCK_BYTES);
  if (!a->block) return fail_nomem(err, "converting weights");
  fill_block(a, w->type, from, w->row_step, n, w->rows);
  *out = a->block;
  return LOCI_OK;
}

int64_t weight_stored_rows(const compute *a, const weight *w) {
  if (is_ready(a, w) && w->row_step == w->rows) return w->cols;
  int64_t n = BLOCK_BYTES / (w->rows * (int64_t)dtype_bytes(a->type));
  return n < 1 ? 1 : n < w->cols ? n : w->cols;
}

static loci_status multiply(compute *a, product_shape shape, const void *x, const void *w, float *y,
                            loci_err *err) {
  work_kind before = work_begin(a, WORK_PRODUCT);
  loci_status st = product_run(a->products, shape, x, w, y, err);
  work_end(a, before);
  return st;
}

int64_t weight_block_rows(const compute *a, const weight *w) {
  if (is_ready(a, w) && (!w->row_step || w->rows == w->row_step)) return w->rows;
  int64_t n = BLOCK_BYTES / (w->cols * (int64_t)dtype_bytes(a->type));
  return n < 1 ? 1 : n < w->rows ? n : w->rows;
}

static loci_status add_bias(compute *a, const weight *bias, float *out, int64_t n, loci_err *err) {
  const float *b;
  TRY(weight_vector(a, bias, 0, &b, err));
  rows_add(&a->rows, rows_f32(out, bias->cols, NULL), rows_f32(b, 0, NULL), n, bias->cols);
  return LOCI_OK;
}

/* Whether the rows go through a weight as it stands.  A product library computes 16 rows at least,
 * and a weight of another type is converted for it first: an answer's step of one row takes two to
 * four times as long that way, and up to 16 rows gain, forwards and back; but not where bf16 is
 * multiplied as it stands.  Both ways round differently: rows that belong together go one way,
 * however they are cut into products, and in f32 whatever type the weights have, so that a GGUF
 * file and the f32 weights made of it give the same numbers. */
bool few_rows(const compute *a, const weight *w, int64_t n) {
  return n + a->beside <= (a->type == DTYPE_BF16 && is_ready(a, w) ? FEW_OF_BF16 : FEW_ROWS);
}

void few_through(compute *a, weight_rows w, float *out, int64_t C, const float *x, int64_t R,
                 int64_t n) {
  enum { ROWS = 16, COLUMNS = 64 };
  int64_t size = (int64_t)dtype_bytes(w.type), chunks = (C + COLUMNS - 1) / COLUMNS;
  int threads = row_threads(&a->rows, R * C);
  memset(out, 0, (size_t)(n * C) * sizeof *out);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int t = 0; t < threads; t++) {
    int64_t c = chunks * t / threads * COLUMNS, end = chunks * (t + 1) / threads * COLUMNS;
    if (end > C) end = C;
    for (int64_t r = 0; r < R; r += ROWS) {
      weight_rows some = {w.type, (const uint8_t *)w.at + (r * w.row + c) * size, w.row};
      int64_t count = R - r < ROWS ? R - r : ROWS;
      a->rows.k->dots_back(out + c, C, x + r, R, (int)n, some, count, end - c);
    }
  }
}

static loci_status linear_few(compute *a, const weight *w, float *out, const void *in, int64_t n,
                              loci_err *err) {
  const int64_t some = dtype_has_blocks(w->type) ? 256 : 32; /* x is laid out anew for each call */
  const float *x = in;
  int64_t row_bytes = dtype_size(w->type, w->cols);
  if (a->type != DTYPE_F32) {
    TRY(compute_grow(&a->few, &a->few_size, n * w->cols, err));
    a->rows.k->to_f32(a->few, a->type, in, n * w->cols);
    x = a->few;
  }
  work_kind before = work_begin(a, WORK_PRODUCT);
  if (w->row_step) {
    few_through(a, (weight_rows){w->type, w->data, w->row_step}, out, w->rows, x, w->cols, n);
    work_end(a, before);
    return LOCI_OK;
  }
#pragma omp parallel for num_threads(row_threads(&a->rows, w->rows * w->cols)) schedule(static)
  for (int64_t r = 0; r < w->rows; r += some) {
    int64_t rows = w->rows - r < some ? w->rows - r : some;
    a->rows.k->dots(out + r, w->rows, x, (int)n, w->type, w->data + r * row_bytes, rows, w->cols);
  }
  work_end(a, before);
  return LOCI_OK;
}

/* A product of more than a slice, what it writes counted, is cut: into so many rows, which products
 * do not round up, and so many of the weight's.  A weight is read once for 2048 rows, and each
 * number is one sum over K, in whichever slice it stands. */
typedef struct slicing {
  int64_t rows, weights;
} slicing;

static slicing slicing_of(const compute *a, const weight *w, int64_t n) {
  enum { ROWS = 2048, WEIGHTS = 256 };
  double per_weight = 2.0 * (double)n * (double)w->cols;
  slicing s = {n, weight_block_rows(a, w)};
  if ((per_weight + TOUCH_FLOP * (double)n) * (double)w->rows <= a->follow.slice) return s;
  if (n > ROWS) per_weight *= (double)ROWS / (double)n;
  if (n > ROWS) s.rows = ROWS;
  int64_t most = (int64_t)(a->follow.slice / per_weight) / WEIGHTS * WEIGHTS;
  if (most < WEIGHTS) most = WEIGHTS;
  if (s.weights > most) s.weights = most;
  return s;
}

static loci_status linear_slices(compute *a, product_shape s, int64_t rows, const void *in,
                                 const void *block, float *out, loci_err *err) {
  int64_t n = s.M;
  for (int64_t first = 0; first < n; first += rows) {
    s.M = n - first < rows ? n - first : rows;
    TRY(compute_ask(a, (2.0 * (double)s.K + TOUCH_FLOP) * (double)s.M * (double)s.N, err));
    const char *x = (const char *)in + (size_t)(first * s.K) * dtype_bytes(a->type);
    TRY(multiply(a, s, x, block, out + first * s.ldy, err));
  }
  return LOCI_OK;
}

static loci_status linear_rows(compute *a, const weight *w, float *out, const void *in, int64_t n,
                               loci_err *err) {
  int64_t N = w->rows;
  slicing cut = slicing_of(a, w, n);
  int64_t fit = BLOCK_BYTES / (w->cols * (int64_t)dtype_bytes(a->type));
  if (w->row_step && cut.weights < N && cut.weights > fit) cut.weights = fit < 1 ? 1 : fit;
  for (int64_t first = 0; first < N; first += cut.weights) {
    int64_t rows = N - first < cut.weights ? N - first : cut.weights;
    const void *block = NULL;
    TRY(weight_block(a, w, first, rows, &block, err));
    product_shape shape = {.M = n, .N = rows, .K = w->cols, .ldy = N, .backward = w->row_step > 0};
    TRY(linear_slices(a, shape, cut.rows, in, block, out + first, err));
  }
  return LOCI_OK;
}

loci_status linear_forward(compute *a, const linear_weights *w, float *out, const void *in,
                           int64_t n, loci_err *err) {
  if (n == 0) return LOCI_OK;
  row_product p = {&w->w, false, 0, w->w.cols, in, out, w->w.rows, n};
  TRY(a->rows.multiply(&a->rows, &p, err));
  a->flop += 2.0 * (double)n * (double)w->w.rows * (double)w->w.cols;
  if (w->b.data) TRY(add_bias(a, &w->b, out, n, err));
  return w->w.turned ? unpermute_heads(a, &w->w, out, n, false, err) : LOCI_OK;
}

/* What a turned weight gives is turned, not the weight: its rows are used as they stand. */
loci_status unpermute_heads(compute *a, const weight *w, float *out, int64_t n, bool back,
                            loci_err *err) {
  TRY(compute_lines(a, w->turned, err));
  a->rows.ops->unpermute(&a->rows, out, n, w->rows, w->turned, back);
  return LOCI_OK;
}

/* Columns [first, first + count) of [n] weight rows from [row] on, converted into the block: as
 * (n, count), or, of a weight that stands the other way round, as (count, n). */
static void weight_columns(compute *a, const weight *w, const linear_part *p, int64_t row,
                           int64_t n) {
  if (w->row_step) {
    int64_t at = p->first * w->row_step + row;
    fill_block(a, w->type, w->data + dtype_size(w->type, at), w->row_step, p->count, n);
    return;
  }
  if (!dtype_has_blocks(w->type)) {
    int64_t at = row * w->cols + p->first;
    fill_block(a, w->type, w->data + dtype_size(w->type, at), w->cols, n, p->count);
    return;
  }
#pragma omp parallel for num_threads(row_threads(&a->rows, n * p->count)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    float *line = a->rows.lines + omp_get_thread_num() * a->rows.line;
    dtype_cut_to_f32(w->type, w->data + dtype_size(w->type, (row + i) * w->cols), p->first, line,
                     p->count);
    operand_set(a, a->block, i, line, p->count);
  }
}

static loci_status multiply_part(compute *a, const row_product *p, loci_err *err) {
  const weight *w = p->w;
  linear_part part = {p->first, p->count, p->y, p->ldy};
  if (!a->block) a->block = malloc(BLOCK_BYTES);
  if (!a->block) return fail_nomem(err, "converting weights");
  if (dtype_has_blocks(w->type)) TRY(compute_lines(a, part.count, err));
  int64_t N = w->rows, step = BLOCK_BYTES / (part.count * (int64_t)dtype_bytes(a->type));
  for (int64_t first = 0; first < N; first += step) {
    int64_t rows = N - first < step ? N - first : step;
    weight_columns(a, w, &part, first, rows);
    product_shape shape = {
        .M = p->n, .N = rows, .K = part.count, .ldy = part.ldy, .backward = w->row_step > 0};
    TRY(multiply(a, shape, p->x, a->block, part.out + first, err));
  }
  return LOCI_OK;
}

/* The processor's products: of a whole weight in place, of a part through a block. */
static loci_status multiply_here(const row_engine *e, const row_product *p, loci_err *err) {
  compute *a = e->own;
  if (p->part) return multiply_part(a, p, err);
  if (few_rows(a, p->w, p->n)) return linear_few(a, p->w, p->y, p->x, p->n, err);
  return linear_rows(a, p->w, p->y, p->x, p->n, err);
}

loci_status linear_part_forward(compute *a, const linear_weights *w, linear_part part,
                                const void *in, int64_t n, loci_err *err) {
  if (n == 0) return LOCI_OK;
  row_product p = {&w->w, true, part.first, part.count, in, part.out, part.ldy, n};
  TRY(a->rows.multiply(&a->rows, &p, err));
  a->flop += 2.0 * (double)n * (double)w->w.rows * (double)part.count;
  return LOCI_OK;
}
