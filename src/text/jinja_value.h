/* Values of a template (jinja.h), as Python has them.
 *
 * A text knows which of its bytes came from where: marks go along through +, slices, strip, split,
 * replace and join.  An error is kept in the run, the first one only; what comes after it works on
 * undefined values and ends soon. */
#ifndef LOCI_TEXT_JINJA_VALUE_H
#define LOCI_TEXT_JINJA_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct jrun jrun;

/* text[begin, end) is source[from, from + end - begin) */
typedef struct jmark {
  size_t begin, end, from;
  int source;
} jmark;

typedef struct jtext {
  const char *s; /* UTF-8 */
  size_t n;
  int64_t length; /* characters; -1: not counted yet */
  const jmark *marks;
  int mark_count;
  struct jgrow *grow; /* room after s, for the next + */
} jtext;

typedef enum jkind {
  JK_UNDEFINED,
  JK_NONE,
  JK_BOOL,
  JK_INT,
  JK_REAL,
  JK_TEXT,
  JK_LIST,
  JK_TUPLE,
  JK_RANGE,
  JK_VIEW,   /* keys(), values(), items() of a dict: no members */
  JK_STREAM, /* what map, select and their like give: no length, gone through once, always true */
  JK_DICT,
  JK_SPACE, /* namespace() */
  JK_LOOP,
  JK_MACRO,
  JK_FUNCTION,
  JK_METHOD
} jkind;

typedef struct jvalue {
  jkind kind;
  bool safe; /* a text marked as HTML: what is added to it is escaped */
  union {
    bool b;
    int64_t i;
    double x;
    jtext *text;
    struct jlist *list;
    struct jdict *dict;
    struct jloop *loop;
    struct jmacro *macro;
    struct jmethod *method;
    const struct jcall *call;
    const char *name; /* of what is undefined, or NULL */
  };
} jvalue;

typedef struct jlist {
  jvalue *at;
  int64_t count, room;
} jlist;

typedef struct jdict { /* in order of insertion */
  jvalue *keys, *at;
  int64_t count, room;
} jdict;

/* The run's memory; NULL once it has failed.  Charges steps, and refuses beyond the limits. */
void *jrun_alloc(jrun *r, size_t count, size_t size);
bool jrun_step(jrun *r, size_t cost); /* false: stop */
bool jrun_failed(const jrun *r);
bool jrun_deeper(jrun *r); /* false: too deep; else jrun_back must follow */
void jrun_back(jrun *r);
/* Keeps the first error, with the line that is run; gives undefined. */
jvalue jrun_stop(jrun *r, loci_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline jvalue jv_none(void) { return (jvalue){.kind = JK_NONE}; }
static inline jvalue jv_bool(bool b) { return (jvalue){.kind = JK_BOOL, .b = b}; }
static inline jvalue jv_int(int64_t i) { return (jvalue){.kind = JK_INT, .i = i}; }
static inline jvalue jv_real(double x) { return (jvalue){.kind = JK_REAL, .x = x}; }
static inline jvalue jv_undefined(const char *name) { return (jvalue){.name = name}; }
static inline bool jv_is_list(jvalue v) { return v.kind == JK_LIST || v.kind == JK_TUPLE; }
static inline bool jv_has_members(jvalue v) { return jv_is_list(v) || v.kind == JK_RANGE; }
static inline bool jv_has_items(jvalue v) { return v.kind >= JK_LIST && v.kind <= JK_STREAM; }
jvalue jv_text(jrun *r, const char *s, size_t n); /* the bytes are borrowed */
jvalue jv_string(jrun *r, const char *s);
/* All of it comes from [source] (above 0). */
jvalue jv_marked(jrun *r, const char *s, size_t n, int source);
jvalue jv_of_text(jtext *t);
jvalue jv_join(jrun *r, jvalue a, jvalue b); /* two texts, one after the other */
jvalue jv_list(jrun *r, jkind kind);         /* of any kind that has items */
void jv_push(jrun *r, jvalue list, jvalue item);
jvalue jv_dict(jrun *r, jkind kind);
void jv_put(jrun *r, jvalue dict, jvalue key, jvalue v);
void jv_set(jrun *r, jvalue dict, const char *key, jvalue v);

#endif
