/* From what the user calls a model to its directory. */
#ifndef LOCI_PROGRAMS_MODEL_PATH_H
#define LOCI_PROGRAMS_MODEL_PATH_H

#include <loci.h>

enum { PATH_SIZE = 4096 };

/* [name] is a directory, a name in one of the directories of LOCI_MODELS, or "org/name" in the
 * local Hugging Face cache, in this order.  Nothing is ever downloaded. */
loci_status model_path_find(const char *name, char out[PATH_SIZE], loci_err *err);

#endif
