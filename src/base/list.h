/* A list that a caller gives: a count and an array.  Whatever takes one asks here, so that a count
 * without its array is refused everywhere and in the same words. */
#ifndef LOCI_BASE_LIST_H
#define LOCI_BASE_LIST_H

#include "base/status.h"

/* [what] in the plural: "3 sites, and no list of them". */
static inline loci_status check_list(int count, const void *list, const char *what, loci_err *err) {
  if (count >= 0 && (count == 0 || list)) return LOCI_OK;
  return fail(err, LOCI_EINVAL, count < 0 ? "%d %s" : "%d %s, and no list of them", count, what);
}

#endif
