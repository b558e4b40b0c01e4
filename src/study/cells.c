/* Grids and cells of a trace (see sweep.h): every (direction, window, site) gives a grid over
 * single positions and one over named groups.  Cells that cannot differ from the run they restore
 * are exact zeros, known without running (docs/MATH.md, "Exact zeros"). */
#include <stdlib.h>
#include <string.h>

#include "study/donor.h"
#include "study/layers.h"
#include "study/path_patch.h"

enum { MAX_GROUPS = 16 };

/* The columns of a grid: single positions, or groups. */
typedef struct columns {
  int count;
  int *positions;     /* each column's position, or NULL */
  const char **names; /* each column's group, or NULL */
  const int *sets[MAX_GROUPS];
  int set_counts[MAX_GROUPS];
  const int **from; /* (count) of a donor: where each column's values are from */
} columns;

void window_layers(const sweep *s, int centre, int width, int *begin, int *end) {
  int L = model_decoder(s->m)->layers;
  *begin = s->opts->authors ? centre - width : centre - width / 2;
  *end = s->opts->authors ? centre + width + 1 : centre + (width + 1) / 2;
  if (*begin < 0) *begin = 0;
  if (*end > L) *end = L;
}

/* How many layers' attention comes after a site of that layer. */
static int attentions_after(const sweep *s, loci_site site, int layer) {
  return model_decoder(s->m)->layers - layer - (site != LOCI_SITE_RESID_PRE);
}

bool restoring_matters(const sweep *s, loci_site site, int position, int layer) {
  if (s->path) return path_matters(s, site, position, layer);
  bool ends = attentions_after(s, site, layer) == 0;
  bool before = site == LOCI_SITE_RESID_PRE || site == LOCI_SITE_Q;
  if (layer < s->corrupted.layer + (before && s->corrupted.sources)) return false;
  return position >= s->first && (!ends || position >= s->T - 1);
}

static bool is_zero(const sweep *s, const cell *c) {
  for (int u = 0; u < cell_units(c); u++) {
    for (int i = 0; i < c->position_count; i++) {
      if (restoring_matters(s, c->site, c->positions[i], cell_layer(c, u))) return false;
    }
  }
  return true;
}

/* First position the cell really restores. */
static int first_restored(const sweep *s, const cell *c) {
  int i = 0;
  while (i + 1 < c->position_count && c->positions[i] < s->first) i++;
  return c->positions[i];
}

int64_t cell_rows(const sweep *s, const cell *c) {
  return s->runs.target.length - mutual_first(s->p->mutual, first_restored(s, c));
}

int64_t cell_formula(const sweep *s, const cell *c) {
  int64_t joined = 0, layers = attentions_after(s, c->site, c->begin);
  for (int i = 0; i < c->position_count; i++) joined += c->positions[i] >= s->first;
  return joined + cell_rows(s, c) * layers;
}

/* ---------------------------------------------------------------- columns */

static loci_status each_position(const sweep *s, columns *out, loci_err *err) {
  *out = (columns){.count = s->T - s->first};
  out->positions = arena_array(s->mem, out->count, int);
  if (!out->positions) return fail_nomem(err, "laying out the grids");
  for (int i = 0; i < out->count; i++) out->positions[i] = s->first + i;
  return LOCI_OK;
}

static loci_status add_group(const sweep *s, columns *out, group_kind g, loci_err *err) {
  int *set = arena_array(s->mem, s->T, int);
  if (!set) return fail_nomem(err, "laying out the grids");
  int n = group_positions(s->p, g, s->opts->constraint, set);
  if (n == 0) return fail_empty_group(s->p, g, err);
  if (out->count == MAX_GROUPS) return fail(err, LOCI_EINVAL, "more than %d groups", MAX_GROUPS);
  out->names[out->count] = group_name(g);
  out->sets[out->count] = set;
  out->set_counts[out->count++] = n;
  return LOCI_OK;
}

/* A position by its number, in order and once. */
static loci_status add_number(const sweep *s, columns *out, const char *text, size_t n,
                              loci_err *err) {
  long at = n < 10 ? strtol(text, NULL, 10) : s->T;
  int i = 0;
  if (at >= s->T)
    return fail(err, LOCI_EINVAL, "position %.*s: the sequence has positions 0 to %d", (int)n, text,
                s->T - 1);
  while (i < out->count && out->positions[i] < at) i++;
  if (i < out->count && out->positions[i] == at) return LOCI_OK;
  memmove(out->positions + i + 1, out->positions + i, (size_t)(out->count - i) * sizeof(int));
  out->positions[i] = (int)at;
  out->count++;
  return LOCI_OK;
}

/* "each" or numbers of positions, and groups, which must have positions here. */
static loci_status parse_positions(const sweep *s, columns *single, columns *groups,
                                   loci_err *err) {
  const char *text = s->opts->positions;
  *groups = (columns){.names = arena_zarray(s->mem, MAX_GROUPS, const char *)};
  *single = (columns){.positions = arena_array(s->mem, s->T + 1, int)};
  if (!groups->names || !single->positions) return fail_nomem(err, "laying out the grids");
  bool each = false;
  for (bool more = true; more; text++) {
    size_t n = strcspn(text, ",");
    group_kind g;
    if (n == 4 && memcmp(text, "each", n) == 0) {
      each = true;
    } else if (n > 0 && strspn(text, "0123456789") >= n) {
      TRY(add_number(s, single, text, n, err));
    } else {
      TRY(group_find(text, n, &g, err));
      TRY(add_group(s, groups, g, err));
    }
    text += n;
    more = *text == ',';
  }
  return each ? each_position(s, single, err) : LOCI_OK;
}

/* Where a donor has the values of each column. */
static loci_status find_donors(sweep *s, columns *c, loci_err *err) {
  if (!s->donor) return LOCI_OK;
  c->from = arena_zarray(s->mem, c->count + 1, const int *);
  if (!c->from) return fail_nomem(err, "laying out the grids");
  for (int k = 0; k < c->count; k++)
    TRY(donor_positions(s, c->positions ? 1 : c->set_counts[k], c->positions ? NULL : c->names[k],
                        &c->from[k], err));
  return LOCI_OK;
}

/* ---------------------------------------------------------------- grids */

/* Numbers and their marks in arrays of one shape, which results hand out as they are. */
static loci_status make_grid(sweep *s, loci_grid *g, const columns *c, loci_err *err) {
  g->column_count = c->count;
  int64_t n = grid_cells(g);
  g->positions = c->positions;
  g->groups = c->names;
  loci_metrics *cells = arena_zarray(s->mem, n, loci_metrics);
  double *ie = arena_zarray(s->mem, n, double), *restoration = arena_zarray(s->mem, n, double);
  double *logits = arena_zarray(s->mem, n, double);
  bool *skipped = arena_zarray(s->mem, n, bool);
  if (!cells || !ie || !restoration || !logits || !skipped)
    return fail_nomem(err, "laying out the grids");
  g->cells = cells;
  g->ie = ie;
  g->restoration = restoration;
  g->restoration_logit_diff = logits;
  g->skipped = skipped;
  if (s->donor) g->top_ids = arena_zarray(s->mem, n, int);
  return g->top_ids || !s->donor ? LOCI_OK : fail_nomem(err, "laying out the grids");
}

/* The cells of one grid, after those already there; exact zeros are only marked. */
static void make_cells(sweep *s, int grid, const columns *c) {
  loci_grid *g = &s->grids[grid];
  bool *skipped = (bool *)(uintptr_t)g->skipped;
  int heads = g->head_count ? g->head_count : 1;
  for (int l = 0; l < g->layer_count; l++) {
    for (int k = 0; k < c->count; k++) {
      for (int h = 0; h < heads; h++) {
        cell x = {.grid = grid,
                  .at = ((int64_t)l * c->count + k) * heads + h,
                  .site = g->site,
                  .direction = g->direction,
                  .head = g->head_count ? h : -1,
                  .positions = c->positions ? c->positions + k : c->sets[k],
                  .from = c->from ? c->from[k] : NULL,
                  .position_count = c->positions ? 1 : c->set_counts[k]};
        window_layers(s, g->layers[l], g->window, &x.begin, &x.end);
        if (is_zero(s, &x)) {
          skipped[x.at] = true;
        } else {
          s->cells[s->cell_count++] = x;
        }
      }
    }
  }
}

loci_status sweep_grids(sweep *s, loci_err *err) {
  const loci_trace_opts *o = s->opts;
  const loci_site *sites = o->sites;
  const int *windows = o->windows;
  int site_count = o->site_count, window_count = o->window_count, layer_count = o->layer_count,
      *layers = NULL;
  columns single, groups;
  TRY(layers_list(o->first_layer, &layer_count, model_decoder(s->m)->layers, s->mem, &layers, err));
  TRY(parse_positions(s, &single, &groups, err));
  TRY(find_donors(s, &single, err));
  TRY(find_donors(s, &groups, err));
  int most = 2 * 2 * window_count * site_count, H = model_decoder(s->m)->heads;
  int64_t cells_per_column = 0; /* of all sites, windows and directions */
  for (int i = 0; i < site_count; i++) cells_per_column += sites[i] == LOCI_SITE_Z ? H : 1;
  cells_per_column *= 2 * window_count;
  int64_t columns_all = single.count + groups.count;
  s->grids = arena_zarray(s->mem, most, loci_grid);
  s->cells = arena_array(s->mem, columns_all * layer_count * cells_per_column, cell);
  if (!s->grids || !s->cells) return fail_nomem(err, "laying out the grids");
  for (int d = LOCI_DENOISE; d <= LOCI_NOISE; d++) {
    if (!((int)o->direction & d)) continue;
    for (int i = 0; i < window_count * site_count * 2; i++) {
      const columns *c = i % 2 ? &groups : &single;
      if (c->count == 0) continue;
      loci_grid *g = &s->grids[s->grid_count];
      *g = (loci_grid){.site = sites[i / 2 % site_count],
                       .window = windows[i / 2 / site_count],
                       .direction = (loci_direction)d,
                       .layer_count = layer_count,
                       .layers = layers};
      g->head_count = g->site == LOCI_SITE_Z ? H : 0;
      TRY(make_grid(s, g, c, err));
      make_cells(s, s->grid_count++, c);
    }
  }
  return LOCI_OK;
}
