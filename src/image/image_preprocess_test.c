/* The steps of image_process one by one, on pictures small enough to write the result down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

#include <cmocka.h> /* last: it takes the word fail */

/* A gray picture; the values of one channel as whole numbers. */
static void expect_plane(image_processor p, int width, int height, const uint8_t *gray,
                         int out_width, int out_height, const uint8_t *expected) {
  uint8_t pixels[3 * 64];
  const image_rgb im = {.width = width, .height = height, .pixels = pixels};
  float *values;
  image_shape shape;
  loci_err err;
  for (int i = 0; i < width * height; i++) memset(pixels + 3 * i, gray[i], 3);
  if (image_process(&p, &im, &values, &shape, &err)) fail_msg("%s", err.msg);
  int h = shape.height, w = shape.width;
  assert_int_equal(w, out_width);
  assert_int_equal(h, out_height);
  for (int c = 0; c < 3; c++)
    for (int i = 0; i < w * h; i++)
      if (values[c * w * h + i] != (float)expected[i])
        fail_msg("value %d is %g, expected %d", i, (double)values[c * w * h + i], expected[i]);
  free(values);
}

static void a_crop_takes_the_middle_and_leans_to_the_start(void **state) {
  (void)state;
  const image_processor p = {.crop = true, .crop_width = 2, .crop_height = 1};
  expect_plane(p, 5, 2, (uint8_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 2, 1, (uint8_t[]){2, 3});
}

static void a_crop_beyond_the_picture_pads_with_zeros(void **state) {
  (void)state;
  const image_processor p = {.crop = true, .crop_width = 5, .crop_height = 1};
  expect_plane(p, 2, 1, (uint8_t[]){7, 8}, 5, 1, (uint8_t[]){0, 0, 7, 8, 0});
  expect_plane(p, 4, 3, (uint8_t[]){1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6, 6}, 5, 1,
               (uint8_t[]){0, 2, 3, 4, 5});
}

static void a_picture_is_padded_to_a_square_with_the_colour(void **state) {
  (void)state;
  const image_processor p = {.pad_square = true, .pad_colour = {9, 9, 9}};
  expect_plane(p, 2, 1, (uint8_t[]){1, 2}, 2, 2, (uint8_t[]){1, 2, 9, 9});
  expect_plane(p, 1, 4, (uint8_t[]){1, 2, 3, 4}, 4, 4,
               (uint8_t[]){9, 1, 9, 9, 9, 2, 9, 9, 9, 3, 9, 9, 9, 4, 9, 9});
}

static void the_long_side_is_cut_off_not_rounded(void **state) {
  (void)state;
  const image_processor p = {.resize = true, .shortest_edge = 2, .resample = RESAMPLE_NEAREST};
  const uint8_t gray[15] = {0};
  expect_plane(p, 5, 3, gray, 3, 2, gray); /* 2 * 5 / 3 = 3.33 */
  expect_plane(p, 3, 4, gray, 2, 2, gray); /* 2 * 4 / 3 = 2.67 */
}

static void values_are_rescaled_in_double_and_normalised_in_float(void **state) {
  (void)state;
  uint8_t pixels[3] = {17, 200, 255};
  const image_rgb im = {.width = 1, .height = 1, .pixels = pixels};
  const image_processor p = {.rescale = true,
                             .normalise = true,
                             .rescale_factor = 1.0 / 255,
                             .mean = {0.48145466, 0.4578275, 0.40821073},
                             .std = {0.26862954, 0.26130258, 0.27577711}};
  float *values;
  image_shape shape;
  assert_int_equal(image_process(&p, &im, &values, &shape, NULL), LOCI_OK);
  for (int c = 0; c < 3; c++) {
    float v = (float)(pixels[c] * (1.0 / 255));
    assert_true(values[c] == (v - (float)p.mean[c]) / (float)p.std[c]);
  }
  free(values);
}

static void expect_refusal(image_processor p, int width, int height, const char *words) {
  const image_rgb im = {.width = width, .height = height};
  float *values;
  image_shape shape;
  loci_err err;
  assert_true(image_process(&p, &im, &values, &shape, &err) != LOCI_OK);
  assert_null(values);
  if (!strstr(err.msg, words)) fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
}

static void impossible_requests_are_refused(void **state) {
  (void)state;
  const double nan = strtod("nan", NULL);
  image_processor p = {.resize = true, .shortest_edge = 336};
  expect_refusal((image_processor){.resize = true}, 5, 5, "a size of 0 x 0");
  expect_refusal((image_processor){.resize = true, .shortest_edge = -1}, 5, 5, "edge of -1");
  expect_refusal((image_processor){.crop = true, .crop_width = 5}, 5, 5, "a crop of 5 x 0");
  expect_refusal((image_processor){.rescale = true, .rescale_factor = nan}, 5, 5, "factor of nan");
  expect_refusal((image_processor){.normalise = true, .mean = {nan}}, 5, 5, "mean of nan");
  expect_refusal((image_processor){.normalise = true}, 5, 5, "deviation of 0");
  expect_refusal(p, 1, 1 << 20, "resized to a shortest edge of 336");
  p.pad_square = true;
  expect_refusal(p, 1 << 20, 1, "padded to a square");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_crop_takes_the_middle_and_leans_to_the_start),
      cmocka_unit_test(a_crop_beyond_the_picture_pads_with_zeros),
      cmocka_unit_test(a_picture_is_padded_to_a_square_with_the_colour),
      cmocka_unit_test(the_long_side_is_cut_off_not_rounded),
      cmocka_unit_test(values_are_rescaled_in_double_and_normalised_in_float),
      cmocka_unit_test(impossible_requests_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
