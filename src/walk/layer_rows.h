/* The rows of a walk's current layer, and where they stand (see streams.h, W2 to W4).  Private to
 * src/walk. */
#ifndef LOCI_WALK_ROWS_H
#define LOCI_WALK_ROWS_H

#include "tensor/attend_list.h"
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

/* The rows of the current layer. */
typedef struct layer_rows {
  row *at;
  int64_t upto[STAGE_COUNT]; /* rows with a stage <= this one */
  int64_t kv_only;           /* last layer: rows after the list that only lend keys and values */
  int64_t *start;            /* per stream: offset into start_row of position from[l] */
  int64_t *start_row;    /* (live rows) index of a live row in q, k, v; >= upto[START]: kv only */
  int64_t *joiner;       /* per stream: first joiner in by_stream, count n + 1 */
  int64_t *by_stream;    /* joiners' indices, ordered by stream, position */
  int64_t *slots;        /* slot of every row of the list */
  int64_t *owners;       /* joiners: the row whose values they take over when they join */
  int64_t *owner_slots;  /* its slot */
  int64_t *normed;       /* where every row's input of the layer stands among those of q, k, v */
  int64_t *start_slots;  /* slot of every row of q, k, v */
  int64_t *start_angles; /* its row of the rope table */
  join *joins;           /* the joiners by stream, position */
  attend_block *blocks;  /* of attention rows */
  row_view *views;       /* what each row sees */
  key_span *masks;       /* of the layer, in the walk's order */
  kv_put *puts;          /* per stream: its rows of k and v */
  int64_t *to, *from;    /* room for a copy's rows */
} layer_rows;

void rows_of_layer(walk *w, int layer);
/* Rows that become live with this layer take over the residual stream of their owners; after the
 * last layer: those that nothing touched, of streams that the last layer touched. */
void inherit_rows(walk *w, int layer);
/* Index of the row that holds (stream s, position) once all joins up to [limit] are done, or -1. */
int64_t row_index(const walk *w, int s, int position, int layer, stage limit);
int64_t slot_of(const walk *w, int s, int position);
/* The residual stream at some slots, or at all of them. */
row_list resid_rows(const walk *w, const int64_t *slots);
/* Slot that holds the residual stream of (stream s, position) at the start of [layer]. */
int64_t owner_slot(const walk *w, int s, int position, int layer);

#endif
