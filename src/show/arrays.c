/* A trace as named arrays (see formats.h, array_list.h). */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "show/array_list.h"
#include "show/formats.h"

enum { ARRAYS_PER_GRID = 15, ARRAYS_PER_PROMPT = 2 };

typedef struct field {
  const char *name;
  size_t offset; /* in loci_metrics */
} field;

static const field fields[] = {{"p", offsetof(loci_metrics, p)},
                               {"logp", offsetof(loci_metrics, logp)},
                               {"p_first", offsetof(loci_metrics, p_first)},
                               {"logp_first", offsetof(loci_metrics, logp_first)},
                               {"logit_diff", offsetof(loci_metrics, logit_diff)},
                               {"kl", offsetof(loci_metrics, kl)}};
enum { FIELDS = sizeof fields / sizeof *fields };

/* What screening adds: the estimates, and which cells are more than that. */
static void add_estimates(array_list *list, const loci_grid *g, const char *stem,
                          const int64_t *shape, int rank) {
  static const field estimates[] = {{"p", offsetof(loci_estimate, p)},
                                    {"logp", offsetof(loci_estimate, logp)},
                                    {"logit_diff", offsetof(loci_estimate, logit_diff)}};
  char name[160];
  int64_t n = shape[0] * shape[1] * (rank > 2 ? shape[2] : 1);
  for (int f = 0; f < 3; f++) {
    snprintf(name, sizeof name, "%s.estimate_%s", stem, estimates[f].name);
    double *out = array_list_add(list, name, ST_F64, shape, rank);
    for (int64_t i = 0; out && i < n; i++)
      memcpy(&out[i], (const char *)&g->estimates[i] + estimates[f].offset, sizeof *out);
  }
  snprintf(name, sizeof name, "%s.exact", stem);
  uint8_t *exact = array_list_add(list, name, ST_U8, shape, rank);
  for (int64_t i = 0; exact && i < n; i++) exact[i] = g->exact[i];
}

static void add_grid(array_list *list, const loci_grid *g) {
  char stem[96], name[128];
  int64_t shape[3] = {g->layer_count, g->column_count, g->head_count};
  int rank = g->head_count > 0 ? 3 : 2;
  int64_t n = shape[0] * shape[1] * (g->head_count > 0 ? shape[2] : 1);
  snprintf(stem, sizeof stem, "%s.%s.w%d%s", loci_name(LOCI_NAMES_DIRECTION, (int)g->direction - 1),
           loci_site_name(g->site), g->window, g->groups ? ".groups" : "");
  for (int f = 0; f < FIELDS; f++) {
    snprintf(name, sizeof name, "%s.%s", stem, fields[f].name);
    double *out = array_list_add(list, name, ST_F64, shape, rank);
    for (int64_t i = 0; out && i < n; i++)
      memcpy(&out[i], (const char *)&g->cells[i] + fields[f].offset, sizeof *out);
  }
  snprintf(name, sizeof name, "%s.ie", stem);
  double *ie = array_list_add(list, name, ST_F64, shape, rank);
  if (ie) memcpy(ie, g->ie, (size_t)n * sizeof *ie);
  snprintf(name, sizeof name, "%s.restoration", stem);
  double *restoration = array_list_add(list, name, ST_F64, shape, rank);
  if (restoration) memcpy(restoration, g->restoration, (size_t)n * sizeof *restoration);
  snprintf(name, sizeof name, "%s.skipped", stem);
  uint8_t *skipped = array_list_add(list, name, ST_U8, shape, rank);
  for (int64_t i = 0; skipped && i < n; i++) skipped[i] = g->skipped && g->skipped[i];
  if (g->estimates) add_estimates(list, g, stem, shape, rank);
  snprintf(name, sizeof name, "%s.layers", stem);
  array_list_ints(list, name, g->layers, g->layer_count);
  snprintf(name, sizeof name, "%s.%s", stem, g->groups ? "names" : "positions");
  if (g->groups) array_list_names(list, name, g->groups, g->column_count);
  if (g->positions) array_list_ints(list, name, g->positions, g->column_count);
}

/* A grid drawn twice (the same site, window and direction) would give a name twice. */
static bool is_repeated(const loci_trace *t, int i) {
  const loci_grid *g = &t->grids[i];
  for (int k = 0; k < i; k++) {
    const loci_grid *o = &t->grids[k];
    if (o->site == g->site && o->window == g->window && o->direction == g->direction &&
        !o->groups == !g->groups)
      return true;
  }
  return false;
}

static void collect(const loci_trace *t, array_list *list) {
  array_list_init(list, (int64_t)t->grid_count * ARRAYS_PER_GRID + ARRAYS_PER_PROMPT);
  array_list_prompt(list, t->prompt);
  for (int i = 0; i < t->grid_count; i++) {
    if (!is_repeated(t, i)) add_grid(list, &t->grids[i]);
  }
}

/* Group names of the grids, "constraint,last", for readers of the file. */
static void group_names(const loci_trace *t, bytes *out) {
  for (int i = 0; i < t->grid_count; i++) {
    if (!t->grids[i].groups) continue;
    for (int c = 0; c < t->grids[i].column_count; c++) {
      if (c > 0) bytes_text(out, ",");
      bytes_text(out, t->grids[i].groups[c]);
    }
    return; /* the same for every grid */
  }
}

loci_status trace_arrays(const void *result, const char *path, loci_err *err) {
  const loci_trace *trace = result;
  array_list list;
  bytes groups = {0};
  char *names = NULL;
  group_names(trace, &groups);
  TRY(bytes_take(&groups, &names, NULL, err));
  collect(trace, &list);
  const char *metadata[] = {"format",   "loci.trace/1",
                            "version",  LOCI_VERSION,
                            "question", trace->prompt->question ? trace->prompt->question : "",
                            "corrupt",  trace->corrupt ? trace->corrupt : "",
                            "target",   trace->target_text ? trace->target_text : "",
                            "groups",   names,
                            NULL};
  loci_status st = array_list_write(&list, path, metadata, err);
  loci_text_free(names);
  return st;
}
