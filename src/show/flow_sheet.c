/* Sheets of a flow (see flow_sheet.h). */
#include "show/flow_sheet.h"

#include <math.h>
#include <stdio.h>

#include "show/label.h"

typedef struct maker {
  const loci_flow *flow;
  const loci_flow_path *path;
  const double *numbers; /* (layers, sources) */
  int per;               /* sources in a row */
  sheet *s;
} maker;

int flow_peak(const loci_flow *flow, const loci_flow_path *path) {
  int best = 0;
  for (int l = 1; l < flow->layer_count; l++) {
    if (path->total[l] > path->total[best]) best = l;
  }
  return best;
}

static const char *row_label(const maker *m, const sheet_row *r) {
  const loci_prompt_info *p = m->flow->prompt;
  char text[64];
  if (r->first == r->last && r->role == LOCI_ROLE_IMAGE) { /* its token says nothing */
    int at = r->first - p->image_first;
    bool grid = p->image_rows * p->image_cols == p->image_count && p->image_cols > 0;
    snprintf(text, sizeof text, "patch %d", at);
    if (grid) snprintf(text, sizeof text, "row %d col %d", at / p->image_cols, at % p->image_cols);
    return arena_strdup(m->s->mem, text);
  }
  if (r->first == r->last) {
    label_spelling spelling = label_spelling_of(p->tokens, p->length);
    return label_token(m->s->mem, spelling, p->tokens[r->first].text);
  }
  snprintf(text, sizeof text, "%s%d\xE2\x80\x93%d", r->role == LOCI_ROLE_IMAGE ? "image " : "",
           r->first, r->last);
  return arena_strdup(m->s->mem, text);
}

static bool fill_rows(const maker *m, sheet_panel *p) {
  const loci_flow_path *x = m->path;
  int L = m->flow->layer_count, n = 0;
  sheet_row *rows = arena_zarray(m->s->mem, x->source_count, sheet_row);
  double *values = arena_zarray(m->s->mem, (int64_t)x->source_count * L, double);
  bool *zero = arena_zarray(m->s->mem, (int64_t)x->source_count * L, bool);
  if (!rows || !values || !zero) return false;
  for (int j = 0; j < x->source_count; n++) {
    int first = j, position = x->sources[j];
    rows[n] = (sheet_row){NULL, position, position, m->flow->prompt->tokens[position].role};
    for (; j < x->source_count && j - first < m->per && x->sources[j] - position == j - first;
         j++) {
      for (int l = 0; l < L; l++) {
        double *cell = &values[(int64_t)n * L + l];
        *cell = fmax(*cell, m->numbers[(int64_t)l * x->source_count + j]);
        if (isfinite(*cell)) m->s->hi = fmax(m->s->hi, *cell);
      }
    }
    rows[n].last = x->sources[j - 1];
    rows[n].label = row_label(m, &rows[n]);
    if (!rows[n].label) return false;
  }
  p->row_count = n;
  p->rows = rows;
  p->values = values;
  p->zero = zero;
  return true;
}

static bool fill(const maker *m, flow_quantity what) {
  char title[128];
  sheet_panel *p = m->s->panels;
  if (!p) return false;
  m->s->panel_count = 1;
  snprintf(title, sizeof title, "%s \xE2\x86\x92 %s%s", m->path->from, m->path->to,
           what == FLOW_ATTENTION ? ", raw attention" : "");
  *p = (sheet_panel){.layer_count = m->flow->layer_count,
                     .layers = m->flow->layers,
                     .title = arena_strdup(m->s->mem, title)};
  return p->title && fill_rows(m, p);
}

loci_status flow_sheet_new(const loci_flow *flow, const loci_flow_path *path, flow_quantity what,
                           int max_rows, sheet **out, loci_err *err) {
  *out = NULL;
  arena *mem = arena_new();
  sheet *s = mem ? arena_zarray(mem, 1, sheet) : NULL;
  bool sound = s != NULL;
  if (s) {
    maker m = {.flow = flow, .path = path, .s = s};
    m.numbers = what == FLOW_ATTENTION ? path->weights : path->profile;
    m.per = (path->source_count + max_rows - 1) / max_rows;
    *s = (sheet){.mem = mem, .band = m.per};
    s->unit =
        what == FLOW_ATTENTION ? "attention weight, mean over heads" : "norm of the contribution";
    s->panels = arena_zarray(mem, 1, sheet_panel);
    sound = fill(&m, what);
  }
  if (!sound) {
    arena_free(mem);
    return fail_nomem(err, "laying out a flow");
  }
  *out = s;
  return LOCI_OK;
}
