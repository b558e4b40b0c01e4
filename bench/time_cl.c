/* Preloaded into loci: how long each kernel of OpenCL takes, and what the rest of the run does, to
 * standard error at the end (bench/device.sh).  Every kernel is waited for, so none runs beside
 * another. */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { KERNELS = 256 };
static struct {
  char name[64];
  double seconds;
  long calls;
} kernels[KERNELS];
static double start;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int number_of(const char *name) {
  int i = 0;
  while (i < KERNELS - 1 && kernels[i].name[0] && strcmp(kernels[i].name, name) != 0) i++;
  snprintf(kernels[i].name, sizeof kernels[i].name, "%s", name);
  return i;
}

cl_int clEnqueueNDRangeKernel(cl_command_queue q, cl_kernel k, cl_uint n, const size_t *o,
                              const size_t *g, const size_t *l, cl_uint w, const cl_event *ws,
                              cl_event *e) {
  static __typeof__(clEnqueueNDRangeKernel) *real;
  char name[64] = "";
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clEnqueueNDRangeKernel");
  clGetKernelInfo(k, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL);
  clFinish(q);
  double begin = now();
  cl_int code = real(q, k, n, o, g, l, w, ws, e);
  clFinish(q);
  int i = number_of(name);
  kernels[i].seconds += now() - begin;
  kernels[i].calls++;
  return code;
}

__attribute__((constructor)) static void begin(void) { start = now(); }

/* CLBlast's kernels begin with a capital letter. */
__attribute__((destructor)) static void end(void) {
  double own = 0, products = 0;
  for (int i = 0; kernels[i].name[0]; i++) {
    const char *name = kernels[i].name;
    *(name[0] >= 'A' && name[0] <= 'Z' ? &products : &own) += kernels[i].seconds;
    fprintf(stderr, "%-24s %7ld calls %9.3f s\n", name, kernels[i].calls, kernels[i].seconds);
  }
  fprintf(stderr, "products %.3f s, own kernels %.3f s, the run %.3f s\n", products, own,
          now() - start);
}
