/* Files that the library writes, as bytes in memory. */
#ifndef LOCI_SERVE_EXPORT_H
#define LOCI_SERVE_EXPORT_H

#include <loci.h>

/* What [write] writes to a path with that ending; NULL: it failed, or there is no room.  Caller
 * frees the bytes. */
typedef loci_status export_fn(const void *ctx, const char *path);
char *export_file(export_fn *write, const void *ctx, const char *ending, size_t *size);
char *export_read(const char *path, size_t *size); /* a file whole, or NULL; caller frees */
/* A result; NULL where its kind has no such format. */
char *export_result(const loci_result *r, const char *ending, size_t *size);

#endif
