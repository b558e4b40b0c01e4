/* The local Hugging Face cache: where it is, and what it has under a name.  Nothing is fetched. */
#ifndef LOCI_CHECKPOINT_HUB_H
#define LOCI_CHECKPOINT_HUB_H

#include <stdbool.h>

#include "loci.h"

/* The directory that holds models--org--name; false: there is no telling. */
bool hub_directory(char out[LOCI_PATH_SIZE]);
/* The snapshot of "org/name" (or "name") there: that of refs/main, else the newest. */
bool hub_find(const char *name, char out[LOCI_PATH_SIZE]);

#endif
