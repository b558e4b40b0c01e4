/* A device of OpenCL, and the engine that a walk has of it.  Private to src/device.
 *
 * opencl.c         which devices there are, opening one
 * opencl_calls.c   failures in words, calls of kernels
 * opencl_memory.c  matrices and their addresses, what is carried there and back
 * opencl_rows.c    operations over lists of rows (kernels.cl)
 * opencl_attend.c  keys, values and attention (attention.cl)
 * opencl_weights.c what of the weights is there, and when
 * opencl_product.c products, by CLBlast
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
  const void *owner; /* an engine; NULL: a cache */
  bool used;         /* by the engine's walk */
} cl_region;
/* A weight that lasts: kept on the device as it is stored, once it was used, or, [streamed],
 * brought there for every walk. */
typedef struct cl_kept {
  weight w;
  int64_t bytes;
  int layer, role;
  bool streamed;
  cl_mem mem; /* NULL: not yet */
} cl_kept;
typedef struct opencl {
  device base;
  cl_device_id id;
  cl_context context;
  cl_program program;
  int64_t piece, most;     /* bytes of one buffer, and that may be used */
  _Atomic int64_t used;    /* of these */
  atomic_bool failed;      /* a command was enqueued, and failed */
  pthread_mutex_t sending; /* of kept weights, one thread at a time */
  pthread_mutex_t lock;    /* of what follows */
  cl_region *regions;
  int64_t region_count, region_room;
  cl_kept *kept;
  int64_t kept_count, kept_room;
  char *mirrors; /* of engines that were lost, each after the address of the next */
} opencl;

/* Buffers that grow with what is asked of them. */
typedef enum slot_id {
  SLOT_WIDE,    /* a weight in f32 */
  SLOT_STORED,  /* a weight that does not last */
  SLOT_X,       /* an operand of the host's */
  SLOT_Y,       /* a result of the host's */
  SLOT_SCRATCH, /* scores of attention, or what a product needs */
  SLOT_STREAMS,
  SLOT_BLOCKS,
  SLOT_VIEWS,
  SLOT_MASKS,
  SLOT_PUTS,
  SLOT_SOURCES, /* keys and values of the host's */
  SLOT_COUNT
} slot_id;

typedef struct cl_slot {
  cl_mem mem;
  size_t bytes;
} cl_slot;
/* Room that the streamed weights of one role and every other layer go through. */
typedef struct cl_passage {
  cl_mem mem;
  const cl_kept *holds;
  cl_event there, read; /* it has come; the last that read it has; NULL: so it is */
} cl_passage;
/* Keys or values of the host's, and where they are in their slot. */
typedef struct cl_source {
  const float *from;
  int64_t floats, at;
} cl_source;
/* The buffers that keys, or values, of a list's streams are in; NULL: the slot of sources. */
enum { KV_BUFFERS = 3, WATCHED = 256 };
typedef struct kv_buffers {
  cl_mem at[KV_BUFFERS];
  int count;
} kv_buffers;
typedef struct cl_engine {
  opencl *d;
  cl_command_queue queue, uploads;
  struct {          /* commands that nobody has asked about yet: how one ends is known later */
    cl_event event; /* NULL: it was not enqueued */
    const char *doing;
  } watched[WATCHED];
  int watched_count;
  cl_passage passages[2 * DEVICE_ROLES]; /* of even layers, of odd ones */
  cl_kernel kernels[KERNEL_COUNT];
  loci_err err; /* the first failure; nothing is done after it */
  char *mirror; /* the host's side of the ring */
  cl_mem ring;
  size_t ring_at;
  cl_slot slots[SLOT_COUNT];
  float *fetched;
  int64_t fetched_size;
  kv_buffers keys, values; /* of the layer's attention */
  cl_source *sources;      /* of one layer */
  int64_t source_count, source_room;
} cl_engine;

enum { RING_BYTES = 32 << 20, GROUP = 64 }; /* GROUP: items of a kernel that share a row */
enum { WIDE_BYTES = 128 << 20 };            /* of a weight in a product, at a time */
enum { SCRATCH_BYTES = 64 << 20 }; /* of attention's scores, or a product's rows, at a time */

#endif
