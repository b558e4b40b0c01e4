/* What is kept of a prompt's run changes no number of what is measured of it, not in one bit: of
 * fresh runs and of kept ones all that a result says is the same, but for times and costs. */
#include "loci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define MODELS LOCI_SOURCE_DIR "/models/flags"

enum { WHOLE = 1 << 30 };

/* The JSON without its costs, and every number of its columns bit for bit. */
typedef struct measured {
  loci_result *result;
  char *json;
} measured;

static loci_status prompt_of(loci_model *m, const char *request, loci_prompt **out, loci_err *err) {
  loci_call c = {.size = sizeof c, .what = "question", .request = request, .model = m};
  return loci_call_prompt(&c, NULL, 0, 0, out, err);
}

static measured measure(loci_model *m, const loci_prompt *p, const char *what,
                        const char *request) {
  loci_err err;
  measured x;
  loci_call c = {.size = sizeof c,
                 .what = what,
                 .request = request,
                 .model = m,
                 .prompts = &p,
                 .prompt_count = 1};
  if (loci_call_run(&c, &x.result, &err)) print_error("%s\n", err.msg);
  assert_non_null(x.result);
  assert_int_equal(loci_json(x.result, &x.json, &err), LOCI_OK);
  char *cost = strstr(x.json, "\"cost\":"), *end = cost ? strstr(cost, "}}") : NULL;
  if (cost) memmove(cost, end, strlen(end) + 1);
  return x;
}

static void release(measured *x) {
  loci_text_free(x->json);
  loci_free(x->result);
}

static int64_t bytes_of(const loci_column *c) {
  static const int64_t size[] = {sizeof(double), sizeof(float), sizeof(int), sizeof(bool)};
  return c->type == LOCI_TYPE_TEXT ? 0 : size[c->type];
}

/* Every place of a column of two or three axes. */
static void assert_same_bits(const measured *a, const measured *b, const char *path) {
  loci_column x, y;
  assert_int_equal(loci_column_of(a->result, path, &x, NULL), LOCI_OK);
  assert_int_equal(loci_column_of(b->result, path, &y, NULL), LOCI_OK);
  assert_int_equal(x.rank, y.rank);
  int64_t n[3] = {1, 1, 1};
  for (int i = 0; i < x.rank; i++) n[i] = x.axes[i].size;
  for (int64_t i = 0; i < n[0]; i++)
    for (int64_t j = 0; j < n[1]; j++)
      for (int64_t k = 0; k < n[2]; k++)
        assert_memory_equal(
            (const char *)x.data + i * x.strides[0] + j * x.strides[1] + k * x.strides[2],
            (const char *)y.data + i * y.strides[0] + j * y.strides[1] + k * y.strides[2],
            (size_t)bytes_of(&x));
}

static const struct {
  const char *what, *request, *columns[3];
} asked[] = {
    {"trace",
     "{\"corrupt\": \"replace:Paris\", \"layers\": 3}",
     {"grids.0.ie", "grids.0.logp", "grids.4.kl"}},
    {"trace",
     "{\"corrupt\": \"noise:2\", \"seeds\": 2, \"sites\": [\"z\", \"mlp_out\"], \"window\": 3,"
     " \"direction\": \"both\", \"layers\": 3}",
     {"grids.0.p", "grids.1.p", "grids.2.kl"}},
    {"trace", "{\"sites\": \"mlp_out\", \"layers\": 2, \"positions\": \"last\"}", {"grids.0.logp"}},
    {"trace", "{\"layers\": [0, 0]}", {"grids.0.ie", "grids.1.logp", "grids.3.ie"}},
    {"trace", "{\"answer\": \"Lima and more\", \"positions\": \"constraint\"}", {"grids.0.logp"}},
    {"knockout",
     "{\"window\": 3, \"layers\": [1, 3]}",
     {"pathways.0.p", "pathways.1.logp", "pathways.0.kl"}},
    {"flow", "{}", {"contribution", "attention", "value_norms"}},
    {"lens", "{\"positions\": \"constraint-last,last\"}", {"p_target", "logp_target", "rank"}},
    {"lens", "{\"positions\": \"0,last\"}", {"p_target"}},
    {"lens", "{\"positions\": \"last\"}", {"p_target", "logp_target"}}, /* a single row */
    {"ask", "{\"max_new\": 4}", {"ids"}},
};

/* Every [step]-th of the requests. */
static void check_model(const char *dir, const char *options, const char *question, size_t step) {
  loci_model *m;
  loci_prompt *p;
  loci_err err;
  if (loci_call_model(dir, options, &m, &err)) {
    print_message("%s\n", err.msg);
    skip();
  }
  assert_int_equal(prompt_of(m, question, &p, &err), LOCI_OK);
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i += step) {
    measured fresh = measure(m, p, asked[i].what, asked[i].request);
    assert_int_equal(loci_prompt_keep(p, WHOLE, NULL, NULL, &err), LOCI_OK);
    for (int again = 0; again < 2; again++) {
      measured kept = measure(m, p, asked[i].what, asked[i].request);
      assert_string_equal(fresh.json, kept.json);
      for (int k = 0; k < 3 && asked[i].columns[k]; k++)
        if (strcmp(asked[i].what, "ask") != 0) assert_same_bits(&fresh, &kept, asked[i].columns[k]);
      release(&kept);
    }
    assert_int_equal(loci_prompt_keep(p, 0, NULL, NULL, &err), LOCI_OK);
    release(&fresh);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

static const char seen[] =
    "{\"image\": \"" MODELS
    "/images/ukraine.png\", \"question\": \"What is the capital of this country?\","
    " \"constraints\": [\"this country\"]}";
static const char read[] = "{\"question\": \"What is the capital of Ukraine?\","
                           " \"constraints\": [\"Ukraine\"], \"template\": \"llava-paper\"}";

static void kept_numbers_are_fresh_ones(void **state) {
  (void)state;
  check_model(MODELS, "{\"precision\": \"f32\", \"threads\": 1}", seen, 1);
}

static void in_half_precision_too(void **state) {
  (void)state;
  check_model(MODELS, "{\"precision\": \"bf16\", \"threads\": 1}", seen, 2);
}

static void without_a_picture(void **state) {
  (void)state;
  check_model(MODELS "/text-only", "{\"precision\": \"f32\", \"threads\": 1}", read, 2);
}

/* Rows that see one another are kept together, or not at all: a picture's, and a whole prompt's. */
static void of_rows_that_see_one_another(void **state) {
  static const char scene[] =
      "{\"image\": \"" LOCI_SOURCE_DIR "/tests/golden/images/scene-a.png\","
      " \"question\": \"In which city is this building?\", \"constraints\": [\"this building\"]}";
  (void)state;
  check_model(LOCI_SOURCE_DIR "/tests/golden/models/gemma3",
              "{\"precision\": \"f32\", \"threads\": 1}", scene, 1);
  check_model(LOCI_SOURCE_DIR "/tests/golden/models/paligemma",
              "{\"precision\": \"f32\", \"threads\": 1}", scene, 1);
}

/* Alone its rows are few, and rounded as few are; a trace has more. */
static void of_a_short_question(void **state) {
  static const char few[] = "{\"question\": \"In which city is this bridge?\","
                            " \"constraints\": [\"this bridge\"]}";
  (void)state;
  check_model(LOCI_SOURCE_DIR "/tests/golden/models/text-phi",
              "{\"precision\": \"f32\", \"threads\": 1}", few, 1);
  static const char nine[] = "{\"question\": \"The city of Paris is in\", \"template\": \"raw\","
                             " \"constraints\": [\"Paris\"]}";
  check_model(LOCI_SOURCE_DIR "/tests/golden/models/text-llama",
              "{\"precision\": \"f32\", \"threads\": 1}", nine, 1);
}

/* A cell then costs the rows from the constraint on, and not the picture's; without it the prompt
 * is run once, for the answer. */
static void a_cell_costs_its_own_rows(void **state) {
  static const char one[] = "{\"sites\": \"mlp_out\", \"layers\": 4, \"positions\": \"last\"}";
  loci_model *m;
  loci_prompt *p;
  loci_err err;
  (void)state;
  assert_int_equal(loci_call_model(MODELS, "{\"precision\": \"f32\"}", &m, &err), LOCI_OK);
  assert_int_equal(prompt_of(m, seen, &p, &err), LOCI_OK);
  measured fresh = measure(m, p, "trace", one);
  assert_int_equal(loci_prompt_keep(p, WHOLE, NULL, NULL, &err), LOCI_OK);
  measured kept = measure(m, p, "trace", one);
  const loci_trace *f = (const loci_trace *)fresh.result, *k = (const loci_trace *)kept.result;
  int L = loci_model_get_info(m)->layers, T = f->prompt->length;
  int own = T - f->prompt->constraints[0].first;
  assert_int_equal(f->cost.rows - k->cost.rows, L * (T - 1));
  assert_true(k->cost.rows <= L * (1 + 3 * own)); /* the answer's; clean, corrupted, restored */
  release(&fresh);
  release(&kept);
  loci_prompt_free(p);
  loci_model_close(m);
}

static bool stop(void *ctx, const char *stage, double done, double total) {
  (void)ctx, (void)stage, (void)done, (void)total;
  return false;
}

/* Of an edited model nothing that was kept is used; without the edit it is again. */
static void limits_stops_and_edits(void **state) {
  loci_model *m;
  loci_prompt *p;
  loci_err err;
  (void)state;
  assert_int_equal(loci_call_model(MODELS, "{\"precision\": \"f32\"}", &m, &err), LOCI_OK);
  assert_int_equal(prompt_of(m, seen, &p, &err), LOCI_OK);
  assert_int_equal(loci_prompt_keep(p, 1000, NULL, NULL, &err), LOCI_ENOMEM);
  assert_int_equal(loci_prompt_keep(p, WHOLE, stop, NULL, &err), LOCI_ECANCELLED);
  measured edit = measure(m, p, "edit solve",
                          "{\"layer\": 3, \"steps\": 3, \"no_answers\": true,"
                          " \"requests\": [{\"prompt\": 0, \"target\": \"Lima\"}]}");
  const loci_edit *e = (const loci_edit *)edit.result;
  assert_int_equal(loci_edit_apply(m, e, &err), LOCI_OK);
  assert_int_equal(loci_prompt_keep(p, WHOLE, NULL, NULL, &err), LOCI_EINVAL);
  measured changed = measure(m, p, "lens", "{}");
  assert_int_equal(loci_edit_revert(m, e, &err), LOCI_OK);
  assert_int_equal(loci_prompt_keep(p, WHOLE, NULL, NULL, &err), LOCI_OK);
  assert_int_equal(loci_edit_apply(m, e, &err), LOCI_OK);
  measured again = measure(m, p, "lens", "{}");
  assert_same_bits(&changed, &again, "logp_target");
  assert_int_equal(loci_edit_revert(m, e, &err), LOCI_OK);
  release(&again);
  release(&changed);
  release(&edit);
  loci_prompt_free(p);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kept_numbers_are_fresh_ones),
      cmocka_unit_test(in_half_precision_too),
      cmocka_unit_test(without_a_picture),
      cmocka_unit_test(of_a_short_question),
      cmocka_unit_test(a_cell_costs_its_own_rows),
      cmocka_unit_test(limits_stops_and_edits),
      cmocka_unit_test(of_rows_that_see_one_another),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
