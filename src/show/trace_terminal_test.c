/* A trace in a terminal: no line too long, no escape that loci did not write itself, none at all
 * without colour, and the plain drawing as the golden file has it. */
#include "show/fixture_test.h"

#include "base/utf8.h"

static char *drawn(const loci_trace *t, loci_draw_opts o) {
  o.size = sizeof o;
  char *text;
  loci_err err;
  if (loci_draw(&t->result, &o, &text, &err)) fail_msg("%s", err.msg);
  return text;
}

/* Checks a drawing, line by line; escape sequences must be SGR and take no columns. */
static void check_lines(const char *text, const loci_draw_opts *o) {
  int width = o->columns ? o->columns : 80;
  assert_true(utf8_is_valid(text, strlen(text)));
  while (*text) {
    int columns = 0;
    while (*text != '\n') {
      size_t n = strcspn(text, "\n\x1b");
      assert_true(text[n] != 0);
      columns += utf8_columns(text, n);
      for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)text[i];
        assert_true(c >= 0x20 && c != 0x7F && (!o->ascii || c < 0x80));
      }
      text += n;
      if (*text != '\x1b') continue;
      assert_int_not_equal(o->color, LOCI_COLOR_NONE);
      assert_int_equal(text[1], '[');
      text += 2 + strspn(text + 2, "0123456789;");
      assert_int_equal(*text++, 'm');
    }
    assert_in_range(columns, 0, width);
    text++;
  }
}

static void check_trace(const loci_trace *t) {
  static const int widths[] = {0, 40, 41, 57, 80, 133, 200};
  for (int color = LOCI_COLOR_NONE; color <= LOCI_COLOR_TRUE; color++) {
    for (int w = 0; w < (int)(sizeof widths / sizeof *widths); w++) {
      for (int ascii = 0; ascii < 2; ascii++) {
        loci_draw_opts o = {.size = sizeof o,
                            .metric = (loci_metric)(w % 5),
                            .color = (loci_color)color,
                            .columns = widths[w],
                            .ascii = ascii == 1};
        char *text = drawn(t, o);
        check_lines(text, &o);
        loci_text_free(text);
      }
    }
  }
}

static void lines_fit_and_hold_only_our_own_escapes(void **state) {
  (void)state;
  static const char *one[] = {"x"};
  const fixture_opts odd[] = {
      {.groups = true},
      {.layers = 1, .sites = 1, .words = one, .word_count = 1, .constraint_count = 1},
      {.layers = 126, .groups = true, .noise = true},
      {.flat = true, .heads = 3},
      {.layers = 40, .image_rows = 600, .image_traced = true, .dip = 0.2}};
  for (int i = 0; i < (int)(sizeof odd / sizeof *odd); i++) {
    fixture f;
    fixture_make(&f, odd[i]);
    check_trace(&f.trace);
    fixture_free(&f);
  }
}

static void awkward_tokens_do_no_harm(void **state) {
  (void)state;
  fixture f;
  fixture_make_awkward(&f);
  check_trace(&f.trace);
  fixture_free(&f);
}

static void the_plain_drawing_is_the_golden_one(void **state) {
  (void)state;
  fixture f;
  char *golden;
  size_t n;
  fixture_make(&f, (fixture_opts){.groups = true, .image_rows = 576});
  char *text = drawn(&f.trace, (loci_draw_opts){0});
  const char *path = LOCI_SOURCE_DIR "/tests/golden/show/terminal.txt";
  if (getenv("LOCI_GOLDEN")) assert_int_equal(file_write(path, text, strlen(text), NULL), LOCI_OK);
  assert_int_equal(file_read(path, 1 << 20, &golden, &n, NULL), LOCI_OK);
  assert_string_equal(text, golden);
  free(golden);
  loci_text_free(text);
  fixture_free(&f);
}

/* Without a total effect a share of it is no number, which is something else than none. */
static void without_a_total_effect_a_restoration_is_not_defined(void **state) {
  (void)state;
  static const char none[] = "no effect in any cell",
                    undefined[] = "not defined in any cell: there is no total effect";
  fixture f;
  fixture_make(&f, (fixture_opts){.flat = true});
  for (int metric = LOCI_METRIC_P; metric <= LOCI_METRIC_RESTORATION; metric++) {
    char *text = drawn(&f.trace, (loci_draw_opts){.metric = (loci_metric)metric, .columns = 120});
    bool share = metric == LOCI_METRIC_RESTORATION;
    if (!strstr(text, share ? undefined : none) || strstr(text, share ? none : undefined))
      fail_msg("%s", text);
    loci_text_free(text);
  }
  fixture_free(&f);
}

static void the_strongest_cell_is_said_in_words(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.noise = true, .sites = 1});
  char *text = drawn(&f.trace, (loci_draw_opts){0});
  assert_non_null(strstr(text, " 8 \xE2\x80\x9Cpicture\xE2\x80\x9D (constraint-last): "
                               "restores 0."));
  assert_non_null(strstr(text, "(constraint-last): destroys 0."));
  assert_non_null(strstr(text, "2.5 s, 251,904 rows, 1 TFLOP at 400 GFLOP/s"));
  assert_non_null(strstr(text, "[this picture] ?"));
  loci_text_free(text);
  fixture_free(&f);
}

static void words_after_a_short_one_keep_their_blank(void **state) {
  (void)state;
  static const char *const notes[] = {"the constraint's tokens matter together"};
  fixture f;
  fixture_make(&f, (fixture_opts){.sites = 1, .heads = 2});
  loci_grid *g = (loci_grid *)(uintptr_t)f.trace.grids;
  g->window = 3;
  f.trace.notes = notes;
  f.trace.note_count = 1;
  for (int columns = 40; columns <= 120; columns++) {
    for (int ascii = 0; ascii < 2; ascii++) {
      char *text = drawn(&f.trace, (loci_draw_opts){.columns = columns, .ascii = ascii == 1});
      assert_non_null(strstr(text, "\nnote: the constraint's"));
      assert_non_null(strstr(text, "\n  z (window 3), layer"));
      loci_text_free(text);
    }
  }
  fixture_free(&f);
}

static void small_numbers_are_not_written_as_zero(void **state) {
  (void)state;
  fixture f;
  fixture_make(&f, (fixture_opts){.sites = 1});
  f.trace.clean.m.p = 3.2e-12;
  f.trace.corrupted.m.p = 4.5e-188;
  char *text = drawn(&f.trace, (loci_draw_opts){0});
  assert_non_null(strstr(text, "3.2e-12 \xE2\x86\x92 4.5e-188, total effect"));
  loci_text_free(text);
  fixture_free(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_fit_and_hold_only_our_own_escapes),
      cmocka_unit_test(awkward_tokens_do_no_harm),
      cmocka_unit_test(the_plain_drawing_is_the_golden_one),
      cmocka_unit_test(words_after_a_short_one_keep_their_blank),
      cmocka_unit_test(small_numbers_are_not_written_as_zero),
      cmocka_unit_test(without_a_total_effect_a_restoration_is_not_defined),
      cmocka_unit_test(the_strongest_cell_is_said_in_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
