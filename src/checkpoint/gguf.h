/* One GGUF file (docs/FORMATS.md, "GGUF"): metadata and tensors, every rule of the container
 * checked before the first of them is handed out.  Opening costs the metadata, never the weights.
 *
 * Its tensors become an st_file, as those of a safetensors file: whoever reads weights does not
 * see which of the two they came in. */
#ifndef LOCI_CHECKPOINT_GGUF_H
#define LOCI_CHECKPOINT_GGUF_H

#include <stdbool.h>

#include "base/json.h"
#include "checkpoint/safetensors.h"

typedef enum gguf_type {
  GGUF_U8,
  GGUF_I8,
  GGUF_U16,
  GGUF_I16,
  GGUF_U32,
  GGUF_I32,
  GGUF_F32,
  GGUF_BOOL,
  GGUF_TEXT,
  GGUF_ARRAY,
  GGUF_U64,
  GGUF_I64,
  GGUF_F64,
  GGUF_TYPES
} gguf_type;

/* A value: [count] items of a type, one unless it is an array. */
typedef struct gguf_value {
  const char *key; /* NUL-terminated */
  gguf_type type;  /* of the items: never GGUF_ARRAY */
  bool is_array;
  int64_t count;
  const uint8_t *at; /* the items' bytes */
} gguf_value;

typedef struct gguf gguf;

/* Whether a regular file begins as GGUF does. */
bool gguf_is(const char *path);
/* Maps and checks the file at [path].  Close with gguf_close. */
loci_status gguf_open(const char *path, gguf **out, loci_err *err);
/* The same on bytes in memory, borrowed until gguf_close; [what] names them in errors. */
loci_status gguf_open_bytes(const uint8_t *bytes, size_t n, const char *what, gguf **out,
                            loci_err *err);
void gguf_close(gguf *g);

const char *gguf_what(const gguf *g);
/* The tensors, names as spelled in the file. */
const st_file *gguf_tensors(const gguf *g);
/* Hands the tensors over with the map, whose values are then not to be asked for any more; st_close
 * is the caller's, gguf_close stays due: the names are its own. */
st_file *gguf_take_tensors(gguf *g);

int64_t gguf_count(const gguf *g);
const gguf_value *gguf_at(const gguf *g, int64_t i); /* sorted by key */
const gguf_value *gguf_find(const gguf *g, const char *key);

/* A text as it stands in the file: not NUL-terminated, UTF-8 (checked). */
typedef struct gguf_text {
  const char *s;
  size_t n;
} gguf_text;
/* The items of an array of texts one after the other: [at] is the value's own and moves on. */
gguf_text gguf_next_text(const uint8_t **at);
/* Item i as a number or a bool; false: it is of another type. */
bool gguf_real(const gguf_value *v, int64_t i, double *out);
bool gguf_int(const gguf_value *v, int64_t i, int64_t *out);

/* Typed single values; *inout keeps its default when the key is absent, and a value of another type
 * or out of range is an error by name. */
loci_status gguf_get_int(const gguf *g, const char *key, int64_t lo, int64_t hi, int64_t *inout,
                         loci_err *err);
loci_status gguf_get_real(const gguf *g, const char *key, double *inout, loci_err *err);
loci_status gguf_get_bool(const gguf *g, const char *key, bool *inout, loci_err *err);
loci_status gguf_get_text(const gguf *g, const char *key, gguf_text *inout, loci_err *err);
/* An array of a type: texts, or numbers if [type] is GGUF_I32.  NULL: absent. */
loci_status gguf_get_array(const gguf *g, const char *key, gguf_type type, const gguf_value **out,
                           loci_err *err);

#endif
