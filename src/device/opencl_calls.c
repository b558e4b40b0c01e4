/* Failures of a device in words, and calls of its kernels (see opencl.h). */
#include <stdio.h>

#include "device/opencl_parts.h"

const char *cl_word(cl_int code) {
  switch (code) {
    case CL_COMPILER_NOT_AVAILABLE: return "the driver has no compiler";
    case CL_MEM_OBJECT_ALLOCATION_FAILURE: return "out of memory on the device";
    case CL_OUT_OF_RESOURCES: return "the device is out of memory or other resources, or is lost";
    case CL_OUT_OF_HOST_MEMORY: return "the host is out of memory";
    case CL_INVALID_BUFFER_SIZE: return "more than the device gives in one piece";
    case CL_BUILD_PROGRAM_FAILURE: return "the driver does not compile it";
    case CL_INVALID_COMMAND_QUEUE: return "the device is lost";
    case CL_NO_ROOM: return "more than may be used there";
    default: return "the driver says no more";
  }
}

static bool is_memory(cl_int code) {
  return code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES ||
         code == CL_OUT_OF_HOST_MEMORY || code == CL_INVALID_BUFFER_SIZE || code == CL_NO_ROOM;
}

loci_status cl_refuse(loci_err *err, const char *name, cl_int code, const char *doing) {
  char number[32] = "";
  if (code != CL_NO_ROOM) snprintf(number, sizeof number, "OpenCL error %d, ", (int)code);
  return fail(err, is_memory(code) ? LOCI_ENOMEM : LOCI_ESYSTEM,
              "%s: %s: %s%s; --device cpu does without%s", name, doing, number, cl_word(code),
              is_memory(code) ? ", and --memory bounds what a walk asks for" : "");
}

bool cl_ok(cl_engine *e, cl_int code, const char *doing) {
  if (code != CL_SUCCESS && !e->err.code) cl_refuse(&e->err, e->d->base.name, code, doing);
  return code == CL_SUCCESS;
}

/* When there is no place left, all are awaited: so what a device has yet to do is bounded. */
cl_event *cl_watch(cl_engine *e, const char *doing) {
  if (e->watched_count == WATCHED) cl_await(e);
  e->watched[e->watched_count].event = NULL;
  e->watched[e->watched_count].doing = doing;
  return e->err.code ? NULL : &e->watched[e->watched_count++].event;
}

/* After a command that failed nobody knows what stands in caches that outlive the walk. */
bool cl_await(cl_engine *e) {
  cl_int code = e->queue ? cl_api.Finish(e->queue) : CL_SUCCESS;
  cl_int more = e->uploads ? cl_api.Finish(e->uploads) : CL_SUCCESS;
  for (int i = 0; i < e->watched_count; i++) {
    cl_int status = CL_COMPLETE;
    if (!e->watched[i].event) continue;
    cl_int asked = cl_api.GetEventInfo(e->watched[i].event, CL_EVENT_COMMAND_EXECUTION_STATUS,
                                       sizeof status, &status, NULL);
    cl_api.ReleaseEvent(e->watched[i].event);
    if (asked || status < 0) atomic_store(&e->d->failed, true);
    cl_ok(e, asked ? asked : status < 0 ? status : CL_SUCCESS, e->watched[i].doing);
  }
  e->watched_count = 0;
  for (int i = 0; i < 2 * DEVICE_ROLES; i++) /* what has ended is not waited for */
    e->passages[i].there = e->passages[i].read = NULL;
  if (code || more) atomic_store(&e->d->failed, true);
  cl_ok(e, code ? code : more, "computing");
  return !code && !more;
}

loci_status cl_told(const cl_engine *e, loci_err *err) {
  return e->err.code ? fail(err, e->err.code, "%s", e->err.msg) : LOCI_OK;
}

loci_status opencl_settle(const row_engine *engine, loci_err *err) {
  cl_engine *e = engine_of(engine);
  if (!e->err.code) cl_await(e);
  return cl_told(e, err);
}

void cl_args(cl_call *c, const cl_value *v, size_t count) {
  for (size_t i = 0; i < count && !c->e->err.code; i++)
    cl_ok(c->e, cl_api.SetKernelArg(c->kernel, c->args++, v[i].bytes, v[i].at), "calling a kernel");
}

void cl_run(cl_call *c, int64_t groups, const char *doing) {
  size_t items = (size_t)groups * GROUP, local = GROUP;
  if (groups > 0)
    ENQUEUE(c->e, doing, NDRangeKernel, c->e->queue, c->kernel, 1, NULL, &items, &local, 0, NULL);
}
