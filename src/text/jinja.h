/* Chat templates: the part of the Jinja language that they use, run as transformers runs them
 * (jinja2's ImmutableSandboxedEnvironment with trim_blocks, lstrip_blocks, loop controls).
 *
 *   jinja_lexer.c    text -> tokens          jinja_run.c      statements and expressions
 *   jinja_parse.c   tokens -> a tree        jinja_calls.c    methods, functions, tests
 *   jinja_value.c   values                  jinja_filters.c  filters
 *
 * Both template and what it is given are hostile: depth, steps and memory have limits, and what a
 * template asks for beyond the language here is refused by name with its line. */
#ifndef LOCI_TEXT_JINJA_H
#define LOCI_TEXT_JINJA_H

#include "base/json.h"
#include "text/jinja_value.h"

typedef struct jinja jinja; /* a template, read */

/* [name] is what sentences call it; it and [text] are copied.  Free with jinja_free. */
loci_status jinja_parse(const char *text, size_t n, const char *name, jinja **out, loci_err *err);
void jinja_free(jinja *t);

typedef struct jinja_day {
  int year, month, day;
} jinja_day;

/* One rendering: begin, give it its variables, render, read the text, end.  Values are made with
 * jinja_value.h and belong to the run; what could not be made is said by jinja_render. */
loci_status jinja_begin(const jinja *t, jinja_day day, jrun **out, loci_err *err);
void jinja_give(jrun *r, const char *name, jvalue v); /* the name is borrowed */
/* *out lives until jinja_end; it has a NUL after it, and none within. */
loci_status jinja_render(jrun *r, const jtext **out, loci_err *err);
bool jinja_asked_day(const jrun *r); /* the text depends on the day */
void jinja_end(jrun *r);

#endif
