/* Results into files, by the path's ending. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "show/formats.h"
#include "show/plot.h"

/* A JSON text, freed here. */
static loci_status write_text(char *text, const char *path, loci_err *err) {
  bytes file = {0};
  bytes_text(&file, text);
  bytes_text(&file, "\n");
  free(text);
  return bytes_write(&file, path, err);
}

/* ---------------------------------------------------------------- pictures */

typedef struct picture {
  plot_fn *plot;
  const void *result;
  loci_metric metric;
  const char *title; /* of a page for a browser */
} picture;

static loci_status draw(const picture *p, const char *path, bytes *out, loci_err *err) {
  bytes svg = {0};
  if (path_ends_with(path, ".png")) return p->plot(p->result, p->metric, CANVAS_PNG, out, err);
  if (path_ends_with(path, ".pdf")) return p->plot(p->result, p->metric, CANVAS_PDF, out, err);
  if (path_ends_with(path, ".svg")) return p->plot(p->result, p->metric, CANVAS_SVG, out, err);
  loci_status st = p->plot(p->result, p->metric, CANVAS_SVG, &svg, err);
  if (!st) return plot_html(p->title, &svg, out, err);
  bytes_clear(&svg);
  return st;
}

static bool is_picture(const char *path) {
  return path_ends_with(path, ".png") || path_ends_with(path, ".svg") ||
         path_ends_with(path, ".pdf") || path_ends_with(path, ".html");
}

static bool is_arrays(const char *path) {
  return path_ends_with(path, ".safetensors") || path_ends_with(path, ".npz");
}

static loci_status write_picture(const picture *p, const char *path, loci_err *err) {
  bytes file = {0};
  loci_status st = draw(p, path, &file, err);
  if (!st) return bytes_write(&file, path, err);
  bytes_clear(&file);
  return st;
}

/* ---------------------------------------------------------------- results */

loci_status loci_trace_write(const loci_trace *trace, const char *path, const loci_draw_opts *opts,
                             loci_err *err) {
  picture p = {plot_trace, trace, opts ? opts->metric : LOCI_METRIC_P, "causal trace"};
  char *text = NULL;
  if (is_picture(path)) return write_picture(&p, path, err);
  if (path_ends_with(path, ".json")) {
    TRY(loci_trace_json(trace, &text, err));
    return write_text(text, path, err);
  }
  if (path_ends_with(path, ".csv")) {
    bytes file = {0};
    trace_csv(trace, &file);
    return bytes_write(&file, path, err);
  }
  if (is_arrays(path)) return trace_write_arrays(trace, path, err);
  return fail(err, LOCI_EINVAL,
              "%s: a trace is written as .json, .csv, .safetensors, .npz, .png, .svg, .pdf or "
              ".html",
              path);
}

bool knockout_cuts_all(const loci_knockout *k) {
  const loci_pathway *x = &k->pathways[0]; /* all have the same window and centres */
  int begin = x->layers[0] - x->window / 2, end = x->layers[0] + (x->window + 1) / 2;
  return x->layer_count == 1 && begin <= 0 && end >= k->model->layers;
}

loci_status knockout_metric_error(loci_err *err) {
  return fail(err, LOCI_EINVAL, "a knockout shows p, logp, logit_diff or kl, not restoration");
}

loci_status loci_knockout_write(const loci_knockout *k, const char *path,
                                const loci_draw_opts *opts, loci_err *err) {
  picture p = {plot_knockout, k, opts ? opts->metric : LOCI_METRIC_P, "attention knockout"};
  char *text = NULL;
  bytes file = {0};
  if (p.metric == LOCI_METRIC_RESTORATION) return knockout_metric_error(err);
  if (is_picture(path)) return write_picture(&p, path, err);
  if (path_ends_with(path, ".json")) {
    TRY(loci_knockout_json(k, &text, err));
    return write_text(text, path, err);
  }
  if (path_ends_with(path, ".csv")) {
    knockout_csv(k, &file);
    return bytes_write(&file, path, err);
  }
  return fail(err, LOCI_EINVAL,
              "%s: a knockout is written as .json, .csv, .png, .svg, .pdf or .html", path);
}

loci_status loci_lens_write(const loci_lens *l, const char *path, const loci_draw_opts *opts,
                            loci_err *err) {
  picture p = {plot_lens, l, opts ? opts->metric : LOCI_METRIC_P, "logit lens"};
  char *text = NULL;
  bytes file = {0};
  if (is_picture(path)) return write_picture(&p, path, err);
  if (path_ends_with(path, ".json")) {
    TRY(loci_lens_json(l, &text, err));
    return write_text(text, path, err);
  }
  if (path_ends_with(path, ".csv")) {
    lens_csv(l, &file);
    return bytes_write(&file, path, err);
  }
  return fail(err, LOCI_EINVAL, "%s: a lens is written as .json, .csv, .png, .svg, .pdf or .html",
              path);
}

loci_status loci_flow_write(const loci_flow *flow, const char *path, const loci_draw_opts *opts,
                            loci_err *err) {
  picture p = {plot_flow, flow, LOCI_METRIC_P, "attention contributions"};
  char *text = NULL;
  bytes file = {0};
  (void)opts;
  if (is_picture(path)) return write_picture(&p, path, err);
  if (path_ends_with(path, ".json")) {
    TRY(loci_flow_json(flow, &text, err));
    return write_text(text, path, err);
  }
  if (path_ends_with(path, ".csv")) {
    flow_csv(flow, &file);
    return bytes_write(&file, path, err);
  }
  if (is_arrays(path)) return flow_write_arrays(flow, path, err);
  return fail(err, LOCI_EINVAL,
              "%s: a flow is written as .json, .csv, .safetensors, .npz, .png, .svg, .pdf or "
              ".html",
              path);
}

loci_status loci_prediction_write(const loci_prediction *x, const char *path, loci_err *err) {
  picture p = {plot_prediction, x, LOCI_METRIC_P, "failure prediction"};
  char *text = NULL;
  bytes file = {0};
  if (is_picture(path)) return write_picture(&p, path, err);
  if (path_ends_with(path, ".json")) {
    TRY(loci_prediction_json(x, &text, err));
    return write_text(text, path, err);
  }
  if (path_ends_with(path, ".csv")) {
    prediction_csv(x, &file);
    return bytes_write(&file, path, err);
  }
  return fail(err, LOCI_EINVAL,
              "%s: a prediction is written as .json, .csv, .png, .svg, .pdf or .html", path);
}

loci_status loci_score_write(const loci_score *x, const char *path, loci_err *err) {
  picture p = {plot_score, x, LOCI_METRIC_P, "accuracy"};
  char *text = NULL;
  bytes file = {0};
  if (is_picture(path)) return write_picture(&p, path, err);
  if (path_ends_with(path, ".json")) {
    TRY(loci_score_json(x, &text, err));
    return write_text(text, path, err);
  }
  if (path_ends_with(path, ".csv")) {
    score_csv(x, &file);
    return bytes_write(&file, path, err);
  }
  return fail(err, LOCI_EINVAL, "%s: a score is written as .json, .csv, .png, .svg, .pdf or .html",
              path);
}

loci_status loci_edit_test_write(const loci_edit_test *x, const char *path, loci_err *err) {
  picture p = {plot_edit_test, x, LOCI_METRIC_P, "what edits do"};
  char *text = NULL;
  bytes file = {0};
  if (is_picture(path)) return write_picture(&p, path, err);
  if (path_ends_with(path, ".json")) {
    TRY(loci_edit_test_json(x, &text, err));
    return write_text(text, path, err);
  }
  if (path_ends_with(path, ".csv")) {
    edit_test_csv(x, &file);
    return bytes_write(&file, path, err);
  }
  return fail(err, LOCI_EINVAL,
              "%s: a test of edits is written as .json, .csv, .png, .svg, .pdf or .html", path);
}

loci_status loci_edit_tests_write(const loci_edit_tests *x, const char *path, loci_err *err) {
  picture p = {plot_edit_tests, x, LOCI_METRIC_P, "what edits do"};
  char *text = NULL;
  bytes file = {0};
  if (is_picture(path)) return write_picture(&p, path, err);
  if (path_ends_with(path, ".json")) {
    TRY(loci_edit_tests_json(x, &text, err));
    return write_text(text, path, err);
  }
  if (path_ends_with(path, ".csv")) {
    edit_tests_csv(x, &file);
    return bytes_write(&file, path, err);
  }
  return fail(err, LOCI_EINVAL,
              "%s: tests of edits are written as .json, .csv, .png, .svg, .pdf or .html", path);
}

loci_status loci_edit_curve_write(const loci_edit_curve *x, const char *path, loci_err *err) {
  picture p = {plot_edit_curve, x, LOCI_METRIC_P, "edits over a setting"};
  char *text = NULL;
  bytes file = {0};
  if (is_picture(path)) return write_picture(&p, path, err);
  if (path_ends_with(path, ".json")) {
    TRY(loci_edit_curve_json(x, &text, err));
    return write_text(text, path, err);
  }
  if (path_ends_with(path, ".csv")) {
    edit_curve_csv(x, &file);
    return bytes_write(&file, path, err);
  }
  return fail(err, LOCI_EINVAL,
              "%s: a curve of edits is written as .json, .csv, .png, .svg, .pdf or .html", path);
}

loci_status loci_average_write(const loci_average *x, const char *path, loci_err *err) {
  picture p = {plot_average, x, LOCI_METRIC_P, "averages over examples"};
  char *text = NULL;
  bytes file = {0};
  if (is_picture(path)) return write_picture(&p, path, err);
  if (path_ends_with(path, ".json")) {
    TRY(loci_average_json(x, &text, err));
    return write_text(text, path, err);
  }
  if (path_ends_with(path, ".csv")) {
    average_csv(x, &file);
    return bytes_write(&file, path, err);
  }
  return fail(err, LOCI_EINVAL,
              "%s: averages are written as .json, .csv, .png, .svg, .pdf or .html", path);
}
