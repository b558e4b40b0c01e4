/* loci_flow_new: contributions of a prompt as pathways between groups of positions (docs/MATH.md,
 * "Contributions").
 *
 * groups -> pathways -> one walk -> profiles, totals, top sources -> sinks -> hints */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/result.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "study/flow_measure.h"
#include "model/command.h"
#include "study/layers.h"
#include "study/request.h"
#include "walk/target.h"
#include "walk/logits.h"

enum { MOST_PATHS = 2, MOST_NOTES = 4 };

/* A sink draws at least this many times its share of attention, and its value is at most this part
 * of the usual one. */
static const double SINK_ATTENTION = 5, SINK_VALUE = 0.5;
static const double TOP_SHARE = 0.05;

typedef struct report_builder {
  const loci_prompt *p;
  const loci_flow_opts *opts;
  arena *mem;
  loci_flow *out;
  int T, first, layers;
  loci_flow_path *paths;
  flow_table tables[1 + MOST_PATHS]; /* all sources; then the sums of each pathway */
} report_builder;

/* ---------------------------------------------------------------- what is asked */

/* A path whose sources all come after what its queries see is empty, and is refused rather than
 * drawn as zeros. */
static loci_status add_path(report_builder *m, group_kind from, group_kind to, loci_err *err) {
  flow_table *t = &m->tables[1 + m->out->path_count];
  TRY(flow_sources(m->p, from, m->mem, &t->sources, &t->outside, err));
  TRY(flow_group(m->p, to, m->mem, &t->queries, err));
  int seen = mutual_end(m->p->mutual, t->queries.at[t->queries.count - 1] + 1);
  if (!t->outside && seen <= t->sources.at[0]) {
    return fail(err, LOCI_EINVAL,
                "nothing flows from %s to %s: attention looks back, and all of %s stands after %s",
                group_name(from), group_name(to), group_name(from), group_name(to));
  }
  m->paths[m->out->path_count++] = (loci_flow_path){.from = group_name(from),
                                                    .to = group_name(to),
                                                    .source_count = t->sources.count,
                                                    .query_count = t->queries.count,
                                                    .sources = t->sources.at,
                                                    .queries = t->queries.at,
                                                    .outside = t->outside};
  return LOCI_OK;
}

/* The paper's two pathways unless one is named: the image to the constraint's last token, and
 * the constraint to the last position. */
static loci_status find_paths(report_builder *m, loci_err *err) {
  const loci_flow_opts *o = m->opts;
  group_kind from, to;
  m->paths = arena_zarray(m->mem, MOST_PATHS, loci_flow_path);
  if (!m->paths) return fail_nomem(err, "measuring contributions");
  m->out->paths = m->paths;
  if (o->from) {
    TRY(group_find(o->from, strlen(o->from), &from, err));
    TRY(group_find(o->to, strlen(o->to), &to, err));
    return add_path(m, from, to, err);
  }
  if (prompt_picture(m->p)) {
    TRY(add_path(m, GROUP_IMAGE, GROUP_CONSTRAINT_LAST, err));
  }
  return add_path(m, GROUP_CONSTRAINT, GROUP_LAST, err);
}

/* Queries of the whole table: those of the pathways; and every position of the constraints unless
 * one pathway was asked for. */
static loci_status find_queries(report_builder *m, loci_err *err) {
  int *all = arena_array(m->mem, m->T, int), *at = arena_array(m->mem, m->T, int), n = 0;
  bool *asked = arena_zarray(m->mem, m->T, bool);
  flow_span more = {0};
  if (!all || !at || !asked) return fail_nomem(err, "measuring contributions");
  if (!m->opts->from) TRY(flow_group(m->p, GROUP_CONSTRAINT, m->mem, &more, err));
  for (int i = 0; i < more.count; i++) asked[more.at[i]] = true;
  for (int k = 0; k < m->out->path_count; k++) {
    for (int i = 0; i < m->paths[k].query_count; i++) asked[m->paths[k].queries[i]] = true;
  }
  for (int i = 0; i < m->T; i++) {
    all[i] = i;
    if (asked[i]) at[n++] = i;
  }
  m->tables[0].sources = (flow_span){m->T, all};
  m->tables[0].queries = (flow_span){n, at};
  m->out->queries = at;
  m->out->query_count = n;
  return LOCI_OK;
}

static loci_status make_room(report_builder *m, loci_err *err) {
  for (int k = 0; k <= m->out->path_count; k++) {
    unsigned parts = FLOW_NORMS | FLOW_VALUES | (m->opts->heads ? FLOW_HEADS : 0u);
    m->tables[k].first = m->first;
    m->tables[k].layers = m->layers;
    unsigned own = m->tables[k].outside ? FLOW_SUMS | (parts & ~(unsigned)FLOW_VALUES) : FLOW_SUMS;
    TRY(flow_table_room(m->p->model, k ? own : parts, m->mem, &m->tables[k], err));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- pathways */

/* The pathway's norms, out of the table of all sources. */
static loci_status gather(const report_builder *m, flow_table *t, loci_err *err) {
  const flow_table *all = &m->tables[0];
  int64_t Q = t->queries.count, S = t->sources.count;
  t->norms = arena_array(m->mem, t->layers * Q * S, float);
  if (!t->norms) return fail_nomem(err, "measuring contributions");
  for (int l = 0; l < t->layers; l++) {
    int row = 0;
    for (int64_t q = 0; q < Q; q++) {
      while (all->queries.at[row] != t->queries.at[q]) row++;
      const float *from = all->norms + ((int64_t)l * all->queries.count + row) * m->T;
      for (int64_t j = 0; j < S; j++) t->norms[(l * Q + q) * S + j] = from[t->sources.at[j]];
    }
  }
  return LOCI_OK;
}

typedef struct ranked {
  double value;
  int position;
} ranked;

/* Strongest first, the smaller position first of equals. */
static int compare_ranks(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->value != y->value) return x->value > y->value ? -1 : 1;
  return (x->position > y->position) - (x->position < y->position);
}

/* The strongest sources of a profile into top; returns their share of the total. */
static double find_top(const loci_flow_path *x, const double *profile, double total,
                       ranked *scratch, int *top) {
  double sum = 0;
  for (int j = 0; j < x->source_count; j++) scratch[j] = (ranked){profile[j], x->sources[j]};
  qsort(scratch, (size_t)x->source_count, sizeof *scratch, compare_ranks);
  for (int k = 0; k < x->top_count; k++) {
    top[k] = scratch[k].position;
    sum += scratch[k].value;
  }
  return total > 0 ? sum / total : 0;
}

/* All arrays of a path are of one block each, (layers, ...), so that files can take them as they
 * are. */
static loci_status fill_path(report_builder *m, int k, loci_err *err) {
  loci_flow_path *x = &m->paths[k];
  flow_table *t = &m->tables[1 + k];
  int64_t L = t->layers, S = t->sources.count;
  if (!t->outside) TRY(gather(m, t, err));
  x->contribution = t->outside ? t->norms : NULL;
  x->contribution_heads = t->head_norms;
  x->top_count = (int)ceil(TOP_SHARE * (double)S);
  double *profile = arena_array(m->mem, 2 * L * S, double);
  double *numbers = arena_array(m->mem, 6 * L, double);
  int *top = arena_array(m->mem, L * x->top_count, int);
  ranked *scratch = arena_array(m->mem, S, ranked);
  if (!profile || !numbers || !top || !scratch) return fail_nomem(err, "measuring contributions");
  double *weights = profile + L * S;
  for (int l = 0; l < L; l++) {
    flow_path p = flow_path_at(t, l);
    flow_profile_at(t, l, profile + l * S, weights + l * S);
    double share = find_top(x, profile + l * S, p.total, scratch, top + (int64_t)l * x->top_count);
    const double of_layer[6] = {p.total, p.max, p.mean, p.norm_of_sum, p.attention, share};
    for (int i = 0; i < 6; i++) numbers[i * L + l] = of_layer[i];
  }
  x->profile = profile;
  x->weights = weights;
  x->total = numbers;
  x->max = numbers + L;
  x->mean = numbers + 2 * L;
  x->norm_of_sum = numbers + 3 * L;
  x->attention = numbers + 4 * L;
  x->top_share = numbers + 5 * L;
  x->top = top;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- the whole table */

/* Raw attention, mean over heads (layers, queries, T). */
static loci_status fill_attention(const report_builder *m, loci_err *err) {
  const flow_table *t = &m->tables[0];
  int64_t cells = (int64_t)t->queries.count * m->T;
  float *out = arena_array(m->mem, t->layers * cells, float);
  if (!out) return fail_nomem(err, "measuring contributions");
  for (int64_t i = 0; i < t->layers * cells; i++) {
    const float *a = t->attention + i / cells * t->heads * cells + i % cells;
    double sum = 0;
    for (int h = 0; h < t->heads; h++) sum += (double)a[h * cells];
    out[i] = (float)(sum / t->heads);
  }
  m->out->attention = out;
  m->out->contribution = t->norms;
  m->out->value_norms = t->value_norms;
  m->out->head_count = m->opts->heads ? t->heads : 0;
  m->out->contribution_heads = t->head_norms;
  m->out->attention_heads = m->opts->heads ? t->attention : NULL;
  return LOCI_OK;
}

static int compare_floats(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* Attention source j draws, in parts of what an even spread would give it: the mean over the
 * queries i that see it of (i + 1) times the weight. */
static double attraction(const report_builder *m, int layer, int j) {
  const flow_table *t = &m->tables[0];
  double sum = 0;
  int n = 0;
  for (int q = 0; q < t->queries.count; q++) {
    int i = t->queries.at[q];
    if (i < j) continue;
    int64_t at = ((int64_t)layer * t->queries.count + q) * m->T + j;
    sum += (double)m->out->attention[at] * (i + 1);
    n++;
  }
  return n > 0 ? sum / n : 0;
}

/* A sink draws attention and gives nothing: both must hold, for a strong source draws attention,
 * too. "Usual" is the median, which sinks do not move. */
static loci_status find_sinks(const report_builder *m, loci_err *err) {
  bool *sinks = arena_zarray(m->mem, (int64_t)m->layers * m->T, bool);
  float *sorted = arena_array(m->mem, m->T, float);
  if (!sinks || !sorted) return fail_nomem(err, "measuring contributions");
  for (int l = 0; l < m->layers; l++) {
    const float *norms = m->out->value_norms + (int64_t)l * m->T;
    memcpy(sorted, norms, (size_t)m->T * sizeof *sorted);
    qsort(sorted, (size_t)m->T, sizeof *sorted, compare_floats);
    double usual = ((double)sorted[(m->T - 1) / 2] + (double)sorted[m->T / 2]) / 2;
    for (int j = 0; j < m->T; j++) {
      sinks[(int64_t)l * m->T + j] =
          attraction(m, l, j) >= SINK_ATTENTION && (double)norms[j] <= SINK_VALUE * usual;
    }
  }
  m->out->sinks = sinks;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- hints */

/* The positions that are sinks in most layers, one hint each. */
static loci_status note_sinks(report_builder *m, loci_err *err) {
  const char **notes = arena_zarray(m->mem, MOST_NOTES, const char *);
  if (!notes) return fail_nomem(err, "writing hints");
  m->out->notes = notes;
  for (int j = 0; j < m->T && m->out->note_count < MOST_NOTES; j++) {
    char text[256];
    int n = 0;
    for (int l = 0; l < m->layers; l++) n += m->out->sinks[(int64_t)l * m->T + j];
    if (n == 0) continue;
    const char *token = m->p->info.tokens[j].text;
    snprintf(
        text, sizeof text,
        "position %d \xE2\x80\x9C%.64s\xE2\x80\x9D is an attention sink in %d of %d layers: much "
        "attended to, but its value is small",
        j, token ? token : "", n, m->layers);
    utf8_make_printable(text);
    notes[m->out->note_count] = arena_strdup(m->mem, text);
    if (!notes[m->out->note_count++]) return fail_nomem(err, "writing hints");
  }
  return LOCI_OK;
}

/* A plain forward, and then the product with W_O for every query and source. */
static double naive_flop(const report_builder *m) {
  const decoder_config *c = model_decoder(m->p->model);
  double one = 2.0 * c->width * c->heads * c->head_dim;
  return forward_flop(m->p, m->T) + one * m->layers * m->out->query_count * m->T;
}

/* Red, green and blue from 0 to 1 again, of numbers as the tower reads them. */
static loci_status show_picture(report_builder *m, loci_err *err) {
  const loci_model *model = m->p->model;
  const image_processor *how = &model->pixels;
  seen_picture picture;
  TRY(layout_picture(&model->weights->config, &m->p->picture, m->mem, &picture, err));
  int64_t n = (int64_t)picture.shape.height * picture.shape.width;
  float *out = arena_array(m->mem, 3 * n, float);
  if (!out) return fail_nomem(err, "measuring contributions");
  for (int64_t i = 0; i < 3 * n; i++) {
    double x = (double)picture.pixels[i];
    if (how->normalise) x = x * how->std[i / n] + how->mean[i / n];
    x /= 255 * (how->rescale ? how->rescale_factor : 1);
    out[i] = (float)fmin(fmax(x, 0), 1);
  }
  m->out->pixels = out;
  m->out->image_height = picture.shape.height;
  m->out->image_width = picture.shape.width;
  return LOCI_OK;
}

/* The paths are told in the request by name, also where the caller named none: the default
 * depends on whether there is a picture. */
static loci_status fill_view(report_builder *m, const float *logits, loci_err *err) {
  const loci_model *model = m->p->model;
  loci_flow *f = m->out;
  top_logits top;
  f->model = loci_model_get_info(model);
  f->prompt = &m->p->info;
  f->precision = dtype_name(model->compute_type);
  f->hash = "";
  top_logits_of(logits, model_decoder(model)->vocab, &top);
  top_logits_candidates(&top, model, f->next);
  if (m->p->picture.pixels) {
    const model_config *c = &model->weights->config;
    TRY(show_picture(m, err));
    f->cell_size = m->p->image.view_count == 1 ? c->vision.patch * c->vision.merge : 0;
  }
  f->cost.formula = (int64_t)m->T * model_decoder(model)->layers;
  f->cost.naive_flop = naive_flop(m);
  TRY(fill_attention(m, err));
  TRY(find_sinks(m, err));
  TRY(note_sinks(m, err));
  js_value *request = request_of_prompt(m->p), *paths = js_array();
  command_words words = command_of("flow", model);
  flow_request_describe(&request, m->opts);
  for (int i = 0; i < f->path_count; i++) {
    js_value *path = js_object();
    js_put(&path, "from", js_text(f->paths[i].from));
    js_put(&path, "to", js_text(f->paths[i].to));
    js_push(&paths, path);
  }
  js_put(&request, "paths", paths);
  return request_tell(&words, request, &f->result, err);
}

/* Everything asked about is measured in a single walk; what follows only reads its tables. */
static loci_status measure(report_builder *m, loci_err *err) {
  double begin = clock_seconds();
  int *layers, L = model_decoder(m->p->model)->layers;
  m->first = m->opts->first_layer;
  m->layers = m->opts->layer_count;
  TRY(layers_list(m->first, &m->layers, L, m->mem, &layers, err));
  m->out->layers = layers;
  m->out->layer_count = m->layers;
  TRY(find_paths(m, err));
  TRY(find_queries(m, err));
  TRY(make_room(m, err));
  float *logits = arena_array(m->mem, model_decoder(m->p->model)->vocab, float);
  if (!logits) return fail_nomem(err, "measuring contributions");
  flow_job job = {.table_count = 1 + m->out->path_count,
                  .tables = m->tables,
                  .logits = logits,
                  .progress = m->opts->progress,
                  .progress_ctx = m->opts->progress_ctx};
  TRY(flow_measure(m->p, &job, err));
  m->out->cost = job.cost;
  for (int k = 0; k < m->out->path_count; k++) TRY(fill_path(m, k, err));
  TRY(fill_view(m, logits, err));
  m->out->cost.seconds = clock_seconds() - begin;
  return LOCI_OK;
}

loci_status loci_flow_new(const loci_model *model, const loci_prompt *prompt,
                          const loci_flow_opts *opts, loci_flow **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(prompt, "prompt");
  loci_flow_opts own;
  TRY(options_take(loci_flow_opts, &own, opts, err));
  TRY(prompt_check_model(prompt, model, err));
  loci_flow *made = result_new(LOCI_KIND_FLOW, sizeof *made);
  if (!made) return fail_nomem(err, "measuring contributions");
  loci_status st = LOCI_OK;
  report_builder m = {
      .p = prompt, .opts = &own, .mem = made->result.memory, .out = made, .T = prompt->info.length};
  request_of of = {.m = model, .p = prompt, .mem = m.mem};
  TRY_DONE(flow_request_complete(&of, &own, err));
  TRY_DONE(measure(&m, err));
  if (!m.opts->no_hash) {
    TRY_DONE(model_hash(model, m.opts->progress, m.opts->progress_ctx, &made->hash, err));
  }
  *out = made;
  made = NULL;
done:
  loci_free(made);
  return st;
}
