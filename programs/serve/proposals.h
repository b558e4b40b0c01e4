/* Constraints that a question may have, by its grammar (loci data annotate), without a model. */
#ifndef LOCI_SERVE_PROPOSALS_H
#define LOCI_SERVE_PROPOSALS_H

#include <stddef.h>

/* {"question", "constraints": [{"text", "kind"}]}, a line; NULL: none.  Caller frees it. */
char *proposals_for(const char *question, size_t *size);

#endif
