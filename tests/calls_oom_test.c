/* The public calls when memory runs out, one allocation at a time: opening, building a prompt,
 * asking, running and writing, tracing and writing the trace, knockouts and lenses.
 */
#include "failing_malloc.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loci.h"

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"
#define PICTURE LOCI_SOURCE_DIR "/tests/golden/images/scene-a.png"

typedef struct things { /* made while memory lasts */
  const char *dir;
  loci_model *model;
  loci_prompt *prompt, *text;
  loci_trace *trace;
  loci_knockout *knockout;
  loci_lens *lens;
  loci_flow *flow;
  char path[64];
} things;

static const loci_model_opts opts = {
    .size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};

static loci_status open_model(void *ctx, loci_err *err) {
  loci_model *m;
  loci_status st = loci_model_open(((things *)ctx)->dir, &opts, &m, err);
  assert_true((st == LOCI_OK) == (m != NULL));
  loci_model_close(m);
  return st;
}

static loci_status make_prompt(const loci_model *m, const char *image, loci_prompt **out,
                               loci_err *err) {
  static const char *const constraint = "this city";
  loci_question q = {.size = sizeof q,
                     .image = image,
                     .text = "Where is this city?",
                     .constraints = &constraint,
                     .constraint_count = 1};
  if (!image) q.template_name = "raw";
  return loci_prompt_new(m, &q, out, err);
}

static loci_status build_prompt(void *ctx, loci_err *err) {
  loci_prompt *p;
  loci_status st = make_prompt(((things *)ctx)->model, PICTURE, &p, err);
  assert_true((st == LOCI_OK) == (p != NULL));
  loci_prompt_free(p);
  return st;
}

static loci_status ask(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_answer *a;
  char *json = NULL;
  loci_status st = loci_ask(t->model, t->text, 3, NULL, NULL, &a, err);
  assert_true((st == LOCI_OK) == (a != NULL));
  if (!st) st = loci_json(&a->result, &json, err);
  loci_text_free(json);
  loci_free(a);
  return st;
}

static loci_status use_run(loci_run *r, const char *path, loci_err *err) {
  static float values[48 * 2];
  loci_patch patch = {.site = LOCI_SITE_MLP_OUT, .layer = 1, .first = 1, .count = 2};
  patch.values = values;
  TRY(loci_run_record(r, LOCI_SITE_PATTERN, 0, err));
  TRY(loci_run_record(r, LOCI_SITE_LOGITS, 0, err));
  TRY(loci_run_record(r, LOCI_SITE_FINAL_NORM, 0, err));
  TRY(loci_run_patch(r, &patch, err));
  TRY(loci_run_forward(r, NULL, NULL, err));
  return loci_run_write(r, path, err);
}

static loci_status run_and_write(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_run *r;
  loci_status st = loci_run_new(t->model, t->prompt, &r, err);
  if (!st) st = use_run(r, t->path, err);
  loci_run_free(r);
  assert_int_equal(unlink(t->path) == 0, st == LOCI_OK); /* nothing half written */
  return st;
}

static loci_status trace_with(const things *t, const loci_prompt *p, loci_trace_opts o,
                              loci_err *err) {
  o.size = sizeof o;
  loci_trace *trace;
  loci_status st = loci_trace_new(t->model, p, &o, &trace, err);
  assert_true((st == LOCI_OK) == (trace != NULL));
  loci_free(trace);
  return st;
}

static loci_status trace_noise(void *ctx, loci_err *err) {
  const things *t = ctx;
  return trace_with(t, t->text,
                    (loci_trace_opts){.corrupt = "noise:2",
                                      .seeds = 2,
                                      .answer = "the old city",
                                      .verify = 1,
                                      .layer_count = 1,
                                      .direction = LOCI_BOTH},
                    err);
}

static loci_status trace_image(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_trace_opts o = {
      .size = sizeof o, .corrupt = "image:" PICTURE, .positions = "last", .layer_count = 1};
  return trace_with(t, t->prompt, o, err);
}

static loci_status trace_swap(void *ctx, loci_err *err) {
  const things *t = ctx;
  return trace_with(t, t->text, (loci_trace_opts){.corrupt = "replace:Rome", .layer_count = 1},
                    err);
}

static loci_status screen(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_trace_opts o = {.size = sizeof o,
                       .corrupt = "replace:Rome",
                       .direction = LOCI_BOTH,
                       .layer_count = 1,
                       .screen = 2,
                       .screen_metric = LOCI_METRIC_LOGIT_DIFF};
  return trace_with(t, t->text, o, err);
}

static loci_status knock_out(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_knockout_opts o = {.size = sizeof o, .answer = "the old city", .no_hash = true};
  loci_knockout *k;
  loci_status st = loci_knockout_new(t->model, t->prompt, &o, &k, err);
  assert_true((st == LOCI_OK) == (k != NULL));
  loci_free(k);
  return st;
}

static loci_status measure_flow(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_flow *flow;
  char *json = NULL;
  loci_flow_opts o = {.size = sizeof o, .layer_count = 1, .heads = true};
  loci_status st = loci_flow_new(t->model, t->text, &o, &flow, err);
  assert_true((st == LOCI_OK) == (flow != NULL));
  if (!st) st = loci_json(&flow->result, &json, err);
  loci_text_free(json);
  loci_free(flow);
  return st;
}

static loci_status write_flow(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_status st = loci_write(&t->flow->result, t->path, NULL, err);
  assert_int_equal(unlink(t->path) == 0, st == LOCI_OK);
  return st;
}

static loci_status draw_flow(void *ctx, loci_err *err) {
  const things *t = ctx;
  char *text;
  loci_status st = loci_draw(&t->flow->result, NULL, &text, err);
  loci_text_free(text);
  return st;
}

static loci_status write_trace(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_status st = loci_write(&t->trace->result, t->path, NULL, err);
  assert_int_equal(unlink(t->path) == 0, st == LOCI_OK);
  return st;
}

static loci_status look(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_lens_opts o = {
      .size = sizeof o, .answer = "the old city", .positions = "image,last", .no_hash = true};
  loci_lens *l;
  loci_status st = loci_lens_new(t->model, t->prompt, &o, &l, err);
  assert_true((st == LOCI_OK) == (l != NULL));
  loci_free(l);
  return st;
}

static loci_status write_lens(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_status st = loci_write(&t->lens->result, t->path, NULL, err);
  assert_int_equal(unlink(t->path) == 0, st == LOCI_OK);
  return st;
}

static loci_status draw_lens(void *ctx, loci_err *err) {
  const things *t = ctx;
  char *text;
  loci_status st = loci_draw(&t->lens->result, NULL, &text, err);
  loci_text_free(text);
  return st;
}

static loci_status write_knockout(void *ctx, loci_err *err) {
  const things *t = ctx;
  loci_status st = loci_write(&t->knockout->result, t->path, NULL, err);
  assert_int_equal(unlink(t->path) == 0, st == LOCI_OK);
  return st;
}

static loci_status draw_knockout(void *ctx, loci_err *err) {
  const things *t = ctx;
  char *text;
  loci_status st = loci_draw(&t->knockout->result, NULL, &text, err);
  loci_text_free(text);
  return st;
}

static loci_status draw_trace(void *ctx, loci_err *err) {
  const things *t = ctx;
  char *text;
  loci_status st = loci_draw(&t->trace->result, NULL, &text, err);
  loci_text_free(text);
  return st;
}

/* ---------------------------------------------------------------- tests */

static things all;

static int make_all(void **state) {
  (void)state;
  loci_err err;
  strcpy(all.path, "/tmp/loci-calls-test-XXXXXX");
  int fd = mkstemp(all.path);
  if (fd < 0 || close(fd) || unlink(all.path)) return -1;
  if (loci_model_open(MODELS "llava-clip-llama", &opts, &all.model, &err)) return -1;
  if (make_prompt(all.model, PICTURE, &all.prompt, &err)) return -1;
  if (make_prompt(all.model, NULL, &all.text, &err)) return -1;
  loci_flow_opts f = {.size = sizeof f, .layer_count = 2, .heads = true};
  if (loci_flow_new(all.model, all.prompt, &f, &all.flow, &err)) return -1;
  loci_trace_opts o = {.size = sizeof o, .layer_count = 2, .positions = "each,last"};
  if (loci_trace_new(all.model, all.text, &o, &all.trace, &err)) return -1;
  if (loci_knockout_new(all.model, all.prompt, NULL, &all.knockout, &err)) return -1;
  return loci_lens_new(all.model, all.prompt, NULL, &all.lens, &err) ? -1 : 0;
}

static int free_all(void **state) {
  (void)state;
  loci_free(all.trace);
  loci_free(all.flow);
  loci_free(all.knockout);
  loci_free(all.lens);
  loci_prompt_free(all.text);
  loci_prompt_free(all.prompt);
  loci_model_close(all.model);
  return 0;
}

static void opening_survives(void **state) {
  (void)state;
  static const char *const dirs[] = {MODELS "text-llama", MODELS "llava-clip-llama-bf16",
                                     MODELS "bunny-siglip-phi"};
  for (int i = 0; i < 3; i++) {
    all.dir = dirs[i];
    assert_true(failing_malloc_run_without_json(open_model, &all) > 10);
  }
}

static void building_a_prompt_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(build_prompt, &all) > 20);
}

static void asking_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(ask, &all) > 20);
}

static void a_run_survives_and_leaves_no_half_file(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(run_and_write, &all) > 20);
}

static void tracing_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(trace_swap, &all) > 20);
  assert_true(failing_malloc_run_without_json(screen, &all) > 20);
  assert_true(failing_malloc_run_without_json(trace_noise, &all) > 20);
  assert_true(failing_malloc_run_without_json(trace_image, &all) > 20);
}

static void knocking_out_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(knock_out, &all) > 20);
}

static void a_flow_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(measure_flow, &all) > 20);
}

static void writing_a_flow_survives_and_leaves_no_half_file(void **state) {
  (void)state;
  static const char *const endings[] = {".json", ".csv", ".safetensors", ".npz", ".svg", ".html"};
  size_t stem = strlen(all.path);
  for (int i = 0; i < 6; i++) {
    snprintf(all.path + stem, sizeof all.path - stem, "%s", endings[i]);
    assert_true(failing_malloc_run_without_json(write_flow, &all) > 1);
  }
  all.path[stem] = 0;
  assert_true(failing_malloc_run_without_json(draw_flow, &all) > 1);
}

static void writing_a_trace_survives_and_leaves_no_half_file(void **state) {
  (void)state;
  static const char *const endings[] = {".json", ".csv", ".safetensors", ".npz", ".svg", ".html"};
  size_t stem = strlen(all.path);
  for (int i = 0; i < 6; i++) {
    snprintf(all.path + stem, sizeof all.path - stem, "%s", endings[i]);
    assert_true(failing_malloc_run_without_json(write_trace, &all) > 2);
  }
  all.path[stem] = 0;
}

static void writing_a_knockout_survives_and_leaves_no_half_file(void **state) {
  (void)state;
  static const char *const endings[] = {".json", ".csv", ".svg", ".html"};
  size_t stem = strlen(all.path);
  for (int i = 0; i < 4; i++) {
    snprintf(all.path + stem, sizeof all.path - stem, "%s", endings[i]);
    assert_true(failing_malloc_run_without_json(write_knockout, &all) > 1);
  }
  all.path[stem] = 0;
  assert_true(failing_malloc_run_without_json(draw_knockout, &all) > 1);
}

static void a_lens_survives_and_leaves_no_half_file(void **state) {
  (void)state;
  static const char *const endings[] = {".json", ".csv", ".svg", ".html"};
  size_t stem = strlen(all.path);
  assert_true(failing_malloc_run_without_json(look, &all) > 10);
  for (int i = 0; i < 4; i++) {
    snprintf(all.path + stem, sizeof all.path - stem, "%s", endings[i]);
    assert_true(failing_malloc_run_without_json(write_lens, &all) > 1);
  }
  all.path[stem] = 0;
  assert_true(failing_malloc_run_without_json(draw_lens, &all) > 1);
}

static void drawing_a_trace_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run_without_json(draw_trace, &all) > 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(opening_survives),
      cmocka_unit_test(building_a_prompt_survives),
      cmocka_unit_test(asking_survives),
      cmocka_unit_test(a_run_survives_and_leaves_no_half_file),
      cmocka_unit_test(tracing_survives),
      cmocka_unit_test(knocking_out_survives),
      cmocka_unit_test(a_flow_survives),
      cmocka_unit_test(writing_a_flow_survives_and_leaves_no_half_file),
      cmocka_unit_test(writing_a_trace_survives_and_leaves_no_half_file),
      cmocka_unit_test(writing_a_knockout_survives_and_leaves_no_half_file),
      cmocka_unit_test(a_lens_survives_and_leaves_no_half_file),
      cmocka_unit_test(drawing_a_trace_survives),
  };
  return cmocka_run_group_tests(tests, make_all, free_all);
}
