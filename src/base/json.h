/* JSON in and out: the fence round jansson.
 *
 * Reading is strict: UTF-8, no duplicate keys, nothing after the document, limited depth.  An
 * integer that 64 bits cannot hold is read as a real.  A JSON
 * null counts as absent, as Hugging Face configs use it.  The js_get_* calls leave the default in
 * place when the key is absent and fail with file, key, expected and found when it is mistyped.
 *
 * Writing builds a tree; a failed allocation anywhere turns the root into NULL, so that only
 * js_print has to be checked:   js_value *o = js_object(); js_put(&o, "p", js_real(0.5)); st =
 * js_print(o, ...) */
#ifndef LOCI_BASE_JSON_H
#define LOCI_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct json_t js_value;

typedef enum js_kind { JS_NULL, JS_BOOL, JS_INT, JS_REAL, JS_TEXT, JS_ARRAY, JS_OBJECT } js_kind;

/* [what] names the source in error sentences (a path).  Caller frees *out with js_free. */
loci_status js_parse(const char *text, size_t n, const char *what, js_value **out, loci_err *err);
/* One line of a file of many documents: error sentences count lines from [line]. */
loci_status js_parse_line(const char *text, size_t n, const char *what, int64_t line,
                          js_value **out, loci_err *err);
loci_status js_parse_file(const char *path, size_t limit, js_value **out, loci_err *err);
void js_free(js_value *v);

/* Kind of v; a NULL pointer is JS_NULL. */
js_kind js_kind_of(const js_value *v);
const char *js_kind_name(js_kind kind); /* "an object", "a string", ... */

/* The member, or NULL when v is no object, has no such key, or the member is null. */
const js_value *js_get(const js_value *v, const char *key);
int64_t js_count(const js_value *v);                  /* members or items; 0 for other kinds */
const js_value *js_at(const js_value *v, int64_t i);  /* array item or NULL */
const char *js_text_of(const js_value *v, size_t *n); /* string bytes (n may be NULL), or NULL */
bool js_int_of(const js_value *v, int64_t *out);      /* true if v is an integer */
bool js_real_of(const js_value *v, double *out);      /* true if v is a number */
bool js_bool_of(const js_value *v, bool *out);

/* Iterates over members in file order: for (void *it = js_first(v, &key, &m); it; it = js_next(v,
 * it, &key, &m)) */
void *js_first(const js_value *v, const char **key, const js_value **member);
void *js_next(const js_value *v, void *it, const char **key, const js_value **member);

/* Typed members of object v in file [what]; *inout keeps its default when absent; lo <= value <= hi
 * is checked. */
loci_status js_get_int(const js_value *v, const char *key, const char *what, int64_t lo, int64_t hi,
                       int64_t *inout, loci_err *err);
loci_status js_get_real(const js_value *v, const char *key, const char *what, double *inout,
                        loci_err *err);
loci_status js_get_bool(const js_value *v, const char *key, const char *what, bool *inout,
                        loci_err *err);
loci_status js_get_text(const js_value *v, const char *key, const char *what, const char **inout,
                        loci_err *err);

/* Changing a document that was read: the member or item itself (borrowed; NULL: none), and setting
 * or taking away one.  js_set takes the new one over, keeps the place of an old one, and is false
 * when memory is out. */
js_value *js_member(js_value *v, const char *key);
js_value *js_item(js_value *v, int64_t i);
bool js_set(js_value *v, const char *key, js_value *member);
bool js_set_item(js_value *v, int64_t i, js_value *item);
/* Drops the items i of which drop[i] is true, all in one pass; false: memory is out. */
bool js_drop_items(js_value *v, const bool *drop);

/* Building. js_put and js_push take v over; on any failure *to becomes NULL. */
js_value *js_object(void);
js_value *js_array(void);
js_value *js_text(const char *s);             /* NULL gives null; invalid UTF-8 becomes U+FFFD */
js_value *js_text_n(const char *s, size_t n); /* the same for n bytes, NUL characters included */
js_value *js_int(int64_t i);
js_value *js_real(double x); /* NaN and infinities give null */
js_value *js_bool(bool b);
js_value *js_null(void);
void js_put(js_value **to, const char *key, js_value *v);
/* A value of its own; NULL: no memory. */
js_value *js_copy(const js_value *v);
void js_push(js_value **to, js_value *v);
/* An array of n integers. */
js_value *js_ints(const int *x, int64_t n);

/* Serialises and frees [v] (NULL: out of memory).  Caller frees *out.  [pretty] indents by 1. */
loci_status js_print(js_value *v, bool pretty, char **out, loci_err *err);
/* Any value as JSON on one line; [v] stays.  Caller frees *out. */
loci_status js_dump(const js_value *v, char **out, loci_err *err);

#endif
