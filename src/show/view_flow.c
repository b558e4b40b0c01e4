/* Attention contributions for the eye: for each pathway its sources over the picture or as a map,
 * numbers layer by layer, and the heads if they were kept. */
#include <math.h>

#include "base/fixed.h"
#include "model/image_layout.h"
#include "show/flow_heatmap.h"
#include "show/view_parts.h"

enum { MAX_ROWS = 40 };

static const view_column columns[] = {{"layer", 5, true, false},   {"total", 11, true, false},
                                      {"max", 11, true, false},    {"mean", 11, true, false},
                                      {"|sum|", 11, true, false},  {"attention", 11, true, false},
                                      {"top 5 %", 11, true, false}};
static const view_columns table = {sizeof columns / sizeof *columns, columns};

static void say_table(views *v, const loci_flow *f, const loci_flow_path *x) {
  int peak = flow_peak(f, x);
  const double *columns_of[] = {x->total, x->max, x->mean, x->norm_of_sum};
  char digits[32];
  view_row_of_titles(v, &table);
  for (int l = 0; l < f->layer_count; l++) {
    view_style style = l == peak ? VIEW_BOLD : VIEW_PLAIN;
    view_row(v, &table);
    view_cell_of(v, style, "%d", f->layers[l]);
    for (int k = 0; k < 4; k++)
      view_cell_of(v, style, "%s", fixed_digits(columns_of[k][l], 4, digits));
    view_cell_of(v, style, "%.4f", x->attention[l]);
    view_cell_of(v, style, "%.1f %%", 100 * x->top_share[l]);
  }
}

static void say_patch(views *v, const loci_flow *f, const loci_flow_path *x, int at) {
  const loci_prompt_info *p = f->prompt;
  int row = flow_image_row(f, x, at);
  image_cell cell = layout_cell(p->image_views, p->image_view_count, row);
  const loci_image_view *view = cell.view < 0 ? NULL : &p->image_views[cell.view];
  if (x->outside && view) {
    view_say(v, VIEW_PLAIN, "row %d of the picture, of its row %d and column %d.", at, cell.row,
             cell.col);
  } else if (x->outside) {
    view_say(v, VIEW_PLAIN, "row %d of the picture, of a whole tile.", at);
  } else if (!view || p->image_view_count == 1) {
    view_say(v, VIEW_PLAIN, "image position %d, of patch %d.", at, row);
  } else if (cell.col == view->cols) {
    view_say(v, VIEW_PLAIN, "image position %d, the end of row %d (%s).", at, cell.row, view->name);
  } else {
    view_say(v, VIEW_PLAIN, "image position %d, row %d, column %d (%s).", at, cell.row, cell.col,
             view->name);
  }
}

/* The strongest source in the layer in which most flows. */
static void say_peak(views *v, const loci_flow *f, const loci_flow_path *x) {
  int l = flow_peak(f, x), at = x->top[(int64_t)l * x->top_count];
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_PLAIN, "Most flows in layer %d; most of it from", f->layers[l]);
  if (x->outside || f->prompt->tokens[at].role == LOCI_ROLE_IMAGE) {
    say_patch(v, f, x, at);
  } else {
    view_say(v, VIEW_PLAIN, "position %d \xE2\x80\x9C%s\xE2\x80\x9D.", at,
             view_token(v, view_spelling(f->prompt), f->prompt->tokens[at].text));
  }
}

static const heatmap *whole(views *v, const heatmap *s) {
  if (!s && !v->status) v->status = fail_nomem(v->err, "drawing");
  return s;
}

/* Whether the pathway's sources are positions of a picture that the flow has: all of them, or those
 * of a view. */
static bool has_overlay(const loci_flow *f, const loci_flow_path *x) {
  const loci_prompt_info *p = f->prompt;
  int first = flow_image_row(f, x, x->sources[0]), n = x->source_count;
  int count = x->outside ? p->source_seen : p->image_count;
  bool begins = false; /* no row stands before all views */
  if (!f->pixels || count == 0 || first < 0 || first + n > count) return false;
  if (flow_image_row(f, x, x->sources[n - 1]) != first + n - 1) return false;
  for (int i = 0; i < p->image_view_count; i++) begins |= p->image_views[i].first == 0;
  return begins && (n == count || f->cell_size == 0);
}

/* Contributions over the picture or, of other sources, as a map beside that of raw attention. */
static void say_sources(views *v, const loci_flow *f, const loci_flow_path *x) {
  const heatmap *s = whole(v, flow_heatmap(v->mem, f, x, FLOW_CONTRIBUTION, MAX_ROWS));
  bool overlay = has_overlay(f, x);
  if (!s) return;
  view_draw(v, VIEW_MAP, overlay ? VIEW_TERM : VIEW_ALL, false, s);
  if (overlay) {
    view_overlay *o = view_array(v, 1, view_overlay);
    if (o) *o = (view_overlay){f, x, flow_peak(f, x)};
    view_draw(v, VIEW_OVERLAY, VIEW_PAGE | VIEW_HTML, false, o);
  } else {
    const heatmap *raw = whole(v, flow_heatmap(v->mem, f, x, FLOW_ATTENTION, MAX_ROWS));
    view_draw(v, VIEW_MAP, VIEW_PAGE | VIEW_HTML, true, raw);
  }
  if (s->band > 1) {
    view_begin(v, VIEW_LINE);
    view_only(v, overlay ? VIEW_TERM : VIEW_ALL);
    view_say(v, VIEW_DIM, "Up to %d positions share a row, which shows the strongest of them.",
             s->band);
  }
}

static void say_heads(views *v, const loci_flow *f, const loci_flow_path *x) {
  const heatmap *s = whole(v, flow_heads_heatmap(v->mem, f, x));
  int head, layer;
  char digits[32];
  if (!s) return;
  view_gap(v);
  view_draw(v, VIEW_MAP, VIEW_ALL, false, s);
  if (!heatmap_peak(s->panels, true, &head, &layer)) return;
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_PLAIN, "The strongest head is %d in layer %d: %s.", head, f->layers[layer],
           fixed_digits(s->panels->values[(int64_t)head * f->layer_count + layer], 4, digits));
}

static void say_lines(views *v, const loci_flow *f, const char *unit, const view_series *series,
                      int count) {
  view_lines *l = view_array(v, 1, view_lines);
  view_series *own = view_array(v, count, view_series);
  for (int i = 0; i < count && own; i++) own[i] = series[i];
  if (v->status) return;
  *l = (view_lines){.unit = unit,
                    .x_name = "layer",
                    .point_count = f->layer_count,
                    .points = f->layers,
                    .series_count = count,
                    .series = own,
                    .mark = (double)NAN};
  view_draw(v, VIEW_LINES, VIEW_PAGE | VIEW_HTML, count == 1, l);
}

static void say_path(views *v, const loci_flow *f, const loci_flow_path *x) {
  const view_series parts[] = {{.name = "norm of the sum", .values = x->norm_of_sum},
                               {.name = "maximum", .values = x->max},
                               {.name = "mean", .values = x->mean}};
  const view_series weight = {.name = "all sources together", .values = x->attention};
  view_gap(v);
  view_begin(v, VIEW_HEADING);
  view_only(v, VIEW_PAGE | VIEW_HTML);
  view_say(v, VIEW_BOLD, "%s \xE2\x86\x92 %s", x->from, x->to);
  say_sources(v, f, x);
  view_gap(v);
  say_table(v, f, x);
  view_gap(v);
  say_peak(v, f, x);
  if (f->head_count > 0) say_heads(v, f, x);
  if (f->layer_count == 1) return; /* the map says it all */
  say_lines(v, f, "contribution", parts, 3);
  say_lines(v, f, "raw attention, mean over heads", &weight, 1);
}

void view_flow(const void *result, const loci_draw_opts *opts, views *v) {
  const loci_flow *f = result;
  (void)opts;
  view_question(v, f->prompt, f->model);
  view_fact(v, "answers");
  view_outcome(v, view_spelling(f->prompt), f->next);
  for (int i = 0; i < f->path_count; i++) say_path(v, f, &f->paths[i]);
  view_gap(v);
  view_notes(v, f->notes, f->note_count);
  view_cost(v, f->model, &f->cost, "vector");
  view_made_by(v, f->model, f->precision, NULL);
}
