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
  void *sgemm; /* CLBlast's */
} cl_functions;

/* Filled in once, by cl_load. */
extern cl_functions cl_api;
loci_status cl_load(const char *device, loci_err *err);

#endif
