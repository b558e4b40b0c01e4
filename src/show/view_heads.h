/* A chart whose curves are heads, seen as a map (view_heads.c). */
#ifndef LOCI_SHOW_VIEW_HEADS_H
#define LOCI_SHOW_VIEW_HEADS_H

#include "show/view_parts.h"

void view_heads(views *v, const loci_chart *c);

#endif
