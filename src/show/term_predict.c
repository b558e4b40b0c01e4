/* Failure prediction for a terminal: how often the model was right, and a table of scores. */
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/study_parts.h"

enum { NAME_W = 14, AUROC_W = 21, LEAD_W = 22 };

/* The columns there is room for: the last ones are left out on narrow screens. */
static int column_count(const term *t) {
  int room = t->width - NAME_W - AUROC_W;
  return room < LEAD_W ? 1 : room < LEAD_W + AUROC_W - 1 ? 2 : 3;
}

static void put_table(term *t, const loci_prediction *p) {
  int columns = column_count(t);
  char text[48];
  term_cell(t, TERM_DIM, "score", NAME_W);
  term_cell(t, TERM_DIM, "AUROC (95 %)", AUROC_W);
  if (columns > 1) term_cell(t, TERM_DIM, "minus confidence's", LEAD_W);
  if (columns > 2) term_cell(t, TERM_DIM, "on all examples", AUROC_W);
  term_newline(t);
  for (int i = 0; i < p->predictor_count; i++) {
    const loci_predictor *r = &p->predictors[i];
    bool itself = strcmp(r->name, "confidence") == 0;
    term_cell(t, TERM_BOLD, r->name, NAME_W);
    term_cell(t, TERM_PLAIN, interval_text(&r->auroc, false, t->ascii, text), AUROC_W);
    if (columns > 1)
      term_cell(t, TERM_PLAIN, itself ? "" : interval_text(&r->lead, true, t->ascii, text), LEAD_W);
    if (columns > 2)
      term_cell(t, TERM_PLAIN, interval_text(&r->all, false, t->ascii, text), AUROC_W);
    term_newline(t);
  }
}

static void put_head(term *t, const loci_prediction *p) {
  int last = p->layer_count - 1;
  term_format(t, TERM_BOLD, "%d right, %d wrong of %d answers", p->right, p->wrong, p->sample.used);
  term_format(t, TERM_DIM, "(first token right: %d)", p->first_right);
  term_newline(t);
  if (p->best_first_layer < 0) {
    term_format(t, TERM_PLAIN, "layers %d to %d, as asked for; tested on all", p->first_layer,
                p->first_layer + last);
  } else {
    term_format(t, TERM_PLAIN,
                "layers %d to %d round the strongest, %d to %d as best layers: chosen on one half, "
                "tested on the other (%d right, %d wrong)",
                p->first_layer, p->first_layer + last, p->best_first_layer,
                p->best_first_layer + last, p->tested_right, p->tested_wrong);
  }
  term_newline(t);
}

static void put_meanings(term *t, const loci_prediction *p) {
  for (int i = 0; i < p->predictor_count; i++) {
    t->indent = 2;
    term_format(t, TERM_DIM, "%s: %s", p->predictors[i].name, p->predictors[i].meaning);
    term_newline(t);
  }
  t->indent = 0;
}

loci_status prediction_draw(const void *result, const loci_draw_opts *opts, char **out,
                            loci_err *err) {
  const loci_prediction *p = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  *out = NULL;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "drawing a prediction");
  term t = term_of(&o, mem);
  put_head(&t, p);
  term_newline(&t);
  put_table(&t, p);
  term_newline(&t);
  put_meanings(&t, p);
  term_newline(&t);
  term_dropped(&t, &p->sample);
  term_sample(&t, &p->sample);
  loci_status st = bytes_take(&t.out, out, NULL, err);
  arena_free(mem);
  return st;
}
