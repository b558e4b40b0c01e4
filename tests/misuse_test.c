/* The public calls misused: what is required and missing, options out of range and a model in
 * a forked child are LOCI_EINVAL with a sentence, and *out is NULL. */
#include "base/names.h"
#include "loci.h"
#include "sized.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"

static loci_err err;
static loci_model *model;
static loci_prompt *prompt;
static const char *const constraint[] = {"this city"};
static const loci_question question = {.size = sizeof question,
                                       .text = "Where is this city?",
                                       .template_name = "raw",
                                       .constraints = constraint,
                                       .constraint_count = 1};

/* [got] is LOCI_EINVAL, and the sentence has [says] in it. */
static void refused_at(loci_status got, const char *says, int line) {
  if (got != LOCI_EINVAL || err.code != got || !strstr(err.msg, says))
    fail_msg("line %d: %s: \"%s\", expected \"%s\"", line, loci_status_name(got), err.msg, says);
  memset(&err, 0, sizeof err);
}
#define REFUSED(call, says) refused_at(call, says, __LINE__)

static int open_model(void **state) {
  (void)state;
  loci_model_opts o = {.size = sizeof o, .precision = LOCI_PRECISION_F32, .threads = 2};
  if (loci_model_open(MODELS "text-llama", &o, &model, &err)) return -1;
  return loci_prompt_new(model, &question, &prompt, &err) ? -1 : 0;
}

static int close_model(void **state) {
  (void)state;
  loci_prompt_free(prompt);
  loci_model_close(model);
  return 0;
}

static void what_is_required_is_asked_for(void **state) {
  (void)state;
  loci_model *m;
  loci_prompt *p = prompt;
  loci_answer *a;
  loci_trace *t;
  loci_lens *l;
  loci_flow *f;
  loci_knockout *k;
  loci_run *r;
  loci_examples *x;
  loci_store *s;
  loci_edit *e;
  loci_text_tokens *tokens;
  int site;
  char *text;
  REFUSED(loci_model_open(NULL, NULL, &m, &err), "no directory is given");
  REFUSED(loci_model_open(MODELS "text-llama", NULL, NULL, &err), "no place for the result");
  REFUSED(loci_prompt_new(NULL, &question, &p, &err), "no model");
  assert_null(p);
  REFUSED(loci_prompt_new(model, NULL, &p, &err), "no question");
  REFUSED(loci_prompt_new(model, &(loci_question){.size = sizeof(loci_question)}, &p, &err),
          "no text");
  REFUSED(loci_ask(model, NULL, 1, NULL, NULL, &a, &err), "no prompt");
  REFUSED(loci_ask(NULL, prompt, 1, NULL, NULL, &a, &err), "no model");
  REFUSED(loci_trace_new(model, NULL, NULL, &t, &err), "no prompt");
  REFUSED(loci_trace_new(NULL, prompt, NULL, &t, &err), "no model");
  REFUSED(loci_lens_new(model, NULL, NULL, &l, &err), "no prompt");
  REFUSED(loci_flow_new(NULL, prompt, NULL, &f, &err), "no model");
  REFUSED(loci_knockout_new(model, prompt, NULL, NULL, &err), "no place");
  REFUSED(loci_knockout_new(model, NULL, NULL, &k, &err), "no prompt");
  REFUSED(loci_run_new(model, NULL, &r, &err), "no prompt");
  REFUSED(loci_run_record(NULL, LOCI_SITE_MLP_OUT, 0, &err), "no run");
  REFUSED(loci_run_forward(NULL, NULL, NULL, &err), "no run");
  REFUSED(loci_examples_open(NULL, &x, &err), "no path");
  REFUSED(loci_store_open(NULL, true, NULL, &err), "no place");
  REFUSED(loci_store_run(NULL, model, NULL, NULL, NULL, &err), "is given");
  REFUSED(loci_edit_solve(model, NULL, 1, NULL, &e, &err), "no requests");
  REFUSED(loci_edit_solve(model, &(loci_edit_request){.target = "x"}, 1, NULL, &e, &err),
          "no prompt");
  REFUSED(loci_edit_solve(model, &(loci_edit_request){.prompt = prompt}, 1, NULL, &e, &err),
          "target");
  REFUSED(loci_edit_apply(model, NULL, &err), "no edit");
  REFUSED(loci_tokenize(NULL, "x", 1, false, &tokens, &err), "no tokenizer");
  REFUSED(loci_name_find(LOCI_NAMES_SITE, NULL, &site, &err), "no name");
  REFUSED(loci_json(NULL, &text, &err), "no result");
  REFUSED(loci_write(NULL, "x.json", NULL, &err), "no result");
  (void)s;
  assert_true(!loci_model_get_info(NULL) && !loci_prompt_get_info(NULL));
  loci_free(NULL), loci_prompt_free(NULL), loci_run_free(NULL), loci_model_close(NULL);
  loci_examples_close(NULL), loci_store_close(NULL), loci_tokenizer_close(NULL);
}

/* One prompt of several that is missing fails alone. */
static void a_missing_prompt_fails_alone(void **state) {
  (void)state;
  loci_trace_request q[2] = {
      {.prompt = prompt, .opts = SIZED(loci_trace_opts, .first_layer = 1, .layer_count = 1)}, {0}};
  assert_int_equal(loci_traces(model, q, 2, &err), LOCI_OK);
  assert_non_null(q[0].trace);
  assert_null(q[1].trace);
  assert_int_equal(q[1].err.code, LOCI_EINVAL);
  loci_free(q[0].trace);
}

static void options_are_checked(void **state) {
  (void)state;
  loci_model *m;
  loci_prompt *p;
  loci_trace *t;
  loci_model_opts o = {.size = sizeof o, .precision = (loci_precision)99};
  REFUSED(loci_model_open(MODELS "text-llama", &o, &m, &err), "precision 99");
  o = (loci_model_opts){.size = sizeof(loci_model_opts), .memory_bytes = -1};
  REFUSED(loci_model_open(MODELS "text-llama", &o, &m, &err), "-1 bytes");
  o = (loci_model_opts){.size = sizeof(loci_model_opts), .threads = INT_MAX};
  REFUSED(loci_model_open(MODELS "text-llama", &o, &m, &err), "threads");
  loci_question q = {.size = sizeof q, .text = "x", .constraint_count = 3};
  REFUSED(loci_prompt_new(model, &q, &p, &err), "3 constraints, and no list of them");
  q = (loci_question){.size = sizeof(loci_question),
                      .text = "x",
                      .constraint_count = -1,
                      .constraints = constraint};
  REFUSED(loci_prompt_new(model, &q, &p, &err), "-1 constraints");
  static const char *const none[] = {NULL};
  q = (loci_question){
      .size = sizeof(loci_question), .text = "x", .constraint_count = 1, .constraints = none};
  REFUSED(loci_prompt_new(model, &q, &p, &err), "no constraint");
  REFUSED(loci_trace_new(model, prompt, SIZED(loci_trace_opts, .verify = -1), &t, &err), "-1");
  REFUSED(loci_trace_new(model, prompt, SIZED(loci_trace_opts, .screen = -1), &t, &err), "-1");
  REFUSED(loci_trace_new(model, prompt, SIZED(loci_trace_opts, .direction = 9), &t, &err),
          "direction");
}

/* Also where the sanitizers look: no number is read of values that no patch can have. */
static void a_patch_is_checked_before_its_values(void **state) {
  (void)state;
  float values[1] = {0};
  loci_run *r;
  assert_int_equal(loci_run_new(model, prompt, &r, &err), LOCI_OK);
  loci_patch q = {.site = LOCI_SITE_LOGITS, .count = 1, .values = values};
  REFUSED(loci_run_patch(r, &q, &err), "logits comes after the last layer");
  q.site = LOCI_SITE_FINAL_NORM;
  REFUSED(loci_run_patch(r, &q, &err), "final_norm comes after the last layer");
  q = (loci_patch){.site = LOCI_SITE_MLP_OUT, .count = 1, .values = values, .width = 1};
  REFUSED(loci_run_patch(r, &q, &err), "numbers a position, not 1");
  q.width = 0;
  q.count = 0;
  REFUSED(loci_run_patch(r, &q, &err), "positions 0 to -1");
  loci_run_free(r);
}

/* A struct of options without its size may be anything. */
static void every_call_asks_for_the_size(void **state) {
  (void)state;
  union {
    loci_model_opts model;
    loci_question question;
    loci_trace_opts trace;
    loci_knockout_opts knockout;
    loci_flow_opts flow;
    loci_lens_opts lens;
    loci_bench_opts bench;
    loci_edit_opts edit;
    loci_edit_curve_opts curve;
    loci_lint_opts lint;
    loci_import_opts import;
    loci_annotate_opts annotate;
    loci_predict_opts predict;
    loci_score_opts score;
    loci_draw_opts draw;
  } none = {0};
  loci_model *m;
  loci_prompt *p;
  loci_trace *t;
  loci_knockout *k;
  loci_flow *f;
  loci_lens *l;
  loci_bench *b;
  loci_edit *e;
  loci_edit_curve *curve;
  loci_data_report *r;
  char *text;
  loci_edit_request asked = {.prompt = prompt, .target = "x"};
  REFUSED(loci_model_open(MODELS "text-llama", &none.model, &m, &err), "loci_model_opts: its size");
  REFUSED(loci_prompt_new(model, &none.question, &p, &err), "loci_question: its size is 0");
  REFUSED(loci_trace_new(model, prompt, &none.trace, &t, &err), "loci_trace_opts: its size");
  REFUSED(loci_knockout_new(model, prompt, &none.knockout, &k, &err), "loci_knockout_opts: its");
  REFUSED(loci_flow_new(model, prompt, &none.flow, &f, &err), "loci_flow_opts: its size");
  REFUSED(loci_lens_new(model, prompt, &none.lens, &l, &err), "loci_lens_opts: its size");
  REFUSED(loci_bench_run(&none.bench, &b, &err), "loci_bench_opts: its size");
  REFUSED(loci_edit_solve(model, &asked, 1, &none.edit, &e, &err), "loci_edit_opts: its size");
  REFUSED(loci_edit_curve_new(model, "x", &none.curve, &curve, &err), "loci_edit_curve_opts: its");
  REFUSED(loci_data_lint("x", &none.lint, &r, &err), "loci_lint_opts: its size");
  REFUSED(loci_data_import("x", "y", &none.import, &r, &err), "loci_import_opts: its size");
  REFUSED(loci_data_annotate("x", &none.annotate, &r, &err), "loci_annotate_opts: its size");
  loci_example x = {.result = {.kind = LOCI_KIND_EXAMPLE}};
  REFUSED(loci_draw(&x.result, &none.draw, &text, &err), "loci_draw_opts: its size");
  REFUSED(loci_check(LOCI_KIND_TRACE, &none, &err), "loci_trace_opts: its size");
  REFUSED(loci_check(LOCI_KIND_AVERAGE, &none, &err), "loci_trace_opts: its size");
  REFUSED(loci_check(LOCI_KIND_KNOCKOUT, &none, &err), "loci_knockout_opts: its size");
  REFUSED(loci_check(LOCI_KIND_FLOW, &none, &err), "loci_flow_opts: its size");
  REFUSED(loci_check(LOCI_KIND_LENS, &none, &err), "loci_lens_opts: its size");
  REFUSED(loci_check(LOCI_KIND_PREDICTION, &none, &err), "loci_predict_opts: its size");
  REFUSED(loci_check(LOCI_KIND_SCORE, &none, &err), "loci_score_opts: its size");
  REFUSED(loci_check(LOCI_KIND_EDIT, &none, &err), "loci_edit_opts: its size");
  REFUSED(loci_check(LOCI_KIND_ANSWER, &none, &err), "have no options");
}

/* Those inside, too; and what lies beyond a shorter struct is none of them. */
static void options_may_be_those_of_an_earlier_library(void **state) {
  (void)state;
  loci_study_opts study = {.limit = 3};
  loci_edit_settings settings = {.steps = 3};
  loci_score_opts score = {.size = sizeof score, .study = &study};
  loci_edit_opts edit = {.size = sizeof edit, .settings = &settings};
  REFUSED(loci_check(LOCI_KIND_SCORE, &score, &err), "loci_study_opts: its size is 0");
  REFUSED(loci_check(LOCI_KIND_EDIT, &edit, &err), "loci_edit_settings: its size is 0");
  loci_trace_opts trace = {.size = sizeof trace, .screen = -1};
  REFUSED(loci_check(LOCI_KIND_TRACE, &trace, &err), "-1 cells to run");
  trace.size = offsetof(loci_trace_opts, screen);
  assert_int_equal(loci_check(LOCI_KIND_TRACE, &trace, &err), LOCI_OK);
}

/* What is wrong whatever the model is found before there is one. */
static void options_are_checked_without_a_model(void **state) {
  (void)state;
  loci_edit_opts edit = {.size = sizeof edit, .method = "mend"};
  REFUSED(loci_check(LOCI_KIND_EDIT, &edit, &err), "unknown method \"mend\"");
  REFUSED(loci_check(LOCI_KIND_EDIT,
                     SIZED(loci_edit_opts, .settings = SIZED(loci_edit_settings, .eps = 1)), &err),
          "takes no bound");
  REFUSED(loci_check(LOCI_KIND_SCORE, SIZED(loci_score_opts, .by_count = 9), &err), "9 fields");
  REFUSED(loci_check(LOCI_KIND_SCORE, SIZED(loci_score_opts, .choose = 7), &err), "choice 7");
  REFUSED(loci_check(LOCI_KIND_PREDICTION, SIZED(loci_predict_opts, .first_layer = 2), &err),
          "no layers from layer 2");
  REFUSED(loci_check(LOCI_KIND_TRACE, SIZED(loci_trace_opts, .corrupt = "swap"), &err),
          "swap:TEXT");
  assert_int_equal(loci_check(LOCI_KIND_AVERAGE, SIZED(loci_trace_opts, .corrupt = "swap"), &err),
                   LOCI_OK);
}

/* Threads do not follow a fork: without the check the child would wait for ever. */
static void a_forked_child_is_told(void **state) {
  (void)state;
  loci_answer *a;
  loci_err child = {0};
  assert_int_equal(loci_ask(model, prompt, 1, NULL, NULL, &a, &err), LOCI_OK);
  loci_free(a);
  pid_t pid = fork();
  if (pid == 0) {
    alarm(20);
    _exit(loci_ask(model, prompt, 1, NULL, NULL, &a, &child) == LOCI_EINVAL &&
                  strstr(child.msg, "fork")
              ? 0
              : 1);
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What a child may do once its parent used threads: a model of its own with one thread, not with
 * more, and no call hangs (the alarm would end it). */
static int child_opens(void) {
  loci_model *m;
  loci_answer *a;
  loci_prompt *p;
  loci_bench *b;
  loci_err own;
  if (loci_model_open(MODELS "text-llama", SIZED(loci_model_opts, .threads = 2), &m, &own) !=
          LOCI_EINVAL ||
      !strstr(own.msg, "fork"))
    return 1;
  if (loci_bench_run(SIZED(loci_bench_opts, .threads = 2), &b, &own) != LOCI_EINVAL) return 2;
  if (loci_model_open(MODELS "text-llama", SIZED(loci_model_opts, .threads = 1), &m, &own))
    return 3;
  if (loci_prompt_new(m, &question, &p, &own)) return 4;
  return loci_ask(m, p, 1, NULL, NULL, &a, &own) ? 5 : 0;
}

static void a_forked_child_opens_with_one_thread(void **state) {
  (void)state;
  loci_answer *a;
  assert_int_equal(loci_ask(model, prompt, 1, NULL, NULL, &a, &err), LOCI_OK);
  loci_free(a);
  pid_t pid = fork();
  if (pid == 0) {
    alarm(20);
    _exit(child_opens());
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

/* A count without its array, and fewer than none. */
static void a_list_is_there_or_empty(void **state) {
  (void)state;
  loci_trace *t;
  loci_knockout *k;
  loci_score *s;
  loci_edit *e;
  loci_edit_saved *saved;
  loci_examples *x = NULL;
  loci_result *read;
  static const char *const none[] = {NULL};
  REFUSED(loci_trace_new(model, prompt, SIZED(loci_trace_opts, .site_count = 3), &t, &err),
          "3 sites,");
  REFUSED(loci_trace_new(model, prompt, SIZED(loci_trace_opts, .window_count = -2), &t, &err),
          "-2 windows");
  REFUSED(loci_knockout_new(model, prompt, SIZED(loci_knockout_opts, .pathway_count = 3), &k, &err),
          "3 pathways,");
  REFUSED(loci_check(LOCI_KIND_KNOCKOUT, SIZED(loci_knockout_opts, .pathway_count = -1), &err),
          "-1 pathways");
  loci_edit_request r = {.prompt = prompt, .target = "x", .rephrased_count = 2};
  REFUSED(loci_edit_solve(model, &r, 1, NULL, &e, &err), "2 rephrased questions,");
  r = (loci_edit_request){.prompt = prompt, .target = "x", .kept_count = 1};
  REFUSED(loci_edit_solve(model, &r, 1, NULL, &e, &err), "1 kept questions,");
  r.kept_count = 0;
  REFUSED(loci_edit_solve(model, &r, 1, SIZED(loci_edit_opts, .keep_count = -3), &e, &err),
          "-3 questions to keep");
  REFUSED(loci_edit_save(model, NULL, 2, "/nowhere", NULL, NULL, &saved, &err), "2 edits,");
  REFUSED(loci_read(LOCI_KIND_EDIT_TESTS, none, 1, &read, &err), "no path is given");
  REFUSED(loci_read(LOCI_KIND_EDIT, none, 2, &read, &err), "2 files, expected one");
  REFUSED(loci_read(LOCI_KIND_EDIT, none, 1, &read, &err), "no path is given");
  REFUSED(loci_read(LOCI_KIND_TRACE, none, 1, &read, &err), "tests of edits");
  REFUSED(loci_store_merge(none, 1, "/nowhere/s.db", NULL, NULL, &err), "no path is given");
  REFUSED(loci_store_merge(none, -1, "/nowhere/s.db", NULL, NULL, &err), "-1 stores");
  assert_int_equal(
      loci_examples_open(LOCI_SOURCE_DIR "/models/flags/data/trace-text.jsonl", &x, &err), LOCI_OK);
  REFUSED(loci_score_new(model, x, SIZED(loci_score_opts, .by_count = 1), &s, &err), "1 fields,");
  REFUSED(loci_score_new(model, x, SIZED(loci_score_opts, .by_count = 1, .by = none), &s, &err),
          "no name of a field");
  loci_examples_close(x);
}

static void numbers_are_for_good(void **state) {
  (void)state;
  assert_int_equal(loci_version_number(), LOCI_VERSION_NUMBER);
  assert_int_equal(LOCI_ESYSTEM, 8);
  assert_int_equal(LOCI_KIND_EDIT, 18);
  assert_int_equal(LOCI_SITE_RESID_PRE, 0);
  assert_int_equal(LOCI_SITE_LOGITS, 12);
  for (int i = 0; i < LOCI_SITE_COUNT; i++)
    assert_string_not_equal(site_name((loci_site)i), "unknown");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_required_is_asked_for),
      cmocka_unit_test(a_missing_prompt_fails_alone),
      cmocka_unit_test(options_are_checked),
      cmocka_unit_test(a_patch_is_checked_before_its_values),
      cmocka_unit_test(every_call_asks_for_the_size),
      cmocka_unit_test(options_may_be_those_of_an_earlier_library),
      cmocka_unit_test(options_are_checked_without_a_model),
      cmocka_unit_test(a_forked_child_is_told),
      cmocka_unit_test(a_forked_child_opens_with_one_thread),
      cmocka_unit_test(a_list_is_there_or_empty),
      cmocka_unit_test(numbers_are_for_good),
  };
  return cmocka_run_group_tests(tests, open_model, close_model);
}
