/* Results into files, by the path's ending; names of metrics. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "show/formats.h"
#include "show/plot.h"

loci_status loci_metric_find(const char *name, loci_metric *out, loci_err *err) {
  static const char *const names[] = {"p", "logp", "logit_diff", "kl", "restoration"};
  for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
    if (strcmp(name, names[i]) != 0) continue;
    *out = (loci_metric)i;
    return LOCI_OK;
  }
  return fail(err, LOCI_EINVAL,
              "no metric \"%s\": there are p, logp, logit_diff, kl and restoration", name);
}

static loci_status write_json(const loci_trace *trace, const char *path, loci_err *err) {
  char *text = NULL;
  TRY(loci_trace_json(trace, &text, err));
  bytes file = {0};
  bytes_text(&file, text);
  bytes_text(&file, "\n");
  free(text);
  return bytes_write(&file, path, err);
}

static loci_status write_plot(const loci_trace *trace, loci_metric metric, canvas_kind kind,
                              const char *path, loci_err *err) {
  bytes file = {0};
  loci_status st = plot_trace(trace, metric, kind, &file, err);
  if (!st) return bytes_write(&file, path, err);
  bytes_clear(&file);
  return st;
}

static loci_status write_html(const loci_trace *trace, loci_metric metric, const char *path,
                              loci_err *err) {
  bytes file = {0};
  loci_status st = plot_trace_html(trace, metric, &file, err);
  if (!st) return bytes_write(&file, path, err);
  bytes_clear(&file);
  return st;
}

loci_status loci_trace_write(const loci_trace *trace, const char *path, const loci_draw_opts *opts,
                             loci_err *err) {
  loci_metric metric = opts ? opts->metric : LOCI_METRIC_P;
  if (path_ends_with(path, ".json")) return write_json(trace, path, err);
  if (path_ends_with(path, ".csv")) {
    bytes file = {0};
    trace_csv(trace, &file);
    return bytes_write(&file, path, err);
  }
  if (path_ends_with(path, ".safetensors")) return trace_write_safetensors(trace, path, err);
  if (path_ends_with(path, ".npz")) return trace_write_npz(trace, path, err);
  if (path_ends_with(path, ".png")) return write_plot(trace, metric, CANVAS_PNG, path, err);
  if (path_ends_with(path, ".svg")) return write_plot(trace, metric, CANVAS_SVG, path, err);
  if (path_ends_with(path, ".pdf")) return write_plot(trace, metric, CANVAS_PDF, path, err);
  if (path_ends_with(path, ".html")) return write_html(trace, metric, path, err);
  return fail(err, LOCI_EINVAL,
              "%s: a trace is written as .json, .csv, .safetensors, .npz, .png, .svg, .pdf or "
              ".html",
              path);
}
