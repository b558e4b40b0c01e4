/* Calls with options as JSON: what a result says can be asked again, and what a call does not have
 * is refused by name. */
#include "loci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS LOCI_SOURCE_DIR "/models/flags"

static loci_model *model;
static loci_prompt *prompt;
static const char question[] =
    "{\"image\": \"" FLAGS
    "/images/ukraine.png\", \"question\": \"What is the capital of this country?\","
    " \"constraints\": [\"this country\"]}";

static loci_status prompt_of(const char *request, const uint8_t *rgb, int width, int height,
                             loci_prompt **out, loci_err *err) {
  loci_call c = {.size = sizeof c, .what = "question", .request = request, .model = model};
  return loci_call_prompt(&c, rgb, width, height, out, err);
}

static int open_flags(void **state) {
  loci_err err;
  (void)state;
  if (loci_call_model(FLAGS, "{\"precision\": \"f32\", \"threads\": 1}", &model, &err)) return 1;
  return (int)prompt_of(question, NULL, 0, 0, &prompt, &err);
}

static int close_flags(void **state) {
  (void)state;
  loci_prompt_free(prompt);
  loci_model_close(model);
  return 0;
}

static loci_call call_of(const char *what, const char *request) {
  static const loci_prompt *prompts[1];
  prompts[0] = prompt;
  return (loci_call){.size = sizeof(loci_call),
                     .what = what,
                     .request = request,
                     .model = model,
                     .prompts = prompts,
                     .prompt_count = 1};
}

static loci_result *run(const char *what, const char *request) {
  loci_call c = call_of(what, request);
  loci_result *r;
  loci_err err;
  if (loci_call_run(&c, &r, &err)) print_error("%s\n", err.msg);
  assert_non_null(r);
  return r;
}

static void assert_refused(loci_call c, const char *why) {
  loci_result *r;
  loci_err err;
  assert_int_equal(loci_call_run(&c, &r, &err), LOCI_EINVAL);
  assert_null(r);
  if (!strstr(err.msg, why)) print_error("%s\n", err.msg);
  assert_non_null(strstr(err.msg, why));
}

/* The request without what a second run may tell otherwise. */
static void a_told_request_is_asked_again(void **state) {
  (void)state;
  static const char *const asked[][2] = {
      {"trace",
       "{\"corrupt\": \"noise:2\", \"seeds\": 2, \"seed\": \"18446744073709551615\","
       " \"sites\": \"mlp_out\", \"window\": 3, \"layers\": [2, 4], \"positions\": \"last\"}"},
      {"trace",
       "{\"method\": \"screen:3,ig:2,audit:4\", \"metric\": \"logp\", \"only\": 1, \"layers\": 3,"
       " \"positions\": [\"each\", \"last\"], \"direction\": \"noise\", \"hash\": false}"},
      {"knockout", "{\"pathways\": [[\"image\", \"last\"]], \"window\": \"all\"}"},
      {"knockout", "{\"window\": 5, \"layers\": [1, 3], \"answer\": \"Kyiv\"}"},
      {"flow", "{\"from\": \"image\", \"to\": \"last\", \"heads\": true, \"layers\": 4}"},
      {"lens", "{\"positions\": [80, \"last\"], \"layers\": \"all\"}"},
      {"ask", "{\"max_new\": 3}"},
  };
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
    loci_result *first = run(asked[i][0], asked[i][1]);
    assert_non_null(first->request);
    loci_result *second = run(asked[i][0], first->request);
    assert_string_equal(first->request, second->request);
    loci_free(first);
    loci_free(second);
  }
}

static void what_a_call_has_not_is_refused(void **state) {
  (void)state;
  assert_refused(call_of("trace", "{\"corupt\": \"mean\"}"), "did you mean \"corrupt\"");
  assert_refused(call_of("trace", "{\"sites\": [\"mlp_uot\"]}"), "mlp_out");
  assert_refused(call_of("trace", "{\"sites\": [3]}"), "sites: unknown site");
  assert_refused(call_of("trace", "{\"layers\": [4, 2]}"), "layers wants");
  assert_refused(call_of("trace", "{\"layers\": [0, 99999999]}"), "layers wants");
  assert_refused(call_of("trace", "{\"method\": \"screen:0\"}"), "method wants");
  assert_refused(call_of("trace", "{\"method\": \"screen:99999999999\"}"), "method wants");
  assert_refused(call_of("trace", "{\"method\": \"screen:3,ig:x\"}"), "method wants");
  assert_refused(call_of("trace", "{\"method\": \"screen:3,\"}"), "method wants");
  assert_refused(call_of("trace", "{\"seeds\": 1e9}"), "seeds wants");
  assert_refused(call_of("trace", "{\"seed\": -1}"), "seed wants");
  assert_refused(call_of("trace", "{\"corrupt\": \"a\\u0000b\"}"), "NUL");
  assert_refused(call_of("trace", "{\"hash\": 1}"), "true or false");
  assert_refused(call_of("trace", "[]"), "no JSON object");
  assert_refused(call_of("trace", "{"), "request");
  assert_refused(call_of("trase", "{}"), "did you mean \"trace\"");
  assert_refused(call_of("knockout", "{\"pathways\": [[\"image\"]]}"), "pathways wants");
  assert_refused(call_of("edit solve", "{\"requests\": [{\"prompt\": 0}]}"), "target");
  assert_refused(call_of("edit solve", "{\"requests\": [{\"prompt\": 7, \"target\": \"x\"}]}"),
                 "prompt 7");
  assert_refused(call_of("study run", "{}"), "store");
  assert_refused(call_of("score", "{}"), "path");
  loci_call none = call_of("trace", "{}");
  none.prompt_count = 0;
  assert_refused(none, "one prompt");
  none.size = 8;
  assert_refused(none, "loci_call of 8 bytes");
}

/* What a command line types is what JSON says. */
static void values_may_be_typed(void **state) {
  (void)state;
  static const char *const alike[][3] = {
      {"trace",
       "{\"sites\": [\"mlp_out\", \"z\"], \"window\": [1, 3], \"layers\": [2, 4], \"seed\": 7,"
       " \"positions\": [\"each\", \"last\"], \"corrupt\": \"noise:2\", \"seeds\": 2}",
       "{\"site\": \"mlp_out,z\", \"window\": \"1,3\", \"layers\": \"2-4\", \"seed\": \"7\","
       " \"positions\": \"each,last\", \"corrupt\": \"noise:2\", \"seeds\": \"2\"}"},
      {"knockout", "{\"pathways\": [[\"image\", \"last\"], [\"last\", \"last\"]], \"window\": 5}",
       "{\"from\": \"image,last\", \"to\": \"last\", \"window\": \"5\"}"},
      {"knockout", "{\"pathways\": [[\"image\", \"last\"]]}", "{\"pathways\": \"image->last\"}"},
      {"flow", "{\"from\": \"image\", \"to\": \"last\", \"layers\": 4}",
       "{\"pathway\": \"image->last\", \"layers\": \"4\"}"},
      {"ask", "{\"max_new\": 3}", "{\"max_new\": \"3\"}"},
      {"lens", "{\"layers\": [3, 6]}", "{\"layers\": [3, 4, 5, 6]}"},
  };
  for (size_t i = 0; i < sizeof alike / sizeof *alike; i++) {
    loci_result *json = run(alike[i][0], alike[i][1]), *typed = run(alike[i][0], alike[i][2]);
    assert_string_equal(json->request, typed->request);
    loci_free(json);
    loci_free(typed);
  }
  static const char *const wrong[] = {
      "{\"layers\": \"5-3\"}",   "{\"layers\": \"3-\"}",     "{\"layers\": \"1,2\"}",
      "{\"layers\": [1, 3, 4]}", "{\"layers\": [1, 3, 3]}",  "{\"window\": \"1,\"}",
      "{\"window\": \"1,x\"}",   "{\"seeds\": \"2x\"}",      "{\"site\": \"z,z\"}",
      "{\"site\": \"z,\"}",      "{\"compat\": \"author\"}", "{\"seed\": \"-1\"}"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_refused(call_of("trace", wrong[i]), "");
  assert_refused(call_of("knockout", "{\"from\": \"image\"}"), "both its ends");
  assert_refused(call_of("edit solve", "{\"lr\": 0}"), "lr wants a number above 0");
  assert_refused(call_of("edit solve", "{\"stop_p\": \"1.5\"}"), "stop_p wants a probability");
}

static void a_request_is_checked_before_there_is_a_model(void **state) {
  loci_err err;
  (void)state;
  static const char *const what[] = {
      "ask",        "trace",          "knockout",      "flow",           "lens",
      "info",       "score",          "study predict", "study flow",     "study trace",
      "study run",  "study knockout", "study options", "edit solve",     "study export",
      "edit curve", "edit apply",     "edit test",     "edit covariance"};
  for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
    loci_call c = {.size = sizeof c, .what = what[i], .request = "{}"};
    assert_int_equal(loci_call_run(&c, NULL, &err), LOCI_OK);
    c.request = "{\"nonsense\": 1}";
    assert_int_equal(loci_call_run(&c, NULL, &err), LOCI_EINVAL);
  }
  loci_call c = {.size = sizeof c, .what = "trace", .request = "{\"positions\": \"constrain\"}"};
  assert_int_equal(loci_call_run(&c, NULL, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "did you mean constraint"));
}

/* The options of a study are whole without the request's text. */
static void a_study_has_its_options(void **state) {
  (void)state;
  char request[] = "{\"what\": \"flow,trace\", \"window\": \"3\", \"shard\": \"2/4\", \"limit\": 9,"
                   " \"stop_when\": \"width<0.02\", \"corrupt\": \"swap\"}";
  loci_result *r = run("study options", request);
  memset(request, 'x', sizeof request - 1);
  const loci_run_request *o = (const loci_run_request *)r;
  assert_string_equal(o->opts.what, "flow,trace");
  assert_int_equal(o->opts.shard, 2);
  assert_int_equal(o->opts.shard_count, 4);
  assert_true(o->opts.stop_width > 0.0199 && o->opts.stop_width < 0.0201);
  assert_int_equal(o->opts.study->limit, 9);
  assert_null(o->opts.knockout);
  assert_string_equal(o->opts.trace->corrupt, "swap");
  assert_int_equal(o->opts.trace->window_count, 2); /* single layers beside them */
  assert_int_equal(o->opts.trace->windows[0], 1);
  assert_int_equal(o->opts.trace->windows[1], 3);
  assert_int_equal(o->opts.trace->screen_metric, LOCI_METRIC_P);
  loci_free(r);
  assert_refused(call_of("study options", "{\"what\": \"trace,knockout\", \"window\": 3}"),
                 "one after the other");
  assert_refused(call_of("study options", "{\"metric\": \"logp\"}"), "metric goes with");
  assert_refused(call_of("study options", "{\"what\": \"trace,flwo\"}"), "did you mean flow?");
  assert_refused(call_of("study options", "{\"shard\": 2}"), "a share such as \"2/4\"");
  assert_refused(call_of("study options", "{\"shard\": \"7\"}"), "a share such as \"7/7\"");
  assert_refused(call_of("study options", "{\"shards\": 3}"), "shard 0 of 3: expected 1 to 3");
  assert_refused(call_of("study options", "{\"shard\": 4, \"shards\": 3}"), "expected 1 to 3");
  assert_refused(call_of("study options", "{\"what\": \"flow,ask\", \"direction\": \"noise\"}"),
                 "direction is read by trace");
  r = run("study options", "{\"what\": \"lens\", \"layers\": [2, 4], \"positions\": \"last\"}");
  o = (const loci_run_request *)r;
  assert_int_equal(o->opts.lens->first_layer, 2);
  assert_int_equal(o->opts.lens->layer_count, 3);
  assert_string_equal(o->opts.lens->positions, "last");
  loci_free(r);
}

static void a_model_and_a_prompt_are_refused_likewise(void **state) {
  loci_model *m;
  loci_prompt *p;
  loci_err err;
  (void)state;
  assert_int_equal(loci_call_model(FLAGS, "{\"precison\": \"f32\"}", &m, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "precision"));
  assert_int_equal(loci_call_model(FLAGS, "{\"memory\": 0}", &m, &err), LOCI_EINVAL);
  assert_int_equal(prompt_of("{\"image\": null}", NULL, 0, 0, &p, &err), LOCI_EINVAL);
  loci_call other = {.size = sizeof other, .what = "ask", .request = question, .model = model};
  assert_int_equal(loci_call_prompt(&other, NULL, 0, 0, &p, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "expected question"));
  static const uint8_t dot[3];
  assert_int_equal(prompt_of("{\"question\": \"x\"}", dot, 0, 1, &p, &err), LOCI_EINVAL);
  assert_int_equal(prompt_of("{\"question\": \"x\"}", dot, 1 << 30, 1 << 30, &p, &err),
                   LOCI_EINVAL);
}

/* What was seen of a picture for one question is what another one sees. */
static void a_picture_is_looked_at_once(void **state) {
  loci_prompt *again, *fresh;
  loci_err err;
  (void)state;
  loci_question q = {
      .size = sizeof q, .text = "Which country is this?", .image = FLAGS "/images/ukraine.png"};
  assert_int_equal(loci_prompt_new(model, &q, &fresh, &err), LOCI_OK);
  q.image = "not looked at";
  q.seen = prompt;
  assert_int_equal(loci_prompt_new(model, &q, &again, &err), LOCI_OK);
  const loci_prompt *both[] = {fresh, again};
  loci_answer *said[2];
  for (int i = 0; i < 2; i++)
    assert_int_equal(loci_ask(model, both[i], 3, NULL, NULL, &said[i], &err), LOCI_OK);
  assert_true(said[0]->top[0][0].p == said[1]->top[0][0].p);
  for (int i = 0; i < 2; i++) loci_free(said[i]);
  loci_prompt_free(fresh);
  loci_prompt_free(again);
}

/* Of a picture that the caller has, every number is that of the same picture in a file. */
static void a_picture_may_come_as_pixels(void **state) {
  loci_image *image;
  loci_prompt *given;
  loci_err err;
  (void)state;
  assert_int_equal(loci_image_read(FLAGS, FLAGS "/images/ukraine.png", 0, &image, &err), LOCI_OK);
  assert_int_equal(prompt_of("{\"question\": \"What is the capital of this country?\"}", image->rgb,
                             image->width, image->height, &given, &err),
                   LOCI_OK);
  loci_result *file = run("ask", "{}"), *pixels;
  loci_call c = call_of("ask", "{}");
  const loci_prompt *prompts[1] = {given};
  c.prompts = prompts;
  assert_int_equal(loci_call_run(&c, &pixels, &err), LOCI_OK);
  assert_true(((loci_answer *)file)->top[0][0].p == ((loci_answer *)pixels)->top[0][0].p);
  assert_string_equal(((loci_answer *)pixels)->text, "Kyiv");
  assert_string_equal(pixels->command, ""); /* no command line has the pixels */
  loci_free(file);
  loci_free(pixels);
  loci_prompt_free(given);
  loci_free(image);
}

typedef struct told {
  int count;
  double first;
  char text[64];
} told;

static void on_token(void *ctx, const loci_answer *so_far) {
  told *t = ctx;
  assert_int_equal(so_far->count, ++t->count);
  t->first = so_far->top[0][0].p;
  snprintf(t->text, sizeof t->text, "%s", so_far->text);
}

/* After each token, with the text so far; at the end the answer is what was told last. */
static void an_answer_is_told_as_it_comes(void **state) {
  told t = {0};
  loci_call c = call_of("ask", "{}");
  loci_result *r;
  (void)state;
  c.watch_answer = on_token;
  c.watch_ctx = &t;
  assert_int_equal(loci_call_run(&c, &r, NULL), LOCI_OK);
  const loci_answer *a = (const loci_answer *)r;
  assert_int_equal(t.count, a->count);
  assert_true(t.count > 1 && t.first == a->top[0][0].p);
  assert_string_equal(t.text, a->text);
  loci_free(r);
}

static void a_constraint_has_the_kind_it_is_given(void **state) {
  static const char *const kinds[][2] = {
      {"textual", "textual"}, {"", "visual"}, {"auto", "visual"}, {"odd", NULL}};
  char text[512];
  loci_err err;
  (void)state;
  for (int i = 0; i < 4; i++) {
    loci_prompt *p;
    snprintf(text, sizeof text, "%.*s, \"kinds\": [\"%s\"]}", (int)strlen(question) - 1, question,
             kinds[i][0]);
    loci_status st = prompt_of(text, NULL, 0, 0, &p, &err);
    assert_int_equal(st, kinds[i][1] ? LOCI_OK : LOCI_EINVAL);
    if (p) assert_string_equal(loci_prompt_get_info(p)->constraints[0].kind, kinds[i][1]);
    loci_prompt_free(p);
  }
}

/* Several traces in one walk are those of the calls alone; what one of them lacks ends it alone. */
static void prompts_are_traced_together(void **state) {
  static const char other[] =
      "{\"image\": \"" FLAGS "/images/thailand.png\", \"question\": \"What is"
      " the capital of this country?\"%s}";
  static const char ask[] = "{\"sites\": \"mlp_out\", \"layers\": 2}";
  char text[512];
  loci_prompt *more[2];
  loci_err err, errs[3];
  loci_trace *out[3];
  (void)state;
  for (int i = 0; i < 2; i++) {
    snprintf(text, sizeof text, other, i ? "" : ", \"constraints\": [\"this country\"]");
    assert_int_equal(prompt_of(text, NULL, 0, 0, &more[i], &err), LOCI_OK);
  }
  const loci_prompt *all[] = {prompt, more[0], more[1]};
  loci_call c = call_of("trace", ask);
  c.prompts = all;
  c.prompt_count = 3;
  assert_int_equal(loci_call_traces(&c, out, errs, &err), LOCI_OK);
  assert_non_null(strstr(errs[2].msg, "constraint"));
  assert_null(out[2]);
  for (int i = 0; i < 2; i++) {
    loci_call one = call_of("trace", ask);
    loci_result *alone;
    one.prompts = &all[i];
    assert_int_equal(loci_call_run(&one, &alone, &err), LOCI_OK);
    const loci_grid *g = &out[i]->grids[0], *h = &((loci_trace *)alone)->grids[0];
    for (int64_t k = 0; k < g->layer_count * (int64_t)g->column_count; k++)
      assert_true(fabs(g->ie[k] - h->ie[k]) < 1e-6); /* f32, in another order */
    assert_true(out[i]->cost.rows <= ((loci_trace *)alone)->cost.rows);
    loci_free(alone);
    loci_free(out[i]);
  }
  c.what = "lens";
  assert_int_equal(loci_call_traces(&c, out, errs, &err), LOCI_EINVAL);
  for (int i = 0; i < 2; i++) loci_prompt_free(more[i]);
}

static void an_edit_is_solved_by_numbers_of_prompts(void **state) {
  (void)state;
  loci_result *r =
      run("edit solve", "{\"layer\": 3, \"steps\": 2, \"no_answers\": true,"
                        " \"weight_decay\": 0, \"requests\":"
                        " [{\"prompt\": 0, \"target\": \"Lima\", \"rephrased\": [0]}]}");
  const loci_edit *e = (const loci_edit *)r;
  assert_int_equal(e->layer, 3);
  assert_int_equal(e->settings.steps, 2);
  assert_int_equal(e->facts[0].prompt_count, 2);
  assert_true(e->settings.weight_decay <= 0);
  loci_free(r);
}

static void the_layout_has_names_to_its_end(void **state) {
  const char *name;
  int n = 0;
  (void)state;
  for (;; n++) {
    size_t value = loci_abi(n, &name);
    if (!name) break;
    if (strcmp(name, "loci_call") == 0) assert_int_equal(value, sizeof(loci_call));
  }
  assert_true(n > 40);
  assert_int_equal(loci_abi(-1, &name), 0);
  assert_null(name);
}

/* A 0 that was written is no silence. */
static void none_is_said_by_zero(void **state) {
  static const struct {
    const char *asked, *has, *has_not;
  } all[] = {
      {"\"preset\": \"rome-llama-7b\", \"covariance\": \"none\"", "\"kl\":0.0625", "nothing"},
      {"\"preset\": \"rome-llama-7b\", \"covariance\": \"none\"", "\"max_norm\":4", "nothing"},
      {"\"preset\": \"rome-llama-7b\", \"covariance\": \"none\", \"kl\": 0", "\"max_norm\":4",
       "\"kl\""},
      {"\"preset\": \"rome-llama-7b\", \"covariance\": \"none\", \"max_norm\": 0", "\"kl\":0.0625",
       "\"max_norm\""},
      {"\"preset\": \"ft-gpt2-xl\"", "\"ft_at\":\"last\"", "nothing"},
      {"\"preset\": \"ft-gpt2-xl\", \"ft_at\": \"answer\"", "\"method\":\"ft\"", "\"ft_at\""},
      {"\"compat\": \"authors\"", "\"max_norm\":0.0001", "nothing"},
      {"\"compat\": \"authors\", \"max_norm\": 0", "\"max_norm\":0", "\"max_norm\":0.0001"},
      {"\"keep_weight\": 0", "\"keep_weight\":0", "\"keep_weight\":1"}};
  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char asked[256], said[4000], *to = said;
    snprintf(asked, sizeof asked,
             "{%s, \"layer\": 2, \"steps\": 2, \"no_answers\": true,"
             " \"requests\": [{\"prompt\": 0, \"target\": \"Lima\"}]}",
             all[i].asked);
    loci_result *r = run("edit solve", asked);
    for (const char *c = r->request; *c && to < said + sizeof said - 1; c++)
      if (*c != ' ') *to++ = *c;
    *to = 0;
    if (!strstr(said, all[i].has) || strstr(said, all[i].has_not))
      fail_msg("%s: %s", all[i].asked, said);
    loci_free(r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(none_is_said_by_zero),
      cmocka_unit_test(a_told_request_is_asked_again),
      cmocka_unit_test(what_a_call_has_not_is_refused),
      cmocka_unit_test(values_may_be_typed),
      cmocka_unit_test(a_request_is_checked_before_there_is_a_model),
      cmocka_unit_test(a_study_has_its_options),
      cmocka_unit_test(a_model_and_a_prompt_are_refused_likewise),
      cmocka_unit_test(a_picture_is_looked_at_once),
      cmocka_unit_test(a_picture_may_come_as_pixels),
      cmocka_unit_test(an_answer_is_told_as_it_comes),
      cmocka_unit_test(a_constraint_has_the_kind_it_is_given),
      cmocka_unit_test(prompts_are_traced_together),
      cmocka_unit_test(an_edit_is_solved_by_numbers_of_prompts),
      cmocka_unit_test(the_layout_has_names_to_its_end),
  };
  return cmocka_run_group_tests(tests, open_flags, close_flags);
}
