/* Pictures that keep their own sizes: which size each gets, and the patches that the tower is
 * given, against the slow Qwen2VLImageProcessor of transformers 4.57.1 with Pillow 13.0.0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sha256.h"
#include "model/vision.h"
#include "image/image.h"

#include <cmocka.h> /* last: it takes the word fail */

#define IMAGES LOCI_SOURCE_DIR "/tests/golden/images/"

/* Qwen2-VL's own settings. */
static image_processor qwen(int64_t max_pixels) {
  return (image_processor){.resize = true,
                           .resample = RESAMPLE_BICUBIC,
                           .patch = 14,
                           .merge = 2,
                           .frames = 2,
                           .min_pixels = 3136,
                           .max_pixels = max_pixels,
                           .rescale = true,
                           .normalise = true,
                           .rescale_factor = 1.0 / 255,
                           .mean = {0.48145466, 0.4578275, 0.40821073},
                           .std = {0.26862954, 0.26130258, 0.27577711}};
}

static const int64_t published = 12845056;

static void every_patch_is_the_references_to_the_bit(void **state) {
  (void)state;
  static const struct {
    const char *picture;
    int64_t max_pixels;
    int rows, cols; /* of patches */
    const char *sha256;
  } cases[] = {
      {"photo.jpg", 12845056, 26, 36,
       "4567604b7f57e139e9355527ba02ed19f2409fc1f8b44655606f89b576ca4c93"},
      {"photo.jpg", 50000, 12, 18,
       "9d9abdc74855c43f96da20cc40521fcc9067b4bbde4f8d095052bd10206356dc"},
      {"tall.png", 12845056, 34, 2,
       "187e9bc24753a34a76561eedaa8489be20c3cd842f9913ab79b6ec008125993b"},
      {"wide.png", 12845056, 2, 34,
       "ffcd0b6f2eedfd696a1672f8f831c515983c5aadc28939f17cceb3ac60fc152a"},
      {"one.png", 12845056, 4, 4,
       "424264f170f7d82febd054bd3e021998f226dd43e41521c7b7d828e6af54397a"},
      {"scene-a.png", 12845056, 4, 6,
       "8175ce07262208639c34233bedb81989a843873fa9562089f7c19ebe84241e28"},
      {"gray-alpha.png", 12845056, 6, 4,
       "080be699d1a3370c025b68abbeb5013619fbb1f603435b8880414b721afb6585"},
  };
  const vision_config v = {.patch = 14, .merge = 2, .frames = 2};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[512], hex[65];
    image_rgb im;
    loci_err err;
    float *pixels;
    seen_picture p = {0};
    snprintf(path, sizeof path, "%s%s", IMAGES, cases[i].picture);
    image_processor how = qwen(cases[i].max_pixels);
    if (image_load(path, &im, &err)) fail_msg("%s", err.msg);
    if (image_process(&how, &im, &pixels, &p.shape, &err)) fail_msg("%s", err.msg);
    assert_int_equal(p.shape.height, 14 * cases[i].rows);
    assert_int_equal(p.shape.width, 14 * cases[i].cols);
    p.pixels = pixels;
    size_t n = (size_t)cases[i].rows * (size_t)cases[i].cols * (size_t)vision_patch_values(&v);
    float *patches = malloc(n * sizeof *patches);
    assert_non_null(patches);
    vision_patches(&v, &p, patches);
    sha256_hex(patches, n * sizeof *patches, hex);
    if (strcmp(hex, cases[i].sha256) != 0) fail_msg("%s: other patches", cases[i].picture);
    free(patches);
    free(pixels);
    image_clear(&im);
  }
}

/* Halves to even, a side that rounds to nothing, both bounds, and what the floor and the ceiling
 * leave. */
static void a_size_is_the_nearest_that_patches_fill(void **state) {
  (void)state;
  static const struct {
    int width, height;
    int64_t max_pixels;
    int to_width, to_height;
  } cases[] = {{70, 42, 12845056, 56, 56},         {640, 480, 12845056, 644, 476},
               {13, 120, 12845056, 28, 196},       {1, 1, 12845056, 56, 56},
               {4000, 3000, 12845056, 4004, 2996}, {6000, 4000, 12845056, 4368, 2912},
               {640, 480, 50000, 252, 168},        {1000, 7, 12845056, 672, 28},
               {98, 14, 12845056, 168, 28},        {2000, 10, 3136, 812, 28},
               {126, 126, 12845056, 112, 112}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    image_shape s;
    loci_err err;
    image_processor p = qwen(cases[i].max_pixels);
    if (image_shape_of(&p, cases[i].width, cases[i].height, &s, &err)) fail_msg("%s", err.msg);
    assert_int_equal(s.width, cases[i].to_width);
    assert_int_equal(s.height, cases[i].to_height);
  }
}

static void sizes_that_make_no_picture_are_refused(void **state) {
  (void)state;
  image_shape s;
  loci_err err;
  image_processor p = qwen(published);
  assert_int_equal(image_shape_of(&p, 2001, 10, &s, &err), LOCI_EUNSUPPORTED);
  assert_non_null(strstr(err.msg, "200 times"));
  assert_int_equal(image_bound(&p, 783, &err), LOCI_EFORMAT); /* less than 28 x 28 */
  assert_non_null(strstr(err.msg, "--max-pixels"));
  p = qwen(published);
  assert_int_equal(image_bound(&p, 784, &err), LOCI_OK); /* and the lower bound follows */
  assert_int_equal(image_shape_of(&p, 640, 480, &s, &err), LOCI_OK);
  assert_int_equal(s.width * s.height, 784);
  p = qwen(published);
  p.resize = false;
  assert_int_equal(image_shape_of(&p, 56, 84, &s, &err), LOCI_OK);
  assert_int_equal(image_shape_of(&p, 56, 85, &s, &err), LOCI_EUNSUPPORTED);
  assert_non_null(strstr(err.msg, "no multiples of 28"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_patch_is_the_references_to_the_bit),
                                     cmocka_unit_test(a_size_is_the_nearest_that_patches_fill),
                                     cmocka_unit_test(sizes_that_make_no_picture_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
