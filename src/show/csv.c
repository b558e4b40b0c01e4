/* Results as CSV (RFC 4180): a row per cell, for spreadsheets, R and pandas. */
#include <math.h>
#include <string.h>

#include "show/formats.h"

void csv_text(bytes *b, const char *s) {
  size_t n = strlen(s);
  bool plain = strcspn(s, ",\"\r\n") == n && !(n > 0 && (s[0] == ' ' || s[n - 1] == ' '));
  if (plain) {
    bytes_text(b, s);
    return;
  }
  bytes_text(b, "\"");
  for (; *s; s++) {
    if (*s == '"') bytes_text(b, "\"");
    bytes_add(b, s, 1);
  }
  bytes_text(b, "\"");
}

void csv_number(bytes *b, double x) {
  bytes_text(b, ",");
  if (isfinite(x)) bytes_format(b, "%.12g", x);
}

/* position,token,role */
static void put_column(bytes *b, const loci_trace *t, const loci_grid *g, int column) {
  if (g->groups) {
    bytes_text(b, ",,");
    csv_text(b, g->groups[column]);
    bytes_text(b, ",group");
    return;
  }
  int position = g->positions[column];
  bool known = position >= 0 && position < t->prompt->length;
  bytes_format(b, ",%d,", position);
  if (known && t->prompt->tokens[position].text) csv_text(b, t->prompt->tokens[position].text);
  bytes_format(b, ",%s", known ? loci_role_name(t->prompt->tokens[position].role) : "");
}

/* Columns beyond those that every trace has. */
typedef struct extra_columns {
  bool head;     /* some grid has heads */
  bool first;    /* the answer has several tokens, and its first one numbers of its own */
  bool screened; /* cells have estimates, and some nothing else */
} extra_columns;

static void put_estimate(bytes *b, const loci_grid *g, int64_t i) {
  bytes_text(b, g->exact[i] ? ",1" : ",0");
  csv_number(b, g->estimates[i].p);
  csv_number(b, g->estimates[i].logp);
  csv_number(b, g->estimates[i].logit_diff);
}

static void put_extra(bytes *b, const loci_grid *g, const loci_metrics *m, int head,
                      const extra_columns *extra) {
  if (g->head_count > 0) {
    bytes_format(b, ",%d", head);
  } else if (extra->head) {
    bytes_text(b, ",");
  }
  if (!extra->first) return;
  csv_number(b, m->p_first);
  csv_number(b, m->logp_first);
}

static void put_grid(bytes *b, const loci_trace *t, const loci_grid *g,
                     const extra_columns *extra) {
  int heads = g->head_count > 0 ? g->head_count : 1;
  int64_t i = 0;
  for (int l = 0; l < g->layer_count; l++) {
    for (int c = 0; c < g->column_count; c++) {
      for (int h = 0; h < heads; h++, i++) {
        const loci_metrics *m = &g->cells[i];
        bytes_format(b, "%s,%d,%s,%d", loci_site_name(g->site), g->window,
                     loci_name(LOCI_NAMES_DIRECTION, (int)g->direction - 1), g->layers[l]);
        put_column(b, t, g, c);
        csv_number(b, m->p);
        csv_number(b, m->logp);
        csv_number(b, m->logit_diff);
        csv_number(b, m->kl);
        csv_number(b, g->ie[i]);
        csv_number(b, g->restoration[i]);
        put_extra(b, g, m, h, extra);
        if (extra->screened) put_estimate(b, g, i);
        bytes_text(b, "\r\n");
      }
    }
  }
}

void trace_csv(const void *result, bytes *out) {
  const loci_trace *trace = result;
  extra_columns extra = {.first = trace->target_count > 1, .screened = trace->screen > 0};
  for (int i = 0; i < trace->grid_count; i++) extra.head |= trace->grids[i].head_count > 0;
  bytes_format(out,
               "site,window,direction,layer,position,token,role,p,logp,logit_diff,kl,ie,"
               "restoration%s%s%s\r\n",
               extra.head ? ",head" : "", extra.first ? ",p_first,logp_first" : "",
               extra.screened ? ",exact,estimate_p,estimate_logp,estimate_logit_diff" : "");
  for (int i = 0; i < trace->grid_count; i++) put_grid(out, trace, &trace->grids[i], &extra);
}

/* pathway by pathway, centre by centre */
void knockout_csv(const void *result, bytes *out) {
  const loci_knockout *k = result;
  bool first = k->target_count > 1;
  bytes_format(out, "from,to,window,layer,p,logp,logit_diff,kl,skipped%s\r\n",
               first ? ",p_first,logp_first" : "");
  for (int a = 0; a < k->pathway_count; a++) {
    const loci_pathway *x = &k->pathways[a];
    for (int i = 0; i < x->layer_count; i++) {
      const loci_metrics *m = &x->cells[i];
      bytes_format(out, "%s,%s,%d,%d", x->from, x->to, x->window, x->layers[i]);
      csv_number(out, m->p);
      csv_number(out, m->logp);
      csv_number(out, m->logit_diff);
      csv_number(out, m->kl);
      bytes_text(out, x->skipped[i] ? ",1" : ",0");
      if (first) csv_number(out, m->p_first);
      if (first) csv_number(out, m->logp_first);
      bytes_text(out, "\r\n");
    }
  }
}

/* position by position, layer by layer; the best tokens at the end */
void lens_csv(const void *result, bytes *out) {
  const loci_lens *l = result;
  bytes_text(out, "position,token,role,layer,p_target,logp_target,rank");
  for (int k = 1; k <= LOCI_TOP; k++) bytes_format(out, ",top%d,p%d", k, k);
  bytes_text(out, "\r\n");
  for (int i = 0; i < l->position_count; i++) {
    const loci_token *token = &l->prompt->tokens[l->positions[i]];
    for (int k = 0; k < l->layer_count; k++) {
      const loci_lens_cell *c = &l->cells[(int64_t)i * l->layer_count + k];
      bytes_format(out, "%d,", l->positions[i]);
      csv_text(out, token->text ? token->text : "");
      bytes_format(out, ",%s,%d", loci_role_name(token->role), l->layers[k]);
      csv_number(out, c->p);
      csv_number(out, c->logp);
      bytes_format(out, ",%d", c->rank);
      for (int t = 0; t < LOCI_TOP; t++) {
        bytes_text(out, ",");
        csv_text(out, c->top[t].text);
        csv_number(out, c->top[t].p);
      }
      bytes_text(out, "\r\n");
    }
  }
}

/* ---------------------------------------------------------------- contributions */

/* position,token,role */
static void put_position(bytes *b, const loci_prompt_info *p, int position) {
  bytes_format(b, ",%d,", position);
  if (p->tokens[position].text) csv_text(b, p->tokens[position].text);
  bytes_format(b, ",%s", loci_role_name(p->tokens[position].role));
}

/* What the sources up to the query give, by one head or (head -1) by all together. */
static void put_sources(bytes *b, const loci_flow *f, int layer, int head, int query) {
  int T = f->prompt->length, position = f->queries[query];
  int64_t lead = head < 0 ? layer : (int64_t)layer * f->head_count + head;
  int64_t at = (lead * f->query_count + query) * T;
  const float *norms = head < 0 ? f->contribution : f->contribution_heads;
  const float *weights = head < 0 ? f->attention : f->attention_heads;
  for (int j = 0; j <= position; j++) {
    bytes_format(b, "%d,", f->layers[layer]);
    if (head >= 0) bytes_format(b, "%d", head);
    put_position(b, f->prompt, position);
    put_position(b, f->prompt, j);
    csv_number(b, (double)norms[at + j]);
    csv_number(b, (double)weights[at + j]);
    csv_number(b, (double)f->value_norms[(int64_t)layer * T + j]);
    bytes_text(b, f->sinks[(int64_t)layer * T + j] ? ",1\r\n" : ",0\r\n");
  }
}

void flow_csv(const void *result, bytes *out) {
  const loci_flow *f = result;
  bytes_text(out, "layer,head,to,to_token,to_role,from,from_token,from_role,contribution,attention,"
                  "value_norm,sink\r\n");
  for (int l = 0; l < f->layer_count; l++) {
    for (int h = -1; h < f->head_count; h++) {
      for (int q = 0; q < f->query_count; q++) put_sources(out, f, l, h, q);
    }
  }
}
