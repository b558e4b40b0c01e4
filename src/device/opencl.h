/* A device of OpenCL, and the engine that a walk has of it.  Private to src/device.
 *
 * opencl.c         which devices there are, opening one
 * opencl_calls.c   failures in words, calls of kernels
 * opencl_memory.c  matrices and their addresses, what is carried there and back
 * opencl_rows.c    operations over lists of rows (kernels.cl)
 * opencl_attend.c  keys, values and attention (attention.cl)
 * opencl_product.c weights and products, by CLBlast
 *
 * A matrix of the device has an address of the host that nobody may read or write: a range of
 * pages without any right.  So addresses are counted with as everywhere else, and a step that
 * forgets whose matrix it has ends at once instead of giving wrong numbers. */
#ifndef LOCI_DEVICE_OPENCL_H
#define LOCI_DEVICE_OPENCL_H

#include <pthread.h>

#include "checkpoint/weights.h"
#include "device/devices.h"
#include "device/opencl_api.h"
#include "tensor/attend_list.h"

typedef struct cl_region {
  char *at; /* addresses */
  size_t bytes;
  cl_mem mem;
} cl_region;
/* A weight that is kept on the device as it is stored, once it was used. */
typedef struct cl_kept {
  const void *data;
  int64_t numbers;
  cl_mem mem; /* NULL: it was not */
} cl_kept;
typedef struct opencl {
  device base;
  cl_device_id id;
  cl_context context;
  cl_program program;
  char name[192];
  int64_t memory;
  pthread_mutex_t lock; /* of what follows */
  cl_region *regions;
  int64_t region_count, region_room;
  cl_kept *kept;
  int64_t kept_count, kept_room;
  int64_t kept_bytes; /* of all, used or not */
} opencl;

typedef enum kernel_id {
  KERNEL_COPY,
  KERNEL_ADD,
  KERNEL_ZERO,
  KERNEL_NORM,
  KERNEL_TURN,
  KERNEL_GATE,
  KERNEL_CAP,
  KERNEL_SCALE,
  KERNEL_UNPERMUTE,
  KERNEL_WIDEN,
  KERNEL_DOTS,
  KERNEL_PACK,
  KERNEL_WEIGH,
  KERNEL_MIX,
  KERNEL_COUNT
} kernel_id;

/* Buffers that grow with what is asked of them. */
typedef enum slot_id {
  SLOT_WIDE,   /* a weight in f32 */
  SLOT_STORED, /* a weight that does not last */
  SLOT_X,      /* an operand of the host's */
  SLOT_Y,      /* a result of the host's */
  SLOT_SCORES,
  SLOT_STREAMS,
  SLOT_BLOCKS,
  SLOT_VIEWS,
  SLOT_MASKS,
  SLOT_PUTS,
  SLOT_SOURCES, /* keys and values of the host's: four of them */
  SLOT_COUNT = SLOT_SOURCES + 4
} slot_id;

typedef struct cl_slot {
  cl_mem mem;
  size_t bytes;
} cl_slot;
typedef struct cl_engine {
  opencl *d;
  cl_command_queue queue;
  cl_kernel kernels[KERNEL_COUNT];
  loci_err err; /* the first failure; nothing is done after it */
  char *mirror; /* the host's side of the ring */
  cl_mem ring;
  size_t ring_at;
  cl_slot slots[SLOT_COUNT];
  struct pool_room {
    char *at;
    size_t bytes;
    bool used;
  } * pool;
  int64_t pool_count, pool_room;
  float *fetched;
  int64_t fetched_size;
  const void *source[4]; /* what the slots of sources hold; of one layer */
} cl_engine;

enum { RING_BYTES = 32 << 20, GROUP = 64 }; /* GROUP: items of a kernel that share a row */

static inline cl_engine *engine_of(const row_engine *e) { return e->own; }
/* Whether all went well so far; keeps the first failure. */
bool cl_ok(cl_engine *e, cl_int code, const char *doing);
const char *cl_word(cl_int code);
/* The same without an engine. */
loci_status cl_refuse(loci_err *err, const char *name, cl_int code, const char *doing);

#endif
