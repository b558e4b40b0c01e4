/* The deviation of noise:Fs against a plain loop over the rows that a tokenizer and a checkpoint
 * have for each constraint, and noise drawn with it. */
#include "study/noise_data.h"
#include "study/traces_test.h"
#include "study/corrupt.h"
#include "sized.h"
#include "text/tokenizer.h"

/* "this building" and "made@1" of one line, "city" of another, and a line that is none. */
static void write_examples(const char *path) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs("{\"question\": \"" QUESTION "\", \"constraints\": [{\"text\": \"this building\"}, "
        "{\"text\": \"made@1\"}]}\n"
        "not an example\n"
        "{\"question\": \"Which city is it?\", \"constraints\": [{\"text\": \"city\"}]}\n",
        f);
  assert_int_equal(fclose(f), 0);
}

/* Two passes over all entries of the rows of each text by itself: sqrt(sum (x - mean)^2 / (N - 1)).
 */
static double plainly(const loci_model *m, const char *const *texts, int n) {
  int64_t D = model_decoder(m)->width, count = 0;
  float *row = calloc((size_t)input_width(model_decoder(m)), sizeof *row);
  double mean = 0, sum = 0;
  assert_non_null(row);
  for (int pass = 0; pass < 2; pass++) {
    count = 0;
    for (int t = 0; t < n; t++) {
      encoding e = {0};
      loci_err err;
      must(tokenizer_encode(m->tokens, texts[t], strlen(texts[t]), false, &e, &err), &err);
      for (int i = 0; i < e.count; i++) {
        assert_true(embed_token(m, e.ids[i], row));
        for (int64_t d = 0; d < D; d++, count++)
          *(pass ? &sum : &mean) += pass ? pow((double)row[d] - mean, 2) : (double)row[d];
      }
      encoding_clear(&e);
    }
    if (!pass) mean /= (double)count;
  }
  free(row);
  return sqrt(sum / (double)(count - 1));
}

static void it_is_that_of_the_constraints_tokens(void **state) {
  (void)state;
  static const char *const all[] = {"this building", "made", "city"}, *const second[] = {"made"};
  char path[] = "/tmp/loci-noise-XXXXXX";
  double have;
  loci_err err;
  int fd = mkstemp(path);
  assert_true(fd >= 0 && close(fd) == 0);
  write_examples(path);
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  must(noise_deviation(m, path, 0, NULL, &have, &err), &err);
  assert_true(fabs(have - plainly(m, all, 3)) < 1e-12);
  must(noise_deviation(m, path, 2, NULL, &have, &err), &err);
  assert_true(fabs(have - plainly(m, second, 1)) < 1e-12);
  assert_int_equal(noise_deviation(m, path, 3, NULL, &have, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "no constraint"));
  assert_int_equal(noise_deviation(m, "-", 0, NULL, &have, &err), LOCI_EINVAL);
  loci_model_close(m);
  unlink(path);
}

/* noise:2s is noise:F with F such that both deviations are the same; a trace finds its own, and
 * tells it. */
static void noise_is_drawn_with_it(void **state) {
  (void)state;
  char path[] = "/tmp/loci-noise-XXXXXX", same[64];
  double deviation, all = 0, squares = 0;
  loci_err err;
  int fd = mkstemp(path);
  assert_true(fd >= 0 && close(fd) == 0);
  write_examples(path);
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  const weight *e = &m->weights->embed;
  float *row = calloc((size_t)e->cols, sizeof *row);
  assert_non_null(row);
  for (int64_t i = 0; i < e->rows; i++) {
    weight_row(e, i, row);
    for (int64_t d = 0; d < e->cols; d++) all += (double)row[d], squares += pow((double)row[d], 2);
  }
  free(row);
  double n = (double)(e->rows * e->cols), whole = sqrt(squares / n - all / n * (all / n));
  must(noise_deviation(m, path, 0, NULL, &deviation, &err), &err);
  snprintf(same, sizeof same, "noise:%.17g", 2 * deviation / whole);
  loci_trace_opts o = {.corrupt = "noise:2s", .noise_data = path, .seeds = 2, .positions = "last"};
  loci_trace *of_data = trace_of(m, p, o);
  loci_trace *of_all =
      trace_of(m, p, (loci_trace_opts){.corrupt = same, .seeds = 2, .positions = "last"});
  assert_true(fabs(of_data->corrupted.m.p - of_all->corrupted.m.p) < 1e-9);
  assert_true(fabs(of_data->total_effect) > 0);
  assert_non_null(strstr(of_data->result.request, "\"noise_deviation\""));
  assert_non_null(strstr(of_data->result.command, "--corrupt noise:2s "));
  assert_non_null(strstr(of_data->result.command, " --noise-data "));
  o = (loci_trace_opts){.corrupt = "noise:2s", .noise_deviation = deviation, .seeds = 2};
  o.positions = "last";
  loci_trace *told = trace_of(m, p, o);
  assert_true(told->corrupted.m.p == of_data->corrupted.m.p);
  loci_free(told);
  loci_free(of_data);
  loci_free(of_all);
  loci_prompt_free(p);
  loci_model_close(m);
  unlink(path);
}

static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  static const struct {
    loci_trace_opts o;
    const char *sentence;
  } all[] = {{{.corrupt = "noise:3s"}, "--noise-data FILE"},
             {{.corrupt = "noise:3", .noise_data = "x"}, "noise_data goes with"},
             {{.corrupt = "mean", .noise_deviation = 1}, "noise_data goes with"},
             {{.corrupt = "image-noise:3s"}, "is not a number"},
             {{.corrupt = "noise:s"}, "is not a number"},
             {{.corrupt = "noise:3ss"}, "is not a number"},
             {{.corrupt = "noise:3s", .noise_data = "/none.jsonl"}, "/none.jsonl"}};
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    loci_trace_opts o = all[i].o;
    loci_trace *t;
    loci_err err;
    o.size = sizeof o;
    assert_true(loci_trace_new(m, p, &o, &t, &err) != LOCI_OK);
    if (!strstr(err.msg, all[i].sentence)) fail_msg("%s, not %s", err.msg, all[i].sentence);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_that_of_the_constraints_tokens),
      cmocka_unit_test(noise_is_drawn_with_it),
      cmocka_unit_test(what_does_not_fit_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
