/* What views of tests of edits share: their numbers by name, and how these are called. */
#ifndef LOCI_SHOW_VIEW_EDITS_H
#define LOCI_SHOW_VIEW_EDITS_H

#include "show/view_parts.h"

/* A number of a test. */
typedef struct edit_number {
  const char *group;  /* "efficacy"; NULL: a measure of examples as a whole */
  const char *metric; /* NULL: the group's first one; of a measure its name; "score" */
  const char *brief;  /* by a table's narrow column */
  const char *broken; /* below a bar */
} edit_number;

/* The first measures of what should change, and of each cell of the locality grid; what is said of
 * examples as a whole.  NULL ends a list. */
extern const edit_number edits_changed[], edits_stayed[], edits_whole[];

/* NaN where the test does not have it. */
loci_interval edit_after(const loci_edit_test *t, const edit_number *x);
loci_interval edit_before(const loci_edit_test *t, const edit_number *x);
/* In a sentence; "" of a group nobody knows. */
const char *edit_group_title(const char *group);
const char *edit_group_meaning(const char *group);

/* A row for each name: its test's numbers of the list, which a narrow terminal cuts short; the last
 * number is kept.  Nothing where no test has one of them. */
void edit_table(views *v, const char *title, const char *const *names,
                const loci_edit_test *const *tests, int count, const edit_number *list);
/* Bars of those numbers that any test has; [before]: of one test, before and after beside each
 * other.  [legend]: names of the series below. */
typedef struct edit_bars {
  const char *unit;
  const edit_number *list;
  bool before, legend;
} edit_bars;
void edit_draw_bars(views *v, const edit_bars *b, const char *const *names,
                    const loci_edit_test *const *tests, int count);
/* What the shares are and what [lines] show. */
void edit_say_shares(views *v, const char *lines, bool whole);

#endif
