/* Bytes as preprocessor_config.json, of a class that they name or of Qwen2-VL's: whatever is
 * accepted makes pictures of sizes that memory holds and that its patches fill, or says why not. */
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fit(const image_processor *p, int width, int height) {
  image_shape s;
  loci_err err = {0};
  if (image_shape_of(p, width, height, &s, &err)) {
    if (err.code == LOCI_OK || err.msg[0] == 0) abort();
    return;
  }
  int w = s.width, h = s.height;
  if (s.together != (p->places > 0)) abort();
  if (s.together && (s.views != p->places || s.down * s.across > s.views)) abort();
  if (!s.together && s.views != 1 + s.down * s.across) abort();
  if (!s.together && p->tiles.count == 0 && p->grid == GRID_NONE && s.views != 1) abort();
  if (s.whole_last && (p->grid == GRID_NONE || s.views > GRID_MOST + 1 || s.down < 1)) abort();
  if (s.whole_last && image_values(&s) > 3 * (int64_t)IMAGE_MAX_PIXELS) abort();
  if (s.down * (int64_t)h * s.across * w > IMAGE_MAX_PIXELS && s.down > 0) abort();
  if (w < 1 || h < 1 || (int64_t)w * h > (int64_t)IMAGE_MAX_SIDE * IMAGE_MAX_SIDE) abort();
  if (p->merge && (w % (p->patch * p->merge) || h % (p->patch * p->merge))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int sizes[][2] = {{1, 1}, {3, 600}, {640, 480}, {13, 120}, {16000, 11000}};
  js_value *v = NULL;
  image_processor p;
  loci_err err = {0};
  if (js_parse(data ? (const char *)data : "", size, "processor", &v, &err)) return 0;
  if (image_processor_parse(v, "processor", "qwen2_vl", &p, &err)) {
    if (err.code == LOCI_OK || !strstr(err.msg, "processor")) abort();
  } else {
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) fit(&p, sizes[i][0], sizes[i][1]);
    if (image_bound(&p, 50000, &err) == LOCI_OK) fit(&p, 640, 480);
  }
  js_free(v);
  return 0;
}
