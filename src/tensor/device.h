/* A device that walks run on: the processor, or what src/device finds.
 *
 * It keeps what outlives a walk (caches of keys and values, weights) and gives an engine (engine.h)
 * to each walk.  NULL is the processor, whose memory is the host's and whose engine is the one that
 * compute_new makes. */
#ifndef LOCI_TENSOR_DEVICE_H
#define LOCI_TENSOR_DEVICE_H

#include <stdatomic.h>

#include "tensor/rows.h"

typedef struct device device;
typedef struct device_ops {
  loci_status (*room)(device *d, int64_t floats, float **out, loci_err *err);
  void (*give_back)(device *d, float *at);
  loci_status (*begin)(device *d, row_engine *e, loci_err *err);
  void (*end)(row_engine *e);
  loci_status (*keeps)(device *d, const struct weight *w, int layer, int role, loci_err *err);
  loci_status (*plan)(device *d, int64_t most, int64_t *left, char text[160], loci_err *err);
  loci_status (*rate)(device *d, double *out, loci_err *err);
  void (*close)(device *d);
  bool goes_back; /* whether its engine has the operations of gradients */
} device_ops;
struct device {
  const device_ops *ops;
  char name[224];
  _Atomic int64_t held; /* bytes of all rooms, which walks do without */
};

/* [count] times so many zeroed numbers. */
loci_status device_room(device *d, int64_t count, int64_t floats, float **out, loci_err *err);
/* Bytes of all that are on a device; of the processor's, 0. */
int64_t device_held(const device *d);
void device_give_back(device *d, float *at);
enum { DEVICE_ROLES = 8 }; /* matrices that a layer has at most */
/* A weight that stays what it is while the device is open, so that it may be kept there: of a
 * layer, [role] which of its own, or of none (-1). */
loci_status device_keeps(device *d, const struct weight *w, int layer, int role, loci_err *err);
/* What of these stays on the device and what goes up layer by layer, in [most] bytes at most (0:
 * what it has); then what is left for walks, and the plan in words. */
loci_status device_plan(device *d, int64_t most, int64_t *left, char text[160], loci_err *err);
/* Products of f32 matrices in flop a second, measured. */
loci_status device_rate(device *d, double *out, loci_err *err);
const char *device_name(const device *d); /* "opencl:0 (NVIDIA H200, 535.104)"; "cpu" */
/* Makes the processor's engine the device's, and ends it. */
loci_status device_begin(device *d, row_engine *e, loci_err *err);
void device_end(device *d, row_engine *e);
void device_close(device *d);
/* Where walks with gradients run: there, or on the processor. */
device *device_back(device *d);

#endif
