/* A build without OpenCL (see devices.h): the processor is all there is. */
#include "device/devices.h"

#include <string.h>

loci_status device_open(const char *name, device **out, loci_err *err) {
  *out = NULL;
  if (!name || strcmp(name, "cpu") == 0) return LOCI_OK;
  return fail(
      err, LOCI_EUNSUPPORTED,
      "device %s: this loci was built without OpenCL (-DLOCI_OPENCL=ON, with libclblast-dev "
      "and ocl-icd-opencl-dev), so there is cpu alone",
      name);
}

loci_status devices_list(arena *mem, const device_info **out, int *count, loci_err *err) {
  (void)mem, (void)err;
  *out = NULL;
  *count = 0;
  return LOCI_OK;
}
