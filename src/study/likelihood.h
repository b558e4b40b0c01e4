/* How likely a prompt is continued by each of several answers.  Private to src/study. */
#ifndef LOCI_STUDY_LIKELIHOOD_H
#define LOCI_STUDY_LIKELIHOOD_H

#include "model/prompt.h"

/* logp (n): log p of each whole answer, teacher forced; one that cannot stand after the prompt is
 * LOCI_EINVAL.  Costs one run of the prompt, and one of the tokens of each answer but its last. */
loci_status likelihood_of(const loci_prompt *p, const char *const *answers, int n, double *logp,
                          loci_progress_fn progress, void *ctx, loci_err *err);

#endif
