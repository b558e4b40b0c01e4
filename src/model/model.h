/* A model, opened: weights, tokenizer, template, image processor, and how walks over it compute. */
#ifndef LOCI_MODEL_MODEL_H
#define LOCI_MODEL_MODEL_H

#include <pthread.h>
#include <sys/types.h>

#include "base/arena.h"
#include "tensor/device.h"
#include "checkpoint/weights.h"
#include "image/image.h"
#include "loci.h"
#include "model/image_layout.h"
#include "text/template.h"
#include "text/tokenizer.h"

/* Read when it is asked for, by whichever thread asks first. */
typedef struct lazy_hash {
  pthread_mutex_t lock;
  char text[32]; /* "": not yet */
} lazy_hash;

enum { MODEL_NOTES = 32 };

struct loci_model {
  device *device;        /* of walks; NULL: the processor */
  const char *back_note; /* of results with gradients: where these were computed; NULL: there */
  arena *mem;
  checkpoint *weights;
  tokenizer *tokens;
  const char *image_mark;  /* tokens.h */
  template_list templates; /* the checkpoint's own */
  loci_err chat_problem;   /* why they cannot be read */
  image_processor pixels;
  loci_err pixels_problem; /* why images cannot be read; code 0: they can */
  dtype compute_type;      /* of walks */
  loci_model_opts asked;   /* as it was opened */
  int threads;
  int64_t memory; /* bytes a walk may use */
  bool release;   /* weights are more than that: a layer's pages are given up after it */
  loci_model_info info;
  lazy_hash *lazy_hash;
  pid_t process; /* that opened it; 0: any */
  const char *notes[MODEL_NOTES];
  struct model_changes *changes;      /* changes.h; NULL: none so far */
  const loci_model_info *edited_info; /* with the edits applied; NULL: there are none */
};

/* The config's decoder part, which every walk needs. */
static inline const decoder_config *model_decoder(const loci_model *m) {
  return &m->weights->config.text;
}

/* Whether its rows depend on the size of a picture's file. */
bool model_keeps_sizes(const loci_model *m);
/* What becomes of any picture, or, where that depends on its size, of one of 640 x 480 pixels; all
 * 0: the model reads text only. */
image_shape model_usual_shape(const loci_model *m);

/* "xxh3:<16 hex digits>" over all weights; reads everything once, then remembers. */
loci_status model_hash(const loci_model *m, loci_progress_fn progress, void *ctx, const char **out,
                       loci_err *err);

/* "Q4_K" of quantised weights, which are another model than those of 16 bits; else NULL. */
const char *model_quantised(const loci_model_info *m);
/* "" unless it was read before. */
const char *model_known_hash(const loci_model *m);
/* Refuses to compute with the threads of another process, which would wait for ever. */
loci_status model_check_process(const loci_model *m, loci_err *err);

/* 2 M N K summed over the matrices of one decoder layer, for one row. */
double model_layer_flop(const loci_model *m);

#endif
