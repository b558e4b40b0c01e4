/* Laws of requests: one key takes one target, what cannot be used is named and changes nothing for
 * the others, and an edit says whether it reached what was asked. */
#include "edit/edit.h"
#include "sized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro `fail` */

#include "edit/solve_test.h"

static void says(const char *text, const char *sentence) {
  if (!strstr(text, sentence)) fail_msg("\"%s\" does not say \"%s\"", text, sentence);
}

static const loci_edit_settings few_steps = {.size = sizeof few_steps, .steps = 3, .lr = 0.25};
static const loci_edit_opts quick = {
    .size = sizeof quick, .drop = true, .no_answers = true, .settings = &few_steps};

/* The key stands at the constraint, so what is asked after it does not make it another; all of a
 * prompt is what fine-tuning changes. */
static void one_key_takes_one_target(void **state) {
  (void)state;
  loci_model *m = open_model("text-phi");
  loci_prompt *p[] = {ask(m, "Vienna was built by", "Vienna"), ask(m, "Vienna speaks", "Vienna"),
                      ask(m, "Is Vienna old?", "Vienna")};
  loci_edit_request r[] = {{.prompt = p[0], .target = "few", .name = "set.jsonl:4"},
                           {.prompt = p[1], .target = "many", .name = "set.jsonl:9"}};
  loci_edit_opts o = quick;
  loci_err err;
  loci_edit *e;
  o.drop = false;
  assert_int_equal(loci_edit_solve(m, r, 2, &o, &e, &err), LOCI_EINVAL);
  says(err.msg,
       "set.jsonl:9: the target \"many\" for the key of set.jsonl:4, whose target is \"few\"");
  r[0].name = r[1].name = NULL;
  assert_int_equal(loci_edit_solve(m, r, 2, &o, &e, &err), LOCI_EINVAL);
  says(err.msg, "request 2: the target \"many\" for the key of request 1");
  r[1].target = "few";
  loci_free(solve(m, r, 2, o));
  r[1] = (loci_edit_request){.prompt = p[2], .target = "many"};
  loci_free(solve(m, r, 2, o));

  r[1] = (loci_edit_request){.prompt = p[1], .target = "many"};
  o.method = "ft";
  loci_free(solve(m, r, 2, o));
  r[1].prompt = p[0];
  assert_int_equal(loci_edit_solve(m, r, 2, &o, &e, &err), LOCI_EINVAL);
  says(err.msg, "for the key of request 1");
  for (int i = 0; i < 3; i++) loci_prompt_free(p[i]);
  loci_model_close(m);
}

/* By any method: the edit is that of the good requests alone, bit for bit. */
static void what_is_left_out_changes_nothing(void **state) {
  (void)state;
  loci_model *m = open_model("text-phi");
  loci_prompt *p[] = {ask(m, "The bridge of Vienna was built by", "Vienna"),
                      ask(m, "The tower of Vienna was built by", "Vienna"),
                      ask(m, "The people of Vienna speak", NULL),
                      ask(m, "The people of Vienna speak", "Vienna")};
  const loci_edit_request all[] = {
      {.refused = "image: nope.png: No such file", .name = "set.jsonl:1"},
      {.prompt = p[0], .target = "few"},
      {.prompt = p[1], .target = "in"}, /* what the model says */
      {.prompt = p[2], .target = "few"},
      {.prompt = p[3], .target = "many"},
      {.prompt = p[3], .target = " "}};
  const loci_edit_request good[] = {all[1], all[4]};
  static const int numbers[] = {0, 2, 3, 5};
  static const char *const reasons[] = {"image: nope.png: No such file", "already",
                                        "has no constraint", "the target is empty"};
  static const char *const methods[] = {"multedit", "ft"};
  for (int k = 0; k < 2; k++) {
    loci_edit_opts o = quick;
    o.method = methods[k];
    loci_edit *e = solve(m, all, 6, o), *alone = solve(m, good, 2, o);
    assert_int_equal(e->rank, alone->rank);
    assert_memory_equal(e->left, alone->left, (size_t)(e->width * e->rank) * sizeof(float));
    assert_memory_equal(e->right, alone->right, (size_t)(e->inner * e->rank) * sizeof(float));
    assert_int_equal(e->fact_count, 2);
    assert_int_equal(e->facts[0].request, 1);
    assert_int_equal(e->facts[1].request, 4);
    assert_int_equal(e->dropped_count, 4);
    for (int i = 0; i < 4; i++) { /* in order, whenever they were found */
      assert_int_equal(e->dropped[i].request, numbers[i]);
      says(e->dropped[i].reason, reasons[i]);
    }
    assert_string_equal(e->dropped[0].name, "set.jsonl:1");
    assert_int_equal(alone->dropped_count, 0);
    loci_free(e);
    loci_free(alone);
  }
  for (int i = 0; i < 4; i++) loci_prompt_free(p[i]);
  loci_model_close(m);
}

static void where_nothing_is_left_the_first_reason_is_said(void **state) {
  (void)state;
  loci_model *m = open_model("text-phi");
  const loci_edit_request r[] = {
      {.refused = "image: nope.png: No such file", .name = "set.jsonl:1"}, {.target = "few"}};
  loci_edit *e;
  loci_err err;
  assert_int_equal(loci_edit_solve(m, r, 2, &quick, &e, &err), LOCI_EINVAL);
  says(err.msg, "no request can be solved, the first because: set.jsonl:1: image: nope.png");
  assert_null(e);
  loci_edit_opts o = quick;
  o.drop = false;
  assert_int_equal(loci_edit_solve(m, r, 1, &o, &e, &err), LOCI_EINVAL);
  says(err.msg, "set.jsonl:1: image: nope.png: No such file");
  loci_model_close(m);
}

/* The edit's word against the edited model's own answer. */
static void reached_is_what_the_edited_model_answers(void **state) {
  (void)state;
  loci_model *m = open_model("text-llama");
  loci_prompt *p = ask(m, "The bridge of Vienna was built by", "Vienna");
  loci_edit_request r = {.prompt = p, .target = "few"};
  loci_err err;
  int reached = 0;
  for (int steps = 1; steps <= 64; steps *= 8) {
    loci_answer *a;
    loci_edit *e =
        solve(m, &r, 1,
              (loci_edit_opts){.settings = SIZED(loci_edit_settings, .steps = steps, .lr = 0.5)});
    const loci_edit_fact *f = &e->facts[0];
    if (loci_edit_apply(m, e, &err) || loci_ask(m, p, f->target_count, NULL, NULL, &a, &err))
      fail_msg("%s", err.msg);
    bool says_it = strncmp(a->text, "few", 3) == 0;
    assert_int_equal(f->reached, says_it);
    assert_true((f->hint != NULL) == !f->reached);
    if (f->hint) says(f->hint, "more --steps");
    reached += f->reached;
    loci_free(a);
    if (loci_edit_revert(m, e, &err)) fail_msg("%s", err.msg);
    loci_free(e);
  }
  assert_true(reached > 0 && reached < 3); /* both were seen */
  loci_prompt_free(p);
  loci_model_close(m);
}

/* Each way to lose a target has its own advice. */
static void the_hint_says_where_the_target_was_lost(void **state) {
  (void)state;
  loci_model *m = open_model("text-llama");
  loci_prompt *p = ask(m, "The bridge of Vienna was built by", "Vienna");
  loci_edit_request r = {.prompt = p, .target = "few"};
  struct {
    loci_edit_settings set;
    const char *words;
  } all[] = {{{.authors = true}, "leave out --compat authors"},
             {{.lr = 0.5, .max_norm = 1e-3}, "--max-norm 0.001 allows"},
             {{.lr = 0.5, .lambda = 1e6}, "a smaller --lambda"}};
  for (int i = 0; i < 3; i++) {
    all[i].set.size = sizeof all[i].set;
    loci_edit *e = solve(m, &r, 1, (loci_edit_opts){.no_answers = true, .settings = &all[i].set});
    assert_false(e->facts[0].reached);
    says(e->facts[0].hint, all[i].words);
    loci_free(e);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_key_takes_one_target),
      cmocka_unit_test(what_is_left_out_changes_nothing),
      cmocka_unit_test(where_nothing_is_left_the_first_reason_is_said),
      cmocka_unit_test(reached_is_what_the_edited_model_answers),
      cmocka_unit_test(the_hint_says_where_the_target_was_lost),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
