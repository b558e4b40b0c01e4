/* The vision tower and the projector: pixels to the rows that stand in for <image>. */
#ifndef LOCI_MODEL_VISION_H
#define LOCI_MODEL_VISION_H

#include "model/arith.h"

/* Values per row of vision features before the projector (features of several layers are joined).
 */
int vision_feature_width(const model_config *c);

/* pixels (3, image_size, image_size) -> features (P, feature width) and projected (P, D); either
 * may be NULL. One generic ViT block serves both towers.  [w], or NULL, is told of every layer. */
loci_status vision_forward(arith *a, const checkpoint *c, const watch *w, const float *pixels,
                           float *features, float *projected, loci_err *err);

#endif
