/* What writes each kind of result; kinds.c has the table of them. */
#ifndef LOCI_SHOW_FORMATS_H
#define LOCI_SHOW_FORMATS_H

#include "show/bytes.h"

/* [result] is of the function's own kind. */
typedef loci_status json_fn(const void *result, char **out, loci_err *err);
/* Appends to *out and remembers a failed allocation there. */
typedef void csv_fn(const void *result, bytes *out);
typedef loci_status arrays_fn(const void *result, const char *path, loci_err *err);

json_fn info_json, prompt_json, text_tokens_json, answer_json, trace_json, knockout_json, flow_json,
    lens_json, bench_json, scale_json, edit_cost_json, example_json, prediction_json, score_json,
    average_json, covariance_json, edit_json, edit_saved_json, edit_test_json, edit_tests_json,
    edit_curve_json, data_report_json, store_info_json, comparison_json;
csv_fn trace_csv, knockout_csv, lens_csv, flow_csv, average_csv, prediction_csv, score_csv,
    edit_test_csv, edit_tests_csv, edit_curve_csv, comparison_csv;
arrays_fn trace_arrays, flow_arrays, image_write;

/* A field; quoted if it holds a comma, a quote, a line break or a blank at an end. */
void csv_text(bytes *out, const char *s);
/* A comma, and the number behind it; nothing for an empty value. */
void csv_number(bytes *out, double x);

/* The picture as the model sees it, in 8-bit RGB (input_height, input_width, 3). */
void image_bytes(const loci_image *image, uint8_t *out);

#endif
