/* What a flow says.  Arrays are [layer][to][from], each head's [layer][head][to][from]; [from]
 * counts all positions of the prompt. */
#include <stdio.h>

#include "show/describe.h"

/* "image.constraint-last.profile" and so on. */
static void say_path(sink *s, const loci_flow *f, const loci_flow_path *x) {
  const loci_axis axes[] = {{"layer", f->layer_count, f->layers, NULL},
                            {"source", x->source_count, x->sources, NULL}},
                  queries = {"query", x->query_count, x->queries, NULL},
                  top[] = {axes[0], {"place", x->top_count, NULL, NULL}};
  say_begin(s, NULL);
  array_under(s, "%s.%s", x->from, x->to);
  say_members(s, x, from, to);
  if (x->outside) say_bool(s, "outside", true);
  say_axis(s, "sources", &axes[1]);
  say_axis(s, "queries", &queries);
  table_begin(s, 1, axes);
  table_arrays(s, x, total, max, mean, norm_of_sum, attention, top_share);
  table_end(s);
  table_begin(s, 2, top);
  table_arrays(s, x, top);
  table_end(s);
  table_begin(s, 2, axes);
  table_arrays(s, x, profile, weights);
  table_end(s);
  if (x->outside) {
    const loci_axis head = {"head", f->head_count, NULL, NULL};
    table_begin(s, 3, (const loci_axis[]){axes[0], queries, axes[1]});
    table_arrays(s, x, contribution);
    table_end(s);
    if (f->head_count > 0) {
      table_begin(s, 4, (const loci_axis[]){axes[0], head, queries, axes[1]});
      table_arrays(s, x, contribution_heads);
      table_end(s);
    }
  }
  say_end(s);
}

/* Positions of each layer's sinks. */
static void say_sinks(sink *s, const loci_flow *f) {
  int T = f->prompt->length;
  say_list(s, "sinks");
  for (int l = 0; l < f->layer_count; l++) {
    say_list(s, NULL);
    for (int j = 0; j < T; j++)
      if (f->sinks[(int64_t)l * T + j]) say_int(s, NULL, j);
    say_end(s);
  }
  say_end(s);
}

static void say_arrays(sink *s, const loci_flow *f) {
  const loci_axis layer = {"layer", f->layer_count, f->layers, NULL},
                  head = {"head", f->head_count, NULL, NULL},
                  to = {"to", f->query_count, f->queries, NULL},
                  from = {"from", f->prompt->length, NULL, NULL};
  say_axis(s, "to", &to);
  say_axis(s, "layers", &layer);
  table_begin(s, 3, (const loci_axis[]){layer, to, from});
  table_arrays(s, f, contribution, attention);
  table_end(s);
  if (f->head_count > 0) {
    table_begin(s, 4, (const loci_axis[]){layer, head, to, from});
    table_arrays(s, f, contribution_heads, attention_heads);
    table_end(s);
  }
  table_begin(s, 2, (const loci_axis[]){layer, from});
  table_arrays(s, f, value_norms);
  if (!is_for(s, SINK_JSON)) table_arrays(s, f, sinks);
  table_end(s);
  if (is_for(s, SINK_JSON)) say_sinks(s, f);
  if (!is_for(s, SINK_COLUMN) || !f->pixels) return;
  const loci_axis colour = {"colour", 3, NULL, NULL}, row = {"row", f->image_height, NULL, NULL},
                  column = {"column", f->image_width, NULL, NULL};
  table_begin(s, 3, (const loci_axis[]){colour, row, column});
  table_arrays(s, f, pixels);
  table_end(s);
}

/* Rows of CSV: what the sources up to each query give in one layer, by one head or (head -1) by all
 * together. */
static void say_rows(sink *s, const loci_flow *f, int layer, int head) {
  int64_t T = f->prompt->length, Q = f->query_count, one = sizeof *f->contribution;
  int64_t at = (head < 0 ? layer : (int64_t)layer * f->head_count + head) * Q * T;
  const loci_axis axes[] = {{"to", Q, f->queries, NULL}, {"from", T, NULL, NULL}};
  const int64_t same[] = {0, one}, same_bool[] = {0, sizeof *f->sinks};
  say_begin(s, NULL);
  say_int(s, "layer", f->layers[layer]);
  if (head >= 0) say_int(s, "head", head);
  table_begin(s, 2, axes);
  table_lower(s);
  table_floats(s, "contribution", (head < 0 ? f->contribution : f->contribution_heads) + at, one);
  table_floats(s, "attention", (head < 0 ? f->attention : f->attention_heads) + at, one);
  table_strided(s, "value_norm", LOCI_TYPE_FLOAT, f->value_norms + layer * T, same);
  table_strided(s, "sink", LOCI_TYPE_BOOL, f->sinks + layer * T, same_bool);
  table_end(s);
  say_end(s);
}

void describe_flow(const void *result, sink *s) {
  const loci_flow *f = result;
  row_columns(s, "layer,head,to,to_token,to_role,from,from_token,from_role,contribution,attention,"
                 "value_norm,sink");
  say_format(s, "flow");
  say_model(s, f->model, f->hash);
  say_request(s, &f->result);
  say_prompt(s, f->prompt);
  if (is_for(s, SINK_CSV)) {
    for (int l = 0; l < f->layer_count; l++)
      for (int h = -1; h < f->head_count; h++) say_rows(s, f, l, h);
    return;
  }
  say_top(s, "next", f->next, LOCI_TOP);
  say_list(s, "summary");
  for (int i = 0; i < f->path_count; i++) say_path(s, f, &f->paths[i]);
  say_end(s);
  say_arrays(s, f);
  say_cost(s, &f->cost);
  say_texts(s, "notes", f->notes, f->note_count);
}
