/* The vision tower and the projector: pixels to the rows that stand in for <image>. */
#ifndef LOCI_MODEL_VISION_H
#define LOCI_MODEL_VISION_H

#include "model/compute.h"
#include "model/image_layout.h"
#include "model/input.h"

/* Values per row of vision features before the projector (features of several layers are joined).
 */
int vision_feature_width(const model_config *c);

/* Rows of the tower's features of a picture, all views together. */
int64_t vision_feature_rows(const model_config *c, const image_shape *s);
/* The patches as transformers hands them to a tower that takes every size (pixel_values): (patches,
 * values of a patch), those that are merged one after the other. */
void vision_patches(const vision_config *v, const seen_picture *p, float *out);

/* A picture -> features (feature rows, feature width) and projected (image rows, input_width);
 * either may be NULL.  One generic ViT block serves all towers.  [w], or NULL, is told of every
 * layer. */
loci_status vision_forward(compute *a, const checkpoint *c, const watch *w, const seen_picture *p,
                           float *features, float *projected, loci_err *err);

#endif
