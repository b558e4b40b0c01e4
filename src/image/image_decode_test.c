/* Hostile and damaged picture files: each ends in a status and one sentence that names the file,
 * and takes no memory for what a header merely claims.  Pictures that are fine are
 * image_golden_test.c's business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "image/image.h"

#include <cmocka.h> /* last: it takes the word fail */

#define IMAGES LOCI_SOURCE_DIR "/tests/golden/images/"

typedef struct bytes {
  uint8_t data[4096];
  size_t n;
} bytes;

static bytes read_golden(const char *name) {
  char path[512], *text;
  bytes b;
  snprintf(path, sizeof path, "%s%s", IMAGES, name);
  assert_int_equal(file_read(path, sizeof b.data, &text, &b.n, NULL), LOCI_OK);
  memcpy(b.data, text, b.n);
  free(text);
  return b;
}

static void put(bytes *b, const void *data, size_t n) {
  assert_true(b->n + n <= sizeof b->data);
  memcpy(b->data + b->n, data, n);
  b->n += n;
}
static void put_u24(bytes *b, uint32_t v) {
  put(b, (uint8_t[]){v & 255, v >> 8 & 255, v >> 16 & 255}, 3);
}
static void put_u32(bytes *b, uint32_t v) {
  put_u24(b, v);
  put(b, (uint8_t[]){(uint8_t)(v >> 24)}, 1);
}
static void put_u32_big(bytes *b, uint32_t v) {
  put(b, (uint8_t[]){(uint8_t)(v >> 24), v >> 16 & 255, v >> 8 & 255, v & 255}, 4);
}

static void expect_failure(const bytes *b, loci_status expected, const char *words) {
  image_rgb im;
  loci_err err;
  assert_int_equal(image_decode(b->data, b->n, "evil.bin", &im, &err), expected);
  assert_null(im.pixels);
  assert_non_null(strstr(err.msg, "evil.bin"));
  if (!strstr(err.msg, words)) fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
}

/* CRC-32 of PNG chunks. */
static uint32_t crc_of(const uint8_t *p, size_t n) {
  uint32_t c = 0xffffffff;
  for (size_t i = 0; i < n; i++) {
    c ^= p[i];
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
  }
  return ~c;
}

static void put_chunk(bytes *b, const char *name, const void *data, size_t n) {
  put_u32_big(b, (uint32_t)n);
  size_t from = b->n;
  put(b, name, 4);
  if (n > 0) put(b, data, n);
  put_u32_big(b, crc_of(b->data + from, n + 4));
}

static bytes png_header(uint32_t width, uint32_t height, int depth, int colour) {
  bytes b = {.n = 0}, h = {.n = 0};
  put(&b, "\x89PNG\r\n\x1a\n", 8);
  put_u32_big(&h, width);
  put_u32_big(&h, height);
  put(&h, (uint8_t[]){(uint8_t)depth, (uint8_t)colour, 0, 0, 0}, 5);
  put_chunk(&b, "IHDR", h.data, h.n);
  return b;
}

static void files_that_are_no_pictures_are_refused(void **state) {
  (void)state;
  bytes b = {.n = 0};
  image_rgb im;
  loci_err err;
  expect_failure(&b, LOCI_EFORMAT, "an empty file");
  put(&b, "GIF89a", 6);
  expect_failure(&b, LOCI_EFORMAT, "a GIF picture, not a JPEG, PNG or WebP picture; convert it");
  b.n = 0;
  put(&b, "RIFF\4\0\0\0WAVE", 12);
  expect_failure(&b, LOCI_EFORMAT, "neither");
  b.n = 0;
  put(&b, "{\"error\":\"not found\"}", 21);
  expect_failure(&b, LOCI_EFORMAT, "a text (\"{\"error\":\"not found\"}\"), neither");
  assert_int_equal(image_load(IMAGES "none.png", &im, &err), LOCI_EIO);
  assert_non_null(strstr(err.msg, "none.png"));
  assert_int_equal(image_load(IMAGES, &im, &err), LOCI_EIO);
}

static void files_cut_short_are_refused(void **state) {
  (void)state;
  static const char *const names[] = {
      "rgb.png",          "interlaced.png",   "gray16.png",
      "palette-trns.png", "jpeg-420.jpg",     "jpeg-progressive.jpg",
      "jpeg-cmyk.jpg",    "jpeg-restart.jpg", "webp-lossless.webp",
      "webp-lossy.webp",  "webp-alpha.webp"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    bytes b = read_golden(names[i]);
    size_t n = b.n - 30;
    for (b.n = 1; b.n < n; b.n += 5) {
      uint8_t *exact = malloc(b.n); /* so that a read after the end is noticed */
      image_rgb im;
      loci_err err;
      assert_non_null(exact);
      memcpy(exact, b.data, b.n);
      if (!image_decode(exact, b.n, names[i], &im, &err))
        fail_msg("%s: %zu bytes were enough", names[i], b.n);
      assert_null(im.pixels);
      assert_non_null(strstr(err.msg, names[i]));
      free(exact);
    }
  }
}

static void claims_of_too_many_pixels_are_refused(void **state) {
  (void)state;
  bytes b = png_header(178956970, 2, 8, 2);
  put_chunk(&b, "IDAT", "", 0);
  expect_failure(&b, LOCI_EUNSUPPORTED, "178956970 x 2 pixels, at most 178956970");
  b = png_header(100000000, 100000000, 1, 0);
  put_chunk(&b, "IDAT", "", 0);
  expect_failure(&b, LOCI_EUNSUPPORTED, "100000000 x 100000000");
  b = png_header(1, 4194305, 1, 0); /* few pixels, each a row of its own: seconds */
  put_chunk(&b, "IDAT", "", 0);
  expect_failure(&b, LOCI_EUNSUPPORTED, "4194305 rows, at most 4194304 of a PNG file");
  b = read_golden("jpeg-420.jpg");
  for (size_t i = 2; i + 9 < b.n; i++) {
    if (b.data[i] != 0xff || b.data[i + 1] != 0xc0) continue;
    memset(b.data + i + 5, 0xf0, 4); /* SOF0: height and width */
    break;
  }
  expect_failure(&b, LOCI_EUNSUPPORTED, "61680 x 61680");
}

static void a_large_jpeg_of_few_bytes_is_refused(void **state) {
  (void)state;
  bytes b = read_golden("jpeg-420.jpg");
  for (size_t i = 2; i + 9 < b.n; i++) {
    if (b.data[i] != 0xff || b.data[i + 1] != 0xc0) continue;
    memset(b.data + i + 5, 0x20, 4); /* SOF0: height and width */
    break;
  }
  expect_failure(&b, LOCI_EFORMAT, "8224 x 8224 pixels in");
}

/* Stored blocks of 64 kB without an end after two rows: cut short, and nobody may ask for them. */
static void what_follows_the_rows_of_a_png_is_not_unpacked(void **state) {
  (void)state;
  enum { BLOCK = 65535, CLAIMED = 1 << 30 };
  bytes b = png_header(2, 2, 8, 0);
  static const uint8_t begin[] = {0x78, 1, 0, 6, 0, 0xf9, 0xff, 0, 1, 2, 0, 3, 4};
  uint8_t *all = calloc(1, b.n + 8 + sizeof begin + 3 * BLOCK);
  assert_non_null(all);
  put_u32_big(&b, CLAIMED);
  put(&b, "IDAT", 4);
  put(&b, begin, sizeof begin);
  memcpy(all, b.data, b.n);
  for (int i = 0; i < 2; i++) memcpy(all + b.n + i * (BLOCK + 5), "\0\xff\xff\0\0", 5);
  image_rgb im;
  loci_err err;
  if (image_decode(all, b.n + 2 * BLOCK, "x", &im, &err)) fail_msg("%s", err.msg);
  assert_memory_equal(im.pixels, "\1\1\1\2\2\2\3\3\3\4\4\4", 12);
  image_clear(&im);
  free(all);
}

static void sizes_of_zero_or_beyond_31_bits_are_refused(void **state) {
  (void)state;
  static const uint32_t sizes[][2] = {{0, 5}, {5, 0}, {0, 0}, {0x80000000, 1}, {1, 0xffffffff}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    bytes b = png_header(sizes[i][0], sizes[i][1], 8, 0);
    put_chunk(&b, "IDAT", "", 0);
    expect_failure(&b, LOCI_EFORMAT, "not a sound PNG file");
  }
}

static void a_caller_may_set_a_smaller_limit(void **state) {
  (void)state;
  bytes b = read_golden("rgb.png"); /* 37 x 29 */
  image_rgb im;
  loci_err err;
  assert_int_equal(image_decode_within(b.data, b.n, "x", 37 * 29 - 1, &im, &err),
                   LOCI_EUNSUPPORTED);
  assert_int_equal(image_decode_within(b.data, b.n, "x", 37 * 29, &im, &err), LOCI_OK);
  image_clear(&im);
}

static void palette_indexes_beyond_the_palette_are_black(void **state) {
  (void)state;
  /* one row of two 8-bit indexes, 0 and 9, in a stored zlib block */
  static const uint8_t data[] = {0x78, 1, 1, 3, 0, 0xfc, 0xff, 0, 0, 9, 0, 12, 0, 10};
  bytes b = png_header(2, 1, 8, 3);
  put_chunk(&b, "PLTE", "\x10\x20\x30", 3);
  put_chunk(&b, "tRNS", "\x80", 1);
  put_chunk(&b, "IDAT", data, sizeof data);
  image_rgb im;
  loci_err err;
  if (image_decode(b.data, b.n, "x", &im, &err)) fail_msg("%s", err.msg);
  assert_memory_equal(im.pixels, "\x10\x20\x30\0\0\0", 6);
  image_clear(&im);
}

static void a_jpeg_of_thousands_of_scans_is_refused(void **state) {
  (void)state;
  bytes b = read_golden("jpeg-progressive.jpg");
  size_t n = b.n - 2; /* before the end marker */
  /* a scan that refines nothing: DC of component 1, 1 bit, no data */
  static const uint8_t scan[] = {0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0x10};
  uint8_t *all = malloc(n + 600 * sizeof scan + 2);
  image_rgb im;
  loci_err err;
  assert_non_null(all);
  memcpy(all, b.data, n);
  for (size_t i = 0; i < 600; i++) memcpy(all + n + i * sizeof scan, scan, sizeof scan);
  memcpy(all + n + 600 * sizeof scan, "\xff\xd9", 2);
  assert_int_equal(image_decode(all, n + 600 * sizeof scan + 2, "x", &im, &err), LOCI_EUNSUPPORTED);
  assert_non_null(strstr(err.msg, "more than 500 scans"));
  free(all);
}

/* An animation of one frame: webp-lossy.webp (43 x 37) at (x, y) of a canvas. */
static bytes animation(uint32_t canvas_width, uint32_t canvas_height, uint32_t x, uint32_t y) {
  bytes still = read_golden("webp-lossy.webp"), b = {.n = 0};
  uint32_t size = (uint32_t)still.n - 12;
  put(&b, "RIFF", 4);
  put_u32(&b, 4 + 18 + 24 + size);
  put(&b, "WEBPVP8X\12\0\0\0\2\0\0\0", 16);
  put_u24(&b, canvas_width - 1);
  put_u24(&b, canvas_height - 1);
  put(&b, "ANMF", 4);
  put_u32(&b, 16 + size);
  put_u24(&b, x / 2);
  put_u24(&b, y / 2);
  put_u24(&b, 42);
  put_u24(&b, 36);
  put_u32(&b, 100);
  put(&b, still.data + 12, size);
  return b;
}

static void the_first_frame_of_an_animation_stands_on_black(void **state) {
  (void)state;
  bytes b = animation(60, 50, 4, 6), still = read_golden("webp-lossy.webp");
  image_rgb im, frame;
  loci_err err;
  if (image_decode(b.data, b.n, "x", &im, &err)) fail_msg("%s", err.msg);
  assert_int_equal(image_decode(still.data, still.n, "x", &frame, &err), LOCI_OK);
  assert_int_equal(im.width, 60);
  assert_int_equal(im.height, 50);
  for (int y = 0; y < 50; y++)
    for (int x = 0; x < 60; x++) {
      bool inside = x >= 4 && x < 47 && y >= 6 && y < 43;
      const uint8_t black[3] = {0};
      assert_memory_equal(im.pixels + (y * 60 + x) * 3,
                          inside ? frame.pixels + ((y - 6) * 43 + x - 4) * 3 : black, 3);
    }
  image_clear(&im);
  image_clear(&frame);
}

static void animations_that_contradict_themselves_are_refused(void **state) {
  (void)state;
  bytes b = animation(46, 60, 4, 6);
  expect_failure(&b, LOCI_EFORMAT, "the first frame leaves the canvas");
  b = animation(1 << 24, 1 << 24, 0, 0);
  expect_failure(&b, LOCI_EUNSUPPORTED, "16777216 x 16777216");
  b = animation(60, 50, 0, 0);
  b.data[12 + 18 + 8 + 6]--; /* the frame's width */
  expect_failure(&b, LOCI_EFORMAT, "not of the size it says");
  b = animation(60, 50, 0, 0);
  memcpy(b.data + 12 + 18, "XXXX", 4);
  expect_failure(&b, LOCI_EFORMAT, "without frames");
}

/* As Pillow: pixels with a wrong checksum are read, a header or palette is not. */
static void checksums_count_as_pillow_counts_them(void **state) {
  (void)state;
  static const uint8_t data[] = {0x78, 1, 1, 3, 0, 0xfc, 0xff, 0, 0, 1, 0, 4, 0, 2};
  for (int wrong = 0; wrong < 3; wrong++) {
    bytes b = png_header(2, 1, 8, 3);
    size_t ends[3] = {0};
    ends[0] = b.n;
    put_chunk(&b, "PLTE", "\x10\x20\x30\x40\x50\x60", 6);
    ends[1] = b.n;
    put_chunk(&b, "IDAT", data, sizeof data);
    ends[2] = b.n;
    put_chunk(&b, "IEND", "", 0);
    b.data[ends[wrong] - 1] ^= 1;
    if (wrong < 2) {
      expect_failure(&b, LOCI_EFORMAT, "a wrong checksum of its header or palette");
      continue;
    }
    image_rgb im;
    loci_err err;
    if (image_decode(b.data, b.n, "x", &im, &err)) fail_msg("%s", err.msg);
    assert_memory_equal(im.pixels, "\x10\x20\x30\x40\x50\x60", 6);
    image_clear(&im);
  }
}

/* The checksum at the end of the data may be cut off, as Pillow has it; a wrong one, or rows that
 * are not there, are refused. */
static void what_ends_the_rows_of_a_png_may_be_missing(void **state) {
  (void)state;
  static const uint8_t data[] = {0x78, 1, 1, 3, 0, 0xfc, 0xff, 0, 0, 1, 0, 4, 0, 2};
  for (size_t n = sizeof data; n > sizeof data - 6; n--) {
    bytes b = png_header(2, 1, 8, 3);
    put_chunk(&b, "PLTE", "\x10\x20\x30\x40\x50\x60", 6);
    put_chunk(&b, "IDAT", data, n);
    put_chunk(&b, "IEND", "", 0);
    if (n < sizeof data - 4) {
      expect_failure(&b, LOCI_EFORMAT, "Not enough image data");
      continue;
    }
    image_rgb im;
    loci_err err;
    if (image_decode(b.data, b.n, "x", &im, &err)) fail_msg("%zu bytes: %s", n, err.msg);
    assert_memory_equal(im.pixels, "\x10\x20\x30\x40\x50\x60", 6);
    image_clear(&im);
  }
  uint8_t wrong[sizeof data];
  memcpy(wrong, data, sizeof data);
  wrong[sizeof data - 1] ^= 1;
  bytes b = png_header(2, 1, 8, 3);
  put_chunk(&b, "PLTE", "\x10\x20\x30\x40\x50\x60", 6);
  put_chunk(&b, "IDAT", wrong, sizeof data);
  put_chunk(&b, "IEND", "", 0);
  expect_failure(&b, LOCI_EFORMAT, "incorrect data check");
}

/* EXIF of either byte order in a PNG, and cut off anywhere. */
static void the_turn_that_exif_asks_for_is_told(void **state) {
  (void)state;
  static const uint8_t data[] = {0x78, 1, 1, 3, 0, 0xfc, 0xff, 0, 0, 0, 0, 3, 0, 1};
  static const char *const tags[] = {
      "II*\0\x08\0\0\0\2\0\x0f\1\2\0\1\0\0\0A\0\0\0\x12\1\3\0\1\0\0\0\6\0\0\0",
      "MM\0*\0\0\0\x08\0\2\1\x0f\0\2\0\0\0\1A\0\0\0\1\x12\0\3\0\0\0\1\0\x08\0\0"};
  for (int i = 0; i < 2; i++) {
    for (size_t n = 0; n <= 34; n++) {
      bytes b = png_header(2, 1, 8, 0);
      image_rgb im;
      loci_err err;
      put_chunk(&b, "eXIf", tags[i], n);
      put_chunk(&b, "IDAT", data, sizeof data);
      put_chunk(&b, "IEND", "", 0);
      if (image_decode(b.data, b.n, "x", &im, &err)) fail_msg("%s", err.msg);
      assert_int_equal(im.orientation, n < 34 ? 1 : i ? 8 : 6);
      image_clear(&im);
    }
  }
  bytes b = read_golden("jpeg-420.jpg"), turned = {.n = 0};
  uint8_t app1[] = {0xff, 0xe1, 0, 42, 'E', 'x', 'i', 'f', 0, 0};
  put(&turned, b.data, 2);
  put(&turned, app1, sizeof app1);
  put(&turned, tags[0], 34);
  put(&turned, b.data + 2, b.n - 2);
  image_rgb im;
  loci_err err;
  if (image_decode(turned.data, turned.n, "x", &im, &err)) fail_msg("%s", err.msg);
  assert_int_equal(im.orientation, 6);
  image_clear(&im);
}

/* A picture of 3 x 2 pixels 0 1 2 / 3 4 5, turned each way as Pillow's exif_transpose turns it. */
static void a_picture_is_turned_as_exif_asks(void **state) {
  (void)state;
  static const char *const turned[] = {"012345", "210543", "543210", "345012",
                                       "031425", "304152", "524130", "251403"};
  for (int o = 0; o <= 9; o++) {
    loci_err err;
    image_rgb im = {.width = 3, .height = 2, .pixels = malloc(18), .orientation = o};
    assert_non_null(im.pixels);
    for (int i = 0; i < 18; i++) im.pixels[i] = (uint8_t)(10 * (i / 3) + i % 3);
    if (image_orient(&im, "x", &err)) fail_msg("%s", err.msg);
    const char *want = turned[o >= 1 && o <= 8 ? o - 1 : 0];
    assert_int_equal(im.width, o >= 5 && o <= 8 ? 2 : 3);
    assert_int_equal(im.width * im.height, 6);
    for (int i = 0; i < 18; i++) assert_int_equal(im.pixels[i], 10 * (want[i / 3] - '0') + i % 3);
    image_clear(&im);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(checksums_count_as_pillow_counts_them),
      cmocka_unit_test(what_ends_the_rows_of_a_png_may_be_missing),
      cmocka_unit_test(the_turn_that_exif_asks_for_is_told),
      cmocka_unit_test(a_picture_is_turned_as_exif_asks),
      cmocka_unit_test(files_that_are_no_pictures_are_refused),
      cmocka_unit_test(files_cut_short_are_refused),
      cmocka_unit_test(claims_of_too_many_pixels_are_refused),
      cmocka_unit_test(sizes_of_zero_or_beyond_31_bits_are_refused),
      cmocka_unit_test(a_caller_may_set_a_smaller_limit),
      cmocka_unit_test(palette_indexes_beyond_the_palette_are_black),
      cmocka_unit_test(a_jpeg_of_thousands_of_scans_is_refused),
      cmocka_unit_test(a_large_jpeg_of_few_bytes_is_refused),
      cmocka_unit_test(what_follows_the_rows_of_a_png_is_not_unpacked),
      cmocka_unit_test(the_first_frame_of_an_animation_stands_on_black),
      cmocka_unit_test(animations_that_contradict_themselves_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
