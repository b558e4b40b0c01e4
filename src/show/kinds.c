/* loci_json, loci_draw, loci_write: one table says what there is of each kind of result. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "edit/edit.h"
#include "show/formats.h"
#include "show/page.h"

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
  view_fn *view;
  const void *result;
  const loci_draw_opts *opts;
  const char *title; /* of a page for a browser */
} picture;

static loci_status draw(const picture *p, const char *path, bytes *out, loci_err *err) {
  bytes svg = {0};
  bool png = path_ends_with(path, ".png"), pdf = path_ends_with(path, ".pdf");
  canvas_kind kind = png ? CANVAS_PNG : pdf ? CANVAS_PDF : CANVAS_SVG;
  if (!path_ends_with(path, ".html")) return page_draw(p->view, p->result, p->opts, kind, out, err);
  loci_status st = page_draw(p->view, p->result, p->opts, CANVAS_SVG, &svg, err);
  if (!st) return page_html(p->title, &svg, out, err);
  bytes_clear(&svg);
  return st;
}

static loci_status write_picture(const picture *p, const char *path, loci_err *err) {
  bytes file = {0};
  loci_status st = draw(p, path, &file, err);
  if (!st) return bytes_write(&file, path, err);
  bytes_clear(&file);
  return st;
}

/* ---------------------------------------------------------------- kinds */

typedef struct kind {
  const char *noun; /* "a trace" */
  json_fn *json;
  csv_fn *csv;
  arrays_fn *arrays; /* .safetensors and .npz */
  view_fn *view;     /* for a terminal... */
  const char *page;  /* ...and as a picture; the title of its page for a browser */
  const char *own;   /* endings of its own, which come first... */
  arrays_fn *write;  /* ...and what writes them */
} kind;

static const kind kinds[LOCI_KIND_COUNT] = {
    [LOCI_KIND_INFO] = {"what a model is", info_json},
    [LOCI_KIND_PROMPT] = {"a prompt", prompt_json},
    [LOCI_KIND_TEXT] = {"a text's tokens", text_tokens_json},
    [LOCI_KIND_IMAGE] = {"an image", .own = ".safetensors .png", .write = image_write},
    [LOCI_KIND_ANSWER] = {"an answer", answer_json},
    [LOCI_KIND_TRACE] = {"a trace", trace_json, trace_csv, trace_arrays, view_trace,
                         "causal trace"},
    [LOCI_KIND_KNOCKOUT] = {"a knockout", knockout_json, knockout_csv, NULL, view_knockout,
                            "attention knockout"},
    [LOCI_KIND_FLOW] = {"a flow", flow_json, flow_csv, flow_arrays, view_flow,
                        "attention contributions"},
    [LOCI_KIND_LENS] = {"a lens", lens_json, lens_csv, NULL, view_lens, "logit lens"},
    [LOCI_KIND_BENCH] = {"a bench", bench_json},
    [LOCI_KIND_SCALE] = {"a bench", scale_json},
    [LOCI_KIND_EDIT_COST] = {"a bench", edit_cost_json},
    [LOCI_KIND_EXAMPLE] = {"an example", example_json, .view = view_example},
    [LOCI_KIND_PREDICTION] = {"a prediction", prediction_json, prediction_csv, NULL,
                              view_prediction, "failure prediction"},
    [LOCI_KIND_SCORE] = {"a score", score_json, score_csv, NULL, view_score, "accuracy"},
    [LOCI_KIND_AVERAGE] = {"an average", average_json, average_csv, NULL, view_average,
                           "averages over examples"},
    [LOCI_KIND_COVARIANCE] = {"a covariance", covariance_json, .own = ".safetensors",
                              .write = covariance_write},
    [LOCI_KIND_EDIT] = {"an edit", edit_json, .own = ".edit .safetensors", .write = edit_write},
    [LOCI_KIND_EDIT_SAVED] = {"a saved edit", edit_saved_json},
    [LOCI_KIND_EDIT_TEST] = {"a test of edits", edit_test_json, edit_test_csv, NULL, view_edit_test,
                             "what edits do"},
    [LOCI_KIND_EDIT_TESTS] = {"tests of edits", edit_tests_json, edit_tests_csv, NULL,
                              view_edit_tests, "what edits do"},
    [LOCI_KIND_EDIT_CURVE] = {"a curve of edits", edit_curve_json, edit_curve_csv, NULL,
                              view_edit_curve, "edits over a setting"},
    [LOCI_KIND_DATA_REPORT] = {"what was found", data_report_json, .view = view_data_report},
    [LOCI_KIND_STORE_INFO] = {"what a store holds", store_info_json, .view = view_store_info},
    [LOCI_KIND_COMPARISON] = {"a comparison", comparison_json, comparison_csv, NULL,
                              view_comparison},
};

static loci_status find_kind(const loci_result *r, const kind **out, loci_err *err) {
  *out = NULL;
  if (!r || r->kind <= LOCI_KIND_NONE || r->kind >= LOCI_KIND_COUNT)
    return fail(err, LOCI_EINVAL, "this is no result of loci");
  *out = &kinds[r->kind];
  return LOCI_OK;
}

loci_status loci_json(const loci_result *result, char **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(result, "result");
  const kind *k;
  TRY(find_kind(result, &k, err));
  if (k->json) return k->json(result, out, err);
  return fail(err, LOCI_EUNSUPPORTED, "%s is not written as JSON", k->noun);
}

loci_status loci_draw(const loci_result *result, const loci_draw_opts *opts, char **out,
                      loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(result, "result");
  const kind *k;
  TRY(find_kind(result, &k, err));
  if (k->view) return term_draw(k->view, result, opts, out, err);
  return fail(err, LOCI_EUNSUPPORTED, "%s is not drawn", k->noun);
}

/* Whether the path ends in one of a list of endings with blanks between. */
static bool ends_in(const char *path, const char *endings) {
  char ending[16];
  for (const char *s = endings; s && *s;) {
    int n = (int)strcspn(s, " ");
    snprintf(ending, sizeof ending, "%.*s", n, s);
    if (path_ends_with(path, ending)) return true;
    s += n + (s[n] == ' ');
  }
  return false;
}

/* "a lens is written as .json, .csv, .png, .svg, .pdf or .html" */
static loci_status wrong_ending(const kind *k, const char *path, loci_err *err) {
  char all[128], text[192] = "";
  size_t n = 0;
  snprintf(all, sizeof all, "%s%s%s%s%s", k->own ? k->own : "", k->json ? " .json" : "",
           k->csv ? " .csv" : "", k->arrays ? " .safetensors .npz" : "",
           k->page ? " .png .svg .pdf .html" : "");
  for (const char *s = all + (all[0] == ' '); *s;) {
    int length = (int)strcspn(s, " ");
    bool last = !s[length] || !strchr(s + length + 1, ' ');
    n += (size_t)snprintf(text + n, sizeof text - n, "%.*s%s", length, s,
                          !s[length] ? ""
                          : last     ? " or "
                                     : ", ");
    s += length + (s[length] == ' ');
  }
  return fail(err, LOCI_EINVAL, "%s: %s is written as %s", path, k->noun, text);
}

loci_status loci_write(const loci_result *result, const char *path, const loci_draw_opts *opts,
                       loci_err *err) {
  NEEDS(result, "result");
  NEEDS(path, "path");
  const kind *k;
  bytes file = {0};
  char *text = NULL;
  TRY(find_kind(result, &k, err));
  TRY(draw_opts_check(opts, err));
  if (k->own && ends_in(path, k->own)) return k->write(result, path, err);
  if (k->json && path_ends_with(path, ".json")) {
    TRY(k->json(result, &text, err));
    return write_text(text, path, err);
  }
  if (k->csv && path_ends_with(path, ".csv")) {
    k->csv(result, &file);
    return bytes_write(&file, path, err);
  }
  if (k->arrays && ends_in(path, ".safetensors .npz")) return k->arrays(result, path, err);
  if (!k->page || !ends_in(path, ".png .svg .pdf .html")) return wrong_ending(k, path, err);
  picture p = {k->view, result, opts, k->page};
  return write_picture(&p, path, err);
}
