/* Studies of traces, with other prompts' values and by head, kept in a store: what is averaged of
 * one is what is averaged of the file at once, however often it was stopped; other donors are
 * another run. */
#include "store/store.h"
#include "study/traces_test.h"

#include "sized.h"

#define FLAGS LOCI_SOURCE_DIR "/models/flags"
#define DATA FLAGS "/data/"

enum { EXAMPLES = 4 };

static char folder[] = "/tmp/loci-donors-XXXXXX", path[64], twins[64];
static const char *donors; /* NULL: none */
static loci_trace_opts how;

/* The first lines of the text twins, with a line of their own at the end if [more]. */
static void write_twins(bool more) {
  char line[8192];
  FILE *from = fopen(DATA "trace-text.jsonl", "r"), *to = fopen(twins, "w");
  assert_true(from && to);
  for (int i = 0; i < EXAMPLES + 2 && fgets(line, sizeof line, from); i++) fputs(line, to);
  if (more) fputs("\n", to);
  assert_int_equal(fclose(from), 0);
  assert_int_equal(fclose(to), 0);
}

static int begin(void **state) {
  (void)state;
  snprintf(path, sizeof path, "%s/s.db", folder);
  snprintf(twins, sizeof twins, "%s/twins.jsonl", folder);
  unlink(path);
  write_twins(false);
  donors = twins;
  how = (loci_trace_opts){.size = sizeof how, .positions = "last"};
  return 0;
}

static loci_examples *open_examples(void) {
  loci_examples *x;
  loci_err err;
  must(loci_examples_open(DATA "trace.jsonl", &x, &err), &err);
  return x;
}

static loci_study_opts study_of(int limit) {
  return (loci_study_opts){
      .size = sizeof(loci_study_opts), .template_name = "llava-paper", .limit = limit};
}

/* How many were measured now. */
static int64_t measure(const char *store, const loci_model *m, int limit, int shard) {
  loci_study_opts over = study_of(limit);
  loci_store_run_state state;
  loci_store *s;
  loci_err err;
  loci_examples *x = open_examples();
  must(loci_store_open(store, true, &s, &err), &err);
  loci_store_run_opts o = {.size = sizeof o, .study = &over, .trace = &how, .least_effect = 0.1};
  o.donors = donors;
  o.shard = shard;
  o.shard_count = shard ? 2 : 0;
  must(loci_store_run(s, m, x, &o, &state, &err), &err);
  loci_store_close(s);
  loci_examples_close(x);
  return state.fresh;
}

static loci_average *report(const char *store, int *runs) {
  loci_store *s;
  loci_average *a;
  loci_store_info *info;
  loci_err err;
  must(loci_store_open(store, false, &s, &err), &err);
  must(loci_store_average(s, SIZED(loci_store_opts, .least_effect = 0.1), &a, &err), &err);
  must(loci_store_info_new(s, NULL, NULL, &info, &err), &err);
  *runs = info->run_count;
  if (donors) assert_int_equal(info->runs[0].used, info->runs[0].reported); /* none is too small */
  loci_free(info);
  loci_store_close(s);
  return a;
}

static bool same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static void check_points(const loci_interval *a, const loci_interval *b, int count) {
  for (int p = 0; p < count; p++)
    assert_true(same(a[p].value, b[p].value) && same(a[p].lo, b[p].lo) && same(a[p].hi, b[p].hi));
}

static void check_restored(const loci_restored *a, const loci_restored *b, int count) {
  assert_int_equal(a != NULL, b != NULL);
  if (!a || !b) return;
  assert_int_equal(a->n, b->n);
  check_points(a->mean_of_ratios, b->mean_of_ratios, count);
  check_points(a->ratio_of_means, b->ratio_of_means, count);
}

static void check_same(const loci_average *a, const loci_average *b) {
  assert_string_equal(a->title, b->title);
  assert_int_equal(a->chart_count, b->chart_count);
  assert_int_equal(a->number_count, b->number_count);
  for (int i = 0; i < a->number_count; i++)
    assert_true(same(a->numbers[i].value.value, b->numbers[i].value.value));
  for (int i = 0; i < a->chart_count; i++) {
    const loci_chart *x = &a->charts[i], *y = &b->charts[i];
    assert_string_equal(x->name, y->name);
    assert_int_equal(x->curve_count, y->curve_count);
    for (int k = 0; k < x->curve_count; k++) {
      assert_string_equal(x->curves[k].name, y->curves[k].name);
      assert_int_equal(x->curves[k].n, y->curves[k].n);
      check_points(x->curves[k].points, y->curves[k].points, x->point_count);
      check_restored(x->curves[k].p_restored, y->curves[k].p_restored, x->point_count);
      check_restored(x->curves[k].logit_diff_restored, y->curves[k].logit_diff_restored,
                     x->point_count);
    }
  }
}

static loci_average *at_once(const loci_model *m, int limit) {
  loci_study_opts over = study_of(limit);
  loci_average *a;
  loci_err err;
  loci_examples *x = open_examples();
  must(loci_average_new(m, x,
                        SIZED(loci_average_opts, .what = "trace", .study = &over, .trace = &how,
                              .donors = donors),
                        &a, &err),
       &err);
  loci_examples_close(x);
  return a;
}

static void a_store_has_what_a_study_has(void **state) {
  (void)state;
  int runs;
  loci_model *m = open_with(FLAGS "/plain", LOCI_PRECISION_F32, 1);
  loci_average *whole = at_once(m, EXAMPLES);
  assert_int_equal(whole->sample.used, EXAMPLES);
  assert_int_equal(measure(path, m, 1, 0), 1); /* stopped, three times */
  assert_int_equal(measure(path, m, 3, 0), 2);
  assert_int_equal(measure(path, m, EXAMPLES, 0), 1);
  assert_int_equal(measure(path, m, EXAMPLES, 0), 0);
  loci_average *kept = report(path, &runs);
  assert_int_equal(runs, 1);
  check_same(whole, kept);
  assert_non_null(strstr(kept->result.request, "\"donors\""));
  write_twins(true); /* the same name, other bytes */
  assert_int_equal(measure(path, m, 1, 0), 1);
  loci_average *other = report(path, &runs);
  assert_int_equal(runs, 2);
  loci_free(other);
  loci_free(kept);
  loci_free(whole);
  loci_model_close(m);
}

static void shares_are_put_together(void **state) {
  (void)state;
  char shares[2][64], merged[64];
  const char *both[] = {shares[0], shares[1]};
  int runs;
  loci_err err;
  loci_model *m = open_with(FLAGS "/plain", LOCI_PRECISION_F32, 1);
  for (int i = 0; i < 2; i++) {
    snprintf(shares[i], sizeof shares[i], "%s/share%d.db", folder, i);
    assert_int_equal(measure(shares[i], m, EXAMPLES / 2, i + 1), EXAMPLES / 2);
  }
  snprintf(merged, sizeof merged, "%s/merged.db", folder);
  must(loci_store_merge(both, 2, merged, NULL, NULL, &err), &err);
  loci_average *whole = at_once(m, EXAMPLES), *kept = report(merged, &runs);
  assert_int_equal(runs, 1);
  check_same(whole, kept);
  loci_free(whole);
  loci_free(kept);
  loci_model_close(m);
}

/* A report has the numbers of one figure at a time: of all heads at a place, of all places of a
 * site, on the logit difference, too. */
static void traces_by_head_are_those_of_a_study(void **state) {
  (void)state;
  static const loci_site sites[] = {LOCI_SITE_Z, LOCI_SITE_MLP_OUT};
  int runs, of_heads = 0;
  loci_model *m = open_with(FLAGS "/plain", LOCI_PRECISION_F32, 1);
  donors = NULL;
  how = (loci_trace_opts){.size = sizeof how, .sites = sites, .site_count = 2};
  assert_int_equal(measure(path, m, EXAMPLES, 0), EXAMPLES);
  loci_average *kept = report(path, &runs), *whole = at_once(m, kept->sample.used);
  for (int i = 0; i < kept->chart_count; i++) of_heads += kept->charts[i].of_heads;
  assert_true(of_heads > 1 && kept->chart_count > of_heads + 1);
  assert_non_null(kept->charts[0].curves[0].logit_diff_restored);
  check_same(whole, kept);
  loci_free(whole);
  loci_free(kept);
  loci_model_close(m);
}

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  char command[128];
  (void)state;
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command); /* NOLINT(cert-env33-c): a folder of its own */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_store_has_what_a_study_has, begin),
      cmocka_unit_test_setup(shares_are_put_together, begin),
      cmocka_unit_test_setup(traces_by_head_are_those_of_a_study, begin),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
