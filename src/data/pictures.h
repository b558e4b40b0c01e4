/* Pictures of a data set, found in a folder by the names its table has: as they stand, without
 * their folders, with an ending they lack; then by any file below the folder whose name is the same
 * but for case, blanks and punctuation. */
#ifndef LOCI_DATA_PICTURES_H
#define LOCI_DATA_PICTURES_H

#include "base/arena.h"
#include "base/status.h"

typedef struct pictures pictures;

/* [out]: the file of examples the paths are for; they are relative to its folder where [folder] is
 * in it, else absolute. */
loci_status pictures_open(const char *folder, const char *out, pictures **p, loci_err *err);
void pictures_close(pictures *p);

/* The path of the picture with that name, in the arena; *there: it exists.  One that does not is
 * given the path where it would be found. */
loci_status pictures_find(pictures *p, const char *name, arena *mem, const char **path, bool *there,
                          loci_err *err);

/* The name in a table's cell, in the arena: without blanks at its ends; of a list of one, or of
 * what Hugging Face's data sets print, {'bytes': None, 'path': 'a.png'}, the name alone. */
loci_status pictures_cell(const char *text, arena *mem, const char **out, loci_err *err);

#endif
