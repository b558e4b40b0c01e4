/* Keys, values and attention on a device (see opencl.h and attention.cl).  What rows see is sent
 * once for a layer, with its first jobs. */
#include <stdlib.h>
#include <string.h>

#include "device/opencl_parts.h"

enum { STREAM = 10 };

static int number_of(cl_engine *e, kv_buffers *b, cl_mem mem) {
  for (int i = 0; i < b->count; i++) {
    if (b->at[i] == mem) return i;
  }
  if (b->count == KV_BUFFERS) {
    cl_ok(e, CL_INVALID_VALUE, "attention over more than three buffers of keys");
    return 0;
  }
  b->at[b->count] = mem;
  return b->count++;
}

/* Keys or values of the host's are those of sources, which few streams differ in. */
static cl_mem send_sources(cl_engine *e, const float *at, int64_t floats) {
  for (int i = 0; i < 4; i++) {
    if (e->source[i] == at) return e->slots[SLOT_SOURCES + i].mem;
    if (e->source[i]) continue;
    e->source[i] = at;
    return slot_put(e, (slot_id)(SLOT_SOURCES + i), at, (size_t)floats * sizeof *at);
  }
  cl_ok(e, CL_INVALID_VALUE, "cross-attention to more than two pictures");
  return NULL;
}

static void place(cl_engine *e, kv_buffers *b, const float *at, int64_t floats, cl_long out[2]) {
  cl_mem mem = NULL;
  int64_t off = 0;
  if (!find_region(e->d, at, &mem, &off)) mem = send_sources(e, at, floats);
  out[0] = off;
  out[1] = number_of(e, b, mem);
}

/* The table of streams [first, end) goes to its slot; the others' lines are empty. */
static cl_mem send_streams(cl_engine *e, const kv_stream *s, int64_t first, int64_t end, int heads,
                           kv_buffers *keys, kv_buffers *values) {
  cl_long *table = calloc((size_t)end * STREAM + 1, sizeof *table);
  if (!table) cl_ok(e, CL_OUT_OF_HOST_MEMORY, "attention");
  for (int64_t i = first; table && i < end; i++) {
    cl_long *t = table + i * STREAM;
    if (s[i].count > 0) {
      place(e, keys, s[i].keys, heads * s[i].key_step, t);
      place(e, values, s[i].values, heads * s[i].value_step, t + 2);
    }
    t[4] = s[i].parent;
    t[5] = s[i].first;
    t[6] = s[i].count;
    t[7] = s[i].room;
    t[8] = s[i].key_step;
    t[9] = s[i].value_step;
  }
  cl_mem mem = NULL;
  if (table) mem = slot_put(e, SLOT_STREAMS, table, (size_t)end * STREAM * sizeof *table);
  free(table);
  return mem;
}

static void call_buffers(cl_call *c, const kv_buffers *b) {
  for (int i = 0; i < KV_BUFFERS; i++) cl_mem_arg(c, i < b->count ? b->at[i] : c->e->ring);
}

static void call_matrix(cl_call *c, const float *at) {
  cl_mem mem = NULL;
  int64_t off = 0;
  if (!find_region(c->e->d, at, &mem, &off)) cl_ok(c->e, CL_INVALID_VALUE, "attention on the host");
  cl_mem_arg(c, mem);
  cl_long_arg(c, off);
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
  cl_mem_arg(&call, streams);
  cl_mem_arg(&call, table);
  cl_int_arg(&call, p->heads);
  cl_int_arg(&call, p->K);
  cl_run(&call, rows, "laying out keys and values");
}

/* Blocks and what each row sees, as the kernels read them. */
static void send_rows(cl_engine *e, const attend_list *l) {
  int64_t n = l->block_count > l->rows ? l->block_count : l->rows;
  cl_long *table = malloc((size_t)(4 * n + 1) * sizeof *table);
  if (!table) {
    cl_ok(e, CL_OUT_OF_HOST_MEMORY, "attention");
    return;
  }
  for (int64_t i = 0; i < l->block_count; i++) {
    const attend_block *b = &l->blocks[i];
    const cl_long line[4] = {b->first, b->stream, b->R, b->end};
    memcpy(table + 4 * i, line, sizeof line);
  }
  slot_put(e, SLOT_BLOCKS, table, (size_t)(4 * l->block_count) * sizeof *table);
  for (int64_t i = 0; i < l->rows; i++) {
    const row_view *v = &l->views[i];
    const cl_long line[4] = {v->first, v->seen, v->mask, v->mask_end};
    memcpy(table + 4 * i, line, sizeof line);
  }
  slot_put(e, SLOT_VIEWS, table, (size_t)(4 * l->rows) * sizeof *table);
  free(table);
  slot_put(e, SLOT_MASKS, l->masks, (size_t)l->mask_count * sizeof *l->masks);
}

/* The weights of all jobs' rows come down, are looked at, and go up again. */
static void look_at(cl_engine *e, const attend_list *l, int64_t from, int64_t to) {
  size_t block = (size_t)(QUERY_ROWS * l->ld), bytes = (size_t)(to - from) * block * sizeof(float);
  float *S = malloc(bytes);
  if (!S) {
    cl_ok(e, CL_OUT_OF_HOST_MEMORY, "looking at attention");
    return;
  }
  cl_mem mem = e->slots[SLOT_SCORES].mem;
  bool ok = !e->err.code &&
            cl_ok(e, cl_api.EnqueueReadBuffer(e->queue, mem, CL_TRUE, 0, bytes, S, 0, NULL, NULL),
                  "reading from the device");
  for (int64_t job = from; ok && job < to; job++) {
    const attend_block *b = &l->blocks[job % l->block_count];
    for (int r = 0; r < b->R; r++) {
      l->look(l->ctx, b->first + r, (int)(job / l->block_count),
              S + (size_t)(job - from) * block + r * l->ld);
    }
  }
  if (ok) {
    cl_ok(e, cl_api.EnqueueWriteBuffer(e->queue, mem, CL_TRUE, 0, bytes, S, 0, NULL, NULL),
          "sending to the device");
  }
  free(S);
}

/* What weights and mixing have in common after their keys or values. */
static void call_jobs(cl_call *c, const attend_list *l, int64_t from) {
  cl_mem_arg(c, c->e->slots[SLOT_STREAMS].mem);
  cl_mem_arg(c, c->e->slots[SLOT_BLOCKS].mem);
  cl_long_arg(c, l->block_count);
  cl_long_arg(c, from);
  cl_mem_arg(c, c->e->slots[SLOT_SCORES].mem);
  cl_long_arg(c, l->ld);
  cl_int_arg(c, l->group);
  cl_int_arg(c, l->K);
}

static void attend_some(cl_engine *e, const attend_list *l, int64_t from, int64_t to) {
  slot_room(e, SLOT_SCORES, (size_t)(to - from) * (size_t)(QUERY_ROWS * l->ld) * sizeof(float));
  cl_call call = cl_begin(e, KERNEL_WEIGH);
  call_matrix(&call, l->q);
  cl_int_arg(&call, l->heads);
  call_buffers(&call, &e->keys);
  call_jobs(&call, l, from);
  cl_mem_arg(&call, e->slots[SLOT_VIEWS].mem);
  cl_mem_arg(&call, e->slots[SLOT_MASKS].mem);
  attend_rows a = {.scale = l->scale, .K = l->K};
  cl_float_arg(&call, (double)attend_scale(&a));
  cl_float_arg(&call, l->cap);
  cl_arg(&call, NULL, (size_t)(QUERY_ROWS * l->K) * sizeof(float));
  cl_run(&call, to - from, "attention");
  if (l->look) look_at(e, l, from, to);
  call = cl_begin(e, KERNEL_MIX);
  call_matrix(&call, l->z);
  cl_int_arg(&call, l->heads);
  call_buffers(&call, &e->values);
  call_jobs(&call, l, from);
  cl_run(&call, to - from, "attention");
}

void opencl_attend(const row_engine *engine, const attend_list *l, int64_t from, int64_t to) {
  cl_engine *e = engine_of(engine);
  if (e->err.code || from == to) return;
  if (from == 0) {
    e->keys.count = e->values.count = 0;
    memset(e->source, 0, sizeof e->source);
    send_streams(e, l->streams, 0, l->stream_count, l->heads / l->group, &e->keys, &e->values);
    send_rows(e, l);
  }
  int64_t some = SCORE_BYTES / (QUERY_ROWS * l->ld * (int64_t)sizeof(float)) + 1;
  for (; from < to; from += some) attend_some(e, l, from, from + some < to ? from + some : to);
}
