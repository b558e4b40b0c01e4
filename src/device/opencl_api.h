/* OpenCL's loader and CLBlast, taken in when a device is asked for and not when loci starts: where
 * they are not, everything else is as it was, and where they are, nobody waits for them.  Private
 * to src/device. */
#ifndef LOCI_DEVICE_OPENCL_API_H
#define LOCI_DEVICE_OPENCL_API_H

#ifndef CL_TARGET_OPENCL_VERSION /* CLBlast's header has it, too */
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include "base/status.h"

/* clNAME is cl_api.NAME. */
typedef struct cl_functions {
#define FUNCTION(name) __typeof__(cl##name) *(name);
#include "device/opencl.def"
  void *sgemm, *sgemm_room; /* CLBlast's */
} cl_functions;

typedef enum kernel_id {
#define KERNEL(id, name) KERNEL_##id,
#include "device/opencl.def"
  KERNEL_COUNT
} kernel_id;

/* An argument of a kernel. */
typedef struct cl_value {
  size_t bytes;
  const void *at;
} cl_value;
#define VALUE(type, x) ((cl_value){sizeof(type), (const type[]){(type)(x)}})
#define MEM(x) VALUE(cl_mem, x)
#define INT(x) VALUE(cl_int, x)
#define LONG(x) VALUE(cl_long, x)
#define FLOAT(x) VALUE(cl_float, x)
#define LOCAL(n) ((cl_value){(size_t)(n) * sizeof(float), NULL}) /* room that a group shares */

enum { CL_NO_ROOM = 1 }; /* a failure of our own: see buffer_new */
/* Filled in once, by cl_load. */
extern cl_functions cl_api;
loci_status cl_load(const char *device, loci_err *err);

#endif
