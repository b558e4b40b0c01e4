/* What arithmetic spends its time on, and where it may be stopped. */
#ifndef LOCI_MODEL_WORK_H
#define LOCI_MODEL_WORK_H

#include "base/status.h"

typedef struct compute compute;

/* What the time of a walk goes into; WORK_OTHER is norms, activations and bookkeeping. */
typedef enum work_kind {
  WORK_OTHER,
  WORK_READ,
  WORK_CONVERT,
  WORK_PRODUCT,
  WORK_ATTENTION,
  WORK_HEAD,
  WORK_COUNT
} work_kind;

/* Who is asked between two slices of work. */
typedef struct work_follow {
  watch watch;
  const char *stage;
  double done, total;
  double slice;   /* 2 M N K between two looks at the watch, and of a product in one piece */
  double unasked; /* since the last look */
} work_follow;

/* From here on time goes into [w], unless it goes into more than WORK_OTHER already: a head's
 * products count as head.  Returns what it went into, for work_end. */
work_kind work_begin(compute *a, work_kind w);
void work_end(compute *a, work_kind before);

/* From now on [w] is asked between slices of work, each a fraction of a second on two cores; where
 * it stops, the work is LOCI_ECANCELLED.  A watch without a function: nobody is asked. */
void compute_follow(compute *a, watch w, const char *stage, double done, double total);
/* [flop] of work are about to begin. */
loci_status compute_ask(compute *a, double flop, loci_err *err);
/* Numbers are about to be written.  Mostly that is memory which is touched for the first time: up
 * to twenty microseconds for a page of 1024 of them, in which a product does 4000 flop for each. */
enum { TOUCH_FLOP = 4000 };
loci_status compute_touch(compute *a, int64_t floats, loci_err *err);

#endif
