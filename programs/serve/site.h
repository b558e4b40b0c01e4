/* The files of the page, as they are in this program or in a folder of whoever works on them. */
#ifndef LOCI_SERVE_SITE_H
#define LOCI_SERVE_SITE_H

#include <stddef.h>

enum { SITE_MARK = 24 };

typedef struct site_file {
  const char *path, *type, *name;
  const unsigned char *bytes, *end; /* packed with gzip */
} site_file;

const site_file *site_find(const char *path); /* NULL: there is none */
/* What tells its bytes from those of another build, in quotes. */
void site_mark(const site_file *x, char out[SITE_MARK]);
/* The file of that name in a folder, unpacked; caller frees; NULL: it is not there. */
char *site_read(const char *folder, const site_file *x, size_t *size);

#endif
