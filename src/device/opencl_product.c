/* Products on a device (see opencl.h): the fence round CLBlast.  A weight of 16 bits is widened
 * just before its product, exactly. */
#include "device/opencl_parts.h"

#include <clblast_c.h>

enum { FEW = 8 }; /* rows that read a weight as it stands */
_Static_assert((int)FEW <= (int)QUERY_ROWS, "the kernel has sums for QUERY_ROWS rows");

void product_enqueue(cl_engine *e, const cl_product *p) {
  if (e->err.code || p->n == 0 || p->N == 0) return;
  __typeof__(CLBlastSgemm) *sgemm = NULL;
  *(void **)&sgemm = cl_api.sgemm;
  CLBlastStatusCode code =
      sgemm(CLBlastLayoutRowMajor, CLBlastTransposeNo,
            p->turned ? CLBlastTransposeNo : CLBlastTransposeYes, (size_t)p->n, (size_t)p->N,
            (size_t)p->K, 1.0F, p->x, (size_t)p->x_at, (size_t)p->ldx, p->w, (size_t)p->w_at,
            (size_t)p->ldw, 0.0F, p->y, (size_t)p->y_at, (size_t)p->ldy, &e->queue, NULL);
  cl_ok(e, (cl_int)code, "a product");
}

static void widen(cl_engine *e, cl_mem to, cl_mem from, int64_t first, int64_t n, dtype type) {
  cl_call call = cl_begin(e, KERNEL_WIDEN);
  cl_mem_arg(&call, to);
  cl_mem_arg(&call, from);
  cl_long_arg(&call, first);
  cl_long_arg(&call, n);
  cl_int_arg(&call, type == DTYPE_F16);
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
  cl_mem_arg(&call, o->y);
  cl_long_arg(&call, o->y_at);
  cl_long_arg(&call, o->ldy);
  cl_mem_arg(&call, o->x);
  cl_long_arg(&call, o->x_at);
  cl_long_arg(&call, p->count);
  cl_int_arg(&call, p->n);
  cl_mem_arg(&call, o->w);
  cl_long_arg(&call, p->first);
  cl_long_arg(&call, w->cols);
  cl_int_arg(&call, p->count);
  cl_int_arg(&call, is_wide(w) ? 32 : w->type == DTYPE_F16 ? 17 : 16);
  cl_run(&call, w->rows, "a product of few rows");
}

/* Some rows of the weight at a time, widened; all of them where it is f32. */
static void many(cl_engine *e, const row_product *p, const operands *o) {
  const weight *w = p->w;
  int64_t step = w->row_step ? w->row_step : w->cols, lines = w->row_step ? w->cols : w->rows;
  int64_t fit = WIDE_BYTES / (step * (int64_t)sizeof(float));
  bool whole = is_wide(w) || w->row_step;
  fit = whole || fit >= lines ? lines : fit < 1 ? 1 : fit;
  for (int64_t first = 0; first < lines && !e->err.code; first += fit) {
    int64_t n = lines - first < fit ? lines - first : fit;
    cl_mem at = o->w;
    if (!is_wide(w)) {
      int64_t count = w->row_step ? weight_numbers(w) : n * step;
      at = slot_room(e, SLOT_WIDE, (size_t)count * sizeof(float));
      widen(e, at, o->w, first * step, count, w->type);
    }
    cl_product one = {.x = o->x,
                      .w = at,
                      .y = o->y,
                      .x_at = o->x_at,
                      .w_at = w->row_step ? p->first * step : p->first,
                      .y_at = o->y_at + (w->row_step ? 0 : first),
                      .n = p->n,
                      .N = w->row_step ? w->rows : n,
                      .K = p->count,
                      .ldx = p->count,
                      .ldw = step,
                      .ldy = o->ldy,
                      .turned = w->row_step > 0};
    product_enqueue(e, &one);
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
    cl_int code = cl_api.EnqueueReadBuffer(e->queue, o.y, CL_TRUE, (size_t)i * line, line,
                                           p->y + i * p->ldy, 0, NULL, NULL);
    cl_ok(e, code, "reading from the device");
  }
  if (e->err.code) return fail(err, e->err.code, "%s", e->err.msg);
  return LOCI_OK;
}
