/* Questions as benchmarks ask them: free, or with options to choose from, in MMMU's fields or in
 * loci's own (docs/FORMATS.md, "Question sets"). */
#ifndef LOCI_DATA_CHOICE_H
#define LOCI_DATA_CHOICE_H

#include "data/example.h"

enum { CHOICE_MOST = 26 }; /* options: they have letters */

typedef struct choice {
  const char *image;    /* path as it can be opened from here; NULL: none */
  const char *question; /* without its marks <image 1> */
  int option_count;     /* 0: a free question */
  const char *const *options;
  int correct; /* the option that is right; -1: a free question */
  int answer_count;
  const char *const *answers; /* accepted; of a question with options: the right one */
} choice;

/* What cannot be asked is LOCI_EUNSUPPORTED (several pictures, pictures as options) or
 * LOCI_EFORMAT. Without an accepted answer answer_count is 0.  Memory is the arena's. */
loci_status choice_read(const loci_examples *file, const loci_example *e, arena *mem, choice *out,
                        loci_err *err);

/* Whether the example has options to choose from and the answer among them. */
bool choice_is_one(const loci_example *e);
/* A list of strings as JSON or as Python prints it: ["a", "b"], ['a', "b's"], ('a', None), or an
 * object of letters, {"A": "a", "B": "b"}.  What is None or null is left out. */
loci_status choice_list(const char *text, arena *mem, const char *const **out, int *count,
                        loci_err *err);

#endif
