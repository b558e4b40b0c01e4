/* Pieces of files and pages that have no header of their own. */
#ifndef LOCI_SHOW_FORMATS_H
#define LOCI_SHOW_FORMATS_H

#include "show/bytes.h"

/* A field of CSV; quoted if it holds a comma, a quote, a line break or a blank at an end. */
void csv_text(bytes *out, const char *s);

/* A loci_image as .safetensors or .png. */
loci_status image_write(const void *image, const char *path, loci_err *err);
/* The picture as the model sees it, in 8-bit RGB (input_height, input_width, 3). */
void image_bytes(const loci_image *image, uint8_t *out);

/* All runs of a store as one page for a browser; its folder is made where it is not there. */
loci_status store_report(loci_store *s, const loci_store_opts *how, const char *path,
                         loci_err *err);

#endif
