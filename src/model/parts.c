/* The parts of a model that work alone: its tokenizer on any text, its image processor on any
 * picture. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "image/image.h"
#include "loci.h"
#include "text/tokenizer.h"

/* ---------------------------------------------------------------- text */

struct loci_tokenizer {
  tokenizer *tokens;
};

loci_status loci_tokenizer_open(const char *dir, loci_tokenizer **out, loci_err *err) {
  *out = NULL;
  loci_tokenizer *t = calloc(1, sizeof *t);
  if (!t) return fail_nomem(err, "opening a tokenizer");
  loci_status st = tokenizer_open(dir, &t->tokens, err);
  if (st) {
    free(t);
    return st;
  }
  *out = t;
  return LOCI_OK;
}

void loci_tokenizer_close(loci_tokenizer *t) {
  if (!t) return;
  tokenizer_close(t->tokens);
  free(t);
}

typedef struct text_box { /* the public view first, so that one pointer serves both */
  loci_text_tokens view;
  arena *mem;
  char *decoded[2];
} text_box;

void loci_text_tokens_free(loci_text_tokens *t) {
  if (!t) return;
  text_box *box = (text_box *)t;
  free(box->decoded[0]);
  free(box->decoded[1]);
  arena_free(box->mem);
  free(box);
}

static loci_status fill_text(const tokenizer *t, const encoding *e, text_box *box, loci_err *err) {
  int *ids = arena_array(box->mem, e->count, int);
  const char **tokens = arena_array(box->mem, e->count, const char *);
  int64_t(*bytes)[2] = arena_alloc(box->mem, e->count, sizeof *bytes);
  if (!ids || !tokens || !bytes) return fail_nomem(err, "tokenizing");
  for (int i = 0; i < e->count; i++) {
    const char *token = tokenizer_token(t, e->ids[i]);
    ids[i] = e->ids[i];
    tokens[i] = token ? token : "";
    bytes[i][0] = e->begin[i];
    bytes[i][1] = e->end[i];
  }
  box->view.count = e->count;
  box->view.ids = ids;
  box->view.tokens = tokens;
  box->view.bytes = (const int64_t(*)[2])bytes;
  size_t *size[] = {&box->view.decoded_size, &box->view.decoded_skip_special_size};
  TRY(tokenizer_decode(t, ids, e->count, false, &box->decoded[0], size[0], err));
  TRY(tokenizer_decode(t, ids, e->count, true, &box->decoded[1], size[1], err));
  box->view.decoded = box->decoded[0];
  box->view.decoded_skip_special = box->decoded[1];
  return LOCI_OK;
}

loci_status loci_tokenize(const loci_tokenizer *t, const char *text, size_t size, bool add_special,
                          loci_text_tokens **out, loci_err *err) {
  *out = NULL;
  encoding e = {0};
  TRY(tokenizer_encode(t->tokens, text, size, add_special, &e, err));
  text_box *box = calloc(1, sizeof *box);
  if (box) box->mem = arena_new();
  loci_status st =
      box && box->mem ? fill_text(t->tokens, &e, box, err) : fail_nomem(err, "tokenizing");
  encoding_clear(&e);
  if (st) {
    if (box) loci_text_tokens_free(&box->view);
    return st;
  }
  *out = &box->view;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- images */

typedef struct image_box {
  loci_image view;
  image_rgb rgb;
  float *values;
} image_box;

void loci_image_free(loci_image *image) {
  if (!image) return;
  image_box *box = (image_box *)image;
  image_clear(&box->rgb);
  free(box->values);
  free(box);
}

loci_status loci_image_read(const char *dir, const char *image_path, loci_image **out,
                            loci_err *err) {
  image_processor p;
  *out = NULL;
  TRY(image_processor_read(dir, &p, err));
  image_box *box = calloc(1, sizeof *box);
  if (!box) return fail_nomem(err, "reading an image");
  loci_image *v = &box->view;
  loci_status st = image_load(image_path, &box->rgb, err);
  if (!st) {
    st = image_process(&p, &box->rgb, &box->values, &v->input_height, &v->input_width, err);
  }
  if (st) {
    loci_image_free(v);
    return st;
  }
  v->width = box->rgb.width;
  v->height = box->rgb.height;
  v->rgb = box->rgb.pixels;
  v->pixel_values = box->values;
  *out = v;
  return LOCI_OK;
}
