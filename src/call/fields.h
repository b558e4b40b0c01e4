/* Members of a request, read into the options they are named after.  A table says which member goes
 * where.  A value is what JSON makes of it, or the text that a command line has for it ("3-5" of
 * layers, "1,3" of windows): the command line hands its options over as they were typed.  A value
 * of the wrong kind is LOCI_EINVAL, and the sentence begins with the member's name. */
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
/* "NAME wants ..., not ..." */
loci_status field_wrong(const member *m, loci_err *err);
/* A word that is none of the n: the nearest, or all of them. */
loci_status field_unknown(const member *m, const char *given, const char *const *words, int n,
                          loci_err *err);

/* ---- texts of values, read strictly: "2x" is not 2 */
bool whole_of(const char *text, int64_t lo, int64_t hi, int64_t *out);
bool real_of(const char *text, double *out); /* finite, >= 0 */

/* ---- readers */
field_read field_text, field_int, field_real /* >= 0 */, field_flag, field_seed;
field_read field_name;   /* an enum in the order of the list */
field_read field_named;  /* a text, one of the list's names */
field_read field_joined; /* a text, a whole number, or a list of them: joined by commas */
field_read field_texts;  /* a list of texts: const char *const * at [at], their int after it */
field_read field_list_of_words; /* the same of words, each once; a text is cut at its commas */

/* Puts a list of n where its pointer is, and n into the int that stands after the pointer. */
void field_list(const member *m, void *options, const void *at, int64_t n);
/* The items of a list, of a text between its commas, or the value itself where it is none, as
 * texts. */
loci_status field_words(const member *m, const char *const **out, int *count, loci_err *err);
loci_status field_once(const member *m, const char *const *words, int n, loci_err *err);

#endif
