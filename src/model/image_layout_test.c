/* Pictures in tiles: which canvas each gets, the values of every view, and the rows of the
 * sequence, against the slow processors and the models of transformers 4.57.1 with Pillow 13.0.0.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sha256.h"
#include "image/resize.h"
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

/* ---------------------------------------------------------------- tiles that are filled */

typedef enum grid_family { SMOLVLM, IDEFICS3, INTERNVL } grid_family;

/* Published settings, tiles alone apart. */
static settings of_grid(grid_family family) {
  static const struct {
    int side, patch, merge, longest;
  } kinds[] = {{512, 16, 4, 2048}, {364, 14, 2, 1456}, {448, 14, 2, 0}};
  settings s = make(kinds[family].side, kinds[family].patch, 0);
  s.config.vision.merge = kinds[family].merge;
  s.config.vision.shuffle = true;
  s.how.grid = GRID_SIDES;
  s.how.longest_edge = kinds[family].longest;
  s.how.resample = RESAMPLE_LANCZOS;
  if (family != INTERNVL) return s;
  const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
  memcpy(s.how.mean, mean, sizeof mean);
  memcpy(s.how.std, std, sizeof std);
  s.how.grid = GRID_NEAREST;
  s.how.least_tiles = 1;
  s.how.most_tiles = 12;
  s.how.resample = RESAMPLE_BICUBIC;
  return s;
}

static void check_grid(const settings *s, const image_shape *shape, int down, int across) {
  image_layout g = layout_of(&s->config, shape);
  int side = s->config.vision.grid / s->config.vision.merge, n = down * across;
  assert_int_equal(shape->views, n > 1 ? 1 + n : 1);
  assert_int_equal(shape->down, n > 1 ? down : 0);
  assert_int_equal(shape->across, n > 1 ? across : 0);
  assert_int_equal(g.count, shape->views * side * side);
  assert_int_equal(g.view_count, n > 1 ? 2 : 1);
  if (n == 1) return;
  assert_int_equal(g.views[0].first, n * side * side); /* the whole stands last */
  assert_true(g.views[1].first == 0 && g.views[1].tile == side && g.views[1].bare);
  assert_true(g.views[1].rows == down * side && g.views[1].cols == across * side);
  for (int i = 0; i < g.count; i++) {
    image_cell cell = layout_cell(g.views, 2, i);
    assert_int_equal(layout_row(&g.views[cell.view], cell.row, cell.col), i);
  }
}

static const struct {
  const char *picture;
  grid_family family;
  int down, across, rows;
  const char *sha256;
} filled[] = {
    {"scene-a.png", SMOLVLM, 3, 4, 832,
     "556f6bec048bbd79330368232f77e0a9076ac8a5b7e822ee808d9643e940d30c"},
    {"scene-a.png", IDEFICS3, 3, 4, 2197,
     "fd2ba58a9eac4639eb2ad35b6a1c56212ad51a97a33f21eecdd79886c3926795"},
    {"scene-b.png", SMOLVLM, 4, 4, 1088,
     "2b0796ddb1ceecb9d5732be5d8b14f21443b4fe8455e4b4494f450f242dc5f42"},
    {"scene-b.png", IDEFICS3, 4, 4, 2873,
     "240c5dc13d3fe536c7e4cdeca735d1c5ccb5de7421284706accfe278ad1506ac"},
    {"scene-c.png", SMOLVLM, 2, 4, 576,
     "35537e51a0d8e2d1cb9e39fc0db496ab7774d82b461ef111ac7c5ab7649ffeba"},
    {"scene-c.png", IDEFICS3, 2, 4, 1521,
     "d7330fe2f7adc13dcd228965a9459dfa6c463a6ace123adb3442c3a52758a377"},
    {"size-13x120.png", SMOLVLM, 4, 1, 320,
     "f4e826d821d2a2ffbe3ccad4ed7fe4d3921454a618a1e28ab226e43ebf928d24"},
    {"size-13x120.png", IDEFICS3, 4, 1, 845,
     "b5aa3ef0311896f1ab34f7d736da811c09a132dba77066c0a5156c0aba7b9859"},
    {"size-375x500.jpg", SMOLVLM, 4, 3, 832,
     "5903fa62dc0814c0a3c4728e65276bb2ff2fd8b203434b599e7bf6088e763655"},
    {"size-375x500.jpg", IDEFICS3, 4, 3, 2197,
     "8478ffdfb290e5c346eb235828050c52126ed53133a6005b1416ee31dc5e6c14"},
    {"size-1100x200.jpg", SMOLVLM, 1, 4, 320,
     "da65e82276ed1fd6bb15b3df99119057fd76c7cb8dc81cf38bf1631d234c1d96"},
    {"size-1100x200.jpg", IDEFICS3, 1, 4, 845,
     "433b539ae173b2296867707c384ada68ac1226fde02488cdcd8ab85db08e8640"},
    {"scene-a.png", INTERNVL, 3, 4, 3328,
     "5c8cf6878e87b6e489168604739bd06c3e84739397846fa60cfacf8a5da0417b"},
    {"scene-b.png", INTERNVL, 4, 3, 3328,
     "f96d3e2326eca74070dacb07cc961de37a77cbf7f7926ca728472367a6982b7d"},
    {"scene-c.png", INTERNVL, 1, 3, 1024,
     "41559183277a5a89e515b98f58fd4bb19441f0d1f83ac46b95e3ffc8693813f2"},
    {"size-13x120.png", INTERNVL, 9, 1, 2560,
     "3ca86a5e6b74ea24deda841daf3c63cd70443422d8cd9685f75c5d163311f256"},
    {"size-375x500.jpg", INTERNVL, 4, 3, 3328,
     "a8a60d083ea99084a980e7c40f108962f055eaa2a5ad4302c635945037f5968b"},
    {"size-1100x200.jpg", INTERNVL, 1, 5, 1536,
     "e8fd53b9e53dd6e1dfc0bddca98474e017d50aaa081d07ad9ac5731a592f604a"},
};

static void filled_tiles_are_the_references_to_the_bit(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof filled / sizeof *filled; i++) {
    char path[512], hex[65];
    image_rgb im;
    image_shape shape;
    loci_err err;
    float *values;
    settings s = of_grid(filled[i].family);
    snprintf(path, sizeof path, "%s%s", IMAGES, filled[i].picture);
    if (image_load(path, &im, &err)) fail_msg("%s", err.msg);
    if (image_process(&s.how, &im, &values, &shape, &err)) fail_msg("%s", err.msg);
    check_grid(&s, &shape, filled[i].down, filled[i].across);
    assert_int_equal(layout_of(&s.config, &shape).count, filled[i].rows);
    sha256_hex(values, (size_t)image_values(&shape) * sizeof *values, hex);
    if (strcmp(hex, filled[i].sha256) != 0) fail_msg("%s: other values", filled[i].picture);
    free(values);
    image_clear(&im);
  }
}

/* Grids of transformers' processors; and what they do not refuse, but loci. */
static void every_size_has_the_references_tiles(void **state) {
  (void)state;
  static const struct {
    int longest, side, width, height, down, across;
  } cases[] = {
      {2048, 512, 640, 480, 3, 4},     {2048, 512, 1, 1, 4, 4},      {2048, 512, 1, 1000, 4, 1},
      {2048, 512, 2000, 10, 1, 4},     {2048, 512, 512, 512, 4, 4},  {2048, 512, 1344, 336, 1, 4},
      {2048, 512, 337, 1009, 4, 2},    {2048, 512, 999, 1001, 4, 4}, {2048, 512, 4000, 3000, 3, 4},
      {2048, 512, 1920, 1080, 3, 4},   {2048, 512, 123, 457, 4, 2},  {2048, 512, 700, 690, 4, 4},
      {2048, 512, 16000, 11000, 3, 4}, {2048, 512, 1151, 770, 3, 4}, {2048, 512, 1152, 1536, 4, 3},
      {33, 16, 640, 480, 3, 3},        {33, 16, 1, 1, 3, 3},         {33, 16, 7, 1, 1, 3},
      {33, 16, 480, 641, 3, 3},        {33, 16, 1000, 999, 3, 3},    {33, 16, 3, 2, 2, 3},
      {33, 16, 33, 16, 2, 3},          {33, 16, 16, 33, 3, 2},       {33, 16, 2, 3000, 3, 1},
      {75, 25, 640, 480, 3, 3},        {75, 25, 1, 1, 4, 4},         {75, 25, 7, 1, 1, 3},
      {75, 25, 480, 641, 3, 3},        {75, 25, 1000, 999, 3, 3},    {75, 25, 3, 2, 2, 3},
      {75, 25, 33, 16, 2, 3},          {75, 25, 16, 33, 3, 2},       {75, 25, 2, 3000, 3, 1},
      {5000, 512, 640, 480, 6, 8},     {5000, 512, 1, 1, 8, 8},      {5000, 512, 7, 1, 2, 8},
      {5000, 512, 480, 641, 8, 6},     {5000, 512, 1000, 999, 8, 8}, {5000, 512, 3, 2, 6, 8},
      {5000, 512, 33, 16, 4, 8},       {5000, 512, 16, 33, 8, 4},    {5000, 512, 2, 3000, 8, 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    settings s = of_grid(SMOLVLM);
    image_shape shape;
    loci_err err;
    s.how.longest_edge = cases[i].longest;
    s.how.resize_width = s.how.resize_height = cases[i].side;
    s.config.vision.patch = cases[i].side / 4;
    s.config.vision.grid = 4;
    int w = cases[i].width, h = cases[i].height;
    if (image_shape_of(&s.how, w, h, &shape, &err)) fail_msg("%s", err.msg);
    check_grid(&s, &shape, cases[i].down, cases[i].across);
  }
  settings s = of_grid(SMOLVLM);
  image_shape shape;
  loci_err err;
  s.how.longest_edge = 0; /* a picture as it comes */
  assert_int_equal(image_shape_of(&s.how, 16000, 11000, &shape, &err), LOCI_EUNSUPPORTED);
  assert_non_null(strstr(err.msg, "704 tiles of 512 x 512"));
}

/* Of as near proportions the one with more tiles, if the picture has more than half of their
 * pixels. */
static void every_size_has_the_nearest_tiles(void **state) {
  (void)state;
  static const int cases[][4] = {
      {640, 480, 3, 4},     {1, 1, 1, 1},       {1, 1000, 12, 1},   {2000, 10, 1, 12},
      {512, 512, 1, 1},     {1344, 336, 1, 4},  {337, 1009, 3, 1},  {999, 1001, 3, 3},
      {4000, 3000, 3, 4},   {1920, 1080, 2, 4}, {123, 457, 4, 1},   {700, 690, 2, 2},
      {16000, 11000, 2, 3}, {1151, 770, 2, 3},  {1152, 1536, 4, 3},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    settings s = of_grid(INTERNVL);
    image_shape shape;
    loci_err err;
    if (image_shape_of(&s.how, cases[i][0], cases[i][1], &shape, &err)) fail_msg("%s", err.msg);
    check_grid(&s, &shape, cases[i][2], cases[i][3]);
  }
}

/* Without tiles a picture is squeezed, after it was brought to the longest edge. */
static void without_tiles_a_picture_is_squeezed(void **state) {
  (void)state;
  image_rgb im, twice, once;
  image_shape shape;
  loci_err err;
  float *values;
  settings s = of_grid(SMOLVLM);
  s.how.grid = GRID_NONE;
  s.how.longest_edge = 90;
  s.how.resize_width = s.how.resize_height = 32;
  if (image_load(IMAGES "scene-a.png", &im, &err)) fail_msg("%s", err.msg);
  if (image_process(&s.how, &im, &values, &shape, &err)) fail_msg("%s", err.msg);
  assert_true(shape.views == 1 && shape.height == 32 && shape.width == 32 && !shape.whole_last);
  const resize_plan first = {90, 66, RESAMPLE_LANCZOS, false}; /* 45 x 33, doubled */
  const resize_plan then = {32, 32, RESAMPLE_LANCZOS, false};
  assert_int_equal(image_resize(&im, &first, &once, &err), LOCI_OK);
  assert_int_equal(image_resize(&once, &then, &twice, &err), LOCI_OK);
  for (int i = 0; i < 3 * 32 * 32; i++) {
    int channel = i / 1024;
    float x = (float)twice.pixels[i % 1024 * 3 + channel] * (1.0F / 255);
    assert_true(fabsf(values[i] - (x - 0.5F) / 0.5F) < 1e-6F);
  }
  free(values);
  image_clear(&im);
  image_clear(&once);
  image_clear(&twice);
}

/* Two tiles of 2 x 2 patches of 2 pixels side by side, of which the picture fills three columns. */
static void tiles_are_put_together_without_margins(void **state) {
  (void)state;
  const model_config c = {.vision = {.image_size = 4, .patch = 2, .grid = 2, .merge = 1}};
  float pixels[3 * 3 * 16], rows[3 * 4], newline = -1, out[4 + 2 * 3];
  for (int i = 0; i < 3 * 3 * 16; i++) pixels[i] = (float)i;
  for (int i = 0; i < 3 * 4; i++) rows[i] = (float)i;
  seen_picture p = {pixels, {3, 4, 4, 1, 2, false, 100, 50, false}}, made;
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
  const loci_image_view views[] = {{"base", 0, 2, 2, false, 0, false},
                                   {"tiles", 4, 2, 3, true, 0, false}};
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
      cmocka_unit_test(filled_tiles_are_the_references_to_the_bit),
      cmocka_unit_test(every_size_has_the_references_tiles),
      cmocka_unit_test(every_size_has_the_nearest_tiles),
      cmocka_unit_test(without_tiles_a_picture_is_squeezed),
      cmocka_unit_test(tiles_are_put_together_without_margins),
      cmocka_unit_test(a_row_shows_a_cell_or_ends_a_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
