/* Paths as texts: joined, and their ends looked at. */
#ifndef LOCI_BASE_PATH_H
#define LOCI_BASE_PATH_H

#include <stdbool.h>

#include "base/arena.h"

/* "dir/name" in the arena, or "name" when dir is ""; NULL if out of memory. */
char *path_join(arena *a, const char *dir, const char *name);
/* The part after the last '/'. */
const char *path_base(const char *path);
/* Whether the path ends in [ending] (".json"), ASCII case ignored. */
bool path_ends_with(const char *path, const char *ending);

#endif
