/* A device that walks run on: the processor, or what src/device finds.
 *
 * It keeps what outlives a walk (caches of keys and values, weights) and gives an engine (engine.h)
 * to each walk.  NULL is the processor, whose memory is the host's and whose engine is the one that
 * compute_new makes. */
#ifndef LOCI_TENSOR_DEVICE_H
#define LOCI_TENSOR_DEVICE_H

#include "tensor/rows.h"

typedef struct device device;
typedef struct device_ops {
  float *(*room)(device *d, int64_t floats);
  void (*give_back)(device *d, float *at);
  loci_status (*begin)(device *d, row_engine *e, loci_err *err);
  void (*end)(row_engine *e);
  void (*close)(device *d);
  bool goes_back; /* whether its engine has the operations of gradients */
} device_ops;
struct device {
  const device_ops *ops;
};

/* [count] times so many zeroed numbers; NULL: there is no memory. */
float *device_room(device *d, int64_t count, int64_t floats);
void device_give_back(device *d, float *at);
/* Makes the processor's engine the device's, and ends it. */
loci_status device_begin(device *d, row_engine *e, loci_err *err);
void device_end(device *d, row_engine *e);
void device_close(device *d);
/* Where walks with gradients run: there, or on the processor. */
device *device_back(device *d);

#endif
