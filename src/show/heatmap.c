/* The heatmap (see heatmap.h). */
#include "show/heatmap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "show/colormap.h"
#include "show/label.h"

/* Below a thousandth of p, or of a nat, no colour should look strong. */
const double heatmap_least_effect = 0.001;

double metric_of(const loci_metrics *m, loci_metric metric) {
  switch (metric) {
    case LOCI_METRIC_LOGP: return m->logp;
    case LOCI_METRIC_LOGIT_DIFF: return m->logit_diff;
    case LOCI_METRIC_KL: return m->kl;
    case LOCI_METRIC_P:
    case LOCI_METRIC_RESTORATION:
    case LOCI_METRIC_RESTORATION_LOGIT_DIFF: break;
  }
  return m->p;
}

double metric_base(const loci_trace *trace, loci_direction direction, loci_metric metric) {
  return metric_of(direction == LOCI_NOISE ? &trace->clean.m : &trace->corrupted.m, metric);
}

/* A cell's number as it is drawn. */
static double drawn_of(const loci_grid *g, int64_t i, loci_metric metric, double base) {
  if (metric == LOCI_METRIC_RESTORATION) return g->restoration[i];
  if (metric == LOCI_METRIC_RESTORATION_LOGIT_DIFF)
    return g->restoration_logit_diff ? g->restoration_logit_diff[i] : (double)NAN;
  return metric_of(&g->cells[i], metric) - base;
}

static const char *unit_of(loci_metric metric) {
  switch (metric) {
    case LOCI_METRIC_P: return "indirect effect on p(answer)";
    case LOCI_METRIC_LOGP: return "indirect effect on log p(answer), nats";
    case LOCI_METRIC_LOGIT_DIFF: return "indirect effect on the logit difference";
    case LOCI_METRIC_KL: return "indirect effect on KL(clean || run), nats";
    case LOCI_METRIC_RESTORATION: return "restored share of the total effect";
    case LOCI_METRIC_RESTORATION_LOGIT_DIFF: return "restored share of the logit difference";
  }
  return "";
}

bool role_is_constraint(loci_role role) {
  return role >= LOCI_ROLE_CONSTRAINT_FIRST && role <= LOCI_ROLE_CONSTRAINT_LAST;
}

double heatmap_level(const heatmap *s, double value) {
  double bound = value < 0 ? -s->lo : s->hi;
  return bound > 0 ? colormap_level(value / bound) : 0;
}

bool heatmap_peak(const heatmap_panel *p, bool groups, int *row, int *layer) {
  double best = 0;
  int from = groups ? 0 : p->group_rows, to = groups ? p->group_rows : p->row_count;
  for (int r = from; r < to; r++) {
    for (int l = 0; l < p->layer_count; l++) {
      int64_t i = (int64_t)r * p->layer_count + l;
      double x = fabs(p->values[i]);
      if (p->exact && !p->exact[i]) continue; /* an estimate is no finding */
      if (!(x > best)) continue;              /* NaN is never stronger */
      best = x;
      *row = r;
      *layer = l;
    }
  }
  return best > 0;
}

/* ---------------------------------------------------------------- building */

/* What building needs to know; one panel is made from at most two grids. */
typedef struct heatmap_builder {
  const loci_trace *trace;
  loci_metric metric;
  int max_rows;
  label_spelling spelling;
  heatmap *s;
} heatmap_builder;

static bool same_axes(const loci_grid *a, const loci_grid *b) {
  return a->site == b->site && a->window == b->window && a->direction == b->direction &&
         a->layer_count == b->layer_count &&
         memcmp(a->layers, b->layers, sizeof(int) * (size_t)a->layer_count) == 0;
}

/* The grid of groups that goes with a grid of positions, or the other way round; NULL: none. */
static const loci_grid *partner_of(const loci_trace *t, int i) {
  const loci_grid *g = &t->grids[i];
  for (int k = 0; k < t->grid_count; k++) {
    const loci_grid *other = &t->grids[k];
    if (k != i && !other->groups != !g->groups && same_axes(g, other)) return other;
  }
  return NULL;
}

/* Whether grid i is drawn in the panel of an earlier grid. */
static bool is_second(const loci_trace *t, int i) {
  const loci_grid *partner = partner_of(t, i);
  return partner && partner < &t->grids[i] &&
         partner_of(t, (int)(partner - t->grids)) == &t->grids[i];
}

/* The effect in one cell: of its strongest head. */
typedef struct effect {
  double value;
  int head;
  bool zero, exact;
} effect;

static effect effect_of(const heatmap_builder *m, const loci_grid *g, int layer, int column) {
  int heads = g->head_count > 0 ? g->head_count : 1;
  double base = metric_base(m->trace, g->direction, m->metric);
  effect best = {(double)NAN, 0, true, false};
  for (int h = 0; h < heads; h++) {
    int64_t i = ((int64_t)layer * g->column_count + column) * heads + h;
    bool skipped = g->skipped && g->skipped[i];
    double x = drawn_of(g, i, m->metric, base);
    if (skipped && !isnan(x)) x = 0;
    if (!skipped) best.zero = false;
    if (!isnan(best.value) && !(fabs(x) > fabs(best.value))) continue;
    best.value = x;
    best.head = h;
    best.exact = !skipped && (!g->exact || g->exact[i]);
  }
  return best;
}

/* A panel's arrays while they are filled, from some row on. */
typedef struct cells {
  double *values;
  int *heads;
  bool *zero, *exact;
} cells;

static cells cells_of_row(const cells *x, int64_t row, int layers) {
  int64_t i = row * layers;
  return (cells){x->values + i, x->heads + i, x->zero + i, x->exact + i};
}

/* Folds one column of a grid into row r of the panel: the strongest wins. */
static void fold_column(const heatmap_builder *m, const loci_grid *g, int column,
                        const cells *row) {
  for (int l = 0; l < g->layer_count; l++) {
    effect x = effect_of(m, g, l, column);
    if (isnan(row->values[l]) || fabs(x.value) > fabs(row->values[l])) {
      row->values[l] = x.value;
      row->heads[l] = x.head;
      row->exact[l] = x.exact;
    }
    row->zero[l] = row->zero[l] && x.zero;
    if (x.zero) m->s->has_zero = true;
  }
  if (g->exact) m->s->screened = true;
  if (g->head_count > 0) m->s->has_heads = true;
}

static loci_role role_at(const heatmap_builder *m, int position) {
  const loci_prompt_info *p = m->trace->prompt;
  return position >= 0 && position < p->length ? p->tokens[position].role : LOCI_ROLE_BEFORE;
}

/* Rows of a band hold one kind of position only: image, constraint, other. */
static int kind_of(loci_role role) {
  return role == LOCI_ROLE_IMAGE ? 1 : role_is_constraint(role) ? 2 : 0;
}

/* How many positions share a row, by kind: the image gives way first. */
static void choose_bands(const heatmap_builder *m, const loci_grid *g, int band[3]) {
  int count[3] = {0, 0, 0};
  for (int c = 0; c < g->column_count; c++) count[kind_of(role_at(m, g->positions[c]))]++;
  int words = count[0] + count[2];
  int left = m->max_rows - words > m->max_rows / 4 ? m->max_rows - words : m->max_rows / 4;
  if (left < 1) left = 1;
  band[0] = band[1] = band[2] = 1;
  if (g->column_count <= m->max_rows) return;
  band[1] = (count[1] + left - 1) / left;
  if (words > m->max_rows) band[0] = band[2] = (words + m->max_rows - 1) / m->max_rows;
  for (int k = 0; k < 3; k++) {
    if (band[k] < 1) band[k] = 1;
  }
}

static const char *row_label(const heatmap_builder *m, const heatmap_row *r) {
  char text[64];
  const loci_prompt_info *p = m->trace->prompt;
  if (r->first == r->last) {
    const char *token = r->first >= 0 && r->first < p->length ? p->tokens[r->first].text : "";
    return label_token(m->s->mem, m->spelling, token);
  }
  snprintf(text, sizeof text, "%s%d\xE2\x80\x93%d", r->role == LOCI_ROLE_IMAGE ? "image " : "",
           r->first, r->last);
  return arena_strdup(m->s->mem, text);
}

/* Room for a panel's arrays; every value empty, every cell a zero so far. */
static bool panel_alloc(const heatmap_builder *m, heatmap_panel *p, int rows, heatmap_row **row,
                        cells *x) {
  int64_t n = (int64_t)rows * p->layer_count;
  *row = arena_zarray(m->s->mem, rows > 0 ? rows : 1, heatmap_row);
  x->values = arena_array(m->s->mem, n > 0 ? n : 1, double);
  x->heads = arena_zarray(m->s->mem, n > 0 ? n : 1, int);
  x->zero = arena_array(m->s->mem, n > 0 ? n : 1, bool);
  x->exact = arena_zarray(m->s->mem, n > 0 ? n : 1, bool);
  if (!*row || !x->values || !x->heads || !x->zero || !x->exact) return false;
  for (int64_t i = 0; i < n; i++) x->values[i] = (double)NAN, x->zero[i] = true;
  p->rows = *row;
  p->values = x->values;
  p->zero = x->zero;
  return true;
}

static bool fill_panel(const heatmap_builder *m, heatmap_panel *p, const loci_grid *groups,
                       const loci_grid *tokens) {
  heatmap_row *row;
  cells all, at;
  int n = 0, used = 0, band[3] = {1, 1, 1}, rows = groups ? groups->column_count : 0;
  if (!panel_alloc(m, p, rows + (tokens ? tokens->column_count : 0), &row, &all)) return false;
  const loci_grid *any = groups ? groups : tokens;
  if (any && any->exact) p->exact = all.exact;
  if (any && any->head_count > 0) p->heads = all.heads;
  for (; n < rows; n++) {
    row[n] = (heatmap_row){label_text(m->s->mem, groups->groups[n]), -1, -1, LOCI_ROLE_BEFORE};
    if (!row[n].label) return false;
    at = cells_of_row(&all, n, p->layer_count);
    fold_column(m, groups, n, &at);
  }
  p->group_rows = n;
  if (tokens) choose_bands(m, tokens, band);
  for (int c = 0; tokens && c < tokens->column_count; c++) {
    int position = tokens->positions[c];
    loci_role role = role_at(m, position);
    bool joins = n > p->group_rows && kind_of(row[n - 1].role) == kind_of(role) &&
                 used < band[kind_of(role)] && row[n - 1].last == position - 1;
    if (!joins) row[n++] = (heatmap_row){NULL, position, position, role}, used = 0;
    row[n - 1].last = position;
    if (++used > m->s->band) m->s->band = used;
    at = cells_of_row(&all, n - 1, p->layer_count);
    fold_column(m, tokens, c, &at);
  }
  p->row_count = n;
  for (int r = p->group_rows; r < n; r++) {
    row[r].label = row_label(m, &row[r]);
    if (!row[r].label) return false;
  }
  return true;
}

static const char *panel_title(const heatmap_builder *m, const heatmap_panel *p) {
  char text[96], window[32] = "";
  if (p->window > 1 || m->trace->window_count > 1)
    snprintf(window, sizeof window, ", window %d", p->window);
  snprintf(text, sizeof text, "%s%s, %s", site_name(p->site), window,
           m->trace->donor              ? "the donor's into its own run"
           : p->direction == LOCI_NOISE ? "corrupted into clean"
                                        : "clean into corrupted");
  return arena_strdup(m->s->mem, text);
}

static bool add_panel(const heatmap_builder *m, int i) {
  const loci_grid *g = &m->trace->grids[i], *partner = partner_of(m->trace, i);
  if (partner && partner_of(m->trace, (int)(partner - m->trace->grids)) != g) partner = NULL;
  heatmap_panel *p = &m->s->panels[m->s->panel_count++];
  p->site = g->site;
  p->window = g->window;
  p->direction = g->direction;
  p->layer_count = g->layer_count;
  p->layers = g->layers;
  p->title = panel_title(m, p);
  return p->title && fill_panel(m, p, g->groups ? g : partner, g->groups ? partner : g);
}

const char *heatmap_flat(const heatmap *s) {
  return s->defined ? "no effect in any cell" : "not defined in any cell: there is no total effect";
}

void heatmap_scale(heatmap *s) {
  for (int i = 0; i < s->panel_count; i++) {
    const heatmap_panel *p = &s->panels[i];
    for (int64_t k = 0; k < (int64_t)p->row_count * p->layer_count; k++) {
      double x = p->values[k];
      if (!isfinite(x)) continue;
      s->defined = true;
      s->lo = fmin(s->lo, x);
      s->hi = fmax(s->hi, x);
    }
  }
  s->most = fmax(s->hi, -s->lo);
  if (s->most == 0) return;
  bool up = s->hi > 0.05 * -s->lo, down = -s->lo > 0.05 * s->hi;
  double reach = fmax(s->most, s->floor);
  s->hi = up ? reach : 0;
  s->lo = down ? -reach : 0;
}

void heatmap_fix(heatmap *s, double bound) {
  if (!(bound > 0) || !(s->hi > s->lo)) return;
  bool down = s->lo<-0.05 * bound, up = s->hi> 0 || !down;
  s->hi = up ? bound : 0;
  s->lo = down ? -bound : 0;
}

/* Of what is drawn as a share of the total effect, as much as it is of p. */
static double floor_of(const loci_trace *trace, loci_metric metric) {
  double total = fabs(trace->total_effect);
  if (metric == LOCI_METRIC_RESTORATION_LOGIT_DIFF)
    total = fabs(trace->clean.m.logit_diff - trace->corrupted.m.logit_diff);
  return metric >= LOCI_METRIC_RESTORATION && total > 0 ? heatmap_least_effect / total
                                                        : heatmap_least_effect;
}

heatmap *heatmap_of_trace(arena *mem, const loci_trace *trace, loci_metric metric,
                          loci_direction direction, int max_rows) {
  heatmap *s = arena_zarray(mem, 1, heatmap);
  if (!s) return NULL;
  s->mem = mem;
  s->unit = unit_of(metric);
  s->floor = floor_of(trace, metric);
  s->panels = arena_zarray(mem, trace->grid_count + 1, heatmap_panel);
  bool sound = s->panels != NULL;
  label_spelling spelling = label_spelling_of(trace->prompt->tokens, trace->prompt->length);
  heatmap_builder m = {trace, metric, max_rows, spelling, s};
  for (int i = 0; sound && i < trace->grid_count; i++) {
    if (trace->grids[i].direction == direction && !is_second(trace, i)) sound = add_panel(&m, i);
  }
  heatmap_scale(s);
  return sound ? s : NULL;
}

/* ---------------------------------------------------------------- heads */

/* The strongest of a head's cells in one layer, of any position or group. */
static effect strongest_of(const heatmap_builder *m, const loci_grid *g, int layer, int head) {
  double base = metric_base(m->trace, g->direction, m->metric);
  effect best = {(double)NAN, head, true, false};
  for (int c = 0; c < g->column_count; c++) {
    int64_t i = ((int64_t)layer * g->column_count + c) * g->head_count + head;
    bool skipped = g->skipped && g->skipped[i];
    double x = drawn_of(g, i, m->metric, base);
    if (skipped && !isnan(x)) x = 0;
    best.zero = best.zero && skipped;
    if (!isnan(best.value) && !(fabs(x) > fabs(best.value))) continue;
    best.value = x;
    best.exact = !skipped && (!g->exact || g->exact[i]);
  }
  return best;
}

static bool fill_heads(const heatmap_builder *m, heatmap_panel *p, const loci_grid *g) {
  heatmap_row *row;
  cells all;
  char text[64];
  if (!panel_alloc(m, p, g->head_count, &row, &all)) return false;
  if (g->exact) p->exact = all.exact;
  p->group_rows = p->row_count = g->head_count;
  for (int h = 0; h < g->head_count; h++) {
    cells at = cells_of_row(&all, h, p->layer_count);
    snprintf(text, sizeof text, "head %d", h);
    row[h] = (heatmap_row){arena_strdup(m->s->mem, text), -1, -1, LOCI_ROLE_BEFORE};
    for (int l = 0; l < p->layer_count; l++) {
      effect x = strongest_of(m, g, l, h);
      at.values[l] = x.value;
      at.zero[l] = x.zero;
      at.exact[l] = x.exact;
      m->s->has_zero |= x.zero;
    }
    if (!row[h].label) return false;
  }
  m->s->screened |= g->exact != NULL;
  snprintf(text, sizeof text, "%s, by head: its strongest %s", panel_title(m, p),
           g->groups ? "group" : "position");
  p->title = arena_strdup(m->s->mem, text);
  return p->title != NULL;
}

heatmap *heatmap_of_heads(arena *mem, const loci_trace *trace, loci_metric metric,
                          loci_direction direction, const heatmap *of) {
  heatmap *s = arena_zarray(mem, 1, heatmap);
  if (!s) return NULL;
  heatmap_builder m = {.trace = trace, .metric = metric, .s = s};
  *s = (heatmap){.mem = mem, .unit = of->unit, .floor = of->floor};
  s->panels = arena_zarray(mem, trace->grid_count + 1, heatmap_panel);
  for (int i = 0; s->panels && i < trace->grid_count; i++) {
    const loci_grid *g = &trace->grids[i], *partner = partner_of(trace, i);
    bool told = g->groups && partner; /* the positions' grid tells more */
    if (g->direction != direction || g->head_count == 0 || told) continue;
    heatmap_panel *p = &s->panels[s->panel_count++];
    *p = (heatmap_panel){.site = g->site,
                         .window = g->window,
                         .direction = direction,
                         .layer_count = g->layer_count,
                         .layers = g->layers};
    if (!fill_heads(&m, p, g)) return NULL;
  }
  s->lo = of->lo;
  s->hi = of->hi;
  s->most = of->most;
  s->defined = of->defined;
  return s->panels ? s : NULL;
}
