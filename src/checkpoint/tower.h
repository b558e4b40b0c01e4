/* "mm_vision_tower" of the original LLaVA and Bunny: a hub name, a directory below the
 * checkpoint's, or a path on the machine that saved the checkpoint, of which the name alone is
 * used. */
#ifndef LOCI_CHECKPOINT_TOWER_H
#define LOCI_CHECKPOINT_TOWER_H

#include "base/arena.h"
#include "base/status.h"

typedef struct tower_ref {
  const char *dir;  /* the tower's directory: inside the checkpoint's, or, for a name of the hub, in
                       the local Hugging Face cache; or NULL */
  const char *name; /* what to look for among the known towers; for a path that leads out of the
                       checkpoint, its last part that names one */
} tower_ref;

/* Never looks at a path outside [dir] but in that cache.  [dir] may be NULL; strings live in [a] or
 * are [value]'s. */
loci_status tower_resolve(arena *a, const char *dir, const char *value, tower_ref *out,
                          loci_err *err);

#endif
