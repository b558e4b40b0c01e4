/* Which process has threads (see threads.h). */
#include "base/threads.h"

#include <stdatomic.h>
#include <unistd.h>

static _Atomic long owner; /* the process that used threads; 0: none */

void threads_used(void) { atomic_store_explicit(&owner, (long)getpid(), memory_order_relaxed); }

bool threads_are_gone(void) {
  long used = atomic_load_explicit(&owner, memory_order_relaxed);
  return used != 0 && used != (long)getpid();
}

loci_status threads_check(int count, loci_err *err) {
  if (count <= 1 || !threads_are_gone()) return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "%d threads in a process that was forked from one with threads of its own: they do "
              "not follow a fork; open with one thread, fork before, or exec",
              count);
}
