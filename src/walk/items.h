/* What a walk is asked to do: its streams, their interventions, and what to keep.  Private to
 * src/walk; built by streams.c, sorted by plan.c, read by all others through streams.h. */
#ifndef LOCI_WALK_ITEMS_H
#define LOCI_WALK_ITEMS_H

#include "walk/walk.h"

/* Where in a layer a row first differs from its parent's.  Rows that are live when the layer begins
 * have STAGE_START; a row patched at a later site joins there. */
typedef enum stage {
  STAGE_START,
  STAGE_ATTEND, /* its attention is recomputed with its owner's query: masks, patterns */
  STAGE_Z,
  STAGE_ATTN_OUT,
  STAGE_RESID_MID,
  STAGE_MLP_POST,
  STAGE_MLP_OUT,
  STAGE_RESID_POST,
  STAGE_COUNT
} stage;

typedef struct stream {
  int parent;          /* -1: root */
  int length;          /* T */
  int first;           /* roots: 0, or the first position behind the cache */
  const float *embeds; /* roots: row of position [first] */
  kv_cache *cache;
  int *from;    /* (L+1) first live position at the start of each layer; T: none */
  int64_t slot; /* of position from[L] */
} stream;

typedef struct embed_item {
  int stream, position;
  const float *row;
} embed_item;
typedef struct patch_item {
  int stream;
  walk_patch p;
} patch_item;
typedef struct mask_item {
  int stream, layer, query, first, count;
} mask_item;
typedef struct record_item {
  int stream, layer;
  loci_site site;
  float *out;
} record_item;
typedef struct want_item {
  int stream, position;
} want_item;

/* Growing arrays of the above, in the order given. */
#define LIST(type)                                                                                 \
  struct {                                                                                         \
    type *at;                                                                                      \
    int64_t count, room;                                                                           \
  }

stage stage_of(loci_site site);

#endif
