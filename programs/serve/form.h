/* What a browser's form encodes: name=value&name=value, with + for a blank and %XX for a byte.
 * Options are flat, so nothing richer is read. */
#ifndef LOCI_SERVE_FORM_H
#define LOCI_SERVE_FORM_H

#include <stdbool.h>
#include <stddef.h>

enum { FORM_FIELDS = 64 };

typedef struct form {
  char *text; /* owns the names and values */
  int count;
  struct form_field {
    const char *name, *value;
  } at[FORM_FIELDS];
} form;

/* False, with a sentence: bad encoding, a NUL, too many fields.  Cleared with form_clear. */
bool form_read(const char *s, size_t n, form *out, const char **why);
void form_clear(form *f);
const char *form_get(const form *f, const char *name); /* NULL: it is not there */
/* The field that a sentence is about, by its first word, as sentences about options begin:
 * "--max-new wants", "max_new is".  NULL: about none. */
const char *form_named(const form *f, const char *sentence);

#endif
