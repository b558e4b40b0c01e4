/* The parts of a model that work alone: its tokenizer on any text, its image processor on any
 * picture. */
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "base/arena.h"
#include "base/utf8.h"
#include "image/image.h"
#include "model/command.h"
#include "text/tokenizer.h"

/* ---------------------------------------------------------------- text */

struct loci_tokenizer {
  tokenizer *tokens;
  char *dir;
};

loci_status loci_tokenizer_open(const char *dir, loci_tokenizer **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(dir, "directory");
  loci_tokenizer *t = calloc(1, sizeof *t);
  if (!t) return fail_nomem(err, "opening a tokenizer");
  t->dir = strdup(dir);
  loci_status st =
      t->dir ? tokenizer_open(dir, &t->tokens, err) : fail_nomem(err, "opening a tokenizer");
  if (st) {
    free(t->dir);
    free(t);
    return st;
  }
  *out = t;
  return LOCI_OK;
}

void loci_tokenizer_close(loci_tokenizer *t) {
  if (!t) return;
  tokenizer_close(t->tokens);
  free(t->dir);
  free(t);
}

/* Decoded text; the result's memory takes it over. */
static loci_status decode(const tokenizer *t, const int *ids, int count, bool skip_special,
                          arena *mem, const char **out, size_t *size, loci_err *err) {
  char *text;
  TRY(tokenizer_decode(t, ids, count, skip_special, &text, size, err));
  if (!arena_defer(mem, free, text)) return fail_nomem(err, "tokenizing");
  *out = text;
  return LOCI_OK;
}

static loci_status fill_text(const tokenizer *t, const encoding *e, loci_text_tokens *out,
                             loci_err *err) {
  arena *mem = out->result.memory;
  int *ids = arena_array(mem, e->count, int);
  const char **tokens = arena_array(mem, e->count, const char *);
  int64_t(*bytes)[2] = arena_alloc(mem, e->count, sizeof *bytes);
  if (!ids || !tokens || !bytes) return fail_nomem(err, "tokenizing");
  for (int i = 0; i < e->count; i++) {
    const char *token = tokenizer_token(t, e->ids[i]);
    ids[i] = e->ids[i];
    tokens[i] = token ? token : "";
    bytes[i][0] = e->begin[i];
    bytes[i][1] = e->end[i];
  }
  out->count = e->count;
  out->ids = ids;
  out->tokens = tokens;
  out->bytes = (const int64_t(*)[2])bytes;
  TRY(decode(t, ids, e->count, false, mem, &out->decoded, &out->decoded_size, err));
  return decode(t, ids, e->count, true, mem, &out->decoded_skip_special,
                &out->decoded_skip_special_size, err);
}

/* No command line takes a longer word, or a NUL character. */
enum { MOST_WORD = 100000 };

static loci_status tell_text(const loci_tokenizer *t, const char *text, size_t size, bool special,
                             loci_result *out, loci_err *err) {
  const loci_model_info at = {.path = t->dir};
  command_words words = {.name = "tokens", .model = &at};
  js_value *request = js_object();
  words.cannot = size > MOST_WORD || memchr(text, 0, size) != NULL || !utf8_is_valid(text, size);
  js_put(&request, "text", js_text_n(text, size));
  if (!special) js_put(&request, "no_special", js_bool(true));
  return request_tell(&words, request, out, err);
}

loci_status loci_tokenize(const loci_tokenizer *t, const char *text, size_t size, bool add_special,
                          loci_text_tokens **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(t, "tokenizer");
  NEEDS(text, "text");
  encoding e = {0};
  TRY(tokenizer_encode(t->tokens, text, size, add_special, &e, err));
  loci_text_tokens *made = result_new(LOCI_KIND_TEXT, sizeof *made);
  loci_status st = made ? fill_text(t->tokens, &e, made, err) : fail_nomem(err, "tokenizing");
  encoding_clear(&e);
  if (!st) st = tell_text(t, text, size, add_special, &made->result, err);
  if (st) {
    loci_free(made);
    return st;
  }
  *out = made;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- images */

/* The pixels as decoded and as processed; the result's memory takes both over. */
static loci_status read_pixels(const image_processor *p, const char *path, loci_image *v,
                               loci_err *err) {
  image_rgb rgb;
  image_shape shape;
  float *values;
  TRY(image_load(path, &rgb, err));
  if (!arena_defer(v->result.memory, free, rgb.pixels)) return fail_nomem(err, path);
  TRY(image_process(p, &rgb, &values, &shape, err));
  if (!arena_defer(v->result.memory, free, values)) return fail_nomem(err, path);
  v->width = rgb.width;
  v->height = rgb.height;
  v->orientation = rgb.orientation;
  v->rgb = rgb.pixels;
  v->pixel_values = values;
  v->input_width = shape.width;
  v->input_height = shape.height;
  v->view_count = shape.views;
  v->tiles_down = shape.down;
  v->tiles_across = shape.across;
  v->tiles_alone = shape.together;
  v->whole_last = shape.whole_last;
  return LOCI_OK;
}

static loci_status tell_image(const char *dir, const char *path, int64_t max_pixels,
                              loci_image *out, loci_err *err) {
  const loci_model_info at = {.path = dir};
  command_words words = {.name = "image", .model = &at};
  js_value *request = js_object();
  js_put(&request, "image", js_text(path));
  if (max_pixels != 0) js_put(&request, "max_pixels", js_int(max_pixels));
  out->path = arena_strdup(out->result.memory, path);
  loci_status st = request_tell(&words, request, &out->result, err);
  return !st && !out->path ? fail_nomem(err, "reading an image") : st;
}

loci_status loci_image_read(const char *dir, const char *image_path, int64_t max_pixels,
                            loci_image **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(dir, "directory");
  NEEDS(image_path, "path");
  image_processor p;
  TRY(image_processor_read(dir, &p, err));
  if (max_pixels != 0 && p.merge == 0) {
    return fail(err, LOCI_EINVAL, "%s: all pictures are brought to one size (--max-pixels)", dir);
  }
  if (max_pixels != 0) TRY(image_bound(&p, max_pixels, err));
  loci_image *v = result_new(LOCI_KIND_IMAGE, sizeof *v);
  if (!v) return fail_nomem(err, "reading an image");
  loci_status st = read_pixels(&p, image_path, v, err);
  if (!st) st = tell_image(dir, image_path, max_pixels, v, err);
  if (st) {
    loci_free(v);
    return st;
  }
  *out = v;
  return LOCI_OK;
}
