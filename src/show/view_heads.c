/* Averages head by head for the eye: a map of heads and layers, and the strongest of them in a
 * table. */
#include <math.h>

#include "show/view_heads.h"

enum { MOST_HEADS = 10 };

static void say_map(views *v, const loci_chart *c) {
  heatmap *s = view_array(v, 1, heatmap);
  heatmap_panel *p = view_array(v, 1, heatmap_panel);
  heatmap_row *rows = view_array(v, c->curve_count, heatmap_row);
  int64_t n = (int64_t)c->curve_count * c->point_count;
  double *values = view_array(v, n, double);
  bool *none = view_array(v, n, bool);
  if (v->status) return;
  for (int h = 0; h < c->curve_count; h++) {
    rows[h] = (heatmap_row){c->curves[h].name, -1, -1, LOCI_ROLE_BEFORE};
    for (int l = 0; l < c->point_count; l++)
      values[h * c->point_count + l] = c->curves[h].points[l].value;
  }
  *p = (heatmap_panel){.site = LOCI_SITE_Z,
                       .title = c->name,
                       .group_rows = c->curve_count,
                       .row_count = c->curve_count,
                       .rows = rows,
                       .layer_count = c->point_count,
                       .layers = c->points,
                       .values = values,
                       .zero = none};
  *s = (heatmap){
      .mem = v->mem, .panel_count = 1, .panels = p, .unit = c->unit, .floor = heatmap_least_effect};
  heatmap_scale(s);
  view_draw(v, VIEW_MAP, VIEW_ALL, false, s);
}

static const view_column column[] = {{"head", 9, false, false},
                                     {"layer", 7, false, false},
                                     {"indirect effect (95 %)", 28, false, false},
                                     {"in ten", 8, false, false},
                                     {"p", 9, false, false},
                                     {"Holm", 9, false, false},
                                     {"BH", 9, false, false}};
static const view_columns columns = {7, column};

/* Whether one that is not shown yet is stronger than the best so far. */
static bool is_next(const loci_chart *c, int64_t i, int64_t best, const bool *shown) {
  double x = c->curves[i / c->point_count].points[i % c->point_count].value;
  if (shown[i] || !(fabs(x) > 0)) return false;
  return best < 0 ||
         fabs(x) > fabs(c->curves[best / c->point_count].points[best % c->point_count].value);
}

static void say_head(views *v, const loci_chart *c, int64_t i) {
  const loci_curve *h = &c->curves[i / c->point_count];
  int l = (int)(i % c->point_count);
  char text[80];
  view_row(v, &columns);
  view_cell_of(v, VIEW_BOLD, "%s", h->name);
  view_cell_of(v, VIEW_BOLD, "%d", c->points[l]);
  view_cell_of(v, VIEW_PLAIN, "%s", mean_text(&h->points[l], v->ascii, text));
  const double *shares = h->among_ten, *tests[] = {h->p, h->holm, h->bh};
  view_cell_of(v, VIEW_DIM, "%.2f", shares ? shares[l] : (double)NAN);
  for (int t = 0; t < 3; t++)
    view_cell_of(v, VIEW_DIM, "%.2g", tests[t] ? tests[t][l] : (double)NAN);
}

void view_heads(views *v, const loci_chart *c) {
  char text[80];
  int64_t n = (int64_t)c->curve_count * c->point_count;
  bool *shown = view_array(v, n, bool);
  say_map(v, c);
  if (v->status) return;
  view_gap(v);
  view_row_of_titles(v, &columns);
  for (int k = 0; k < MOST_HEADS; k++) {
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++)
      if (is_next(c, i, best, shown)) best = i;
    if (best < 0) break;
    shown[best] = true;
    say_head(v, c, best);
  }
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_DIM, "own strongest head the mean's in %s of the examples",
           interval_text(&c->curves[0].own_peak, false, v->ascii, text));
}
