/* Contributions as named arrays (see formats.h, array_list.h). */
#include <stdio.h>
#include <string.h>

#include "show/array_list.h"
#include "show/formats.h"

enum { ARRAYS = 16, ARRAYS_PER_PATH = 11 };

static void add_floats(array_list *list, const char *name, const float *x, const int64_t *shape,
                       int rank) {
  int64_t n = 1;
  for (int i = 0; i < rank; i++) n *= shape[i];
  float *out = array_list_add(list, name, ST_F32, shape, rank);
  if (out) memcpy(out, x, (size_t)n * sizeof *out);
}

static void add_reals(array_list *list, const char *stem, const char *name, const double *x,
                      int64_t rows, int64_t columns) {
  char text[128];
  int64_t shape[2] = {rows, columns};
  snprintf(text, sizeof text, "%s.%s", stem, name);
  double *out = array_list_add(list, text, ST_F64, shape, columns > 0 ? 2 : 1);
  if (out) memcpy(out, x, (size_t)(rows * (columns > 0 ? columns : 1)) * sizeof *out);
}

/* "image.constraint-last.profile" and so on. */
static void add_path(array_list *list, const loci_flow_path *x, int layers) {
  char stem[64], name[128];
  int64_t shape[2] = {layers, x->top_count};
  snprintf(stem, sizeof stem, "%s.%s", x->from, x->to);
  add_reals(list, stem, "profile", x->profile, layers, x->source_count);
  add_reals(list, stem, "weights", x->weights, layers, x->source_count);
  add_reals(list, stem, "total", x->total, layers, 0);
  add_reals(list, stem, "max", x->max, layers, 0);
  add_reals(list, stem, "mean", x->mean, layers, 0);
  add_reals(list, stem, "norm_of_sum", x->norm_of_sum, layers, 0);
  add_reals(list, stem, "attention", x->attention, layers, 0);
  add_reals(list, stem, "top_share", x->top_share, layers, 0);
  snprintf(name, sizeof name, "%s.sources", stem);
  array_list_ints(list, name, x->sources, x->source_count);
  snprintf(name, sizeof name, "%s.queries", stem);
  array_list_ints(list, name, x->queries, x->query_count);
  snprintf(name, sizeof name, "%s.top", stem);
  int64_t *top = array_list_add(list, name, ST_I64, shape, 2);
  for (int64_t i = 0; top && i < shape[0] * shape[1]; i++) top[i] = x->top[i];
}

loci_status flow_arrays(const void *result, const char *path, loci_err *err) {
  const loci_flow *f = result;
  array_list list;
  int64_t L = f->layer_count, H = f->head_count, Q = f->query_count, T = f->prompt->length;
  const int64_t table[3] = {L, Q, T}, heads[4] = {L, H, Q, T}, values[2] = {L, T};
  const char *metadata[] = {"format",   "loci.flow/1",
                            "version",  LOCI_VERSION,
                            "question", f->prompt->question ? f->prompt->question : "",
                            NULL};
  array_list_init(&list, ARRAYS + ARRAYS_PER_PATH * (int64_t)f->path_count);
  array_list_prompt(&list, f->prompt);
  array_list_ints(&list, "layers", f->layers, f->layer_count);
  array_list_ints(&list, "to", f->queries, f->query_count);
  add_floats(&list, "contribution", f->contribution, table, 3);
  add_floats(&list, "attention", f->attention, table, 3);
  if (H > 0) {
    add_floats(&list, "contribution_heads", f->contribution_heads, heads, 4);
    add_floats(&list, "attention_heads", f->attention_heads, heads, 4);
  }
  add_floats(&list, "value_norms", f->value_norms, values, 2);
  uint8_t *sinks = array_list_add(&list, "sinks", ST_U8, values, 2);
  for (int64_t i = 0; sinks && i < L * T; i++) sinks[i] = f->sinks[i];
  for (int i = 0; i < f->path_count; i++) add_path(&list, &f->paths[i], f->layer_count);
  return array_list_write(&list, path, metadata, err);
}
