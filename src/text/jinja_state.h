/* One rendering (jinja.h), as its files share it. */
#ifndef LOCI_TEXT_JINJA_STATE_H
#define LOCI_TEXT_JINJA_STATE_H

#include "base/arena.h"
#include "text/jinja.h"
#include "text/jinja_ops.h"

enum {
  JINJA_TEMPLATE_MOST = 1 << 18, /* bytes of a template */
  JINJA_TEXT_MOST = 1 << 22,     /* bytes of a text, as the tokenizer takes it */
  JINJA_MEMORY_MOST = 1 << 27,
  JINJA_STEPS_MOST = 1 << 22,
  JINJA_BYTES_A_STEP = 16, /* that are looked at one by one */
  JINJA_REAL_STEPS = 256,  /* a real number as a text */
  JINJA_PRINT_STEPS = 8,   /* an int, or a part of a date */
  JINJA_DEPTH_MOST = 400,  /* of statements, expressions and calls within each other */
  JINJA_RANGE_MOST = 100000
};

typedef struct jvar {
  const char *name;
  jvalue v;
  struct jvar *next;
} jvar;

typedef struct jscope {
  struct jscope *parent;
  jvar *vars;
} jscope;

typedef struct jloop {
  const jlist *items;
  int64_t at;
  bool has_changed;
  jvalue changed; /* what loop.changed() had last */
} jloop;

typedef struct jmacro {
  const struct jnode *node;
  jscope *scope;
} jmacro;

struct jrun {
  const jinja *t;
  arena *mem;
  char *chunk;
  size_t left, bytes, steps;
  int depth, line;
  jinja_day day;
  bool asked_day;
  loci_status st;
  loci_err *err, kept; /* err: of jinja_render, NULL before */
  jscope *scope, given;
  jbuild out;
  jvalue block; /* the text that a filter without a value before it takes */
  enum { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } flow;
};

jvalue jrun_call(jrun *r, jvalue callee, jargs *a);

#endif
