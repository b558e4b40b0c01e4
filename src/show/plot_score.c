/* The page of a score: a bar with its interval for all examples, and one for each group. */
#include <math.h>
#include <stdio.h>

#include "show/formats.h"
#include "show/plot_bars.h"
#include "show/study_parts.h"

enum { MOST_BARS = 60, NAME_COLUMNS = 34 };
static const double CHART_W = 300;

typedef struct page {
  plot_page out; /* first */
  const loci_score *s;
  plot_bars bars;
  plot_series series;
  canvas_box box;
} page;

/* A bar's name, note and numbers, from the arrays of fill_bars. */
typedef struct columns {
  const char **names, **notes;
  double *value, *lo, *hi;
  int n;
} columns;

static bool add_bar(page *p, columns *to, const char *name, int n, const loci_interval *x) {
  char note[64], text[48];
  arena *mem = p->out.mem;
  const char *label = label_text(mem, name);
  snprintf(note, sizeof note, "%s  n %d", interval_text(x, false, false, text), n);
  to->names[to->n] = label ? label_cut(mem, label, NAME_COLUMNS, false) : NULL;
  to->notes[to->n] = arena_strdup(mem, note);
  to->value[to->n] = x->value;
  to->lo[to->n] = x->lo;
  to->hi[to->n] = x->hi;
  return to->names[to->n] && to->notes[to->n++];
}

static bool fill_bars(page *p) {
  const loci_score *s = p->s;
  int most = 1 + (s->group_count < MOST_BARS ? s->group_count : MOST_BARS);
  arena *mem = p->out.mem;
  double *x = arena_array(mem, 3 * most, double);
  if (!x) return false;
  columns to = {.names = arena_zarray(mem, most, const char *),
                .notes = arena_zarray(mem, most, const char *),
                .value = x,
                .lo = x + most,
                .hi = x + 2 * most};
  if (!to.names || !to.notes) return false;
  if (!add_bar(p, &to, "all", s->sample.used, &s->accuracy)) return false;
  for (int i = 0; to.n < most; i++) {
    const loci_score_group *g = &s->groups[i];
    if (!add_bar(p, &to, g->value ? g->value : "(none)", g->n, &g->accuracy)) return false;
  }
  p->series = (plot_series){.name = "", .values = to.value, .lo = to.lo, .hi = to.hi};
  p->bars = (plot_bars){.unit = "share answered rightly",
                        .lying = true,
                        .group_count = to.n,
                        .groups = to.names,
                        .notes = to.notes,
                        .series_count = 1,
                        .series = &p->series,
                        .mark = s->chance,
                        .mark_name = "guessing"};
  return true;
}

static bool lay_out(plot_page *out) {
  page *p = (page *)out;
  char text[160];
  double y = PLOT_MARGIN - 4;
  if (!fill_bars(p)) return false;
  double left = plot_bars_left(out->ruler, &p->bars), right = plot_bars_right(out->ruler, &p->bars);
  out->width = 2 * PLOT_MARGIN + left + CHART_W + right;
  plot_page_add(out, &plot_title_font, "How many answers are right?", 1, &y);
  y += 3;
  plot_page_add(out, &plot_text_font, score_title(p->s, text), 2, &y);
  y = plot_half_points(y + 12, 0, 1e9);
  p->box = (canvas_box){PLOT_MARGIN + left, y, CHART_W, PLOT_BAR_ROW * p->bars.group_count};
  y += p->box.h + plot_bars_below(out->ruler, &p->bars, CHART_W) + 8;
  plot_page_add(out, &plot_note_font, "Lines are 95 % Wilson intervals.", 1, &y);
  if (p->s->group_count > MOST_BARS) {
    snprintf(text, sizeof text, "The first %d of %d groups.", MOST_BARS, p->s->group_count);
    plot_page_add(out, &plot_note_font, text, 1, &y);
  }
  plot_sample(out, &p->s->sample, &y);
  out->height = ceil(y + PLOT_MARGIN - 6);
  return true;
}

static bool draw(plot_page *out, canvas *c) {
  const page *p = (const page *)out;
  plot_bars_draw(c, &p->bars, p->box);
  return true;
}

loci_status plot_score(const void *result, loci_metric metric, canvas_kind kind, bytes *out,
                       loci_err *err) {
  static const plot_picture picture = {"drawing a score", lay_out, draw};
  page p = {.s = result};
  (void)metric;
  return plot_page_draw(&p.out, &picture, "accuracy", kind, out, err);
}
