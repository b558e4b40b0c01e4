/* What else than the processor a walk may run on: devices by name, and a list of those that are
 * here.  Built without OpenCL (LOCI_OPENCL) there are none (devices_none.c). */
#ifndef LOCI_DEVICE_DEVICES_H
#define LOCI_DEVICE_DEVICES_H

#include "base/arena.h"
#include "checkpoint/weights.h"
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
enum { DEVICE_ROLES = 8 }; /* matrices that a layer has at most */
/* A weight that stays what it is while the device is open, so that it may be kept there: of a
 * layer, [role] which of its own, or of none (-1). */
loci_status device_keeps(device *d, const weight *w, int layer, int role, loci_err *err);
/* What of these stays on the device and what goes up layer by layer, in [most] bytes at most (0:
 * what it has); then what is left for walks, and the plan in words. */
loci_status device_plan(device *d, int64_t most, int64_t *left, char text[160], loci_err *err);
const char *device_name(const device *d); /* "opencl:0 (NVIDIA H200)"; "cpu" */

/* All that are here, in [mem]; none is no failure. */
loci_status devices_list(arena *mem, const device_info **out, int *count, loci_err *err);
/* Products of f32 matrices in 1e9 flop a second, measured. */
loci_status device_rate(device *d, double *out, loci_err *err);

#endif
