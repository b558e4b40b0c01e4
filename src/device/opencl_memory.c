/* Matrices of a device and their addresses, and what is carried there and back (see opencl.h).
 *
 * What operations need beside matrices, such as numbers of rows, goes through a ring: it is written
 * on the host, sent without waiting, and used by the next kernel; when the ring is full, what was
 * asked for so far is awaited. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "device/opencl_parts.h"

/* ---------------------------------------------------------------- regions */

bool grow(void **at, int64_t count, int64_t *room, size_t size) {
  if (count < *room) return true;
  int64_t bigger = *room ? 2 * *room : 16;
  void *more = realloc(*at, (size_t)bigger * size);
  if (!more) return false;
  *at = more;
  *room = bigger;
  return true;
}

bool find_region(opencl *d, const void *at, cl_mem *mem, int64_t *offset) {
  bool found = false;
  const char *x = at;
  pthread_mutex_lock(&d->lock);
  for (int64_t i = 0; !found && i < d->region_count; i++) {
    const cl_region *r = &d->regions[i];
    found = x >= r->at && x < r->at + r->bytes;
    if (found) *mem = r->mem;
    if (found) *offset = (x - r->at) / (int64_t)sizeof(float);
  }
  pthread_mutex_unlock(&d->lock);
  return found;
}

char *region_new(opencl *d, size_t bytes, cl_int *code) {
  bytes = bytes ? (bytes + 4095) / 4096 * 4096 : 4096;
  char *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  *code = CL_OUT_OF_HOST_MEMORY;
  if (at == MAP_FAILED) return NULL;
  cl_mem mem = cl_api.CreateBuffer(d->context, CL_MEM_READ_WRITE, bytes, NULL, code);
  if (!mem || *code) {
    munmap(at, bytes);
    return NULL;
  }
  pthread_mutex_lock(&d->lock);
  void *list = d->regions;
  bool ok = grow(&list, d->region_count, &d->region_room, sizeof *d->regions);
  d->regions = list;
  if (ok) d->regions[d->region_count++] = (cl_region){at, bytes, mem};
  pthread_mutex_unlock(&d->lock);
  if (ok) return at;
  *code = CL_OUT_OF_HOST_MEMORY;
  cl_api.ReleaseMemObject(mem);
  munmap(at, bytes);
  return NULL;
}

void region_free(opencl *d, const void *at) {
  cl_region r = {0};
  pthread_mutex_lock(&d->lock);
  for (int64_t i = 0; i < d->region_count; i++) {
    if (d->regions[i].at != at) continue;
    r = d->regions[i];
    d->regions[i] = d->regions[--d->region_count];
    break;
  }
  pthread_mutex_unlock(&d->lock);
  if (!r.at) return;
  cl_api.ReleaseMemObject(r.mem);
  munmap(r.at, r.bytes);
}

static cl_int fill_zeros(opencl *d, cl_command_queue queue, const char *at, size_t bytes) {
  cl_mem mem = NULL;
  int64_t off = 0;
  const float none = 0;
  if (bytes == 0) return CL_SUCCESS;
  if (!find_region(d, at, &mem, &off)) return CL_INVALID_MEM_OBJECT;
  return cl_api.EnqueueFillBuffer(queue, mem, &none, sizeof none, 0, bytes / 4 * 4, 0, NULL, NULL);
}

/* Of caches: zeros, by a queue of its own, because no engine is at hand. */
float *opencl_room(device *dev, int64_t floats) {
  opencl *d = (opencl *)dev;
  cl_int code = 0;
  char *at = region_new(d, (size_t)floats * sizeof(float), &code);
  cl_command_queue queue = at ? cl_api.CreateCommandQueue(d->context, d->id, 0, &code) : NULL;
  bool ok =
      queue && !fill_zeros(d, queue, at, (size_t)floats * sizeof(float)) && !cl_api.Finish(queue);
  if (queue) cl_api.ReleaseCommandQueue(queue);
  if (ok || floats == 0) return (float *)(void *)at;
  region_free(d, at);
  return NULL;
}

void opencl_give_back(device *d, float *at) { region_free((opencl *)d, at); }

/* ---------------------------------------------------------------- a walk's matrices */

static bool clear(cl_engine *e, const char *at, size_t bytes) {
  return cl_ok(e, fill_zeros(e->d, e->queue, at, bytes), "clearing a matrix");
}

/* A walk that is cleared asks for the same matrices again. */
void *opencl_matrix(const row_engine *engine, arena *mem, int64_t bytes, bool zeroed) {
  cl_engine *e = engine_of(engine);
  (void)mem;
  if (e->err.code || bytes < 0) return NULL;
  size_t wanted = (size_t)bytes;
  for (int64_t i = 0; i < e->pool_count; i++) {
    if (e->pool[i].used || e->pool[i].bytes < wanted || e->pool[i].bytes / 2 > wanted + 4096)
      continue;
    e->pool[i].used = true;
    return !zeroed || clear(e, e->pool[i].at, wanted) ? e->pool[i].at : NULL;
  }
  void *list = e->pool;
  bool ok = grow(&list, e->pool_count, &e->pool_room, sizeof *e->pool);
  e->pool = list;
  if (!ok) return NULL;
  cl_int code = 0;
  char *at = region_new(e->d, wanted, &code);
  if (!at) { /* what earlier walks left is given up for it */
    for (int64_t i = 0; i < e->pool_count; i++) {
      if (e->pool[i].used) continue;
      region_free(e->d, e->pool[i].at);
      e->pool[i--] = e->pool[--e->pool_count];
    }
    at = region_new(e->d, wanted, &code);
  }
  if (!at) {
    cl_ok(e, code, "making room for a walk");
    return NULL;
  }
  e->pool[e->pool_count].at = at;
  e->pool[e->pool_count].bytes = wanted;
  e->pool[e->pool_count++].used = true;
  return !zeroed || clear(e, at, wanted) ? at : NULL;
}

void opencl_clear(const row_engine *engine) {
  cl_engine *e = engine_of(engine);
  for (int64_t i = 0; i < e->pool_count; i++) e->pool[i].used = false;
}

void pool_free(cl_engine *e) {
  for (int64_t i = 0; i < e->pool_count; i++) region_free(e->d, e->pool[i].at);
  free(e->pool);
}

/* ---------------------------------------------------------------- the ring */

size_t ring_take(cl_engine *e, size_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  if (e->ring_at + bytes > RING_BYTES) {
    cl_ok(e, cl_api.Finish(e->queue), "waiting for the device");
    e->ring_at = 0;
  }
  size_t at = e->ring_at;
  e->ring_at += bytes;
  return at;
}

void ring_send(cl_engine *e, size_t at, size_t bytes) {
  if (e->err.code || bytes == 0) return;
  cl_int code = cl_api.EnqueueWriteBuffer(e->queue, e->ring, CL_FALSE, at, bytes, e->mirror + at, 0,
                                          NULL, NULL);
  cl_ok(e, code, "sending to the device");
}

size_t ring_put(cl_engine *e, const void *from, size_t bytes) {
  size_t at = ring_take(e, bytes);
  memcpy(e->mirror + at, from, bytes);
  ring_send(e, at, bytes);
  return at;
}

cl_mem slot_room(cl_engine *e, slot_id id, size_t bytes) {
  cl_slot *s = &e->slots[id];
  if (e->err.code) return NULL;
  if (bytes <= s->bytes) return s->mem;
  cl_int code = 0;
  if (s->mem) cl_api.ReleaseMemObject(s->mem);
  s->mem = cl_api.CreateBuffer(e->d->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
  s->bytes = s->mem ? bytes : 0;
  cl_ok(e, code, "making room on the device");
  return s->mem;
}

cl_mem slot_put(cl_engine *e, slot_id id, const void *from, size_t bytes) {
  cl_mem mem = slot_room(e, id, bytes ? bytes : 64);
  if (!mem || bytes == 0) return mem;
  cl_int code = cl_api.EnqueueWriteBuffer(e->queue, mem, CL_TRUE, 0, bytes, from, 0, NULL, NULL);
  cl_ok(e, code, "sending to the device");
  return mem;
}

static const char *row_of(row_list l, int64_t i) {
  return (const char *)l.at + (l.index ? l.index[i] : i) * l.stride * (int64_t)sizeof(float);
}

static cl_long send_index(cl_engine *e, const int64_t *index, int64_t n) {
  if (!index) return -1;
  size_t at = ring_take(e, (size_t)n * sizeof(cl_int));
  cl_int *to = (cl_int *)(void *)(e->mirror + at);
  for (int64_t i = 0; i < n; i++) to[i] = (cl_int)index[i];
  ring_send(e, at, (size_t)n * sizeof *to);
  return (cl_long)(at / sizeof *to);
}

bool is_host(cl_engine *e, row_list l) {
  cl_mem mem = NULL;
  int64_t off = 0;
  return l.at && !find_region(e->d, l.at, &mem, &off);
}

static bool view_there(cl_engine *e, row_list l, int64_t first, int64_t n, row_view_cl *out) {
  cl_mem mem = NULL;
  int64_t off = 0;
  if (!find_region(e->d, l.at, &mem, &off)) return false;
  if (!l.index) off += first * l.stride;
  *out = (row_view_cl){mem, off, l.stride, send_index(e, l.index ? l.index + first : NULL, n)};
  return true;
}

row_view_cl view_in(cl_engine *e, row_list l, int64_t first, int64_t n, int64_t width) {
  row_view_cl v = {e->ring, 0, 0, -1};
  if (!l.at || view_there(e, l, first, n, &v)) return v;
  int64_t rows = l.stride == 0 && !l.index ? 1 : n;
  size_t line = (size_t)width * sizeof(float), at = ring_take(e, (size_t)rows * line);
  for (int64_t i = 0; i < rows; i++) {
    memcpy(e->mirror + at + (size_t)i * line, row_of(l, first + i), line);
  }
  ring_send(e, at, (size_t)rows * line);
  return (row_view_cl){e->ring, (cl_long)(at / sizeof(float)), rows == n ? width : 0, -1};
}

row_view_cl view_out(cl_engine *e, row_list l, int64_t first, int64_t n, int64_t width) {
  row_view_cl v = {0};
  if (view_there(e, l, first, n, &v)) return v;
  size_t at = ring_take(e, (size_t)(n * width) * sizeof(float));
  return (row_view_cl){e->ring, (cl_long)(at / sizeof(float)), width, -1};
}

void view_back(cl_engine *e, row_view_cl v, row_list l, int64_t first, int64_t n, int64_t width) {
  size_t at = (size_t)v.off * sizeof(float), line = (size_t)width * sizeof(float);
  if (v.mem != e->ring || e->err.code) return;
  cl_int code = cl_api.EnqueueReadBuffer(e->queue, e->ring, CL_TRUE, at, (size_t)n * line,
                                         e->mirror + at, 0, NULL, NULL);
  if (!cl_ok(e, code, "reading from the device")) return;
  for (int64_t i = 0; i < n; i++) {
    memcpy((char *)(uintptr_t)row_of(l, first + i), e->mirror + at + (size_t)i * line, line);
  }
}

const float *opencl_fetch(const row_engine *engine, const float *at, int64_t n) {
  cl_engine *e = engine_of(engine);
  cl_mem mem = NULL;
  int64_t off = 0;
  if (!find_region(e->d, at, &mem, &off)) return at;
  if (e->err.code) return NULL;
  if (n > e->fetched_size) {
    free(e->fetched);
    e->fetched = malloc((size_t)n * sizeof(float));
    e->fetched_size = e->fetched ? n : 0;
  }
  if (!e->fetched) {
    cl_ok(e, CL_OUT_OF_HOST_MEMORY, "reading from the device");
    return NULL;
  }
  cl_int code = cl_api.EnqueueReadBuffer(e->queue, mem, CL_TRUE, (size_t)off * sizeof(float),
                                         (size_t)n * sizeof(float), e->fetched, 0, NULL, NULL);
  return cl_ok(e, code, "reading from the device") ? e->fetched : NULL;
}
