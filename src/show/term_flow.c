/* A flow for a terminal: the question with its tokens, the model's next token, and for each pathway
 * a map of what its sources give in every layer and the numbers layer by layer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/flow_sheet.h"
#include "show/term_parts.h"

enum { MAX_ROWS = 40 };

/* What stands over the numbers of a layer; narrow screens leave out the last ones. */
static const char *const heads[] = {"layer", "total",     "max",    "mean",
                                    "|sum|", "attention", "top 5 %"};
enum { COLUMNS = sizeof heads / sizeof *heads, COLUMN = 11 };

static int columns_that_fit(const term *t) {
  int n = (t->width - 5) / COLUMN + 1;
  return n > COLUMNS ? COLUMNS : n;
}

static void put_row(term *t, term_style style, const char *const *cells, int n) {
  char text[32];
  for (int i = 0; i < n; i++) {
    snprintf(text, sizeof text, "%*s", i == 0 ? 5 : COLUMN, cells[i]);
    term_put(t, style, text);
  }
  term_newline(t);
}

static void put_table(term *t, const loci_flow *f, const loci_flow_path *x) {
  char text[COLUMNS][24];
  const char *cells[COLUMNS];
  int n = columns_that_fit(t), peak = flow_peak(f, x);
  put_row(t, TERM_DIM, heads, n);
  for (int i = 0; i < COLUMNS; i++) cells[i] = text[i];
  for (int l = 0; l < f->layer_count; l++) {
    const double numbers[] = {x->total[l], x->max[l], x->mean[l], x->norm_of_sum[l]};
    snprintf(text[0], sizeof text[0], "%d", f->layers[l]);
    for (int i = 0; i < 4; i++) snprintf(text[1 + i], sizeof text[0], "%.4g", numbers[i]);
    snprintf(text[5], sizeof text[0], "%.4f", x->attention[l]);
    snprintf(text[6], sizeof text[0], "%.1f %%", 100 * x->top_share[l]);
    put_row(t, l == peak ? TERM_BOLD : TERM_PLAIN, cells, n);
  }
}

/* The strongest source in the layer in which most flows. */
static void put_peak(term *t, const loci_flow *f, const loci_flow_path *x) {
  int l = flow_peak(f, x), at = x->top[(int64_t)l * x->top_count];
  label_spelling spelling = label_spelling_of(f->prompt->tokens, f->prompt->length);
  term_format(t, TERM_PLAIN, "Most flows in layer %d; most of it from", f->layers[l]);
  if (f->prompt->tokens[at].role == LOCI_ROLE_IMAGE) {
    term_format(t, TERM_PLAIN, "image position %d, of patch %d.", at, at - f->prompt->image_first);
  } else {
    term_format(t, TERM_PLAIN, "position %d \xE2\x80\x9C%s\xE2\x80\x9D.", at,
                term_token(t, spelling, f->prompt->tokens[at].text));
  }
  term_newline(t);
}

static loci_status put_path(term *t, const loci_flow *f, const loci_flow_path *x, loci_err *err) {
  sheet *s;
  TRY(flow_sheet_new(f, x, FLOW_CONTRIBUTION, MAX_ROWS, &s, err));
  term_newline(t);
  term_panel(t, s, s->panels);
  term_newline(t);
  term_legend(t, s);
  if (s->band > 1) {
    term_format(t, TERM_DIM, "Up to %d positions share a row, which shows the strongest of them.",
                s->band);
    term_newline(t);
  }
  sheet_free(s);
  term_newline(t);
  put_table(t, f, x);
  term_newline(t);
  put_peak(t, f, x);
  return LOCI_OK;
}

static void put_head(term *t, const loci_flow *f) {
  label_spelling spelling = label_spelling_of(f->prompt->tokens, f->prompt->length);
  loci_outcome next = {{0}, {{0}}};
  memcpy(next.top, f->next, sizeof next.top);
  term_question(t, spelling, f->prompt, f->model);
  t->indent = 10;
  term_put(t, TERM_DIM, "answers   ");
  term_outcome(t, spelling, &next);
  term_newline(t);
  t->indent = 0;
}

static void put_foot(term *t, const loci_flow *f) {
  term_newline(t);
  for (int i = 0; i < f->note_count; i++) {
    t->indent = 6;
    term_put(t, TERM_BOLD, "note: ");
    term_words(t, TERM_PLAIN, f->notes[i]);
    term_newline(t);
  }
  t->indent = 0;
  term_cost(t, &f->cost, "vector");
  term_newline(t);
}

loci_status flow_draw(const void *result, const loci_draw_opts *opts, char **out, loci_err *err) {
  const loci_flow *flow = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  arena *mem = arena_new();
  *out = NULL;
  if (!mem) return fail_nomem(err, "drawing a flow");
  term t = term_of(&o, mem);
  loci_status st = LOCI_OK;
  put_head(&t, flow);
  for (int i = 0; !st && i < flow->path_count; i++) st = put_path(&t, flow, &flow->paths[i], err);
  put_foot(&t, flow);
  if (st) {
    bytes_clear(&t.out);
  } else {
    st = bytes_take(&t.out, out, NULL, err);
  }
  arena_free(mem);
  return st;
}
