/* How much memory a walk takes, known before it starts. */
#ifndef LOCI_WALK_SIZES_H
#define LOCI_WALK_SIZES_H

#include "model/model.h"

/* Numbers in a row of a site, per position. */
int64_t site_width(const loci_model *m, loci_site site);

/* Bytes that one live row and one stream take, and bytes a walk takes whatever its rows. */
int64_t walk_row_bytes(const loci_model *m);
int64_t walk_stream_bytes(const loci_model *m);
int64_t walk_fixed_bytes(const loci_model *m, int length);

/* What gradients take beside that, if they go back to layer 0: for each row that they pass, for
 * each live row, whose keys and values of every layer are kept, and whatever the rows. */
int64_t walk_grad_row_bytes(const loci_model *m);
int64_t walk_kept_row_bytes(const loci_model *m);
int64_t walk_grad_fixed_bytes(const loci_model *m, int length);

#endif
