/* Matrix products by oneDNN, versions 2 and 3 (see product.h). */
#include "tensor/product.h"

#include <dnnl.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { KINDS = 256 }; /* compiled products kept; a walk has a few dozen */

typedef struct compiled {
  product_shape shape;
  dnnl_primitive_t primitive;
  dnnl_memory_t x, w, y;
} compiled;

struct product {
  dtype type;
  int threads;
  bool plain;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  int count;
  compiled kinds[KINDS];
};

#define ENGINE_TEXT_(a, b, c) "oneDNN " #a "." #b "." #c
#define ENGINE_TEXT(a, b, c) ENGINE_TEXT_(a, b, c)

const char *product_engine(void) {
  return ENGINE_TEXT(DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH);
}

static loci_status failed(dnnl_status_t s, loci_err *err) {
  if (s == dnnl_out_of_memory) return fail_nomem(err, "preparing a matrix product");
  return fail(err, LOCI_EUNSUPPORTED,
              "%s cannot multiply these matrices on this CPU (its status %d); try --precision f32",
              product_engine(), (int)s);
}

bool product_has_bf16(void) {
#if defined(__x86_64__)
  return dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core_bf16;
#else
  return false;
#endif
}

loci_status product_new(dtype type, int threads, product **out, loci_err *err) {
  *out = NULL;
  product *p = calloc(1, sizeof *p);
  if (!p) return fail_nomem(err, "preparing matrix products");
  p->type = type;
  p->threads = threads;
  const char *kernels = getenv("LOCI_KERNELS");
  p->plain = kernels && strcmp(kernels, "ref") == 0;
  dnnl_status_t s = dnnl_success;
  if (!p->plain) {
    s = dnnl_engine_create(&p->engine, dnnl_cpu, 0);
    if (!s) s = dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags);
  }
  if (s) {
    product_free(p);
    return failed(s, err);
  }
  *out = p;
  return LOCI_OK;
}

static void compiled_clear(compiled *c) {
  if (c->x) dnnl_memory_destroy(c->x);
  if (c->w) dnnl_memory_destroy(c->w);
  if (c->y) dnnl_memory_destroy(c->y);
  if (c->primitive) dnnl_primitive_destroy(c->primitive);
  memset(c, 0, sizeof *c);
}

void product_free(product *p) {
  if (!p) return;
  for (int i = 0; i < p->count; i++) compiled_clear(&p->kinds[i]);
  if (p->stream) dnnl_stream_destroy(p->stream);
  if (p->engine) dnnl_engine_destroy(p->engine);
  free(p);
}

/* ---------------------------------------------------------------- the two versions of the C
 * interface */

#if DNNL_VERSION_MAJOR >= 3

typedef dnnl_memory_desc_t matrix_desc;

static dnnl_status_t describe(matrix_desc *d, int64_t rows, int64_t cols, dnnl_data_type_t type,
                              int64_t row_stride, int64_t col_stride) {
  dnnl_dims_t dims = {rows, cols}, strides = {row_stride, col_stride};
  return dnnl_memory_desc_create_with_strides(d, 2, dims, type, strides);
}

static dnnl_status_t memory_of(dnnl_memory_t *m, matrix_desc d, dnnl_engine_t engine) {
  return dnnl_memory_create(m, d, engine, DNNL_MEMORY_NONE);
}

static dnnl_status_t compile(dnnl_primitive_t *out, dnnl_engine_t engine, matrix_desc x,
                             matrix_desc w, matrix_desc y) {
  dnnl_primitive_desc_t pd;
  dnnl_status_t s = dnnl_matmul_primitive_desc_create(&pd, engine, x, w, NULL, y, NULL);
  if (s) return s;
  s = dnnl_primitive_create(out, pd);
  dnnl_primitive_desc_destroy(pd);
  return s;
}

static void forget(matrix_desc d) { dnnl_memory_desc_destroy(d); }

#else

typedef dnnl_memory_desc_t matrix_desc;

static dnnl_status_t describe(matrix_desc *d, int64_t rows, int64_t cols, dnnl_data_type_t type,
                              int64_t row_stride, int64_t col_stride) {
  dnnl_dims_t dims = {rows, cols}, strides = {row_stride, col_stride};
  return dnnl_memory_desc_init_by_strides(d, 2, dims, type, strides);
}

static dnnl_status_t memory_of(dnnl_memory_t *m, matrix_desc d, dnnl_engine_t engine) {
  return dnnl_memory_create(m, &d, engine, DNNL_MEMORY_NONE);
}

static dnnl_status_t compile(dnnl_primitive_t *out, dnnl_engine_t engine, matrix_desc x,
                             matrix_desc w, matrix_desc y) {
  dnnl_matmul_desc_t d;
  dnnl_status_t s = dnnl_matmul_desc_init(&d, &x, &w, NULL, &y);
  if (s) return s;
  dnnl_primitive_desc_t pd;
  s = dnnl_primitive_desc_create(&pd, &d, NULL, engine, NULL);
  if (s) return s;
  s = dnnl_primitive_create(out, pd);
  dnnl_primitive_desc_destroy(pd);
  return s;
}

static void forget(matrix_desc d) { (void)d; }

#endif

static dnnl_status_t compile_shape(product *p, product_shape s, compiled *c) {
  enum { COMPILING = 32 << 20 }; /* ample: without memory oneDNN ends the program */
  dnnl_data_type_t type = p->type == DTYPE_BF16 ? dnnl_bf16 : dnnl_f32;
  matrix_desc x, w, y;
  if (!memory_is_there(COMPILING)) return dnnl_out_of_memory;
  dnnl_status_t st = describe(&x, s.M, s.K, type, s.K, 1);
  if (st) return st;
  /* W^T: a column of it is a row of W */
  st = s.backward ? describe(&w, s.K, s.N, type, s.N, 1) : describe(&w, s.K, s.N, type, 1, s.K);
  if (!st) {
    st = describe(&y, s.M, s.N, dnnl_f32, s.ldy, 1);
    if (!st) {
      st = compile(&c->primitive, p->engine, x, w, y);
      if (!st) st = memory_of(&c->x, x, p->engine);
      if (!st) st = memory_of(&c->w, w, p->engine);
      if (!st) st = memory_of(&c->y, y, p->engine);
      forget(y);
    }
    forget(w);
  }
  forget(x);
  c->shape = s;
  if (st) compiled_clear(c);
  return st;
}

/* The compiled product of this shape; the oldest makes room when the table is full. */
static dnnl_status_t find(product *p, product_shape s, compiled **out) {
  for (int i = 0; i < p->count; i++) {
    product_shape k = p->kinds[i].shape;
    if (k.M == s.M && k.N == s.N && k.K == s.K && k.ldy == s.ldy && k.backward == s.backward) {
      *out = &p->kinds[i];
      return dnnl_success;
    }
  }
  if (p->count == KINDS) {
    compiled_clear(&p->kinds[0]);
    memmove(p->kinds, p->kinds + 1, (KINDS - 1) * sizeof p->kinds[0]);
    memset(&p->kinds[--p->count], 0, sizeof p->kinds[0]);
  }
  *out = &p->kinds[p->count];
  dnnl_status_t st = compile_shape(p, s, *out);
  if (!st) p->count++;
  return st;
}

/* ---------------------------------------------------------------- running */

static dnnl_status_t multiply(product *p, product_shape s, const void *x, const void *w, float *y) {
  compiled *c;
  dnnl_status_t st = find(p, s, &c);
  /* oneDNN takes non-const pointers but only reads x and w */
  if (!st) st = dnnl_memory_set_data_handle(c->x, (void *)(uintptr_t)x);
  if (!st) st = dnnl_memory_set_data_handle(c->w, (void *)(uintptr_t)w);
  if (!st) st = dnnl_memory_set_data_handle(c->y, y);
  if (st) return st;
  dnnl_exec_arg_t args[3] = {{DNNL_ARG_SRC, c->x}, {DNNL_ARG_WEIGHTS, c->w}, {DNNL_ARG_DST, c->y}};
  st = dnnl_primitive_execute(c->primitive, p->stream, 3, args);
  return st ? st : dnnl_stream_wait(p->stream);
}

loci_status product_run(product *p, product_shape s, const void *x, const void *w, float *y,
                        loci_err *err) {
  if (s.M == 0 || s.N == 0) return LOCI_OK;
  /* oneDNN 3.7 takes a matrix of one column to be dense, whatever its stride */
  if (p->plain || (s.N == 1 && s.ldy > 1)) {
    product_plain(p->type, s, x, w, y);
    return LOCI_OK;
  }
  s.M = product_rows(s.M);
  int before = omp_get_max_threads();
  omp_set_num_threads(p->threads); /* oneDNN asks OpenMP for its count */
  dnnl_status_t st = multiply(p, s, x, w, y);
  omp_set_num_threads(before);
  return st ? failed(st, err) : LOCI_OK;
}
