/* Causal traces against the reference, which ran a full forward for every cell: all corruptions,
 * both directions, windows, single positions, groups, heads, answers of several tokens. */
#include <limits.h>

#include "oracle_test.h"

#include "base/names.h"
#include "base/random.h"
#include "study/corrupt.h"
#include "walk/walk.h"
#include "sized.h"

enum { MOST = 8 };

/* A case's request as options, with what they borrow. */
typedef struct request {
  loci_trace_opts opts;
  loci_site sites[MOST];
  int windows[MOST];
  char positions[128], noise_path[160], answer[32];
  bool each, groups, heads;
} request;

/* ---------------------------------------------------------------- the request */

static void read_positions(const oracle *o, request *r) {
  const js_value *names = oracle_member(o->json, "group_names");
  r->heads = oracle_has(o, "denoise.z.p");
  r->each = r->heads || oracle_has(o, "denoise.p");
  r->groups = oracle_has(o, "denoise.group.p");
  assert_true(r->each || r->groups);
  snprintf(r->positions, sizeof r->positions, "%s", r->each ? "each" : "");
  for (int64_t i = 0; r->groups && i < js_count(names); i++) {
    size_t n = strlen(r->positions);
    snprintf(r->positions + n, sizeof r->positions - n, "%s%s", n ? "," : "",
             oracle_text(js_at(names, i)));
  }
  r->opts.positions = r->positions;
}

static void read_axes(const oracle *o, request *r) {
  const js_value *sites = oracle_member(o->json, "sites");
  const js_value *directions = oracle_member(o->json, "directions");
  loci_err err;
  int site;
  r->opts.sites = r->sites;
  r->opts.site_count = (int)js_count(sites);
  assert_true(r->opts.site_count <= MOST);
  for (int i = 0; i < r->opts.site_count; i++) {
    assert_ok(loci_name_find(LOCI_NAMES_SITE, oracle_text(js_at(sites, i)), &site, &err), err);
    r->sites[i] = (loci_site)site;
  }
  r->opts.windows = r->windows;
  r->opts.window_count = oracle_ints(oracle_member(o->json, "windows"), r->windows, MOST);
  if (r->heads) { /* the reference has heads in windows of one layer */
    r->sites[0] = LOCI_SITE_Z;
    r->windows[0] = r->opts.site_count = r->opts.window_count = 1;
  }
  int all = 0;
  for (int64_t i = 0; i < js_count(directions); i++) {
    bool denoise = strcmp(oracle_text(js_at(directions, i)), "denoise") == 0;
    all |= denoise ? LOCI_DENOISE : LOCI_NOISE;
  }
  r->opts.direction = (loci_direction)all;
}

/* An answer stands in the case's note: --answer "tower". */
static void read_answer(const oracle *o, request *r) {
  const js_value *note = js_get(o->json, "note");
  if (note && sscanf(oracle_text(note), "--answer \"%31[^\"]", r->answer) == 1) {
    r->opts.answer = r->answer;
  }
}

static void read_request(const oracle *o, request *r) {
  const js_value *corrupted = oracle_member(o->json, "constraints_corrupted");
  memset(r, 0, sizeof *r);
  r->opts.corrupt = oracle_text(oracle_member(o->json, "kind"));
  assert_true(js_bool_of(oracle_member(o->json, "authors"), &r->opts.authors));
  if (js_count(corrupted) < js_count(oracle_member(o->json, "constraints"))) {
    assert_int_equal(js_count(corrupted), 1);
    r->opts.constraint = 1 + oracle_int(js_at(corrupted, 0));
  }
  if (oracle_has(o, "noise")) {
    oracle_path(o->name, "safetensors", r->noise_path); /* its tensor "noise" is what was added */
    r->opts.noise_path = r->noise_path;
  }
  r->opts.no_hash = true;
  r->opts.size = sizeof r->opts;
  read_positions(o, r);
  read_axes(o, r);
  read_answer(o, r);
}

/* ---------------------------------------------------------------- clean and corrupted run */

/* Mean over the seeds of "clean", "corrupted" or "total_effect". */
static loci_metrics mean_of_runs(const oracle *o, const char *key) {
  const js_value *runs = oracle_member(o->json, "runs");
  loci_metrics sum = {0};
  int n = (int)js_count(runs);
  for (int i = 0; i < n; i++) {
    loci_metrics m = oracle_read_metrics(oracle_member(js_at(runs, i), key));
    sum.p += m.p / n;
    sum.logp += m.logp / n;
    sum.logit_diff += m.logit_diff / n;
    sum.kl += m.kl / n;
    sum.p_first += m.p_first / n;
    sum.logp_first += m.logp_first / n;
  }
  return sum;
}

static void check_ends(oracle *o, const loci_trace *t) {
  const js_value *target = oracle_member(o->json, "target");
  const js_value *first = js_at(oracle_member(o->json, "runs"), 0);
  loci_metrics clean = mean_of_runs(o, "clean"), corrupted = mean_of_runs(o, "corrupted");
  assert_int_equal(t->target_count, js_count(target));
  for (int i = 0; i < t->target_count; i++) {
    assert_int_equal(t->target_ids[i], oracle_int(js_at(target, i)));
  }
  assert_int_equal(t->other.id, oracle_int(oracle_member(first, "alt")));
  if (js_get(first, "alt_token")) { /* null: a padding row of the head */
    assert_string_equal(t->other.text, oracle_text(js_get(first, "alt_token")));
  } else {
    assert_string_equal(t->other.text, "");
  }
  assert_int_equal(t->corrupted.top[0].id, oracle_int(oracle_member(first, "corrupted_argmax")));
  oracle_metrics_near(o, "clean", &t->clean.m, &clean);
  oracle_metrics_near(o, "corrupted", &t->corrupted.m, &corrupted);
  double effect = clean.p - corrupted.p;
  oracle_near(o, "total effect", 0, t->total_effect, effect, oracle_room(0, effect, 1));
  assert_true(t->cost.rows <= t->cost.formula);
}

/* ---------------------------------------------------------------- grids */

/* A grid of the trace, and the reference's array after one of its metrics. */
typedef struct compared {
  oracle *o;
  const loci_trace *t;
  const loci_grid *g;
  int metric;
  oracle_array want;
  int64_t at;    /* of the grid's first number in the array */
  int columns;   /* of the array: all positions, or groups */
  int corrupted; /* first corrupted position */
  int layer;     /* the first in which the runs differ */
  bool authors;
} compared;

static const loci_grid *find_grid(const loci_trace *t, loci_site site, int window,
                                  loci_direction direction, bool groups) {
  for (int i = 0; i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    if (g->site == site && g->window == window && g->direction == direction &&
        (g->groups != NULL) == groups) {
      return g;
    }
  }
  fail_msg("the trace has no grid of %s, window %d", site_name(site), window);
  return NULL;
}

/* Known without running: nothing in front of the corruption differs, or below the first layer that
 * reads what is corrupted, and in the last layer only the last position is read. */
static bool is_exact_zero(const compared *c, int layer, int column) {
  int at[256], n = 1, L = c->t->model->layers, T = c->t->prompt->length, w = c->g->window;
  int begin = layer - (c->authors ? w : w / 2);
  int end = layer + (c->authors ? w + 1 : (w + 1) / 2);
  if (end > L) end = L;
  if (c->g->groups) {
    const js_value *groups = oracle_member(c->o->json, "groups");
    n = oracle_ints(oracle_member(groups, c->g->groups[column]), at, 256);
  } else {
    at[0] = c->g->positions[column];
  }
  bool zero = true;
  for (int i = 0; i < n; i++) {
    zero = zero && (at[i] < c->corrupted || (begin == L - 1 && at[i] != T - 1) || end <= c->layer);
  }
  return zero;
}

static void check_cell(const compared *c, int layer, int column, int head) {
  const loci_grid *g = c->g;
  int heads = g->head_count ? g->head_count : 1;
  int before = c->columns - g->column_count; /* positions that have no column */
  int64_t i = ((int64_t)layer * g->column_count + column) * heads + head;
  int64_t k = c->at + ((int64_t)layer * heads + head) * c->columns + before + column;
  const loci_metrics *base = g->direction == LOCI_DENOISE ? &c->t->corrupted.m : &c->t->clean.m;
  double want = (double)c->want.data[k];
  oracle_near(c->o, oracle_metrics[c->metric], k, oracle_metric(&g->cells[i], c->metric), want,
              oracle_room(c->metric, want, c->want.largest));
  assert_int_equal(g->skipped[i], is_exact_zero(c, layer, column));
  if (g->skipped[i]) {
    assert_true(g->ie[i] == 0);
    assert_true(oracle_metric(&g->cells[i], c->metric) == oracle_metric(base, c->metric));
  }
  if (c->metric > 0) return;
  assert_true(g->skipped[i] || g->ie[i] == g->cells[i].p - base->p);
  assert_true(fabs(c->t->total_effect) < 1e-6 ? isnan(g->restoration[i])
                                              : g->restoration[i] == g->ie[i] / c->t->total_effect);
}

/* Positions in front of the first corrupted one have no column: there the reference has the value
 * of the run that was patched. */
static void check_left_out(const compared *c, int layer, int head) {
  int heads = c->g->head_count ? c->g->head_count : 1;
  int64_t k = c->at + ((int64_t)layer * heads + head) * c->columns;
  bool denoise = c->g->direction == LOCI_DENOISE;
  const loci_metrics *base = denoise ? &c->t->corrupted.m : &c->t->clean.m;
  for (int i = 0; i < c->columns - c->g->column_count; i++) {
    double want = (double)c->want.data[k + i];
    oracle_near(c->o, "left out", k + i, oracle_metric(base, c->metric), want,
                oracle_room(c->metric, want, c->want.largest));
  }
}

static void check_columns(const compared *c) {
  const loci_grid *g = c->g;
  const js_value *names = oracle_member(c->o->json, "group_names");
  assert_int_equal(g->layer_count, c->t->model->layers);
  assert_int_equal(g->head_count, g->site == LOCI_SITE_Z ? c->t->model->heads : 0);
  if (g->groups) assert_int_equal(g->column_count, js_count(names));
  if (g->positions) assert_int_equal(g->column_count, c->t->prompt->length - c->corrupted);
  for (int i = 0; i < g->column_count; i++) {
    if (g->positions) assert_int_equal(g->positions[i], c->corrupted + i);
    if (g->groups) assert_string_equal(g->groups[i], oracle_text(js_at(names, i)));
  }
}

static void check_grid(const compared *c) {
  int heads = c->g->head_count ? c->g->head_count : 1;
  check_columns(c);
  for (int l = 0; l < c->g->layer_count; l++) {
    assert_int_equal(c->g->layers[l], l);
    for (int h = 0; h < heads; h++) {
      for (int k = 0; k < c->g->column_count; k++) check_cell(c, l, k, h);
      check_left_out(c, l, h);
    }
  }
}

/* All sites and windows of one array: "denoise.logp", "noise.group.kl", "denoise.z.p". */
static int check_array(oracle *o, const loci_trace *t, const request *r, loci_direction direction,
                       bool groups, int metric) {
  char name[64];
  snprintf(name, sizeof name, "%s.%s%s", direction == LOCI_DENOISE ? "denoise" : "noise",
           groups     ? "group."
           : r->heads ? "z."
                      : "",
           oracle_metrics[metric]);
  if (!oracle_has(o, name)) return 0;
  compared c = {.o = o, .t = t, .metric = metric, .want = oracle_get(o, name)};
  c.columns = groups ? (int)js_count(oracle_member(o->json, "group_names")) : t->prompt->length;
  c.corrupted =
      mutual_first(o->prompt->mutual, oracle_int(oracle_member(o->json, "first_corrupted")));
  c.authors = r->opts.authors;
  bool on_image = strncmp(r->opts.corrupt, "image", 5) == 0;
  while (on_image && o->prompt->sources && !oracle_is_cross(o->prompt->model, c.layer)) c.layer++;
  int64_t one = (int64_t)t->model->layers * c.columns * (r->heads ? t->model->heads : 1);
  int W = r->opts.window_count, S = r->opts.site_count;
  assert_int_equal(c.want.count, one * W * S);
  for (int s = 0; s < S; s++) {
    for (int w = 0; w < W; w++) {
      c.g = find_grid(t, r->sites[s], r->windows[w], direction, groups);
      c.at = (s * W + w) * one;
      check_grid(&c);
    }
  }
  return 1;
}

static void check_arrays(oracle *o, const loci_trace *t, const request *r) {
  int directions = r->opts.direction == LOCI_BOTH ? 2 : 1, done = 0;
  int kinds = (r->each ? 1 : 0) + (r->groups ? 1 : 0);
  int metrics = t->target_count > 1 ? ORACLE_METRICS : 4;
  for (int d = LOCI_DENOISE; d <= LOCI_NOISE; d++) {
    for (int k = 0; k < ORACLE_METRICS; k++) {
      done += check_array(o, t, r, (loci_direction)d, false, k);
      done += check_array(o, t, r, (loci_direction)d, true, k);
    }
  }
  assert_int_equal(done, directions * kinds * metrics);
  assert_int_equal(t->grid_count, directions * kinds * r->opts.site_count * r->opts.window_count);
}

/* ---------------------------------------------------------------- noise */

/* The standard deviation of noise that loci draws itself: the reference's sigma. */
static void check_drawn_noise(oracle *o, const request *r) {
  loci_trace_opts opts = r->opts;
  corruption c;
  loci_err err;
  int64_t D = model_decoder(o->prompt->model)->width;
  double sigma = oracle_real(oracle_member(js_at(oracle_member(o->json, "runs"), 0), "sigma"));
  opts.noise_path = NULL;
  opts.seeds = 2;
  opts.seed = 5;
  assert_ok(corruption_make(o->prompt, &opts, -1, o->mem, &c, &err), err);
  assert_int_equal(c.seeds, 2);
  for (int s = 0; s < c.seeds; s++) {
    random_source source = random_stream(5, (uint64_t)s);
    for (int64_t i = 0; i < c.count * D; i++) {
      const float *own = o->prompt->embeds + c.positions[i / D] * D + i % D;
      double added = (double)c.rows[s * c.count * D + i] - (double)*own;
      oracle_near(o, "noise", i, added, sigma * random_gaussian(&source), 1e-5 * sigma);
    }
  }
}

/* ---------------------------------------------------------------- cases */

static loci_trace *trace_case(const oracle *o, loci_model *m, const request *r) {
  loci_trace *t;
  loci_err err;
  assert_ok(loci_trace_new(m, o->prompt, &r->opts, &t, &err), err);
  return t;
}

static void check_case(loci_model *m, const char *name, const char *kind) {
  oracle o = oracle_open(m, name, kind);
  request r;
  read_request(&o, &r);
  loci_trace *t = trace_case(&o, m, &r);
  check_ends(&o, t);
  check_arrays(&o, t, &r);
  if (r.opts.noise_path) check_drawn_noise(&o, &r);
  loci_free(t);
  oracle_close(&o);
}

/* Hardly more memory than one cell needs: the sweep takes many walks, and the base runs' rows are
 * computed in each. */
static void check_little_memory(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, "trace-replace");
  request r;
  read_request(&o, &r);
  loci_trace *t = trace_case(&o, m, &r);
  int64_t T = o.prompt->info.length, rows = t->cost.rows;
  loci_free(t);
  m->memory = walk_fixed_bytes(m, (int)T) + 6 * T * walk_row_bytes(m) + 64 * walk_stream_bytes(m);
  t = trace_case(&o, m, &r);
  assert_true(t->cost.rows > rows + 2 * (m->info.layers - 1) * T); /* three walks, or more */
  t->cost.rows = 0; /* more than a sweep in one walk may take */
  check_ends(&o, t);
  check_arrays(&o, t, &r);
  loci_free(t);
  oracle_close(&o);
  loci_model_close(m);
}

static void check_traces(const char *name, bool has_image, oracle_cases cases) {
  static const char *const kinds[] = {"trace-replace",    "trace-swap",        "trace-noise",
                                      "trace-multi-both", "trace-multi-only0", "trace-multi-only1",
                                      "trace-answer",     "trace-heads"};
  static const char *const on_images[] = {"trace-image", "trace-image-mean", "trace-image-noise"};
  static const char *const others[] = {"trace-mean", "trace-authors"};
  loci_model *m = oracle_model(name);
  size_t n = cases == ORACLE_FEW ? 1 : sizeof kinds / sizeof *kinds;
  for (size_t i = 0; i < n; i++) check_case(m, name, kinds[i]);
  for (int i = 0; has_image && i < (cases == ORACLE_FEW ? 2 : 3); i++) {
    check_case(m, name, on_images[i]);
  }
  for (int i = 0; cases == ORACLE_ALL && i < 2; i++) check_case(m, name, others[i]);
  loci_model_close(m);
}

#define TESTS(id, name, has_image, cases)                                                          \
  static void traces_of_##id(void **s) {                                                           \
    (void)s;                                                                                       \
    check_traces(name, has_image, cases);                                                          \
  }                                                                                                \
  static void little_memory_changes_nothing_in_##id(void **s) {                                    \
    (void)s;                                                                                       \
    check_little_memory(name);                                                                     \
  }
ORACLE_MODELS(TESTS)

static void expect_refused(loci_model *m, const loci_prompt *p, const loci_trace_opts *opts,
                           const char *why) {
  loci_trace *t;
  loci_err err;
  assert_int_equal(loci_trace_new(m, p, opts, &t, &err), LOCI_EINVAL);
  assert_null(t);
  assert_non_null(strstr(err.msg, why));
}

static void requests_that_make_no_sense_are_refused(void **s) {
  (void)s;
  loci_model *m = oracle_model("text-llama");
  oracle o = oracle_open(m, "text-llama", "trace-replace");
  const loci_prompt *p = o.prompt;
  expect_refused(m, p, SIZED(loci_trace_opts, .window_count = -1), "windows");
  expect_refused(m, p, SIZED(loci_trace_opts, .window_count = 3), "windows");
  expect_refused(m, p, SIZED(loci_trace_opts, .site_count = -1), "sites");
  expect_refused(m, p, SIZED(loci_trace_opts, .direction = (loci_direction)9), "direction");
  expect_refused(m, p, SIZED(loci_trace_opts, .first_layer = INT_MAX, .layer_count = 1), "layers");
  expect_refused(m, p, SIZED(loci_trace_opts, .first_layer = 1, .layer_count = INT_MAX), "layers");
  expect_refused(m, p, SIZED(loci_trace_opts, .first_layer = INT_MIN), "layers");
  loci_run *r;
  loci_err err;
  assert_ok(loci_run_new(m, p, &r, &err), err);
  loci_patch patch = {.site = LOCI_SITE_MLP_OUT, .first = 0, .count = 1};
  assert_int_equal(loci_run_patch(r, &patch, &err), LOCI_EINVAL); /* no values */
  patch.first = INT_MAX;
  assert_int_equal(loci_run_patch(r, &patch, &err), LOCI_EINVAL);
  loci_run_free(r);
  loci_prompt *none;
  const loci_question q = {.size = sizeof q, .text = "x", .constraint_count = -1};
  assert_int_equal(loci_prompt_new(m, &q, &none, &err), LOCI_EINVAL);
  oracle_close(&o);
  loci_model_close(m);
}

#define ENTRIES(id, name, has_image, cases)                                                        \
  cmocka_unit_test(traces_of_##id), cmocka_unit_test(little_memory_changes_nothing_in_##id),

int main(void) {
  const struct CMUnitTest tests[] = {ORACLE_MODELS(ENTRIES)
                                         cmocka_unit_test(requests_that_make_no_sense_are_refused)};
  return cmocka_run_group_tests(tests, oracle_enter, NULL);
}
