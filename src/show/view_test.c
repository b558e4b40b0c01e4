/* What is seen are the numbers of the result, each at its place: blocks are compared with structs
 * of random contents, then what the back ends make of blocks. */
#include "show/seen_test.h"

/* ---------------------------------------------------------------- knockouts */

static loci_metrics draw_metrics(source *s) {
  double p = draw_one(s);
  return (loci_metrics){p, log(p), p, log(p), 9 * draw_one(s), draw_one(s)};
}

static loci_knockout make_knockout(const fixture *f, source *s, int paths) {
  static const char *const names[] = {"image", "constraint", "last"};
  loci_pathway *x = arena_zarray(s->mem, paths, loci_pathway);
  for (int a = 0; a < paths; a++) {
    loci_metrics *cells = arena_array(s->mem, LAYERS, loci_metrics);
    for (int i = 0; i < LAYERS; i++) cells[i] = draw_metrics(s);
    x[a] = (loci_pathway){.from = names[a % 3],
                          .to = "last",
                          .window = 1,
                          .layer_count = LAYERS,
                          .layers = count_up(s, 3, LAYERS),
                          .cells = cells,
                          .skipped = arena_zarray(s->mem, LAYERS, bool)};
  }
  return (loci_knockout){.model = f->trace.model,
                         .prompt = f->trace.prompt,
                         .precision = "f32",
                         .target_text = "x",
                         .clean = {.m = draw_metrics(s)},
                         .other = {.text = "y"},
                         .pathway_count = paths,
                         .pathways = x};
}

static double metric_by_name(const loci_metrics *m, loci_metric metric) {
  const double all[] = {m->p, m->logp, m->logit_diff, m->kl};
  return all[metric];
}

static void a_knockout_shows_every_layer_of_its_own(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){0});
  source s = source_of(f.mem);
  loci_knockout k = make_knockout(&f, &s, PATHS);
  for (int metric = LOCI_METRIC_P; metric <= LOCI_METRIC_KL; metric++) {
    views v = blocks_of(view_knockout, &k, (loci_metric)metric);
    const view_lines *l = nth(&v, VIEW_LINES, 0)->data;
    assert_int_equal(l->series_count, PATHS);
    assert_true(l->mark == metric_by_name(&k.clean.m, (loci_metric)metric));
    for (int a = 0; a < PATHS; a++) {
      int best = 0;
      double most = -1;
      char text[64];
      for (int i = 0; i < LAYERS; i++) {
        double x = metric_by_name(&k.pathways[a].cells[i], (loci_metric)metric);
        assert_true(l->series[a].values[i] == x);
        assert_int_equal(l->points[i], 3 + i);
        if (fabs(x - l->mark) > most) most = fabs(x - l->mark), best = i;
      }
      snprintf(text, sizeof text, "%s \xE2\x86\x92 last, layer %d:", k.pathways[a].from, 3 + best);
      assert_true(says(&v, text));
    }
    views_free(&v);
  }
  fixture_free(&f);
}

static void all_layers_at_once_have_no_number(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.layers = 4});
  source s = source_of(f.mem);
  loci_knockout k = make_knockout(&f, &s, 1);
  loci_pathway *x = (loci_pathway *)(uintptr_t)k.pathways;
  x->window = 8, x->layer_count = 1, x->layers = count_up(&s, 2, 1);
  char *text = text_of(view_knockout, &k, (loci_draw_opts){0}), *svg;
  svg_of(view_knockout, &k, &svg);
  assert_non_null(strstr(text, "all layers"));
  assert_null(strstr(text, "layer 2"));
  assert_non_null(strstr(svg, "attention cut in all layers</text>"));
  assert_null(strstr(svg, ">2</text>"));
  views v = blocks_of(view_knockout, &k, LOCI_METRIC_P);
  const view_bars *b = nth(&v, VIEW_BARS, 0)->data;
  assert_true(b->series->values[0] == x->cells[0].p && b->mark == k.clean.m.p);
  views_free(&v);
  loci_text_free(text);
  free(svg);
  fixture_free(&f);
}

/* Circles and the corners of bands lie on one straight line of their values. */
static void lines_lie_where_their_numbers_are(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){0});
  source s = source_of(f.mem);
  double *x = draw_many(&s, 3 * LAYERS);
  for (int i = 0; i < LAYERS; i++) x[LAYERS + i] = x[i] - 0.3, x[2 * LAYERS + i] = x[i] + 0.2;
  const view_series series = {.name = "n", .values = x, .lo = x + LAYERS, .hi = x + 2 * LAYERS};
  const view_lines l = {.unit = "p",
                        .x_name = "layer",
                        .point_count = LAYERS,
                        .points = count_up(&s, 0, LAYERS),
                        .series_count = 1,
                        .series = &series,
                        .mark = (double)NAN};
  const view_block b = {.kind = VIEW_LINES, .on = VIEW_ALL, .data = &l};
  bytes out = {0};
  char *svg = NULL;
  assert_int_equal(page_of_blocks(&b, NULL, "", CANVAS_SVG, &out, NULL), LOCI_OK);
  assert_int_equal(bytes_take(&out, &svg, NULL, NULL), LOCI_OK);
  double y[LAYERS];
  const char *p = svg;
  for (int i = 0; i < LAYERS; i++) {
    p = strstr(p + 1, "<circle");
    assert_non_null(p);
    y[i] = attribute(p, "cy");
  }
  double slope = (y[1] - y[0]) / (x[1] - x[0]), zero = y[0] - slope * x[0];
  assert_true(slope < 0); /* up is more */
  for (int i = 0; i < LAYERS; i++) assert_true(fabs(zero + slope * x[i] - y[i]) < 0.05);
  p = strstr(svg, "<polygon points=\"");
  assert_non_null(p);
  p += strlen("<polygon points=\"");
  for (int i = 0; i < 2 * LAYERS; i++) {
    double want = i < LAYERS ? x[LAYERS + i] : x[2 * LAYERS + 2 * LAYERS - 1 - i];
    assert_true(fabs(zero + slope * want - atof(strchr(p, ',') + 1)) < 0.05);
    p = strchr(p, ' ') + 1;
  }
  free(svg);
  fixture_free(&f);
}

/* ---------------------------------------------------------------- maps */

static void check_fill(const char *rect, rgb want) {
  char text[32];
  snprintf(text, sizeof text, " fill=\"#%02x%02x%02x\"", colormap_byte(want.r),
           colormap_byte(want.g), colormap_byte(want.b));
  const char *at = strstr(rect, " fill=");
  assert_non_null(at);
  assert_memory_equal(at, text, strlen(text));
}

/* A picture's cells, and a terminal's, in the order of the heatmap. */
static void cells_have_the_colours_of_their_numbers(void **state) {
  (void)state;
  for (int dip = 0; dip < 2; dip++) {
    fixture f;
    fixture_make(&f, (fixture_opts){.sites = 1, .dip = dip ? 0.3 : 0});
    const heatmap *s = heatmap_of_trace(f.mem, &f.trace, LOCI_METRIC_P, LOCI_DENOISE, 44);
    const heatmap_panel *p = s->panels;
    char *svg;
    svg_of(view_trace, &f.trace, &svg);
    const char *rect = strstr(svg, "<rect"); /* the page */
    for (int i = 0; i < p->row_count * p->layer_count; i++) {
      rect = strstr(rect + 1, "<rect");
      assert_non_null(rect);
      check_fill(rect, p->zero[i] ? page_zero : colormap(p->values[i] / s->most, dip == 1));
    }
    free(svg);
    char *text = text_of(view_trace, &f.trace, (loci_draw_opts){.color = LOCI_COLOR_TRUE});
    for (int i = 0; i < p->row_count * p->layer_count; i++) {
      char escape[32];
      rgb c = colormap(p->values[i] / s->most, dip == 1);
      snprintf(escape, sizeof escape, "48;2;%d;%d;%dm", colormap_byte(c.r), colormap_byte(c.g),
               colormap_byte(c.b));
      if (!p->zero[i]) assert_non_null(strstr(text, escape));
    }
    loci_text_free(text);
    fixture_free(&f);
  }
}

static void a_map_of_heads_names_the_strongest(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.sites = 1, .heads = 4});
  loci_grid *g = (loci_grid *)(uintptr_t)f.trace.grids;
  loci_metrics *cells = (loci_metrics *)(uintptr_t)g->cells;
  int column = g->column_count - 1, layer = 7;
  cells[((int64_t)layer * g->column_count + column) * 4 + 2].p = f.trace.corrupted.m.p + 0.77;
  views v = blocks_of(view_trace, &f.trace, LOCI_METRIC_P);
  assert_true(says(&v, "z, layer 7, head 2, "));
  assert_true(says(&v, "restores 0.77 of 0.79"));
  views_free(&v);
  char *svg;
  svg_of(view_trace, &f.trace, &svg);
  assert_non_null(strstr(svg, "head 2,")); /* in the picture, too */
  free(svg);
  fixture_free(&f);
}

/* ---------------------------------------------------------------- lens */

static void a_lens_shows_the_words_of_every_layer(void **state) {
  (void)state;
  enum { POSITIONS = 3 };
  fixture f;
  fixture_make(&f, (fixture_opts){0});
  source s = source_of(f.mem);
  loci_lens_cell *cells = arena_zarray(f.mem, POSITIONS * LAYERS, loci_lens_cell);
  char names[POSITIONS * LAYERS][16];
  for (int i = 0; i < POSITIONS * LAYERS; i++) {
    snprintf(names[i], sizeof names[i], "w%dq", 100 + i);
    cells[i] = (loci_lens_cell){.p = draw_one(&s), .logp = -draw_one(&s), .rank = 2 + i};
    cells[i].top[0] = (loci_candidate){7, names[i], draw_one(&s)};
  }
  const loci_lens l = {.model = f.trace.model,
                       .prompt = f.trace.prompt,
                       .precision = "f32",
                       .target_id = 8,
                       .target_text = "t",
                       .position_count = POSITIONS,
                       .positions = count_up(&s, 5, POSITIONS),
                       .layer_count = LAYERS,
                       .layers = count_up(&s, 2, LAYERS),
                       .cells = cells};
  views v = blocks_of(view_lens, &l, LOCI_METRIC_P),
        logs = blocks_of(view_lens, &l, LOCI_METRIC_LOGP);
  const view_words *w = nth(&v, VIEW_WORDS, 0)->data;
  const view_lines *lines = nth(&v, VIEW_LINES, 0)->data;
  const view_lines *log_lines = nth(&logs, VIEW_LINES, 0)->data;
  char *svg, *text = text_of(view_lens, &l, (loci_draw_opts){0});
  svg_of(view_lens, &l, &svg);
  for (int i = 0; i < POSITIONS * LAYERS; i++) {
    assert_string_equal(w->words[i].text, names[i]);
    assert_true(w->words[i].p == cells[i].top[0].p && w->words[i].target_p == cells[i].p);
    assert_int_equal(w->words[i].target_rank, cells[i].rank);
    assert_true(lines->series[i / LAYERS].values[i % LAYERS] == cells[i].p);
    assert_true(log_lines->series[i / LAYERS].values[i % LAYERS] == cells[i].logp);
    assert_int_equal(times(svg, names[i]), 1);
    assert_int_equal(times(text, names[i]), 1);
  }
  free(svg);
  loci_text_free(text);
  views_free(&v);
  views_free(&logs);
  fixture_free(&f);
}

/* ---------------------------------------------------------------- averages */

static void averages_show_means_bands_and_peaks(void **state) {
  (void)state;
  enum { CURVES = 2 };
  fixture f;
  fixture_make(&f, (fixture_opts){0});
  source s = source_of(f.mem);
  loci_curve curves[CURVES] = {{.name = "one", .n = 5}, {.name = "two", .n = 6}};
  for (int k = 0; k < CURVES; k++) {
    loci_interval *points = arena_array(f.mem, LAYERS, loci_interval);
    for (int i = 0; i < LAYERS; i++) points[i] = draw_interval(&s);
    curves[k].points = points;
  }
  const loci_chart chart = {.name = "a -> b",
                            .unit = "p",
                            .x_name = "layer",
                            .point_count = LAYERS,
                            .points = count_up(&s, 4, LAYERS),
                            .curve_count = CURVES,
                            .curves = curves,
                            .mark = 0.5,
                            .mark_name = "clean"};
  const loci_average a = {.what = "knockout",
                          .title = "t",
                          .sample = {.model = f.trace.model,
                                     .precision = "f32",
                                     .path = "x",
                                     .template_name = "y",
                                     .date = "2025-12-24",
                                     .used = 6},
                          .chart_count = 1,
                          .charts = &chart};
  views v = blocks_of(view_average, &a, LOCI_METRIC_P);
  assert_true(says(&v, "only 6 examples"));
  assert_true(says(&v, "the template writes the day: 2025-12-24"));
  const view_lines *l = nth(&v, VIEW_LINES, 0)->data;
  for (int k = 0; k < CURVES; k++) {
    const loci_interval *x = curves[k].points;
    char text[80], number[80];
    int peak = 0;
    for (int i = 0; i < LAYERS; i++) {
      assert_true(l->series[k].values[i] == x[i].value);
      assert_true(l->series[k].lo[i] == x[i].lo && l->series[k].hi[i] == x[i].hi);
      if (fabs(x[i].value - 0.5) > fabs(x[peak].value - 0.5)) peak = i;
    }
    snprintf(number, sizeof number, "%.3f (%.3f ", x[peak].value, x[peak].lo);
    snprintf(text, sizeof text, "at layer %d ", 4 + peak);
    assert_true(says(&v, text));
    assert_true(says(&v, number) || x[peak].hi >= 1);
  }
  views_free(&v);
  fixture_free(&f);
}

/* ---------------------------------------------------------------- options, odd numbers */

static void options_out_of_range_are_refused(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){0});
  loci_draw_opts odd[] = {{.metric = (loci_metric)99},
                          {.metric = (loci_metric)-1},
                          {.color = (loci_color)7},
                          {.columns = -1}};
  for (int i = 0; i < 4; i++) {
    char *text, path[64];
    loci_err err;
    odd[i].size = sizeof odd[i];
    assert_int_equal(loci_draw(&f.trace.result, &odd[i], &text, &err), LOCI_EINVAL);
    assert_null(text);
    assert_non_null(strstr(err.msg, "drawing: "));
    static const char *const endings[] = {".png", ".svg", ".html", ".csv", ".json"};
    for (int k = 0; k < 5; k++) {
      assert_int_equal(loci_write(&f.trace.result, fixture_path(path, endings[k]), &odd[i], &err),
                       LOCI_EINVAL);
      assert_int_equal(access(path, F_OK), -1);
    }
  }
  fixture_free(&f);
}

/* Whatever the numbers are, drawing them ends, and indexes nothing out of range. */
static void odd_numbers_are_drawn(void **state) {
  (void)state;
  const double odd[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 1e308, -1e308, 5e-324};
  for (int i = 0; i < 6; i++) {
    fixture f;
    fixture_make(&f, (fixture_opts){.groups = true, .sites = 1});
    source s = source_of(f.mem);
    loci_metrics *cells = (loci_metrics *)(uintptr_t)f.trace.grids[0].cells;
    for (int k = 0; k < 20; k++) cells[k * 3].p = odd[i];
    loci_knockout knockout = make_knockout(&f, &s, 2);
    ((loci_metrics *)(uintptr_t)knockout.pathways[1].cells)[2].p = odd[i];
    for (int color = LOCI_COLOR_NONE; color <= LOCI_COLOR_TRUE; color++) {
      const loci_draw_opts o = {.size = sizeof o, .color = (loci_color)color};
      loci_text_free(text_of(view_trace, &f.trace, o));
      loci_text_free(text_of(view_knockout, &knockout, o));
    }
    char *svg;
    svg_of(view_trace, &f.trace, &svg);
    free(svg);
    svg_of(view_knockout, &knockout, &svg);
    free(svg);
    char text[80];
    const loci_interval x = {odd[i], odd[i], odd[i]};
    assert_true(strlen(mean_text(&x, false, text)) < 79);
    assert_true(strlen(interval_text(&x, true, false, text)) < 79);
    fixture_free(&f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_knockout_shows_every_layer_of_its_own),
      cmocka_unit_test(all_layers_at_once_have_no_number),
      cmocka_unit_test(lines_lie_where_their_numbers_are),
      cmocka_unit_test(cells_have_the_colours_of_their_numbers),
      cmocka_unit_test(a_map_of_heads_names_the_strongest),
      cmocka_unit_test(a_lens_shows_the_words_of_every_layer),
      cmocka_unit_test(averages_show_means_bands_and_peaks),
      cmocka_unit_test(options_out_of_range_are_refused),
      cmocka_unit_test(odd_numbers_are_drawn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
