/* Greedy answers: the repetition penalty, lengths, and prompts of another model. */
#include "walk/laws_test.h"

static loci_prompt *prompt_of(const loci_model *m, const char *text) {
  loci_question q = {.size = sizeof q, .text = text, .template_name = "raw"};
  loci_prompt *p;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

static loci_answer *answer_of(const loci_model *m, const loci_prompt *p) {
  loci_answer *a;
  loci_err err;
  must(loci_ask(m, p, 0, NULL, NULL, &a, &err), &err);
  return a;
}

/* Logits (V) at the last position of the prompt. */
static float *last_logits(const loci_model *m, const loci_prompt *p) {
  loci_run *r;
  loci_view v;
  loci_err err;
  must(loci_run_new(m, p, &r, &err), &err);
  must(loci_run_record(r, LOCI_SITE_LOGITS, 0, &err), &err);
  must(loci_run_forward(r, NULL, NULL, &err), &err);
  must(loci_run_get(r, LOCI_SITE_LOGITS, 0, &v, &err), &err);
  float *x = room(v.cols);
  memcpy(x, v.data + (v.rows - 1) * v.cols, (size_t)v.cols * sizeof *x);
  loci_run_free(r);
  return x;
}

/* The formula, token by token, against the first step's choice and its probability. */
static void the_penalty_is_on_every_token_of_the_prompt(void **state) {
  (void)state;
  static const double penalties[] = {1.05, 1.3, 4, 0.5};
  loci_model *m = open_f32(MODELS "text-llama");
  loci_prompt *p = prompt_of(m, "In which city is this building?");
  const loci_prompt_info *info = loci_prompt_get_info(p);
  int V = model_decoder(m)->vocab;
  float *x = last_logits(m, p);
  for (int k = 0; k < 4; k++) {
    double score[1024], sum = 0;
    int best = 0;
    assert_in_range(V, 1, 1024);
    for (int i = 0; i < V; i++) score[i] = (double)x[i];
    for (int i = 0; i < info->length; i++) {
      int id = info->tokens[i].id;
      score[id] = x[id] < 0 ? (double)x[id] * penalties[k] : (double)x[id] / penalties[k];
    }
    for (int i = 0; i < V; i++) best = score[i] > score[best] ? i : best;
    for (int i = 0; i < V; i++) sum += exp(score[i] - score[best]);
    m->weights->config.repetition_penalty = penalties[k];
    loci_answer *a = answer_of(m, p);
    assert_int_equal(a->ids[0], best);
    assert_true(fabs(a->top[0][0].p - 1 / sum) <= 1e-5); /* f32 logits of scale 10: 1e-6 each */
    loci_free(a);
  }
  free(x);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* Divided by a million, a seen token never beats an unseen one. */
static void a_large_penalty_forbids_what_was_there(void **state) {
  (void)state;
  loci_model *m = open_f32(MODELS "text-llama");
  loci_prompt *p = prompt_of(m, "In which city is this building?");
  const loci_prompt_info *info = loci_prompt_get_info(p);
  m->weights->config.repetition_penalty = 1e6;
  m->weights->config.n_eos = 0;
  loci_answer *a = answer_of(m, p);
  assert_int_equal(a->count, 20);
  for (int i = 0; i < a->count; i++) {
    for (int k = 0; k < i; k++) assert_int_not_equal(a->ids[i], a->ids[k]);
    for (int k = 0; k < info->length; k++) assert_int_not_equal(a->ids[i], info->tokens[k].id);
  }
  loci_free(a);
  loci_prompt_free(p);
  loci_model_close(m);
}

static void a_prompt_longer_than_the_tokenizer_allows_is_refused(void **state) {
  (void)state;
  loci_model *m = open_f32(MODELS "text-llama");
  loci_question q = {
      .size = sizeof q, .text = "In which city is this building?", .template_name = "raw"};
  loci_prompt *p;
  loci_err err;
  m->weights->config.max_length = 4;
  assert_int_equal(loci_prompt_new(m, &q, &p, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "the model was made for 4"));
  m->weights->config.text.rope.kind = ROPE_DYNAMIC; /* its positions stretch, the tokenizer's not */
  assert_int_equal(loci_prompt_new(m, &q, &p, &err), LOCI_EINVAL);
  loci_model_close(m);
}

static void a_prompt_of_another_model_is_refused(void **state) {
  (void)state;
  loci_model *m = open_f32(MODELS "text-llama"), *other = open_f32(MODELS "text-phi");
  loci_prompt *p = prompt_of(m, "In which city is this building?");
  loci_answer *a;
  loci_run *r;
  loci_trace *t;
  loci_err err;
  assert_int_equal(loci_ask(other, p, 0, NULL, NULL, &a, &err), LOCI_EINVAL);
  assert_null(a);
  assert_int_equal(loci_run_new(other, p, &r, &err), LOCI_EINVAL);
  assert_null(r);
  assert_int_equal(loci_trace_new(other, p, NULL, &t, &err), LOCI_EINVAL);
  assert_null(t);
  assert_non_null(strstr(err.msg, "made with another model"));
  loci_prompt_free(p);
  loci_model_close(other);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_penalty_is_on_every_token_of_the_prompt),
      cmocka_unit_test(a_large_penalty_forbids_what_was_there),
      cmocka_unit_test(a_prompt_longer_than_the_tokenizer_allows_is_refused),
      cmocka_unit_test(a_prompt_of_another_model_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
