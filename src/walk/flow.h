/* What each position gives to an attention output: the contributions of methods by Elhage et al.
 * 2021 and Yuksekgonul et al. 2023 (docs/MATH.md, "Contributions"), asked of a walk like a record.
 *
 *   c[h](i, j) = pattern[h](i, j) W_O[:, h] v[g(h)](j)        (D), of query i and source j
 *
 * In a layer that reads sources, j counts these, and c is multiplied by tanh of the gate.
 *
 * The vectors are never kept: W_O[:, h] v is computed once for each source, some sources at a time,
 * and all queries read it.  Cost: one more pass of the sources through the output projection. */
#ifndef LOCI_WALK_FLOW_H
#define LOCI_WALK_FLOW_H

#include "walk/walk.h"

typedef struct walk_flow {
  int stream, layer; /* a root */
  int query_count, source_count;
  const int *queries, *sources; /* ascending positions */
  float *attention;             /* (H, queries, sources) raw weights, as the layer used them */
  float *norms;                 /* (queries, sources) || sum_h c ||, or NULL */
  float *head_norms;            /* (H, queries, sources) || c ||, or NULL */
  float *sums;                  /* (queries, D) sum of c over all heads and all sources, or NULL */
  float *value_norms;           /* (sources) || v || over all key/value heads, or NULL */
} walk_flow;
/* Borrows all arrays until walk_run returns. */
loci_status walk_flow_add(walk *w, const walk_flow *f, loci_err *err);

/* ---------------------------------------------------------------- inside src/walk */

typedef struct flow_room flow_room;
struct row;

/* Memory for the walk's flows; false: there is none. */
bool flow_prepare(walk *w);
/* One head of one finished row of attention: [weights] of the positions up to the row's own. */
void flow_attention(const walk *w, int layer, const struct row *r, int head, const float *weights);
/* All flows of a layer, once its attention is done. */
loci_status flow_layer(walk *w, int layer, loci_err *err);

#endif
