/* Keys, values and attention on a device (see opencl.h and attention.cl).  What rows see is sent
 * once for a layer, with its first jobs. */
#include <stdlib.h>
#include <string.h>

#include "device/opencl_parts.h"

enum { STREAM = 10 };
_Static_assert(sizeof(attend_block) == 24 && sizeof(row_view) == 16, "as attention.cl has them");

static int number_of(cl_engine *e, kv_buffers *b, cl_mem mem) {
  for (int i = 0; i < b->count; i++)
    if (b->at[i] == mem) return i;
  if (b->count == KV_BUFFERS) {
    cl_ok(e, CL_INVALID_VALUE, "attention over more than three buffers of keys");
    return 0;
  }
  b->at[b->count] = mem;
  return b->count++;
}

/* Where keys or values of the host's will be in their slot: those of sources, which few streams
 * differ in. */
static int64_t place_source(cl_engine *e, const float *from, int64_t floats) {
  int64_t n = e->source_count, end = n ? e->sources[n - 1].at + e->sources[n - 1].floats : 0;
  for (int64_t i = n - 1; i >= 0; i--) {
    if (e->sources[i].from == from) return e->sources[i].at;
  }
  void *list = e->sources;
  bool ok = grow(&list, n, &e->source_room, sizeof *e->sources);
  e->sources = list;
  cl_ok(e, ok ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY, "attention");
  if (ok) e->sources[e->source_count++] = (cl_source){from, floats, end};
  return end;
}

static void send_sources(cl_engine *e) {
  if (e->source_count == 0) return;
  const cl_source *last = &e->sources[e->source_count - 1];
  cl_mem mem = slot_room(e, SLOT_SOURCES, (size_t)(last->at + last->floats) * sizeof(float));
  for (const cl_source *s = e->sources; s <= last; s++)
    cl_put(e, mem, (size_t)s->at * sizeof(float), s->from, (size_t)s->floats * sizeof(float));
}

static void place(cl_engine *e, kv_buffers *b, const float *at, int64_t floats, cl_long out[2]) {
  cl_mem mem = NULL;
  int64_t off = 0;
  if (!find_region(e->d, at, &mem, &off)) off = place_source(e, at, floats);
  out[0] = off;
  out[1] = number_of(e, b, mem);
}

/* The table of streams [first, end) goes to its slot; the others' lines are empty. */
static cl_mem send_streams(cl_engine *e, const kv_stream *s, int64_t first, int64_t end, int heads,
                           kv_buffers *keys, kv_buffers *values) {
  cl_long *table = calloc((size_t)end * STREAM + 1, sizeof *table);
  e->source_count = 0;
  if (!table) cl_ok(e, CL_OUT_OF_HOST_MEMORY, "attention");
  for (int64_t i = first; table && i < end; i++) {
    cl_long *t = table + i * STREAM;
    if (s[i].count > 0) {
      place(e, keys, s[i].keys, heads * s[i].key_step, t);
      place(e, values, s[i].values, heads * s[i].value_step, t + 2);
    }
    const cl_long more[] = {s[i].parent, s[i].first,    s[i].count,
                            s[i].room,   s[i].key_step, s[i].value_step};
    memcpy(t + 4, more, sizeof more);
  }
  cl_mem mem = NULL;
  if (table) mem = slot_put(e, SLOT_STREAMS, table, (size_t)end * STREAM * sizeof *table);
  send_sources(e);
  free(table);
  return mem;
}

static void call_buffers(cl_call *c, const kv_buffers *b) {
  for (int i = 0; i < KV_BUFFERS; i++) {
    cl_mem of_sources = c->e->slots[SLOT_SOURCES].mem;
    ARGS(c, MEM(i >= b->count ? c->e->ring : b->at[i] ? b->at[i] : of_sources));
  }
}

static void call_matrix(cl_call *c, const float *at) {
  cl_mem mem = NULL;
  int64_t off = 0;
  if (!find_region(c->e->d, at, &mem, &off)) cl_ok(c->e, CL_INVALID_VALUE, "attention on the host");
  ARGS(c, MEM(mem), LONG(off));
}

void opencl_pack(const row_engine *engine, const kv_pack *p, int64_t first, int64_t end) {
  cl_engine *e = engine_of(engine);
  kv_buffers keys = {.count = 0}, values = {.count = 0};
  int64_t rows = 0, at = 0;
  if (e->err.code) return;
  for (int64_t s = first; s < end; s++) rows += p->puts[s].n;
  cl_int *puts = malloc((size_t)(3 * rows + 1) * sizeof *puts);
  if (!puts) {
    cl_ok(e, CL_OUT_OF_HOST_MEMORY, "attention");
    return;
  }
  for (int64_t s = first; s < end; s++) {
    for (int64_t i = 0; i < p->puts[s].n; i++) {
      puts[at++] = (cl_int)p->puts[s].rows[i];
      puts[at++] = (cl_int)s;
      puts[at++] = (cl_int)(p->puts[s].at + i);
    }
  }
  cl_mem streams = send_streams(e, p->streams, first, end, p->heads, &keys, &values);
  cl_mem table = slot_put(e, SLOT_PUTS, puts, (size_t)at * sizeof *puts);
  free(puts);
  cl_call call = cl_begin(e, KERNEL_PACK);
  call_matrix(&call, p->k);
  call_matrix(&call, p->v);
  call_buffers(&call, &keys);
  call_buffers(&call, &values);
  ARGS(&call, MEM(streams), MEM(table), INT(p->heads), INT(p->K));
  cl_run(&call, rows, "laying out keys and values");
}

/* The weights of all jobs' rows come down, are looked at, and go up again. */
static void look_at(cl_engine *e, const attend_list *l, int64_t from, int64_t to) {
  size_t block = (size_t)(QUERY_ROWS * l->ld), bytes = (size_t)(to - from) * block * sizeof(float);
  float *S = malloc(bytes);
  if (!S) {
    cl_ok(e, CL_OUT_OF_HOST_MEMORY, "looking at attention");
    return;
  }
  cl_mem mem = e->slots[SLOT_SCRATCH].mem;
  bool ok = cl_read(e, mem, 0, S, bytes);
  for (int64_t job = from; ok && job < to; job++) {
    const attend_block *b = &l->blocks[job % l->block_count];
    for (int r = 0; r < b->R; r++) {
      l->look(l->ctx, b->first + r, (int)(job / l->block_count),
              S + (size_t)(job - from) * block + r * l->ld);
    }
  }
  if (ok) cl_put(e, mem, 0, S, bytes);
  free(S);
}

/* What weights and mixing have in common after their keys or values. */
static void call_jobs(cl_call *c, const attend_list *l, int64_t from) {
  const cl_slot *slots = c->e->slots;
  ARGS(c, MEM(slots[SLOT_STREAMS].mem), MEM(slots[SLOT_BLOCKS].mem), LONG(l->block_count),
       LONG(from), MEM(slots[SLOT_SCRATCH].mem), LONG(l->ld), INT(l->group), INT(l->K));
}

static void attend_some(cl_engine *e, const attend_list *l, int64_t from, int64_t to) {
  slot_room(e, SLOT_SCRATCH, (size_t)(to - from) * (size_t)(QUERY_ROWS * l->ld) * sizeof(float));
  cl_call call = cl_begin(e, KERNEL_WEIGH);
  call_matrix(&call, l->q);
  ARGS(&call, INT(l->heads));
  call_buffers(&call, &e->keys);
  call_jobs(&call, l, from);
  attend_rows a = {.scale = l->scale, .K = l->K};
  ARGS(&call, MEM(e->slots[SLOT_VIEWS].mem), MEM(e->slots[SLOT_MASKS].mem), FLOAT(attend_scale(&a)),
       FLOAT(l->cap), LOCAL(QUERY_ROWS * l->K));
  cl_run(&call, to - from, "attention");
  if (l->look) look_at(e, l, from, to);
  call = cl_begin(e, KERNEL_MIX);
  call_matrix(&call, l->z);
  ARGS(&call, INT(l->heads));
  call_buffers(&call, &e->values);
  call_jobs(&call, l, from);
  cl_run(&call, to - from, "attention");
}

void opencl_attend(const row_engine *engine, const attend_list *l, int64_t from, int64_t to) {
  cl_engine *e = engine_of(engine);
  if (e->err.code || from == to) return;
  if (from == 0) {
    e->keys.count = e->values.count = 0;
    send_streams(e, l->streams, 0, l->stream_count, l->heads / l->group, &e->keys, &e->values);
    slot_put(e, SLOT_BLOCKS, l->blocks, (size_t)l->block_count * sizeof *l->blocks);
    slot_put(e, SLOT_VIEWS, l->views, (size_t)l->rows * sizeof *l->views);
    slot_put(e, SLOT_MASKS, l->masks, (size_t)l->mask_count * sizeof *l->masks);
  }
  int64_t some = SCRATCH_BYTES / (QUERY_ROWS * l->ld * (int64_t)sizeof(float)) + 1;
  for (; from < to; from += some) attend_some(e, l, from, from + some < to ? from + some : to);
}
