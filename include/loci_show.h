/* loci, continued: every result as JSON, as a file, as a picture.  Part of loci.h, whose rules hold
 * here. */
#ifndef LOCI_SHOW_H
#define LOCI_SHOW_H

#ifndef LOCI_H
#error "include loci.h, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- 12. writing and drawing */

/* Every result can be had as JSON.  What else it is written and drawn as:
 *
 *   loci_trace         .csv, a row for each cell; .npz .safetensors, an array for each number of a
 *                      grid; a picture: heat maps of [metric], drawn as its effect, value - value
 *                      of the run that was patched
 *   loci_knockout      .csv, a row for each centre; a picture: lines over the centres, one for each
 *                      pathway, [metric] drawn as it is (there is no restoration)
 *   loci_flow          .csv, a row for each pair of positions; .npz .safetensors; a picture: every
 *                      pathway over the image or as a map
 *   loci_lens          .csv, a row for each position and layer; a picture: the grid of words and
 *                      the target's p or logp, as [metric] says
 *   loci_prediction    .csv, a row for each example; a picture: ROC curves
 *   loci_score         .csv, a row for each example; a picture: bars for each group
 *   loci_average       .csv, a row for each point; a picture: the charts
 *   loci_edit_test     .csv, a row for each group and measure; a picture: bars before and after
 *   loci_edit_tests    .csv, a row for each test and group; a picture: bars of all tests
 *   loci_edit_curve    .csv, a row for each point, group and measure; a picture: lines
 *   loci_comparison    .csv, a row for each number; a table for a terminal
 *   loci_store_info, loci_data_report, loci_example   a text for a terminal
 *   loci_edit          .edit (or .safetensors, which it is): what loci_read reads
 *   loci_covariance    .safetensors, which loci_read reads
 *   loci_image         .safetensors: rgb U8 (h,w,3) and pixel_values; .png: as the model sees it,
 *                      tiles beside the whole
 *
 * A picture is a text for a terminal, a file .png .svg .pdf, or a page .html.  [metric] plays no
 * part where it is not named.  docs/FORMATS.md has every field. */

typedef enum loci_color { LOCI_COLOR_NONE, LOCI_COLOR_256, LOCI_COLOR_TRUE } loci_color;

enum { LOCI_FIGURE_DPI = 144, LOCI_FIGURE_LEAST = 10, LOCI_FIGURE_MOST = 30000 };

typedef struct loci_draw_opts {
  size_t size; /* of this struct */
  loci_metric metric;
  loci_color color; /* terminal only */
  int columns;      /* terminal width; 0: 80 */
  bool ascii;       /* terminal without UTF-8 */
  bool unwrapped;   /* terminal: a text is one line, a table's row whole, however long */
  /* pictures: */
  double width; /* inches, 0.1 to 200, and LOCI_FIGURE_LEAST to LOCI_FIGURE_MOST pixels; panels are
                   placed to fit, then all is scaled; 0: as wide as it comes */
  int dpi;      /* pixels of a PNG an inch; 0: LOCI_FIGURE_DPI */
  bool bare;    /* without the words above and the command below, which stay in the file, unseen */
  double scale; /* the end of the colours and of a value axis, also in a terminal; 0: the largest
                   number's */
} loci_draw_opts;

/* Writes a file by the path's ending; one that this kind of result has not is LOCI_EINVAL, and the
 * sentence lists those it has.  A file is whole or not there. */
LOCI_CHECK loci_status loci_write(const loci_result *result, const char *path,
                                  const loci_draw_opts *opts, loci_err *err);
/* What loci_write made, as a result of [kind]: LOCI_KIND_EDIT of one .edit file,
 * LOCI_KIND_COVARIANCE of one .safetensors, LOCI_KIND_EDIT_TESTS of any number of .json files, each
 * a loci_edit_test.  (Any other kind is LOCI_EINVAL.) */
LOCI_CHECK loci_status loci_read(loci_kind kind, const char *const *paths, int count,
                                 loci_result **out, loci_err *err);
/* One object of JSON.  Caller frees *out with loci_text_free. */
LOCI_CHECK loci_status loci_json(const loci_result *result, char **out, loci_err *err);
/* For a terminal: text with escape sequences as [opts] allows, for loci_text_free. */
LOCI_CHECK loci_status loci_draw(const loci_result *result, const loci_draw_opts *opts, char **out,
                                 loci_err *err);
/* ---- the numbers of a result, without knowing its struct: for bindings */

typedef enum loci_type {
  LOCI_TYPE_REAL,  /* double */
  LOCI_TYPE_FLOAT, /* float */
  LOCI_TYPE_INT,   /* int */
  LOCI_TYPE_BOOL,  /* bool */
  LOCI_TYPE_TEXT   /* const char *, NULL where there is none */
} loci_type;

enum { LOCI_AXES = 4 };

typedef struct loci_axis {
  const char *name; /* "layer" */
  int64_t size;
  const int *numbers;       /* (size) of layers, positions; NULL: 0, 1, ... */
  const char *const *names; /* (size) of groups; NULL: none */
} loci_axis;

/* A number, truth or text for each place, where it stands in the result. */
typedef struct loci_column {
  loci_type type;
  int rank;
  loci_axis axes[LOCI_AXES];  /* the first [rank] */
  const void *data;           /* of place (0, 0, ...) */
  int64_t strides[LOCI_AXES]; /* bytes from a place to the next, along each axis */
} loci_column;

/* The array at a path of the JSON, such as "grids.0.ie": what is an array there is a column.
 * Borrowed from the result.  No such one is LOCI_EINVAL. */
LOCI_CHECK loci_status loci_column_of(const loci_result *result, const char *path, loci_column *out,
                                      loci_err *err);

LOCI_API void loci_text_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
