/* Names that users type: finding them, and the nearest one when they are mistyped. */
#ifndef LOCI_BASE_NAMES_H
#define LOCI_BASE_NAMES_H

/* Index of the name nearest to [given] among n names, or -1 when none is near (Levenshtein distance
 * over a third of the longer word). */
int nearest_name(const char *given, const char *const *names, int n);

#endif
