/* Questions within an example: a field that is a list of {"image", "question", "answers", "votes"},
 * as edit sets have them (docs/FORMATS.md, "Edit sets"). */
#ifndef LOCI_DATA_QUESTIONS_H
#define LOCI_DATA_QUESTIONS_H

#include "data/example.h"

typedef struct side_question {
  const char *image, *question; /* image: path as it can be opened from here, or NULL */
  const char *const *answers;
  int answer_count;
  const char *const *votes; /* what several people answered, for VQA accuracy */
  int vote_count;           /* 0, or 2 and more */
} side_question;

/* The fields that hold such lists. */
enum { SIDE_FIELDS = 7 };
extern const char *const side_fields[SIDE_FIELDS];

/* The words of an answer to a fact check, the right one and the other, spelled as the right one is;
 * false: it is neither yes nor no. */
bool side_verdict(const char *answer, const char *words[2]);

/* The list in the field of that name; none where the example does not have it.  Memory is the
 * arena's. */
loci_status side_questions(const example_source *from, const loci_example *e, const char *field,
                           arena *mem, side_question **out, int *count, loci_err *err);

#endif
