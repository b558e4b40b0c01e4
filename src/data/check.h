/* One example, looked over and repaired: what refuses it, what would spoil its trace, what a person
 * should see (lint_rules.def).
 *
 * check.c    the way of one example
 * repair.c   what is repaired, in the parsed line, before it is read as an example
 * lint.c     a file of examples          import.c   rows of a table on their way to one */
#ifndef LOCI_DATA_CHECK_H
#define LOCI_DATA_CHECK_H

#include "data/example.h"
#include "data/report.h"
#include "data/key_set.h"

typedef struct checker {
  report *found;
  key_set *before;                /* examples, ids and pictures met so far */
  const loci_model *model;        /* NULL: tokens are not looked at */
  int max_answer;                 /* tokens of an answer */
  bool no_images;                 /* pictures are not opened */
  bool raw;                       /* constraints stay as they are */
  bool unconstrained, unanswered; /* constraints, answers are not expected */
} checker;

/* Findings go to the report; [line] is repaired in place (*changed) as far as that is unambiguous.
 * *keep: it is an example, and not the double of another. */
loci_status check_example(const checker *c, js_value *line, const example_source *from, bool *keep,
                          bool *changed, loci_err *err);

/* What looking at one line needs. */
typedef struct check_job {
  const checker *c;
  const example_source *from;
  js_value *line;
  arena *mem;
  char id[64]; /* "" : none */
  bool changed;
  loci_err *err;
} check_job;

/* A finding about [field]; [fixed]: what stands there now, or NULL. */
#define NOTE(j, kind, in, fixed, ...)                                                              \
  report_add((j)->c->found, LINT_##kind,                                                           \
             &(place){(j)->from->line, (j)->id[0] ? (j)->id : NULL, (in), (fixed)}, (j)->err,      \
             __VA_ARGS__)

loci_status repair_line(check_job *j);
/* How many pieces of a question are looked for in it: what takes well under a second, which is all
 * of them in a line that a person wrote. */
int64_t check_most(const char *question);

#endif
