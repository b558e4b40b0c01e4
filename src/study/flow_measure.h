/* Contributions and raw attention of a prompt's positions, measured in one walk.  Private to src/.
 *
 * flow_measure is the cheap core: tables of numbers, no drawing, nothing kept of the model.  A
 * study calls it for many prompts in a loop:
 *
 *   flow_table t[2];
 *   flow_group, flow_table_room                which queries and sources
 *   flow_measure(p, &job, err)                fills the tables, and the last position's logits
 *   flow_path_at(&t[0], layer)                max, mean, norm of the sum, ...
 *
 * flow_measure.c measures; flow_report.c makes the public result of it (loci_flow_new). */
#ifndef LOCI_STUDY_FLOW_H
#define LOCI_STUDY_FLOW_H

#include "model/prompt.h"
#include "walk/flow.h"

/* Positions, ascending. */
typedef struct flow_span {
  int count;
  const int *at;
} flow_span;

/* The positions of a group, in [mem]; none is LOCI_EINVAL and says why there are none. */
loci_status flow_group(const loci_prompt *p, group_kind g, arena *mem, flow_span *out,
                       loci_err *err);

/* The same of sources, where the picture may be outside of the sequence: *outside, and then its
 * rows that are seen, by their numbers. */
loci_status flow_sources(const loci_prompt *p, group_kind g, arena *mem, flow_span *out,
                         bool *outside, loci_err *err);

typedef struct flow_table {
  flow_span queries, sources;
  bool outside; /* sources are rows outside of the sequence: only layers that read those give
                   numbers */
  int first, layers, heads; /* layers first .. first + layers - 1 */
  int64_t width;            /* D */
  float *attention;         /* (layers, heads, queries, sources) raw weights */
  float *norms;             /* (layers, queries, sources), head-summed; or NULL */
  float *head_norms;        /* (layers, heads, queries, sources) or NULL */
  float *sums;              /* (layers, queries, D) of all heads and sources, or NULL */
  float *value_norms;       /* (layers, sources) or NULL */
} flow_table;

enum flow_parts { FLOW_NORMS = 1, FLOW_HEADS = 2, FLOW_SUMS = 4, FLOW_VALUES = 8 };

/* Room in [mem] for the [parts] (flow_parts, joined) of a table whose spans and layers are set. */
loci_status flow_table_room(const loci_model *m, unsigned parts, arena *mem, flow_table *t,
                            loci_err *err);

typedef struct flow_job {
  int table_count;
  flow_table *tables;
  float *logits; /* (V) of the last position, or NULL */
  float *resid;  /* (D) the last position's residual stream after the last layer, or NULL */
  loci_progress_fn progress;
  void *progress_ctx;
  loci_cost cost; /* what it took is added */
} flow_job;

/* One walk of the prompt as it is, which fills all tables. */
loci_status flow_measure(const loci_prompt *p, flow_job *job, loci_err *err);

/* A table with norms and sums, at one of its layers (counted from 0), as a pathway from its sources
 * to its queries: means over the queries. */
typedef struct flow_path {
  double total, max, mean; /* over the sources, of the norms */
  double norm_of_sum;      /* || sum over the sources || */
  double attention;        /* raw weight the sources get, mean over heads */
} flow_path;
flow_path flow_path_at(const flow_table *t, int layer);
/* The same per source: norms and attention, means over queries (and heads); either may be NULL. */
void flow_profile_at(const flow_table *t, int layer, double *norms, double *attention);

#endif
