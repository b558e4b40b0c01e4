/* Sheets of a flow (see flow_heatmap.h). */
#include "model/image_layout.h"
#include "show/flow_heatmap.h"

#include <math.h>
#include <stdio.h>

#include "show/label.h"

typedef struct pathway_builder {
  const loci_flow *flow;
  const loci_flow_path *path;
  const double *numbers; /* (layers, sources) */
  int per;               /* sources in a row */
  heatmap *s;
} pathway_builder;

int flow_peak(const loci_flow *flow, const loci_flow_path *path) {
  int best = 0;
  for (int l = 1; l < flow->layer_count; l++) {
    if (path->total[l] > path->total[best]) best = l;
  }
  return best;
}

static const char *row_label(const pathway_builder *m, const heatmap_row *r) {
  const loci_prompt_info *p = m->flow->prompt;
  char text[64];
  if (r->first == r->last && r->role == LOCI_ROLE_IMAGE) { /* its token says nothing */
    int at = flow_image_row(m->flow, m->path, r->first);
    image_cell cell = layout_cell(p->image_views, p->image_view_count, at);
    const loci_image_view *v = cell.view < 0 ? NULL : &p->image_views[cell.view];
    bool several = p->image_view_count > 1;
    if (!v) {
      snprintf(text, sizeof text, "patch %d", at);
    } else if (cell.col == v->cols) {
      snprintf(text, sizeof text, "%s row %d end", v->name, cell.row);
    } else {
      snprintf(text, sizeof text, "%s%srow %d col %d", several ? v->name : "", several ? " " : "",
               cell.row, cell.col);
    }
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

static bool fill_rows(const pathway_builder *m, heatmap_panel *p) {
  const loci_flow_path *x = m->path;
  int L = m->flow->layer_count, n = 0;
  heatmap_row *rows = arena_zarray(m->s->mem, x->source_count, heatmap_row);
  double *values = arena_zarray(m->s->mem, (int64_t)x->source_count * L, double);
  bool *zero = arena_zarray(m->s->mem, (int64_t)x->source_count * L, bool);
  if (!rows || !values || !zero) return false;
  for (int j = 0; j < x->source_count; n++) {
    int first = j, position = x->sources[j];
    loci_role role = x->outside ? LOCI_ROLE_IMAGE : m->flow->prompt->tokens[position].role;
    rows[n] = (heatmap_row){NULL, position, position, role};
    for (; j < x->source_count && j - first < m->per && x->sources[j] - position == j - first;
         j++) {
      for (int l = 0; l < L; l++) {
        double *cell = &values[(int64_t)n * L + l];
        *cell = fmax(*cell, m->numbers[(int64_t)l * x->source_count + j]);
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

/* A heatmap of one panel without rows. */
static heatmap *new_heatmap(arena *mem, const loci_flow *flow, const loci_flow_path *path,
                            const char *what, const char *unit) {
  char title[128];
  heatmap *s = arena_zarray(mem, 1, heatmap);
  heatmap_panel *p = arena_zarray(mem, 1, heatmap_panel);
  snprintf(title, sizeof title, "%s \xE2\x86\x92 %s%s", path->from, path->to, what);
  char *own = arena_strdup(mem, title);
  if (!s || !p || !own) return NULL;
  *p = (heatmap_panel){.layer_count = flow->layer_count, .layers = flow->layers, .title = own};
  *s = (heatmap){.mem = mem, .panel_count = 1, .panels = p, .unit = unit};
  return s;
}

heatmap *flow_heatmap(arena *mem, const loci_flow *flow, const loci_flow_path *path,
                      flow_quantity what, int max_rows) {
  bool raw = what == FLOW_ATTENTION;
  heatmap *s = new_heatmap(mem, flow, path, raw ? ", raw attention" : "",
                           raw ? "attention weight, mean over heads" : "norm of the contribution");
  pathway_builder m = {flow, path, raw ? path->weights : path->profile, 1, s};
  m.per = (path->source_count + max_rows - 1) / max_rows;
  if (!s || !fill_rows(&m, s->panels)) return NULL;
  s->band = m.per;
  heatmap_scale(s);
  return s;
}

/* ---------------------------------------------------------------- heads */

static int query_at(const loci_flow *f, int position) {
  int i = 0;
  while (i + 1 < f->query_count && f->queries[i] != position) i++;
  return i;
}

static double given_by(const loci_flow *f, const loci_flow_path *x, int layer, int head) {
  double sum = 0;
  if (x->outside) {
    int64_t n = (int64_t)x->query_count * x->source_count;
    const float *c = x->contribution_heads + ((int64_t)layer * f->head_count + head) * n;
    for (int64_t i = 0; i < n; i++) sum += (double)c[i];
    return sum / x->query_count;
  }
  for (int q = 0; q < x->query_count; q++) {
    int64_t row = ((int64_t)layer * f->head_count + head) * f->query_count;
    const float *c = f->contribution_heads + (row + query_at(f, x->queries[q])) * f->prompt->length;
    for (int j = 0; j < x->source_count; j++) sum += (double)c[x->sources[j]];
  }
  return sum / x->query_count;
}

heatmap *flow_heads_heatmap(arena *mem, const loci_flow *flow, const loci_flow_path *path) {
  int L = flow->layer_count, H = flow->head_count;
  heatmap *s = new_heatmap(mem, flow, path, ", by head", "contribution of a head, all sources");
  heatmap_row *rows = arena_zarray(mem, H, heatmap_row);
  double *values = arena_zarray(mem, (int64_t)H * L, double);
  bool *zero = arena_zarray(mem, (int64_t)H * L, bool);
  if (!s || !rows || !values || !zero) return NULL;
  for (int h = 0; h < H; h++) {
    char text[24];
    snprintf(text, sizeof text, "head %d", h);
    rows[h] = (heatmap_row){arena_strdup(mem, text), -1, -1, LOCI_ROLE_BEFORE};
    if (!rows[h].label) return NULL;
    for (int l = 0; l < L; l++) values[(int64_t)h * L + l] = given_by(flow, path, l, h);
  }
  s->panels->group_rows = s->panels->row_count = H;
  s->panels->rows = rows;
  s->panels->values = values;
  s->panels->zero = zero;
  heatmap_scale(s);
  return s;
}
