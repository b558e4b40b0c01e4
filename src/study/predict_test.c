/* Failure prediction against its definition, computed here from public calls one by one. */
#include "study/traces_test.h"
#include "data/example.h"
#include "sized.h"
#include "walk/ask.h"
#include "walk/target.h"

enum { QUESTIONS = 12, MOST = 2 * QUESTIONS, LAYERS = 8, NEW = 3 };

static const char *const questions[QUESTIONS] = {
    "In which city is this building?",   "Who made this building?",
    "How old is this building?",         "Is this building a church?",
    "Which colour has this building?",   "Where does this building stand?",
    "When did this building burn?",      "How tall is this building today?",
    "What is behind this building?",     "Who lives in this building now?",
    "Is there a door in this building?", "What is the name of this building?"};

static char path[] = "/tmp/loci-predict-XXXXXX";

static loci_prompt *prompt_of(const loci_model *m, const char *question, const char *image) {
  static const char *const constraint = "this building";
  loci_question q = {.size = sizeof q,
                     .image = image,
                     .text = question,
                     .constraints = &constraint,
                     .constraint_count = 1};
  loci_prompt *p;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

/* What one example measures, by the public calls. */
typedef struct measured {
  double flow[LAYERS]; /* strongest contribution of the constraint to the last position */
  double confidence, margin;
  bool right;
  char answer[256];
} measured;

/* What answers are drawn with, slowly. */
typedef struct drawn {
  const loci_model *m;
  const loci_prompt *p;
  random_source source;
  double temperature;
  float *logits; /* (V) */
} drawn;

static void measure(loci_model *m, const char *question, const char *image, measured *out) {
  loci_prompt *p = prompt_of(m, question, image);
  loci_flow_opts o = {.size = sizeof o, .from = "constraint", .to = "last", .no_hash = true};
  loci_flow *f;
  loci_answer *a;
  loci_err err;
  must(loci_flow_new(m, p, &o, &f, &err), &err);
  for (int l = 0; l < f->layer_count; l++) out->flow[l] = f->paths[0].max[l];
  must(loci_ask(m, p, NEW, NULL, NULL, &a, &err), &err);
  out->confidence = a->top[0][0].p;
  out->margin = a->top[0][0].p - a->top[0][1].p;
  snprintf(out->answer, sizeof out->answer, "%s", a->text);
  loci_free(a);
  loci_free(f);
  loci_prompt_free(p);
}

/* Each question twice: with the answer the model gives, and with one it does not. */
static void write_examples(loci_model *m, const char *image, measured *out) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  for (int i = 0; i < MOST; i++) {
    measure(m, questions[i % QUESTIONS], image, &out[i]);
    out[i].right = i < QUESTIONS;
    js_value *o = js_object(), *answers = js_array(), *constraints = js_array(), *c = js_object();
    char *line;
    js_put(&o, "question", js_text(questions[i % QUESTIONS]));
    js_put(&o, "image", js_text(image));
    js_push(&answers, js_text(out[i].right ? out[i].answer : "never said"));
    js_put(&o, "answers", answers);
    js_put(&c, "text", js_text("this building"));
    js_push(&constraints, c);
    js_put(&o, "constraints", constraints);
    assert_int_equal(js_print(o, false, &line, NULL), LOCI_OK);
    fprintf(file, "%s\n", line);
    free(line);
  }
  assert_int_equal(fclose(file), 0);
}

static loci_prediction *predict(loci_model *m, loci_predict_opts o) {
  loci_study_opts study = {.size = sizeof study, .no_hash = true, .max_new = NEW};
  loci_examples *x;
  loci_prediction *p;
  loci_err err;
  if (o.study) study.seed = o.study->seed;
  o.size = sizeof o;
  o.study = &study;
  must(loci_examples_open(path, &x, &err), &err);
  must(loci_prediction_new(m, x, &o, &p, &err), &err);
  loci_examples_close(x);
  return p;
}

static double mean_of_layers(const measured *x, int first, int count) {
  double sum = 0;
  for (int l = first; l < first + count; l++) sum += x->flow[l];
  return sum / count;
}

/* The share of (right, wrong) pairs of one half that the contribution orders correctly. */
static double order_of_half(const loci_prediction *p, const measured *x, bool tested, int first) {
  double pairs = 0, good = 0;
  for (int i = 0; i < MOST; i++) {
    for (int k = 0; k < MOST; k++) {
      if (p->examples[i].tested != tested || p->examples[k].tested != tested) continue;
      if (!x[i].right || x[k].right) continue;
      double a = mean_of_layers(&x[i], first, p->layer_count);
      double b = mean_of_layers(&x[k], first, p->layer_count);
      pairs++;
      good += a > b ? 1 : a == b ? 0.5 : 0;
    }
  }
  return good / pairs;
}

/* The layer with the largest mean over the half that is not tested. */
static int strongest_layer(const loci_prediction *p, const measured *x, int L) {
  int best = 0;
  double most = -1;
  for (int l = 0; l < L; l++) {
    double sum = 0;
    for (int i = 0; i < MOST; i++) sum += p->examples[i].tested ? 0 : x[i].flow[l];
    if (sum > most) best = l;
    most = fmax(most, sum);
  }
  return best;
}

static void check_layers(const loci_prediction *p, const measured *x, int L) {
  int strongest = strongest_layer(p, x, L);
  assert_int_equal(p->layer_count, (L + 1) / 3 > 1 ? (L + 1) / 3 : 1);
  assert_in_range(strongest, p->first_layer, p->first_layer + p->layer_count - 1);
  for (int first = 0; first + p->layer_count <= L; first++) {
    assert_true(order_of_half(p, x, false, p->best_first_layer) >=
                order_of_half(p, x, false, first));
  }
  assert_true(fabs(order_of_half(p, x, true, p->first_layer) - p->predictors[0].auroc.value) <
              1e-12);
  assert_true(fabs(order_of_half(p, x, true, p->best_first_layer) - p->predictors[1].auroc.value) <
              1e-12);
}

/* The same through walks of other shapes, whose f32 products sum in another order: 2e-5 of the
 * value was seen. */
static void expect_close(double have, double want) {
  if (!(fabs(have - want) <= 1e-4 * (fabs(want) + 1e-3))) fail_msg("%.9g, not %.9g", have, want);
}

static void check_numbers(const char *model, const char *image) {
  measured x[MOST];
  loci_model *m = open_with(model, LOCI_PRECISION_F32, 1);
  int L = loci_model_get_info(m)->layers;
  assert_true(L <= LAYERS);
  write_examples(m, image, x);
  loci_prediction *p = predict(m, (loci_predict_opts){.study = SIZED(loci_study_opts, .seed = 3)});
  assert_int_equal(p->sample.used, MOST);
  assert_int_equal(p->sample.dropped_count, 0);
  assert_int_equal(p->right, QUESTIONS);
  assert_int_equal(p->tested_right + p->tested_wrong, MOST / 2);
  for (int i = 0; i < MOST; i++) {
    const loci_predicted *e = &p->examples[i];
    assert_int_equal(e->line, i + 1);
    assert_true(e->right == x[i].right);
    assert_string_equal(e->answer, x[i].answer);
    expect_close(e->confidence, x[i].confidence);
    expect_close(e->margin, x[i].margin);
    expect_close(e->contribution, mean_of_layers(&x[i], p->first_layer, p->layer_count));
    expect_close(e->best_layers, mean_of_layers(&x[i], p->best_first_layer, p->layer_count));
  }
  check_layers(p, x, L);
  loci_free(p);
  loci_model_close(m);
}

static void scores_are_those_of_single_calls(void **state) {
  (void)state;
  check_numbers("llava-clip-llama", PICTURE);
}

static void models_that_read_text_only_are_scored_too(void **state) {
  (void)state;
  check_numbers("text-llama", NULL);
}

/* With layers given nothing is chosen, so all examples are tested. */
static void given_layers_are_tested_on_all(void **state) {
  (void)state;
  measured x[MOST];
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  write_examples(m, PICTURE, x);
  loci_prediction *p = predict(m, (loci_predict_opts){.first_layer = 1, .layer_count = 1});
  assert_int_equal(p->best_first_layer, -1);
  assert_int_equal(p->predictor_count, 5);
  assert_int_equal(p->tested_right + p->tested_wrong, MOST);
  for (int k = 0; k < p->predictor_count; k++)
    assert_true(p->predictors[k].auroc.value == p->predictors[k].all.value);
  for (int i = 0; i < MOST; i++)
    assert_true(isnan(p->examples[i].best_layers) && isnan(p->examples[i].consistency));
  loci_free(p);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- drawn answers */

static void keep_logits(void *ctx, int64_t index, const float *logits) {
  const drawn *d = ctx;
  (void)index;
  memcpy(d->logits, logits, (size_t)model_decoder(d->m)->vocab * sizeof *logits);
}

/* Logits after the prompt and n tokens, by a run from the first position on. */
static void run_plainly(drawn *d, const int *ids, int n) {
  int given[NEW + 1] = {0}, s;
  walk *w;
  target t;
  loci_err err;
  arena *mem = arena_new();
  assert_non_null(mem);
  memcpy(given, ids, (size_t)n * sizeof *ids); /* the last of a target is not read */
  must(target_of_ids(d->p, given, n + 1, mem, &t, &err), &err);
  must(walk_new(d->m, &w, &err), &err);
  must(walk_root(w, target_input(&t), &s, &err), &err);
  must(walk_want(w, s, t.length - 1, &err), &err);
  must(walk_run(w, &(walk_hooks){.logits = keep_logits, .logits_ctx = d, .ordered = 1}, &err),
       &err);
  walk_free(w);
  arena_free(mem);
}

/* One token of softmax(logits / temperature), by the sum up to it. */
static int draw_slowly(drawn *d) {
  int V = model_decoder(d->m)->vocab, id = 0;
  double sum = 0, part = 0, largest = -(double)INFINITY;
  for (int i = 0; i < V; i++) largest = fmax(largest, (double)d->logits[i]);
  for (int i = 0; i < V; i++) sum += exp(((double)d->logits[i] - largest) / d->temperature);
  double at = random_unit(&d->source);
  for (; id < V - 1; id++) {
    part += exp(((double)d->logits[id] - largest) / d->temperature);
    if (part / sum > at) break;
  }
  return id;
}

static bool is_the_end(const loci_model *m, int id) {
  const model_config *c = &m->weights->config;
  for (int i = 0; i < c->n_eos; i++)
    if (c->eos[i] == id) return true;
  return false;
}

static double share_slowly(drawn *d, const char *greedy, int samples) {
  int same = 0;
  for (int k = 0; k < samples; k++) {
    int ids[NEW], n = 0;
    char *text;
    size_t bytes;
    bool is_same;
    loci_err err;
    while (n < NEW) {
      run_plainly(d, ids, n);
      ids[n] = draw_slowly(d);
      if (is_the_end(d->m, ids[n++])) break;
    }
    must(tokenizer_decode(d->m->tokens, ids, n, true, &text, &bytes, &err), &err);
    must(answer_matches(text, &greedy, 1, &is_same, &err), &err);
    same += is_same;
    free(text);
  }
  return (double)same / samples;
}

/* Every draw again, each token by a run of everything before it; cold enough all are the greedy
 * one, and other seeds draw others. */
static void drawn_answers_are_drawn_one_by_one(void **state) {
  (void)state;
  enum { SAMPLES = 6 };
  measured x[MOST];
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  drawn d = {.m = m, .logits = malloc((size_t)model_decoder(m)->vocab * sizeof(float))};
  assert_non_null(d.logits);
  write_examples(m, PICTURE, x);
  double all = 0, moved = 0;
  loci_prediction *p[2];
  for (uint64_t seed = 0; seed < 2; seed++) {
    loci_study_opts study = {.size = sizeof study, .seed = seed};
    p[seed] = predict(m, (loci_predict_opts){.study = &study,
                                             .samples = SAMPLES,
                                             .temperature = 0.3 + 0.4 * (double)seed});
    assert_string_equal(p[seed]->predictors[p[seed]->predictor_count - 1].name, "consistency");
    for (int i = 0; i < QUESTIONS; i++) {
      d.source = random_stream(seed, (uint64_t)i + 1);
      d.temperature = 0.3 + 0.4 * (double)seed;
      d.p = prompt_of(m, questions[i], PICTURE);
      double want = share_slowly(&d, x[i].answer, SAMPLES);
      assert_float_equal(p[seed]->examples[i].consistency, want, 1e-12);
      all += want / QUESTIONS;
      loci_prompt_free((loci_prompt *)(uintptr_t)d.p);
    }
  }
  for (int i = 0; i < MOST; i++)
    moved += fabs(p[0]->examples[i].consistency - p[1]->examples[i].consistency);
  assert_true(all > 0.1 && all < 1.9 && moved > 0); /* neither none nor all */
  loci_free(p[0]);
  loci_free(p[1]);
  p[0] = predict(m, (loci_predict_opts){.samples = 2, .temperature = 1e-4});
  for (int i = 0; i < MOST; i++) assert_true(p[0]->examples[i].consistency == 1);
  loci_free(p[0]);
  free(d.logits);
  loci_model_close(m);
}

static bool stop_at_half(void *ctx, const char *stage, double done, double total) {
  int *calls = ctx;
  (void)stage;
  ++*calls;
  return done < 0.5 * total;
}

static void predictions_can_be_stopped(void **state) {
  (void)state;
  measured x[MOST];
  int calls = 0;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_predict_opts o = {
      .size = sizeof o,
      .study = SIZED(loci_study_opts, .progress = stop_at_half, .progress_ctx = &calls)};
  loci_examples *examples;
  loci_prediction *p;
  loci_err err;
  write_examples(m, NULL, x);
  must(loci_examples_open(path, &examples, &err), &err);
  assert_int_equal(loci_prediction_new(m, examples, &o, &p, &err), LOCI_ECANCELLED);
  assert_null(p);
  assert_true(calls > MOST / 2);
  loci_examples_close(examples);
  loci_model_close(m);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(scores_are_those_of_single_calls),
      cmocka_unit_test(models_that_read_text_only_are_scored_too),
      cmocka_unit_test(given_layers_are_tested_on_all),
      cmocka_unit_test(drawn_answers_are_drawn_one_by_one),
      cmocka_unit_test(predictions_can_be_stopped),
  };
  int fd = mkstemp(path);
  if (fd < 0) return 1;
  close(fd);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  return failed;
}
