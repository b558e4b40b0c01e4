/* A store as one page for a browser or a printer.  It needs nothing but itself:
 * no network, no script; figures are SVG within the page, what is long is folded.  A run is said in
 * blocks, as its average is everywhere (view_average), with tables of its numbers and the maps of
 * its first examples. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fixed.h"
#include "base/file.h"
#include "base/json.h"
#include "base/options.h"
#include "show/html.h"
#include "show/formats.h"
#include "show/view_parts.h"
#include "store/each.h"

enum { EXAMPLES_SHOWN = 60, CELLS_MAX = 20000, MAP_ROWS = 200 };

static const char style[] =
    "body{margin:2em auto;max-width:60em;padding:0 1em;font:16px/1.5 "
    "system-ui,sans-serif;color:#222}"
    "table{border-collapse:collapse;margin:.5em 0;font-size:90%}td,th{padding:.15em .7em;"
    "border-bottom:1px solid #ddd;text-align:left;vertical-align:top}td.n{text-align:right;"
    "font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}"
    "summary{cursor:pointer;color:#246}p{margin:.5em 0}"
    "code{font-size:90%;overflow-wrap:anywhere}section{border-top:2px solid #222;margin-top:2.5em}"
    ".dim{color:#666}"
    "@media print{section{break-before:page}details{display:block}body{margin:0;max-width:none}}";

/* ---------------------------------------------------------------- tables of a run */

static const view_column peak_column[] = {
    {"", 20, false, false},        {"n", 6, true, false},     {"highest at", 12, true, false},
    {"interval", 12, true, false}, {"stays", 8, true, false}, {"causal layers", 20, false, false}};
static const view_columns peak_columns = {6, peak_column};

static const char *causal_layers(views *v, const loci_curve *x) {
  char *text = view_array(v, 12 * (int64_t)x->causal_count + 1, char);
  size_t n = 0, room = 12 * (size_t)x->causal_count + 1;
  for (int i = 0; i < x->causal_count && text; i++)
    n = fixed_add(text, room, n, "%s%d", i ? ", " : "", x->causal[i]);
  return text ? text : "";
}

static void say_peaks(views *v, const loci_chart *c) {
  if (c->curve_count == 0 || !c->curves[0].has_peak) return;
  view_row(v, &peak_columns);
  view_cell_of(v, VIEW_BOLD, "%s", view_arrows(v, c->name));
  for (int i = 1; i < peak_columns.count; i++)
    view_cell_of(v, VIEW_BOLD, "%s", peak_column[i].title);
  for (int k = 0; k < c->curve_count; k++) {
    const loci_curve *x = &c->curves[k];
    if (!x->has_peak || x->peak < 0) continue;
    view_row(v, &peak_columns);
    view_cell_of(v, VIEW_PLAIN, "%s", view_arrows(v, x->name));
    view_cell_of(v, VIEW_PLAIN, "%d", x->n);
    view_cell_of(v, VIEW_PLAIN, "%.0f", x->peak_at.value);
    view_cell_of(v, VIEW_PLAIN, "%.0f to %.0f", x->peak_at.lo, x->peak_at.hi);
    view_cell_of(v, VIEW_PLAIN, "%.0f %%", 100 * x->peak_stays);
    view_cell_of(v, VIEW_PLAIN, "%s", causal_layers(v, x));
  }
}

/* Every point of every curve, folded. */
static void say_all_numbers(views *v, const loci_chart *c) {
  view_columns *columns = view_array(v, 1, view_columns);
  view_column *column = view_array(v, 6, view_column);
  if (v->status) return;
  column[0] = (view_column){"curve", 20, false, false};
  column[1] = (view_column){c->x_name, 8, true, false};
  column[2] = (view_column){"mean", 10, true, false};
  column[3] = (view_column){"interval", 20, true, false};
  column[4] = (view_column){"standard error", 10, true, false};
  column[5] = (view_column){"n", 6, true, false};
  *columns = (view_columns){6, column};
  view_fold(v, "%s: all numbers", view_arrows(v, c->name));
  view_row_of_titles(v, columns);
  for (int k = 0; k < c->curve_count; k++) {
    const loci_curve *x = &c->curves[k];
    for (int i = 0; i < c->point_count; i++) {
      view_row(v, columns);
      view_cell_of(v, VIEW_PLAIN, "%s", x->name);
      view_cell_of(v, VIEW_PLAIN, "%d", c->points[i]);
      view_cell_of(v, VIEW_PLAIN, "%.5g", x->points[i].value);
      view_cell_of(v, VIEW_PLAIN, "%.5g to %.5g", x->points[i].lo, x->points[i].hi);
      view_cell_of(v, VIEW_PLAIN, "%.3g", x->errors ? x->errors[i] : (double)NAN);
      view_cell_of(v, VIEW_PLAIN, "%d", x->n);
    }
  }
  view_unfold(v);
}

static const view_column dropped_column[] = {{"line", 8, true, false},
                                             {"id", 20, false, false},
                                             {"kind", 20, false, false},
                                             {"reason", 40, false, false}};
static const view_columns dropped_columns = {4, dropped_column};

static void say_left_out(views *v, const loci_sample *s) {
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_PLAIN, "%d examples count, %d are left out.  Intervals are 95 %%.", s->used,
           s->dropped_count);
  if (s->dropped_count == 0) return;
  view_fold(v, "%d examples left out", s->dropped_count);
  view_row_of_titles(v, &dropped_columns);
  for (int i = 0; i < s->dropped_count; i++) {
    const loci_dropped *d = &s->dropped[i];
    view_row(v, &dropped_columns);
    view_cell_of(v, VIEW_PLAIN, "line %" PRId64, d->line);
    view_cell_of(v, VIEW_PLAIN, "%s", d->id ? d->id : "");
    view_cell_of(v, VIEW_PLAIN, "%s", d->kind ? d->kind : "");
    view_cell_of(v, VIEW_PLAIN, "%s", d->reason ? d->reason : "");
  }
  view_unfold(v);
}

/* ---------------------------------------------------------------- examples */

static double float_at(const unsigned char *x, int64_t i) {
  uint32_t bits = 0;
  float value;
  for (int k = 0; k < 4; k++) bits |= (uint32_t)x[4 * i + k] << 8 * k;
  memcpy(&value, &bits, sizeof value);
  return (double)value;
}

/* Tokens down, layers across. */
static void say_map(views *v, const store_map *m) {
  int rows = m->rows, layers = m->layers;
  loci_token *spelled = view_array(v, rows, loci_token);
  heatmap_row *row = view_array(v, rows, heatmap_row);
  int *numbers = view_array(v, layers, int);
  double *values = view_array(v, (int64_t)rows * layers, double);
  bool *zero = view_array(v, (int64_t)rows * layers, bool);
  heatmap *s = view_array(v, 1, heatmap);
  heatmap_panel *p = view_array(v, 1, heatmap_panel);
  if (v->status) return;
  for (int l = 0; l < layers; l++) numbers[l] = m->first + l;
  for (int r = 0; r < rows; r++) spelled[r].text = js_text_of(js_at(m->tokens, r), NULL);
  label_spelling spelling = label_spelling_of(spelled, rows);
  for (int r = 0; r < rows; r++) {
    row[r] = (heatmap_row){view_token(v, spelling, spelled[r].text), -1, -1, LOCI_ROLE_BEFORE};
    for (int l = 0; l < layers; l++)
      values[(int64_t)r * layers + l] = float_at(m->ie, (int64_t)l * rows + r);
  }
  *p = (heatmap_panel){.title = view_format(v, "%s, window %d", m->site, (int)m->window),
                       .group_rows = rows,
                       .row_count = rows,
                       .rows = row,
                       .layer_count = layers,
                       .layers = numbers,
                       .values = values,
                       .zero = zero};
  *s = (heatmap){.mem = v->mem,
                 .panel_count = 1,
                 .panels = p,
                 .floor = heatmap_least_effect,
                 .unit = "indirect effect on p(answer)"};
  heatmap_scale(s);
  view_draw(v, VIEW_MAP, VIEW_PAGE | VIEW_HTML, false, s);
}

/* A map of a picture's tokens may be too large to show. */
static loci_status say_grid(void *ctx, const store_map *m, loci_err *err) {
  views *v = ctx;
  (void)err;
  if ((int64_t)m->layers * m->rows <= CELLS_MAX) {
    say_map(v, m);
  } else {
    view_begin(v, VIEW_LINE);
    view_say(v, VIEW_DIM, "%s, window %d: %d tokens are too many to show", m->site, (int)m->window,
             m->rows);
  }
  return v->status;
}

typedef struct example_list {
  loci_store *s;
  views *v;
} example_list;

static loci_status say_example(void *ctx, const store_result *r, loci_err *err) {
  const example_list *l = ctx;
  view_fold(l->v, "line %" PRId64 ": %s \xE2\x86\x92 %s%s", r->line, r->question, r->answer,
            r->right < 0 ? ""
            : r->right   ? " (right)"
                         : " (wrong)");
  TRY(store_each_map(l->s, r->id, say_grid, l->v, err));
  view_unfold(l->v);
  return LOCI_OK;
}

static loci_status say_examples(loci_store *s, int64_t run, views *v, loci_err *err) {
  example_list l = {s, v};
  view_fold(v, "the first examples");
  TRY(store_each_result(s, run, EXAMPLES_SHOWN, say_example, &l, err));
  view_unfold(v);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the page */

static loci_status put_average(loci_store *s, const loci_store_run_info *r, const loci_average *a,
                               bytes *b, loci_err *err) {
  views v = {0};
  loci_status st = views_new(&v, view_average, a, NULL, err);
  if (!st) {
    for (int i = 0; i < a->chart_count; i++) say_peaks(&v, &a->charts[i]);
    for (int i = 0; i < a->chart_count; i++) say_all_numbers(&v, &a->charts[i]);
    say_left_out(&v, &a->sample);
    st = say_examples(s, r->id, &v, err);
    view_end(&v);
  }
  if (!st) st = v.status;
  if (!st) st = html_blocks(&v, b, err);
  views_free(&v);
  return st;
}

static void put_named(bytes *b, const char *name, const char *text, const char *after) {
  bytes_text(b, name);
  bytes_escaped(b, text);
  bytes_text(b, after);
}

static loci_status put_run(loci_store *s, const loci_store_run_info *r, const loci_store_opts *how,
                           bytes *b, loci_err *err) {
  loci_average *a;
  loci_err own = {0};
  bytes_format(b, "<section><h2>Run %" PRId64 ": ", r->id);
  put_named(b, "", r->what, "</h2>\n");
  loci_store_opts of_run = *how;
  of_run.run = r->id;
  loci_status st = loci_store_average(s, &of_run, &a, &own);
  if (st == LOCI_EINVAL) { /* no example counts */
    put_named(b, "<p>", own.msg, "</p>\n");
  } else if (st) {
    if (err) *err = own;
    return st;
  } else {
    st = put_average(s, r, a, b, err);
    loci_free(a);
    TRY(st);
  }
  put_named(b, "<p class=dim>Settings: <code>", r->settings, "</code><br>Model: ");
  put_named(b, "", r->model.path, ", ");
  put_named(b, "", r->hash, "<br>Begun ");
  put_named(b, "", r->created, "");
  bytes_format(b, "; %.0f s of work.<br>", r->seconds);
  put_named(b, "Again: <code>", r->command, "</code></p></section>\n");
  return LOCI_OK;
}

static loci_status put_page(loci_store *s, const loci_store_info *info, const loci_store_opts *how,
                            bytes *b, loci_err *err) {
  bytes_text(b, "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
                "<meta name=\"viewport\" content=\"width=device-width\">\n");
  put_named(b, "<title>loci: ", path_base(info->path), "</title>");
  bytes_format(b, "<style>%s</style>\n", style);
  put_named(b, "<h1>", path_base(info->path), "</h1>\n");
  bytes_format(b,
               "<p>Where does the model keep the fact that answers the question, and how did "
               "it get there? %" PRId64 " examples, %d runs; loci %s. Of traces those count that "
               "are answered correctly and whose total effect is at least %.3g; seed %" PRIu64
               ".</p>",
               info->examples, info->run_count, LOCI_VERSION, how->least_effect, how->seed);
  for (int i = 0; i < info->run_count; i++) TRY(put_run(s, &info->runs[i], how, b, err));
  bytes_text(b, "</html>\n");
  return LOCI_OK;
}

/* The folder of a path, "" if it is the one we are in; freed by the caller. */
static loci_status folder_of(const char *path, char **out, loci_err *err) {
  *out = strdup(path);
  if (!*out) return fail_nomem(err, "writing a report");
  char *slash = strrchr(*out, '/');
  *(slash ? slash : *out) = 0;
  return LOCI_OK;
}

static loci_status write_page(bytes *page, const char *path, loci_err *err) {
  char *folder;
  loci_status st = folder_of(path, &folder, err);
  bool made = !st && *folder && mkdir(folder, 0777) == 0;
  if (!st && *folder && !made && errno != EEXIST) st = fail_errno(err, errno, "%s", folder);
  if (st) {
    bytes_clear(page);
  } else {
    st = bytes_write(page, path, err);
  }
  if (st && made) rmdir(folder);
  free(folder);
  return st;
}

loci_status store_report(loci_store *s, const loci_store_opts *how, const char *path,
                         loci_err *err) {
  loci_store_info *info;
  bytes out = {0};
  TRY(loci_store_info_new(s, how->progress, how->progress_ctx, &info, err));
  loci_status st = put_page(s, info, how, &out, err);
  loci_free(info);
  if (!st) return write_page(&out, path, err);
  bytes_clear(&out);
  return st;
}
