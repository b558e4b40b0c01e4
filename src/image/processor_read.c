/* Where the description of a directory's pictures stands:
 *
 *   config.json names "mm_vision_tower" (original LLaVA, Bunny): the processor file of the tower's
 *     directory beside the checkpoint, or of the checkpoint, or else the tower family's defaults;
 *     "image_aspect_ratio" says whether pictures are padded to a square
 *   processor_config.json with "image_processor" inside (transformers 5)
 *   preprocessor_config.json
 *   the metadata of a GGUF file with a projector */
#include "image/processor.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "checkpoint/gguf.h"
#include "checkpoint/tower.h"

/* The model_type of DIR/config.json, or NULL. */
static loci_status read_model_type(const char *dir, arena *a, const char **out, loci_err *err) {
  js_value *root = NULL;
  char *path = path_join(a, dir, "config.json");
  *out = NULL;
  if (!path) return fail_nomem(err, dir);
  if (!file_exists(path)) return LOCI_OK;
  TRY(js_parse_file(path, MAX_JSON_BYTES, &root, err));
  const char *type = js_text_of(js_get(root, "model_type"), NULL);
  *out = type ? arena_strdup(a, type) : NULL;
  js_free(root);
  return *out || !type ? LOCI_OK : fail_nomem(err, dir);
}

/* Reads DIR/processor_config.json or DIR/preprocessor_config.json; *found tells whether one of them
 * describes images. */
static loci_status read_dir(const char *dir, arena *a, image_processor *p, bool *found,
                            loci_err *err) {
  loci_status st = LOCI_OK;
  const char *type;
  TRY(read_model_type(dir, a, &type, err));
  js_value *root = NULL;
  char *nested = path_join(a, dir, "processor_config.json");
  char *flat = path_join(a, dir, "preprocessor_config.json");
  *found = false;
  if (!nested || !flat) return fail_nomem(err, dir);
  if (file_exists(nested)) {
    TRY_DONE(js_parse_file(nested, MAX_JSON_BYTES, &root, err));
    const js_value *inner = js_get(root, "image_processor");
    *found = inner != NULL;
    if (inner) st = image_processor_parse(inner, nested, type, p, err);
    if (inner) goto done;
    js_free(root);
    root = NULL;
  }
  if (file_exists(flat)) {
    TRY_DONE(js_parse_file(flat, MAX_JSON_BYTES, &root, err));
    *found = true;
    st = image_processor_parse(root, flat, type, p, err);
  }
done:
  js_free(root);
  return st;
}

/* ---- original layouts: a tower named in config.json ---- */

/* The family as Bunny and LLaVA choose it, by a part of the name. */
static loci_status tower_kind(const char *tower, const char *what, processor_kind *out,
                              loci_err *err) {
  if (strstr(tower, "sig"))
    *out = KIND_SIGLIP;
  else if (strstr(tower, "eva") || !strstr(tower, "clip"))
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: mm_vision_tower \"%s\" is neither a CLIP nor a SigLIP tower", what, tower);
  else
    *out = KIND_CLIP;
  return LOCI_OK;
}

/* The picture size of a tower without a processor file: vision_config.image_size, else the number
 * that ends the name ("..-patch14-336"), else 224 after a bare patch size, else the size LLaVA-1.5
 * and Bunny are trained at. */
static loci_status tower_size(const js_value *config, const char *tower, const char *what,
                              processor_kind kind, int *out, loci_err *err) {
  const char *last = strrchr(tower, '-');
  int64_t size = kind == KIND_SIGLIP ? 384 : 336;
  size_t digits = last ? strspn(last + 1, "0123456789") : 0;
  if (digits >= 2 && digits <= 4 && last[1 + digits] == 0)
    size = strtol(last + 1, NULL, 10);
  else if (last && strncmp(last, "-patch", 6) == 0)
    size = 224;
  TRY(js_get_int(js_get(config, "vision_config"), "image_size", what, 1, IMAGE_MAX_SIDE, &size,
                 err));
  *out = (int)size;
  return LOCI_OK;
}

/* Whether pictures are padded; tiling is refused. */
static loci_status read_aspect(const js_value *config, const char *what, bool *pad, loci_err *err) {
  const char *aspect = "square";
  bool s2 = false;
  TRY(js_get_text(config, "image_aspect_ratio", what, &aspect, err));
  TRY(js_get_bool(config, "use_s2", what, &s2, err));
  if (s2)
    return fail(err, LOCI_EUNSUPPORTED, "%s: \"use_s2\" (several scales) is not supported", what);
  *pad = strcmp(aspect, "pad") == 0;
  if (!*pad && strcmp(aspect, "square") != 0)
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: image_aspect_ratio \"%s\" is not supported, expected \"pad\" or none", what,
                aspect);
  return LOCI_OK;
}

static loci_status read_original(const js_value *config, const char *dir, const char *what,
                                 arena *a, image_processor *p, loci_err *err) {
  const char *name = NULL;
  tower_ref tower;
  bool pad = false, found = false;
  processor_kind kind = KIND_CLIP;
  int size = 0;
  TRY(js_get_text(config, "mm_vision_tower", what, &name, err));
  TRY(tower_resolve(a, dir, name, &tower, err));
  TRY(read_aspect(config, what, &pad, err));
  if (tower.dir) TRY(read_dir(tower.dir, a, p, &found, err));
  if (!found) TRY(read_dir(dir, a, p, &found, err));
  if (!found) {
    TRY(tower_kind(tower.name, what, &kind, err));
    TRY(tower_size(config, tower.name, what, kind, &size, err));
    processor_defaults(kind, size, p);
    TRY(image_processor_check(p, what, err));
  }
  p->pad_square = p->pad_square || pad;
  return processor_pad_colour(what, p, err);
}

/* ---- the metadata of a projector's GGUF file ---- */

static loci_status gguf_three(const gguf *g, const char *key, double out[3], loci_err *err) {
  const gguf_value *v;
  TRY(gguf_get_array(g, key, GGUF_F32, &v, err));
  bool ok = v && v->count == 3;
  for (int i = 0; ok && i < 3; i++) ok = gguf_real(v, i, &out[i]);
  if (ok) return LOCI_OK;
  return fail(err, LOCI_EFORMAT, "%s: \"%s\" must hold three numbers", gguf_what(g), key);
}

/* CLIP's processing of pictures padded to a square, as LLaVA-1.5 is trained. */
static loci_status read_metadata(const gguf *g, image_processor *p, loci_err *err) {
  int64_t size = 0;
  TRY(gguf_get_int(g, "clip.vision.image_size", 1, IMAGE_MAX_SIDE, &size, err));
  if (size == 0) {
    return fail(err, LOCI_EIO, "%s: no image_size: not a projector's file (--mmproj)",
                gguf_what(g));
  }
  processor_defaults(KIND_CLIP, (int)size, p);
  TRY(gguf_three(g, "clip.vision.image_mean", p->mean, err));
  TRY(gguf_three(g, "clip.vision.image_std", p->std, err));
  TRY(image_processor_check(p, gguf_what(g), err));
  p->pad_square = true;
  return processor_pad_colour(gguf_what(g), p, err);
}

static loci_status read_gguf(const char *path, image_processor *p, loci_err *err) {
  gguf *g;
  TRY(gguf_open(path, &g, err));
  loci_status st = read_metadata(g, p, err);
  gguf_close(g);
  return st;
}

static loci_status read_any(const char *dir, arena *a, js_value **config, image_processor *p,
                            loci_err *err) {
  bool found = false;
  char *path = path_join(a, dir, "config.json");
  if (!path) return fail_nomem(err, dir);
  if (file_exists(path)) {
    TRY(js_parse_file(path, MAX_JSON_BYTES, config, err));
    if (js_get(*config, "mm_vision_tower")) return read_original(*config, dir, path, a, p, err);
  }
  TRY(read_dir(dir, a, p, &found, err));
  if (!found)
    return fail(err, LOCI_EIO,
                "%s: no preprocessor_config.json, nor a processor_config.json with an "
                "\"image_processor\"",
                dir);
  return LOCI_OK;
}

loci_status image_processor_read(const char *dir, image_processor *out, loci_err *err) {
  js_value *config = NULL;
  arena *a = arena_new();
  *out = (image_processor){0};
  if (!a) return fail_nomem(err, dir);
  loci_status st = gguf_is(dir) ? read_gguf(dir, out, err) : read_any(dir, a, &config, out, err);
  if (st) *out = (image_processor){0};
  js_free(config);
  arena_free(a);
  return st;
}
