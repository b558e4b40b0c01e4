/* The law that a result is what its files say, for traces, knockouts, lenses and flows. */
#include "show/law_test.h"

/* ---------------------------------------------------------------- traces */

static void fill_grid(loci_grid *g, arena *mem, loci_site site, int heads) {
  static const char *const groups[] = {"constraint", "last"};
  bool grouped = site == LOCI_SITE_MLP_OUT;
  *g = (loci_grid){.site = site,
                   .window = 3,
                   .direction = LOCI_NOISE,
                   .layer_count = LAYERS,
                   .layers = layers,
                   .column_count = grouped ? 2 : PLACES,
                   .positions = grouped ? NULL : places,
                   .groups = grouped ? groups : NULL,
                   .head_count = heads,
                   .spearman = chance()};
  int64_t n = (int64_t)LAYERS * g->column_count * (heads ? heads : 1);
  g->cells = metrics(mem, n);
  g->ie = chances(mem, n);
  g->restoration = chances(mem, n);
  g->skipped = truths(mem, n);
  g->estimates = (loci_estimate *)(void *)chances(mem, 3 * n);
  g->exact = truths(mem, n);
}

static void grid_is(const files *f, const loci_grid *g, const char *object, const char *stem,
                    int row) {
  int heads = g->head_count ? g->head_count : 1;
  int64_t n = (int64_t)LAYERS * g->column_count * heads;
  for (int64_t i = 0; i < n; i++) {
    int l = (int)(i / heads / g->column_count), c = (int)(i / heads % g->column_count);
    spot s = {.object = object, .stem = stem, .row = row + (int)i, .i = i};
    int k = snprintf(s.index, sizeof s.index, ".%d.%d", l, c);
    if (g->head_count) snprintf(s.index + k, sizeof s.index - (size_t)k, ".%d", (int)(i % heads));
    metrics_are(f, &s, &g->cells[i]);
    everywhere(f, &s, "ie", g->ie[i]);
    everywhere(f, &s, "restoration", g->restoration[i]);
    everywhere(f, &s, "exact", g->exact[i]);
    everywhere(f, &s, "estimate_p", g->estimates[i].p);
    everywhere(f, &s, "estimate_logp", g->estimates[i].logp);
    everywhere(f, &s, "estimate_logit_diff", g->estimates[i].logit_diff);
    in_csv(f, s.row, "layer", layers[l]);
    if (g->positions) in_csv(f, s.row, "position", places[c]);
    if (g->groups) assert_string_equal(field(f, s.row, "token"), g->groups[c]);
    if (g->head_count) in_csv(f, s.row, "head", (double)(i % heads));
    s.row = -1; /* CSV does not have it */
    everywhere(f, &s, "skipped", g->skipped[i]);
  }
}

static void a_trace_is_what_its_files_say(void **state) {
  (void)state;
  static const int ids[] = {3, 4};
  files f;
  loci_grid grids[2];
  loci_trace t = base.trace;
  fill_grid(&grids[0], base.mem, LOCI_SITE_Z, 2);
  fill_grid(&grids[1], base.mem, LOCI_SITE_MLP_OUT, 0);
  t.grids = grids;
  t.grid_count = 2;
  t.target_ids = ids;
  t.target_count = 2;
  t.clean = outcome();
  t.corrupted = outcome();
  t.other = candidate(1);
  t.total_effect = chance();
  t.cost = cost();
  t.verified = 3;
  t.verify_error = chance();
  t.verify_rounding = chance();
  t.screen = 4;
  t.spearman = chance();
  open_files(&f, &t.result, true);
  outcome_is(&f, "clean", &t.clean, false);
  outcome_is(&f, "corrupt", &t.corrupted, true);
  in_json(&f, t.other.p, "corrupt.other.p");
  in_json(&f, t.total_effect, "total_effect");
  in_json(&f, t.verify_error, "verify.error");
  in_json(&f, t.verify_rounding, "verify.rounding");
  in_json(&f, t.spearman, "screen.spearman");
  cost_is(&f, &t.cost);
  grid_is(&f, &grids[0], "grids.0", "noise.z.w3", 0);
  grid_is(&f, &grids[1], "grids.1", "noise.mlp_out.w3.groups", 2 * LAYERS * PLACES);
  in_json(&f, grids[1].spearman, "grids.1.spearman");
  close_files(&f);
}

static void a_knockout_is_what_its_files_say(void **state) {
  (void)state;
  files f;
  loci_pathway ways[2];
  static const int ids[] = {3, 4};
  loci_knockout k = {.result.kind = LOCI_KIND_KNOCKOUT,
                     .model = base.trace.model,
                     .prompt = base.trace.prompt,
                     .target_ids = ids,
                     .target_count = 2,
                     .answer_given = true,
                     .clean = outcome(),
                     .other = candidate(2),
                     .pathway_count = 2,
                     .pathways = ways,
                     .cost = cost()};
  for (int a = 0; a < 2; a++)
    ways[a] = (loci_pathway){.from = a ? "image" : "constraint",
                             .to = "last",
                             .window = 3 + a,
                             .layer_count = LAYERS,
                             .layers = layers,
                             .cells = metrics(base.mem, LAYERS),
                             .skipped = truths(base.mem, LAYERS)};
  open_files(&f, &k.result, false);
  outcome_is(&f, "clean", &k.clean, false);
  in_json(&f, k.other.p, "clean.other.p");
  cost_is(&f, &k.cost);
  for (int i = 0; i < 2 * LAYERS; i++) {
    const loci_pathway *x = &ways[i / LAYERS];
    spot s = {.object = i < LAYERS ? "pathways.0" : "pathways.1", .row = i, .i = i % LAYERS};
    snprintf(s.index, sizeof s.index, ".%d", i % LAYERS);
    metrics_are(&f, &s, &x->cells[i % LAYERS]);
    everywhere(&f, &s, "skipped", x->skipped[i % LAYERS]);
    in_csv(&f, i, "layer", layers[i % LAYERS]);
    in_csv(&f, i, "window", x->window);
    assert_string_equal(field(&f, i, "from"), x->from);
  }
  close_files(&f);
}

static void a_lens_is_what_its_files_say(void **state) {
  (void)state;
  files f;
  loci_lens_cell cells[PLACES * LAYERS];
  loci_lens l = {.result.kind = LOCI_KIND_LENS,
                 .model = base.trace.model,
                 .prompt = base.trace.prompt,
                 .position_count = PLACES,
                 .positions = places,
                 .layer_count = LAYERS,
                 .layers = layers,
                 .cells = cells,
                 .cost = cost()};
  for (int i = 0; i < PLACES * LAYERS; i++) {
    cells[i] = (loci_lens_cell){.p = chance(), .logp = chance(), .rank = i + 1};
    for (int k = 0; k < LOCI_TOP; k++) cells[i].top[k] = candidate(k + i);
  }
  for (int k = 0; k < LOCI_TOP; k++) l.clean[k] = candidate(k);
  open_files(&f, &l.result, false);
  for (int k = 0; k < LOCI_TOP; k++) in_json(&f, l.clean[k].p, "clean.top.%d.p", k);
  for (int i = 0; i < PLACES * LAYERS; i++) {
    spot s = {.object = "", .row = i, .i = i};
    snprintf(s.index, sizeof s.index, ".%d.%d", i / LAYERS, i % LAYERS);
    everywhere(&f, &s, "p_target", cells[i].p);
    everywhere(&f, &s, "logp_target", cells[i].logp);
    everywhere(&f, &s, "rank", cells[i].rank);
    for (int k = 0; k < LOCI_TOP; k++) {
      char title[16];
      in_json(&f, cells[i].top[k].p, "top%s.%d.p", s.index, k);
      snprintf(title, sizeof title, "p%d", k + 1);
      in_csv(&f, i, title, cells[i].top[k].p);
      snprintf(title, sizeof title, "top%d", k + 1);
      assert_string_equal(field(&f, i, title), cells[i].top[k].text);
    }
    int place = i / LAYERS;
    in_csv(&f, i, "position", places[place]);
    in_csv(&f, i, "layer", layers[i % LAYERS]);
  }
  close_files(&f);
}

static void path_is(const files *f, const loci_flow_path *x) {
  for (int l = 0; l < LAYERS; l++) {
    spot s = {.object = "summary.0", .stem = "image.last", .row = -1, .i = l};
    snprintf(s.index, sizeof s.index, ".%d", l);
    everywhere(f, &s, "total", x->total[l]);
    everywhere(f, &s, "max", x->max[l]);
    everywhere(f, &s, "mean", x->mean[l]);
    everywhere(f, &s, "norm_of_sum", x->norm_of_sum[l]);
    everywhere(f, &s, "attention", x->attention[l]);
    everywhere(f, &s, "top_share", x->top_share[l]);
    for (int k = 0; k < PLACES; k++) {
      s.i = l * PLACES + k;
      snprintf(s.index, sizeof s.index, ".%d.%d", l, k);
      everywhere(f, &s, "profile", x->profile[s.i]);
      everywhere(f, &s, "weights", x->weights[s.i]);
    }
  }
}

/* Rows of CSV: layer by layer, all heads together, then each head; sources up to the query. */
static int rows_are(const files *f, const loci_flow *x, int l, int h, int row) {
  int T = x->prompt->length;
  for (int q = 0; q < PLACES; q++) {
    for (int j = 0; j <= places[q]; j++, row++) {
      int64_t at = ((int64_t)(h < 0 ? l : l * x->head_count + h) * PLACES + q) * T + j;
      in_csv(f, row, "layer", layers[l]);
      in_csv(f, row, "to", places[q]);
      in_csv(f, row, "from", j);
      if (h >= 0) in_csv(f, row, "head", h);
      in_csv(f, row, "contribution", (double)(h < 0 ? x->contribution : x->contribution_heads)[at]);
      in_csv(f, row, "attention", (double)(h < 0 ? x->attention : x->attention_heads)[at]);
      in_csv(f, row, "value_norm", (double)x->value_norms[l * T + j]);
      in_csv(f, row, "sink", x->sinks[l * T + j]);
    }
  }
  return row;
}

static void flow_tables_are(const files *f, const loci_flow *x) {
  int T = x->prompt->length, H = x->head_count;
  for (int64_t i = 0; i < (int64_t)LAYERS * H * PLACES * T; i++) {
    int j = (int)(i % T), q = (int)(i / T % PLACES), h = (int)(i / T / PLACES % H),
        l = (int)(i / T / PLACES / H);
    spot s = {.object = "", .stem = "", .row = -1, .i = i};
    snprintf(s.index, sizeof s.index, ".%d.%d.%d.%d", l, h, q, j);
    everywhere(f, &s, "contribution_heads", (double)x->contribution_heads[i]);
    everywhere(f, &s, "attention_heads", (double)x->attention_heads[i]);
    if (h > 0) continue;
    s.i = ((int64_t)l * PLACES + q) * T + j;
    snprintf(s.index, sizeof s.index, ".%d.%d.%d", l, q, j);
    everywhere(f, &s, "contribution", (double)x->contribution[s.i]);
    everywhere(f, &s, "attention", (double)x->attention[s.i]);
    if (q > 0) continue;
    s.i = l * T + j;
    snprintf(s.index, sizeof s.index, ".%d.%d", l, j);
    everywhere(f, &s, "value_norms", (double)x->value_norms[s.i]);
    in_array(f, "sinks", s.i, x->sinks[s.i]);
    in_column(f, "sinks", s.i, x->sinks[s.i]);
  }
}

static void a_flow_is_what_its_files_say(void **state) {
  (void)state;
  files f;
  int64_t T = base.trace.prompt->length, n = LAYERS * PLACES * T, H = 2;
  arena *mem = base.mem;
  loci_flow_path path = {.from = "image",
                         .to = "last",
                         .source_count = PLACES,
                         .query_count = PLACES,
                         .sources = places,
                         .queries = places,
                         .profile = chances(mem, LAYERS * PLACES),
                         .weights = chances(mem, LAYERS * PLACES),
                         .total = chances(mem, LAYERS),
                         .max = chances(mem, LAYERS),
                         .mean = chances(mem, LAYERS),
                         .norm_of_sum = chances(mem, LAYERS),
                         .attention = chances(mem, LAYERS),
                         .top_count = 1,
                         .top = layers,
                         .top_share = chances(mem, LAYERS)};
  loci_flow x = {.result.kind = LOCI_KIND_FLOW,
                 .model = base.trace.model,
                 .prompt = base.trace.prompt,
                 .layer_count = LAYERS,
                 .query_count = PLACES,
                 .layers = layers,
                 .queries = places,
                 .contribution = floats(mem, n),
                 .attention = floats(mem, n),
                 .head_count = (int)H,
                 .contribution_heads = floats(mem, n * H),
                 .attention_heads = floats(mem, n * H),
                 .value_norms = floats(mem, LAYERS * T),
                 .sinks = truths(mem, LAYERS * T),
                 .path_count = 1,
                 .paths = &path,
                 .cost = cost()};
  for (int i = 0; i < LOCI_TOP; i++) x.next[i] = candidate(i);
  open_files(&f, &x.result, true);
  for (int i = 0; i < LOCI_TOP; i++) in_json(&f, x.next[i].p, "next.%d.p", i);
  cost_is(&f, &x.cost);
  path_is(&f, &path);
  flow_tables_are(&f, &x);
  int row = 0;
  for (int l = 0; l < LAYERS; l++)
    for (int h = -1; h < H; h++) row = rows_are(&f, &x, l, h, row);
  assert_int_equal(row, f.rows);
  close_files(&f);
}

static void a_column_lies_in_the_result_with_its_axes(void **state) {
  (void)state;
  loci_grid grids[2];
  loci_trace t = base.trace;
  loci_column c;
  loci_err err;
  fill_grid(&grids[0], base.mem, LOCI_SITE_Z, 2);
  fill_grid(&grids[1], base.mem, LOCI_SITE_MLP_OUT, 0);
  t.grids = grids;
  t.grid_count = 2;
  assert_int_equal(loci_column_of(&t.result, "grids.0.kl", &c, &err), LOCI_OK);
  assert_ptr_equal(c.data, &grids[0].cells->kl);
  assert_int_equal(c.type, LOCI_TYPE_REAL);
  assert_int_equal(c.rank, 3);
  assert_int_equal(c.strides[2], sizeof(loci_metrics));
  assert_int_equal(c.strides[0], 2 * PLACES * (int64_t)sizeof(loci_metrics));
  assert_string_equal(c.axes[0].name, "layer");
  assert_ptr_equal(c.axes[0].numbers, layers);
  assert_ptr_equal(c.axes[1].numbers, places);
  assert_int_equal(c.axes[2].size, 2);
  assert_int_equal(loci_column_of(&t.result, "grids.1.exact", &c, &err), LOCI_OK);
  assert_int_equal(c.type, LOCI_TYPE_BOOL);
  assert_string_equal(c.axes[1].names[1], "last");
  static const char *const wrong[] = {"",        "grids",       "grids.2.p",
                                      "grids.0", "grids.0.p.1", "model.path"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_int_equal(loci_column_of(&t.result, wrong[i], &c, &err), LOCI_EINVAL);
  loci_result none = {.kind = LOCI_KIND_COUNT};
  assert_int_equal(loci_column_of(&none, "p", &c, &err), LOCI_EINVAL);
}

static int make_base(void **state) {
  (void)state;
  fixture_make(&base, (fixture_opts){.layers = 6});
  return base.mem ? 0 : -1;
}

static int free_base(void **state) {
  (void)state;
  fixture_free(&base);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_trace_is_what_its_files_say),
      cmocka_unit_test(a_knockout_is_what_its_files_say),
      cmocka_unit_test(a_lens_is_what_its_files_say),
      cmocka_unit_test(a_flow_is_what_its_files_say),
      cmocka_unit_test(a_column_lies_in_the_result_with_its_axes),
  };
  return cmocka_run_group_tests(tests, make_base, free_base);
}
