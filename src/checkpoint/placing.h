/* Tensors under their canonical names, put into their places in a checkpoint with their shapes
 * checked against the configuration; what is missing, or not used where it would matter, is
 * refused. */
#ifndef LOCI_CHECKPOINT_PLACING_H
#define LOCI_CHECKPOINT_PLACING_H

#include "checkpoint/files.h"
#include "checkpoint/weights.h"

/* The decoder's. */
loci_status place_text_weights(checkpoint *c, loci_err *err);
/* The tower's and the projector's. */
loci_status place_vision_weights(checkpoint *c, loci_err *err);
/* After all that is run has its place: notes what was not read, or refuses it. */
loci_status check_unread(checkpoint *c, loci_err *err);

#endif
