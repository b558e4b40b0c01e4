/* What the files of make_checkpoint share: the shapes and families (main.c), which tensors a family
 * has (tensors.c), its configuration files (configs.c), and how all of it is written (write.c). */
#ifndef LOCI_MAKE_CHECKPOINT_MAKE_H
#define LOCI_MAKE_CHECKPOINT_MAKE_H

#include <stdbool.h>

#include "checkpoint/safetensors.h"
#include "tensor/dtype.h"

enum { MOST_TENSORS = 1 << 15, NAME = 128, TABLE = 1 << 16 };

typedef enum family {
  LLAVA,
  BUNNY,
  QWEN,
  NEXT,
  ONEVISION,
  MLLAMA,
  IDEFICS,
  INTERNVL,
  GEMMA3_VISION,
  PALIGEMMA,
  QWEN3_VL,
  QWEN3, /* from here on text alone */
  PHI3,
  GEMMA2,
  GEMMA3,
  GPT2
} family;

typedef struct shape {
  const char *name;
  family family;
  int layers, width, inner, heads, kv_heads, vocab;
  int vision_layers, vision_width, vision_inner, vision_heads;
  int image_size, patch; /* Qwen: of a window; Qwen3-VL: of its table of positions;
                            Llama-3.2-Vision: of a tile */
} shape;
/* Gemmas with pictures. */
static inline bool is_gemma_vision(const shape *s) {
  return s->family == GEMMA3_VISION || s->family == PALIGEMMA;
}
/* Channels of a head: Qwen3's and Gemma's are not the width's share. */
static inline int head_of(const shape *s) {
  bool qwen = s->family == QWEN3 || s->family == QWEN3_VL;
  bool own = qwen || s->family == GEMMA2 || s->family == GEMMA3 || is_gemma_vision(s);
  if (!own) return s->width / s->heads;
  return s->width < 1024 ? s->width / s->heads / 2 * 3 : qwen ? 128 : 256;
}

typedef struct planned {
  char name[NAME];
  st_tensor t;
  double mean, deviation;
} planned;

typedef struct maker {
  shape s;
  const char *dir;
  dtype type;
  uint64_t seed;
  int64_t shard_bytes;
  planned *tensors;
  int64_t count;
  float table[TABLE]; /* numbers of mean 0 and variance 1 */
  loci_err err;
} maker;

/* A name of a tensor or of a part of one, longer by [name]. */
void join(char out[NAME], const char *prefix, const char *name);
/* All tensors of the shape into m->tensors, in the order of the files. */
void plan_llava(maker *m); /* Hugging Face's three LLaVAs, Bunny, SmolVLM and InternVL */
void plan_qwen(maker *m);
void plan_qwen3_vl(maker *m);
void plan_mllama(maker *m);
void plan_gemma_vision(maker *m);
void plan_text(maker *m);
/* Llama-3.2-Vision: whether a layer reads the picture; layers of the tower with gates, after the
 * others; and the layers whose inputs are features, at most 5. */
/* Qwen3-VL: blocks of the tower whose rows go to the decoder's first layers, at most 3. */
int deep_blocks(const shape *s, int out[3]);
bool reads_picture(const shape *s, int layer);
int gated_layers(const shape *s);
int feature_layers(const shape *s, int out[5]);

/* config.json and the image processor's. */
loci_status write_llava_config(maker *m);
loci_status write_bunny_config(maker *m);
loci_status write_qwen_config(maker *m);
loci_status write_qwen3_vl_config(maker *m);
loci_status write_tiled_config(maker *m);
loci_status write_mllama_config(maker *m);
loci_status write_idefics_config(maker *m); /* 4 x 4 patches a row of the sequence */
loci_status write_internvl_config(maker *m);
loci_status write_gemma_vision_config(maker *m); /* Gemma-3's: 4 x 4 patches become one */
loci_status write_text_config(maker *m);

/* Path of a file of the checkpoint, until the next call. */
char *path_of(const maker *m, const char *name);
__attribute__((format(printf, 3, 4))) loci_status write_text(maker *m, const char *name,
                                                             const char *format, ...);
/* Values of every planned tensor, and the files that hold them. */
loci_status write_weights(maker *m);

#endif
