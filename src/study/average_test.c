/* Averages over examples against the mean of single calls, example by example. */
#include "study/traces_test.h"

#include "base/json.h"
#include "sized.h"
#include "base/names.h"

enum { EXAMPLES = 4 };

static char path[] = "/tmp/loci-average-XXXXXX";

/* Of the test's own names. */
#define AVERAGE(kind, ...)                                                                         \
  loci_average_new(m, x, SIZED(loci_average_opts, .what = (kind), .study = &o, __VA_ARGS__), &a,   \
                   &err)

typedef struct question {
  const char *text, *image, *constraint;
} question;

static const question questions[EXAMPLES] = {
    {"In which city is this building?", PICTURE, "this building"},
    {"Who made this old building here?", OTHER_PICTURE, "this old building"},
    {"Is that a bridge?", PICTURE, "that"},
    {"Where does this tower stand now?", OTHER_PICTURE, "this tower"}};

static loci_prompt *prompt_of(const loci_model *m, const question *x) {
  loci_question q = {.size = sizeof q,
                     .image = x->image,
                     .text = x->text,
                     .constraints = &x->constraint,
                     .constraint_count = 1};
  loci_prompt *p;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

/* The first two have the model's own answer, the others one it does not give; [answers] false: none
 * has. */
static void write_examples(const loci_model *m, const question *x, int n, bool answers) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  for (int i = 0; i < n; i++) {
    js_value *o = js_object(), *list = js_array(), *constraints = js_array(), *c = js_object();
    loci_prompt *p = prompt_of(m, &x[i]);
    loci_answer *a;
    loci_err err;
    char *line;
    must(loci_ask(m, p, 0, NULL, NULL, &a, &err), &err);
    js_put(&o, "question", js_text(x[i].text));
    if (x[i].image) js_put(&o, "image", js_text(x[i].image));
    js_put(&o, "swap", js_text("the thing"));
    js_push(&list, js_text(i < 2 ? a->text : "never said"));
    js_put(&c, "text", js_text(x[i].constraint));
    js_push(&constraints, c);
    js_put(&o, "constraints", constraints);
    if (answers) {
      js_put(&o, "answers", list);
    } else {
      js_free(list);
    }
    assert_int_equal(js_print(o, false, &line, NULL), LOCI_OK);
    fprintf(f, "%s\n", line);
    free(line);
    loci_free(a);
    loci_prompt_free(p);
  }
  assert_int_equal(fclose(f), 0);
}

static loci_examples *open_examples(void) {
  loci_examples *x;
  loci_err err;
  must(loci_examples_open(path, &x, &err), &err);
  return x;
}

/* The same numbers through walks of the same shape; a mean of four in another order. */
static void expect_close(double have, double want) {
  if (!(fabs(have - want) <= 1e-6 * (fabs(want) + 1e-3))) fail_msg("%.12g, not %.12g", have, want);
}

static void check_interval(const loci_interval *i, double want) {
  expect_close(i->value, want);
  assert_true(isnan(i->lo) || (i->lo <= i->value && i->value <= i->hi)); /* NaN: of one or two */
}

static const loci_chart *chart_named(const loci_average *a, const char *name) {
  for (int i = 0; i < a->chart_count; i++)
    if (strcmp(a->charts[i].name, name) == 0) return &a->charts[i];
  fail_msg("no chart %s", name);
  return NULL;
}

/* ---------------------------------------------------------------- knockout */

/* The first token of what write_examples has as the answer; -1: it cannot stand after the prompt.
 */
static int first_id(const loci_model *m, const loci_prompt *p, bool own) {
  loci_answer *a;
  loci_err err;
  int *ids, n;
  arena *mem = arena_new();
  must(loci_ask(m, p, 0, NULL, NULL, &a, &err), &err);
  loci_status st = answer_ids(p, own ? a->text : "never said", mem, &ids, &n, &err);
  int id = st ? -1 : ids[0];
  loci_free(a);
  arena_free(mem);
  return id;
}

static void cuts_are_means_of_single_cuts(void **state) {
  (void)state;
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_knockout_opts how = {.size = sizeof how, .window = 1, .no_hash = true};
  loci_study_opts o = {.size = sizeof o, .no_hash = true};
  loci_knockout *k[EXAMPLES];
  int ids[EXAMPLES];
  loci_average *a;
  loci_err err;
  write_examples(m, questions, EXAMPLES, true);
  loci_examples *x = open_examples();
  must(AVERAGE("knockout", .knockout = &how), &err);
  loci_examples_close(x);
  for (int i = 0; i < EXAMPLES; i++) {
    loci_prompt *p = prompt_of(m, &questions[i]);
    must(loci_knockout_new(m, p, &how, &k[i], &err), &err);
    ids[i] = first_id(m, p, i < 2);
    loci_prompt_free(p);
  }
  const loci_chart *p = chart_named(a, "probability of the answer");
  const loci_chart *change = chart_named(a, "change by the cut, example by example");
  const loci_chart *right = chart_named(a, "accuracy, by the first token");
  assert_int_equal(p->curve_count, 4);
  double clean = 0;
  for (int i = 0; i < EXAMPLES; i++) clean += k[i]->clean.m.p / EXAMPLES;
  expect_close(p->mark, clean);
  for (int c = 0; c < p->curve_count; c++) {
    for (int l = 0; l < p->point_count; l++) {
      double mean = 0, same = 0;
      for (int i = 0; i < EXAMPLES; i++) mean += k[i]->pathways[c].cells[l].p / EXAMPLES;
      for (int i = 0; i < EXAMPLES; i++) same += k[i]->pathways[c].top_ids[l] == ids[i];
      expect_close(right->curves[c].points[l].value, same / EXAMPLES);
      check_interval(&p->curves[c].points[l], mean);
      assert_true(fabs(change->curves[c].points[l].value - (mean - clean)) < 1e-9);
    }
  }
  for (int i = 0; i < EXAMPLES; i++) loci_free(k[i]);
  loci_free(a);
  loci_model_close(m);
}

/* Whether an example has a picture decides which pathways it has, not which ones are averaged. */
static void pathways_may_come_late(void **state) {
  (void)state;
  const question late[] = {{"Is that a bridge?", NULL, "that"}, questions[0]};
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_knockout_opts how = {.size = sizeof how, .window = 1, .no_hash = true};
  loci_study_opts o = {.size = sizeof o, .no_hash = true};
  loci_average *a;
  loci_knockout *k;
  loci_err err;
  write_examples(m, late, 2, false);
  loci_examples *x = open_examples();
  must(AVERAGE("knockout", .knockout = &how), &err);
  loci_examples_close(x);
  loci_prompt *prompt = prompt_of(m, &late[1]);
  must(loci_knockout_new(m, prompt, &how, &k, &err), &err);
  loci_prompt_free(prompt);
  const loci_chart *p = chart_named(a, "probability of the answer");
  assert_int_equal(p->curve_count, k->pathway_count);
  int alone = 0;
  for (int c = 0; c < p->curve_count; c++) {
    if (strncmp(p->curves[c].name, "image", 5) != 0) continue;
    assert_int_equal(p->curves[c].n, 1);
    for (int i = 0; i < k->pathway_count; i++) {
      char name[64];
      snprintf(name, sizeof name, "%s -> %s", k->pathways[i].from, k->pathways[i].to);
      if (strcmp(name, p->curves[c].name) != 0) continue;
      alone++;
      for (int l = 0; l < p->point_count; l++)
        expect_close(p->curves[c].points[l].value, k->pathways[i].cells[l].p);
    }
  }
  assert_int_equal(alone, 2);
  loci_free(k);
  loci_free(a);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- flow */

static void flows_are_means_of_single_flows(void **state) {
  (void)state;
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_study_opts o = {.size = sizeof o, .no_hash = true};
  loci_flow_opts how = {.size = sizeof how, .no_hash = true};
  loci_flow *f[EXAMPLES];
  loci_average *a;
  loci_err err;
  write_examples(m, questions, EXAMPLES, true);
  loci_examples *x = open_examples();
  must(AVERAGE("flow", .least_effect = 0), &err);
  loci_examples_close(x);
  assert_int_equal(a->right, 2);
  assert_int_equal(a->wrong, 2);
  for (int i = 0; i < EXAMPLES; i++) {
    loci_prompt *p = prompt_of(m, &questions[i]);
    must(loci_flow_new(m, p, &how, &f[i], &err), &err);
    loci_prompt_free(p);
  }
  const loci_chart *image = chart_named(a, "image -> constraint-last");
  const loci_chart *last = chart_named(a, "constraint -> last");
  const loci_chart *share = chart_named(a, "share of the top 5 % of visual tokens");
  for (int whose = 0; whose < 2; whose++) {
    const loci_flow *one = f[2 * whose], *two = f[2 * whose + 1]; /* right ones first */
    for (int l = 0; l < image->point_count; l++) {
      check_interval(&image->curves[whose].points[l],
                     (one->paths[0].total[l] + two->paths[0].total[l]) / 2);
      check_interval(&last->curves[whose].points[l],
                     (one->paths[1].max[l] + two->paths[1].max[l]) / 2);
      check_interval(&share->curves[whose].points[l],
                     (one->paths[0].top_share[l] + two->paths[0].top_share[l]) / 2);
    }
  }
  const loci_chart *tokens = chart_named(a, "which visual tokens give, all layers");
  double all = 0;
  for (int i = 0; i < tokens->point_count; i++) all += tokens->curves[0].points[i].value;
  expect_close(all, 1);
  for (int i = 0; i < EXAMPLES; i++) loci_free(f[i]);
  loci_free(a);
  loci_model_close(m);
}

/* Pictures with grids of their own have parts in common, not tokens. */
static void flows_over_different_grids_are_by_parts_of_the_picture(void **state) {
  (void)state;
  loci_model *m = open_with("qwen2-5-vl", LOCI_PRECISION_F32, 1);
  loci_study_opts o = {.size = sizeof o, .no_hash = true};
  loci_average *a;
  loci_err err;
  int rows[2];
  for (int i = 0; i < 2; i++) {
    loci_prompt *p = prompt_of(m, &questions[i]);
    rows[i] = loci_prompt_get_info(p)->image_count;
    loci_prompt_free(p);
  }
  assert_int_not_equal(rows[0], rows[1]);
  write_examples(m, questions, EXAMPLES, true);
  loci_examples *x = open_examples();
  must(AVERAGE("flow", .least_effect = 0), &err);
  loci_examples_close(x);
  const loci_chart *parts = chart_named(a, "which parts of the picture (8 x 8) give, all layers");
  assert_int_equal(parts->point_count, 64);
  double all = 0;
  for (int i = 0; i < 64; i++) all += parts->curves[0].points[i].value;
  expect_close(all, 1);
  chart_named(a, "same parts of the picture (8 x 8) in the top 5 % of two examples");
  loci_free(a);
  loci_model_close(m);
}

/* Of a picture in tiles, what its views give adds up to what it gives in all; the rows that end
 * lines of tiles have no place in it. */
static void flows_from_tiles_are_by_view_and_by_parts(void **state) {
  (void)state;
  loci_model *m = open_with("llava-next", LOCI_PRECISION_F32, 1);
  loci_study_opts o = {.size = sizeof o, .no_hash = true};
  loci_average *a;
  loci_err err;
  write_examples(m, questions, EXAMPLES, false);
  loci_examples *x = open_examples();
  must(AVERAGE("flow", .least_effect = 0), &err);
  loci_examples_close(x);
  const loci_chart *all = chart_named(a, "image -> constraint-last");
  const loci_chart *base = chart_named(a, "image-base -> constraint-last");
  const loci_chart *tiles = chart_named(a, "image-tiles -> constraint-last");
  for (int l = 0; l < all->point_count; l++) {
    double whole = base->curves[0].points[l].value, cut = tiles->curves[0].points[l].value;
    assert_true(whole > 0 && cut > 0);
    expect_close(whole + cut, all->curves[0].points[l].value);
  }
  const loci_chart *parts = chart_named(a, "which parts of the picture (8 x 8) give, all layers");
  assert_int_equal(parts->point_count, 64);
  double sum = 0;
  for (int i = 0; i < 64; i++) sum += parts->curves[0].points[i].value;
  assert_true(sum > 0.5 && sum < 0.99);
  loci_free(a);
  loci_model_close(m);
}

/* An example beside itself has the same top set. */
static void equal_examples_have_equal_top_sets(void **state) {
  (void)state;
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  const question same[3] = {questions[0], questions[0], questions[0]};
  loci_study_opts o = {.size = sizeof o, .no_hash = true};
  loci_average *a;
  loci_err err;
  write_examples(m, same, 3, false);
  loci_examples *x = open_examples();
  must(AVERAGE("flow", .least_effect = 0), &err);
  loci_examples_close(x);
  const loci_chart *c = chart_named(a, "same visual tokens in the top 5 % of two examples");
  for (int l = 0; l < c->point_count; l++) assert_true(c->curves[0].points[l].value == 1);
  loci_free(a);
  loci_model_close(m);
}

static void text_only_models_have_no_image_charts(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  question text[2] = {questions[0], questions[1]};
  loci_study_opts o = {.size = sizeof o, .no_hash = true};
  loci_average *a;
  loci_err err;
  text[0].image = text[1].image = NULL;
  write_examples(m, text, 2, false);
  loci_examples *x = open_examples();
  must(AVERAGE("flow", .least_effect = 0), &err);
  loci_examples_close(x);
  assert_int_equal(a->chart_count, 1);
  assert_string_equal(a->charts[0].name, "constraint -> last");
  loci_free(a);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- trace */

enum { TRACE_SITES = 3 }; /* each with a grid of positions and one of groups after it */

/* Mean IE at one layer of one site: of a role's positions, or of the group "all of NAME"; NaN: the
 * trace has none. */
static double effect_of(const loci_trace *t, int site, const char *name, int layer) {
  static const char all_of[] = "all of ";
  const loci_grid *g = &t->grids[2 * site];
  double sum = 0;
  int n = 0;
  if (strncmp(name, all_of, sizeof all_of - 1) == 0) {
    const loci_grid *groups = g + 1;
    for (int c = 0; c < groups->column_count; c++) {
      if (strcmp(groups->groups[c], name + sizeof all_of - 1) == 0)
        return groups->ie[layer * groups->column_count + c];
    }
    return (double)NAN;
  }
  for (int c = 0; c < g->column_count; c++) {
    const loci_token *token = &t->prompt->tokens[g->positions[c]];
    if (strcmp(role_name(token->role), name) != 0) continue;
    sum += g->ie[layer * g->column_count + c];
    n++;
  }
  return n ? sum / n : (double)NAN;
}

static void effects_are_means_of_single_traces(void **state) {
  (void)state;
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_trace_opts how = {.size = sizeof how, .positions = "each,constraint,last", .no_hash = true};
  loci_study_opts o = {.size = sizeof o, .no_hash = true};
  loci_trace *t[EXAMPLES];
  loci_prompt *p[EXAMPLES];
  loci_average *a;
  loci_err err;
  write_examples(m, questions, EXAMPLES, false);
  loci_examples *x = open_examples();
  must(AVERAGE("trace", .trace = &how, .least_effect = -1), &err);
  loci_examples_close(x);
  assert_int_equal(a->sample.used, EXAMPLES);
  double effect = 0;
  for (int i = 0; i < EXAMPLES; i++) {
    p[i] = prompt_of(m, &questions[i]);
    must(loci_trace_new(m, p[i], &how, &t[i], &err), &err);
    effect += t[i]->total_effect / EXAMPLES;
  }
  expect_close(a->numbers[2].value.value, effect);
  assert_int_equal(a->chart_count, TRACE_SITES);
  assert_int_equal(t[0]->grid_count, 2 * TRACE_SITES);
  const loci_chart *first = &a->charts[0];
  assert_string_equal(first->curves[first->curve_count - 1].name, "all of last");
  for (int g = 0; g < a->chart_count; g++) {
    const loci_chart *c = &a->charts[g];
    for (int k = 0; k < c->curve_count; k++) {
      for (int l = 0; l < c->point_count; l++) {
        double sum = 0;
        int n = 0;
        for (int i = 0; i < EXAMPLES; i++) {
          double e = effect_of(t[i], g, c->curves[k].name, l);
          if (isnan(e)) continue;
          sum += e;
          n++;
        }
        assert_int_equal(c->curves[k].n, n);
        expect_close(c->curves[k].points[l].value, sum / n);
      }
    }
  }
  for (int i = 0; i < EXAMPLES; i++) {
    loci_free(t[i]);
    loci_prompt_free(p[i]);
  }
  loci_free(a);
  loci_model_close(m);
}

static loci_average *average_in(loci_model *m, loci_direction direction) {
  loci_trace_opts how = {.size = sizeof how, .direction = direction, .no_hash = true};
  loci_study_opts o = {.size = sizeof o, .no_hash = true};
  loci_average *a;
  loci_err err;
  loci_examples *x = open_examples();
  must(AVERAGE("trace", .trace = &how, .least_effect = -1), &err);
  loci_examples_close(x);
  return a;
}

static void directions_are_averaged_apart(void **state) {
  (void)state;
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  write_examples(m, questions, 2, false);
  loci_average *both = average_in(m, LOCI_BOTH);
  assert_int_equal(both->chart_count, 2 * TRACE_SITES);
  double furthest = 0;
  for (int d = LOCI_DENOISE; d <= LOCI_NOISE; d++) {
    loci_average *one = average_in(m, (loci_direction)d);
    assert_int_equal(one->chart_count, TRACE_SITES);
    for (int i = 0; i < TRACE_SITES; i++) {
      const loci_chart *c = &one->charts[i], *same = chart_named(both, c->name);
      assert_int_equal(strstr(c->name, ", noise") != NULL, d == LOCI_NOISE);
      assert_non_null(same);
      assert_int_equal(c->curve_count, same->curve_count);
      for (int k = 0; k < c->curve_count; k++) {
        for (int l = 0; l < c->point_count; l++) {
          double x = c->curves[k].points[l].value;
          expect_close(same->curves[k].points[l].value, x);
          furthest = fmax(furthest, fabs(x - both->charts[i].curves[k].points[l].value));
        }
      }
    }
    loci_free(one);
  }
  assert_true(furthest > 1e-4); /* the directions' numbers are not alike */
  loci_free(both);
  loci_model_close(m);
}

static void examples_are_filtered_and_counted(void **state) {
  (void)state;
  loci_model *m = open_with("llava-clip-llama", LOCI_PRECISION_F32, 1);
  loci_study_opts o = {.size = sizeof o, .no_hash = true};
  loci_trace_opts swap = {.size = sizeof swap, .corrupt = "swap"};
  loci_average *a;
  loci_err err;
  write_examples(m, questions, EXAMPLES, true);
  loci_examples *x = open_examples();
  must(AVERAGE("trace", .trace = NULL, .least_effect = -1), &err);
  loci_examples_close(x);
  assert_int_equal(a->sample.used, 2);
  assert_int_equal(a->sample.dropped_count, 2);
  assert_string_equal(a->sample.dropped[0].kind, "answered wrongly");
  assert_int_equal(a->sample.dropped[1].line, 4);
  loci_free(a);
  x = open_examples();
  assert_int_equal(AVERAGE("trace", .trace = NULL, .least_effect = 2), LOCI_EINVAL); /* TE > 2 */
  loci_examples_close(x);
  assert_null(a);
  assert_non_null(strstr(err.msg, "no example can be used: 4 dropped, the first: "));
  write_examples(m, questions, 1, false); /* "this building", "the thing": as many tokens? */
  x = open_examples();
  assert_true(!AVERAGE("trace", .trace = &swap, .least_effect = -1) || strstr(err.msg, "swap"));
  loci_examples_close(x);
  loci_free(a);
  swap.corrupt = "question"; /* no line has a field for it */
  x = open_examples();
  assert_true(AVERAGE("trace", .trace = &swap, .least_effect = -1) && strstr(err.msg, "no other"));
  loci_examples_close(x);
  loci_model_close(m);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(cuts_are_means_of_single_cuts),
      cmocka_unit_test(pathways_may_come_late),
      cmocka_unit_test(flows_are_means_of_single_flows),
      cmocka_unit_test(flows_over_different_grids_are_by_parts_of_the_picture),
      cmocka_unit_test(flows_from_tiles_are_by_view_and_by_parts),
      cmocka_unit_test(equal_examples_have_equal_top_sets),
      cmocka_unit_test(text_only_models_have_no_image_charts),
      cmocka_unit_test(effects_are_means_of_single_traces),
      cmocka_unit_test(directions_are_averaged_apart),
      cmocka_unit_test(examples_are_filtered_and_counted),
  };
  int fd = mkstemp(path);
  if (fd < 0) return 1;
  close(fd);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  return failed;
}
