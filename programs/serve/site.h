/* The files of the page, inside the program; and what a path leads to. */
#ifndef LOCI_SERVE_SITE_H
#define LOCI_SERVE_SITE_H

typedef struct site_file {
  const char *path, *type;
  const unsigned char *bytes, *end; /* gzip */
} site_file;

const site_file *site_find(const char *path); /* NULL: there is none */

#endif
