/* Reading weights ahead: while a layer is computed, a thread of the reader's own reads the next one
 * from the disk into the map, so that time is the larger of the two and not their sum; advice to
 * the kernel alone would let it decide, and reading would begin when the pages are touched.
 *
 * A reader belongs to one walk.  Legal order: reader_wait for the layer that comes now, then
 * reader_ask for the next one, and so on. */
#ifndef LOCI_CHECKPOINT_READER_H
#define LOCI_CHECKPOINT_READER_H

#include "checkpoint/weights.h"

typedef struct reader reader;

/* Weights in memory, or a system without another thread: *out is a reader that does nothing. */
loci_status reader_new(const checkpoint *c, reader **out, loci_err *err);
void reader_free(reader *r);

/* Begins to read a decoder layer. */
void reader_ask(reader *r, int layer);
/* Waits until the layer is in the map; asks for it if nobody has. */
void reader_wait(reader *r, int layer);

/* The pages of a decoder layer, or of the vision tower, are not needed for now: the process gives
 * them up, the kernel may keep them as long as it has room. */
void checkpoint_release_layer(const checkpoint *c, int layer);
void checkpoint_release_vision(const checkpoint *c);

#endif
