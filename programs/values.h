/* The values of options, read strictly: "2x" is not 2, and a list has no empty member.  Each
 * returns false when the text is not such a value; the caller says what was expected. */
#ifndef LOCI_PROGRAMS_VALUES_H
#define LOCI_PROGRAMS_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool value_int(const char *s, int lowest, int highest, int *out);
bool value_u64(const char *s, uint64_t *out);
bool value_real(const char *s, double *out); /* finite, >= 0 */
/* Bytes: a number with K, M, G or T (powers of 1024; "GB" and "GiB" mean the same). */
bool value_size(const char *s, int64_t *out);
/* "all" gives 0, 0; "7" gives 7, 1; "3-5" gives 3, 3. */
bool value_layers(const char *s, int *first, int *count);
/* The next member of a comma list, copied to out; false at the end.  A member that does not fit is
 * cut. */
bool value_next(const char **list, char *out, size_t size);

#endif
