/* The report of a flow: its numbers are those of its own arrays, it costs little more than a plain
 * forward, and what makes no sense is refused in one sentence. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "study/flow_measure.h"

#include <cmocka.h> /* last: its fail() is a macro */

#define GOLDEN LOCI_SOURCE_DIR "/tests/golden/"

static void must(loci_status st, const loci_err *err) {
  if (st) fail_msg("%s: %s", loci_status_name(st), err->msg);
}

static loci_model *open_model(const char *dir) {
  loci_model *m;
  loci_err err;
  loci_model_opts o = {.size = sizeof o, .precision = LOCI_PRECISION_F32, .threads = 1};
  must(loci_model_open(dir, &o, &m, &err), &err);
  return m;
}

static loci_prompt *make_prompt(const loci_model *m, bool image, const char *constraint) {
  loci_prompt *p;
  loci_err err;
  loci_question q = {.size = sizeof q,
                     .image = image ? GOLDEN "images/scene-a.png" : NULL,
                     .text = "Name a film made by this director in this city.",
                     .template_name = image ? NULL : "raw",
                     .constraints = &constraint,
                     .constraint_count = constraint ? 1 : 0};
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

static loci_flow *flow_of(loci_model *m, const loci_prompt *p, loci_flow_opts o) {
  o.size = sizeof o;
  loci_flow *f;
  loci_err err;
  o.no_hash = true;
  must(loci_flow_new(m, p, &o, &f, &err), &err);
  return f;
}

static const char *const models[] = {
    GOLDEN "models/llava-clip-llama", GOLDEN "models/llava-clip-llama-bf16",
    GOLDEN "models/bunny-siglip-phi", GOLDEN "models/llava-siglip-phi",
    GOLDEN "models/text-llama",       GOLDEN "models/text-phi",
    LOCI_SOURCE_DIR "/models/flags"};
enum { MODELS = sizeof models / sizeof *models };

/* ---------------------------------------------------------------- cost */

/* 2 M N K of a plain forward that gives the last position's logits. */
static double forward_cost(const loci_prompt *p) {
  loci_err err;
  float *logits = malloc((size_t)model_decoder(p->model)->vocab * sizeof *logits);
  flow_job job = {.logits = logits};
  assert_non_null(logits);
  must(flow_measure(p, &job, &err), &err);
  free(logits);
  return job.cost.flop;
}

/* The default request, all layers; each head's norms cost nothing more. */
static void all_layers_cost_at_most_1_3_forwards(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++) {
    loci_model *m = open_model(models[i]);
    loci_prompt *p = make_prompt(m, m->info.image_rows > 0, "this director");
    double plain = forward_cost(p);
    for (int heads = 0; heads < 2; heads++) {
      loci_flow *f = flow_of(m, p, (loci_flow_opts){.heads = heads});
      print_message("%s: %.3f forwards\n", m->info.path, f->cost.flop / plain);
      assert_true(f->cost.flop > plain);
      assert_true(f->cost.flop <= 1.3 * plain);
      loci_free(f);
    }
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

/* ---------------------------------------------------------------- numbers */

static void assert_close(double a, double b) {
  if (!(fabs(a - b) <= 1e-6 * fmax(fabs(b), 1))) fail_msg("%.9g, expected %.9g", a, b);
}

static int row_of(const loci_flow *f, int position) {
  for (int i = 0; i < f->query_count; i++) {
    if (f->queries[i] == position) return i;
  }
  fail_msg("position %d is no query", position);
  return -1;
}

/* Mean over the pathway's queries of an array (layers, queries, T). */
static double mean_at(const loci_flow *f, const loci_flow_path *x, const float *array, int layer,
                      int source) {
  double sum = 0;
  for (int q = 0; q < x->query_count; q++) {
    int64_t at = (int64_t)layer * f->query_count + row_of(f, x->queries[q]);
    sum += (double)array[at * f->prompt->length + source];
  }
  return sum / x->query_count;
}

static bool holds(const int *top, int n, int position) {
  for (int i = 0; i < n; i++) {
    if (top[i] == position) return true;
  }
  return false;
}

static void check_path(const loci_flow *f, const loci_flow_path *x, int layer) {
  const int *top = x->top + layer * x->top_count;
  double total = 0, most = 0, weight_sum = 0, share = 0, least_of_top = HUGE_VAL, rest = 0;
  for (int j = 0; j < x->source_count; j++) {
    double c = mean_at(f, x, f->contribution, layer, x->sources[j]);
    double a = mean_at(f, x, f->attention, layer, x->sources[j]);
    assert_close(x->profile[layer * x->source_count + j], c);
    assert_close(x->weights[layer * x->source_count + j], a);
    total += c;
    weight_sum += a;
    most = fmax(most, c);
    bool in_top = holds(top, x->top_count, x->sources[j]);
    if (in_top) share += c;
    if (in_top) least_of_top = fmin(least_of_top, c);
    if (!in_top) rest = fmax(rest, c);
  }
  assert_close(x->total[layer], total);
  assert_close(x->max[layer], most);
  assert_close(x->mean[layer], total / x->source_count);
  assert_close(x->attention[layer], weight_sum);
  assert_close(x->top_share[layer], share / total);
  assert_true(least_of_top >= rest);
  assert_true(x->norm_of_sum[layer] <= total * 1.000001);
  assert_true(x->norm_of_sum[layer] > 0);
}

static void pathways_are_what_the_arrays_say(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++) {
    loci_model *m = open_model(models[i]);
    bool image = m->info.image_rows > 0;
    loci_prompt *p = make_prompt(m, image, "this director");
    loci_flow *f = flow_of(m, p, (loci_flow_opts){.first_layer = 1, .heads = true});
    assert_int_equal(f->path_count, image ? 2 : 1);
    assert_int_equal(f->layer_count, m->info.layers - 1);
    assert_int_equal(f->layers[0], 1);
    for (int k = 0; k < f->path_count; k++) {
      const loci_flow_path *x = &f->paths[k];
      assert_int_equal(x->top_count, (x->source_count + 19) / 20);
      for (int l = 0; l < f->layer_count; l++) check_path(f, x, l);
    }
    assert_string_equal(f->paths[f->path_count - 1].from, "constraint");
    assert_string_equal(f->paths[f->path_count - 1].to, "last");
    loci_free(f);
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

/* One source: the norm of the sum is its norm, and the maximum and the mean, too. */
static void a_single_source_is_its_sum(void **state) {
  (void)state;
  loci_model *m = open_model(models[0]);
  loci_prompt *p = make_prompt(m, true, "this director");
  loci_flow *f = flow_of(m, p, (loci_flow_opts){.from = "constraint-last", .to = "last"});
  for (int l = 0; l < f->layer_count; l++) {
    const loci_flow_path *x = &f->paths[0];
    assert_close(x->norm_of_sum[l] / x->total[l], 1);
    assert_close(x->max[l], x->total[l]);
    assert_close(x->mean[l], x->total[l]);
  }
  loci_free(f);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* A sink draws five times an even share of attention and has at most half the usual value. */
static void sinks_are_as_defined(void **state) {
  (void)state;
  int found = 0;
  loci_model *m = open_model(models[MODELS - 1]);
  loci_prompt *p = make_prompt(m, true, "this director");
  loci_flow *f = flow_of(m, p, (loci_flow_opts){.layer_count = 0});
  int T = p->info.length;
  for (int l = 0; l < f->layer_count; l++) {
    const float *norms = f->value_norms + l * T;
    for (int j = 0; j < T; j++) {
      double drawn = 0;
      int below = 0, equal = 0, seen = 0;
      for (int q = 0; q < f->query_count; q++) {
        if (f->queries[q] < j) continue;
        drawn += (double)f->attention[(l * f->query_count + q) * T + j] * (f->queries[q] + 1);
        seen++;
      }
      for (int k = 0; k < T; k++) below += norms[k] >= 2 * norms[j], equal += norms[k] >= norms[j];
      bool high = seen > 0 && drawn / seen >= 5, low = 2 * below > T;
      bool is_sink = f->sinks[l * T + j];
      if (is_sink) assert_true(high && 2 * equal > T);
      if (high && low) assert_true(is_sink);
      found += is_sink;
    }
  }
  print_message("%d sinks in %d layers of %d positions\n", found, f->layer_count, T);
  loci_free(f);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- refusals */

static void refuse(loci_model *m, const loci_prompt *p, loci_flow_opts o, const char *sentence) {
  o.size = sizeof o;
  loci_flow *f;
  loci_err err;
  loci_status st = loci_flow_new(m, p, &o, &f, &err);
  if (st != LOCI_EINVAL || !strstr(err.msg, sentence)) {
    fail_msg("%s: %s, expected: %s", loci_status_name(st), st ? err.msg : "", sentence);
  }
  assert_null(f);
}

static void what_makes_no_sense_is_refused(void **state) {
  (void)state;
  loci_model *m = open_model(models[0]), *text = open_model(models[4]);
  loci_prompt *p = make_prompt(m, true, "this director"), *bare = make_prompt(m, false, NULL);
  loci_prompt *t = make_prompt(text, false, "this director");
  refuse(m, p, (loci_flow_opts){.from = "picture", .to = "last"}, "unknown group \"picture\"");
  refuse(m, p, (loci_flow_opts){.from = "image"}, "a pathway needs both its ends");
  refuse(m, p, (loci_flow_opts){.from = "last", .to = "image"}, "attention looks back");
  refuse(m, bare, (loci_flow_opts){.from = "image", .to = "last"}, "the question has no picture");
  refuse(text, t, (loci_flow_opts){.from = "image", .to = "last"}, "the model reads text only");
  refuse(m, bare, (loci_flow_opts){.layer_count = 0}, "the question has no constraint");
  refuse(m, p, (loci_flow_opts){.first_layer = 5}, "the model has layers 0 to 4");
  refuse(m, p, (loci_flow_opts){.first_layer = 3, .layer_count = 3}, "layers 3 to 5");
  refuse(text, p, (loci_flow_opts){.layer_count = 0}, "another model");
  loci_prompt_free(t);
  loci_prompt_free(bare);
  loci_prompt_free(p);
  loci_model_close(text);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_layers_cost_at_most_1_3_forwards),
      cmocka_unit_test(pathways_are_what_the_arrays_say),
      cmocka_unit_test(a_single_source_is_its_sum),
      cmocka_unit_test(sinks_are_as_defined),
      cmocka_unit_test(what_makes_no_sense_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
