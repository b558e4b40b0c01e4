/* Named arrays into an NPZ file for numpy or a safetensors file: collected in a list first, the two
 * writers differ only in how they wrap it. */
#ifndef LOCI_SHOW_ARRAY_LIST_H
#define LOCI_SHOW_ARRAY_LIST_H

#include "base/arena.h"
#include "checkpoint/safetensors.h"

typedef struct array_list {
  arena *mem;
  st_tensor *items; /* each one's shape says its bytes */
  int64_t count, room;
  bool failed; /* a failed allocation is remembered */
} array_list;

/* Room for [room] arrays at first.  Free with array_list_clear. */
void array_list_init(array_list *list, int64_t room);
void array_list_clear(array_list *list);
/* LOCI_ENOMEM, the list cleared, if anything of it failed. */
loci_status array_list_check(array_list *list, loci_err *err);

bool array_list_has(const array_list *list, const char *name);
/* A new array of [rank] axes, not initialised; NULL once memory is out. */
void *array_list_add(array_list *list, const char *name, st_dtype dtype, const int64_t *shape,
                     int rank);
/* Names as fixed-width bytes, shorter ones filled with 0: numpy's S type, whose last axis is not
 * counted as one.  [name] ends in ".groups.names". */
void array_list_names(array_list *list, const char *name, const char *const *names, int n);

/* A text of an NPZ file, which has no metadata: an array without axes of numpy's S type. */
#define ARRAY_COMMAND "command"
#define ARRAY_REQUEST "request"
void array_list_text(array_list *list, const char *name, const char *text);

/* Writes the list and clears it.  [metadata] (safetensors only): key, value, .., NULL. */
loci_status array_list_write(array_list *list, const char *path, const char *const *metadata,
                             loci_err *err);

#endif
