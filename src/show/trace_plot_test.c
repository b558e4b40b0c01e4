/* The picture of a trace: it exists for every odd trace, the same bytes each time, its colours in
 * the order of the numbers, its words escaped. */
#include "show/fixture_test.h"

#include "show/label.h"
#include "show/page.h"

static void plot(const fixture *f, canvas_kind kind, loci_metric metric, char **out, size_t *n) {
  bytes b = {0};
  loci_err err;
  const loci_draw_opts o = {.size = sizeof o, .metric = metric};
  if (page_draw(view_trace, &f->trace, &o, kind, &b, &err)) fail_msg("%s", err.msg);
  assert_int_equal(bytes_take(&b, out, n, NULL), LOCI_OK);
}

static uint32_t be32(const char *p) {
  const uint8_t *b = (const uint8_t *)p;
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void png_size(const fixture *f, loci_metric metric, uint32_t *w, uint32_t *h) {
  char *png;
  size_t n;
  plot(f, CANVAS_PNG, metric, &png, &n);
  assert_true(n > 100 && memcmp(png, "\x89PNG\r\n\x1a\n", 8) == 0);
  *w = be32(png + 16);
  *h = be32(png + 20);
  free(png);
}

static void every_odd_trace_is_drawn(void **state) {
  (void)state;
  static const char *one[] = {"x"};
  const fixture_opts odd[] = {
      {.layers = 1, .sites = 1, .words = one, .word_count = 1, .constraint_count = 1},
      {.layers = 80, .groups = true},
      {.flat = true, .heads = 3},
      {.layers = 3, .image_rows = 600, .image_traced = true, .dip = 0.2},
      {.noise = true, .sites = 2}};
  for (int i = 0; i < (int)(sizeof odd / sizeof *odd); i++) {
    fixture f;
    uint32_t w, h;
    fixture_make(&f, odd[i]);
    for (int metric = LOCI_METRIC_P; metric <= LOCI_METRIC_RESTORATION; metric++)
      png_size(&f, (loci_metric)metric, &w, &h);
    assert_in_range(w, 600, 4000);
    assert_in_range(h, 200, 2400);
    fixture_free(&f);
  }
}

static void a_trace_without_grids_is_a_page_with_a_title(void **state) {
  (void)state;
  fixture f;
  uint32_t w, h;
  fixture_make(&f, (fixture_opts){.layers = 2});
  f.trace.grid_count = 0;
  png_size(&f, LOCI_METRIC_P, &w, &h);
  assert_true(w > 0 && h > 0);
  fixture_free(&f);
}

static void the_same_trace_gives_the_same_bytes(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.groups = true});
  for (int kind = CANVAS_PNG; kind <= CANVAS_PDF; kind++) {
    char *a, *b;
    size_t n, m;
    plot(&f, (canvas_kind)kind, LOCI_METRIC_P, &a, &n);
    plot(&f, (canvas_kind)kind, LOCI_METRIC_P, &b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
  }
  fixture_free(&f);
}

/* Other programs can read, search and edit what is written; nothing in it is named or numbered, so
 * figures may stand side by side in one page. */
static void an_svg_is_text_with_a_title_and_no_names(void **state) {
  (void)state;
  fixture f;
  char *svg;
  size_t n;
  fixture_make(&f, (fixture_opts){.groups = true});
  plot(&f, CANVAS_SVG, LOCI_METRIC_P, &svg, &n);
  const char *open = strstr(svg, "<svg "), *title = strstr(svg, "<title>Where is");
  assert_non_null(open);
  assert_non_null(title);
  assert_ptr_equal(strchr(open, '>') + 2, title);
  assert_non_null(strstr(svg, ">picture</text>"));
  assert_non_null(strstr(svg, "shape-rendering=\"crispEdges\""));
  assert_null(strstr(svg, " id="));
  assert_null(strstr(svg, "NaN"));
  free(svg);
  fixture_free(&f);
}

static void no_pixel_of_a_page_is_left_black(void **state) {
  (void)state;
  bytes b = {0};
  canvas *c = canvas_new(CANVAS_PNG, (canvas_size){.width = 100.2, .height = 50.7}, "");
  assert_int_equal(canvas_finish(c, &b, NULL), LOCI_OK);
  assert_int_equal(be32(b.data + 16), 202);
  assert_int_equal(be32(b.data + 20), 102);
  canvas_free(c);
  bytes_clear(&b);
}

static void svg_as(const fixture *f, loci_draw_opts o, char **svg) {
  bytes b = {0};
  assert_int_equal(page_draw(view_trace, &f->trace, &o, CANVAS_SVG, &b, NULL), LOCI_OK);
  assert_int_equal(bytes_take(&b, svg, NULL, NULL), LOCI_OK);
}

/* 3.3 inches are 237.6 points, whatever the panels take; of a PNG as many pixels as dots ask. */
static void a_figure_has_the_width_that_is_asked(void **state) {
  (void)state;
  fixture f;
  bytes png = {0};
  fixture_make(&f, (fixture_opts){.groups = true});
  char *narrow, *wide;
  svg_as(&f, (loci_draw_opts){.width = 3.3}, &narrow);
  svg_as(&f, (loci_draw_opts){.width = 12}, &wide);
  assert_non_null(strstr(narrow, " width=\"237.60pt\""));
  assert_non_null(strstr(wide, " width=\"864pt\""));
  double narrow_box = atof(strstr(narrow, "viewBox=\"0 0 ") + 13);
  double wide_box = atof(strstr(wide, "viewBox=\"0 0 ") + 13);
  assert_true(narrow_box < wide_box); /* one panel below the other, not all smaller */
  loci_draw_opts o = {.width = 3.3, .dpi = 300};
  assert_int_equal(page_draw(view_trace, &f.trace, &o, CANVAS_PNG, &png, NULL), LOCI_OK);
  assert_int_equal(be32(png.data + 16), 990);
  bytes_clear(&png);
  free(narrow);
  free(wide);
  static const loci_draw_opts odd[] = {
      {.width = 0.001}, {.width = 201}, {.width = 1, .dpi = 9}, {.width = -1}};
  loci_err err;
  char *text;
  for (int i = 0; i < 4; i++) {
    o = odd[i];
    o.size = sizeof o;
    assert_int_equal(loci_draw(&f.trace.result, &o, &text, &err), LOCI_EINVAL);
    assert_non_null(strstr(err.msg, "expected 0.1 to 200 inches and 10 to 30000 pixels"));
  }
  fixture_free(&f);
}

static void a_bare_figure_has_its_command_unseen(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.groups = true});
  f.trace.result.command = "loci trace -m x";
  f.trace.result.request = "{}";
  char *whole, *bare;
  svg_as(&f, (loci_draw_opts){0}, &whole);
  svg_as(&f, (loci_draw_opts){.bare = true}, &bare);
  const char *words = strstr(whole, "</metadata>"), *left = strstr(bare, "</metadata>");
  assert_non_null(words);
  assert_non_null(left);
  assert_non_null(strstr(words, ">loci trace -m x<"));
  assert_non_null(strstr(words, "Where is the building"));
  assert_null(strstr(left, ">loci trace"));
  assert_null(strstr(left, "Where is the building"));
  assert_non_null(strstr(bare, "loci trace -m x --no-title")); /* in the metadata */
  free(whole);
  free(bare);
  fixture_free(&f);
}

static void a_scale_that_is_asked_ends_colours_and_axes(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.groups = true});
  char *usual, *fixed;
  svg_as(&f, (loci_draw_opts){0}, &usual);
  svg_as(&f, (loci_draw_opts){.scale = 40}, &fixed);
  assert_null(strstr(usual, ">40<"));
  assert_non_null(strstr(fixed, ">40<"));
  free(usual);
  free(fixed);
  fixture_free(&f);
}

static void words_in_svg_and_html_are_escaped(void **state) {
  (void)state;
  fixture f;
  char *svg;
  size_t n;
  bytes picture = {0}, html = {0};
  fixture_make_awkward(&f);
  plot(&f, CANVAS_SVG, LOCI_METRIC_P, &svg, &n);
  assert_non_null(strstr(svg, "<title>What?[2J is &lt;this&gt; &amp; &quot;that&quot;? ? A q"));
  assert_null(memchr(svg, 0x1b, n));
  assert_int_equal(page_draw(view_trace, &f.trace, NULL, CANVAS_SVG, &picture, NULL), LOCI_OK);
  assert_int_equal(page_html("causal trace", &picture, &html, NULL), LOCI_OK);
  free(svg);
  assert_int_equal(bytes_take(&html, &svg, &n, NULL), LOCI_OK);
  assert_memory_equal(svg, "<!DOCTYPE html>", 15);
  assert_non_null(strstr(svg, "</svg>\n</html>"));
  assert_null(strstr(svg, "<?xml"));
  assert_null(strstr(svg, "http://www.w3.org/1999/xhtml")); /* and nothing is fetched */
  free(svg);
  fixture_free(&f);
}

/* U+202E, U+009B, U+FFFE and a control: none reaches a file as it is, none stops the drawing. */
static void what_is_no_character_is_spelled(void **state) {
  (void)state;
  /* NOLINTBEGIN(misc-misleading-bidirectional): that is what is tested */
  static const char odd[] = "What \xE2\x80\xAE is \xC2\x9B this \xEF\xBF\xBE and \x01?";
  static const char *const raw[] = {"\xE2\x80\xAE", "\xC2\x9B", "\xEF\xBF\xBE", "\x01"};
  /* NOLINTEND(misc-misleading-bidirectional) */
  fixture f;
  char *svg;
  size_t n;
  fixture_make_awkward(&f);
  loci_prompt_info p = *f.trace.prompt;
  p.question = odd;
  f.trace.prompt = &p;
  f.trace.target_text = odd;
  f.trace.result.command = odd;
  plot(&f, CANVAS_SVG, LOCI_METRIC_P, &svg, &n);
  for (int i = 0; i < 4; i++) assert_null(strstr(svg, raw[i]));
  assert_non_null(strstr(svg, "\\u202E is \\u009B this \\uFFFE and \\u0001?"));
  free(svg);
  plot(&f, CANVAS_PNG, LOCI_METRIC_P, &svg, &n);
  free(svg);
  fixture_free(&f);
}

static double lightness(rgb c) {
  return 0.2126 * c.r * c.r + 0.7152 * c.g * c.g + 0.0722 * c.b * c.b;
}

static void colours_are_monotone_in_lightness(void **state) {
  (void)state;
  for (int i = 1; i <= 100; i++) {
    double now = i / 100.0, before = (i - 1) / 100.0;
    assert_true(lightness(colormap(now, false)) < lightness(colormap(before, false)));
    assert_true(lightness(colormap(-now, true)) < lightness(colormap(-before, true)));
    double difference = lightness(colormap(-now, true)) - lightness(colormap(now, true));
    assert_true(fabs(difference) < 0.06);
  }
  const double odd[] = {(double)NAN, -(double)NAN, (double)INFINITY, -(double)INFINITY, 1e308, -7};
  for (int i = 0; i < 12; i++) {
    rgb c = colormap(odd[i / 2], i % 2 == 1);
    assert_true(c.r >= 0 && c.r <= 1 && c.g >= 0 && c.g <= 1 && c.b >= 0 && c.b <= 1);
    assert_in_range(colormap_byte(odd[i / 2]), 0, 255);
  }
  rgb white = colormap_from_lab(100, 0, 0), black = colormap_from_lab(0, 0, 0);
  assert_true(white.r > 0.999 && white.b > 0.999 && black.g == 0);
  assert_int_equal(colormap_index256((rgb){1, 0, 0}), 196);
  assert_int_equal(colormap_index256((rgb){0.5, 0.5, 0.5}), 244);
}

static void scales_keep_zero_and_take_both_signs_when_they_matter(void **state) {
  (void)state;
  const fixture_opts opts[] = {{.dip = 0}, {.dip = 0.3}, {.flat = true}};
  for (int i = 0; i < 3; i++) {
    fixture f;
    fixture_make(&f, opts[i]);
    const heatmap *s = heatmap_of_trace(f.mem, &f.trace, LOCI_METRIC_P, LOCI_DENOISE, 40);
    assert_true(s->hi > 0 || opts[i].flat);
    assert_true(i == 1 ? s->lo == -s->hi : s->lo == 0);
    assert_true(heatmap_level(s, 0) == 0 && heatmap_level(s, (double)NAN) == 0);
    s = heatmap_of_trace(f.mem, &f.trace, LOCI_METRIC_KL, LOCI_DENOISE, 40);
    if (i == 0) assert_true(s->hi == 0 && s->lo < 0); /* restoring lowers KL */
    fixture_free(&f);
  }
}

/* Rounding is not an effect: a millionth of it has a millionth of the colour. */
static void next_to_no_effect_looks_like_none(void **state) {
  (void)state;
  double *numbers[3];
  fixture f;
  fixture_make(&f, (fixture_opts){.flat = true, .sites = 1});
  loci_metrics *cells = (loci_metrics *)(uintptr_t)f.trace.grids[0].cells;
  numbers[0] = &cells[5].p, numbers[1] = &cells[5].logp, numbers[2] = &cells[5].kl;
  for (int i = 0; i < 3; i++) *numbers[i] += 1e-9;
  ((double *)(uintptr_t)f.trace.grids[0].restoration)[5] = 1e-9 / 2e-9;
  f.trace.total_effect = 2e-9;
  for (int metric = LOCI_METRIC_P; metric <= LOCI_METRIC_RESTORATION; metric++) {
    const heatmap *s = heatmap_of_trace(f.mem, &f.trace, (loci_metric)metric, LOCI_DENOISE, 40);
    assert_true(s->most < s->floor || metric == LOCI_METRIC_LOGIT_DIFF);
    assert_true(fabs(heatmap_level(s, s->most)) < 1e-5);
  }
  fixture_free(&f);
}

/* A direction with small effects is not emptied by the other's large ones. */
static void each_direction_has_its_own_scale(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.noise = true, .sites = 1});
  loci_metrics *cells = (loci_metrics *)(uintptr_t)f.trace.grids[1].cells;
  for (int i = 0; i < f.trace.grids[1].layer_count * f.trace.grids[1].column_count; i++)
    cells[i].p = f.trace.clean.m.p + (cells[i].p - f.trace.clean.m.p) / 20;
  const heatmap *a = heatmap_of_trace(f.mem, &f.trace, LOCI_METRIC_P, LOCI_DENOISE, 40);
  const heatmap *b = heatmap_of_trace(f.mem, &f.trace, LOCI_METRIC_P, LOCI_NOISE, 40);
  assert_int_equal(a->panel_count + b->panel_count, 2);
  assert_true(a->hi > 10 * -b->lo && b->hi == 0 && heatmap_level(b, -b->most) == -1);
  fixture_free(&f);
}

static void numbers_of_the_scale_never_touch(void **state) {
  (void)state;
  static const double widths[] = {60, 170, 400};
  canvas *ruler = canvas_new(CANVAS_PNG, (canvas_size){.width = 1, .height = 1}, "");
  for (int k = -310; k < 300; k++) {
    for (int i = 0; i < 36; i++) {
      double size = (1 + i % 12 * 0.77) * pow(10, k), width = widths[i / 12];
      double lo = k % 3 == 0 ? -size : k % 3 == 1 ? -0.3 * size : 0;
      page_tick t[PAGE_TICKS];
      int exponent, n = page_ticks(ruler, lo, size, width, t, &exponent);
      assert_in_range(n, 1, PAGE_TICKS);
      if (width > 100) assert_in_range(n, 2, PAGE_TICKS);
      for (int j = 0; j < n; j++) {
        double value = atof(t[j].text[0] == '\xE2' ? t[j].text + 3 : t[j].text);
        if (t[j].text[0] == '\xE2') value = -value;
        double x = width * (value * pow(10, exponent) - lo) / (size - lo);
        assert_true(fabs(x - t[j].x) < 0.02 * width);
        assert_true(t[j].width > 0 && t[j].width < 30 && fabs(value) < 10000);
        if (j > 0) assert_true(t[j].x - t[j - 1].x > (t[j].width + t[j - 1].width) / 2 + 3);
      }
    }
  }
  canvas_free(ruler);
}

/* A width that could not be measured is 0, and what is laid out by it wrong: it has to be asked. */
static void a_failed_measure_is_told(void **state) {
  (void)state;
  loci_err err;
  canvas *c = canvas_new(CANVAS_PNG, (canvas_size){.width = 1, .height = 1}, "");
  assert_true(canvas_text_width(c, &(canvas_font){.size = 9}, "wide") > 9);
  assert_int_equal(canvas_check(c, &err), LOCI_OK);
  assert_true(canvas_text_width(c, &(canvas_font){.size = (double)NAN}, "wide") == 0);
  assert_int_not_equal(canvas_check(c, &err), LOCI_OK);
  canvas_free(c);
}

static void bands_keep_the_strongest_and_never_mix_kinds(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.image_rows = 600, .image_traced = true, .groups = true});
  const heatmap *s = heatmap_of_trace(f.mem, &f.trace, LOCI_METRIC_P, LOCI_DENOISE, 40);
  const heatmap_panel *p = &s->panels[0];
  assert_int_equal(s->panel_count, 3);
  assert_int_equal(p->group_rows, 3);
  assert_in_range(p->row_count, 23, 44);
  int next = 1, row = 0, layer = 0;
  for (int r = p->group_rows; r < p->row_count; r++) {
    assert_int_equal(p->rows[r].first, next);
    for (int k = p->rows[r].first; k <= p->rows[r].last; k++)
      assert_true((f.trace.prompt->tokens[k].role == LOCI_ROLE_IMAGE) ==
                  (p->rows[r].role == LOCI_ROLE_IMAGE));
    next = p->rows[r].last + 1;
  }
  assert_int_equal(next, f.trace.prompt->length);
  assert_true(heatmap_peak(p, false, &row, &layer));
  assert_string_equal(p->rows[row].label, "picture");
  fixture_free(&f);
}

static void labels_read_like_words(void **state) {
  (void)state;
  static const struct {
    label_spelling spelling;
    const char *token, *label;
  } cases[] = {{LABEL_PIECES, "\xE2\x96\x81the", "the"},
               {LABEL_PIECES, "\xE2\x96\x81\xE2\x96\x81", "\xE2\x90\xA3\xE2\x90\xA3"},
               {LABEL_PIECES, "<0x0A>", "\xE2\x86\xB5"},
               {LABEL_PIECES, "<0xE5>", "<0xE5>"},
               {LABEL_BYTE_LEVEL, "\xC4\xA0the", "the"},
               {LABEL_BYTE_LEVEL, "\xC4\x8A", "\xE2\x86\xB5"},
               {LABEL_BYTE_LEVEL, "caf\xC3\x83\xC2\xA9", "caf\xC3\xA9"},
               {LABEL_BYTE_LEVEL, "\xC3\xA5", "<0xE5>"},
               {LABEL_PIECES, "\x1b[1m", "<0x1B>[1m"},
               {LABEL_PIECES, "", ""}};
  arena *a = arena_new();
  for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++)
    assert_string_equal(label_token(a, cases[i].spelling, cases[i].token), cases[i].label);
  assert_string_equal(label_cut(a, "abcdef", 4, false), "abc\xE2\x80\xA6");
  assert_string_equal(label_cut(a, "\xE6\x9D\xB1\xE4\xBA\xAC\xE9\x83\xBD", 4, true),
                      "\xE6\x9D\xB1.");
  assert_string_equal(label_ascii(a, "\xE2\x80\x9C"
                                     "a\xE2\x86\xB5\xE2\x80\x9D \xE6\x9D\xB1"),
                      "\"a\\n\" ?");
  arena_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_odd_trace_is_drawn),
      cmocka_unit_test(a_trace_without_grids_is_a_page_with_a_title),
      cmocka_unit_test(the_same_trace_gives_the_same_bytes),
      cmocka_unit_test(an_svg_is_text_with_a_title_and_no_names),
      cmocka_unit_test(no_pixel_of_a_page_is_left_black),
      cmocka_unit_test(a_figure_has_the_width_that_is_asked),
      cmocka_unit_test(a_bare_figure_has_its_command_unseen),
      cmocka_unit_test(a_scale_that_is_asked_ends_colours_and_axes),
      cmocka_unit_test(words_in_svg_and_html_are_escaped),
      cmocka_unit_test(what_is_no_character_is_spelled),
      cmocka_unit_test(colours_are_monotone_in_lightness),
      cmocka_unit_test(scales_keep_zero_and_take_both_signs_when_they_matter),
      cmocka_unit_test(next_to_no_effect_looks_like_none),
      cmocka_unit_test(each_direction_has_its_own_scale),
      cmocka_unit_test(numbers_of_the_scale_never_touch),
      cmocka_unit_test(a_failed_measure_is_told),
      cmocka_unit_test(bands_keep_the_strongest_and_never_mix_kinds),
      cmocka_unit_test(labels_read_like_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
