/* A GGUF file as a checkpoint: its configuration, its tensors' places, the other files of a split
 * and the projector's own.  Private to src/checkpoint. */
#ifndef LOCI_CHECKPOINT_GGUF_CONFIG_H
#define LOCI_CHECKPOINT_GGUF_CONFIG_H

#include "checkpoint/files.h"
#include "checkpoint/gguf.h"

/* What the metadata say, through the same checks as a config.json: they are put as one.  [eyes]:
 * the file of --mmproj, or NULL. */
loci_status gguf_config(const gguf *g, const gguf *eyes, arena *a, model_config *out,
                        loci_err *err);

/* Opens the files of [path]: itself, or all of a split of which it is the first, and with [eyes]
 * that one.  The model's and the projector's metadata come in *main, *sees (NULL: none), valid
 * until the shards' tensors are taken over by gguf_files_add; all memory is [files]' own. */
typedef struct gguf_set {
  gguf *main, *eyes;
  gguf **parts; /* of the split, main among them, then eyes */
  int n;
} gguf_set;
loci_status gguf_files_open(checkpoint_files *files, const char *path, const char *eyes,
                            gguf_set *out, loci_err *err);
/* Adds the tensors of all under their canonical names and sorts them.  Metadata are not read
 * any more afterwards. */
loci_status gguf_files_add(checkpoint_files *files, gguf_set *set, const model_config *config,
                           loci_err *err);

#endif
