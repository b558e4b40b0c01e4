/* The file formats of results that are not JSON; loci_trace_write and its like pick one by the
 * path's ending. */
#ifndef LOCI_SHOW_FORMATS_H
#define LOCI_SHOW_FORMATS_H

#include "show/bytes.h"

/* These append to *out and remember a failed allocation there. */
void trace_csv(const loci_trace *trace, bytes *out);
void knockout_csv(const loci_knockout *k, bytes *out);
void lens_csv(const loci_lens *l, bytes *out);
void flow_csv(const loci_flow *flow, bytes *out);
void average_csv(const loci_average *a, bytes *out);
void prediction_csv(const loci_prediction *p, bytes *out);
/* A field; quoted if it holds a comma, a quote, a line break or a blank at an end. */
void csv_text(bytes *out, const char *s);
/* A comma, and the number behind it; nothing for an empty value. */
void csv_number(bytes *out, double x);
void score_csv(const loci_score *s, bytes *out);
void edit_test_csv(const loci_edit_test *t, bytes *out);
void edit_tests_csv(const loci_edit_tests *c, bytes *out);
void edit_curve_csv(const loci_edit_curve *c, bytes *out);

/* Arrays of every grid, named "denoise.mlp_out.w1.p", for groups "denoise.mlp_out.w1.groups.p":
 * p, logp, logit_diff, kl, ie, restoration (F64) and skipped (U8), (layers, columns[, heads]);
 * layers and positions (I64).  tokens.ids and tokens.bytes describe the prompt. */
/* Into .npz or .safetensors. */
loci_status trace_write_arrays(const loci_trace *trace, const char *path, loci_err *err);

/* One run per pathway, with all layers cut. */
bool knockout_cuts_all(const loci_knockout *k);
/* Knockouts have no restoration. */
loci_status knockout_metric_error(loci_err *err);
/* contribution, attention, ... as docs/FORMATS.md lists them, into .npz or .safetensors. */
loci_status flow_write_arrays(const loci_flow *flow, const char *path, loci_err *err);

/* The picture as the model sees it, in 8-bit RGB (input_height, input_width, 3). */
void image_bytes(const loci_image *image, uint8_t *out);

#endif
