/* A walk stops within a layer: it looks at its watch between slices of work (compute_ask), so that
 * one of 7B's layers does not have to end first.  Slices are made small here; no clock is asked. */
#include "walk/laws_test.h"

#include "walk/streams.h"

typedef struct counter {
  int asked, stop_at; /* 0: never */
} counter;

static bool count(void *ctx, const char *word, double done, double total) {
  counter *c = ctx;
  assert_true(*word && done >= 0 && done <= total);
  return ++c->asked != c->stop_at;
}

static void take(void *ctx, int64_t index, const float *logits) {
  float *out = ctx;
  assert_int_equal(index, 0);
  memcpy(out, logits, 8 * sizeof *logits);
}

/* The first logits of the last position. */
static loci_status run(const loci_model *m, const float *rows, int T, double slice, counter *c,
                       float out[8], loci_err *err) {
  walk *w;
  int root;
  must(walk_new(m, &w, err), err);
  if (slice > 0) w->a->follow.slice = slice;
  must(walk_root(w, input_rows(rows, T), &root, err), err);
  must(walk_want(w, root, T - 1, err), err);
  walk_hooks hooks = {.logits = take, .logits_ctx = out, .progress = count, .progress_ctx = c};
  loci_status st = walk_run(w, &hooks, err);
  assert_null(w->a->follow.watch.progress); /* nobody is asked after the run */
  walk_free(w);
  return st;
}

static void a_walk_stops_within_a_layer(void **state) {
  (void)state;
  enum { T = 40 };
  static const char *const models[] = {"text-llama", "text-phi"};
  for (int i = 0; i < 2; i++) {
    char dir[256];
    float whole[8], cut[8];
    counter once = {0}, often = {0};
    loci_err err;
    snprintf(dir, sizeof dir, MODELS "%s", models[i]);
    loci_model *m = open_f32(dir);
    float *rows = token_rows_of(m, T, 5);
    int layers = model_decoder(m)->layers;
    must(run(m, rows, T, 0, &once, whole, &err), &err);
    must(run(m, rows, T, 1, &often, cut, &err), &err);
    assert_int_equal(once.asked, 1 + layers); /* before the plan, and before each */
    assert_true(often.asked > 8 * layers);    /* products and attention of each layer */
    assert_memory_equal(cut, whole, sizeof whole);
    for (int at = 1; at <= often.asked; at++) {
      counter c = {.stop_at = at};
      assert_int_equal(run(m, rows, T, 1, &c, cut, &err), LOCI_ECANCELLED);
      assert_int_equal(c.asked, at);
    }
    free(rows);
    loci_model_close(m);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_walk_stops_within_a_layer)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
