/* A result in one of the formats that loci writes. */
#ifndef LOCI_SERVE_EXPORT_H
#define LOCI_SERVE_EXPORT_H

#include <loci.h>

/* The bytes of `-o F.ending`; NULL: this kind of result has no such format, or there is no room.
 * Caller frees them. */
char *export_result(const loci_result *r, const char *ending, size_t *size);

#endif
