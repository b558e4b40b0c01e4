/* What a walk holds while it runs.  Private to src/walk.
 *
 * streams.c   building: streams, interventions, records (items.h)
 * inherit.c   what children take over from their ancestors' interventions
 * plan.c      births: which rows live at which layer, their slots
 * rows.c      the rows of one layer: live ones, joiners, owners
 * layer.c     one layer: the order of norm, attention, MLP and visits
 * attend.c    attention of all live rows
 * flow.c      contributions of positions to an attention output (flow.h)
 * visit.c     the single place where a site is patched and recorded
 * head.c      final norm and logits
 *
 * Invariants:
 *  W1  a parent has a smaller number than its children, a patch's source than its target.
 *  W2  from[l] never grows with l: a row that differs from the parent's stays different.
 *  W3  rows of a layer are ordered by stage, then stream, then position: the rows that take part in
 *      a step are a prefix of the list.
 *  W4  the slot of a row holds its residual stream; a joiner copies its owner's when it joins. */
#ifndef LOCI_WALK_STREAMS_H
#define LOCI_WALK_STREAMS_H

#include "model/arith.h"
#include "model/rope.h"
#include "tensor/attention.h"
#include "walk/items.h"

/* A row that joins inside the layer. */
typedef struct join {
  int stream, position;
  stage stage;
} join;

typedef struct row {
  int stream, position;
  stage stage;
  int64_t owner; /* joiners: index in the list of the row they were equal to until now */
  int64_t slot;
} row;

/* One stream's keys and values at the current layer; heads are [key_step] floats apart. */
typedef struct stream_kv {
  float *keys, *values;
  int first, count;
  int64_t key_step, value_step;
} stream_kv;

/* The rows of the current layer. */
typedef struct layer_rows {
  row *at;
  int64_t upto[STAGE_COUNT]; /* rows with a stage <= this one */
  int64_t kv_only;           /* last layer: rows behind the list that only lend keys and values */
  int64_t *start;            /* per stream: offset into start_row of position from[l] */
  int64_t *start_row;   /* (live rows) index of a live row in q, k, v; >= upto[START]: kv only */
  int64_t *joiner;      /* per stream: first joiner in by_stream, count n + 1 */
  int64_t *by_stream;   /* joiners' indices, ordered by stream, position */
  int64_t *slots;       /* slot of every row of the list */
  int64_t *start_slots; /* slot of every row of q, k, v */
  int *start_positions; /* its position */
  join *joins;          /* the joiners by stream, position */
  int64_t *block;       /* where each block of attention rows begins */
} layer_rows;

struct walk {
  const loci_model *model;
  const decoder_config *c;
  arena *mem; /* everything below that is not a LIST */
  arith *a;
  int layers;  /* to run: up to the last one anybody asks for */
  int longest; /* positions of the longest stream */
  LIST(stream) streams;
  LIST(embed_item) embeds;
  LIST(patch_item) patches; /* sorted by plan(): layer, site, stream, position */
  LIST(mask_item) masks;    /* sorted: layer, stream, query */
  LIST(record_item) records;
  LIST(want_item) wants;
  LIST(walk_flow) flows;
  flow_room *flow;       /* flow.c's; NULL without flows */
  int64_t *patch_bucket; /* (L * sites + 1) offsets into patches */
  int64_t *mask_bucket;  /* (L + 1) offsets into masks */

  int64_t slots; /* rows of all streams at the end */
  rope_table rope;
  layer_rows rows;
  stream_kv *kv; /* per stream, current layer */
  bool *needed;  /* per start_row entry, last layer: its own result is asked for */

  float *resid;         /* (slots, D) */
  float *delta;         /* (slots, D) attn_out, then mlp_out */
  void *normed;         /* operand (slots, D) */
  void *operand;        /* operand (slots, H K) z; (chunk, D) input of the MLP */
  float *q, *z;         /* (slots, H K) */
  float *k, *v;         /* (slots, Hkv K) */
  float *keys, *values; /* packed, all streams */
  float *scores;        /* per thread */
  float *gate, *up;     /* (chunk, F) */
  void *inner;          /* operand (chunk, F) */
  int64_t chunk;
  int64_t row_count;
};

/* inherit.c, plan.c */
loci_status inherit_interventions(walk *w, loci_err *err);
loci_status walk_plan(walk *w, loci_err *err);

/* rows.c */
void rows_of_layer(walk *w, int layer);
/* Rows that become live with this layer take over the residual stream of their owners; behind the
 * last layer: those that nothing touched, of streams that the last layer touched. */
void inherit_rows(walk *w, int layer);
/* Index of the row that holds (stream s, position) once all joins up to [limit] are done, or -1. */
int64_t row_index(const walk *w, int s, int position, int layer, stage limit);
int64_t slot_of(const walk *w, int s, int position);
/* Slot that holds the residual stream of (stream s, position) at the start of [layer]. */
int64_t owner_slot(const walk *w, int s, int position, int layer);

loci_status walk_layer(walk *w, int layer, const walk_hooks *hooks, loci_err *err);
void attend_layer(walk *w, int layer);
loci_status walk_head(walk *w, const walk_hooks *hooks, loci_err *err);

#endif
