/* Threads and forks.  A forked child has its parent's memory and one thread: OpenMP's others are
 * gone, and whoever waits for them waits for ever.  Only the process can know this, so here is the
 * one variable of the library that changes: which process used several threads. */
#ifndef LOCI_BASE_THREADS_H
#define LOCI_BASE_THREADS_H

#include "base/status.h"

/* From here on this process may have OpenMP threads. */
void threads_used(void);
/* Whether a process that this one was forked from had some, and this one has not begun anew. */
bool threads_are_gone(void);
/* LOCI_EINVAL where [count] is more than one and the threads are gone. */
loci_status threads_check(int count, loci_err *err);

#endif
