/* Weights on a device (see opencl.h).
 *
 * A weight goes up once, as it is stored; blocks of GGUF are widened on the host and stay f32.
 * Where not all layers fit, the first ones stay, and the others' weights come by a queue of their
 * own: when a layer's weight is used, that of the next layer sets out, into the room which the
 * layer before has left. */
#include <stdio.h>
#include <stdlib.h>

#include "device/opencl_parts.h"

int64_t weight_numbers(const weight *w) {
  return w->row_step ? (w->cols - 1) * w->row_step + w->rows : w->rows * w->cols;
}

static int64_t weight_bytes(const weight *w) {
  int64_t n = weight_numbers(w);
  return dtype_has_blocks(w->type) ? n * (int64_t)sizeof(float) : dtype_size(w->type, n);
}

static cl_kept *find_kept(const opencl *d, const weight *w) {
  for (int64_t i = 0; i < d->kept_count; i++) {
    const weight *k = &d->kept[i].w;
    if (k->data == w->data && weight_numbers(k) == weight_numbers(w)) return &d->kept[i];
  }
  return NULL;
}

loci_status opencl_keeps(device *dev, const weight *w, int layer, int role, loci_err *err) {
  opencl *d = (opencl *)dev;
  if (!w->data || find_kept(d, w)) return LOCI_OK;
  void *list = d->kept;
  bool ok = grow(&list, d->kept_count, &d->kept_room, sizeof *d->kept);
  d->kept = list;
  if (!ok) return fail_nomem(err, "opening a device");
  d->kept[d->kept_count++] =
      (cl_kept){.w = *w, .bytes = weight_bytes(w), .layer = layer, .role = role};
  return LOCI_OK;
}

/* Bytes of the weights of a layer; of none: -1. */
static int64_t layer_bytes(const opencl *d, int layer) {
  int64_t sum = 0;
  for (int64_t i = 0; i < d->kept_count; i++) {
    if (d->kept[i].layer == layer) sum += d->kept[i].bytes;
  }
  return sum;
}

/* Of the largest weight of a role. */
static int64_t role_bytes(const opencl *d, int role) {
  int64_t most = 0;
  for (int64_t i = 0; i < d->kept_count; i++) {
    const cl_kept *k = &d->kept[i];
    if (k->layer >= 0 && k->role == role && k->bytes > most) most = k->bytes;
  }
  return most;
}

/* What may be used is at most nine tenths: the rest is the driver's.  Where three quarters of the
 * rest hold all weights, they stay; else half of it is for them. */
loci_status opencl_plan(device *dev, int64_t most, int64_t *left, char text[160], loci_err *err) {
  opencl *d = (opencl *)dev;
  int64_t wide = 0, all = 0, budget = 0, largest = 0, edited = 0;
  int layers = 0, stay = 0;
  if (most > 0 && most < d->most) d->most = most;
  for (int64_t i = 0; i < d->kept_count; i++) {
    const cl_kept *k = &d->kept[i];
    all += k->bytes;
    if (weight_numbers(&k->w) * 4 > wide) wide = weight_numbers(&k->w) * 4;
    if (k->bytes > largest) largest = k->bytes;
    if (k->bytes > edited && k->layer >= 0) edited = k->bytes;
    if (k->layer >= layers) layers = k->layer + 1;
  }
  if (largest > d->piece)
    return fail(err, LOCI_ENOMEM,
                "%s gives %lld MiB in one piece, and a matrix of this model has %lld MiB (--device "
                "cpu)",
                d->base.name, (long long)(d->piece >> 20), (long long)(largest >> 20));
  int64_t room = d->most - RING_BYTES - SCRATCH_BYTES - edited;
  room -= 2 * (wide < WIDE_BYTES ? wide : WIDE_BYTES); /* widened, and in CLBlast's order */
  bool fits = all <= room / 4 * 3;
  for (int r = 0; r < DEVICE_ROLES; r++) budget -= 2 * role_bytes(d, r);
  budget = (fits ? all : room / 2 + budget) - layer_bytes(d, -1);
  if (budget < 0)
    return fail(err, LOCI_ENOMEM,
                "%s: two layers and the head of this model need %lld MiB more than half of what "
                "may be used there (--memory; --device cpu)",
                d->base.name, (long long)((-budget >> 20) + 1));
  for (; stay < layers && layer_bytes(d, stay) <= budget; stay++) budget -= layer_bytes(d, stay);
  for (int64_t i = 0; i < d->kept_count; i++) d->kept[i].streamed = d->kept[i].layer >= stay;
  *left = fits ? room - all : room / 2 + budget;
  /* No matrix has more than a third of a walk, and CLBlast counts its numbers in 32 bits. */
  int64_t matrix = d->piece < 4LL * INT32_MAX ? d->piece : 4LL * INT32_MAX;
  if (*left > 3 * matrix) *left = 3 * matrix;
  snprintf(text, 160, "%d of %d layers stay on the device%s, %lld MiB are left for a walk", stay,
           layers, fits ? "" : " and the others go up for every walk", (long long)(*left >> 20));
  return LOCI_OK;
}

/* Waits, but for what is on its way through and needs no widening. */
static void send(cl_engine *e, const weight *w, cl_mem to, cl_passage *room) {
  size_t bytes = (size_t)weight_bytes(w);
  bool blocks = dtype_has_blocks(w->type);
  float *wide = blocks ? malloc(bytes) : NULL;
  if (blocks && !wide) cl_ok(e, CL_OUT_OF_HOST_MEMORY, "converting weights");
  if (wide) dtype_to_f32(w->type, w->data, wide, weight_numbers(w));
  ENQUEUE(e, "sending weights", WriteBuffer, room ? e->uploads : e->queue, to, blocks, 0, bytes,
          blocks ? (const void *)wide : w->data, room && room->read,
          room && room->read ? &room->read : NULL);
  free(wide);
  if (room && !e->err.code) room->there = cl_last(e);
  if (!room && !e->err.code) cl_await(e);
}

static cl_passage *passage_of(cl_engine *e, const cl_kept *k) {
  return &e->passages[k->layer % 2 * DEVICE_ROLES + k->role];
}

/* The passage of a streamed weight, which is in it or on its way. */
static cl_passage *bring(cl_engine *e, const cl_kept *k) {
  cl_passage *p = passage_of(e, k);
  cl_int code = 0;
  if (p->holds == k || e->err.code) return p;
  if (!e->uploads) e->uploads = cl_api.CreateCommandQueue(e->d->context, e->d->id, 0, &code);
  cl_ok(e, code, "making a queue");
  if (!p->mem)
    p->mem = engine_buffer(e, (size_t)role_bytes(e->d, k->role), "making room for weights");
  if (e->err.code) return p;
  send(e, &k->w, p->mem, p);
  if (!e->err.code) cl_ok(e, cl_api.Flush(e->uploads), "sending weights");
  p->holds = e->err.code ? NULL : k;
  return p;
}

void passages_free(cl_engine *e) {
  for (int i = 0; i < 2 * DEVICE_ROLES; i++) {
    buffer_free(e->d, e->passages[i].mem, (size_t)role_bytes(e->d, i % DEVICE_ROLES));
  }
  if (e->uploads) cl_api.ReleaseCommandQueue(e->uploads);
}

/* One that is not kept, such as an edited one, comes anew for each product.  Threads that share a
 * model ask one after the other. */
cl_mem weight_there(cl_engine *e, const weight *w) {
  opencl *d = e->d;
  cl_kept *kept = find_kept(d, w);
  if (!kept) {
    cl_mem mem = slot_room(e, SLOT_STORED, (size_t)weight_bytes(w));
    send(e, w, mem, NULL);
    return mem;
  }
  if (kept->streamed) {
    const cl_passage *p = bring(e, kept);
    ENQUEUE(e, "sending weights", BarrierWithWaitList, e->queue, p->there != NULL,
            p->there ? &p->there : NULL);
    return p->mem;
  }
  pthread_mutex_lock(&d->sending);
  if (!kept->mem && !e->err.code) {
    cl_mem mem = engine_buffer(e, (size_t)kept->bytes, "making room for weights");
    send(e, w, mem, NULL);
    if (e->err.code) buffer_free(d, mem, (size_t)kept->bytes);
    kept->mem = e->err.code ? NULL : mem;
  }
  pthread_mutex_unlock(&d->sending);
  return kept->mem;
}

/* The same role's weight of the next layer that is streamed, round to the first. */
void weight_done(cl_engine *e, const weight *w) {
  const opencl *d = e->d;
  const cl_kept *k = find_kept(d, w), *next = NULL, *first = k;
  if (!k || !k->streamed || e->err.code) return;
  ENQUEUE(e, "sending weights", MarkerWithWaitList, e->queue, 0, NULL);
  if (e->err.code || !cl_ok(e, cl_api.Flush(e->queue), "sending weights")) return;
  passage_of(e, k)->read = cl_last(e);
  for (int64_t i = 0; i < d->kept_count; i++) {
    const cl_kept *other = &d->kept[i];
    if (!other->streamed || other->role != k->role) continue;
    if (other->layer < first->layer) first = other;
    if (other->layer > k->layer && !next) next = other;
  }
  next = next ? next : first;
  if (next->layer % 2 != k->layer % 2) bring(e, next);
}
