/* The visit of a site: patch, then record, nothing else.  Private to src/walk. */
#ifndef LOCI_WALK_VISIT_H
#define LOCI_WALK_VISIT_H

#include "walk/streams.h"

/* Row i of the site, first <= i < first + n, is data + (slots ? slots[i] : i - first) * width. */
typedef struct site_rows {
  loci_site site;
  int layer;
  float *data;
  int64_t width, first, n;
  const int64_t *slots;
} site_rows;
/* Whether anybody patches or records a site of a layer. */
bool is_visited(const walk *w, loci_site site, int layer);
void visit(walk *w, const site_rows *s);

#endif
