/* Devices of OpenCL by name, opening one, and the engine that a walk has of it (see opencl.h). */
#include "device/opencl_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { MOST_DEVICES = 64 };

/* The text of a .cl file, taken into the library by the build (CMakeLists.txt). */
#define TEXT_OF(symbol, file)                                                                      \
  __asm__(".section .rodata\n.hidden " symbol "\n.global " symbol "\n" symbol ":\n.incbin "        \
          "\"" LOCI_CL_DIR "/" file "\"\n.byte 0\n.previous")
TEXT_OF("loci_kernels_cl", "kernels.cl");
TEXT_OF("loci_attention_cl", "attention.cl");
extern const char loci_kernels_cl[] __attribute__((visibility("hidden")));
extern const char loci_attention_cl[] __attribute__((visibility("hidden")));

/* All devices of all platforms, in the order that the drivers are in. */
static int find_devices(cl_device_id out[MOST_DEVICES]) {
  cl_platform_id platforms[16];
  cl_uint n = 0;
  int count = 0;
  if (cl_api.GetPlatformIDs(16, platforms, &n)) return 0; /* -1001: there is no driver */
  for (cl_uint p = 0; p < n && p < 16; p++) {
    cl_uint room = (cl_uint)(MOST_DEVICES - count), there = 0;
    if (room > 0 &&
        !cl_api.GetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, room, out + count, &there))
      count += (int)(there < room ? there : room);
  }
  return count;
}

static void text_of(cl_device_id id, cl_device_info what, char *out, size_t size) {
  out[0] = 0;
  if (cl_api.GetDeviceInfo(id, what, size, out, NULL)) snprintf(out, size, "unknown");
  out[size - 1] = 0;
}

static int64_t bytes_of(cl_device_id id, cl_device_info what) {
  cl_ulong bytes = 0;
  return cl_api.GetDeviceInfo(id, what, sizeof bytes, &bytes, NULL) ? 0 : (int64_t)bytes;
}

static bool is_card(cl_device_id id) {
  cl_device_type type = 0;
  return !cl_api.GetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL) &&
         (type & CL_DEVICE_TYPE_GPU);
}

loci_status devices_list(arena *mem, const device_info **out, int *count, loci_err *err) {
  cl_device_id ids[MOST_DEVICES];
  int n = cl_load("opencl", NULL) ? 0 : find_devices(ids);
  device_info *list = arena_zarray(mem, n, device_info);
  *count = 0;
  *out = list;
  if (!list) return fail_nomem(err, "listing devices");
  for (int i = 0; i < n; i++) {
    char name[32], title[128], driver[96], version[96], both[224];
    text_of(ids[i], CL_DEVICE_NAME, title, sizeof title);
    text_of(ids[i], CL_DRIVER_VERSION, driver, sizeof driver);
    text_of(ids[i], CL_DEVICE_VERSION, version, sizeof version);
    snprintf(name, sizeof name, "opencl:%d", i);
    snprintf(both, sizeof both, "%s, %s", driver, version);
    list[i] = (device_info){arena_strdup(mem, name), arena_strdup(mem, title),
                            arena_strdup(mem, both), bytes_of(ids[i], CL_DEVICE_GLOBAL_MEM_SIZE)};
    if (!list[i].name || !list[i].title || !list[i].driver)
      return fail_nomem(err, "listing devices");
  }
  *count = n;
  return LOCI_OK;
}

static bool is_numbered(const char *name) {
  bool numbered = strncmp(name, "opencl:", 7) == 0 && name[7] && strlen(name) < 12;
  return numbered && strspn(name + 7, "0123456789") == strlen(name + 7);
}

/* "opencl" or "opencl:N" to the number of a device. */
static loci_status choose(const char *name, const cl_device_id *ids, int n, int *out,
                          loci_err *err) {
  bool numbered = is_numbered(name);
  long number = numbered ? strtol(name + 7, NULL, 10) : 0;
  if (n == 0)
    return fail(err, LOCI_ESYSTEM,
                "device %s: no driver of OpenCL is installed, or it finds no device (Debian: a "
                "card's own driver, or pocl-opencl-icd for the processor)",
                name);
  if (number >= n)
    return fail(err, LOCI_ESYSTEM,
                "device %s: there are opencl:0 to opencl:%d (loci info --devices)", name, n - 1);
  *out = (int)number;
  for (int i = n - 1; !numbered && i >= 0; i--) {
    if (is_card(ids[i])) *out = i;
  }
  return LOCI_OK;
}

static loci_status build(opencl *d, loci_err *err) {
  const char *text[] = {loci_kernels_cl, loci_attention_cl};
  char options[320], *log = NULL;
  cl_int code = 0;
  snprintf(options, sizeof options,
           "-cl-std=CL1.2 -DGROUP=%d -DROWS=%d -DACT_SILU=%d -DACT_GELU_TANH=%d -DACT_GELU_ERF=%d "
           "-DACT_QUICK_GELU=%d",
           GROUP, QUERY_ROWS, ACT_SILU, ACT_GELU_TANH, ACT_GELU_ERF, ACT_QUICK_GELU);
  d->program = cl_api.CreateProgramWithSource(d->context, 2, text, NULL, &code);
  if (code) return cl_refuse(err, d->base.name, code, "reading the kernels");
  code = cl_api.BuildProgram(d->program, 1, &d->id, options, NULL, NULL);
  if (!code) return LOCI_OK;
  size_t size = 0;
  cl_api.GetProgramBuildInfo(d->program, d->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
  if (size > 0) log = calloc(size + 1, 1);
  if (log) cl_api.GetProgramBuildInfo(d->program, d->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
  fail(err, LOCI_ESYSTEM,
       "%s: compiling the kernels: OpenCL error %d, %s; the driver's words: %.200s", d->base.name,
       (int)code, cl_word(code), log ? log : "none");
  free(log);
  return LOCI_ESYSTEM;
}

static void close_opencl(device *dev) {
  opencl *d = (opencl *)dev;
  for (int64_t i = 0; i < d->kept_count; i++)
    buffer_free(d, d->kept[i].mem, (size_t)d->kept[i].bytes);
  while (d->region_count > 0) region_free(d, d->regions[0].at);
  if (d->program) cl_api.ReleaseProgram(d->program);
  if (d->context) cl_api.ReleaseContext(d->context);
  for (char *at = d->mirrors, *next; at; at = next) {
    next = *(char **)(void *)at;
    free(at);
  }
  pthread_mutex_destroy(&d->lock);
  pthread_mutex_destroy(&d->sending);
  free(d->regions);
  free(d->kept);
  free(d);
}

static const device_ops opencl_ops = {
    .room = opencl_room,
    .give_back = opencl_give_back,
    .begin = opencl_begin,
    .end = opencl_end,
    .keeps = opencl_keeps,
    .plan = opencl_plan,
    .rate = opencl_rate,
    .close = close_opencl,
};

loci_status device_open(const char *name, device **out, loci_err *err) {
  cl_device_id ids[MOST_DEVICES];
  int number = 0;
  cl_int code = 0;
  *out = NULL;
  if (!name || strcmp(name, "cpu") == 0) return LOCI_OK;
  if (strcmp(name, "opencl") != 0 && !is_numbered(name))
    return fail(err, LOCI_EINVAL, "device \"%.60s\": there are cpu, opencl and opencl:N", name);
  TRY(cl_load(name, err));
  TRY(choose(name, ids, find_devices(ids), &number, err));
  opencl *d = calloc(1, sizeof *d);
  if (!d) return fail_nomem(err, "opening a device");
  char title[128], driver[64];
  d->base.ops = &opencl_ops;
  d->id = ids[number];
  d->piece = bytes_of(d->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  d->most = bytes_of(d->id, CL_DEVICE_GLOBAL_MEM_SIZE) / 10 * 9;
  text_of(d->id, CL_DEVICE_NAME, title, sizeof title);
  text_of(d->id, CL_DRIVER_VERSION, driver, sizeof driver);
  snprintf(d->base.name, sizeof d->base.name, "opencl:%d (%s, %s)", number, title, driver);
  pthread_mutex_init(&d->lock, NULL);
  pthread_mutex_init(&d->sending, NULL);
  d->context = cl_api.CreateContext(NULL, 1, &d->id, NULL, NULL, &code);
  loci_status st = code ? cl_refuse(err, d->base.name, code, "opening it") : build(d, err);
  if (st) {
    close_opencl(&d->base);
    return st;
  }
  *out = &d->base;
  return LOCI_OK;
}

static const char *const kernel_names[KERNEL_COUNT] = {
#define KERNEL(id, name) #name,
#include "device/opencl.def"
};

static void free_engine(cl_engine *e) {
  bool done = cl_await(e);
  passages_free(e);
  pool_drop(e, true);
  free(e->sources);
  for (int i = 0; i < SLOT_COUNT; i++) buffer_free(e->d, e->slots[i].mem, e->slots[i].bytes);
  for (int i = 0; i < KERNEL_COUNT; i++)
    if (e->kernels[i]) cl_api.ReleaseKernel(e->kernels[i]);
  buffer_free(e->d, e->ring, RING_BYTES);
  if (e->queue) cl_api.ReleaseCommandQueue(e->queue);
  pthread_mutex_lock(&e->d->lock);
  if (e->mirror && !done) { /* a device that is lost may still read it: see close_opencl */
    *(char **)(void *)e->mirror = e->d->mirrors;
    e->d->mirrors = e->mirror;
  }
  pthread_mutex_unlock(&e->d->lock);
  if (done) free(e->mirror);
  free(e->fetched);
  free(e);
}

static loci_status engine_new(opencl *d, cl_engine **out, loci_err *err) {
  cl_int code = 0;
  cl_engine *e = calloc(1, sizeof *e);
  *out = NULL;
  if (!e) return fail_nomem(err, "preparing a device");
  e->d = d;
  if (atomic_load(&d->failed))
    fail(&e->err, LOCI_ESYSTEM,
         "%s: what it was asked for before failed there: the model is to be opened anew",
         d->base.name);
  e->mirror = malloc(RING_BYTES);
  if (!e->mirror) cl_ok(e, CL_OUT_OF_HOST_MEMORY, "preparing a device");
  if (!e->err.code) e->queue = cl_api.CreateCommandQueue(d->context, d->id, 0, &code);
  cl_ok(e, code, "making a queue");
  e->ring = engine_buffer(e, RING_BYTES, "making room on the device");
  for (int i = 0; i < KERNEL_COUNT && !e->err.code; i++) {
    e->kernels[i] = cl_api.CreateKernel(d->program, kernel_names[i], &code);
    cl_ok(e, code, kernel_names[i]);
  }
  loci_status st = cl_told(e, err);
  if (st) free_engine(e);
  if (!st) *out = e;
  return st;
}

loci_status opencl_begin(device *dev, row_engine *engine, loci_err *err) {
  cl_engine *e = NULL;
  TRY(engine_new((opencl *)dev, &e, err));
  engine->ops = &rows_opencl;
  engine->multiply = opencl_multiply;
  engine->own = e;
  return LOCI_OK;
}

void opencl_end(row_engine *engine) { free_engine(engine_of(engine)); }

/* Of the second of two products of 1024 x 1024 x 1024: the first compiles. */
loci_status opencl_rate(device *dev, double *out, loci_err *err) {
  enum { SIDE = 1024 };
  cl_engine *e = NULL;
  *out = 0;
  TRY(engine_new((opencl *)dev, &e, err));
  size_t bytes = sizeof(float) * SIDE * SIDE;
  cl_product p = {slot_room(e, SLOT_X, bytes),
                  slot_room(e, SLOT_WIDE, bytes),
                  slot_room(e, SLOT_Y, bytes),
                  0,
                  0,
                  0,
                  SIDE,
                  SIDE,
                  SIDE,
                  SIDE,
                  SIDE,
                  SIDE,
                  false};
  const float one = 1;
  for (int i = 0; i < 2; i++)
    ENQUEUE(e, "clearing a matrix", FillBuffer, e->queue, i ? p.x : p.w, &one, sizeof one, 0, bytes,
            0, NULL);
  for (int i = 0; i < 2; i++) {
    cl_await(e);
    double begin = clock_seconds();
    product_enqueue(e, &p);
    cl_await(e);
    *out = 2.0 * SIDE * SIDE * SIDE / (clock_seconds() - begin);
  }
  loci_status st = cl_told(e, err);
  free_engine(e);
  return st;
}
