/* Attention of many rows of many streams, as lists: what a walk asks of an engine (engine.h).
 *
 * A stream has keys and values of its own live positions, and before them its parent's.  A job is
 * one head of one block, up to QUERY_ROWS rows of one stream; jobs go head by head, so that a
 * head's keys and values stay in the cache for all rows. */
#ifndef LOCI_TENSOR_ATTEND_LIST_H
#define LOCI_TENSOR_ATTEND_LIST_H

#include "tensor/attention.h"
#include "tensor/rows.h"

enum { QUERY_ROWS = 8 }; /* rows whose attention is computed together */
enum { MAX_DEPTH = 16 }; /* streams on the way from a root down to any other, both included */

/* One stream's keys and values at positions [first, first + count), with room for [room] of them;
 * heads are [key_step], [value_step] floats apart.  What stands before is the parent's (-1: none).
 */
typedef struct kv_stream {
  float *keys, *values;
  int parent, first, count;
  int64_t room, key_step, value_step;
} kv_stream;

/* Rows of k and v that become positions at, at + 1, .. of a stream's storage. */
typedef struct kv_put {
  const int64_t *rows;
  int64_t n, at;
} kv_put;

typedef struct kv_pack {
  const float *k, *v; /* (rows, heads K) */
  int heads, K;
  const kv_stream *streams;
  const kv_put *puts; /* of each stream */
} kv_pack;

/* R rows from [first] on, of one stream; the last of them sees keys before [end]. */
typedef struct attend_block {
  int64_t first;
  int stream, R, end;
} attend_block;

typedef struct key_span {
  int first, count;
} key_span;

/* Which keys a row sees: [first, seen) without the spans [mask, mask_end). */
typedef struct row_view {
  int first, seen;
  int mask, mask_end;
} row_view;

typedef struct attend_list {
  const float *q; /* (rows, heads K) */
  float *z;
  int heads, group, K; /* [group] heads have one of keys and values */
  double scale, cap;   /* attend_rows */
  const kv_stream *streams;
  const attend_block *blocks;
  int64_t block_count, rows, stream_count, mask_count;
  const row_view *views; /* of each row */
  const key_span *masks;
  float *S; /* the processor's: per thread, QUERY_ROWS lines of ld */
  int64_t ld;
  /* Reads and may write the weights of a row and head, before they are used; NULL: nobody looks */
  void (*look)(void *ctx, int64_t row, int head, float *line);
  void *ctx;
} attend_list;

/* Stretches of one head of keys that stream s sees before [end], ascending; returns their count. */
int find_stretches(const kv_stream *streams, int s, int end, int g, kv_stretch *out);
/* The scores of one row, of [all] keys, become weights. */
void attend_line(const kernel_set *k, float *line, const row_view *v, const key_span *masks,
                 int all);

/* The processor's operations. */
void pack_streams(const row_engine *e, const kv_pack *p, int64_t first, int64_t end);
void attend_jobs(const row_engine *e, const attend_list *l, int64_t from, int64_t to);

#endif
