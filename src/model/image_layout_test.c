/* Pictures in tiles: which canvas each gets, the values of every view, and the rows of the
 * sequence, against the slow processors and the models of transformers 4.57.1 with Pillow 13.0.0.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sha256.h"
#include "model/image_layout.h"

#include <cmocka.h> /* last: it takes the word fail */

#define IMAGES LOCI_SOURCE_DIR "/tests/golden/images/"

/* A published family's own settings. */
typedef struct settings {
  image_processor how;
  model_config config;
} settings;

static settings make(int side, int patch, int most) {
  settings s = {
      .how = {.resize = true,
              .resize_width = side,
              .resize_height = side,
              .resample = RESAMPLE_BICUBIC,
              .rescale = true,
              .normalise = true,
              .rescale_factor = 1.0 / 255,
              .mean = {0.5, 0.5, 0.5},
              .std = {0.5, 0.5, 0.5}},
      .config = {.vision = {.image_size = side, .patch = patch, .grid = side / patch, .merge = 1},
                 .most_tiles = most}};
  return s;
}

static settings next(void) {
  settings s = make(336, 14, 0);
  const double mean[3] = {0.48145466, 0.4578275, 0.40821073};
  const double std[3] = {0.26862954, 0.26130258, 0.27577711};
  memcpy(s.how.mean, mean, sizeof mean);
  memcpy(s.how.std, std, sizeof std);
  tile_sizes_next(&s.how.tiles);
  return s;
}

static settings onevision(void) {
  settings s = make(384, 14, 9);
  tile_sizes_onevision(&s.how.tiles);
  return s;
}

/* Tiles down and across, the grid of their rows, and all rows of the sequence. */
typedef struct expected {
  int down, across, rows, cols, count;
} expected;

static void check_layout(const settings *s, const image_shape *shape, const expected *want) {
  image_layout g = layout_of(&s->config, shape);
  assert_int_equal(shape->down, want->down);
  assert_int_equal(shape->across, want->across);
  assert_int_equal(shape->views, 1 + want->down * want->across);
  assert_int_equal(g.count, want->count);
  assert_int_equal(g.view_count, 2);
  assert_true(g.views[0].rows == s->config.vision.grid && !g.views[0].breaks);
  assert_int_equal(g.views[1].first, g.views[0].rows * g.views[0].cols);
  assert_int_equal(g.views[1].rows, want->rows);
  assert_int_equal(g.views[1].cols, want->cols);
}

static void every_view_is_the_references_to_the_bit(void **state) {
  (void)state;
  static const struct {
    const char *picture;
    expected next, onevision;
    const char *next_sha256, *onevision_sha256;
  } cases[] = {
      {"scene-a.png",
       {1, 2, 24, 32, 1368},
       {1, 1, 19, 27, 1261},
       "51e70caed8943e3cc412996aac010438ab0470678ebea2fded210a8a794d435c",
       "67445014fbb3a6a0d7343010fc6f2bf19c444e3f17a1916b1f19a693a75a8bfe"},
      {"scene-b.png",
       {1, 2, 24, 18, 1032},
       {1, 1, 27, 21, 1323},
       "fdd7d0b58e11815e8bbdda66a3f431b8a40bf576887c36a24a82d3ca8ea04e9d",
       "bca75aa17ce0a4f06c664d895a75ec6f4ce71597d9c1e1de0cdbdffb1e5f6d24"},
      {"size-13x120.png",
       {1, 2, 24, 2, 648},
       {1, 1, 27, 3, 837},
       "11ec0a5da56f7fb712b9418323df2f798ea8b7d3702d096ac2ea2f46f4e09cf3",
       "24ab6a025e4bb0853e9dd1b0cdbd53266c4a2481af83d8d8bc927e6a3251c6d0"},
      {"size-375x500.jpg",
       {2, 2, 48, 36, 2352},
       {2, 1, 36, 27, 1737},
       "3edbabe79afd41136631f4e7647ba2c59249168ba3f60cfed7e45538a01a274a",
       "3b4c9df0e46c07629700e451f46ed0d50ca3c49af9327fb89b5f9d359f65b903"},
      {"size-1100x200.jpg",
       {1, 3, 14, 72, 1598},
       {1, 3, 15, 81, 1959},
       "827fc8d9628d0c5403e195ae8f93acf56b69b77aeb601ae55a513bbfe2cf9e19",
       "e227cee8f248ab8c75793c267cd56b06a0e8e09c5895caa953b125b7023f4593"},
  };
  for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
    bool one = i % 2;
    char path[512], hex[65];
    image_rgb im;
    image_shape shape;
    loci_err err;
    float *values;
    settings s = one ? onevision() : next();
    snprintf(path, sizeof path, "%s%s", IMAGES, cases[i / 2].picture);
    if (image_load(path, &im, &err)) fail_msg("%s", err.msg);
    if (image_process(&s.how, &im, &values, &shape, &err)) fail_msg("%s", err.msg);
    check_layout(&s, &shape, one ? &cases[i / 2].onevision : &cases[i / 2].next);
    sha256_hex(values, (size_t)image_values(&shape) * sizeof *values, hex);
    if (strcmp(hex, one ? cases[i / 2].onevision_sha256 : cases[i / 2].next_sha256) != 0) {
      fail_msg("%s: other values", cases[i / 2].picture);
    }
    free(values);
    image_clear(&im);
  }
}

/* Ties, pictures of one pixel, and such that leave nothing of the canvas but margin. */
static void every_size_has_the_references_grid(void **state) {
  (void)state;
  static const struct {
    int width, height;
    expected next, onevision;
  } cases[] = {
      {640, 480, {2, 2, 36, 48, 2340}, {2, 2, 40, 54, 2929}},
      {1, 1, {1, 2, 24, 24, 1176}, {1, 1, 27, 27, 1485}},
      {1, 100, {1, 2, 24, 0, 600}, {1, 1, 27, 1, 783}},
      {1, 1000, {3, 1, 72, 0, 648}, {3, 1, 81, 1, 891}},
      {2000, 10, {1, 3, 0, 72, 576}, {1, 6, 1, 162, 892}},
      {336, 336, {1, 2, 24, 24, 1176}, {1, 1, 27, 27, 1485}},
      {1344, 336, {1, 3, 18, 72, 1890}, {1, 4, 27, 108, 3672}},
      {337, 1009, {3, 1, 72, 24, 2376}, {3, 1, 81, 27, 2997}},
      {999, 1001, {2, 2, 48, 48, 2928}, {3, 3, 81, 81, 7371}},
      {4000, 3000, {2, 2, 36, 48, 2340}, {5, 6, 70, 93, 7309}},
      {2304, 2304, {2, 2, 48, 48, 2928}, {6, 6, 81, 81, 7371}},
      {1920, 1080, {2, 2, 28, 48, 1948}, {3, 5, 60, 108, 7269}},
      {123, 457, {2, 1, 48, 12, 1200}, {2, 1, 54, 15, 1593}},
      {700, 690, {2, 2, 48, 48, 2928}, {2, 2, 54, 54, 3699}},
      {16000, 11000, {2, 2, 34, 48, 2242}, {5, 6, 67, 97, 7295}},
      {1151, 770, {2, 2, 32, 48, 2144}, {3, 3, 55, 81, 5239}},
      {1152, 1536, {2, 2, 48, 36, 2352}, {4, 3, 93, 70, 7332}},
  };
  for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
    settings s = i % 2 ? onevision() : next();
    image_shape shape;
    loci_err err;
    int w = cases[i / 2].width, h = cases[i / 2].height;
    if (image_shape_of(&s.how, w, h, &shape, &err)) fail_msg("%s", err.msg);
    check_layout(&s, &shape, i % 2 ? &cases[i / 2].onevision : &cases[i / 2].next);
  }
}

/* Two tiles of 2 x 2 patches of 2 pixels side by side, of which the picture fills three columns. */
static void tiles_are_put_together_without_margins(void **state) {
  (void)state;
  const model_config c = {.vision = {.image_size = 4, .patch = 2, .grid = 2, .merge = 1}};
  float pixels[3 * 3 * 16], rows[3 * 4], newline = -1, out[4 + 2 * 3];
  for (int i = 0; i < 3 * 3 * 16; i++) pixels[i] = (float)i;
  for (int i = 0; i < 3 * 4; i++) rows[i] = (float)i;
  seen_picture p = {pixels, {3, 4, 4, 1, 2, false, 100, 50}}, made;
  arena *mem = arena_new();
  loci_err err;
  assert_int_equal(layout_of(&c, &p.shape).count, 4 + 2 * 3);
  layout_arrange(&c, &p.shape, rows, &newline, 1, out);
  const float wanted[] = {0, 1, 2, 3, 5, 8, -1, 7, 10, -1}; /* the middle two of four columns */
  for (int i = 0; i < 10; i++) assert_true(out[i] == wanted[i]);
  assert_int_equal(layout_picture(&c, &p, mem, &made, &err), LOCI_OK);
  assert_int_equal(made.shape.height, 4);
  assert_int_equal(made.shape.width, 4);
  for (int i = 0; i < 3 * 16; i++) {
    int channel = i / 16, y = i / 4 % 4, x = i % 4 + 2, tile = 1 + x / 4;
    assert_true(made.pixels[i] == pixels[((tile * 3 + channel) * 4 + y) * 4 + x % 4]);
  }
  p.shape.full_height = 1000; /* all margin: the whole alone */
  p.shape.full_width = 1;
  assert_int_equal(layout_picture(&c, &p, mem, &made, &err), LOCI_OK);
  assert_true(made.pixels == pixels && made.shape.views == 1);
  arena_free(mem);
}

static void a_row_shows_a_cell_or_ends_a_line(void **state) {
  (void)state;
  const loci_image_view views[] = {{"base", 0, 2, 2, false, 0}, {"tiles", 4, 2, 3, true, 0}};
  const image_cell wanted[] = {{0, 0, 0}, {0, 0, 1}, {0, 1, 0}, {0, 1, 1}, {1, 0, 0}, {1, 0, 1},
                               {1, 0, 2}, {1, 0, 3}, {1, 1, 0}, {1, 1, 1}, {1, 1, 2}, {1, 1, 3}};
  for (int i = 0; i < 12; i++) {
    image_cell cell = layout_cell(views, 2, i);
    assert_true(cell.view == wanted[i].view && cell.row == wanted[i].row);
    assert_int_equal(cell.col, wanted[i].col);
  }
  assert_int_equal(layout_cell(views, 2, 12).view, -1);
  assert_int_equal(layout_cell(&views[1], 1, 3).view, -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_view_is_the_references_to_the_bit),
      cmocka_unit_test(every_size_has_the_references_grid),
      cmocka_unit_test(tiles_are_put_together_without_margins),
      cmocka_unit_test(a_row_shows_a_cell_or_ends_a_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
