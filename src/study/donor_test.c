/* Values of another prompt: the demo model's picture against its text twin, each cell against two
 * hooked forwards, and accuracies over examples. */
#include "study/traces_test.h"

#include "sized.h"
#include "walk/logits.h"
#include "walk/walk.h"

#define FLAGS LOCI_SOURCE_DIR "/models/flags"
#define DATA LOCI_SOURCE_DIR "/models/flags/data/"

typedef struct twins {
  loci_model *m, *text; /* text: whose the donor's prompt is */
  loci_prompt *p, *donor;
} twins;

static loci_prompt *prompt_of(const loci_model *m, const char *image, const char *text,
                              const char *constraint) {
  loci_question q = {.size = sizeof q,
                     .image = image,
                     .text = text,
                     .template_name = "llava-paper",
                     .constraints = &constraint,
                     .constraint_count = 1};
  loci_prompt *p;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

static twins open_twins(bool other_model) {
  twins t = {.m = open_with(FLAGS, LOCI_PRECISION_F32, 1)};
  t.text = other_model ? open_with(FLAGS "/text-only", LOCI_PRECISION_F32, 1) : t.m;
  t.p = prompt_of(t.m, FLAGS "/images/ukraine.png", "What is the capital of this country?",
                  "this country");
  t.donor = prompt_of(t.text, NULL, "What is the capital of Cuba?", "Cuba");
  return t;
}

static void close_twins(twins *t) {
  loci_prompt_free(t->p);
  loci_prompt_free(t->donor);
  if (t->text != t->m) loci_model_close(t->text);
  loci_model_close(t->m);
}

typedef struct last_row {
  int64_t V;
  int target, top;
  double p;
} last_row;

static void read_row(void *ctx, int64_t index, const float *logits) {
  last_row *r = ctx;
  (void)index;
  r->top = argmax_of(logits, r->V, -1);
  r->p = exp((double)logits[r->target] - log_sum_exp(logits, r->V));
}

/* A full run that records or is given the residual stream after a layer at one position. */
static last_row forward(const loci_prompt *p, int target, int layer, int at, float *record,
                        const float *put) {
  last_row r = {.V = p->model->info.vocab, .target = target};
  int s;
  walk *w;
  loci_err err;
  walk_patch patch = {.site = LOCI_SITE_RESID_POST,
                      .layer = layer,
                      .position = at,
                      .head = -1,
                      .source = -1,
                      .values = put};
  must(walk_new(p->model, &w, &err), &err);
  must(walk_root(w, prompt_input(p), &s, &err), &err);
  if (put) must(walk_patch_add(w, s, &patch, &err), &err);
  if (record)
    must(walk_record_at(w, s, LOCI_SITE_RESID_POST, layer, (walk_span){at, 1}, record, &err), &err);
  must(walk_want(w, s, p->info.length - 1, &err), &err);
  must(walk_run(w, &(walk_hooks){.logits = read_row, .logits_ctx = &r}, &err), &err);
  walk_free(w);
  return r;
}

static loci_trace *put_in(const twins *t, loci_trace_opts o) {
  o.donor = t->donor;
  return trace_of(t->m, t->p, o);
}

static void check_cells(const twins *x, const loci_trace *t) {
  float values[512];
  const loci_grid *g = &t->grids[0];
  int id = t->target_ids[0];
  int own[] = {x->p->info.constraints[0].first + x->p->info.constraints[0].count - 1,
               x->p->info.length - 1};
  int from[] = {x->donor->info.constraints[0].first + x->donor->info.constraints[0].count - 1,
                x->donor->info.length - 1};
  last_row a = forward(x->donor, id, 0, 0, NULL, NULL), b = forward(x->p, id, 0, 0, NULL, NULL);
  assert_int_equal(id, a.top);
  assert_true(fabs(t->clean.m.p - a.p) < 1e-5 && fabs(t->corrupted.m.p - b.p) < 1e-5);
  assert_int_equal(t->clean.top[0].id, a.top);
  assert_int_equal(t->corrupted.top[0].id, b.top);
  assert_int_equal(g->column_count, 2);
  for (int l = 0; l < g->layer_count; l++) {
    for (int c = 0; c < 2; c++) {
      int64_t k = l * 2 + c;
      forward(x->donor, id, l, from[c], values, NULL);
      last_row r = forward(x->p, id, l, own[c], NULL, values);
      /* f32 rounding of walks of other shapes, as of --verify */
      assert_true(fabs(g->cells[k].p - r.p) < 1e-4 * fmax(r.p, 0.02));
      assert_int_equal(g->top_ids[k], r.top);
      double share = (r.p - b.p) / (a.p - b.p);
      assert_true(fabs(g->restoration[k] - share) < 1e-3);
    }
  }
}

static void cells_are_two_hooked_forwards(void **state) {
  (void)state;
  for (int other = 0; other < 2; other++) {
    twins x = open_twins(other);
    loci_trace *t = put_in(&x, (loci_trace_opts){.verify = 1000});
    assert_string_equal(t->grids[0].groups[0], "constraint-last");
    assert_int_equal((int)t->grids[0].site, LOCI_SITE_RESID_POST);
    check_cells(&x, t);
    const loci_grid *g = &t->grids[0];
    int last = g->layer_count - 1;
    /* all the last position has is the donor's then; nothing reads the constraint any more */
    if (!other) assert_true(fabs(g->restoration[2 * last + 1] - 1) < 1e-3); /* of one head */
    assert_true(g->skipped[2 * last] && g->top_ids[2 * last] == t->corrupted.top[0].id);
    assert_true(t->verified > 0);
    assert_ptr_equal(t->donor, loci_prompt_get_info(x.donor));
    loci_free(t);
    close_twins(&x);
  }
}

/* Its own values change nothing. */
static void the_own_values_change_nothing(void **state) {
  (void)state;
  static const loci_site sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_Z, LOCI_SITE_RESID_PRE};
  twins x = open_twins(false);
  loci_trace *t = trace_of(
      x.m, x.p,
      (loci_trace_opts){
          .donor = x.p, .sites = sites, .site_count = 3, .positions = "constraint,image,last"});
  assert_true(fabs(t->total_effect) < 1e-6);
  for (int i = 0; i < t->grid_count; i++)
    for (int64_t k = 0; k < cells_of(&t->grids[i]); k++)
      assert_true(fabs(t->grids[i].ie[k]) < 1e-5); /* f32 rounding of another run's rows */
  loci_free(t);
  close_twins(&x);
}

/* A place by its number is the group's that it is. */
static void places_can_be_named(void **state) {
  (void)state;
  char at[16];
  twins x = open_twins(false);
  loci_trace *t = put_in(&x, (loci_trace_opts){.positions = "last"});
  snprintf(at, sizeof at, "%d", x.donor->info.length - 1);
  char own[16];
  snprintf(own, sizeof own, "%d", x.p->info.length - 1);
  loci_trace *named = put_in(&x, (loci_trace_opts){.positions = own, .donor_at = at});
  loci_trace *other =
      put_in(&x, (loci_trace_opts){.positions = own, .donor_at = "constraint-last"});
  double most = 0;
  for (int l = 0; l < x.m->info.layers; l++) {
    assert_true(fabs(t->grids[0].ie[l] - named->grids[0].ie[l]) < 1e-6);
    most = fmax(most, fabs(t->grids[0].ie[l] - other->grids[0].ie[l]));
  }
  assert_true(most > 1e-3);
  loci_free(t);
  loci_free(named);
  loci_free(other);
  close_twins(&x);
}

static void refuse(const loci_model *m, const loci_prompt *p, loci_trace_opts o,
                   const char *sentence) {
  loci_trace *t;
  loci_err err;
  o.size = sizeof o;
  assert_int_equal(loci_trace_new(m, p, &o, &t, &err), LOCI_EINVAL);
  assert_null(t);
  if (!strstr(err.msg, sentence)) fail_msg("%s, not %s", err.msg, sentence);
}

static void nonsense_is_refused(void **state) {
  (void)state;
  twins x = open_twins(false);
  loci_model *small = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *q = ask_about(small, NULL);
  const loci_prompt *d = x.donor;
  refuse(x.m, x.p, (loci_trace_opts){.donor = q}, "models of one shape");
  refuse(x.m, x.p, (loci_trace_opts){.donor = d, .corrupt = "mean"}, "corrupt does not go");
  refuse(x.m, x.p, (loci_trace_opts){.donor = d, .receiver = "logits"}, "receiver does not go");
  refuse(x.m, x.p, (loci_trace_opts){.donor = d, .screen = 9}, "method does not go");
  refuse(x.m, x.p, (loci_trace_opts){.donor = d, .direction = LOCI_NOISE}, "direction does not");
  refuse(x.m, x.p, (loci_trace_opts){.donor = d, .set = "1"}, "set goes with");
  refuse(x.m, x.p, (loci_trace_opts){.donor = d, .positions = "70"}, "need --donor-at");
  refuse(x.m, x.p, (loci_trace_opts){.donor = d, .positions = "70", .donor_at = "99"},
         "the donor has positions");
  refuse(x.m, x.p, (loci_trace_opts){.donor = d, .positions = "last", .donor_at = "image"},
         "the question has no picture");
  refuse(x.m, x.p, (loci_trace_opts){.donor = x.p, .positions = "last", .donor_at = "image"},
         "take a single one");
  refuse(x.m, x.p, (loci_trace_opts){.donor_at = "last"}, "donor_at goes with --donor");
  loci_prompt_free(q);
  loci_model_close(small);
  close_twins(&x);
}

/* ---------------------------------------------------------------- over examples */

enum { EXAMPLES = 5, LAYERS = 12 };

/* Whether a token begins the example's first answer after its prompt. */
static bool is_right(const loci_prompt *p, const loci_example *e, int id) {
  arena *mem = arena_new();
  int *ids, n;
  loci_err err;
  must(answer_ids(p, e->answers[0], mem, &ids, &n, &err), &err);
  bool right = ids[0] == id;
  arena_free(mem);
  return right;
}

static loci_prompt *prompt_of_example(const loci_model *m, const loci_example *e) {
  return e ? prompt_of(m, e->image, e->question, e->constraints[0]) : NULL;
}

/* The donors' last line, which stands before the first. */
static loci_prompt *last_donor(const loci_model *m) {
  loci_examples *x;
  loci_example *e = NULL, *next = NULL;
  loci_err err;
  must(loci_examples_open(DATA "trace-text.jsonl", &x, &err), &err);
  do {
    loci_free(e);
    e = next;
    must(loci_examples_next(x, &next, &err), &err);
  } while (next);
  loci_examples_close(x);
  loci_prompt *p = prompt_of_example(m, e);
  loci_free(e);
  return p;
}

/* Sums over the examples of right with the values less right without; [from]: whose donor it is,
 * 0 the own twin, 1 that of the line before. */
static int gains(loci_model *m, int from, double *gain, int *between) {
  loci_examples *x, *y;
  loci_err err;
  int n = 0;
  loci_prompt *before = last_donor(m);
  must(loci_examples_open(DATA "trace.jsonl", &x, &err), &err);
  must(loci_examples_open(DATA "trace-text.jsonl", &y, &err), &err);
  *between = 0;
  for (int l = 0; l < LAYERS; l++) gain[l] = 0;
  for (int i = 0; i < EXAMPLES; i++) {
    loci_example *e, *f;
    must(loci_examples_next(x, &e, &err), &err);
    must(loci_examples_next(y, &f, &err), &err);
    loci_prompt *p = prompt_of_example(m, e), *d = prompt_of_example(m, f);
    loci_trace *t = trace_of(m, p, (loci_trace_opts){.donor = d, .positions = "last"});
    int own = is_right(p, e, t->corrupted.top[0].id);
    *between += is_right(p, e, t->clean.top[0].id) - own;
    loci_free(t);
    t = trace_of(m, p, (loci_trace_opts){.donor = from ? before : d, .positions = "last"});
    for (int l = 0; l < LAYERS; l++) gain[l] += is_right(p, e, t->grids[0].top_ids[l]) - own;
    n++;
    loci_free(t);
    loci_prompt_free(before);
    before = d;
    loci_prompt_free(p);
    loci_free(e);
    loci_free(f);
  }
  loci_prompt_free(before);
  loci_examples_close(x);
  loci_examples_close(y);
  return n;
}

static const loci_chart *chart_named(const loci_average *a, const char *name) {
  for (int i = 0; i < a->chart_count; i++)
    if (strcmp(a->charts[i].name, name) == 0) return &a->charts[i];
  fail_msg("no chart \"%s\"", name);
  return NULL;
}

static void shares_are_of_single_examples(void **state) {
  (void)state;
  loci_model *m = open_with(FLAGS "/plain", LOCI_PRECISION_F32, 1);
  loci_trace_opts trace = {.size = sizeof trace, .positions = "last"};
  loci_study_opts over = {
      .size = sizeof over, .template_name = "llava-paper", .no_hash = true, .limit = EXAMPLES};
  loci_examples *x;
  loci_average *a;
  loci_err err;
  double gain[LAYERS];
  int between;
  must(loci_examples_open(DATA "trace.jsonl", &x, &err), &err);
  must(loci_average_new(m, x,
                        SIZED(loci_average_opts, .what = "trace", .study = &over, .trace = &trace,
                              .donors = DATA "trace-text.jsonl"),
                        &a, &err),
       &err);
  loci_examples_close(x);
  assert_int_equal(a->sample.used, EXAMPLES);
  const loci_chart *c = chart_named(a, "resid_post, window 1: accuracy recovered");
  assert_int_equal(c->curve_count, 3);
  assert_string_equal(c->curves[0].name, "all of last");
  assert_string_equal(c->curves[1].name, "all of last, another example's");
  assert_string_equal(c->curves[2].name, "all of last, a random position's");
  for (int k = 0; k < 2; k++) {
    int n = gains(m, k, gain, &between);
    assert_int_equal(c->curves[k].n, n);
    for (int l = 0; l < LAYERS; l++) {
      double value = c->curves[k].points[l].value;
      if (between == 0) assert_true(isnan(value));
      if (between != 0) assert_true(fabs(value - gain[l] / between) < 1e-9);
    }
  }
  loci_free(a);
  loci_model_close(m);
}

/* Of examples that the demo model answers, fewer are right the more layers do not see the picture.
 */
static void accuracy_is_by_the_first_token(void **state) {
  (void)state;
  static const loci_edges hidden = {"image", "after-image"};
  loci_model *m = open_with(FLAGS, LOCI_PRECISION_F32, 1);
  loci_knockout_opts how = {.size = sizeof how,
                            .pathways = &hidden,
                            .pathway_count = 1,
                            .window = LOCI_ONWARD,
                            .no_hash = true};
  loci_study_opts over = {
      .size = sizeof over, .template_name = "llava-paper", .no_hash = true, .limit = 3};
  loci_examples *x;
  loci_average *a;
  loci_err err;
  double right[LAYERS] = {0};
  must(loci_examples_open(DATA "trace.jsonl", &x, &err), &err);
  for (int i = 0; i < 3; i++) {
    loci_example *e;
    loci_knockout *k;
    must(loci_examples_next(x, &e, &err), &err);
    loci_prompt *p = prompt_of_example(m, e);
    must(loci_knockout_new(m, p, &how, &k, &err), &err);
    for (int l = 0; l < LAYERS; l++) right[l] += is_right(p, e, k->pathways[0].top_ids[l]) / 3.0;
    loci_free(k);
    loci_prompt_free(p);
    loci_free(e);
  }
  loci_examples_close(x);
  must(loci_examples_open(DATA "trace.jsonl", &x, &err), &err);
  must(loci_average_new(
           m, x, SIZED(loci_average_opts, .what = "knockout", .study = &over, .knockout = &how), &a,
           &err),
       &err);
  loci_examples_close(x);
  const loci_chart *c = chart_named(a, "accuracy, by the first token");
  assert_string_equal(a->title, "Attention cut from a layer on");
  assert_true(c->mark > 0.6 && right[0] < c->mark && right[LAYERS - 1] > right[0]);
  for (int l = 0; l < LAYERS; l++)
    assert_true(fabs(c->curves[0].points[l].value - right[l]) < 1e-9);
  loci_free(a);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cells_are_two_hooked_forwards),
      cmocka_unit_test(the_own_values_change_nothing),
      cmocka_unit_test(places_can_be_named),
      cmocka_unit_test(nonsense_is_refused),
      cmocka_unit_test(shares_are_of_single_examples),
      cmocka_unit_test(accuracy_is_by_the_first_token),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
