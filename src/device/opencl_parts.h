/* What the operations of an engine are made of: matrices by address, what is carried to the device
 * and back, and calls of kernels.  Private to src/device. */
#ifndef LOCI_DEVICE_OPENCL_PARTS_H
#define LOCI_DEVICE_OPENCL_PARTS_H

#include "device/opencl.h"

static inline cl_engine *engine_of(const row_engine *e) { return e->own; }
/* Whether all went well so far; keeps the first failure. */
bool cl_ok(cl_engine *e, cl_int code, const char *doing);
const char *cl_word(cl_int code);
/* The same without an engine. */
loci_status cl_refuse(loci_err *err, const char *name, cl_int code, const char *doing);

/* Where the event of the command goes that is enqueued next: by it a failure is seen that comes
 * after the command was taken.  NULL: something failed before. */
cl_event *cl_watch(cl_engine *e, const char *doing);
static inline cl_event cl_last(const cl_engine *e) {
  return e->watched[e->watched_count - 1].event;
}
#define ENQUEUE(e, doing, name, ...)                                                               \
  do {                                                                                             \
    cl_event *event_ = cl_watch(e, doing);                                                         \
    if (event_) cl_ok(e, cl_api.Enqueue##name(__VA_ARGS__, event_), doing);                        \
  } while (0)
/* Waits for all that was enqueued and asks how each ended; false: there is no waiting. */
bool cl_await(cl_engine *e);
/* The first failure, if there was one. */
loci_status cl_told(const cl_engine *e, loci_err *err);

/* Room on the device, as long as all there is stays within what may be used (CL_NO_ROOM). */
cl_mem buffer_new(opencl *d, size_t bytes, cl_int *code);
void buffer_free(opencl *d, cl_mem mem, size_t bytes);
/* The same for an engine, which gives up for it what earlier walks left; NULL: it failed. */
cl_mem engine_buffer(cl_engine *e, size_t bytes, const char *doing);
/* Where an address is: false: it is the host's. */
bool find_region(opencl *d, const void *at, cl_mem *mem, int64_t *offset);
/* Room for one more in a list. */
bool grow(void **at, int64_t count, int64_t *room, size_t size);
size_t region_free(opencl *d, const void *at); /* its bytes */
loci_status opencl_room(device *d, int64_t floats, float **out, loci_err *err);
void opencl_give_back(device *d, float *at);

/* To the host, awaited. */
bool cl_read(cl_engine *e, cl_mem from, size_t at, void *to, size_t bytes);
/* Room in the ring, at a multiple of 64 bytes; [bytes] fit it several times. */
size_t ring_take(cl_engine *e, size_t bytes);
/* What was written in the mirror goes to the ring. */
void ring_send(cl_engine *e, size_t at, size_t bytes);
size_t ring_put(cl_engine *e, const void *from, size_t bytes);
cl_mem slot_room(cl_engine *e, slot_id id, size_t bytes);
cl_mem slot_put(cl_engine *e, slot_id id, const void *from, size_t bytes);
/* From the host, which may go on. */
void cl_put(cl_engine *e, cl_mem to, size_t at, const void *from, size_t bytes);

/* Rows as a kernel sees them: in [mem] from number [off] on, of those that the ring's numbers from
 * [index] on name, or all (-1). */
typedef struct row_view_cl {
  cl_mem mem;
  cl_long off, stride, index;
} row_view_cl;
/* Rows [first, first + n) of a list, carried there if they are the host's. */
row_view_cl view_in(cl_engine *e, row_list l, int64_t first, int64_t n, int64_t width);
/* The same to be written; of the host's, in the ring until view_back. */
row_view_cl view_out(cl_engine *e, row_list l, int64_t first, int64_t n, int64_t width);
void view_back(cl_engine *e, row_view_cl v, row_list l, int64_t first, int64_t n, int64_t width);
bool is_host(cl_engine *e, row_list l);

void *opencl_matrix(const row_engine *e, arena *mem, int64_t bytes, bool zeroed);
void opencl_clear(const row_engine *e);
const float *opencl_fetch(const row_engine *e, const float *at, int64_t n);
/* Gives up the engine's matrices that its walk does not use, or all. */
void pool_drop(cl_engine *e, bool used);

typedef struct cl_call {
  cl_engine *e;
  cl_kernel kernel;
  cl_uint args;
} cl_call;
static inline cl_call cl_begin(cl_engine *e, kernel_id k) { return (cl_call){e, e->kernels[k], 0}; }
/* The arguments of a kernel that come next. */
void cl_args(cl_call *c, const cl_value *values, size_t count);
#define ARGS(c, ...)                                                                               \
  cl_args(c, (const cl_value[]){__VA_ARGS__},                                                      \
          sizeof((const cl_value[]){__VA_ARGS__}) / sizeof(cl_value))
/* [groups] groups of GROUP items. */
void cl_run(cl_call *c, int64_t groups, const char *doing);

extern const row_ops rows_opencl;
void opencl_pack(const row_engine *e, const kv_pack *p, int64_t first, int64_t end);
void opencl_attend(const row_engine *e, const attend_list *l, int64_t from, int64_t to);
/* Numbers of a weight as it stands, from its first to its last. */
int64_t weight_numbers(const weight *w);
/* Where a weight is when what is enqueued next begins; and that it was read by what is so far. */
cl_mem weight_there(cl_engine *e, const weight *w);
void weight_done(cl_engine *e, const weight *w);
void passages_free(cl_engine *e);
loci_status opencl_multiply(const row_engine *e, const row_product *p, loci_err *err);
loci_status opencl_settle(const row_engine *e, loci_err *err);
loci_status opencl_keeps(device *d, const weight *w, int layer, int role, loci_err *err);
loci_status opencl_plan(device *d, int64_t most, int64_t *left, char text[160], loci_err *err);
loci_status opencl_rate(device *d, double *out, loci_err *err);
loci_status opencl_begin(device *d, row_engine *e, loci_err *err);
void opencl_end(row_engine *e);
/* CLBlast's products: y (n, N) = x (n, K) w^T, or w as (K, N). */
typedef struct cl_product {
  cl_mem x, w, y;
  size_t x_at, w_at, y_at, n, N, K, ldx, ldw, ldy;
  bool turned; /* w stands as (K, N) */
} cl_product;
void product_enqueue(cl_engine *e, const cl_product *p);

#endif
