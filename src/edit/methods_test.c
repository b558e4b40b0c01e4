/* Laws of the methods: ROME brings its value, MEMIT weighs its covariance, kept keys bring nothing,
 * a loss is averaged over the wordings; what a method has not, or makes no sense, is refused, in
 * which words. */
#include "edit/update.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* last: it has a macro `fail` */

#include "base/random.h"
#include "edit/questions_test.h"
#include "model/compute.h"
#include "sized.h"

/* What an update moves of its key, with plain->right = k / k^T k. */
static double moved_share(const loci_edit *e, const loci_edit *plain) {
  double moved = 0, k = 0;
  for (int64_t f = 0; f < plain->inner; f++) {
    double x = (double)plain->right[f];
    moved += (double)e->right[f] * x;
    k += x * x;
  }
  return moved / k;
}

/* ROME with any covariance brings its value exactly, W' k = v: the change brings delta to k. */
static void rome_brings_its_value(void **state) {
  (void)state;
  loci_model *m = open_model("text-llama");
  loci_prompt *p = ask(m, questions[1], "Vienna");
  loci_edit_request r = {.prompt = p, .target = "few"};
  loci_covariance *c = covariance(m, 2);
  loci_edit_opts o = {.size = sizeof o,
                      .method = "rome",
                      .covariance = c,
                      .settings = SIZED(loci_edit_settings, .steps = 6, .lr = 0.3)};
  loci_edit *rome = solve(m, &r, 1, o);
  o = (loci_edit_opts){.settings = SIZED(loci_edit_settings, .steps = 5, .lr = 0.3, .lambda = -1)};
  loci_edit *plain = solve(m, &r, 1, o);
  assert_true(fabs(moved_share(rome, plain) - 1) < 1e-4); /* f32 factors */
  assert_memory_equal(rome->left, plain->left, (size_t)plain->width * sizeof(float));
  assert_memory_not_equal(rome->right, plain->right, (size_t)plain->inner * sizeof(float));
  loci_free(rome);
  loci_free(plain);
  loci_free(c);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* MEMIT moves the share g / (weight + g) of the way, g = k^T C^-1 k: 1 / share - 1 grows as the
 * weight does, which is 1 if nothing is said. */
static void memit_weighs_its_covariance(void **state) {
  (void)state;
  loci_model *m = open_model("text-llama");
  loci_prompt *p = ask(m, questions[1], "Vienna");
  loci_edit_request r = {.prompt = p, .target = "few"};
  loci_covariance *c = covariance(m, 2);
  loci_edit_opts o = {.size = sizeof o,
                      .settings = SIZED(loci_edit_settings, .steps = 2, .lambda = -1)};
  loci_edit *plain = solve(m, &r, 1, o);
  loci_edit_settings set = {.size = sizeof set, .steps = 2};
  o = (loci_edit_opts){.method = "memit", .covariance = c, .settings = &set};
  loci_edit *usual = solve(m, &r, 1, o);
  set.lambda = 30000;
  loci_edit *heavy = solve(m, &r, 1, o);
  double one = 1 / moved_share(usual, plain) - 1, most = 1 / moved_share(heavy, plain) - 1;
  assert_true(one > 1e-6);
  /* [one] is a difference of 2e-5, of f32 factors */
  assert_true(fabs(most / one / 30000 - 1) < 0.03);
  loci_free(plain);
  loci_free(usual);
  loci_free(heavy);
  loci_free(c);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* right . k, with k over k^T k out of an edit of one request without a ridge. */
static double brings(const loci_edit *e, int request, const loci_edit *key) {
  double both = 0, own = 0;
  for (int64_t f = 0; f < e->inner; f++) {
    double x = (double)key->right[f];
    both += (double)e->right[request * e->inner + f] * x;
    own += x * x;
  }
  return both / own;
}

/* The keys of all wordings bring delta, those kept bring nothing: up to a ridge of 1e-6 against
 * keys of norm 1 and more.  The mean key alone does neither. */
static void keys_bring_the_value_and_kept_keys_nothing(void **state) {
  (void)state;
  loci_model *m = open_model("llava-clip-llama");
  loci_prompt *p[5];
  loci_edit *key[5], *e, *plain;
  static const char *const text[] = {"The bridge of Vienna was built by",
                                     "The people of Vienna speak", "The river of Vienna is the",
                                     "Who lives in Vienna", "The city of Vienna has many"};
  loci_edit_settings set = {.size = sizeof set, .steps = 2, .lr = 0.3, .lambda = -1};
  loci_edit_opts o = {.size = sizeof o, .no_answers = true, .settings = &set};
  for (int i = 0; i < 5; i++) {
    p[i] = ask(m, text[i], "Vienna");
    key[i] = solve(m, &(loci_edit_request){.prompt = p[i], .target = "few"}, 1, o);
  }
  loci_edit_request r = {.prompt = p[0], .target = "few"};
  r.rephrased = (const loci_prompt *const *)p + 1;
  r.rephrased_count = 1;
  set.lambda = 1e-6;
  plain = solve(m, &r, 1, o);
  r.kept = (const loci_prompt *const *)p + 2;
  r.kept_count = 2;
  o.keep = (const loci_prompt *const *)p + 4;
  o.keep_count = 1;
  set.each_key = true;
  e = solve(m, &r, 1, o);
  assert_int_equal(e->rank, 1);
  for (int i = 0; i < 5; i++) {
    assert_true(fabs(brings(e, 0, key[i]) - (i < 2)) < 1e-3);
    assert_true(fabs(brings(plain, 0, key[i]) - (i < 2)) > 1e-3);
  }
  assert_memory_equal(e->left, plain->left, (size_t)e->width * sizeof(float));
  loci_free(e);
  loci_free(plain);
  for (int i = 0; i < 5; i++) loci_free(key[i]);
  for (int i = 0; i < 5; i++) loci_prompt_free(p[i]);
  loci_model_close(m);
}

/* At delta = 0 the averaged loss is the mean of the wordings' own; afterwards all of them gain. */
static void the_loss_is_averaged_over_the_wordings(void **state) {
  (void)state;
  loci_model *m = open_model("text-llama");
  loci_prompt *p[2] = {ask(m, questions[0], "Vienna"), ask(m, questions[1], "Vienna")};
  loci_edit_settings set = {.size = sizeof set, .steps = 10, .lr = 0.3};
  loci_edit_opts o = {.size = sizeof o, .no_answers = true, .settings = &set};
  double mean = 0;
  for (int i = 0; i < 2; i++) {
    loci_edit *e = solve(m, &(loci_edit_request){.prompt = p[i], .target = "few people"}, 1, o);
    mean += e->facts[0].steps[0].loss / 2;
    loci_free(e);
  }
  loci_edit_request r = {.prompt = p[0], .target = "few people"};
  r.rephrased = (const loci_prompt *const *)p + 1;
  r.rephrased_count = 1;
  set.average_loss = true;
  loci_edit *e = solve(m, &r, 1, o);
  assert_true(fabs(e->facts[0].steps[0].loss - mean) < 1e-5 * mean);
  assert_true(e->facts[0].steps[10].loss < mean - 1);
  loci_free(e);
  loci_prompt_free(p[0]);
  loci_prompt_free(p[1]);
  loci_model_close(m);
}

static void refused(loci_model *m, loci_edit_request r, loci_edit_opts o, const char *sentence) {
  o.size = sizeof o;
  loci_edit *e;
  loci_err err = {0};
  assert_int_equal(loci_edit_solve(m, &r, 1, &o, &e, &err), LOCI_EINVAL);
  assert_null(e);
  if (!strstr(err.msg, sentence)) fail_msg("\"%s\" does not say \"%s\"", err.msg, sentence);
}

static void what_makes_no_sense_is_refused_in_a_sentence(void **state) {
  (void)state;
  loci_model *m = open_model("text-llama");
  loci_prompt *p = ask(m, questions[0], "Vienna"), *none = ask(m, questions[0], NULL);
  loci_edit_request good = {.prompt = p, .target = "few"};
  loci_edit_request r = good;
  r.target = " ";
  refused(m, r, (loci_edit_opts){0}, "the target is empty");
  r = (loci_edit_request){.prompt = none, .target = "few"};
  refused(m, r, (loci_edit_opts){0}, "has no constraint: an edit needs one");
  refused(m, good, (loci_edit_opts){.has_layer = true, .layer = 5},
          "layer 5: the model has layers 0 to 4");
  refused(m, good, (loci_edit_opts){.has_layer = true, .layer = -1}, "layer -1");
  refused(m, good, (loci_edit_opts){.has_layer = true, .layer = 4},
          "layer 4 is the last: a change at position");
  refused(m, good, (loci_edit_opts){.settings = SIZED(loci_edit_settings, .steps = -1)},
          "-1 steps");
  refused(m, good, (loci_edit_opts){.settings = SIZED(loci_edit_settings, .stop_p = 2)},
          "stop at probability 2");
  refused(m, good, (loci_edit_opts){.settings = SIZED(loci_edit_settings, .lr = (double)NAN)},
          "not a number");
  loci_prompt_free(p);
  loci_prompt_free(none);
  loci_model_close(m);
}

static void a_method_refuses_what_it_does_not_have(void **state) {
  (void)state;
  loci_model *m = open_model("text-llama"), *other = open_model("text-phi");
  loci_prompt *p = ask(m, questions[0], "Vienna"), *all = ask(m, "Vienna?", "Vienna");
  loci_edit_request good = {.prompt = p, .target = "few"};
  loci_covariance *c = covariance(m, 1), *strange = covariance(other, 2);
  refused(m, good, (loci_edit_opts){.method = "mend"},
          "unknown method \"mend\": expected multedit, ft");
  refused(m, good,
          (loci_edit_opts){.method = "ft", .settings = SIZED(loci_edit_settings, .lambda = 1)},
          "the method ft takes no lambda");
  refused(m, good,
          (loci_edit_opts){.method = "ft", .settings = SIZED(loci_edit_settings, .eps = 1)},
          "the method ft takes no bound of each entry");
  refused(m, good,
          (loci_edit_opts){.settings = SIZED(loci_edit_settings, .without_constraint = true)},
          "the method multedit takes no question without its constraint");
  refused(m, good,
          (loci_edit_opts){.method = "ft-l", .settings = SIZED(loci_edit_settings, .eps = -1)},
          "never negative");
  refused(m, good, (loci_edit_opts){.method = "rome"}, "the method rome needs a covariance");
  refused(m, good, (loci_edit_opts){.covariance = c}, "the method multedit takes no covariance");
  refused(m, good, (loci_edit_opts){.method = "memit", .covariance = c},
          "the covariance is of layer 1, the edit of layer 2");
  refused(m, good, (loci_edit_opts){.method = "rome", .covariance = strange},
          "the covariance was made for a model with the hash");
  good.prompt = all;
  refused(m, good,
          (loci_edit_opts){.method = "ft",
                           .settings = SIZED(loci_edit_settings, .without_constraint = true)},
          "the question \"Vienna?\" is empty without its constraint");
  loci_free(c);
  loci_free(strange);
  loci_prompt_free(p);
  loci_prompt_free(all);
  loci_model_close(m);
  loci_model_close(other);
}

static void what_the_model_says_already_is_no_edit(void **state) {
  (void)state;
  loci_model *m = open_model("text-phi");
  loci_prompt *p = ask(m, questions[2], "Vienna");
  loci_edit_request r = {.prompt = p, .target = "in"};
  refused(m, r, (loci_edit_opts){0},
          "the model answers \"in\" to \"The tower of Vienna was built "
          "by\" already");
  loci_prompt_free(p);
  loci_model_close(m);
}

/* With the key at the last position, the last layer can be edited, too. */
static void the_last_layer_answers_where_the_key_is_last(void **state) {
  (void)state;
  loci_model *m = open_model("text-llama");
  loci_prompt *p = ask(m, "Who lives in Vienna", "Vienna");
  loci_edit_request r = {.prompt = p, .target = "few"};
  loci_edit *e =
      solve(m, &r, 1,
            (loci_edit_opts){.has_layer = true,
                             .layer = model_decoder(m)->layers - 1,
                             .no_answers = true,
                             .settings = SIZED(loci_edit_settings, .steps = 20, .lr = 0.3)});
  assert_true(e->facts[0].after.m.logp > e->facts[0].before.m.logp + 1);
  loci_free(e);
  loci_prompt_free(p);
  loci_model_close(m);
}

typedef struct seen {
  int calls;
  double last; /* the newest loss */
} seen;

static void look(void *ctx, const loci_edit_step *steps, int count) {
  seen *s = ctx;
  assert_int_equal(count, ++s->calls);
  s->last = steps[count - 1].loss;
}

static void every_step_is_shown_whatever_the_method(void **state) {
  (void)state;
  static const char *const methods[] = {"multedit", "rome", "ft", "ft-l"};
  loci_model *m = open_model("text-llama");
  loci_prompt *p = ask(m, questions[1], "Vienna");
  loci_edit_request r = {.prompt = p, .target = "few"};
  for (int i = 0; i < 4; i++) {
    seen s = {0};
    loci_edit *e = solve(m, &r, 1,
                         (loci_edit_opts){.method = methods[i],
                                          .no_covariance = i == 1,
                                          .watch = look,
                                          .watch_ctx = &s,
                                          .settings = SIZED(loci_edit_settings, .steps = 3)});
    assert_int_equal(s.calls, e->facts[0].step_count);
    assert_true(s.calls > 1 && s.last == e->facts[0].steps[s.calls - 1].loss);
    loci_free(e);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rome_brings_its_value),
      cmocka_unit_test(memit_weighs_its_covariance),
      cmocka_unit_test(keys_bring_the_value_and_kept_keys_nothing),
      cmocka_unit_test(the_loss_is_averaged_over_the_wordings),
      cmocka_unit_test(what_makes_no_sense_is_refused_in_a_sentence),
      cmocka_unit_test(a_method_refuses_what_it_does_not_have),
      cmocka_unit_test(what_the_model_says_already_is_no_edit),
      cmocka_unit_test(every_step_is_shown_whatever_the_method),
      cmocka_unit_test(the_last_layer_answers_where_the_key_is_last),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
