/* What a walk holds while it runs.  Private to src/walk.
 *
 * walk.c      making, running, clearing
 * streams.c   building: streams, interventions, records (items.h)
 * inherit.c   what children take over from their ancestors' interventions
 * plan.c      births: which rows live at which layer, their slots
 * layer_rows.c  the rows of one layer: live ones, joiners, owners
 * layer.c     one layer: the order of norm, attention, MLP and visits
 * attend.c    attention of all live rows
 * cross.c     what a layer that reads sources does otherwise
 * flow.c      contributions of positions to an attention output (flow.h)
 * visit.c     where a site is patched and recorded, but for pattern (attend.c)
 * head.c      final norm and logits
 * back_plan.c, tape.c, back.c, back_attend.c   gradients (back.h); sizes.c  memory (sizes.h)
 *
 * Invariants:
 *  W1  a parent has a smaller number than its children, a patch's source than its target.
 *  W2  from[l] never grows with l: a row that differs from the parent's stays different.
 *  W3  rows of a layer are ordered by stage, then stream, then position: the rows that take part in
 *      a step are a prefix of the list.
 *  W4  the slot of a row holds its residual stream; a joiner copies its owner's when it joins. */
#ifndef LOCI_WALK_STREAMS_H
#define LOCI_WALK_STREAMS_H

#include "checkpoint/reader.h"
#include "model/compute.h"
#include "model/rope.h"
#include "tensor/attend_list.h"
#include "walk/items.h"
#include "walk/layer_rows.h"

/* Rows on their way through final norm and head, some at a time (head.c). */
typedef struct head_room {
  int64_t chunk;
  void *operand;       /* (chunk, D) */
  float *logits;       /* (chunk, V) */
  int64_t *slots;      /* (chunk) of the residual stream */
  float *slopes;       /* backwards: (chunk, V) d loss / d logits */
  float *dnormed;      /* (chunk, D) */
  int64_t *back_slots; /* (chunk) of G */
  int64_t *indices;    /* (chunk) of walk_want */
} head_room;

struct walk {
  const loci_model *model;
  const decoder_config *c;
  arena *mem; /* everything below that is not a LIST */
  compute *a;
  reader *reader;
  int layers;    /* to run: up to the last one anybody asks for */
  int longest;   /* rows that a row sees at most: positions of the longest stream, or sources */
  int64_t apart; /* rows of every layer, and of the head, that other walks have (keep.h) */
  int beside; /* rows of each layer but the last that a run kept from before has already (keep.h) */
  LIST(stream) streams;
  LIST(embed_item) embeds;
  LIST(patch_item) patches;  /* sorted by plan(): layer, site, stream, position */
  LIST(mask_item) masks;     /* sorted: layer, stream, query */
  LIST(record_item) records; /* sorted: layer, site */
  LIST(want_item) wants;
  int64_t kept; /* rows of the residual stream that wants keep: after the others */
  LIST(walk_flow) flows;
  flow_room *flow; /* flow.c's; NULL without flows */
  LIST(grad_item) grads;
  struct tape *tape;      /* what gradients need (back.h); NULL: none are asked for */
  int64_t *patch_bucket;  /* (L * sites + 1) offsets into patches, by site_bucket */
  int64_t *record_bucket; /* the same of records */
  int64_t *mask_bucket;   /* (L + 1) offsets into masks */

  int64_t slots;    /* rows of all streams at the end */
  rope_table rope;  /* angles of all streams (plan.c); those of the same rotation share them */
  rope_table local; /* the same of the layers that slide, where they turn otherwise */
  layer_rows rows;
  kv_stream *kv; /* per stream, current layer */
  bool *needed;  /* per start_row entry, last layer: its own result is asked for */

  float *resid;         /* (slots, D) */
  const float **inputs; /* (slots) each row's input row, where these have more parts; or NULL */
  float *delta;         /* (slots, D) attn_out, then mlp_out */
  void *normed;         /* operand (slots, D) */
  void *operand;        /* operand (slots, H K) z, unless it is f32; (chunk, D) input of the MLP */
  float *q, *z;         /* (slots, H K) */
  float *k, *v;         /* (slots, Hkv K) */
  float *keys, *values; /* packed, all streams; of one layer, or of all that are kept */
  int64_t key_floats, value_floats; /* of a layer */
  float *scores;                    /* per thread */
  float *gate, *up;                 /* (chunk, F) */
  void *inner;                      /* operand (chunk, F); none in f32, where rows are one */
  int64_t chunk, row_count;
  head_room head;
};

static inline int64_t site_bucket(int layer, loci_site site) {
  return (int64_t)layer * LOCI_SITE_COUNT + site;
}

/* inherit.c, plan.c */
loci_status inherit_interventions(walk *w, loci_err *err);
loci_status walk_plan(walk *w, loci_err *err);

loci_status walk_layer(walk *w, int layer, const walk_hooks *hooks, loci_err *err);
loci_status attend_layer(walk *w, int layer, loci_err *err);
bool head_prepare(walk *w); /* memory for the walk's head; false: there is none */
loci_status walk_head(walk *w, const walk_hooks *hooks, loci_err *err);
static inline norm_spec walk_norm(const walk *w) {
  return (norm_spec){.kind = w->c->norm, .eps = w->c->eps, .width = w->c->width};
}
/* Of every head of a row. */
static inline norm_spec head_norm(const walk *w) {
  return (norm_spec){.kind = w->c->norm, .eps = w->c->eps, .width = w->c->head_dim};
}
row_rotation walk_rotation(const walk *w, int layer, const int64_t *angles, int heads);
/* The weights of a layer are there, and those of the [next] one (-1: none) are on the way; and when
 * they are not needed any more. */
void read_layer(walk *w, int layer, int next);
void leave_layer(const walk *w, int layer);
/* Says how far the walk is, and whether it is to go on; between row chunks, too. */
loci_status walk_report(const walk *w, const walk_hooks *hooks, const char *word, double done,
                        loci_err *err);

#endif
