/* Accuracy: likelihoods against plain runs of whole answers, the option that is taken, counts and
 * groups, and what is dropped. */
#include "study/traces_test.h"

#include "base/file.h"
#include "study/likelihood.h"
#include "walk/target.h"
#include "walk/logits.h"
#include "walk/walk.h"
#include "sized.h"

static char path[] = "/tmp/loci-score-XXXXXX";

/* ---------------------------------------------------------------- likelihood */

typedef struct plain {
  const target *t;
  int V;
  double logp;
} plain;

static void add_logp(void *ctx, int64_t index, const float *logits) {
  plain *p = ctx;
  p->logp += (double)logits[p->t->ids[index]] - log_sum_exp(logits, p->V);
}

/* log p of an answer by one run over prompt and answer. */
static double plain_logp(const loci_model *m, const loci_prompt *p, const char *answer) {
  target t;
  walk *w;
  int s;
  loci_err err;
  arena *mem = arena_new();
  must(target_make(p, answer, mem, &t, &err), &err);
  plain sum = {&t, model_decoder(m)->vocab, 0};
  must(walk_new(m, &w, &err), &err);
  must(walk_root(w, target_input(&t), &s, &err), &err);
  for (int i = 0; i < t.count; i++) must(walk_want(w, s, p->info.length - 1 + i, &err), &err);
  walk_hooks hooks = {.logits = add_logp, .logits_ctx = &sum, .ordered = t.count};
  must(walk_run(w, &hooks, &err), &err);
  walk_free(w);
  arena_free(mem);
  return sum.logp;
}

static void a_likelihood_is_that_of_a_run_of_the_whole_answer(void **state) {
  (void)state;
  static const char *const answers[] = {"Paris", "the city of Vienna, long ago", "A", "Paris"};
  double logp[4];
  loci_err err;
  loci_model *m = open_with("llava-clip-llama-bf16", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, PICTURE);
  must(likelihood_of(p, answers, 4, logp, NULL, NULL, &err), &err);
  for (int i = 0; i < 4; i++) {
    /* sums of f32 products in another order: 1e-5 of a logit of size 10 for each token */
    assert_true(fabs(logp[i] - plain_logp(m, p, answers[i])) < 1e-3);
  }
  assert_true(logp[0] == logp[3]);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- scores */

static loci_status score(loci_model *m, loci_score_opts o, loci_score **out, loci_err *err) {
  loci_examples *x;
  *out = NULL;
  o.size = sizeof o;
  o.study = SIZED(loci_study_opts, .no_hash = true, .max_new = 1, .template_name = "raw");
  TRY(loci_examples_open(path, &x, err));
  loci_status st = loci_score_new(m, x, &o, out, err);
  loci_examples_close(x);
  return st;
}

static void write_text(const char *text) {
  loci_err err;
  must(file_write(path, text, strlen(text), &err), &err);
}

static char *answer_of(const loci_model *m, const char *question) {
  loci_question q = {.size = sizeof q, .text = question, .template_name = "raw"};
  loci_prompt *p;
  loci_answer *a;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  must(loci_ask(m, p, 1, NULL, NULL, &a, &err), &err);
  char *text = strdup(a->text);
  loci_free(a);
  loci_prompt_free(p);
  return text;
}

static void free_answers_are_counted_by_group(void **state) {
  (void)state;
  static const char *const fields[] = {"kind", "none"};
  char text[2000];
  loci_score *s;
  loci_err err;
  loci_model *m = open_with("text-phi", LOCI_PRECISION_F32, 1);
  char *said = answer_of(m, "The bridge of Vienna was built by");
  snprintf(
      text, sizeof text,
      "{\"question\":\"The bridge of Vienna was built "
      "by\",\"answers\":[\"no\",\"%s\"],\"kind\":\"b\"}\n"
      "{\"question\":\"The bridge of Vienna was built "
      "by\",\"answers\":[\"never\"],\"kind\":\"b\"}\n"
      "{\"question\":\"The bridge of Vienna was built by\",\"answers\":[\"%s\"],\"kind\":\"a\"}\n"
      "{\"question\":\"The bridge of Vienna was built by\"}\n",
      said, said);
  write_text(text);
  must(score(m, (loci_score_opts){.by = fields, .by_count = 2}, &s, &err), &err);
  assert_int_equal(s->sample.used, 3);
  assert_int_equal(s->sample.dropped_count, 1);
  assert_string_equal(s->sample.dropped[0].kind, "no answer");
  assert_int_equal(s->right, 2);
  assert_int_equal(s->free_count, 3);
  assert_true(isnan(s->chance));
  assert_true(fabs(s->accuracy.value - 2.0 / 3) < 1e-12 && s->accuracy.lo < s->accuracy.value);
  assert_int_equal(s->group_count, 3);
  assert_string_equal(s->groups[0].value, "a");
  assert_int_equal(s->groups[0].n, 1);
  assert_int_equal(s->groups[0].right, 1);
  assert_string_equal(s->groups[1].value, "b");
  assert_int_equal(s->groups[1].n, 2);
  assert_int_equal(s->groups[1].right, 1);
  assert_null(s->groups[2].value);
  assert_int_equal(s->groups[2].n, 3);
  assert_string_equal(s->examples[0].answer, said);
  free(said);
  loci_free(s);
  loci_model_close(m);
}

/* Beside right or wrong, of the examples with people's answers alone. */
static void votes_are_counted_beside(void **state) {
  (void)state;
  static const char *const fields[] = {"kind"}, question[] = "The bridge of Vienna was built by";
  char text[2000];
  loci_score *s;
  loci_err err;
  loci_model *m = open_with("text-phi", LOCI_PRECISION_F32, 1);
  char *said = answer_of(m, question);
  snprintf(text, sizeof text,
           "{\"question\":\"%s\",\"answers\":[\"no\"],\"kind\":\"a\","
           "\"votes\":[\"%s\",\"%s\",\"no\",\"never\"]}\n"
           "{\"question\":\"%s\",\"answers\":[\"no\"],\"kind\":\"a\","
           "\"votes\":[\"no\",\"no\"]}\n"
           "{\"question\":\"%s\",\"answers\":[\"%s\"],\"kind\":\"b\"}\n"
           "{\"question\":\"%s\",\"answers\":[\"no\"],\"votes\":[\"no\"]}\n",
           question, said, said, question, question, said, question);
  write_text(text);
  must(score(m, (loci_score_opts){.by = fields, .by_count = 1}, &s, &err), &err);
  assert_int_equal(s->sample.used, 3);
  assert_non_null(strstr(s->sample.dropped[0].reason, "\"votes\" has one vote"));
  /* two of four are the answer: 1/3 of two left out, 2/3 of the other two */
  assert_true(fabs(s->examples[0].vqa - 0.5) < 1e-15 && s->examples[1].vqa == 0);
  assert_true(isnan(s->examples[2].vqa) && s->examples[2].right);
  assert_int_equal(s->voted, 2);
  assert_true(fabs(s->vqa.value - 0.25) < 1e-15);
  assert_non_null(strstr(s->result.command, "--seed ")); /* the interval is drawn */
  assert_int_equal(s->groups[0].voted, 2);
  assert_true(s->groups[0].vqa.value == s->vqa.value);
  assert_int_equal(s->groups[1].voted, 0);
  assert_true(isnan(s->groups[1].vqa.value));
  free(said);
  loci_free(s);
  loci_model_close(m);
}

static void the_most_likely_option_is_taken(void **state) {
  (void)state;
  static const char *const options[] = {"German", "a dog", "Latin and Greek"};
  loci_score *s;
  loci_err err;
  loci_model *m = open_with("text-phi", LOCI_PRECISION_F32, 1);
  write_text(
      "{\"question\":\"The people of Vienna speak\",\"options\":[\"German\",\"a dog\",\"Latin "
      "and Greek\"],\"answer\":\"B\"}\n"
      "{\"question\":\"What is it?\",\"options\":[\"x\",\"y\"],\"answer\":\"Z\"}\n");
  must(score(m, (loci_score_opts){.choose = LOCI_CHOOSE_TEXT}, &s, &err), &err);
  assert_null(strstr(s->result.command, "--seed")); /* nothing is */
  loci_question q = {
      .size = sizeof q, .text = "The people of Vienna speak", .template_name = "raw"};
  loci_prompt *p;
  int best = 0;
  double logp[3];
  must(loci_prompt_new(m, &q, &p, &err), &err);
  for (int i = 0; i < 3; i++) logp[i] = plain_logp(m, p, options[i]);
  for (int i = 1; i < 3; i++) best = logp[i] > logp[best] ? i : best;
  const loci_scored *e = &s->examples[0];
  for (int i = 0; i < 3; i++) assert_true(fabs(e->logp[i] - logp[i]) < 1e-3); /* as above */
  assert_int_equal(e->chosen, best);
  assert_int_equal(e->correct, 1);
  assert_int_equal(e->right, best == 1);
  assert_string_equal(e->answer, options[best]);
  assert_true(fabs(s->chance - 1.0 / 3) < 1e-12);
  assert_string_equal(s->sample.dropped[0].kind, "refused");
  loci_free(s);
  /* By letters the options are part of the question. */
  must(score(m, (loci_score_opts){.choose = LOCI_CHOOSE_LETTER}, &s, &err), &err);
  assert_int_equal(s->examples[0].option_count, 3);
  q.text =
      "The people of Vienna speak\n\n(A) German\n(B) a dog\n(C) Latin and Greek\n\nAnswer with "
      "the option's letter from the given choices directly.";
  loci_prompt_free(p);
  must(loci_prompt_new(m, &q, &p, &err), &err);
  assert_true(fabs(s->examples[0].logp[2] - plain_logp(m, p, "C")) < 1e-3);
  loci_free(s);
  must(score(m, (loci_score_opts){.choose = LOCI_CHOOSE_FREE}, &s, &err), &err);
  assert_int_equal(s->free_count, 1);
  loci_free(s);
  loci_prompt_free(p);
  loci_model_close(m);
}

static void a_set_without_answers_is_refused(void **state) {
  (void)state;
  loci_score *s;
  loci_err err;
  loci_model *m = open_with("text-phi", LOCI_PRECISION_F32, 1);
  write_text("{\"question\":\"What is it?\"}\n");
  assert_int_equal(score(m, (loci_score_opts){0}, &s, &err), LOCI_EINVAL);
  assert_null(s);
  assert_non_null(strstr(err.msg, "no example can be used, the first because: no answer"));
  assert_int_equal(score(m, (loci_score_opts){.by_count = 9}, &s, &err), LOCI_EINVAL);
  loci_model_close(m);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_likelihood_is_that_of_a_run_of_the_whole_answer),
      cmocka_unit_test(free_answers_are_counted_by_group),
      cmocka_unit_test(votes_are_counted_beside),
      cmocka_unit_test(the_most_likely_option_is_taken),
      cmocka_unit_test(a_set_without_answers_is_refused),
  };
  int fd = mkstemp(path);
  if (fd < 0) return 1;
  close(fd);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  return failed;
}
