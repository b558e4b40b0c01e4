/* The resizes of noise against Pillow 13.0.0: all filters, growing and shrinking, one axis alone,
 * both orders of the passes.  The old order is Pillow's too: two resizes of one axis each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sha256.h"
#include "image/resize.h"

#include <cmocka.h> /* last: it takes the word fail */

static image_rgb noise(int width, int height) {
  image_rgb im = {
      .width = width, .height = height, .pixels = malloc((size_t)width * (size_t)height * 3)};
  uint32_t s = (uint32_t)(width * 1000 + height);
  assert_non_null(im.pixels);
  for (int i = 0; i < width * height * 3; i++) {
    s = s * 1664525u + 1013904223u;
    im.pixels[i] = (uint8_t)(s >> 24);
  }
  return im;
}

/* The first 16 digits of the SHA-256 of Pillow's bytes. */
static const struct {
  int width, height;
  resize_plan plan;
  const char *digest;
} cases[] = {
    {37, 29, {28, 28, RESAMPLE_NEAREST, false}, "2809ae15000da779"},
    {37, 29, {28, 28, RESAMPLE_LANCZOS, false}, "4f58c0499645f4aa"},
    {37, 29, {28, 28, RESAMPLE_BILINEAR, false}, "32bbf1259d681636"},
    {37, 29, {28, 28, RESAMPLE_BICUBIC, false}, "7f09c722ae010ebb"},
    {37, 29, {28, 28, RESAMPLE_BOX, false}, "9d904535fc900727"},
    {37, 29, {28, 28, RESAMPLE_HAMMING, false}, "7d4c5a2042d24cd0"},
    {29, 37, {61, 80, RESAMPLE_NEAREST, false}, "75e8e6614598d31d"},
    {29, 37, {61, 80, RESAMPLE_LANCZOS, false}, "d9d59d5383367f0c"},
    {29, 37, {61, 80, RESAMPLE_BILINEAR, false}, "9e4d8434bf5a30c6"},
    {29, 37, {61, 80, RESAMPLE_BICUBIC, false}, "0638670c4083c23f"},
    {29, 37, {61, 80, RESAMPLE_BOX, false}, "75e8e6614598d31d"},
    {29, 37, {61, 80, RESAMPLE_HAMMING, false}, "a79df2f86e02ad0a"},
    {64, 5, {7, 28, RESAMPLE_NEAREST, false}, "59c26e01e4990b7f"},
    {64, 5, {7, 28, RESAMPLE_LANCZOS, false}, "9cf2d022a8b755fa"},
    {64, 5, {7, 28, RESAMPLE_BILINEAR, false}, "c7d834b51acb4f72"},
    {64, 5, {7, 28, RESAMPLE_BICUBIC, false}, "973ecc164a0f682a"},
    {64, 5, {7, 28, RESAMPLE_BOX, false}, "bea62fd762bbf890"},
    {64, 5, {7, 28, RESAMPLE_HAMMING, false}, "ad70b5b9af6f7412"},
    {5, 64, {28, 9, RESAMPLE_NEAREST, false}, "84645a4a58dc50d5"},
    {5, 64, {28, 9, RESAMPLE_LANCZOS, false}, "90b7dfac239cb2e7"},
    {5, 64, {28, 9, RESAMPLE_BILINEAR, false}, "7636783f8b8c988e"},
    {5, 64, {28, 9, RESAMPLE_BICUBIC, false}, "80f927265c7aaff9"},
    {5, 64, {28, 9, RESAMPLE_BOX, false}, "74b7bab2cbffb305"},
    {5, 64, {28, 9, RESAMPLE_HAMMING, false}, "fe749a8b83aa13eb"},
    {1, 1, {4, 3, RESAMPLE_NEAREST, false}, "865c7d8860ecc1ed"},
    {1, 1, {4, 3, RESAMPLE_LANCZOS, false}, "865c7d8860ecc1ed"},
    {1, 1, {4, 3, RESAMPLE_BILINEAR, false}, "865c7d8860ecc1ed"},
    {1, 1, {4, 3, RESAMPLE_BICUBIC, false}, "865c7d8860ecc1ed"},
    {1, 1, {4, 3, RESAMPLE_BOX, false}, "865c7d8860ecc1ed"},
    {1, 1, {4, 3, RESAMPLE_HAMMING, false}, "865c7d8860ecc1ed"},
    {40, 30, {40, 11, RESAMPLE_NEAREST, false}, "748ebae494a0f246"},
    {40, 30, {40, 11, RESAMPLE_LANCZOS, false}, "954c2a9380a97f25"},
    {40, 30, {40, 11, RESAMPLE_BILINEAR, false}, "a98c13b9e93a3b56"},
    {40, 30, {40, 11, RESAMPLE_BICUBIC, false}, "908a57669fab0bd7"},
    {40, 30, {40, 11, RESAMPLE_BOX, false}, "a37909159c31572d"},
    {40, 30, {40, 11, RESAMPLE_HAMMING, false}, "894203ee102ffb38"},
    {40, 30, {13, 30, RESAMPLE_NEAREST, false}, "7e15e71baffe8701"},
    {40, 30, {13, 30, RESAMPLE_LANCZOS, false}, "17c66bfc988fbbda"},
    {40, 30, {13, 30, RESAMPLE_BILINEAR, false}, "9a15d760d7275df7"},
    {40, 30, {13, 30, RESAMPLE_BICUBIC, false}, "2b85cbddb535a1a0"},
    {40, 30, {13, 30, RESAMPLE_BOX, false}, "1898df5e299d2505"},
    {40, 30, {13, 30, RESAMPLE_HAMMING, false}, "2fb9f65be4888e6d"},
    {5, 64, {28, 9, RESAMPLE_LANCZOS, true}, "221ce2cb96d9d01c"},
    {5, 64, {28, 9, RESAMPLE_LANCZOS, false}, "90b7dfac239cb2e7"},
    {30, 100, {20, 40, RESAMPLE_LANCZOS, true}, "71a8f4f05f07047a"},
    {30, 100, {20, 40, RESAMPLE_LANCZOS, false}, "ea4d201437f659d3"},
    {5, 64, {28, 9, RESAMPLE_BILINEAR, true}, "005522e705486189"},
    {5, 64, {28, 9, RESAMPLE_BILINEAR, false}, "7636783f8b8c988e"},
    {30, 100, {20, 40, RESAMPLE_BILINEAR, true}, "04e22b4ddda690a2"},
    {30, 100, {20, 40, RESAMPLE_BILINEAR, false}, "60c63a2b89522c8c"},
    {5, 64, {28, 9, RESAMPLE_BICUBIC, true}, "266a4268672e5289"},
    {5, 64, {28, 9, RESAMPLE_BICUBIC, false}, "80f927265c7aaff9"},
    {30, 100, {20, 40, RESAMPLE_BICUBIC, true}, "75b8960a11792b91"},
    {30, 100, {20, 40, RESAMPLE_BICUBIC, false}, "54d6aa7134a62c20"},
    {5, 64, {28, 9, RESAMPLE_BOX, true}, "74b7bab2cbffb305"},
    {5, 64, {28, 9, RESAMPLE_BOX, false}, "74b7bab2cbffb305"},
    {30, 100, {20, 40, RESAMPLE_BOX, true}, "d16cca1d2e1fe847"},
    {30, 100, {20, 40, RESAMPLE_BOX, false}, "eb250ac1000f3f46"},
    {5, 64, {28, 9, RESAMPLE_HAMMING, true}, "40226be775602d94"},
    {5, 64, {28, 9, RESAMPLE_HAMMING, false}, "fe749a8b83aa13eb"},
    {30, 100, {20, 40, RESAMPLE_HAMMING, true}, "190f1f7465b22e3d"},
    {30, 100, {20, 40, RESAMPLE_HAMMING, false}, "05543760b107bbc9"},
};

static void every_filter_gives_pillows_bytes(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    image_rgb in = noise(cases[i].width, cases[i].height), out;
    char hex[65];
    assert_int_equal(image_resize(&in, &cases[i].plan, &out, NULL), LOCI_OK);
    assert_int_equal(out.width, cases[i].plan.width);
    assert_int_equal(out.height, cases[i].plan.height);
    sha256_hex(out.pixels, (size_t)out.width * (size_t)out.height * 3, hex);
    hex[16] = 0;
    if (strcmp(hex, cases[i].digest) != 0)
      fail_msg("%d x %d to %d x %d, filter %d: %s, expected %s", in.width, in.height, out.width,
               out.height, (int)cases[i].plan.resample, hex, cases[i].digest);
    image_clear(&in);
    image_clear(&out);
  }
}

static void the_order_of_passes_matters_by_two_levels_at_most(void **state) {
  (void)state;
  image_rgb in = noise(30, 100), now, before;
  const resize_plan new_order = {20, 40, RESAMPLE_BICUBIC, false};
  const resize_plan old_order = {20, 40, RESAMPLE_BICUBIC, true};
  int largest = 0;
  assert_int_equal(image_resize(&in, &new_order, &now, NULL), LOCI_OK);
  assert_int_equal(image_resize(&in, &old_order, &before, NULL), LOCI_OK);
  for (int i = 0; i < 20 * 40 * 3; i++) {
    int d = abs(now.pixels[i] - before.pixels[i]);
    if (d > largest) largest = d;
  }
  assert_in_range(largest, 1, 2);
  image_clear(&in);
  image_clear(&now);
  image_clear(&before);
}

static void a_picture_of_the_wanted_size_is_copied(void **state) {
  (void)state;
  image_rgb in = noise(9, 7), out;
  const resize_plan plan = {9, 7, RESAMPLE_LANCZOS, false};
  assert_int_equal(image_resize(&in, &plan, &out, NULL), LOCI_OK);
  assert_ptr_not_equal(in.pixels, out.pixels);
  assert_memory_equal(in.pixels, out.pixels, 9 * 7 * 3);
  image_clear(&in);
  image_clear(&out);
}

static void a_very_long_side_is_refused_before_any_work(void **state) {
  (void)state;
  image_rgb in = {.width = (1 << 20) + 1, .height = 1}, out;
  const resize_plan plan = {28, 28, RESAMPLE_BICUBIC, false};
  loci_err err;
  assert_int_equal(image_resize(&in, &plan, &out, &err), LOCI_EUNSUPPORTED);
  assert_non_null(strstr(err.msg, "1048577 x 1"));
  assert_null(out.pixels);
}

static void a_result_of_too_many_pixels_is_refused(void **state) {
  (void)state;
  image_rgb in = noise(2, 2), out;
  const resize_plan plan = {16384, 16384, RESAMPLE_NEAREST, false};
  assert_int_equal(image_resize(&in, &plan, &out, NULL), LOCI_EUNSUPPORTED);
  assert_null(out.pixels);
  image_clear(&in);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_filter_gives_pillows_bytes),
      cmocka_unit_test(the_order_of_passes_matters_by_two_levels_at_most),
      cmocka_unit_test(a_picture_of_the_wanted_size_is_copied),
      cmocka_unit_test(a_very_long_side_is_refused_before_any_work),
      cmocka_unit_test(a_result_of_too_many_pixels_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
