/* Gradients of a walk: d loss / d site, for losses of wanted logits.
 *
 * Legal order: walk_new_back; streams, interventions and walk_want as for any walk, and walk_grad
 * for every site asked for; walk_run; then walk_backward, once for each loss.
 *
 * Cost: of a layer, the way back takes the products of the way there, and those of the MLP's inner
 * rows once more: at most three forward passes in all, over the rows between the first position
 * asked for and the last one wanted, and the layers from the first one asked for on. */
#ifndef LOCI_WALK_GRAD_H
#define LOCI_WALK_GRAD_H

#include "walk/walk.h"

/* A walk that may have gradients, and a cache for such: on the processor, where the model's device
 * cannot go back. */
loci_status walk_new_back(const loci_model *m, walk **out, loci_err *err);
loci_status kv_cache_new_back(const loci_model *m, int capacity, kv_cache **out, loci_err *err);
/* Asks for d loss / d site of a stream at a span of positions: (count, row size), what
 * walk_backward fills in.  Any site but `pattern`, final_norm and logits.  The loss is of the
 * stream's own wanted logits; the stream's rows that the site reaches become its own, as if an
 * intervention touched them.  A replaced value cuts: the gradient is that of the value put in, and
 * nothing flows to where it came from. */
loci_status walk_grad(walk *w, int stream, loci_site site, int layer, walk_span at, float *out,
                      loci_err *err);

/* The slope of a loss at one wanted position: d loss / d logits (V), added to [slope].  [index]
 * counts the walk_want calls; rows come in order, from the calling thread. */
typedef void (*walk_slope_fn)(void *ctx, int64_t index, const float *logits, float *slope);

/* After walk_run, and for one loss after another.  The forward pass keeps three residual-sized rows
 * for each (row, layer) and every layer's keys and values; of a layer, only the MLP's inner rows
 * are computed again.  Progress is hooks' ("backward"). */
loci_status walk_backward(walk *w, walk_slope_fn slope, void *ctx, const walk_hooks *hooks,
                          loci_err *err);

#endif
