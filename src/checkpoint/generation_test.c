/* generation_config.json: where a text ends, the repetition penalty, and rules of generation that
 * are not followed. */
#include "checkpoint/parse_test.h"

static void generation_config_decides_where_a_text_ends(void **state) {
  model_config m;
  loci_err err;
  const char *config = "{\"model_type\":\"llama\",\"eos_token_id\":7,\"bos_token_id\":5}";
  assert_int_equal(parse(*state, config, NULL, NULL, &m, &err), LOCI_OK);
  assert_int_equal(m.eos[0], 7);
  assert_int_equal(m.bos, 5);
  assert_int_equal(m.n_notes, 0);
  assert_int_equal(parse(*state, config, "{\"eos_token_id\":[3,4]}", NULL, &m, &err), LOCI_OK);
  assert_int_equal(m.n_eos, 2);
  assert_int_equal(m.eos[1], 4);
  assert_int_equal(m.n_notes, 1);
  assert_int_equal(parse(*state, config, "{\"eos_token_id\":7}", NULL, &m, &err), LOCI_OK);
  assert_int_equal(m.n_notes, 0);
  expect(*state, "{\"model_type\":\"llava\",\"text_config\":{\"eos_token_id\":9}}", &m);
  assert_int_equal(m.eos[0], 9);
  expect(*state,
         "{\"model_type\":\"llava\",\"eos_token_id\":8,\"text_config\":{\"eos_token_id\":9}}", &m);
  assert_int_equal(m.eos[0], 8);
  expect(*state, "{\"model_type\":\"llama\",\"bos_token_id\":null}", &m);
  assert_int_equal(m.bos, -1);
}

static void the_repetition_penalty_is_read(void **state) {
  model_config m;
  loci_err err;
  const char *config = "{\"model_type\":\"llama\",\"repetition_penalty\":1.5}";
  expect(*state, "{\"model_type\":\"llama\"}", &m);
  assert_true(m.repetition_penalty == 1);
  expect(*state, config, &m);
  assert_true(m.repetition_penalty == 1.5);
  assert_int_equal(parse(*state, config, "{\"repetition_penalty\":1.05}", NULL, &m, &err), LOCI_OK);
  assert_true(m.repetition_penalty == 1.05);
  assert_int_equal(parse(*state, config, "{\"repetition_penalty\":0}", NULL, &m, &err),
                   LOCI_EFORMAT);
}

static void rules_of_generation_that_are_not_followed_are_a_problem(void **state) {
  static const struct {
    const char *generation, *key; /* NULL: no problem */
  } rows[] = {
      {"{\"no_repeat_ngram_size\":3}", "\"no_repeat_ngram_size\""},
      {"{\"encoder_no_repeat_ngram_size\":2}", "\"encoder_no_repeat_ngram_size\""},
      {"{\"min_length\":5}", "\"min_length\""},
      {"{\"min_new_tokens\":1}", "\"min_new_tokens\""},
      {"{\"num_beams\":4}", "\"num_beams\""},
      {"{\"forced_bos_token_id\":0}", "\"forced_bos_token_id\""},
      {"{\"forced_eos_token_id\":[2]}", "\"forced_eos_token_id\""},
      {"{\"suppress_tokens\":[1,2]}", "\"suppress_tokens\""},
      {"{\"begin_suppress_tokens\":[0]}", "\"begin_suppress_tokens\""},
      {"{\"bad_words_ids\":[[3]]}", "\"bad_words_ids\""},
      {"{\"force_words_ids\":[[3]]}", "\"force_words_ids\""},
      {"{\"sequence_bias\":{\"(1,)\":-1.0}}", "\"sequence_bias\""},
      {"{\"exponential_decay_length_penalty\":[5,1.1]}", "\"exponential_decay_length_penalty\""},
      {"{\"guidance_scale\":1.5}", "\"guidance_scale\""},
      {"{\"no_repeat_ngram_size\":0,\"min_length\":0,\"min_new_tokens\":null,\"num_beams\":1,"
       "\"forced_bos_token_id\":null,\"suppress_tokens\":[],\"bad_words_ids\":null,"
       "\"sequence_bias\":{},\"guidance_scale\":1,\"do_sample\":true,\"top_p\":0.9}",
       NULL},
      {NULL, NULL},
  };
  const char *config = "{\"model_type\":\"llama\"}";
  loci_err err = {0};
  model_config m;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    assert_int_equal(parse(*state, config, rows[i].generation, NULL, &m, &err), LOCI_OK);
    assert_int_equal(m.generation_problem != NULL, rows[i].key != NULL);
    assert_int_equal(m.n_notes, rows[i].key ? 1 : 0);
    if (rows[i].key) assert_non_null(strstr(m.generation_problem, rows[i].key));
  }
  config = "{\"model_type\":\"llava\",\"text_config\":{\"num_beams\":2}}";
  assert_int_equal(parse(*state, config, NULL, NULL, &m, &err), LOCI_OK);
  assert_non_null(m.generation_problem);
  assert_int_equal(parse(*state, config, "{\"num_beams\":1}", NULL, &m, &err), LOCI_OK);
  assert_null(m.generation_problem);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(generation_config_decides_where_a_text_ends),
                                     TEST(the_repetition_penalty_is_read),
                                     TEST(rules_of_generation_that_are_not_followed_are_a_problem)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
