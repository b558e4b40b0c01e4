/* One processor file to an image_processor (processor_read.c finds it).
 *
 * The "Fast" processors of transformers 5 are read as their slow kind: they differ by at most a
 * level of 255, from another resize, and the slow ones are the reference.  Keys that transformers
 * leaves unread are left unread; keys that ask for a step not built here are refused by name.
 * Unset and null values take the processor class's defaults. */
#include "image/processor.h"

#include <string.h>

#include "base/file.h"

static const struct {
  const char *name;
  processor_kind kind;
} kinds[] = {
    {"CLIPImageProcessor", KIND_CLIP},
    {"CLIPImageProcessorFast", KIND_CLIP},
    {"CLIPFeatureExtractor", KIND_CLIP},
    {"SiglipImageProcessor", KIND_SIGLIP},
    {"SiglipImageProcessorFast", KIND_SIGLIP},
    {"LlavaImageProcessor", KIND_LLAVA},
    {"LlavaImageProcessorFast", KIND_LLAVA},
    {"Qwen2VLImageProcessor", KIND_QWEN},
    {"Qwen2VLImageProcessorFast", KIND_QWEN},
    {"LlavaNextImageProcessor", KIND_NEXT},
    {"LlavaNextImageProcessorFast", KIND_NEXT},
    {"LlavaOnevisionImageProcessor", KIND_ONEVISION},
    {"LlavaOnevisionImageProcessorFast", KIND_ONEVISION},
    {"MllamaImageProcessor", KIND_MLLAMA},
    {"MllamaImageProcessorFast", KIND_MLLAMA},
    {"Idefics3ImageProcessor", KIND_IDEFICS},
    {"Idefics3ImageProcessorFast", KIND_IDEFICS},
    {"SmolVLMImageProcessor", KIND_IDEFICS},
    {"SmolVLMImageProcessorFast", KIND_IDEFICS},
    {"GotOcr2ImageProcessor", KIND_GOT},
    {"GotOcr2ImageProcessorFast", KIND_GOT},
    {"Gemma3ImageProcessor", KIND_GEMMA},
    {"Gemma3ImageProcessorFast", KIND_GEMMA},
};

/* Gemma 3's is SigLIP's but for how it resamples. */
static bool is_siglip(processor_kind kind) { return kind == KIND_SIGLIP || kind == KIND_GEMMA; }

void processor_defaults(processor_kind kind, int size, image_processor *p) {
  static const double clip_mean[3] = {0.48145466, 0.4578275, 0.40821073};
  static const double clip_std[3] = {0.26862954, 0.26130258, 0.27577711};
  bool idefics = kind == KIND_IDEFICS;
  bool siglip = is_siglip(kind), mllama = kind == KIND_MLLAMA;
  bool squares = siglip || kind == KIND_ONEVISION || mllama || idefics || kind == KIND_GOT;
  bool edges = !squares, clip = !siglip && !idefics;
  *p = (image_processor){.resize = true,
                         .shortest_edge = edges ? size : 0,
                         .resize_width = edges ? 0 : size,
                         .resize_height = edges ? 0 : size,
                         .resample = mllama || kind == KIND_GEMMA ? RESAMPLE_BILINEAR
                                     : idefics                    ? RESAMPLE_LANCZOS
                                                                  : RESAMPLE_BICUBIC,
                         .grid = idefics            ? GRID_SIDES
                                 : kind == KIND_GOT ? GRID_NEAREST
                                                    : GRID_NONE,
                         .least_tiles = 1,
                         .most_tiles = kind == KIND_GOT ? 12 : 0,
                         .longest_edge = idefics ? 4 * size : 0,
                         .places = mllama ? 4 : 0,
                         .crop = edges,
                         .crop_width = size,
                         .crop_height = size,
                         .rescale = true,
                         .normalise = true,
                         .rescale_factor = 1.0 / 255};
  for (int c = 0; c < 3; c++) {
    p->mean[c] = clip ? clip_mean[c] : 0.5;
    p->std[c] = clip ? clip_std[c] : 0.5;
  }
  if (kind == KIND_NEXT) tile_sizes_next(&p->tiles);
  if (kind == KIND_ONEVISION) tile_sizes_onevision(&p->tiles);
  if (kind != KIND_QWEN) return;
  p->crop = false;
  p->shortest_edge = 0;
  p->patch = 14;
  p->merge = p->frames = 2;
  p->min_pixels = 56 * 56;
  p->max_pixels = 28 * 28 * 1280;
}

/* ---- one processor file ---- */

static loci_status read_side(const js_value *v, const char *key, const char *what, int *out,
                             loci_err *err) {
  int64_t n = 0;
  if (!js_get(v, key)) return fail(err, LOCI_EFORMAT, "%s: \"%s\" is missing", what, key);
  TRY(js_get_int(v, key, what, 1, IMAGE_MAX_SIDE, &n, err));
  *out = (int)n;
  return LOCI_OK;
}

/* [height, width] */
static loci_status read_pair(const js_value *v, const char *key, const char *what, int *height,
                             int *width, loci_err *err) {
  const js_value *list = js_get(v, key);
  int64_t n[2];
  for (int i = 0; i < 2; i++) {
    if (js_count(list) != 2 || !js_int_of(js_at(list, i), &n[i]) || n[i] < 1 ||
        n[i] > IMAGE_MAX_SIDE)
      return fail(err, LOCI_EFORMAT, "%s: \"%s\" as a list must be a height and a width, 1 to %d",
                  what, key, IMAGE_MAX_SIDE);
  }
  *height = (int)n[0];
  *width = (int)n[1];
  return LOCI_OK;
}

/* "size": n, [h, w], {"shortest_edge": n} or {"height": h, "width": w}; beside a shortest edge the
 * classes that are read here leave "longest_edge" unread. */
static loci_status read_size(const js_value *v, const char *what, image_processor *p,
                             loci_err *err) {
  const js_value *size = js_get(v, "size"), *member;
  const char *key;
  if (!size) return LOCI_OK;
  if (js_kind_of(size) == JS_ARRAY) {
    p->shortest_edge = 0;
    return read_pair(v, "size", what, &p->resize_height, &p->resize_width, err);
  }
  if (js_kind_of(size) != JS_OBJECT) {
    int side = 0;
    TRY(read_side(v, "size", what, &side, err));
    if (p->shortest_edge)
      p->shortest_edge = side;
    else
      p->resize_width = p->resize_height = side;
    return LOCI_OK;
  }
  for (void *it = js_first(size, &key, &member); it; it = js_next(size, it, &key, &member))
    if (strcmp(key, "shortest_edge") != 0 && strcmp(key, "height") != 0 &&
        strcmp(key, "width") != 0 && js_kind_of(member) != JS_NULL &&
        !(strcmp(key, "longest_edge") == 0 && js_get(size, "shortest_edge")))
      return fail(
          err, LOCI_EUNSUPPORTED,
          "%s: \"size\" with \"%s\", expected \"shortest_edge\" or \"height\" and \"width\"", what,
          key);
  p->shortest_edge = 0;
  if (js_get(size, "shortest_edge"))
    return read_side(size, "shortest_edge", what, &p->shortest_edge, err);
  TRY(read_side(size, "height", what, &p->resize_height, err));
  return read_side(size, "width", what, &p->resize_width, err);
}

/* Qwen's bounds: "min_pixels" and "max_pixels", else those of "size", whose edges are numbers of
 * pixels. */
static loci_status read_bounds(const js_value *v, const char *what, image_processor *p,
                               loci_err *err) {
  const js_value *size = js_get(v, "size");
  int64_t patch = p->patch, merge = p->merge, frames = p->frames;
  if (size && (js_kind_of(size) != JS_OBJECT || !js_get(size, "shortest_edge") ||
               !js_get(size, "longest_edge")))
    return fail(err, LOCI_EFORMAT,
                "%s: \"size\" must hold \"shortest_edge\" and \"longest_edge\", two numbers of "
                "pixels",
                what);
  TRY(js_get_int(size, "shortest_edge", what, 1, IMAGE_MAX_PIXELS, &p->min_pixels, err));
  TRY(js_get_int(size, "longest_edge", what, 1, IMAGE_MAX_PIXELS, &p->max_pixels, err));
  TRY(js_get_int(v, "min_pixels", what, 1, IMAGE_MAX_PIXELS, &p->min_pixels, err));
  TRY(js_get_int(v, "max_pixels", what, 1, IMAGE_MAX_PIXELS, &p->max_pixels, err));
  TRY(js_get_int(v, "patch_size", what, 1, 1024, &patch, err));
  TRY(js_get_int(v, "merge_size", what, 1, 8, &merge, err));
  TRY(js_get_int(v, "temporal_patch_size", what, 1, 8, &frames, err));
  p->patch = (int)patch;
  p->merge = (int)merge;
  p->frames = (int)frames;
  return LOCI_OK;
}

/* "crop_size": n, [h, w] or {"height": h, "width": w}. */
static loci_status read_crop(const js_value *v, const char *what, image_processor *p,
                             loci_err *err) {
  const js_value *size = js_get(v, "crop_size");
  if (!size) return LOCI_OK;
  if (js_kind_of(size) == JS_ARRAY)
    return read_pair(v, "crop_size", what, &p->crop_height, &p->crop_width, err);
  if (js_kind_of(size) == JS_OBJECT) {
    TRY(read_side(size, "height", what, &p->crop_height, err));
    return read_side(size, "width", what, &p->crop_width, err);
  }
  TRY(read_side(v, "crop_size", what, &p->crop_height, err));
  p->crop_width = p->crop_height;
  return LOCI_OK;
}

static loci_status read_three(const js_value *v, const char *key, const char *what, double out[3],
                              loci_err *err) {
  const js_value *list = js_get(v, key);
  if (!list) return LOCI_OK;
  if (js_kind_of(list) != JS_ARRAY || js_count(list) != 3)
    return fail(err, LOCI_EFORMAT, "%s: \"%s\" must be an array of 3 numbers", what, key);
  for (int c = 0; c < 3; c++)
    if (!js_real_of(js_at(list, c), &out[c]))
      return fail(err, LOCI_EFORMAT, "%s: \"%s\" must hold numbers, found %s", what, key,
                  js_kind_name(js_kind_of(js_at(list, c))));
  return LOCI_OK;
}

/* "size" and "max_image_size", both of their longest edges: what a picture becomes first, and a
 * tile of it.  Without tiles it is squeezed into one. */
static loci_status read_longest(const js_value *v, const char *what, image_processor *p,
                                loci_err *err) {
  static const char *const keys[] = {"size", "max_image_size"};
  int *const out[] = {&p->longest_edge, &p->resize_width};
  bool cut = true;
  for (int i = 0; i < 2; i++) {
    const js_value *size = js_get(v, keys[i]);
    if (size && (js_kind_of(size) != JS_OBJECT || !js_get(size, "longest_edge")))
      return fail(err, LOCI_EUNSUPPORTED, "%s: \"%s\" without \"longest_edge\" is not supported",
                  what, keys[i]);
    if (size) TRY(read_side(size, "longest_edge", what, out[i], err));
  }
  p->resize_height = p->resize_width;
  TRY(js_get_bool(v, "do_image_splitting", what, &cut, err));
  if (!cut) p->grid = GRID_NONE;
  if (!p->resize) p->longest_edge = 0; /* of the two resizes only the second is not asked for */
  p->resize = true;
  p->crop = p->pad_square = false; /* tiles are all of one size: there is nothing to be filled up */
  return LOCI_OK;
}

/* Steps that would change the pixels and are not built here. */
static loci_status refuse_other_steps(const js_value *v, const char *what, const image_processor *p,
                                      loci_err *err) {
  static const char *const known[] = {"do_resize",    "do_center_crop", "do_rescale",
                                      "do_normalize", "do_convert_rgb", "do_pad"};
  const js_value *member;
  const char *key;
  for (void *it = js_first(v, &key, &member); it; it = js_next(v, it, &key, &member)) {
    bool on = js_kind_of(member) != JS_NULL;
    bool found = p->grid == GRID_SIDES && strcmp(key, "do_image_splitting") == 0;
    (void)js_bool_of(member, &on);
    if (on && p->tiles.count == 0 && strcmp(key, "image_grid_pinpoints") == 0 &&
        js_count(member) > 0)
      return fail(err, LOCI_EUNSUPPORTED, "%s: \"%s\" (pictures cut into tiles) is not supported",
                  what, key);
    if (!on || strncmp(key, "do_", 3) != 0) continue;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
      found = found || strcmp(key, known[i]) == 0;
    if (!found)
      return fail(err, LOCI_EUNSUPPORTED, "%s: the step \"%s\" is not supported", what, key);
  }
  return LOCI_OK;
}

/* The class of a model's pictures where the processor file names none. */
static const char *default_class(const char *model_type) {
  static const char *const usual[][2] = {{"llava", "LlavaImageProcessor"},
                                         {"clip", "CLIPImageProcessor"},
                                         {"clip_vision_model", "CLIPImageProcessor"},
                                         {"siglip", "SiglipImageProcessor"},
                                         {"siglip_vision_model", "SiglipImageProcessor"},
                                         {"qwen2_vl", "Qwen2VLImageProcessor"},
                                         {"qwen2_5_vl", "Qwen2VLImageProcessor"},
                                         {"qwen3_vl", "Qwen2VLImageProcessor"},
                                         {"mllama", "MllamaImageProcessor"},
                                         {"idefics3", "Idefics3ImageProcessor"},
                                         {"smolvlm", "SmolVLMImageProcessor"},
                                         {"internvl", "GotOcr2ImageProcessor"},
                                         {"gemma3", "Gemma3ImageProcessor"},
                                         {"paligemma", "SiglipImageProcessor"},
                                         {"llava_next", "LlavaNextImageProcessor"},
                                         {"llava_onevision", "LlavaOnevisionImageProcessor"}};
  for (size_t i = 0; model_type && i < sizeof usual / sizeof *usual; i++) {
    if (strcmp(usual[i][0], model_type) == 0) return usual[i][1];
  }
  return NULL;
}

static loci_status read_kind(const js_value *v, const char *what, const char *model_type,
                             processor_kind *out, bool *fast, loci_err *err) {
  const char *name = default_class(model_type);
  TRY(js_get_text(v, "feature_extractor_type", what, &name, err));
  TRY(js_get_text(v, "image_processor_type", what, &name, err));
  if (!name) return fail(err, LOCI_EFORMAT, "%s: \"image_processor_type\" is missing", what);
  *fast = path_ends_with(name, "Fast");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(name, kinds[i].name) != 0) continue;
    *out = kinds[i].kind;
    return LOCI_OK;
  }
  return fail(err, LOCI_EUNSUPPORTED,
              "%s: image_processor_type \"%s\" is not supported, expected a CLIPImageProcessor, "
              "SiglipImageProcessor, LlavaImageProcessor, Qwen2VLImageProcessor, "
              "LlavaNextImageProcessor, LlavaOnevisionImageProcessor, MllamaImageProcessor, "
              "Idefics3ImageProcessor, SmolVLMImageProcessor, GotOcr2ImageProcessor or "
              "Gemma3ImageProcessor",
              what, name);
}

/* do_pad is known to the LLaVA processor alone; the crop to all but the slow SigLIP's, which leaves
 * it unread, as its fast one does not. */
static loci_status read_switches(const js_value *v, const char *what, processor_kind kind,
                                 bool fast, image_processor *p, loci_err *err) {
  TRY(js_get_bool(v, "do_resize", what, &p->resize, err));
  TRY(js_get_bool(v, "do_center_crop", what, &p->crop, err));
  TRY(js_get_bool(v, "do_rescale", what, &p->rescale, err));
  TRY(js_get_bool(v, "do_normalize", what, &p->normalise, err));
  bool pads = kind == KIND_MLLAMA; /* a canvas is filled up, whatever is asked */
  if (p->tiles.count == 0 && !pads && kind != KIND_IDEFICS)
    TRY(js_get_bool(v, "do_pad", what, &p->pad_square, err));
  if (p->pad_square && kind != KIND_LLAVA)
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: \"do_pad\" is supported for a LlavaImageProcessor only", what);
  if (p->crop && is_siglip(kind) && fast)
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: \"do_center_crop\" is not supported for a SiglipImageProcessorFast", what);
  if (is_siglip(kind) || kind == KIND_QWEN || pads) p->crop = false; /* they leave it unread */
  if (pads) TRY(js_get_bool(v, "do_pad", what, &pads, err));
  if (kind == KIND_MLLAMA && !(pads && p->resize))
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: a MllamaImageProcessor without \"do_resize\" or \"do_pad\" is not supported",
                what);
  return LOCI_OK;
}

/* The tiles' sizes, and their side: that of a view of the whole, and of the crop where there is
 * one, which then changes nothing.  Views have this size whether they are told to be resized or
 * not. */
static loci_status read_tiles(const js_value *v, const char *what, processor_kind kind,
                              image_processor *p, loci_err *err) {
  int side = p->shortest_edge ? p->shortest_edge : p->resize_height;
  bool square = p->shortest_edge || p->resize_width == p->resize_height;
  TRY(tile_sizes_parse(v, what, &p->tiles, err));
  if (!square || (kind == KIND_NEXT && (p->crop_width != side || p->crop_height != side)))
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: \"size\" and \"crop_size\" must be the same square for tiles", what);
  p->resize = true;
  p->crop = false;
  p->shortest_edge = 0;
  p->resize_width = p->resize_height = side;
  return LOCI_OK;
}

/* How many tiles are seen together; a picture may be put on every canvas of so many. */
static loci_status read_places(const js_value *v, const char *what, image_processor *p,
                               loci_err *err) {
  int64_t most = p->places;
  TRY(js_get_int(v, "max_image_tiles", what, 1, TILE_PLACES, &most, err));
  p->places = (int)most;
  tile_sizes_within(p->places, &p->canvases);
  return LOCI_OK;
}

/* The colour of the padding: the mean, cut off to whole levels. */
loci_status processor_pad_colour(const char *what, image_processor *p, loci_err *err) {
  for (int c = 0; c < 3 && p->pad_square; c++) {
    double level = 255 * p->mean[c];
    if (!(level >= 0 && level < 256))
      return fail(err, LOCI_EFORMAT, "%s: a mean of %g is no colour to pad with, expected 0 to 1",
                  what, p->mean[c]);
    p->pad_colour[c] = (uint8_t)level;
  }
  return LOCI_OK;
}

/* How many tiles there may be; of one it is the whole.  InternVL's pictures are cut whatever
 * "crop_to_patches" says, as its processor in transformers asks for it. */
static loci_status read_counts(const js_value *v, const char *what, image_processor *p,
                               loci_err *err) {
  int64_t least = p->least_tiles, most = p->most_tiles;
  TRY(js_get_int(v, "min_patches", what, 1, GRID_MOST, &least, err));
  TRY(js_get_int(v, "max_patches", what, 1, GRID_MOST, &most, err));
  p->least_tiles = (int)least;
  p->most_tiles = (int)most;
  p->grid = most > 1 ? GRID_NEAREST : GRID_NONE;
  p->resize = true; /* tiles have their size, whether they are told to be resized or not */
  p->crop = false;
  return LOCI_OK;
}

static int usual_size(processor_kind kind) {
  return kind == KIND_ONEVISION || kind == KIND_GOT ? 384 : kind == KIND_IDEFICS ? 364 : 224;
}

/* How large pictures become, as a class says it. */
static loci_status read_sizes(const js_value *v, const char *what, processor_kind kind,
                              image_processor *p, loci_err *err) {
  if (kind == KIND_QWEN) {
    TRY(read_bounds(v, what, p, err));
  } else if (kind == KIND_IDEFICS) {
    return read_longest(v, what, p, err);
  } else {
    TRY(read_size(v, what, p, err));
  }
  TRY(read_crop(v, what, p, err));
  if (kind == KIND_GOT) return read_counts(v, what, p, err);
  if (p->tiles.count > 0) TRY(read_tiles(v, what, kind, p, err));
  return p->places > 0 ? read_places(v, what, p, err) : LOCI_OK;
}

loci_status image_processor_parse(const js_value *v, const char *what, const char *model_type,
                                  image_processor *p, loci_err *err) {
  processor_kind kind = KIND_CLIP;
  bool fast = false;
  int64_t resample;
  if (js_kind_of(v) != JS_OBJECT)
    return fail(err, LOCI_EFORMAT, "%s: the image processor must be an object, found %s", what,
                js_kind_name(js_kind_of(v)));
  TRY(read_kind(v, what, model_type, &kind, &fast, err));
  processor_defaults(kind, usual_size(kind), p);
  TRY(refuse_other_steps(v, what, p, err));
  TRY(read_switches(v, what, kind, fast, p, err));
  TRY(read_sizes(v, what, kind, p, err));
  resample = p->resample;
  TRY(js_get_int(v, "resample", what, 0, RESAMPLE_HAMMING, &resample, err));
  p->resample = (resample_kind)resample;
  TRY(js_get_real(v, "rescale_factor", what, &p->rescale_factor, err));
  TRY(read_three(v, "image_mean", what, p->mean, err));
  TRY(read_three(v, "image_std", what, p->std, err));
  TRY(image_processor_check(p, what, err));
  return processor_pad_colour(what, p, err);
}
