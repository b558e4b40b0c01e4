/* Products on a device (see opencl.h): the fence round CLBlast.  A weight of 16 bits is widened
 * just before its product, exactly. */
#include "device/opencl_parts.h"

#include <clblast_c.h>

enum { FEW = 8 }; /* rows that read a weight as it stands */
_Static_assert((int)FEW <= (int)QUERY_ROWS, "the kernel has sums for QUERY_ROWS rows");

/* CLBlast counts numbers in 32 bits; the room that it needs for copies is ours, because its own
 * would last until the product is done, of all products that are enqueued. */
void product_enqueue(cl_engine *e, const cl_product *p) {
  if (e->err.code || p->n == 0 || p->N == 0) return;
  __typeof__(CLBlastSgemmWithTempBuffer) *sgemm = NULL;
  __typeof__(CLBlastSGemmTempBufferSize) *room = NULL;
  *(void **)&sgemm = cl_api.sgemm;
  *(void **)&room = cl_api.sgemm_room;
  size_t end = p->w_at + (p->turned ? p->K : p->N) * p->ldw;
  if (p->x_at + p->n * p->ldx > end) end = p->x_at + p->n * p->ldx;
  if (p->y_at + p->n * p->ldy > end) end = p->y_at + p->n * p->ldy;
  cl_ok(e, end > INT32_MAX ? CL_NO_ROOM : CL_SUCCESS, "a product whose numbers are beyond 2^31");
  const CLBlastTranspose as_is = CLBlastTransposeNo, turn = p->turned ? as_is : CLBlastTransposeYes;
  const CLBlastLayout layout = CLBlastLayoutRowMajor;
  size_t bytes = 0;
  CLBlastStatusCode code = room(layout, as_is, turn, p->n, p->N, p->K, p->x_at, p->ldx, p->w_at,
                                p->ldw, p->y_at, p->ldy, &e->queue, &bytes);
  cl_ok(e, (cl_int)code, "a product");
  cl_mem scratch = bytes > 0 ? slot_room(e, SLOT_SCRATCH, bytes) : NULL;
  cl_event *event = cl_watch(e, "a product");
  if (!event) return;
  code = sgemm(layout, as_is, turn, p->n, p->N, p->K, 1.0F, p->x, p->x_at, p->ldx, p->w, p->w_at,
               p->ldw, 0.0F, p->y, p->y_at, p->ldy, &e->queue, event, scratch);
  cl_ok(e, (cl_int)code, "a product");
}

static void widen(cl_engine *e, cl_mem to, cl_mem from, int64_t first, int64_t n, dtype type) {
  cl_call call = cl_begin(e, KERNEL_WIDEN);
  ARGS(&call, MEM(to), MEM(from), LONG(first), LONG(n), INT(type == DTYPE_F16));
  cl_run(&call, (n + GROUP * 16 - 1) / (GROUP * 16), "widening weights");
}

typedef struct operands {
  cl_mem x, y, w;
  int64_t x_at, y_at, ldy;
} operands;

static bool is_wide(const weight *w) { return w->type == DTYPE_F32 || dtype_has_blocks(w->type); }

static void few(cl_engine *e, const row_product *p, const operands *o) {
  const weight *w = p->w;
  cl_call call = cl_begin(e, KERNEL_DOTS);
  ARGS(&call, MEM(o->y), LONG(o->y_at), LONG(o->ldy), MEM(o->x), LONG(o->x_at), LONG(p->count),
       INT(p->n), MEM(o->w), LONG(p->first), LONG(w->cols), INT(p->count),
       INT(is_wide(w)             ? 32
           : w->type == DTYPE_F16 ? 17
                                  : 16));
  cl_run(&call, w->rows, "a product of few rows");
}

/* So many numbers of [line] fit [bytes]; at least one line, at most all. */
static int64_t fitting(int64_t bytes, int64_t line, int64_t all) {
  int64_t fit = bytes / (line * (int64_t)sizeof(float));
  return fit >= all ? all : fit < 1 ? 1 : fit;
}

/* Some rows of the weight at a time, widened, and some of x, so that copies of either are bounded;
 * a weight that stands as (K, N), whole. */
static void many(cl_engine *e, const row_product *p, const operands *o) {
  const weight *w = p->w;
  bool turned = w->row_step > 0;
  int64_t step = turned ? w->row_step : w->cols;
  int64_t fit = turned ? w->rows : fitting(WIDE_BYTES, step, w->rows);
  int64_t some = fitting(SCRATCH_BYTES, p->count + fit, p->n);
  for (int64_t first = 0; first < w->rows && !e->err.code; first += fit) {
    int64_t n = w->rows - first < fit ? w->rows - first : fit;
    int64_t numbers = turned ? weight_numbers(w) : n * step;
    cl_mem at = o->w;
    if (!is_wide(w)) {
      at = slot_room(e, SLOT_WIDE, (size_t)numbers * sizeof(float));
      widen(e, at, o->w, first * step, numbers, w->type);
    }
    for (int64_t row = 0; row < p->n; row += some) {
      cl_product one = {.x = o->x,
                        .w = at,
                        .y = o->y,
                        .x_at = o->x_at + row * p->count,
                        .w_at = turned ? p->first * step : p->first + (at == o->w) * first * step,
                        .y_at = o->y_at + row * o->ldy + first,
                        .n = p->n - row < some ? p->n - row : some,
                        .N = n,
                        .K = p->count,
                        .ldx = p->count,
                        .ldw = step,
                        .ldy = o->ldy,
                        .turned = turned};
      product_enqueue(e, &one);
    }
  }
}

/* What stands on the host, of what is small, is carried there and back. */
loci_status opencl_multiply(const row_engine *engine, const row_product *p, loci_err *err) {
  cl_engine *e = engine_of(engine);
  operands o = {.ldy = p->ldy};
  bool there = find_region(e->d, p->y, &o.y, &o.y_at);
  if (!find_region(e->d, p->x, &o.x, &o.x_at)) {
    o.x = slot_put(e, SLOT_X, p->x, (size_t)(p->n * p->count) * sizeof(float));
  }
  if (!there) {
    o.ldy = p->w->rows;
    o.y = slot_room(e, SLOT_Y, (size_t)(p->n * o.ldy) * sizeof(float));
  }
  o.w = weight_there(e, p->w);
  if (!e->err.code && p->n <= FEW && !p->w->row_step) {
    few(e, p, &o);
  } else {
    many(e, p, &o);
  }
  weight_done(e, p->w);
  for (int64_t i = 0; !there && !e->err.code && i < p->n; i++) {
    size_t line = (size_t)o.ldy * sizeof(float);
    cl_read(e, o.y, (size_t)i * line, p->y + i * p->ldy, line);
  }
  return cl_told(e, err);
}
