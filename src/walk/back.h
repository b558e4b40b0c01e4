/* The backward pass of a walk.  Private to src/walk.
 *
 * Every stream that gradients are asked of has a loss of its own, so that its rows answer for
 * themselves: from the first position asked for on they are its own (plan.c), and no gradient ever
 * goes to an ancestor.  What the forward pass keeps is the tape: of every such row and layer
 * resid_pre, resid_mid and q, with a norm after a branch what it gave, and of every layer the
 * packed keys and values of all streams.
 *
 * back_plan.c     which rows a loss reaches, and memory for them
 * tape.c          what the forward pass keeps
 * back.c          one layer: the way of walk_layer, backwards
 * back_attend.c   attention
 * head.c          loss and head
 *
 * Invariants:
 *  B1  from[l] of back_stream never grows with l, and is never before the stream's own from[l].
 *
 *  B2  G[slot] is d loss / d resid_post of the layer that is done next; slots go by stream and
 *      position.
 *
 *  B3  [all] lists the rows of a layer by stream and position; [active] those whose own result has
 *      a gradient: all of them, but in the last layer the wanted ones only. */
#ifndef LOCI_WALK_BACK_H
#define LOCI_WALK_BACK_H

#include "walk/grad.h"
#include "walk/cross.h"

/* resid_pre, resid_mid, q; what a branch gave before its norm, where it has one. */
typedef enum tape_kind { TAPE_PRE, TAPE_MID, TAPE_Q, TAPE_ATTN, TAPE_MLP, TAPE_KINDS } tape_kind;

typedef struct back_stream {
  int *from; /* (L+1) first position whose gradient at the start of a layer is needed; end: none */
  int end;   /* after the last wanted position */
  int64_t slot;  /* of position from[L] */
  int64_t start; /* this layer: index in [all] of position from[l] */
} back_stream;

typedef struct tape {
  back_stream *streams;
  int64_t rows;             /* slots */
  float *kept[TAPE_KINDS];  /* (kept layers, rows, width) */
  row *active;              /* of the current layer; slot: in G; owner: index in all */
  int64_t all_count, count; /* rows of all and active */
  int64_t *active_of;       /* per row of all: index in active or -1 */
  int64_t *active_slots, *all_slots;
  int64_t *owners, *active_angles; /* of active: index in all; row of the rope table */
  int64_t *angles;                 /* of all: rows of the rope table */
  bool *wanted;                    /* per slot */
  float *G;                        /* (rows, D) */
  float *x;                        /* (rows, max(D, HK)) kept values of the layer's rows */
  float *dn, *part; /* (rows, D) d loss / d result of a norm; a product's share of it */
  float *through;   /* (rows, max(D, HK)) what a norm passes on, where it is not that of a layer */
  float *dz, *dq;   /* (active, HK) */
  float *dk, *dv;   /* (all, GK) */
  float *inner;     /* (chunk, F) d loss / d mlp_post, then d gate */
  float *scratch;   /* per thread: attention */
  int64_t scratch_floats;
} tape;

/* The first layer the backward pass enters, and how many layers' keys and values are kept: 1
 * without gradients. */
static inline int lowest_layer(const walk *w) {
  int lowest = w->c->layers - 1;
  for (int64_t i = 0; i < w->grads.count; i++) {
    int layer = w->grads.at[i].layer + is_late(w->grads.at[i].site);
    if (layer < lowest) lowest = layer;
  }
  return lowest;
}
static inline int64_t kept_layers(const walk *w) {
  return w->grads.count > 0 ? w->c->layers - lowest_layer(w) : 1;
}
static inline int kept_layer(const walk *w, int layer) {
  int lowest = w->grads.count > 0 ? lowest_layer(w) : layer;
  return layer > lowest ? layer - lowest : 0;
}

loci_status back_plan(walk *w, loci_err *err);
/* Copies the layer's rows out of the walk's matrices; nothing without a tape. */
void tape_keep(walk *w, tape_kind kind, int layer);
static inline int64_t tape_slot(const walk *w, int s, int position) {
  const back_stream *b = &w->tape->streams[s];
  return b->slot + position - b->from[w->c->layers];
}
/* Rows of [kind] that are kept of a layer, by slot. */
row_list tape_rows(const walk *w, tape_kind kind, int layer, const int64_t *slots);

/* back_attend.c: dq, dk, dv of the layer from dz */
void back_attend(walk *w, int layer);
int64_t back_scratch_floats(const walk *w);

/* attend.c */
/* Where every stream's keys and values of a layer stand, and what is masked there. */
void lay_out_kv(walk *w, int layer);
/* The end of the keys that a row sees at most. */
int keys_end(const walk *w, int layer, const row *r);
/* S := attention weights of the rows r, which are of one stream, masks applied. */
void attend_weights(const walk *w, int layer, const row *r, attend_rows *a);

/* head.c: G := gradients of the last layer's results */
loci_status back_head(walk *w, walk_slope_fn slope, void *ctx, loci_err *err);

#endif
