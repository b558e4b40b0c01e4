/* loci_store_report: a store as one page for a browser or a printer.  It needs nothing but itself:
 * no network, no script; figures are SVG within the page, what is long is folded. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "show/page.h"
#include "show/view_parts.h"
#include "show/study_parts.h"
#include "store/store.h"

enum { EXAMPLES_SHOWN = 60, CELLS_MAX = 20000 };

static const char style[] =
    "body{margin:2em auto;max-width:60em;padding:0 1em;font:16px/1.5 "
    "system-ui,sans-serif;color:#222}"
    "table{border-collapse:collapse;margin:.5em 0;font-size:90%}td,th{padding:.15em .7em;"
    "border-bottom:1px solid #ddd;text-align:left;vertical-align:top}td.n{text-align:right;"
    "font-variant-numeric:tabular-nums}img{max-width:100%}summary{cursor:pointer;color:#246}"
    "code{font-size:90%;overflow-wrap:anywhere}section{border-top:2px solid #222;margin-top:2.5em}"
    ".dim{color:#666}svg text{font:9px sans-serif}"
    "@media print{section{break-before:page}details{display:block}body{margin:0;max-width:none}}";

static void put(bytes *b, const char *text) { bytes_escaped(b, text); }

static void put_cell(bytes *b, const char *text) {
  bytes_text(b, "<td>");
  put(b, text);
  bytes_text(b, "</td>");
}

/* ---------------------------------------------------------------- a run's figures and tables */

static void put_base64(bytes *b, const char *data, size_t n) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const unsigned char *x = (const unsigned char *)data;
  for (size_t i = 0; i < n; i += 3) {
    uint32_t three = (uint32_t)x[i] << 16 | (i + 1 < n ? (uint32_t)x[i + 1] << 8 : 0) |
                     (i + 2 < n ? x[i + 2] : 0);
    char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                    i + 1 < n ? digits[three >> 6 & 63] : '=',
                    i + 2 < n ? digits[three & 63] : '='};
    bytes_add(b, four, 4);
  }
}

/* Within an image each figure keeps its own names; side by side in the page they would clash. */
static loci_status put_figure(bytes *b, const loci_average *a, loci_err *err) {
  bytes svg = {0};
  if (a->chart_count == 0) return LOCI_OK;
  loci_status st = page_draw(view_average, a, NULL, CANVAS_SVG, &svg, err);
  if (!st) {
    bytes_text(b, "<p><img alt=\"");
    put(b, a->title);
    bytes_text(b, "\" src=\"data:image/svg+xml;base64,");
    put_base64(b, svg.data, svg.size);
    bytes_text(b, "\"></p>\n");
    b->failed |= svg.failed;
  }
  bytes_clear(&svg);
  return st;
}

static void put_numbers(bytes *b, const loci_average *a) {
  char text[80];
  bytes_text(b, "<table>");
  for (int i = 0; i < a->number_count; i++) {
    bytes_text(b, "<tr>");
    put_cell(b, a->numbers[i].name);
    put_cell(b, mean_text(&a->numbers[i].value, false, text));
    bytes_text(b, "</tr>");
  }
  bytes_text(b, "</table>\n");
}

static void put_peaks(bytes *b, const loci_chart *c) {
  bytes_text(b, "<tr><th>");
  put(b, c->name);
  bytes_text(b, "<th>n<th>highest at<th>interval<th>stays<th>causal layers</tr>");
  for (int k = 0; k < c->curve_count; k++) {
    const loci_curve *x = &c->curves[k];
    if (!x->has_peak || x->peak < 0) continue;
    bytes_text(b, "<tr>");
    put_cell(b, x->name);
    bytes_format(b, "<td class=n>%d<td class=n>%.0f<td class=n>%.0f to %.0f<td class=n>%.0f %%<td>",
                 x->n, x->peak_at.value, x->peak_at.lo, x->peak_at.hi, 100 * x->peak_stays);
    for (int i = 0; i < x->causal_count; i++) bytes_format(b, "%s%d", i ? ", " : "", x->causal[i]);
    bytes_text(b, "</tr>");
  }
}

static void put_chart_numbers(bytes *b, const loci_chart *c) {
  bytes_text(b, "<details><summary>");
  put(b, c->name);
  bytes_format(b,
               ": all numbers</summary><table><tr><th>curve<th>%s<th>mean<th>interval"
               "<th>standard error<th>n</tr>",
               c->x_name);
  for (int k = 0; k < c->curve_count; k++) {
    const loci_curve *x = &c->curves[k];
    for (int i = 0; i < c->point_count; i++) {
      bytes_text(b, "<tr>");
      put_cell(b, x->name);
      bytes_format(b,
                   "<td class=n>%d<td class=n>%.5g<td class=n>%.5g to %.5g<td class=n>%.3g"
                   "<td class=n>%d</tr>\n",
                   c->points[i], x->points[i].value, x->points[i].lo, x->points[i].hi,
                   x->errors ? x->errors[i] : (double)NAN, x->n);
    }
  }
  bytes_text(b, "</table></details>\n");
}

static void put_dropped(bytes *b, const loci_sample *s) {
  if (s->dropped_count == 0) return;
  bytes_format(b, "<details><summary>%d examples left out</summary><table>", s->dropped_count);
  for (int i = 0; i < s->dropped_count; i++) {
    bytes_format(b, "<tr><td class=n>line %" PRId64, s->dropped[i].line);
    put_cell(b, s->dropped[i].id);
    put_cell(b, s->dropped[i].kind);
    put_cell(b, s->dropped[i].reason);
    bytes_text(b, "</tr>\n");
  }
  bytes_text(b, "</table></details>\n");
}

/* ---------------------------------------------------------------- examples */

/* White to blue for what restores, white to red for what harms. */
static void put_color(bytes *b, double level) {
  double x = fmin(fabs(level), 1);
  int fade = (int)lround(255 - 200 * x);
  bytes_format(b, level >= 0 ? "rgb(%d,%d,255)" : "rgb(255,%d,%d)", fade, fade);
}

static double float_at(const unsigned char *x, int64_t i) {
  uint32_t bits = 0;
  float value;
  for (int k = 0; k < 4; k++) bits |= (uint32_t)x[4 * i + k] << 8 * k;
  memcpy(&value, &bits, sizeof value);
  return (double)value;
}

/* Tokens down, layers across. */
static void put_cells(bytes *b, const db_query *q, const js_value *tokens,
                      const unsigned char *ie) {
  int64_t rows = js_count(tokens), layers = db_int(q, 3);
  double most = 1e-6;
  for (int64_t i = 0; i < rows * layers; i++) most = fmax(most, fabs(float_at(ie, i)));
  bytes_format(b, "<svg width=\"%d\" height=\"%d\"><text x=\"0\" y=\"10\">", 90 + 12 * (int)layers,
               16 + 12 * (int)rows);
  put(b, db_text(q, 0));
  bytes_format(b, ", window %d, largest %.2g</text>", (int)db_int(q, 1), most);
  for (int64_t r = 0; r < rows; r++) {
    bytes_format(b, "<text x=\"0\" y=\"%d\">", 25 + 12 * (int)r);
    put(b, js_text_of(js_at(tokens, r), NULL));
    bytes_text(b, "</text>");
    for (int64_t l = 0; l < layers; l++) {
      bytes_format(b, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"",
                   80 + 12 * (int)l, 16 + 12 * (int)r);
      put_color(b, float_at(ie, l * rows + r) / most);
      bytes_text(b, "\"/>");
    }
  }
  bytes_text(b, "</svg>\n");
}

/* site, window, first, layers, tokens, ie.  A map of a picture's tokens may be too large to show.
 */
static loci_status put_map(bytes *b, const db_query *q, const char *where, loci_err *err) {
  size_t size;
  js_value *tokens;
  int64_t layers = db_int(q, 3);
  const char *json = db_text(q, 4);
  const unsigned char *ie = db_bytes(q, 5, &size);
  TRY(js_parse(json ? json : "", json ? strlen(json) : 0, where, &tokens, err));
  int64_t rows = js_count(tokens), cells = (int64_t)(size / 4);
  if (layers < 1 || rows < 1 || size % 4 != 0 || cells % layers != 0 || cells / layers != rows) {
    js_free(tokens);
    return fail(err, LOCI_EFORMAT, "%s: a heat map is not as large as it says", where);
  }
  if (cells <= CELLS_MAX) {
    put_cells(b, q, tokens, ie);
  } else {
    bytes_text(b, "<p class=dim>");
    put(b, db_text(q, 0));
    bytes_format(b, ", window %d: %" PRId64 " tokens are too many to show</p>\n", (int)db_int(q, 1),
                 rows);
  }
  js_free(tokens);
  return LOCI_OK;
}

static loci_status put_maps(loci_store *s, int64_t result, bytes *b, loci_err *err) {
  db_query *q;
  bool row;
  loci_status st;
  TRY(db_prepare(s->d, "SELECT site, window, first, layers, tokens, ie FROM grid WHERE result = ?",
                 &q, err));
  db_bind_int(q, 1, result);
  while (!(st = db_step(q, &row, err)) && row) {
    st = put_map(b, q, db_path(s->d), err);
    if (st) break;
  }
  db_finish(q);
  return st;
}

static loci_status put_examples(loci_store *s, int64_t run, bytes *b, loci_err *err) {
  db_query *q;
  bool row;
  loci_status st;
  TRY(db_prepare(s->d,
                 "SELECT result, line, question, answer, right FROM result JOIN example USING"
                 " (example) WHERE run = ? AND dropped IS NULL ORDER BY line, key LIMIT ?",
                 &q, err));
  db_bind_int(q, 1, run);
  db_bind_int(q, 2, EXAMPLES_SHOWN);
  bytes_text(b, "<details><summary>the first examples</summary>");
  while (!(st = db_step(q, &row, err)) && row) {
    bytes_format(b, "<details><summary>line %" PRId64 ": ", db_int(q, 1));
    put(b, db_text(q, 2));
    bytes_text(b, " <b>");
    put(b, db_text(q, 3));
    bytes_text(b, db_is_null(q, 4) ? "</b></summary>"
                  : db_int(q, 4)   ? "</b> (right)</summary>"
                                   : "</b> (wrong)</summary>");
    st = put_maps(s, db_int(q, 0), b, err);
    if (st) break;
    bytes_text(b, "</details>\n");
  }
  bytes_text(b, "</details>\n");
  db_finish(q);
  return st;
}

/* ---------------------------------------------------------------- the page */

static loci_status put_average(bytes *b, const loci_average *a, loci_err *err) {
  bytes_format(b, "<p>%d examples count, %d are left out.", a->sample.used,
               a->sample.dropped_count);
  if (a->right + a->wrong > 0)
    bytes_format(b, " %d answered rightly, %d wrongly.", a->right, a->wrong);
  bytes_text(b, " Intervals are 95 %, by bootstrap over examples.</p>\n");
  put_numbers(b, a);
  TRY(put_figure(b, a, err));
  bytes_text(b, "<table>");
  for (int i = 0; i < a->chart_count; i++)
    if (a->charts[i].curve_count > 0 && a->charts[i].curves[0].has_peak)
      put_peaks(b, &a->charts[i]);
  bytes_text(b, "</table>\n");
  for (int i = 0; i < a->chart_count; i++) put_chart_numbers(b, &a->charts[i]);
  put_dropped(b, &a->sample);
  return LOCI_OK;
}

typedef struct report_how {
  double least_effect;
  uint64_t seed;
} report_how;

static loci_status put_again(const loci_run_info *r, bytes *b, loci_err *err) {
  bytes command = {0};
  char *text = NULL;
  loci_status st = store_again(r, &command, err);
  if (!st) st = bytes_take(&command, &text, NULL, err);
  if (!st) put(b, text);
  if (st) bytes_clear(&command);
  free(text);
  return st;
}

static loci_status put_run(loci_store *s, const loci_run_info *r, const report_how *how, bytes *b,
                           loci_err *err) {
  loci_average *a;
  loci_err own = {0};
  bytes_format(b, "<section><h2>Run %" PRId64 ": ", r->id);
  put(b, r->what);
  bytes_text(b, "</h2>\n");
  loci_status st = loci_store_average(s, r->id, how->least_effect, how->seed, &a, &own);
  if (st == LOCI_EINVAL) { /* no example counts */
    bytes_text(b, "<p>");
    put(b, own.msg);
    bytes_text(b, "</p>\n");
  } else if (st) {
    if (err) *err = own;
    return st;
  } else {
    st = put_average(b, a, err);
    loci_free(a);
    TRY(st);
    TRY(put_examples(s, r->id, b, err));
  }
  bytes_text(b, "<p class=dim>Settings: <code>");
  put(b, r->settings);
  bytes_text(b, "</code><br>Model: ");
  put(b, r->model.path);
  bytes_text(b, ", ");
  put(b, r->hash);
  bytes_text(b, "<br>Begun ");
  put(b, r->created);
  bytes_format(b, "; %.0f s of work.<br>Again: <code>", r->seconds);
  TRY(put_again(r, b, err));
  bytes_text(b, "</code></p></section>\n");
  return LOCI_OK;
}

static loci_status put_page(loci_store *s, const loci_store_info *info, const report_how *how,
                            bytes *b, loci_err *err) {
  bytes_text(b, "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
                "<meta name=\"viewport\" content=\"width=device-width\">\n<title>loci: ");
  put(b, path_base(info->path));
  bytes_format(b, "</title><style>%s</style>\n<h1>", style);
  put(b, path_base(info->path));
  bytes_format(
      b,
      "</h1>\n<p>Where does the model keep the fact that answers the question, and how did "
      "it get there? %" PRId64 " examples, %d runs; loci %s. Of traces those count that "
      "are answered rightly and whose total effect is at least %.3g; seed %" PRIu64 ".</p>",
      info->examples, info->run_count, LOCI_VERSION, how->least_effect, how->seed);
  for (int i = 0; i < info->run_count; i++) TRY(put_run(s, &info->runs[i], how, b, err));
  bytes_text(b, "</html>\n");
  return LOCI_OK;
}

loci_status loci_store_report(loci_store *s, double least_effect, uint64_t seed, const char *dir,
                              loci_err *err) {
  report_how how = {least_effect, seed};
  loci_store_info *info;
  bytes out = {0};
  TRY(loci_store_info_new(s, &info, err));
  loci_status st = put_page(s, info, &how, &out, err);
  loci_free(info);
  size_t n = strlen(dir) + sizeof "/index.html";
  char *path = malloc(n);
  if (!st && !path) st = fail_nomem(err, "writing a report");
  if (!st && mkdir(dir, 0777) != 0 && errno != EEXIST) st = fail_errno(err, errno, "%s", dir);
  if (st) {
    bytes_clear(&out);
  } else {
    snprintf(path, n, "%s/index.html", dir);
    st = bytes_write(&out, path, err);
  }
  free(path);
  return st;
}
