/* Answers follow the prompt, and words stand in a constraint's place, without a blank that nobody
 * wrote: laws over tokenizers, templates, prompts' ends and words. */
#include <math.h>

#include "base/utf8.h"
#include "study/likelihood.h"
#include "study/traces_test.h"
#include "text/template.h"
#include "walk/walk.h"

static const char *const readers[] = {"text-llama", "text-phi"}; /* SentencePiece's way, bytes */
static const char *const answers[] = {"Paris",         " Paris", "the sea", "A",       "42",
                                      "\u00e9t\u00e9", "(B)",    "?",       "\nMaria", "'Kyiv'"};

enum { READERS = sizeof readers / sizeof *readers, ANSWERS = sizeof answers / sizeof *answers };

static loci_prompt *ask(const loci_model *m, const char *text, const char *template) {
  loci_question q = {.size = sizeof q, .text = text, .template_name = template};
  loci_prompt *p;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

/* The ids of the prompt's text with [answer] put after it as it stands. */
static bool are_of(const loci_prompt *p, const char *answer, const int *ids, int count) {
  char text[4096];
  encoding e;
  loci_err err;
  int T = p->info.length;
  snprintf(text, sizeof text, "%s%s", p->info.text, answer);
  must(tokenizer_encode(p->model->tokens, text, strlen(text), true, &e, &err), &err);
  bool same = p->ids && ids && e.count == T + count &&
              memcmp(e.ids, p->ids, (size_t)T * sizeof *ids) == 0 &&
              memcmp(e.ids + T, ids, (size_t)count * sizeof *ids) == 0;
  encoding_clear(&e);
  return same;
}

/* The answer's ids are those after the prompt's own, with a blank where there is no white space.
 */
static void check_answer(const loci_prompt *p, const char *answer, bool space) {
  arena *mem = arena_new();
  int *ids, count;
  loci_err err;
  char spaced[64];
  snprintf(spaced, sizeof spaced, "%s%s", space || strchr(" \n", answer[0]) ? "" : " ", answer);
  if (answer_ids(p, answer, mem, &ids, &count, &err)) {
    assert_non_null(strstr(err.msg, "changes the prompt's own tokens"));
    assert_false(are_of(p, spaced, NULL, 0));
  } else if (!are_of(p, spaced, ids, count)) {
    fail_msg("\"%s\" after \"%s\"", answer, p->info.text);
  }
  arena_free(mem);
}

static void an_answer_follows_every_prompt(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool space;
  } ends[] = {{"The capital is", false},     {"Answer:\n", true},  {"Answer:\n\n", true},
              {"He said \"", false},         {"Tab\t", true},      {"It is\u00a0", true},
              {"\u7b54\u3048\uff1a", false}, {"Wide\u3000", true}, {"The capital is ", true},
              {"It ends.", false},           {"Line\r\n", true},   {"[", false}};
  for (int i = 0; i < READERS; i++) {
    loci_model *m = open_with(readers[i], LOCI_PRECISION_F32, 1);
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
      loci_prompt *p = ask(m, ends[k].text, "raw");
      for (int a = 0; a < ANSWERS; a++) check_answer(p, answers[a], ends[k].space);
      loci_prompt_free(p);
    }
    loci_model_close(m);
  }
}

static void an_answer_follows_every_template(void **state) {
  (void)state;
  loci_model *m = open_with(readers[1], LOCI_PRECISION_F32, 1);
  for (int i = 0; template_at(i); i++) {
    loci_prompt *p = ask(m, "Where is it?", template_at(i)->name);
    size_t n = strlen(p->info.text);
    for (int a = 0; a < ANSWERS; a++) check_answer(p, answers[a], p->info.text[n - 1] == '\n');
    loci_prompt_free(p);
  }
  loci_model_close(m);
}

static void a_blank_of_the_answer_is_that_one(void **state) {
  (void)state;
  for (int i = 0; i < READERS; i++) {
    loci_model *m = open_with(readers[i], LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask(m, "The capital is", "raw");
    arena *mem = arena_new();
    int *with, *without, n, k;
    loci_err err;
    must(answer_ids(p, " Paris", mem, &with, &n, &err), &err);
    must(answer_ids(p, "Paris", mem, &without, &k, &err), &err);
    assert_int_equal(n, k);
    assert_memory_equal(with, without, (size_t)n * sizeof *with);
    arena_free(mem);
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

static void a_blank_that_is_merged_away_is_told(void **state) {
  (void)state;
  loci_model *m = open_with("text-phi", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask(m, "The capital is ", "raw");
  arena *mem = arena_new();
  int *ids, n;
  loci_err err;
  assert_int_equal(answer_ids(p, "a", mem, &ids, &n, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "leave out the blank that the prompt ends in"));
  arena_free(mem);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* Options that begin with different tokens exclude each other, and the model's own next token is
 * worth as much as an option as it is as a prediction. */
static void options_with_the_own_token_sum_to_one_at_most(void **state) {
  (void)state;
  static const char *const texts[] = {"The capital is", "Answer:\n"};
  for (int i = 0; i < 2 * READERS; i++) {
    loci_model *m = open_with(readers[i / 2], LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask(m, texts[i % 2], "raw");
    arena *mem = arena_new();
    loci_answer *own;
    loci_err err;
    double logp[4], sum = 0;
    must(loci_ask(m, p, 1, NULL, NULL, &own, &err), &err);
    const char *options[4];
    int *ids, n, count = 0;
    for (int c = 0; c < 4; c++) { /* those of the likely tokens that are a text of their own */
      char *text;
      size_t size;
      must(tokenizer_decode(m->tokens, &own->top[0][c].id, 1, false, &text, &size, &err), &err);
      bool good = size > 0 && utf8_is_valid(text, size) &&
                  answer_ids(p, text, mem, &ids, &n, NULL) == LOCI_OK && n == 1 &&
                  ids[0] == own->top[0][c].id;
      if (good) options[count++] = arena_strdup(mem, text);
      free(text);
      if (!good) continue;
      must(likelihood_of(p, &options[count - 1], 1, &logp[count - 1], NULL, NULL, &err), &err);
      assert_true(fabs(exp(logp[count - 1]) - own->top[0][c].p) < 1e-6); /* of two f32 runs */
      sum += exp(logp[count - 1]);
    }
    assert_true(count > 0 && sum <= 1 + 1e-9);
    loci_free(own);
    arena_free(mem);
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

/* ---------------------------------------------------------------- words in a constraint's place */

/* The prompt with the constraint's ids exchanged, against the text with the words exchanged. */
static void check_swap(const loci_model *m, const char *question, const char *constraint,
                       const char *words, const char *exchanged) {
  loci_question q = {.size = sizeof q,
                     .text = question,
                     .template_name = "raw",
                     .constraints = &constraint,
                     .constraint_count = 1};
  loci_prompt *p, *other = ask(m, exchanged, "raw");
  arena *mem = arena_new();
  stand_in r;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  must(replacement_ids(p, &p->info.constraints[0], words, mem, &r, &err), &err);
  const loci_constraint *c = &p->info.constraints[0];
  int after = p->info.length - c->first - c->count, T = c->first + r.count + after;
  bool same = other->info.length == T;
  for (int i = 0; same && i < T; i++) {
    int id = i < c->first             ? p->ids[i]
             : i < c->first + r.count ? r.ids[i - c->first]
                                      : p->ids[i - r.count + c->count];
    same = other->ids[i] == id;
  }
  if (same != (r.differs < 0)) {
    fail_msg("\"%s\" for \"%s\" in \"%s\": %s, but said to differ at %d", words, constraint,
             question, same ? "the same" : "not the same", r.differs);
  }
  arena_free(mem);
  loci_prompt_free(other);
  loci_prompt_free(p);
}

static void exchanged_ids_are_those_of_exchanged_words_or_it_is_said(void **state) {
  (void)state;
  static const char *const frames[][2] = {
      {"", ", where is it?"}, {"Where is ", "?"}, {"Where\n", " is"}, {"The \"", "\" of it"},
      {"Is (", ") there"},    {"See the", "s"},   {"A ", ""}};
  static const char *const words[] = {"Kremlin", " Kremlin", "this place", "x", "\u00e9"};
  for (int i = 0; i < READERS; i++) {
    loci_model *m = open_with(readers[i], LOCI_PRECISION_F32, 1);
    for (size_t f = 0; f < sizeof frames / sizeof *frames; f++) {
      for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        char question[200], exchanged[200];
        const char *before = frames[f][0], *after = frames[f][1];
        size_t n = strlen(before);
        bool space = n > 0 && (before[n - 1] == ' ' || before[n - 1] == '\n');
        snprintf(question, sizeof question, "%sEiffel%s", before, after);
        snprintf(exchanged, sizeof exchanged, "%s%s%s", before,
                 words[w] + (space && words[w][0] == ' '), after);
        check_swap(m, question, "Eiffel", words[w], exchanged);
      }
    }
    loci_model_close(m);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_answer_follows_every_prompt),
      cmocka_unit_test(an_answer_follows_every_template),
      cmocka_unit_test(a_blank_of_the_answer_is_that_one),
      cmocka_unit_test(a_blank_that_is_merged_away_is_told),
      cmocka_unit_test(options_with_the_own_token_sum_to_one_at_most),
      cmocka_unit_test(exchanged_ids_are_those_of_exchanged_words_or_it_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
