/* loci_json, loci_draw, loci_write, loci_read: one table says what there is of each kind of result.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "base/file.h"
#include "edit/edit.h"
#include "show/describe.h"
#include "show/formats.h"
#include "show/page.h"
#include "show/sinks.h"

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

enum { CSV = 1, ARRAYS = 2, PRETTY = 4, ONE_LINE = 8 };

typedef loci_status write_fn(const void *result, const char *path, loci_err *err);

typedef struct kind {
  const char *noun; /* "a trace" */
  describe_fn *describe;
  int media;        /* files of numbers beside JSON, and how that is printed */
  view_fn *view;    /* for a terminal... */
  const char *page; /* ...and as a picture; the title of its page for a browser */
  const char *own;  /* endings of its own, which come first... */
  write_fn *write;  /* ...and what writes them */
} kind;

static const kind kinds[LOCI_KIND_COUNT] = {
    [LOCI_KIND_INFO] = {.noun = "what a model is", .describe = describe_info},
    [LOCI_KIND_PROMPT] = {.noun = "a prompt", .describe = describe_prompt},
    [LOCI_KIND_TEXT] = {.noun = "a text's tokens",
                        .describe = describe_text,
                        .media = ONE_LINE}, /* --lines prints many */
    [LOCI_KIND_IMAGE] = {.noun = "an image",
                         .describe = describe_image,
                         .own = ".safetensors .png",
                         .write = image_write},
    [LOCI_KIND_ANSWER] = {.noun = "an answer", .describe = describe_answer},
    [LOCI_KIND_TRACE] = {.noun = "a trace",
                         .describe = describe_trace,
                         .media = CSV | ARRAYS,
                         .view = view_trace,
                         .page = "causal trace"},
    [LOCI_KIND_KNOCKOUT] = {.noun = "a knockout",
                            .describe = describe_knockout,
                            .media = CSV,
                            .view = view_knockout,
                            .page = "attention knockout"},
    [LOCI_KIND_FLOW] = {.noun = "a flow",
                        .describe = describe_flow,
                        .media = CSV | ARRAYS,
                        .view = view_flow,
                        .page = "attention contributions"},
    [LOCI_KIND_LENS] = {.noun = "a lens",
                        .describe = describe_lens,
                        .media = CSV,
                        .view = view_lens,
                        .page = "logit lens"},
    [LOCI_KIND_BENCH] = {.noun = "a bench", .describe = describe_bench, .media = PRETTY},
    [LOCI_KIND_SCALE] = {.noun = "a bench", .describe = describe_scale, .media = PRETTY},
    [LOCI_KIND_DEVICES] = {.noun = "devices", .describe = describe_devices, .media = PRETTY},
    [LOCI_KIND_EDIT_COST] = {.noun = "a bench", .describe = describe_edit_cost, .media = PRETTY},
    [LOCI_KIND_EXAMPLE] = {.noun = "an example",
                           .describe = describe_example,
                           .media = ONE_LINE,
                           .view = view_example},
    [LOCI_KIND_PREDICTION] = {.noun = "a prediction",
                              .describe = describe_prediction,
                              .media = CSV,
                              .view = view_prediction,
                              .page = "failure prediction"},
    [LOCI_KIND_SCORE] = {.noun = "a score",
                         .describe = describe_score,
                         .media = CSV,
                         .view = view_score,
                         .page = "accuracy"},
    [LOCI_KIND_AVERAGE] = {.noun = "an average",
                           .describe = describe_average,
                           .media = CSV,
                           .view = view_average,
                           .page = "averages over examples"},
    [LOCI_KIND_COVARIANCE] = {.noun = "a covariance",
                              .describe = describe_covariance,
                              .own = ".safetensors",
                              .write = covariance_write},
    [LOCI_KIND_EDIT] = {.noun = "an edit",
                        .describe = describe_edit,
                        .own = ".edit .safetensors",
                        .write = edit_write},
    [LOCI_KIND_EDIT_SAVED] = {.noun = "a saved edit", .describe = describe_edit_saved},
    [LOCI_KIND_EDIT_TEST] = {.noun = "a test of edits",
                             .describe = describe_edit_test,
                             .media = CSV,
                             .view = view_edit_test,
                             .page = "what edits do"},
    [LOCI_KIND_EDIT_TESTS] = {.noun = "tests of edits",
                              .describe = describe_edit_tests,
                              .media = CSV,
                              .view = view_edit_tests,
                              .page = "what edits do"},
    [LOCI_KIND_EDIT_CURVE] = {.noun = "a curve of edits",
                              .describe = describe_edit_curve,
                              .media = CSV,
                              .view = view_edit_curve,
                              .page = "edits over a setting"},
    [LOCI_KIND_DATA_REPORT] = {.noun = "what was found",
                               .describe = describe_data_report,
                               .media = 0,
                               .view = view_data_report},
    [LOCI_KIND_STORE_INFO] = {.noun = "what a store holds",
                              .describe = describe_store_info,
                              .media = 0,
                              .view = view_store_info},
    [LOCI_KIND_COMPARISON] = {.noun = "a comparison",
                              .describe = describe_comparison,
                              .media = CSV,
                              .view = view_comparison},
};

static loci_status find_kind(const loci_result *r, const kind **out, loci_err *err) {
  *out = NULL;
  if (!r || r->kind <= LOCI_KIND_NONE || r->kind >= LOCI_KIND_COUNT)
    return fail(err, LOCI_EINVAL, "this is no result of loci");
  *out = &kinds[r->kind];
  return LOCI_OK;
}

static loci_status json(const kind *k, const void *result, char **out, loci_err *err) {
  *out = NULL;
  if (!k->describe) return fail(err, LOCI_EUNSUPPORTED, "%s is not written as JSON", k->noun);
  json_style style = k->media & PRETTY     ? JSON_PRETTY
                     : k->media & ONE_LINE ? JSON_ONE_LINE
                                           : JSON_LINES;
  return sink_json(k->describe, result, style, out, err);
}

loci_status loci_json(const loci_result *result, char **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(result, "result");
  const kind *k;
  TRY(find_kind(result, &k, err));
  return json(k, result, out, err);
}

loci_status loci_column_of(const loci_result *result, const char *path, loci_column *out,
                           loci_err *err) {
  NEEDS(out, "place for the column");
  memset(out, 0, sizeof *out);
  NEEDS(result, "result");
  NEEDS(path, "path");
  const kind *k;
  TRY(find_kind(result, &k, err));
  if (!k->describe) return fail(err, LOCI_EINVAL, "%s has no columns", k->noun);
  return sink_column(k->describe, result, path, out, err);
}

loci_status loci_draw(const loci_result *result, const loci_draw_opts *opts, char **out,
                      loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(result, "result");
  const kind *k;
  TRY(find_kind(result, &k, err));
  loci_draw_opts own;
  TRY(draw_opts_take(&own, opts, err));
  if (k->view) return term_draw(k->view, result, &own, out, err);
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
  snprintf(all, sizeof all, "%s%s%s%s%s", k->own ? k->own : "", k->describe ? " .json" : "",
           k->media & CSV ? " .csv" : "", k->media & ARRAYS ? " .safetensors .npz" : "",
           k->page ? " .png .svg .pdf .html" : "");
  for (const char *s = all + (all[0] == ' '); *s;) {
    int length = (int)strcspn(s, " ");
    bool last = !s[length] || !strchr(s + length + 1, ' ');
    const char *joint = !s[length] ? "" : last ? " or " : ", ";
    n = fixed_add(text, sizeof text, n, "%.*s%s", length, s, joint);
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
  loci_draw_opts own;
  TRY(find_kind(result, &k, err));
  TRY(draw_opts_take(&own, opts, err));
  if (k->own && ends_in(path, k->own)) return k->write(result, path, err);
  if (k->describe && path_ends_with(path, ".json")) {
    TRY(json(k, result, &text, err));
    return write_text(text, path, err);
  }
  if (k->media & CSV && path_ends_with(path, ".csv")) {
    loci_status st = sink_csv(k->describe, result, &file, err);
    if (!st) return bytes_write(&file, path, err);
    bytes_clear(&file);
    return st;
  }
  if (k->media & ARRAYS && ends_in(path, ".safetensors .npz"))
    return sink_arrays(k->describe, result, path, err);
  if (!k->page || !ends_in(path, ".png .svg .pdf .html")) return wrong_ending(k, path, err);
  picture p = {k->view, result, &own, k->page};
  return write_picture(&p, path, err);
}

loci_status loci_read(loci_kind what, const char *const *paths, int count, loci_result **out,
                      loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(paths, "paths");
  if (what == LOCI_KIND_EDIT_TESTS)
    return edit_tests_read(paths, count, (loci_edit_tests **)out, err);
  if (what != LOCI_KIND_EDIT && what != LOCI_KIND_COVARIANCE)
    return fail(err, LOCI_EINVAL, "what is read are edits, covariances and tests of edits");
  if (count != 1) return fail(err, LOCI_EINVAL, "%d files, expected one", count);
  return what == LOCI_KIND_EDIT ? edit_read(paths[0], (loci_edit **)out, err)
                                : covariance_read(paths[0], (loci_covariance **)out, err);
}
