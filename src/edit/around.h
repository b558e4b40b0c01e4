/* What an example of an edit set offers beside its question to solve its edit with: other wordings,
 * other pictures of the entity, and questions to keep.  Private to src/edit. */
#ifndef LOCI_EDIT_AROUND_H
#define LOCI_EDIT_AROUND_H

#include "data/example.h"
#include "edit/edit.h"

typedef struct around {
  loci_prompt **more, **kept;
  int more_count, kept_count;
} around;

/* Wordings that have the constraint, up to prompts - 1; then renderings, up to as many; and the
 * list in the field "keep", asked with the example's constraint.  around_clear after a failure,
 * too. */
loci_status around_open(const loci_model *m, const loci_example *e, const example_source *from,
                        const loci_edit_test_opts *opts, around *out, loci_err *err);
void around_clear(around *a);
/* Whether the edit was solved with this very question: then it tests nothing. */
bool around_has(const around *a, const char *image, const char *question);

#endif
