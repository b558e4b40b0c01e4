/* The pictures that were dropped on the page: kept in memory, named by their bytes, the oldest
 * forgotten when there are too many.  Nothing touches the disk: a picture is a file without a name
 * (memfd), which the library opens by the path of its descriptor. */
#ifndef LOCI_SERVE_GALLERY_H
#define LOCI_SERVE_GALLERY_H

#include <loci.h>
#include <stddef.h>
#include <stdint.h>

enum { PICTURE_BYTES = 32 << 20, MOST_PICTURES = 16, PICTURE_ID = 24, PICTURE_PATH = 48 };

typedef struct gallery gallery;

/* Read by the image processor of this file or directory, as loci_image_read; NULL: no memory. */
gallery *gallery_new(const char *processor, int64_t max_pixels);
void gallery_process(gallery *p, const char *processor,
                     int64_t max_pixels); /* by that, from here on */
void gallery_free(gallery *p);
/* Checks and keeps it; its name into id. */
loci_status gallery_add(gallery *p, const void *bytes, size_t size, char id[PICTURE_ID],
                        loci_err *err);
/* The same of a file. */
loci_status gallery_add_file(gallery *p, const char *path, char id[PICTURE_ID], loci_err *err);
/* What tells bytes from others. */
void gallery_name(const void *bytes, size_t n, char id[PICTURE_ID]);
/* Bytes as a file without a name: its descriptor, and the path that opens it while that is not
 * closed; -1: no memory. */
int gallery_file(const char *bytes, size_t size, char path[PICTURE_PATH]);
/* In a sentence about such a path [what] takes its place: the path says nothing to a reader. */
void gallery_say(loci_err *err, const char *path, const char *what);
/* A descriptor of it, and the path that opens it while that is not closed; -1: it is not here (any
 * more).  Whoever uses a picture holds one: a number that is closed is soon another picture's. */
int gallery_open(gallery *p, const char *id, char path[PICTURE_PATH]);

#endif
