/* A GGUF file as gguf.c reads it and gguf_values.c answers for it.  Private to these two. */
#ifndef LOCI_CHECKPOINT_GGUF_PARTS_H
#define LOCI_CHECKPOINT_GGUF_PARTS_H

#include "base/file.h"
#include "checkpoint/gguf.h"

struct gguf {
  arena *mem;
  file_map map; /* empty when the bytes are borrowed, or handed over */
  const char *what;
  int64_t n;
  gguf_value *values; /* sorted by key */
  int64_t n_tensors;
  st_tensor *tensors;
  st_file *file;
};

typedef struct gguf_type_info {
  const char *name;
  int bytes; /* 0: not fixed */
} gguf_type_info;
extern const gguf_type_info gguf_types[GGUF_TYPES];

/* A number of some bytes, the lowest first. */
uint64_t gguf_unsigned_at(const uint8_t *p, int bytes);
/* Values by their keys. */
int gguf_compare(const void *a, const void *b);

#endif
