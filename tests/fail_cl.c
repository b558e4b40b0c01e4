/* Preloaded into loci (tests/device_faults.sh): the LOCI_FAIL_CL-th of the calls below fails, and,
 * with LOCI_LOST_CL, all after it, as of a device that is lost; the LOCI_LATE_CL-th command and
 * all after it are taken and not done, and the event of that one alone says so, beside those of
 * what waits for it; with LOCI_BAD_CL the kernels are no kernels.  What was made and not released
 * is told at the end. */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A device that is lost runs nothing any more and reads no memory of the host: what was enqueued
 * ends before the first call that is refused comes back. */
enum { QUEUES = 64 };
static cl_command_queue queues[QUEUES];

static void drain(void) {
  static cl_int (*finish)(cl_command_queue);
  if (!finish) *(void **)&finish = dlsym(RTLD_NEXT, "clFinish");
  for (int i = 0; i < QUEUES; i++) {
    if (queues[i]) finish(queues[i]);
  }
}

static void swap_queue(cl_command_queue from, cl_command_queue to) {
  int i = 0;
  while (i < QUEUES && queues[i] != from) i++;
  if (i < QUEUES) queues[i] = to;
}

/* Whether the next in a count is the one that the environment names, or [all] after it. */
static bool is_due(const char *variable, long *count, bool all) {
  const char *s = getenv(variable);
  long at = s ? strtol(s, NULL, 10) : 0, n = __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
  return at > 0 && (n == at || (n > at && all));
}

static bool fails(void) {
  static long count;
  static bool drained;
  bool lost = getenv("LOCI_LOST_CL") != NULL, due = is_due("LOCI_FAIL_CL", &count, lost);
  if (due && lost && !drained) drain();
  drained |= due && lost;
  return due;
}

/* Events of commands that were not done.  They are retained, so that no other has their address. */
enum { FAILED = 4096 };
static cl_event failed[FAILED];
static int failed_count;

static bool has_failed(cl_event e) {
  for (int i = 0; i < failed_count; i++) {
    if (failed[i] == e) return true;
  }
  return false;
}

/* Whether a command is left out, by its number or by what it waits for, and says so, [*fails]. */
static bool is_left_out(cl_uint n, const cl_event *waits, bool *fails) {
  static long count, late;
  *fails = is_due("LOCI_LATE_CL", &count, false);
  for (cl_uint i = 0; i < n; i++) *fails |= has_failed(waits[i]);
  if (*fails) __atomic_store_n(&late, 1, __ATOMIC_SEQ_CST);
  return __atomic_load_n(&late, __ATOMIC_SEQ_CST);
}

static cl_int leave_out(cl_command_queue q, cl_event *e, bool fails) {
  static __typeof__(clEnqueueMarkerWithWaitList) *marker;
  if (!marker) *(void **)&marker = dlsym(RTLD_NEXT, "clEnqueueMarkerWithWaitList");
  if (!e) return CL_SUCCESS;
  cl_int code = marker(q, 0, NULL, e);
  if (code || failed_count == FAILED) abort();
  if (!fails) return code;
  clRetainEvent(*e);
  failed[failed_count++] = *e;
  return code;
}

/* LOCI_PIECE_CL: bytes that a buffer has at most. */
cl_int clGetDeviceInfo(cl_device_id d, cl_device_info what, size_t size, void *at, size_t *all) {
  static __typeof__(clGetDeviceInfo) *real;
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clGetDeviceInfo");
  cl_int code = real(d, what, size, at, all);
  const char *s = getenv("LOCI_PIECE_CL");
  if (s && at && what == CL_DEVICE_MAX_MEM_ALLOC_SIZE) *(cl_ulong *)at = strtoul(s, NULL, 10);
  return code;
}

cl_int clGetEventInfo(cl_event e, cl_event_info what, size_t size, void *at, size_t *all) {
  static __typeof__(clGetEventInfo) *real;
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clGetEventInfo");
  cl_int code = real(e, what, size, at, all);
  if (what == CL_EVENT_COMMAND_EXECUTION_STATUS && has_failed(e))
    *(cl_int *)at = CL_MEM_OBJECT_ALLOCATION_FAILURE;
  return code;
}

static long made, released;

__attribute__((destructor)) static void tell(void) {
  if (made != released) fprintf(stderr, "%ld objects of OpenCL are left\n", made - released);
}

/* NOLINTBEGIN(bugprone-macro-parentheses): [types] is a list in parentheses of its own */
#define CODE(name, types, names)                                                                   \
  cl_int name types {                                                                              \
    static cl_int(*real) types;                                                                    \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name);                                          \
    return fails() ? CL_OUT_OF_RESOURCES : real names;                                             \
  }
/* Commands have a queue q, and end in a list to wait for and an event */
#define COMMAND(name, types, names)                                                                \
  cl_int name types {                                                                              \
    static cl_int(*real) types;                                                                    \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name);                                          \
    if (fails()) return CL_OUT_OF_RESOURCES;                                                       \
    bool late, out = is_left_out(w, ws, &late);                                                    \
    cl_int code = out ? leave_out(q, e, late) : real names;                                        \
    if (e && !code) __atomic_add_fetch(&made, 1, __ATOMIC_SEQ_CST);                                \
    return code;                                                                                   \
  }
#define FREED(name, type)                                                                          \
  cl_int name(type x) {                                                                            \
    static cl_int (*real)(type);                                                                   \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name);                                          \
    __atomic_add_fetch(&released, 1, __ATOMIC_SEQ_CST);                                            \
    if (strcmp(#type, "cl_command_queue") == 0) swap_queue((cl_command_queue)x, NULL);             \
    return real(x);                                                                                \
  }
#define MADE(type, name, types, names)                                                             \
  type name types {                                                                                \
    static type(*real) types;                                                                      \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name);                                          \
    if (!fails()) {                                                                                \
      type x = real names;                                                                         \
      if (x) __atomic_add_fetch(&made, 1, __ATOMIC_SEQ_CST);                                       \
      if (strcmp(#type, "cl_command_queue") == 0) swap_queue(NULL, (cl_command_queue)x);           \
      return x;                                                                                    \
    }                                                                                              \
    if (code) *code = CL_OUT_OF_RESOURCES;                                                         \
    return NULL;                                                                                   \
  }
/* NOLINTEND(bugprone-macro-parentheses) */

CODE(clGetPlatformIDs, (cl_uint n, cl_platform_id *p, cl_uint *all), (n, p, all))
CODE(clGetDeviceIDs, (cl_platform_id p, cl_device_type t, cl_uint n, cl_device_id *d, cl_uint *all),
     (p, t, n, d, all))
CODE(clBuildProgram,
     (cl_program p, cl_uint n, const cl_device_id *d, const char *o,
      void(CL_CALLBACK *f)(cl_program, void *), void *c),
     (p, n, d, o, f, c))
CODE(clSetKernelArg, (cl_kernel k, cl_uint i, size_t n, const void *v), (k, i, n, v))
COMMAND(clEnqueueNDRangeKernel,
        (cl_command_queue q, cl_kernel k, cl_uint n, const size_t *o, const size_t *g,
         const size_t *l, cl_uint w, const cl_event *ws, cl_event *e),
        (q, k, n, o, g, l, w, ws, e))
COMMAND(clEnqueueReadBuffer,
        (cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t n, void *p, cl_uint w,
         const cl_event *ws, cl_event *e),
        (q, m, b, o, n, p, w, ws, e))
COMMAND(clEnqueueWriteBuffer,
        (cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t n, const void *p, cl_uint w,
         const cl_event *ws, cl_event *e),
        (q, m, b, o, n, p, w, ws, e))
COMMAND(clEnqueueFillBuffer,
        (cl_command_queue q, cl_mem m, const void *v, size_t s, size_t o, size_t n, cl_uint w,
         const cl_event *ws, cl_event *e),
        (q, m, v, s, o, n, w, ws, e))
COMMAND(clEnqueueMarkerWithWaitList,
        (cl_command_queue q, cl_uint w, const cl_event *ws, cl_event *e), (q, w, ws, e))
COMMAND(clEnqueueBarrierWithWaitList,
        (cl_command_queue q, cl_uint w, const cl_event *ws, cl_event *e), (q, w, ws, e))
CODE(clFlush, (cl_command_queue q), (q))
CODE(clFinish, (cl_command_queue q), (q))
MADE(cl_context, clCreateContext,
     (const cl_context_properties *p, cl_uint n, const cl_device_id *d,
      void(CL_CALLBACK *f)(const char *, const void *, size_t, void *), void *c, cl_int *code),
     (p, n, d, f, c, code))
MADE(cl_command_queue, clCreateCommandQueue,
     (cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *code), (c, d, p, code))
MADE(cl_mem, clCreateBuffer, (cl_context c, cl_mem_flags f, size_t n, void *p, cl_int *code),
     (c, f, n, p, code))
static const char *bad[] = {"kernel void copy(this is none) {"};
MADE(cl_program, clCreateProgramWithSource,
     (cl_context c, cl_uint n, const char **s, const size_t *l, cl_int *code),
     (c, getenv("LOCI_BAD_CL") ? 1 : n, getenv("LOCI_BAD_CL") ? bad : s,
      getenv("LOCI_BAD_CL") ? NULL : l, code))
MADE(cl_kernel, clCreateKernel, (cl_program p, const char *name, cl_int *code), (p, name, code))
FREED(clReleaseContext, cl_context)
FREED(clReleaseCommandQueue, cl_command_queue)
FREED(clReleaseMemObject, cl_mem)
FREED(clReleaseProgram, cl_program)
FREED(clReleaseKernel, cl_kernel)
FREED(clReleaseEvent, cl_event)
