/* Processor files: the real shapes of them are understood, and what this library would get wrong is
 * refused by name.  Files that are not worth keeping are written to a directory of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "image/image.h"

#include <cmocka.h> /* last: it takes the word fail */

#define PROCESSORS LOCI_SOURCE_DIR "/tests/golden/images/processors/"

/* A checkpoint directory of at most three files, removed by the next one. */
static char dir[64];

static void path_of(const char *name, char out[160]) { snprintf(out, 160, "%s/%s", dir, name); }

static void write_file(const char *name, const char *text) {
  char path[160];
  path_of(name, path);
  assert_int_equal(file_write(path, text, strlen(text), NULL), LOCI_OK);
}

static int new_dir(void **state) {
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/loci_processor_XXXXXX");
  return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state) {
  (void)state;
  static const char *const names[] = {"config.json", "preprocessor_config.json",
                                      "processor_config.json", "tower/preprocessor_config.json",
                                      "clip/preprocessor_config.json"};
  char path[160];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    path_of(names[i], path);
    unlink(path);
  }
  path_of("tower", path);
  rmdir(path);
  path_of("clip", path);
  rmdir(path);
  return rmdir(dir);
}

static image_processor read_ok(const char *from) {
  image_processor p;
  loci_err err;
  if (image_processor_read(from, &p, &err)) fail_msg("%s", err.msg);
  return p;
}

static void expect_refusal(loci_status expected, const char *words) {
  image_processor p;
  loci_err err;
  loci_status st = image_processor_read(dir, &p, &err);
  if (st != expected || !strstr(err.msg, words) || !strstr(err.msg, dir))
    fail_msg("status %d, \"%s\"; expected %d and \"%s\"", (int)st, st ? err.msg : "", (int)expected,
             words);
}

static void refuse_processor(const char *text, loci_status expected, const char *words) {
  write_file("preprocessor_config.json", text);
  expect_refusal(expected, words);
}

static void refuse_config(const char *text, loci_status expected, const char *words) {
  write_file("config.json", text);
  expect_refusal(expected, words);
}

static void check_clip(const image_processor *p, int size, bool pad) {
  assert_true(p->resize && p->crop && p->rescale && p->normalise);
  assert_int_equal(p->pad_square, pad);
  assert_int_equal(p->shortest_edge, size);
  assert_int_equal(p->crop_width, size);
  assert_int_equal(p->crop_height, size);
  assert_int_equal(p->resample, RESAMPLE_BICUBIC);
  assert_true(p->rescale_factor == 1.0 / 255);
  assert_true(p->mean[0] == 0.48145466 && p->mean[1] == 0.4578275 && p->mean[2] == 0.40821073);
  assert_true(p->std[0] == 0.26862954 && p->std[1] == 0.26130258 && p->std[2] == 0.27577711);
  if (pad) assert_memory_equal(p->pad_colour, "\x7a\x74\x68", 3);
}

static void check_siglip(const image_processor *p, int size, bool pad) {
  assert_true(p->resize && !p->crop && p->rescale && p->normalise);
  assert_int_equal(p->pad_square, pad);
  assert_int_equal(p->shortest_edge, 0);
  assert_int_equal(p->resize_width, size);
  assert_int_equal(p->resize_height, size);
  assert_true(p->mean[1] == 0.5 && p->std[2] == 0.5);
  if (pad) assert_memory_equal(p->pad_colour, "\x7f\x7f\x7f", 3);
}

static void the_checkpoints_at_hand_are_understood(void **state) {
  (void)state;
  image_processor p = read_ok(PROCESSORS "llava-clip-llama");
  check_clip(&p, 28, false);
  p = read_ok(PROCESSORS "llava-clip-llama-bf16"); /* nested in processor_config.json */
  check_clip(&p, 24, false);
  p = read_ok(PROCESSORS "llava-siglip-phi");
  check_siglip(&p, 28, false);
  p = read_ok(PROCESSORS "bunny-siglip-phi"); /* the tower's own directory; padded */
  check_siglip(&p, 30, true);
}

static void old_spellings_and_missing_keys_take_the_class_defaults(void **state) {
  (void)state;
  write_file("preprocessor_config.json",
             "{\"feature_extractor_type\": \"CLIPFeatureExtractor\", \"size\": 336, "
             "\"crop_size\": 336, \"do_pad\": null, \"_valid_processor_keys\": []}");
  image_processor p = read_ok(dir);
  check_clip(&p, 336, false);
  write_file("preprocessor_config.json", "{\"image_processor_type\": \"CLIPImageProcessorFast\"}");
  p = read_ok(dir);
  check_clip(&p, 224, false);
  write_file("preprocessor_config.json",
             "{\"image_processor_type\": \"SiglipImageProcessorFast\", \"size\": 384, "
             "\"do_center_crop\": null, \"crop_size\": null}");
  p = read_ok(dir);
  check_siglip(&p, 384, false);
}

static void files_are_read_as_transformers_reads_them(void **state) {
  (void)state;
  write_file("preprocessor_config.json",
             "{\"image_processor_type\": \"CLIPImageProcessor\", \"crop_size\": [64, 64], "
             "\"size\": {\"shortest_edge\": 64, \"longest_edge\": 200}}");
  image_processor p = read_ok(dir);
  check_clip(&p, 64, false);
  write_file("preprocessor_config.json",
             "{\"image_processor_type\": \"SiglipImageProcessor\", \"do_center_crop\": true, "
             "\"size\": [64, 64]}");
  p = read_ok(dir);
  check_siglip(&p, 64, false);
  write_file("preprocessor_config.json", "{\"size\": 64, \"crop_size\": 64}"); /* no class */
  write_file("config.json", "{\"model_type\": \"llava\"}");
  p = read_ok(dir);
  check_clip(&p, 64, false);
  write_file("config.json", "{\"model_type\": \"siglip_vision_model\"}");
  p = read_ok(dir);
  check_siglip(&p, 64, false);
  char path[160];
  path_of("config.json", path);
  unlink(path);
}

static void every_key_has_its_effect(void **state) {
  (void)state;
  write_file(
      "preprocessor_config.json",
      "{\"image_processor_type\": \"LlavaImageProcessor\", \"do_pad\": true, "
      "\"size\": {\"height\": 30, \"width\": 40}, \"resample\": 2, \"do_center_crop\": true, "
      "\"crop_size\": {\"height\": 20, \"width\": 10}, \"do_rescale\": false, "
      "\"rescale_factor\": 0.5, \"do_normalize\": false, \"image_mean\": [0, 0.5, 1], "
      "\"image_std\": [1, 2, 3]}");
  image_processor p = read_ok(dir);
  assert_true(p.pad_square && p.resize && p.crop && !p.rescale && !p.normalise);
  assert_memory_equal(p.pad_colour, "\0\x7f\xff", 3);
  assert_int_equal(p.shortest_edge, 0);
  assert_int_equal(p.resize_height, 30);
  assert_int_equal(p.resize_width, 40);
  assert_int_equal(p.crop_height, 20);
  assert_int_equal(p.crop_width, 10);
  assert_int_equal(p.resample, RESAMPLE_BILINEAR);
  assert_true(p.rescale_factor == 0.5 && p.std[2] == 3);
}

/* min_pixels and max_pixels go before the edges of "size", which are numbers of pixels, too. */
static void qwens_bounds_are_read(void **state) {
  (void)state;
  write_file("preprocessor_config.json",
             "{\"image_processor_type\": \"Qwen2VLImageProcessor\", \"max_pixels\": 5000, "
             "\"patch_size\": 4, \"size\": {\"shortest_edge\": 256, \"longest_edge\": 4096}}");
  image_processor p = read_ok(dir);
  assert_int_equal(p.min_pixels, 256);
  assert_int_equal(p.max_pixels, 5000);
  assert_int_equal(p.patch, 4);
  assert_true(p.merge == 2 && p.frames == 2 && p.resize && !p.crop);
  write_file("config.json", "{\"model_type\": \"qwen2_5_vl\"}");
  write_file("preprocessor_config.json", "{\"do_center_crop\": true}"); /* no class */
  p = read_ok(dir);
  assert_int_equal(p.min_pixels, 56 * 56);
  assert_int_equal(p.max_pixels, 28 * 28 * 1280);
  assert_true(p.patch == 14 && !p.crop && p.mean[0] == 0.48145466);
}

static void bounds_that_hold_no_picture_are_refused(void **state) {
  (void)state;
#define QWEN "{\"image_processor_type\": \"Qwen2VLImageProcessorFast\", "
  refuse_processor(QWEN "\"size\": {\"shortest_edge\": 256}}", LOCI_EFORMAT, "longest_edge");
  refuse_processor(QWEN "\"size\": 224}", LOCI_EFORMAT, "two numbers of pixels");
  refuse_processor(QWEN "\"min_pixels\": 9000, \"max_pixels\": 5000}", LOCI_EFORMAT,
                   "at least 9000 pixels and at most 5000");
  refuse_processor(QWEN "\"min_pixels\": 1, \"max_pixels\": 500}", LOCI_EFORMAT, "28 x 28");
  refuse_processor(QWEN "\"max_pixels\": 0}", LOCI_EFORMAT, "max_pixels");
  refuse_processor(QWEN "\"merge_size\": 9}", LOCI_EFORMAT, "merge_size");
#undef QWEN
}

/* The side of a tile is that of the whole, and of the crop, which so changes nothing. */
static void tiles_are_read(void **state) {
  (void)state;
  write_file("preprocessor_config.json",
             "{\"image_processor_type\": \"LlavaNextImageProcessor\", \"do_pad\": true, "
             "\"size\": {\"shortest_edge\": 336}, \"crop_size\": 336}");
  image_processor p = read_ok(dir);
  assert_true(p.tiles.count == 5 && p.tiles.at[3][0] == 1008 && p.tiles.at[3][1] == 336);
  assert_true(p.resize && !p.crop && !p.pad_square && p.shortest_edge == 0);
  assert_true(p.resize_width == 336 && p.resize_height == 336 && p.mean[0] == 0.48145466);
  write_file("config.json", "{\"model_type\": \"llava_onevision\"}");
  write_file("preprocessor_config.json", "{\"image_mean\": [0.5, 0.5, 0.5]}"); /* no class */
  p = read_ok(dir);
  assert_true(p.tiles.count == 36 && p.tiles.at[35][0] == 2304 && p.tiles.at[6][1] == 384);
  assert_true(p.resize_width == 384 && p.mean[1] == 0.5 && p.std[1] == 0.26130258);
  write_file("preprocessor_config.json", "{\"size\": {\"height\": 4, \"width\": 4}, "
                                         "\"image_grid_pinpoints\": [[8, 4], [4, 12]]}");
  p = read_ok(dir);
  assert_true(p.tiles.count == 2 && p.tiles.at[1][1] == 12 && p.resize_width == 4);
}

static void tiles_that_are_not_whole_are_refused(void **state) {
  (void)state;
#define NEXT "{\"image_processor_type\": \"LlavaNextImageProcessorFast\", "
#define SIZES "\"image_grid_pinpoints\": "
  refuse_processor(NEXT "\"size\": 336}", LOCI_EUNSUPPORTED, "the same square");
  refuse_processor(NEXT "\"size\": [4, 8], \"crop_size\": 4}", LOCI_EUNSUPPORTED,
                   "the same square");
  refuse_processor(NEXT "\"size\": 4, \"crop_size\": 4, " SIZES "[[4, 6]]}", LOCI_EUNSUPPORTED,
                   "4 x 6 is not made of whole tiles of 4");
  refuse_processor(NEXT SIZES "[]}", LOCI_EUNSUPPORTED, "a list of 1 to 64 sizes");
  refuse_processor(NEXT SIZES "[[4, 8, 8]]}", LOCI_EFORMAT, "heights and widths");
  refuse_processor(NEXT SIZES "[[0, 8]]}", LOCI_EFORMAT, "heights and widths");
  refuse_processor(NEXT SIZES "[[4, 20000]]}", LOCI_EFORMAT, "1 to 16384");
  refuse_processor(NEXT "\"size\": 64, \"crop_size\": 64, " SIZES "[[16384, 16384]]}",
                   LOCI_EUNSUPPORTED, "too many");
#undef NEXT
#undef SIZES
}

/* A tile's side, and what a picture's longer one becomes before it is cut. */
static void filled_tiles_are_read(void **state) {
  (void)state;
  write_file("preprocessor_config.json",
             "{\"image_processor_type\": \"SmolVLMImageProcessorFast\", \"do_pad\": true, "
             "\"do_image_splitting\": true, \"size\": {\"longest_edge\": 2048}, "
             "\"max_image_size\": {\"longest_edge\": 512}}");
  image_processor p = read_ok(dir);
  assert_true(p.grid == GRID_SIDES && p.longest_edge == 2048 && p.resize && !p.crop);
  assert_true(p.resize_width == 512 && p.resize_height == 512 && !p.pad_square);
  assert_true(p.resample == RESAMPLE_LANCZOS && p.mean[0] == 0.5 && p.std[2] == 0.5);
  write_file("config.json", "{\"model_type\": \"idefics3\"}");
  write_file("preprocessor_config.json", "{\"do_image_splitting\": false}"); /* no class */
  p = read_ok(dir);
  assert_true(p.grid == GRID_NONE && p.longest_edge == 1456 && p.resize_width == 364);
  write_file("preprocessor_config.json", "{\"do_resize\": false}");
  p = read_ok(dir);
  assert_true(p.grid == GRID_SIDES && p.longest_edge == 0 && p.resize);
}

/* InternVL's are cut whatever the file says of that. */
static void tiles_of_the_nearest_proportions_are_read(void **state) {
  (void)state;
  write_file("preprocessor_config.json",
             "{\"image_processor_type\": \"GotOcr2ImageProcessorFast\", \"do_pad\": null, "
             "\"crop_to_patches\": false, \"min_patches\": 2, \"max_patches\": 6, "
             "\"size\": {\"height\": 448, \"width\": 448}}");
  image_processor p = read_ok(dir);
  assert_true(p.grid == GRID_NEAREST && p.least_tiles == 2 && p.most_tiles == 6 && p.resize);
  assert_true(p.resize_width == 448 && p.longest_edge == 0 && p.resample == RESAMPLE_BICUBIC);
  write_file("config.json", "{\"model_type\": \"internvl\"}");
  write_file("preprocessor_config.json", "{}"); /* no class */
  p = read_ok(dir);
  assert_true(p.grid == GRID_NEAREST && p.least_tiles == 1 && p.most_tiles == 12);
  assert_true(p.resize_height == 384 && p.mean[0] == 0.48145466 && !p.crop);
  write_file("preprocessor_config.json", "{\"max_patches\": 1}");
  p = read_ok(dir);
  assert_true(p.grid == GRID_NONE);
}

static void gemmas_pictures_are_squeezed_into_squares(void **state) {
  (void)state;
  write_file("preprocessor_config.json",
             "{\"image_processor_type\": \"Gemma3ImageProcessorFast\", \"do_pan_and_scan\": null, "
             "\"do_convert_rgb\": null, \"size\": {\"height\": 896, \"width\": 896}}");
  image_processor p = read_ok(dir);
  assert_true(p.resize_width == 896 && p.resample == RESAMPLE_BILINEAR && p.mean[0] == 0.5);
  assert_true(!p.crop && p.shortest_edge == 0 && p.grid == GRID_NONE);
  write_file("preprocessor_config.json", "{}"); /* no class */
  write_file("config.json", "{\"model_type\": \"paligemma\"}");
  p = read_ok(dir);
  assert_true(p.resize_height == 224 && p.resample == RESAMPLE_BICUBIC && p.std[2] == 0.5);
}

static void filled_tiles_of_no_size_are_refused(void **state) {
  (void)state;
#define IDEFICS "{\"image_processor_type\": \"Idefics3ImageProcessor\", "
  refuse_processor(IDEFICS "\"size\": 364}", LOCI_EUNSUPPORTED, "without \"longest_edge\"");
  refuse_processor(IDEFICS "\"size\": {\"height\": 4, \"width\": 4}}", LOCI_EUNSUPPORTED,
                   "without \"longest_edge\"");
  refuse_processor(IDEFICS "\"max_image_size\": {\"longest_edge\": 0}}", LOCI_EFORMAT,
                   "longest_edge");
  refuse_processor(IDEFICS "\"max_image_size\": {\"longest_edge\": 20000}}", LOCI_EFORMAT,
                   "longest_edge");
  refuse_processor("{\"image_processor_type\": \"GotOcr2ImageProcessor\", \"min_patches\": 5, "
                   "\"max_patches\": 4}",
                   LOCI_EFORMAT, "5 to 4 tiles");
  refuse_processor("{\"image_processor_type\": \"GotOcr2ImageProcessor\", \"max_patches\": 9999}",
                   LOCI_EFORMAT, "max_patches");
  refuse_processor("{\"image_processor_type\": \"GotOcr2ImageProcessor\", \"size\": [4, 8]}",
                   LOCI_EFORMAT, "expected squares");
  refuse_processor(IDEFICS "\"resample\": 6}", LOCI_EFORMAT, "resample");
  refuse_processor(IDEFICS "\"do_pan_and_scan\": true}", LOCI_EUNSUPPORTED, "do_pan_and_scan");
#undef IDEFICS
}

static void a_nested_processor_goes_before_a_flat_one(void **state) {
  (void)state;
  write_file("preprocessor_config.json", "{\"image_processor_type\": \"CLIPImageProcessor\"}");
  write_file("processor_config.json",
             "{\"image_processor\": {\"image_processor_type\": \"CLIPImageProcessor\", "
             "\"size\": {\"shortest_edge\": 70}, \"crop_size\": 70}}");
  image_processor p = read_ok(dir);
  check_clip(&p, 70, false);
}

static void original_llava_pads_and_knows_its_towers(void **state) {
  (void)state;
  static const struct {
    const char *config;
    bool siglip, pad;
    int size;
  } cases[] = {
      {"{\"mm_vision_tower\": \"openai/clip-vit-large-patch14-336\"}", false, false, 336},
      {"{\"mm_vision_tower\": \"openai/clip-vit-large-patch14-336\", "
       "\"image_aspect_ratio\": \"pad\"}",
       false, true, 336},
      {"{\"mm_vision_tower\": \"openai/clip-vit-large-patch14\"}", false, false, 224},
      {"{\"mm_vision_tower\": \"google/siglip-so400m-patch14-384\", "
       "\"image_aspect_ratio\": \"pad\"}",
       true, true, 384},
      {"{\"mm_vision_tower\": \"some/siglip\", \"vision_config\": {\"image_size\": 42}}", true,
       false, 42},
      {"{\"mm_vision_tower\": \"/data/sigrid/clip-vit-large-patch14-336/\"}", false, false, 336},
      {"{\"mm_vision_tower\": \"/hub/models--openai--clip-vit-large-patch14/snapshots/ce19\"}",
       false, false, 224},
      {"{\"mm_vision_tower\": \"../siglip-so400m-patch14-384\"}", true, false, 384},
      {"{\"mm_vision_tower\": \"some/clip\", \"image_aspect_ratio\": null}", false, false, 336},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_file("config.json", cases[i].config);
    image_processor p = read_ok(dir);
    if (cases[i].siglip)
      check_siglip(&p, cases[i].size, cases[i].pad);
    else
      check_clip(&p, cases[i].size, cases[i].pad);
  }
}

static void a_tower_directory_goes_before_the_checkpoints_own_file(void **state) {
  (void)state;
  char path[160];
  write_file("config.json", "{\"mm_vision_tower\": \"./tower\", \"image_aspect_ratio\": \"pad\"}");
  write_file("preprocessor_config.json",
             "{\"image_processor_type\": \"CLIPImageProcessor\", \"size\": 50, \"crop_size\": 50}");
  image_processor p = read_ok(dir);
  check_clip(&p, 50, true);
  path_of("tower", path);
  assert_int_equal(mkdir(path, 0755), 0);
  write_file("tower/preprocessor_config.json",
             "{\"image_processor_type\": \"SiglipImageProcessor\", \"size\": 60}");
  p = read_ok(dir);
  check_siglip(&p, 60, true);
}

#define CLIP "{\"image_processor_type\": \"CLIPImageProcessor\", "

static void settings_that_would_change_the_pixels_are_refused(void **state) {
  (void)state;
  expect_refusal(LOCI_EIO, "no preprocessor_config.json");
  refuse_processor("[]", LOCI_EFORMAT, "must be an object");
  refuse_processor("{", LOCI_EFORMAT, "not valid JSON");
  refuse_processor("{}", LOCI_EFORMAT, "\"image_processor_type\" is missing");
  refuse_processor("{\"image_processor_type\": \"Gemma3nImageProcessor\"}", LOCI_EUNSUPPORTED,
                   "\"Gemma3nImageProcessor\" is not supported");
  refuse_processor(
      "{\"image_processor_type\": \"Gemma3ImageProcessor\", \"do_pan_and_scan\": true}",
      LOCI_EUNSUPPORTED, "do_pan_and_scan");
  refuse_processor("{\"image_processor_type\": \"MllamaImageProcessor\", \"do_pad\": false}",
                   LOCI_EUNSUPPORTED, "without \"do_resize\" or \"do_pad\"");
  refuse_processor("{\"image_processor_type\": \"MllamaImageProcessor\", \"size\": [4, 8]}",
                   LOCI_EFORMAT, "expected squares");
  refuse_processor("{\"image_processor_type\": \"MllamaImageProcessor\", \"max_image_tiles\": 99}",
                   LOCI_EFORMAT, "max_image_tiles");
  refuse_processor(CLIP "\"image_grid_pinpoints\": [[336, 672]]}", LOCI_EUNSUPPORTED,
                   "image_grid_pinpoints");
  refuse_processor(CLIP "\"do_image_splitting\": true}", LOCI_EUNSUPPORTED, "do_image_splitting");
  refuse_processor(CLIP "\"do_pad\": true}", LOCI_EUNSUPPORTED, "do_pad");
  refuse_processor(
      "{\"image_processor_type\": \"SiglipImageProcessorFast\", \"do_center_crop\": true}",
      LOCI_EUNSUPPORTED, "do_center_crop");
  refuse_processor(CLIP "\"crop_size\": [336]}", LOCI_EFORMAT, "a height and a width");
  refuse_processor(CLIP "\"size\": [336, 0]}", LOCI_EFORMAT, "a height and a width");
  refuse_processor(CLIP "\"size\": {\"longest_edge\": 336}}", LOCI_EUNSUPPORTED, "longest_edge");
  refuse_processor(CLIP "\"size\": {\"height\": 336}}", LOCI_EFORMAT, "\"width\" is missing");
  refuse_processor(CLIP "\"do_resize\": \"yes\"}", LOCI_EFORMAT, "do_resize");
}

static void numbers_out_of_bounds_are_refused(void **state) {
  (void)state;
  refuse_processor(CLIP "\"size\": 0}", LOCI_EFORMAT, "\"size\" is 0");
  refuse_processor(CLIP "\"size\": -336}", LOCI_EFORMAT, "\"size\" is -336");
  refuse_processor(CLIP "\"size\": {\"shortest_edge\": 16385}}", LOCI_EFORMAT, "16385");
  refuse_processor(CLIP "\"crop_size\": 2147483648}", LOCI_EFORMAT, "2147483648");
  refuse_processor(CLIP "\"crop_size\": {\"height\": 0, \"width\": 5}}", LOCI_EFORMAT, "height");
  refuse_processor(CLIP "\"size\": 28.5}", LOCI_EFORMAT, "must be an integer");
  refuse_processor(CLIP "\"resample\": 6}", LOCI_EFORMAT, "resample");
  refuse_processor(CLIP "\"image_std\": [0.1, 0, 0.1]}", LOCI_EFORMAT, "standard deviation of 0");
  refuse_processor(CLIP "\"image_std\": [0.1, 1e-300, 0.1]}", LOCI_EFORMAT, "1e-300");
  refuse_processor(CLIP "\"image_mean\": [NaN, 0, 0]}", LOCI_EFORMAT, "not valid JSON");
  refuse_processor(CLIP "\"image_mean\": [1e999, 0, 0]}", LOCI_EFORMAT, "JSON that is not read");
  refuse_processor(CLIP "\"image_mean\": [1e99, 0, 0]}", LOCI_EFORMAT, "a mean of 1e+99");
  refuse_processor(CLIP "\"image_mean\": [0.5, 0.5]}", LOCI_EFORMAT, "an array of 3 numbers");
  refuse_processor(CLIP "\"image_mean\": [0.5, \"x\", 0.5]}", LOCI_EFORMAT, "must hold numbers");
  refuse_processor(CLIP "\"rescale_factor\": 0}", LOCI_EFORMAT, "rescale factor of 0");
  refuse_processor("{\"image_processor_type\": \"LlavaImageProcessor\", \"do_pad\": true, "
                   "\"image_mean\": [1.5, 0, 0]}",
                   LOCI_EFORMAT, "no colour to pad with");
}

/* A processor file stands in the tower's directory, which the path reaches. */
static void a_path_out_of_the_checkpoint_is_a_name_only(void **state) {
  (void)state;
  char path[160], config[260];
  path_of("clip", path);
  const char *const names[] = {"clip", path, "clip/../clip", "clip/.."};
  assert_int_equal(mkdir(path, 0755), 0);
  write_file("clip/preprocessor_config.json",
             "{\"image_processor_type\": \"SiglipImageProcessor\", \"size\": 60}");
  for (int i = 0; i < 4; i++) {
    snprintf(config, sizeof config, "{\"mm_vision_tower\": \"%s\"}", names[i]);
    write_file("config.json", config);
    image_processor p = read_ok(dir);
    if (i == 0)
      check_siglip(&p, 60, false);
    else
      check_clip(&p, 336, false);
  }
}

static void unknown_towers_and_tilings_are_refused(void **state) {
  (void)state;
  refuse_config("{\"mm_vision_tower\": \"/srv/tower\"}", LOCI_EUNSUPPORTED, "neither a CLIP");
  refuse_config("{\"mm_vision_tower\": \"\"}", LOCI_EUNSUPPORTED, "neither a CLIP");
  refuse_config("{\"mm_vision_tower\": 7}", LOCI_EFORMAT, "must be a string");
  refuse_config("{\"mm_vision_tower\": \"EVA02-L-14\"}", LOCI_EUNSUPPORTED, "neither a CLIP");
  refuse_config("{\"mm_vision_tower\": \"a/clip\", \"image_aspect_ratio\": \"anyres\"}",
                LOCI_EUNSUPPORTED, "\"anyres\"");
  refuse_config("{\"mm_vision_tower\": \"a/clip\", \"image_aspect_ratio\": \"anyres_max_9\"}",
                LOCI_EUNSUPPORTED, "\"anyres_max_9\"");
  refuse_config("{\"mm_vision_tower\": \"a/siglip\", \"use_s2\": true}", LOCI_EUNSUPPORTED,
                "use_s2");
  refuse_config("{\"mm_vision_tower\": \"a/clip\", \"vision_config\": {\"image_size\": 0}}",
                LOCI_EFORMAT, "image_size");
}

int main(void) {
#define in_dir(test) cmocka_unit_test_setup_teardown(test, new_dir, remove_dir)
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_checkpoints_at_hand_are_understood),
      in_dir(old_spellings_and_missing_keys_take_the_class_defaults),
      in_dir(files_are_read_as_transformers_reads_them),
      in_dir(every_key_has_its_effect),
      in_dir(qwens_bounds_are_read),
      in_dir(bounds_that_hold_no_picture_are_refused),
      in_dir(tiles_are_read),
      in_dir(tiles_that_are_not_whole_are_refused),
      in_dir(filled_tiles_are_read),
      in_dir(tiles_of_the_nearest_proportions_are_read),
      in_dir(gemmas_pictures_are_squeezed_into_squares),
      in_dir(filled_tiles_of_no_size_are_refused),
      in_dir(a_nested_processor_goes_before_a_flat_one),
      in_dir(original_llava_pads_and_knows_its_towers),
      in_dir(a_tower_directory_goes_before_the_checkpoints_own_file),
      in_dir(a_path_out_of_the_checkpoint_is_a_name_only),
      in_dir(settings_that_would_change_the_pixels_are_refused),
      in_dir(numbers_out_of_bounds_are_refused),
      in_dir(unknown_towers_and_tilings_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
