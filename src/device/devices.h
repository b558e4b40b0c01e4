/* What else than the processor a walk may run on: devices by name, and a list of those that are
 * here.  Built without OpenCL (LOCI_OPENCL) there are none (devices_none.c). */
#ifndef LOCI_DEVICE_DEVICES_H
#define LOCI_DEVICE_DEVICES_H

#include "base/arena.h"
#include "tensor/device.h"

typedef struct device_info {
  const char *name;   /* to be opened by: "opencl:0" */
  const char *title;  /* "NVIDIA H200" */
  const char *driver; /* "535.104, OpenCL 3.0 CUDA" */
  int64_t memory;
} device_info;

/* "cpu" or NULL: the processor, *out is NULL; "opencl": the first graphics card, else the first
 * device; "opencl:N": the Nth.  Free with device_close. */
loci_status device_open(const char *name, device **out, loci_err *err);
/* All that are here, in [mem]; none is no failure. */
loci_status devices_list(arena *mem, const device_info **out, int *count, loci_err *err);

#endif
