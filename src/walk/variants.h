/* Variants: runs beside a clean run, measured by a target, as many in one walk as the memory
 * allows.  Traces, knockouts and measurements of edits say which runs they are; this is the rest.
 *
 *   clean          a root, or a branch of another set's clean run that begins with the same rows
 *   clean + 1..B   base runs beside it, such as corrupted ones: children of clean
 *   after them     the variants, a stream for each of the base runs (one, if there are none)
 *
 * Every run is measured at the target's positions.  Base runs are read first, in order, because
 * target and o' come from them, and again in every walk. */
#ifndef LOCI_WALK_VARIANTS_H
#define LOCI_WALK_VARIANTS_H

#include "walk/keep.h"
#include "walk/target.h"
#include "walk/walk.h"

typedef struct variant_size {
  int64_t rows;    /* live in a layer, at most */
  int64_t formula; /* (row, layer) pairs (docs/MATH.md) */
  int64_t extra;   /* bytes of its interventions */
} variant_size;

typedef struct variants {
  const loci_model *m;
  target target;
  const reference
      *against; /* of another run (other -1: with the clean one's o'); NULL: the clean one */
  loci_progress_fn progress;
  void *progress_ctx;

  void *ctx;            /* for the functions */
  int beside;           /* base runs beside the clean one */
  const loci_prompt *p; /* whose clean run it is, and may be kept; NULL: of no prompt */
  kept_run *own; /* the clean run's, kept from this set's deciding walk to the others; NULL: none */
  kv_cache *cache; /* where keys and values of the prompt stand already, with room for the target's:
                    * the clean run begins after them; NULL: nowhere */
  int look;        /* the first position that any run touches */
  int first;       /* the first position at which they differ from it */
  int64_t count;   /* variants */
  const char *what;
  int64_t held; /* bytes that the caller keeps beside the walks */
  int64_t more; /* variants that other calls run */
  int64_t each; /* (row, layer) pairs of variants in one walk, at most; 0: as memory allows */
  void (*after)(void *ctx, int64_t begin,
                int64_t end); /* each walk: the variants it ran; or NULL */
  /* Makes [stream], a child of clean, the base run [run], 0 .. beside - 1. */
  loci_status (*add_beside)(const void *ctx, walk *w, int run, int stream, loci_err *err);
  /* Adds variant [i] of the base run [run] as the stream *out. */
  loci_status (*add)(const void *ctx, walk *w, int64_t i, int run, int *out, loci_err *err);
  variant_size (*size)(const void *ctx, int64_t i); /* of one stream */
  /* Each row of logits of the clean run, token by token, as it is read; or NULL. */
  void (*look_at)(void *ctx, int token, const float *logits);
  /* (streams, target.count); called in order after a walk */
  void (*take)(void *ctx, int64_t i, const reading *of);

  /* what comes out; the arrays are made by variants_room */
  reference clean;
  int *other; /* o' of each stream of a variant */
  top_logits beside_top;
  reading *base;   /* (1 + beside, target.count) */
  int wins;        /* tokens of the target that the clean run would say */
  bool not_finite; /* a base run's logits are NaN or infinite: nothing else is run */
  loci_cost cost;

  /* of the walk that is running */
  int64_t begin, end; /* variants */
  int64_t apart;      /* rows of the others, in other walks */
  int stream;         /* of the clean run */
  int shared;         /* first positions whose rows are another set's */
  reading *readings;
} variants;

/* Room for what comes out, in [mem]; after target, beside and count are set. */
loci_status variants_room(variants *v, arena *mem, loci_err *err);
/* Runs all sets, of one model and with the progress of the first, together where they fit. */
loci_status variants_run(variants *const *all, int n, loci_err *err);

/* For walks of another build: base runs [first, first + count) as children of v->stream, a stream
 * without any so far, with the wanted logits of clean and them: token by token, run by run. */
loci_status variants_add_base(const variants *v, walk *w, int first, int count, loci_err *err);
/* Takes a row of the clean run (run 0) or of one beside it, in that order. */
void variants_read_base(variants *v, int run, int token, const float *logits);
/* The metrics of a base run, 0 clean. */
loci_metrics variants_base(const variants *v, int run);

/* ---------------- a walk of any kind, from its streams to its cost */

typedef struct walk_job {
  const loci_model *m;
  walk *w; /* kept from an earlier one, and cleared; NULL: made and freed here */
  loci_status (*build)(void *ctx, walk *w, loci_err *err); /* streams, and what is wanted of them */
  loci_status (*after)(void *ctx, walk *w, loci_err *err); /* once it has run; or NULL */
  void *ctx;
  walk_hooks hooks;
  loci_cost *cost; /* NULL: not counted */
  bool back;       /* of one that is made here: with gradients */
} walk_job;
loci_status walk_once(const walk_job *job, loci_err *err);

#endif
