/* Finding the functions of OpenCL and CLBlast (see opencl_api.h). */
#include "device/opencl_api.h"

#include <dlfcn.h>
#include <pthread.h>

cl_functions cl_api;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *missing; /* what is not there; NULL: nothing */

static void *find(const char *name) {
  void *at = dlsym(RTLD_DEFAULT, name);
  if (!at && !missing) missing = name;
  return at;
}

/* By their global names, so that a preloaded library comes first, as for programs that are linked.
 */
static void load(void) {
  if (!dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_GLOBAL)) missing = "libOpenCL.so.1";
  if (!missing && !dlopen("libclblast.so.1", RTLD_NOW | RTLD_GLOBAL)) missing = "libclblast.so.1";
  if (missing) return;
#define FUNCTION(name) *(void **)&cl_api.name = find("cl" #name);
#include "device/opencl.def"
  cl_api.sgemm = find("CLBlastSgemmWithTempBuffer");
  cl_api.sgemm_room = find("CLBlastSGemmTempBufferSize");
}

loci_status cl_load(const char *device, loci_err *err) {
  pthread_once(&once, load);
  if (!missing) return LOCI_OK;
  return fail(err, LOCI_ESYSTEM,
              "device %s: %s is not installed (Debian: ocl-icd-libopencl1 and libclblast1)", device,
              missing);
}
