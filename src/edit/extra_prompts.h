/* What an example of an edit set offers beside its question to solve its edit with: other wordings,
 * other pictures of the entity, and questions to keep.  Private to src/edit. */
#ifndef LOCI_EDIT_AROUND_H
#define LOCI_EDIT_AROUND_H

#include "data/example.h"
#include "edit/edit.h"

typedef struct extra_prompts {
  loci_prompt **more, **kept;
  int more_count, kept_count;
} extra_prompts;

/* Wordings that have the constraint, up to prompts - 1; then renderings, up to as many; and the
 * list in the field "keep", asked with the example's constraint.  extra_prompts_clear after a
 * failure, too. */
loci_status extra_prompts_open(const loci_model *m, const loci_example *e,
                               const example_source *from, const loci_edit_test_opts *opts,
                               extra_prompts *out, loci_err *err);
void extra_prompts_clear(extra_prompts *a);
/* Whether the edit was solved with this very question: then it tests nothing. */
bool extra_prompts_has(const extra_prompts *a, const char *image, const char *question);

#endif
