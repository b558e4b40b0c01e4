/* Every picture of tests/golden/images against Pillow 13.0.0 and the slow processors of
 * transformers 4.57.1: the RGB bytes, and the pixel values of six processors, all bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sha256.h"
#include "base/file.h"
#include "base/json.h"
#include "image/image.h"

#include <cmocka.h> /* last: it takes the word fail */

#define IMAGES LOCI_SOURCE_DIR "/tests/golden/images"

static image_processor clip_processor(int size, bool pad) {
  return (image_processor){.pad_square = pad,
                           .pad_colour = {122, 116, 104},
                           .resize = true,
                           .shortest_edge = size,
                           .resample = RESAMPLE_BICUBIC,
                           .crop = true,
                           .crop_width = size,
                           .crop_height = size,
                           .rescale = true,
                           .normalise = true,
                           .rescale_factor = 1.0 / 255,
                           .mean = {0.48145466, 0.4578275, 0.40821073},
                           .std = {0.26862954, 0.26130258, 0.27577711}};
}

static image_processor siglip_processor(int size, bool pad) {
  return (image_processor){.pad_square = pad,
                           .pad_colour = {127, 127, 127},
                           .resize = true,
                           .resize_width = size,
                           .resize_height = size,
                           .resample = RESAMPLE_BICUBIC,
                           .rescale = true,
                           .normalise = true,
                           .rescale_factor = 1.0 / 255,
                           .mean = {0.5, 0.5, 0.5},
                           .std = {0.5, 0.5, 0.5}};
}

static bool processor_of_job(const char *job, image_processor *out) {
  bool pad = path_ends_with(job, "-pad");
  if (strncmp(job, "clip-", 5) == 0)
    *out = clip_processor(atoi(job + 5), pad);
  else if (strncmp(job, "siglip-", 7) == 0)
    *out = siglip_processor(atoi(job + 7), pad);
  else
    return false;
  return true;
}

static js_value *read_pixels_json(void) {
  js_value *root;
  assert_int_equal(js_parse_file(IMAGES "/pixels.json", 1 << 20, &root, NULL), LOCI_OK);
  return root;
}

static image_rgb load(const char *name) {
  char path[512];
  image_rgb im;
  loci_err err;
  snprintf(path, sizeof path, "%s/%s", IMAGES, name);
  if (image_load(path, &im, &err)) fail_msg("%s", err.msg);
  return im;
}

static void check_digest(const void *bytes, size_t n, const js_value *digest, const char *name,
                         const char *job) {
  char hex[65];
  sha256_hex(bytes, n, hex);
  if (strcmp(hex, js_text_of(digest, NULL)) != 0) fail_msg("%s, %s: other bytes", name, job);
}

static void the_digest_of_abc_is_the_published_one(void **state) {
  (void)state;
  char hex[65];
  sha256_hex("abc", 3, hex);
  assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void every_picture_decodes_to_pillows_bytes(void **state) {
  (void)state;
  js_value *root = read_pixels_json();
  const js_value *entry;
  const char *name;
  int seen = 0;
  for (void *it = js_first(root, &name, &entry); it; it = js_next(root, it, &name, &entry)) {
    image_rgb im = load(name);
    int64_t width = 0, height = 0;
    js_int_of(js_at(js_get(entry, "size"), 0), &width);
    js_int_of(js_at(js_get(entry, "size"), 1), &height);
    assert_int_equal(im.width, width);
    assert_int_equal(im.height, height);
    check_digest(im.pixels, (size_t)(width * height * 3), js_get(entry, "rgb_sha256"), name, "rgb");
    image_clear(&im);
    seen++;
  }
  assert_int_equal(seen, 33);
  js_free(root);
}

static void check_job(const image_rgb *im, const char *name, const char *job,
                      const js_value *expected) {
  image_processor p;
  if (!processor_of_job(job, &p)) return;
  float *values;
  image_shape shape;
  int64_t want = 0;
  loci_err err;
  if (image_process(&p, im, &values, &shape, &err)) fail_msg("%s", err.msg);
  int height = shape.height, width = shape.width;
  js_int_of(js_at(js_get(expected, "shape"), 1), &want);
  assert_int_equal(height, want);
  js_int_of(js_at(js_get(expected, "shape"), 2), &want);
  assert_int_equal(width, want);
  check_digest(values, (size_t)height * (size_t)width * 3 * sizeof *values,
               js_get(expected, "sha256"), name, job);
  free(values);
}

static void every_processor_gives_the_reference_floats(void **state) {
  (void)state;
  js_value *root = read_pixels_json();
  const js_value *entry, *expected;
  const char *name, *job;
  for (void *it = js_first(root, &name, &entry); it; it = js_next(root, it, &name, &entry)) {
    image_rgb im = load(name);
    for (void *j = js_first(entry, &job, &expected); j; j = js_next(entry, j, &job, &expected))
      check_job(&im, name, job, expected);
    image_clear(&im);
  }
  js_free(root);
}

/* A tensor NAME.JOB.sample holds the values at rows and columns trunc(i (size - 1) / 15). */
static void check_sample(const char *tensor, const uint8_t *data) {
  char name[64];
  const char *dot = strchr(strchr(tensor, '.') + 1, '.');
  snprintf(name, sizeof name, "%.*s", (int)(dot - tensor), tensor);
  image_rgb im = load(name);
  image_processor p;
  float *values, expected;
  image_shape shape;
  char job[32];
  snprintf(job, sizeof job, "%.*s", (int)(strlen(dot + 1) - strlen(".sample")), dot + 1);
  assert_true(processor_of_job(job, &p));
  assert_int_equal(image_process(&p, &im, &values, &shape, NULL), LOCI_OK);
  int height = shape.height, width = shape.width;
  for (int i = 0; i < 3 * 16 * 16; i++) {
    int c = i / 256, y = i / 16 % 16 * (height - 1) / 15, x = i % 16 * (width - 1) / 15;
    memcpy(&expected, data + 4 * i, 4);
    uint32_t got, wanted; /* bit for bit */
    memcpy(&got, &values[(c * height + y) * width + x], 4);
    memcpy(&wanted, data + 4 * i, 4);
    if (got != wanted)
      fail_msg("%s: channel %d, row %d, column %d is %g, expected %g", tensor, c, y, x,
               (double)values[(c * height + y) * width + x], (double)expected);
  }
  free(values);
  image_clear(&im);
}

static void the_stored_samples_agree(void **state) {
  (void)state;
  char *bytes;
  size_t n;
  uint64_t header;
  js_value *root;
  const js_value *entry;
  const char *tensor;
  assert_int_equal(file_read(IMAGES "/pixels.safetensors", 1 << 22, &bytes, &n, NULL), LOCI_OK);
  memcpy(&header, bytes, 8);
  assert_int_equal(js_parse(bytes + 8, header, "pixels", &root, NULL), LOCI_OK);
  int seen = 0;
  for (void *it = js_first(root, &tensor, &entry); it; it = js_next(root, it, &tensor, &entry)) {
    int64_t begin = 0;
    if (!path_ends_with(tensor, ".sample")) continue;
    js_int_of(js_at(js_get(entry, "data_offsets"), 0), &begin);
    check_sample(tensor, (const uint8_t *)bytes + 8 + header + begin);
    seen++;
  }
  assert_true(seen >= 100);
  js_free(root);
  free(bytes);
}

/* Llama-3.2-Vision's tiles of 560 pixels, of pictures that take canvases of one tile and of
 * several; those sizes are the reference's, too. */
static void tiles_of_all_places_are_the_reference_floats(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int down, across;
    const char *sha256;
  } all[] = {
      {"size-13x120.png", 1, 1, "b1e07eccdf54e44bc2bd3e88932779459a997ad6c101053856cfb2299e120ca0"},
      {"size-375x500.jpg", 1, 1,
       "9b275da05a917972401b494d6b3165b55f9ca8ee189c5b61f58ddd12673e5a58"},
      {"size-1100x200.jpg", 1, 2,
       "6e1558475944e1f8b4088fd809ce92a1d544d437d044c262f512fff1e85d552b"},
      {"scene-a.png", 1, 1, "d3a4184985fbf30713aa013562e41a3735d5e0e8a6906a8f59645e5c12c9b243"},
      {"scene-b.png", 1, 1, "a563ac5b184125edb402259dcf17665a115a732f9fdd2ab0a71fa1618cb7b46c"},
  };
  static const char text[] =
      "{\"image_processor_type\":\"MllamaImageProcessor\",\"size\":{\"height\":560,\"width\":560}}";
  js_value *json;
  image_processor p;
  assert_int_equal(js_parse(text, sizeof text - 1, "processor", &json, NULL), LOCI_OK);
  assert_int_equal(image_processor_parse(json, "processor", NULL, &p, NULL), LOCI_OK);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    image_rgb im = load(all[i].name);
    image_shape s;
    float *values;
    char hex[65];
    assert_int_equal(image_process(&p, &im, &values, &s, NULL), LOCI_OK);
    assert_true(s.together && s.views == 4 && s.down == all[i].down && s.across == all[i].across);
    sha256_hex(values, (size_t)image_values(&s) * sizeof *values, hex);
    assert_string_equal(hex, all[i].sha256);
    free(values);
    image_clear(&im);
  }
  js_free(json);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_digest_of_abc_is_the_published_one),
      cmocka_unit_test(every_picture_decodes_to_pillows_bytes),
      cmocka_unit_test(every_processor_gives_the_reference_floats),
      cmocka_unit_test(tiles_of_all_places_are_the_reference_floats),
      cmocka_unit_test(the_stored_samples_agree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
