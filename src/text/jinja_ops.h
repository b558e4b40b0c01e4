/* What the running parts of a template (jinja.h) do with values. */
#ifndef LOCI_TEXT_JINJA_OPS_H
#define LOCI_TEXT_JINJA_OPS_H

#include "text/jinja_value.h"

const char *jv_kind_name(jvalue v); /* "str", "list", ..: as Python says */
bool jv_truth(jvalue v);
bool jv_is_number(jvalue v); /* true and false are 1 and 0 */
double jv_number(jvalue v);
bool jv_whole(jvalue v, int64_t *out); /* an int, or a bool */
bool jv_equal(jrun *r, jvalue a, jvalue b);
/* < 0, 0, > 0; kinds that have no order stop the run. */
int jv_compare(jrun *r, jvalue a, jvalue b);
bool jv_contains(jrun *r, jvalue in, jvalue v);
/* As list of items: characters, keys, nothing for undefined; others stop the run. */
jvalue jv_items(jrun *r, jvalue v);
bool jv_can_be_key(jrun *r, jvalue key); /* or it stops */
int64_t jv_length(jrun *r, jvalue v);    /* -1: it has none */
jvalue jv_get(jrun *r, jvalue dict, jvalue key, bool *found);
jvalue jv_find(jrun *r, jvalue dict, const char *key, bool *found);
jvalue jv_index(jrun *r, jvalue v, int64_t i); /* negative: from the end; undefined: outside */
jvalue jv_slice(jrun *r, jvalue v, const jvalue *from, const jvalue *to, const jvalue *step);
jvalue jv_add(jrun *r, jvalue a, jvalue b);
jvalue jv_times(jrun *r, jvalue a, jvalue b);
jvalue jv_divide(jrun *r, jvalue a, jvalue b, int op);    /* '%', or // for anything else */
jvalue jv_calculate(jrun *r, int op, jvalue a, jvalue b); /* by the operator of a token */
bool jv_by_order(jrun *r, int op, jvalue a, jvalue b);    /* "<", "in" and the like */
jvalue jv_sort(jrun *r, jvalue list, const jvalue *keys, bool reverse); /* keys: one an item */
jtext *jv_str(jrun *r, jvalue v);                                       /* str(v); never NULL */

/* ---- texts */
jtext *jt_slice(jrun *r, const jtext *t, size_t begin, size_t end); /* bytes */
jtext *jt_concat(jrun *r, const jtext *a, const jtext *b);
/* t->n: it is not there; the last one that ends before [end] */
size_t jt_find(jrun *r, const jtext *t, const jtext *what, size_t from);
size_t jt_find_last(jrun *r, const jtext *t, const jtext *what, size_t end);
bool jt_begins(jrun *r, const jtext *t, const jtext *what);
bool jt_ends(jrun *r, const jtext *t, const jtext *what);
int64_t jt_length(jrun *r, const jtext *t);
size_t jt_skip_space(const char *s, size_t n, size_t at); /* after white space */
size_t jt_trim_end(const char *s, size_t n);              /* before white space */
jtext *jt_escape(jrun *r, const jtext *t);                /* &lt; and the like */

/* A text under construction; what fails stops the run. */
typedef struct jbuild {
  jrun *r;
  char *s;
  size_t n, room;
  jmark *marks;
  int mark_count, mark_room;
} jbuild;
void jb_put(jbuild *b, const char *s, size_t n);
void jb_string(jbuild *b, const char *s);
void jb_slice(jbuild *b, const jtext *t, size_t begin, size_t end);
void jb_add(jbuild *b, const jtext *t);
jtext *jb_text(jbuild *b);

void jb_repr(jbuild *b, jvalue v);
typedef struct jjson {
  bool ascii, sorted;
  int indent; /* -1: on one line */
  const jtext *between, *colon;
} jjson;
void jb_json(jbuild *b, jvalue v, const jjson *how, int depth);

/* ---- calls */
typedef struct jargs {
  const jvalue *at;
  const char *const *names; /* NULL: by position */
  int count;
  uint64_t used;
} jargs;
enum { JARGS_MOST = 64 };
/* The argument at a place or by name; NULL: not given. */
const jvalue *jarg(jargs *a, int place, const char *name);

typedef jvalue (*jcall_fn)(jrun *r, jvalue self, jargs *a);
typedef struct jcall {
  const char *name;
  jcall_fn run;
} jcall;
typedef struct jmethod {
  jvalue self;
  const jcall *call;
} jmethod;
const jcall *jcall_find(const jcall *list, size_t count, const char *name); /* NULL: not there */
#define FIND(list, name) jcall_find(list, sizeof(list) / sizeof *(list), name)
const jcall *jcall_filter(const char *name);
const jcall *jcall_test(const char *name);
const jcall *jcall_function(const char *name);
const jcall *jcall_method(jkind of, const char *name);
/* Calls it and refuses arguments that it did not look at. */
jvalue jcall_run(jrun *r, const jcall *c, jvalue self, jargs *a);
jvalue jv_attribute(jrun *r, jvalue v, const char *name); /* v.name */
jvalue jv_subscript(jrun *r, jvalue v, jvalue key);       /* v[key] */
jvalue jv_path(jrun *r, jvalue v, jvalue path);           /* "a.b.0", as map and sort take it */
const char *jv_name(jrun *r, const jtext *t);             /* with a NUL after it */
jvalue jv_format(jrun *r, const jtext *format, jvalue v); /* format % v */
const jtext *jarg_text(jrun *r, jargs *a, int place, const char *name); /* NULL: not one */
const jtext *jarg_need(jrun *r, jargs *a, int place, const char *name); /* or it stops */
int64_t jarg_int(jrun *r, jargs *a, int place, const char *name, int64_t fallback);
/* Shared by filters and methods. */
jvalue jt_case(jrun *r, const jtext *t, char how); /* 'u'pper, 'l'ower, 'c'apitalize */
jvalue jt_strip(jrun *r, const jtext *t, const jtext *chars, char ends); /* 'l', 'r', 'b'oth */
jvalue jt_replace(jrun *r, const jtext *t, const jtext *old, const jtext *by, int64_t most);
jvalue jt_lines(jrun *r, const jtext *t, bool keep);

#endif
