/* Several traces in one walk give what each gives alone, at fewer rows where questions share a
 * picture, however the memory splits them; what fails alone stops no other. */
#include "study/traces_test.h"
#include "sized.h"

enum { ASKED = 6, BAD = 4 };

/* Three questions on one picture, one on another; two ways of corruption; an answer. */
static const struct {
  const char *image, *question, *constraint;
  loci_trace_opts o;
} asked[ASKED] = {
    {PICTURE, "In which city is this building?", "this building", {0}},
    {PICTURE, "Who made this building, and for whom was it made?", "this building", {0}},
    {OTHER_PICTURE, "Where is this tower?", "this tower", {.direction = LOCI_BOTH}},
    {PICTURE,
     "In which city is this building, and what is it?",
     "this building",
     {.corrupt = "image-noise:2", .seeds = 2, .seed = 3, .positions = "constraint,last"}},
    {PICTURE, "In which city is it?", NULL, {0}}, /* nothing to corrupt */
    {OTHER_PICTURE, "What is the name of this tower?", "tower", {.answer = "the old city"}},
};

static loci_prompt *ask(const loci_model *m, int i) {
  loci_question q = {.size = sizeof q,
                     .image = asked[i].image,
                     .text = asked[i].question,
                     .constraints = &asked[i].constraint,
                     .constraint_count = asked[i].constraint != NULL};
  loci_prompt *p;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

typedef struct world {
  loci_model *m;
  loci_prompt *prompts[ASKED];
  loci_trace *alone[ASKED];
  loci_trace_opts opts[ASKED];
  loci_trace_request requests[ASKED];
} world;

static void open_world(world *w, const char *name, bool dynamic) {
  *w = (world){.m = open_with(name, LOCI_PRECISION_F32, 1)};
  if (dynamic) {
    decoder_config *c = &w->m->weights->config.text;
    c->rope = (rope_config){.kind = ROPE_DYNAMIC, .theta = c->rope.theta, .factor = 2};
    c->max_positions = 8; /* and every prompt is longer */
  }
  for (int i = 0; i < ASKED; i++) {
    w->prompts[i] = ask(w->m, i);
    w->opts[i] = asked[i].o;
    w->opts[i].size = sizeof w->opts[i];
    w->opts[i].no_hash = true;
    w->requests[i] = (loci_trace_request){.prompt = w->prompts[i], .opts = &w->opts[i]};
    if (i != BAD) w->alone[i] = trace_of(w->m, w->prompts[i], asked[i].o);
  }
}

static void close_world(world *w) {
  for (int i = 0; i < ASKED; i++) {
    loci_free(w->alone[i]);
    loci_prompt_free(w->prompts[i]);
  }
  loci_model_close(w->m);
}

/* The same numbers (in another order of summation: f32); frees them.  Returns all rows; [whole]: no
 * trace was split, so that none exceeds its formula. */
static int64_t compare(const world *w, const char *name, bool whole) {
  int64_t rows = 0;
  for (int i = 0; i < ASKED; i++) {
    loci_trace *t = w->requests[i].trace;
    if (i == BAD) {
      assert_null(t);
      assert_int_equal(w->requests[i].err.code, LOCI_EINVAL);
      continue;
    }
    if (!t) fail_msg("%s, question %d: %s", name, i, w->requests[i].err.msg);
    double d = trace_distance(t, w->alone[i]);
    if (!(d <= 1e-4)) fail_msg("%s, question %d: %g apart", name, i, d);
    assert_int_equal(t->target_ids[0], w->alone[i]->target_ids[0]);
    assert_int_equal(t->other.id, w->alone[i]->other.id);
    if (whole) assert_true(t->cost.rows <= t->cost.formula);
    rows += t->cost.rows;
    loci_free(t);
  }
  return rows;
}

static void traces_together_are_the_traces_alone(void **state) {
  (void)state;
  static const char *const names[] = {"llava-clip-llama", "llava-siglip-phi"};
  for (int k = 0; k < 2; k++) {
    world w;
    loci_err err;
    open_world(&w, names[k], false);
    must(loci_traces(w.m, w.requests, ASKED, &err), &err);
    int64_t rows = compare(&w, names[k], true), alone = 0, L = model_decoder(w.m)->layers;
    for (int i = 0; i < ASKED; i++) alone += w.alone[i] ? w.alone[i]->cost.rows : 0;
    /* a picture's rows are saved for the questions 1, 3 and 5, which come after another on it */
    int image = w.prompts[0]->info.image_count;
    assert_true(alone - rows >= 3 * image * L);
    close_world(&w);
  }
}

/* Questions on a picture whose rows see one another share these; prompts whose rows all do share
 * nothing. */
static void traces_together_share_what_sees_the_same(void **state) {
  (void)state;
  static const char *const names[] = {"gemma3", "paligemma"};
  for (int k = 0; k < 2; k++) {
    world w;
    loci_err err;
    open_world(&w, names[k], false);
    must(loci_traces(w.m, w.requests, ASKED, &err), &err);
    int64_t rows = compare(&w, names[k], true), alone = 0, L = model_decoder(w.m)->layers;
    for (int i = 0; i < ASKED; i++) alone += w.alone[i] ? w.alone[i]->cost.rows : 0;
    int image = w.prompts[0]->info.image_count;
    if (k == 0) assert_true(alone - rows >= 3 * image * L);
    close_world(&w);
  }
}

/* A rotation that depends on the sequence's length is that of each sequence, whatever else walks.
 */
static void traces_together_turn_by_their_own_angles(void **state) {
  (void)state;
  world w, plain;
  loci_err err;
  open_world(&w, "llava-clip-llama", true);
  open_world(&plain, "llava-clip-llama", false);
  assert_true(trace_distance(w.alone[0], plain.alone[0]) > 1e-3); /* the rotation matters */
  must(loci_traces(w.m, w.requests, ASKED, &err), &err);
  compare(&w, "dynamic rotation", true);
  close_world(&w);
  close_world(&plain);
}

/* From too little memory for one cell up to enough for all. */
static void memory_decides_how_many_walk_together(void **state) {
  (void)state;
  world w;
  loci_err err;
  bool refused = false;
  int64_t first = 0, last = 0;
  open_world(&w, "llava-clip-llama", false);
  for (w.m->memory = 64 << 20; w.m->memory < 96 << 20; w.m->memory += 1 << 20) {
    loci_status st = loci_traces(w.m, w.requests, ASKED, &err);
    if (st) {
      assert_int_equal(st, LOCI_ENOMEM);
      for (int i = 0; i < ASKED; i++) assert_null(w.requests[i].trace);
      refused = true;
      continue;
    }
    last = compare(&w, "llava-clip-llama", false);
    if (!first) first = last;
  }
  assert_true(refused);
  assert_true(last < first); /* less is computed twice */
  close_world(&w);
}

static bool stop(void *ctx, const char *stage, double done, double total) {
  (void)ctx;
  (void)stage;
  (void)done;
  (void)total;
  return false;
}

/* A caller need not ask what went wrong. */
static void an_error_may_go_unread(void **state) {
  (void)state;
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask(m, 0);
  loci_trace_request r = {
      .prompt = p, .opts = SIZED(loci_trace_opts, .screen = 1, .no_hash = true, .progress = stop)};
  assert_int_equal(loci_traces(m, &r, 1, NULL), LOCI_ECANCELLED);
  assert_null(r.trace);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* "Paris" tells France's capital: among others, too, other words are taken, as they are alone. */
static void words_that_tell_the_answer_are_avoided_among_others(void **state) {
  (void)state;
  static const char *const images[] = {"ukraine", "france"}, *const constraint[] = {"this country"};
  loci_model *m = open_with(LOCI_SOURCE_DIR "/models/flags", LOCI_PRECISION_F32, 1);
  loci_prompt *p[2];
  loci_trace *alone[2];
  loci_trace_request r[2];
  loci_trace_opts o = {.size = sizeof o, .positions = "constraint,last", .no_hash = true};
  loci_err err;
  for (int i = 0; i < 2; i++) {
    char image[500];
    snprintf(image, sizeof image, LOCI_SOURCE_DIR "/models/flags/images/%s.png", images[i]);
    loci_question q = {.size = sizeof q,
                       .image = image,
                       .text = "What city is the capital of this country?",
                       .constraints = constraint,
                       .constraint_count = 1};
    must(loci_prompt_new(m, &q, &p[i], &err), &err);
    alone[i] = trace_of(m, p[i], o);
    r[i] = (loci_trace_request){.prompt = p[i], .opts = &o};
  }
  must(loci_traces(m, r, 2, &err), &err);
  for (int i = 0; i < 2; i++) {
    must(r[i].err.code, &r[i].err);
    assert_string_equal(r[i].trace->corrupt, alone[i]->corrupt);
    assert_true(trace_distance(r[i].trace, alone[i]) <= 1e-4); /* f32, in another order */
  }
  assert_string_equal(r[0].trace->corrupt, "replace:Paris");
  assert_string_not_equal(r[1].trace->corrupt, "replace:Paris");
  for (int i = 0; i < 2; i++) {
    loci_free(r[i].trace);
    loci_free(alone[i]);
    loci_prompt_free(p[i]);
  }
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(traces_together_are_the_traces_alone),
      cmocka_unit_test(traces_together_share_what_sees_the_same),
      cmocka_unit_test(traces_together_turn_by_their_own_angles),
      cmocka_unit_test(memory_decides_how_many_walk_together),
      cmocka_unit_test(an_error_may_go_unread),
      cmocka_unit_test(words_that_tell_the_answer_are_avoided_among_others),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
