/* Matrices of a device and their addresses, and what is carried there and back (see opencl.h).
 *
 * What operations need beside matrices, such as numbers of rows, goes through a ring: it is written
 * on the host, sent without waiting, and used by the next kernel; when the ring is full, what was
 * asked for so far is awaited. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "device/opencl_parts.h"

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

cl_mem buffer_new(opencl *d, size_t bytes, cl_int *code) {
  int64_t more = (int64_t)bytes;
  cl_mem mem = NULL;
  *code = CL_INVALID_BUFFER_SIZE;
  if (more < 0 || more > d->piece) return NULL;
  *code = CL_NO_ROOM;
  if (atomic_fetch_add(&d->used, more) + more <= d->most)
    mem = cl_api.CreateBuffer(d->context, CL_MEM_READ_WRITE, bytes, NULL, code);
  if (!mem) atomic_fetch_sub(&d->used, more);
  return mem;
}

void buffer_free(opencl *d, cl_mem mem, size_t bytes) {
  if (!mem) return;
  cl_api.ReleaseMemObject(mem);
  atomic_fetch_sub(&d->used, (int64_t)bytes);
}

cl_mem engine_buffer(cl_engine *e, size_t bytes, const char *doing) {
  cl_int code = 0;
  if (e->err.code) return NULL;
  cl_mem mem = buffer_new(e->d, bytes, &code);
  if (!mem && cl_await(e)) { /* what is given back is free when no command reads it */
    pool_drop(e, false);
    mem = buffer_new(e->d, bytes, &code);
  }
  cl_ok(e, code, doing);
  return mem;
}

/* Addresses for a buffer of whole pages, which is given back where there are none. */
static char *region_new(cl_engine *e, cl_mem mem, size_t bytes, const void *owner) {
  opencl *d = e->d;
  char *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  pthread_mutex_lock(&d->lock);
  void *list = d->regions;
  bool ok = at != MAP_FAILED && grow(&list, d->region_count, &d->region_room, sizeof *d->regions);
  d->regions = list;
  if (ok) d->regions[d->region_count++] = (cl_region){at, bytes, mem, owner, true};
  pthread_mutex_unlock(&d->lock);
  if (ok) return at;
  if (at != MAP_FAILED) munmap(at, bytes);
  buffer_free(d, mem, bytes);
  cl_ok(e, CL_OUT_OF_HOST_MEMORY, "making room for a walk");
  return NULL;
}

static size_t pages_of(size_t bytes) { return bytes ? (bytes + 4095) / 4096 * 4096 : 4096; }

static char *room_new(cl_engine *e, size_t bytes, const void *owner, const char *doing) {
  cl_mem mem = engine_buffer(e, pages_of(bytes), doing);
  return mem ? region_new(e, mem, pages_of(bytes), owner) : NULL;
}

size_t region_free(opencl *d, const void *at) {
  cl_region r = {0};
  pthread_mutex_lock(&d->lock);
  for (int64_t i = 0; i < d->region_count; i++) {
    if (d->regions[i].at != at) continue;
    r = d->regions[i];
    d->regions[i] = d->regions[--d->region_count];
    break;
  }
  pthread_mutex_unlock(&d->lock);
  buffer_free(d, r.mem, r.bytes);
  if (r.at) munmap(r.at, r.bytes);
  return r.bytes;
}

static bool clear(cl_engine *e, const char *at, size_t bytes) {
  cl_mem mem = NULL;
  int64_t off = 0;
  const float none = 0;
  size_t whole = bytes / sizeof none * sizeof none;
  if (whole > 0 && find_region(e->d, at, &mem, &off))
    ENQUEUE(e, "clearing a matrix", FillBuffer, e->queue, mem, &none, sizeof none, 0, whole, 0,
            NULL);
  return !e->err.code;
}

/* Of caches: zeros, by a queue of their own, because no engine is at hand. */
loci_status opencl_room(device *dev, int64_t floats, float **out, loci_err *err) {
  cl_engine e = {.d = (opencl *)dev};
  cl_int code = 0;
  char *at = room_new(&e, (size_t)floats * sizeof(float), NULL, "keeping keys and values");
  if (at) e.queue = cl_api.CreateCommandQueue(e.d->context, e.d->id, 0, &code);
  cl_ok(&e, code, "making a queue");
  if (at && clear(&e, at, (size_t)floats * sizeof(float))) cl_await(&e);
  if (e.queue) cl_api.ReleaseCommandQueue(e.queue);
  if (at) atomic_fetch_add(&dev->held, (int64_t)pages_of((size_t)floats * sizeof(float)));
  if (e.err.code && at) opencl_give_back(dev, (float *)(void *)at);
  *out = e.err.code ? NULL : (float *)(void *)at;
  return cl_told(&e, err);
}

void opencl_give_back(device *d, float *at) {
  atomic_fetch_sub(&d->held, (int64_t)region_free((opencl *)d, at));
}

/* One of the engine's that has so many bytes, and that no walk uses, or [used] any; NULL: none. */
static char *take_room(cl_engine *e, size_t least, size_t most, bool used) {
  char *at = NULL;
  pthread_mutex_lock(&e->d->lock);
  for (int64_t i = 0; !at && i < e->d->region_count; i++) {
    cl_region *r = &e->d->regions[i];
    if (r->owner != e || (r->used && !used) || r->bytes < least || r->bytes > most) continue;
    r->used = true;
    at = r->at;
  }
  pthread_mutex_unlock(&e->d->lock);
  return at;
}

/* A walk that is cleared asks for the same matrices again. */
void *opencl_matrix(const row_engine *engine, arena *mem, int64_t bytes, bool zeroed) {
  cl_engine *e = engine_of(engine);
  size_t wanted = (size_t)bytes;
  (void)mem;
  char *at = take_room(e, wanted, 2 * wanted + 8192, false);
  if (!at) at = room_new(e, wanted, e, "making room for a walk");
  return at && (!zeroed || clear(e, at, wanted)) ? at : NULL;
}

void opencl_clear(const row_engine *engine) {
  opencl *d = engine_of(engine)->d;
  pthread_mutex_lock(&d->lock);
  for (int64_t i = 0; i < d->region_count; i++)
    d->regions[i].used = d->regions[i].used && d->regions[i].owner != engine->own;
  pthread_mutex_unlock(&d->lock);
}

void pool_drop(cl_engine *e, bool used) {
  for (char *at; (at = take_room(e, 0, SIZE_MAX, used));) region_free(e->d, at);
}

static void send(cl_engine *e, cl_mem to, size_t at, const char *from, size_t bytes) {
  if (bytes > 0)
    ENQUEUE(e, "sending to the device", WriteBuffer, e->queue, to, CL_FALSE, at, bytes, from, 0,
            NULL);
}

bool cl_read(cl_engine *e, cl_mem from, size_t at, void *to, size_t bytes) {
  ENQUEUE(e, "reading from the device", ReadBuffer, e->queue, from, CL_TRUE, at, bytes, to, 0,
          NULL);
  if (!e->err.code) cl_await(e);
  return !e->err.code;
}

size_t ring_take(cl_engine *e, size_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  assert(bytes <= RING_BYTES);
  if (e->ring_at + bytes > RING_BYTES) {
    cl_await(e);
    e->ring_at = 0;
  }
  size_t at = e->ring_at;
  e->ring_at += bytes;
  return at;
}

void ring_send(cl_engine *e, size_t at, size_t bytes) {
  send(e, e->ring, at, e->mirror + at, bytes);
}

size_t ring_put(cl_engine *e, const void *from, size_t bytes) {
  size_t at = ring_take(e, bytes);
  memcpy(e->mirror + at, from, bytes);
  ring_send(e, at, bytes);
  return at;
}

void cl_put(cl_engine *e, cl_mem to, size_t at, const void *from, size_t bytes) {
  for (size_t done = 0, some; done < bytes && !e->err.code; done += some) {
    some = bytes - done < RING_BYTES / 4 ? bytes - done : RING_BYTES / 4;
    char *here = e->mirror + ring_take(e, some);
    memcpy(here, (const char *)from + done, some);
    send(e, to, at + done, here, some);
  }
}

cl_mem slot_room(cl_engine *e, slot_id id, size_t bytes) {
  cl_slot *s = &e->slots[id];
  bytes = bytes ? bytes : 64;
  if (bytes <= s->bytes || (s->mem && !cl_await(e))) return s->mem;
  buffer_free(e->d, s->mem, s->bytes);
  *s = (cl_slot){engine_buffer(e, bytes, "making room on the device"), bytes};
  return s->mem;
}

cl_mem slot_put(cl_engine *e, slot_id id, const void *from, size_t bytes) {
  cl_mem mem = slot_room(e, id, bytes);
  cl_put(e, mem, 0, from, bytes);
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
  for (int64_t i = 0; i < rows; i++)
    memcpy(e->mirror + at + (size_t)i * line, row_of(l, first + i), line);
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
  if (v.mem != e->ring || !cl_read(e, e->ring, at, e->mirror + at, (size_t)n * line)) return;
  for (int64_t i = 0; i < n; i++)
    memcpy((char *)(uintptr_t)row_of(l, first + i), e->mirror + at + (size_t)i * line, line);
}

const float *opencl_fetch(const row_engine *engine, const float *at, int64_t n) {
  cl_engine *e = engine_of(engine);
  cl_mem mem = NULL;
  int64_t off = 0;
  if (!find_region(e->d, at, &mem, &off)) return at;
  if (n > e->fetched_size) {
    free(e->fetched);
    e->fetched = malloc((size_t)n * sizeof(float));
    e->fetched_size = e->fetched ? n : 0;
  }
  if (!e->fetched) cl_ok(e, CL_OUT_OF_HOST_MEMORY, "reading from the device");
  bool ok = cl_read(e, mem, (size_t)off * sizeof(float), e->fetched, (size_t)n * sizeof(float));
  return ok ? e->fetched : NULL;
}
