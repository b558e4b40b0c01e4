/* Reading a template's tokens as a tree (jinja_syntax.h): what the two halves of the parser share.
 *
 * The first error stays in the parser and every token after it reads as the end, so that no step
 * needs to ask whether the last one went well. */
#ifndef LOCI_TEXT_JINJA_PARSER_H
#define LOCI_TEXT_JINJA_PARSER_H

#include "text/jinja_syntax.h"

enum {
  NEST_MOST = 100, /* brackets, blocks and unary signs within each other */
  NAME_MOST = 200  /* bytes: names are compared without a charge */
};

typedef struct parser {
  jinja *t;
  const jtokens *tokens;
  size_t at;
  int depth, loops;
  int named; /* which of the JM_ the macro speaks of */
  loci_status st;
  loci_err *err;
  jnode spare; /* what is filled in when memory is out */
} parser;

const jtoken *jp_peek(const parser *p);
void jp_step(parser *p);
bool jp_is_op(const parser *p, int op);
bool jp_take_op(parser *p, int op);
void jp_need(parser *p, jtoken_kind kind, const char *what);
void jp_need_op(parser *p, int op, const char *what);
bool jp_token_is(const jtoken *t, const char *name);
bool jp_is_name(const parser *p, const char *name);
bool jp_take_name(parser *p, const char *name);
const char *jp_need_name(parser *p, const char *what);
void jp_stop(parser *p, loci_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void jp_unexpected(parser *p, const char *expected);
/* Never NULL; after an error one that nobody looks at. */
jnode *jp_node(parser *p, jnode_kind kind);
void jp_set_text(jnode *n, const char *s, size_t size);
void jp_append(jnode ***tail, jnode *n);
/* Every way back to itself of the grammar goes through here; p->depth-- ends it. */
bool jp_enter(parser *p);

/* jinja_expression.c; [choice]: may be a if b else c */
jnode *jp_expression(parser *p, bool choice);
jnode *jp_tuple(parser *p, bool choice); /* a, b, c without brackets around */
jnode *jp_filter(parser *p, jnode *of);  /* name(arguments) */

#endif
