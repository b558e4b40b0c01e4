/* What makes two runs of a store one, and what makes them two: the completed request. */
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/safetensors.h"
#include "sized.h"

#include <cmocka.h>

#define MODEL LOCI_SOURCE_DIR "/tests/golden/models/text-llama"

static char file_path[] = "/tmp/loci-settings-XXXXXX";
static char noise_path[] = "/tmp/loci-settings-noise-XXXXXX";
static loci_model *model;
static loci_store *store;

static void must(loci_status st, const loci_err *err) {
  if (st) fail_msg("%s", err->msg);
}

static int set_up(void **state) {
  (void)state;
  loci_err err;
  FILE *f = fdopen(mkstemp(file_path), "w");
  if (!f) return -1;
  fputs("{\"question\":\"Where is this old tower?\",\"answers\":[\"x\"],"
        "\"constraints\":[{\"text\":\"this\"},{\"text\":\"old tower\"}]}\n",
        f);
  fclose(f);
  close(mkstemp(noise_path));
  must(
      loci_model_open(MODEL, SIZED(loci_model_opts, .precision = LOCI_PRECISION_F32), &model, &err),
      &err);
  must(loci_store_open(NULL, true, &store, &err), &err);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  loci_store_close(store);
  loci_model_close(model);
  unlink(file_path);
  unlink(noise_path);
  return 0;
}

typedef struct choice {
  const char *what;
  loci_trace_opts trace;
  loci_knockout_opts knockout;
  loci_study_opts study;
  double least_effect;
} choice;

/* Runs the one example; how many runs the store has then. */
static int run(choice c, int64_t *fresh) {
  loci_store_run_opts o = {.size = sizeof o,
                           .what = c.what,
                           .trace = &c.trace,
                           .knockout = &c.knockout,
                           .study = &c.study,
                           .least_effect = c.least_effect};
  loci_examples *x;
  loci_store_run_state state;
  loci_store_info *info;
  loci_err err;
  c.trace.size = sizeof c.trace;
  c.knockout.size = sizeof c.knockout;
  c.study.size = sizeof c.study;
  c.study.template_name = "raw";
  c.study.max_new = c.study.max_new ? c.study.max_new : 1;
  must(loci_examples_open(file_path, &x, &err), &err);
  must(loci_store_run(store, model, x, &o, &state, &err), &err);
  loci_examples_close(x);
  must(loci_store_info_new(store, NULL, NULL, &info, &err), &err);
  int runs = info->run_count;
  for (int i = 0; i < runs; i++)
    if (info->runs[i].tally_count > 0) fail_msg("%s", info->runs[i].tallies[0].first_reason);
  loci_free(info);
  *fresh = state.fresh;
  return runs;
}

/* Every one of them is a run of its own, and the same run when it comes again. */
static void expect_apart(const choice *all, int n) {
  int64_t fresh;
  int before = run(all[0], &fresh);
  for (int i = 1; i < n; i++) {
    int runs = run(all[i], &fresh);
    if (runs != before + i || fresh != 1) fail_msg("choice %d is no run of its own", i);
  }
  for (int i = 0; i < n; i++) {
    assert_int_equal(run(all[i], &fresh), before + n - 1);
    assert_int_equal(fresh, 0);
  }
}

static void write_noise(float scale, int rows) {
  static float noise[2 * 8 * 64];
  loci_err err;
  int D = loci_model_get_info(model)->width;
  for (int i = 0; i < 2 * rows * D; i++) noise[i] = scale * (float)(i % 7 - 3);
  st_tensor t = {.name = "noise",
                 .dtype = ST_F32,
                 .rank = 3,
                 .shape = {2, rows, D},
                 .data = (const unsigned char *)noise,
                 .bytes = (int64_t)sizeof(float) * 2 * rows * D};
  must(st_write(noise_path, &t, 1, NULL, &err), &err);
}

static void every_choice_of_a_trace_is_a_run_of_its_own(void **state) {
  (void)state;
  static const loci_site sites[] = {LOCI_SITE_MLP_OUT};
  static const int windows[] = {1, 2};
  const choice all[] = {
      {.what = "trace"},
      {.trace.corrupt = "replace:Oslo"},
      {.trace.direction = LOCI_NOISE},
      {.trace.direction = LOCI_BOTH},
      {.trace.authors = true},
      {.trace.answer = "a"},
      {.trace.answer = "the"},
      {.trace.screen = 3},
      {.trace.screen = 4},
      {.trace.screen = 3, .trace.screen_metric = LOCI_METRIC_LOGIT_DIFF},
      {.trace.constraint = 1},
      {.trace.sites = sites, .trace.site_count = 1},
      {.trace.windows = windows, .trace.window_count = 2},
      {.trace.layer_count = 1},
      {.trace.positions = "each,constraint"},
      {.study.max_new = 2},
      {.trace.corrupt = "noise:1"},
      {.trace.corrupt = "noise:2"},
      {.trace.corrupt = "noise:1", .trace.seeds = 2},
      {.trace.corrupt = "noise:1", .trace.seed = 5},
  };
  expect_apart(all, (int)(sizeof all / sizeof *all));
}

static void every_choice_of_a_knockout_is_a_run_of_its_own(void **state) {
  (void)state;
  static const loci_edges edges[] = {{"constraint", "last"}};
  const choice all[] = {
      {.what = "knockout"},
      {.what = "knockout", .knockout.answer = "a"},
      {.what = "knockout", .knockout.pathways = edges, .knockout.pathway_count = 1},
      {.what = "knockout", .knockout.constraint = 1},
      {.what = "knockout", .knockout.window = 1},
      {.what = "knockout", .knockout.window = LOCI_ALL_LAYERS},
      {.what = "knockout", .knockout.layer_count = 1},
  };
  expect_apart(all, (int)(sizeof all / sizeof *all));
}

static void defaults_and_what_changes_no_number_are_the_same_run(void **state) {
  (void)state;
  static const loci_site sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT, LOCI_SITE_RESID_POST};
  static const int windows[] = {1};
  const choice all[] = {
      {.what = "trace"},
      {.trace.corrupt = "replace"},
      {.trace.sites = sites, .trace.site_count = 3},
      {.trace.windows = windows, .trace.window_count = 1},
      {.trace.direction = LOCI_DENOISE},
      {.trace.positions = "each"},
      {.trace.seed = 5, .study.seed = 9},
      {.trace.verify = 2, .trace.no_hash = true},
      {.least_effect = 0.5},
      {.trace.layer_count = loci_model_get_info(model)->layers},
  };
  int64_t fresh;
  int before = run(all[0], &fresh);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (run(all[i], &fresh) != before || fresh != 0) fail_msg("choice %zu is another run", i);
  }
}

/* Another file under the old name is another noise. */
static void noise_is_known_by_its_bytes(void **state) {
  (void)state;
  int64_t fresh;
  choice o = {.trace.corrupt = "noise:1", .trace.constraint = 1};
  int before = run(o, &fresh), rows = 1;
  o.trace.noise_path = noise_path;
  write_noise(0.1F, rows);
  assert_int_equal(run(o, &fresh), before + 1);
  write_noise(0.2F, rows);
  assert_int_equal(run(o, &fresh), before + 2);
  write_noise(0.1F, rows);
  assert_int_equal(run(o, &fresh), before + 2);
  assert_int_equal(fresh, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_choice_of_a_trace_is_a_run_of_its_own),
      cmocka_unit_test(every_choice_of_a_knockout_is_a_run_of_its_own),
      cmocka_unit_test(defaults_and_what_changes_no_number_are_the_same_run),
      cmocka_unit_test(noise_is_known_by_its_bytes),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
