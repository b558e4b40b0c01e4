/* Members of a request, read into the options they are named after.  A table says which member goes
 * where; a value of the wrong kind is LOCI_EINVAL, and the sentence names the member. */
#ifndef LOCI_CALL_FIELDS_H
#define LOCI_CALL_FIELDS_H

#include "base/arena.h"
#include "base/json.h"

typedef struct field field;

/* A member that is being read; texts in options are borrowed from it or are in [mem]. */
typedef struct member {
  const field *field;
  const js_value *value;
  arena *mem;
} member;

typedef loci_status field_read(const member *m, void *options, loci_err *err);

struct field {
  const char *name;
  field_read *read;
  size_t at;          /* of the option in its struct */
  int64_t lo, hi;     /* of whole numbers */
  loci_names list;    /* of names */
  const char *wanted; /* "a number of layers, or \"all\"" */
};

typedef struct field_table {
  const field *fields;
  int count;
} field_table;

#define FIELD_TABLE(array) ((field_table){(array), (int)(sizeof(array) / sizeof *(array))})

/* Reads the members of [request] that the table has; the others belong to other tables. */
loci_status fields_read(field_table t, const js_value *request, arena *mem, void *options,
                        loci_err *err);
/* A member that none of the tables has is refused, with the nearest one that they have. */
loci_status fields_known(const field_table *tables, int n, const js_value *request, loci_err *err);
loci_status field_wrong(const member *m, loci_err *err);

/* ---- readers */
field_read field_text, field_int, field_real, field_flag, field_seed;
field_read field_name;   /* an enum in the order of the list */
field_read field_joined; /* a text, a whole number, or a list of them: joined by commas */
field_read field_texts;  /* a list of texts: const char *const * at [at], their int behind it */

/* Puts a list of n where its pointer is, and n into the int that stands behind the pointer. */
void field_list(const member *m, void *options, const void *at, int64_t n);
/* Items of a list, or the value itself where it is none. */
int64_t items_count(const js_value *v);
const js_value *items_at(const js_value *v, int64_t i);

#endif
