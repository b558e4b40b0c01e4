/* A model whose answer is known: in the training of models/flags, a mask let the constraint's
 * tokens see the image in layers 2 to 4 only, and let what follows see the constraint in layers 5
 * to 7 only (its card, "A planted pathway").  Nothing is masked here, so the knockout, the trace
 * and the contributions have to find this way by themselves, and no other.  Each number is a mean
 * over questions that the model answers correctly; bounds are those of the card, far from what is
 * measured.
 *
 * models/flags/plain was trained without the mask: the same questions have to find nothing of it
 * there, so that what is found above is the model's and not the tools'. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "data/example.h"
#include "sized.h"

#include <cmocka.h> /* last: its fail() is a macro */

#define FLAGS LOCI_SOURCE_DIR "/models/flags"

enum { QUESTIONS = 18, STRIDE = 19, LAYERS = 12 }; /* every 19th example: two of each relation */
enum { IMAGE_FIRST = 2, IMAGE_LAST = 4, READ_FIRST = 5, READ_LAST = 7 };

static void must(loci_status st, const loci_err *err) {
  if (st) fail_msg("%s: %s", loci_status_name(st), err->msg);
}

static loci_model *open_model(const char *path) {
  loci_model *m;
  loci_err err;
  loci_model_opts opts = {.size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};
  must(loci_model_open(path, &opts, &m, &err), &err);
  return m;
}

static loci_model *open_flags(void) { return open_model(FLAGS); }

static bool answers_correctly(const loci_model *m, const loci_prompt *p, const loci_example *e) {
  loci_answer *a;
  loci_err err;
  bool right;
  must(loci_ask(m, p, 12, NULL, NULL, &a, &err), &err);
  must(answer_matches(a->text, e->answers, e->answer_count, &right, &err), &err);
  loci_free(a);
  return right;
}

/* Calls [measure] with QUESTIONS correctly answered examples. */
static void each_question(loci_model *m, void (*measure)(loci_model *, const loci_prompt *, void *),
                          void *sums) {
  loci_examples *file;
  loci_err err;
  int found = 0, line = 0;
  must(loci_examples_open(FLAGS "/data/trace.jsonl", &file, &err), &err);
  while (found < QUESTIONS) {
    loci_example *e;
    must(loci_examples_next(file, &e, &err), &err);
    assert_non_null(e);
    if (line++ % STRIDE == 0) {
      loci_question q = {.size = sizeof q,
                         .image = e->image,
                         .text = e->question,
                         .constraints = e->constraints,
                         .constraint_count = e->constraint_count};
      loci_prompt *p;
      must(loci_prompt_new(m, &q, &p, &err), &err);
      if (answers_correctly(m, p, e)) {
        measure(m, p, sums);
        found++;
      }
      loci_prompt_free(p);
    }
    loci_free(e);
  }
  loci_examples_close(file);
}

/* ---------------------------------------------------------------- knockout */

enum { IMAGE_CONSTRAINT, IMAGE_LAST_WAY, CONSTRAINT_LAST, WAYS };
static const loci_edges ways[WAYS] = {
    {"image", "constraint"}, {"image", "last"}, {"constraint", "last"}};

typedef struct drops {
  double all[WAYS];            /* cut in every layer */
  double single[WAYS][LAYERS]; /* cut in one layer */
} drops;

static void add_drops(loci_model *m, const loci_prompt *p, void *sums) {
  drops *d = sums;
  for (int single = 0; single < 2; single++) {
    loci_knockout_opts opts = {.size = sizeof opts,
                               .pathways = ways,
                               .pathway_count = WAYS,
                               .window = single ? 1 : LOCI_ALL_LAYERS,
                               .no_hash = true};
    loci_knockout *k;
    loci_err err;
    must(loci_knockout_new(m, p, &opts, &k, &err), &err);
    for (int w = 0; w < WAYS; w++) {
      const loci_pathway *path = &k->pathways[w];
      for (int i = 0; i < path->layer_count; i++) {
        double drop = (k->clean.m.p - path->cells[i].p) / QUESTIONS;
        if (single) {
          d->single[w][path->layers[i]] += drop;
        } else {
          d->all[w] += drop;
        }
      }
    }
    loci_free(k);
  }
}

static void knockout_finds_the_planted_pathway(void **state) {
  (void)state;
  loci_model *m = open_flags();
  drops d = {0};
  each_question(m, add_drops, &d);
  loci_model_close(m);
  print_message("p lost: image->constraint %.3f, image->last %.3f, constraint->last %.3f\n",
                d.all[IMAGE_CONSTRAINT], d.all[IMAGE_LAST_WAY], d.all[CONSTRAINT_LAST]);
  assert_true(d.all[IMAGE_CONSTRAINT] >= 0.5);
  assert_true(fabs(d.all[IMAGE_LAST_WAY]) < 0.05);
  assert_true(d.all[CONSTRAINT_LAST] >= 0.3);
  for (int l = 0; l < LAYERS; l++) {
    print_message("layer %2d: image->constraint %.3f, constraint->last %.3f\n", l,
                  d.single[IMAGE_CONSTRAINT][l], d.single[CONSTRAINT_LAST][l]);
    if (l < IMAGE_FIRST || l > IMAGE_LAST) assert_true(d.single[IMAGE_CONSTRAINT][l] < 0.05);
    if (l < READ_FIRST || l > READ_LAST) assert_true(d.single[CONSTRAINT_LAST][l] < 0.05);
  }
}

/* ---------------------------------------------------------------- trace */

typedef struct restored {
  double effect, constraint[LAYERS], last[LAYERS];
} restored;

static void add_restored(loci_model *m, const loci_prompt *p, void *sums) {
  static const loci_site site = LOCI_SITE_RESID_POST;
  restored *r = sums;
  loci_trace_opts opts = {.size = sizeof opts,
                          .sites = &site,
                          .site_count = 1,
                          .positions = "constraint,last",
                          .no_hash = true};
  loci_trace *t;
  loci_err err;
  must(loci_trace_new(m, p, &opts, &t, &err), &err);
  const loci_grid *g = &t->grids[0];
  r->effect += t->total_effect;
  for (int l = 0; l < LAYERS; l++) {
    r->constraint[l] += g->ie[l * g->column_count];
    r->last[l] += g->ie[l * g->column_count + 1];
  }
  loci_free(t);
}

static void trace_finds_the_planted_pathway(void **state) {
  (void)state;
  loci_model *m = open_flags();
  restored r = {0};
  each_question(m, add_restored, &r);
  loci_model_close(m);
  print_message("total effect %.3f\n", r.effect / QUESTIONS);
  assert_true(r.effect / QUESTIONS >= 0.4);
  for (int l = 0; l < LAYERS; l++) {
    double at_constraint = r.constraint[l] / r.effect, at_last = r.last[l] / r.effect;
    print_message("layer %2d: constraint %.3f, last %.3f\n", l, at_constraint, at_last);
    if (l < READ_FIRST - 1) assert_true(at_constraint >= 0.9);
    if (l > READ_LAST) assert_true(at_constraint < 0.1);
    if (l < READ_FIRST) assert_true(at_last < 0.1);
    if (l > READ_LAST) assert_true(at_last >= 0.8);
  }
}

/* ---------------------------------------------------------------- without the mask */

static void plain_training_has_another_pathway(void **state) {
  (void)state;
  loci_model *m = open_model(FLAGS "/plain");
  drops d = {0};
  restored r = {0};
  each_question(m, add_drops, &d);
  each_question(m, add_restored, &r);
  loci_model_close(m);
  print_message("plain: p lost: image->constraint %.3f, image->last %.3f, constraint->last %.3f\n",
                d.all[IMAGE_CONSTRAINT], d.all[IMAGE_LAST_WAY], d.all[CONSTRAINT_LAST]);
  assert_true(d.all[IMAGE_CONSTRAINT] < 0.1);
  assert_true(d.all[IMAGE_LAST_WAY] >= 0.3);
  for (int l = 0; l < LAYERS; l++) {
    double at_constraint = r.constraint[l] / r.effect, at_last = r.last[l] / r.effect;
    print_message("plain: layer %2d: constraint %.3f, last %.3f\n", l, at_constraint, at_last);
    assert_true(at_constraint < 0.1);
    assert_true(at_last >= 0.5);
  }
}

/* ---------------------------------------------------------------- contributions */

typedef struct flows {
  double image[LAYERS], constraint[LAYERS];
} flows;

static void add_flows(loci_model *m, const loci_prompt *p, void *sums) {
  flows *f = sums;
  loci_flow *flow;
  loci_err err;
  must(loci_flow_new(m, p, SIZED(loci_flow_opts, .no_hash = true), &flow, &err), &err);
  assert_int_equal(flow->path_count, 2);
  for (int l = 0; l < LAYERS; l++) {
    f->image[l] += flow->paths[0].norm_of_sum[l];
    f->constraint[l] += flow->paths[1].norm_of_sum[l];
  }
  loci_free(flow);
}

static int strongest(const double *x) {
  int best = 0;
  for (int l = 1; l < LAYERS; l++) {
    if (x[l] > x[best]) best = l;
  }
  return best;
}

static void contributions_find_the_planted_pathway(void **state) {
  (void)state;
  loci_model *m = open_flags();
  flows f = {0};
  each_question(m, add_flows, &f);
  loci_model_close(m);
  for (int l = 0; l < LAYERS; l++) {
    print_message("layer %2d: image->constraint %.3f, constraint->last %.3f\n", l,
                  f.image[l] / QUESTIONS, f.constraint[l] / QUESTIONS);
  }
  assert_in_range(strongest(f.image), IMAGE_FIRST, IMAGE_LAST);
  assert_in_range(strongest(f.constraint), READ_FIRST, READ_LAST);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(knockout_finds_the_planted_pathway),
      cmocka_unit_test(trace_finds_the_planted_pathway),
      cmocka_unit_test(plain_training_has_another_pathway),
      cmocka_unit_test(contributions_find_the_planted_pathway),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
