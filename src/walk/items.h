/* What a walk is asked to do: its streams, their interventions, and what to keep.  Private to
 * src/walk; built by streams.c, sorted by plan.c, read by all others through streams.h. */
#ifndef LOCI_WALK_ITEMS_H
#define LOCI_WALK_ITEMS_H

#include "walk/flow.h"

enum { MLP_ROWS = 2048 }; /* rows that go through an MLP together */

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
  int parent;                 /* -1: root */
  int length;                 /* T */
  int first;                  /* 0, or the first position after the root's cache */
  int layer;                  /* the first of its root's; 0 unless resumed */
  const float *embeds;        /* roots and branches: row of position [given]; NULL: the parent's */
  const float *state;         /* of a root that begins above layer 0: likewise, its residual rows */
  const rope_place *places;   /* likewise; NULL: at their indices */
  mutual_rows mutual;         /* see one another; a child's are its parent's */
  const source_rows *sources; /* what cross-attention reads; NULL: its layers change nothing */
  bool own_sources;           /* others than the parent's */
  int given;                  /* [first] of a root */
  kv_cache *cache;
  bool resumed;           /* leaves the cache's length as it is */
  int64_t angles;         /* row of position 0 in the walk's rope table */
  int *from;              /* (L+1) first live position at the start of each layer; T: none */
  int64_t slot;           /* of position from[L] */
  int64_t patches, masks; /* the first of its own, -1: none; [next] leads on (inherit.c) */
} stream;

typedef struct embed_item {
  int stream, position;
  int64_t order; /* counts all, as given */
  const float *row;
} embed_item;
/* [giver]: the stream itself, or the ancestor it comes from; [order]: counts all, as given. */
typedef struct patch_item {
  int stream, giver;
  int64_t order, next;
  walk_patch p;
} patch_item;
typedef struct mask_item {
  int stream, layer, query, first, count;
  int64_t next;
} mask_item;
typedef struct record_item {
  int stream, layer;
  loci_site site;
  int first, count; /* positions */
  float *out;
} record_item;
/* The gradient of a site at positions first .. first + count - 1. */
typedef struct grad_item {
  int stream, layer;
  loci_site site;
  int first, count;
  float *out;
} grad_item;
typedef struct want_item {
  int stream, position;
  int layer;    /* after whose last step the row is read */
  int64_t kept; /* slot of the copy; -1: after the last layer, the row's own */
} want_item;

/* Growing arrays of the above, in the order given. */
#define LIST(type)                                                                                 \
  struct {                                                                                         \
    type *at;                                                                                      \
    int64_t count, room;                                                                           \
  }

struct kv_cache {
  device *device; /* that keeps them */
  int length, capacity, layers, heads, K;
  float *keys, *values; /* per layer, per head */
};

stage stage_of(loci_site site);
/* Whether a gradient of the site can be read off that of resid_post. */
static inline bool is_late(loci_site site) {
  return site == LOCI_SITE_MLP_OUT || site == LOCI_SITE_RESID_POST;
}

/* One more intervention, as it stands. */
loci_status push_patch(walk *w, patch_item item, loci_err *err);
loci_status push_mask(walk *w, mask_item item, loci_err *err);

#endif
