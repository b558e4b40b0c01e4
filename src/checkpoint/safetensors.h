/* One safetensors file (docs/FORMATS.md): opened by its header alone, every rule of the format
 * checked before the first tensor is handed out.  Opening costs the header, never the data.  An
 * st_file may also hold the tensors of a GGUF file (gguf.h). */
#ifndef LOCI_CHECKPOINT_SAFETENSORS_H
#define LOCI_CHECKPOINT_SAFETENSORS_H

#include <stdint.h>

#include "base/file.h"
#include "base/status.h"

enum { ST_MAX_RANK = 8 };

typedef enum st_dtype {
  ST_BOOL,
  ST_U8,
  ST_I8,
  ST_F8_E5M2,
  ST_F8_E4M3,
  ST_F8_E8M0,
  ST_F8_E4M3FNUZ,
  ST_F8_E5M2FNUZ,
  ST_I16,
  ST_U16,
  ST_F16,
  ST_BF16,
  ST_I32,
  ST_U32,
  ST_F32,
  ST_I64,
  ST_U64,
  ST_F64,
  ST_C64,
  ST_Q4_0, /* from here on in blocks, and of GGUF files alone */
  ST_Q4_1,
  ST_Q5_0,
  ST_Q5_1,
  ST_Q8_0,
  ST_Q4_K,
  ST_Q5_K,
  ST_Q6_K
} st_dtype;

typedef struct st_tensor {
  const char *name; /* NUL-terminated UTF-8 */
  st_dtype dtype;
  int rank; /* 0: a scalar */
  int64_t shape[ST_MAX_RANK];
  const uint8_t *data; /* in the map; may be misaligned for its dtype */
  int64_t bytes;
} st_tensor;

typedef struct st_file st_file;

/* Maps and checks the file at [path].  Close with st_close. */
loci_status st_open(const char *path, st_file **out, loci_err *err);
/* The same on bytes in memory, borrowed until st_close; [what] names them in errors. */
loci_status st_open_bytes(const uint8_t *bytes, size_t n, const char *what, st_file **out,
                          loci_err *err);
/* Tensors that another reader has found in a map, which is taken over (an empty one: in bytes that
 * are borrowed), even on failure.  They are copied, their names borrowed for as long as names are
 * asked for. */
loci_status st_of_tensors(const char *what, file_map *map, const st_tensor *tensors, int64_t n,
                          st_file **out, loci_err *err);
void st_close(st_file *f);

int64_t st_count(const st_file *f);
const st_tensor *st_at(const st_file *f, int64_t i);          /* in order of data */
const st_tensor *st_by_name(const st_file *f, int64_t i);     /* in order of names */
const st_tensor *st_find(const st_file *f, const char *name); /* NULL: no such tensor; O(log n) */
/* __metadata__ values, or NULL. */
const char *st_metadata(const st_file *f, const char *key);
const char *st_dtype_name(st_dtype t); /* "BF16", as the file spells it */
/* A block: so many numbers in so many bytes; of the dtypes of single numbers, one. */
int64_t st_dtype_block(st_dtype t);
int64_t st_dtype_bytes(st_dtype t);

/* Where in the file a tensor's bytes begin. */
int64_t st_offset(const st_file *f, const st_tensor *t);

/* Read-ahead of up to [n] of a tensor's bytes from [at] on, and release of its pages (advice only;
 * no effect on bytes in memory).  Reading much ahead takes as long as the disk. */
void st_prefetch(const st_file *f, const st_tensor *t, int64_t at, int64_t n);
void st_release(const st_file *f, const st_tensor *t);
/* Waits until its pages are in the map. */
void st_read(const st_file *f, const st_tensor *t);

/* Writing: tensors in the given order under one header, through a temporary file.  [metadata] holds
 * pairs key, value, ... , NULL or is NULL. */
loci_status st_write(const char *path, const st_tensor *tensors, int64_t n,
                     const char *const *metadata, loci_err *err);
/* The same, in pieces that are on the disk before [w] is asked again; stopped, it leaves nothing.
 */
loci_status st_write_watched(const char *path, const st_tensor *tensors, int64_t n,
                             const char *const *metadata, const watch *w, loci_err *err);

#endif
