/* Failures of a device in words, and calls of its kernels (see opencl.h). */
#include "device/opencl_parts.h"

const char *cl_word(cl_int code) {
  switch (code) {
    case CL_DEVICE_NOT_FOUND: return "no device";
    case CL_DEVICE_NOT_AVAILABLE: return "the device is not available";
    case CL_COMPILER_NOT_AVAILABLE: return "the driver has no compiler";
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_OUT_OF_RESOURCES: return "the device is out of memory or other resources, or is lost";
    case CL_OUT_OF_HOST_MEMORY: return "the host is out of memory";
    case CL_INVALID_BUFFER_SIZE: return "more than the device gives in one piece";
    case CL_BUILD_PROGRAM_FAILURE: return "the driver does not compile it";
    case CL_INVALID_COMMAND_QUEUE: return "the device is lost";
    default: return "the driver says no more";
  }
}

static bool is_memory(cl_int code) {
  return code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES ||
         code == CL_OUT_OF_HOST_MEMORY || code == CL_INVALID_BUFFER_SIZE;
}

loci_status cl_refuse(loci_err *err, const char *name, cl_int code, const char *doing) {
  return fail(err, is_memory(code) ? LOCI_ENOMEM : LOCI_ESYSTEM,
              "%s: %s: OpenCL error %d, %s; --device cpu does without%s", name, doing, (int)code,
              cl_word(code), is_memory(code) ? ", and --memory bounds what a walk asks for" : "");
}

bool cl_ok(cl_engine *e, cl_int code, const char *doing) {
  if (code != CL_SUCCESS && !e->err.code) cl_refuse(&e->err, e->d->name, code, doing);
  return code == CL_SUCCESS;
}

loci_status opencl_settle(const row_engine *engine, loci_err *err) {
  cl_engine *e = engine_of(engine);
  if (!e->err.code) cl_ok(e, cl_api.Finish(e->queue), "computing");
  return e->err.code ? fail(err, e->err.code, "%s", e->err.msg) : LOCI_OK;
}

cl_call cl_begin(cl_engine *e, kernel_id id) { return (cl_call){e, e->kernels[id], 0}; }

void cl_arg(cl_call *c, const void *value, size_t bytes) {
  if (c->e->err.code) return;
  cl_ok(c->e, cl_api.SetKernelArg(c->kernel, c->args, bytes, value), "calling a kernel");
  c->args++;
}

void cl_view(cl_call *c, row_view_cl v) {
  cl_mem_arg(c, v.mem);
  cl_long_arg(c, v.off);
  cl_long_arg(c, v.stride);
  cl_long_arg(c, v.index);
}

void cl_run(cl_call *c, int64_t groups, const char *doing) {
  size_t items = (size_t)groups * GROUP, local = GROUP;
  if (c->e->err.code || groups == 0) return;
  cl_ok(c->e,
        cl_api.EnqueueNDRangeKernel(c->e->queue, c->kernel, 1, NULL, &items, &local, 0, NULL, NULL),
        doing);
}
