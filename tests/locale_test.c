/* The library in a program whose locale has decimal commas, or in which "I" is no capital of "i":
 * files are the same to the byte, and numbers and names are read.  The locales are made here; where
 * that cannot be done the tests are skipped. That no file asks the locale is held by
 * tools/check_circles.sh. */
#include <locale.h>

#include "base/file.h"
#include "base/fixed.h"
#include "base/path.h"
#include "study/traces_test.h"

static char dir[] = "/tmp/loci-locale-XXXXXX";
static bool has_commas, has_turkish;

static int make_locale(void **state) {
  (void)state;
  char command[200];
  assert_non_null(mkdtemp(dir));
  for (int i = 0; i < 2; i++) {
    const char *name = i ? "tr_TR" : "de_DE";
    snprintf(command, sizeof command, "localedef -i %s -f UTF-8 %s/%s.UTF-8 2>/dev/null", name, dir,
             name);
    (void)!system(command);
  }
  setenv("LOCPATH", dir, 1);
  has_turkish = setlocale(LC_ALL, "tr_TR.UTF-8") != NULL;
  has_commas = setlocale(LC_ALL, "de_DE.UTF-8") && strcmp(localeconv()->decimal_point, ",") == 0;
  setlocale(LC_ALL, "C");
  return 0;
}

static int remove_locale(void **state) {
  (void)state;
  char command[100];
  snprintf(command, sizeof command, "rm -r %s", dir);
  return system(command);
}

static void with_commas(bool commas) {
  if (!has_commas) skip();
  assert_non_null(setlocale(LC_ALL, commas ? "de_DE.UTF-8" : "C"));
}

static void numbers_have_points_in_any_locale(void **state) {
  (void)state;
  char text[40], *end;
  with_commas(true);
  assert_int_equal(snprintf(text, sizeof text, "%.2f %g", 1.5, 0.25), 9);
  size_t n = strlen(text);
  fixed_add(text, sizeof text, n, " %.1f", 0.5); /* what stores and labels are written with */
  double x = strtod("1.5", &end);
  setlocale(LC_ALL, "C");
  assert_string_equal(text, "1.50 0.25 0.5");
  assert_true(x == 1.5 && !*end);
}

static void letters_have_their_case_in_any_locale(void **state) {
  (void)state;
  if (!has_turkish) skip();
  assert_non_null(setlocale(LC_ALL, "tr_TR.UTF-8"));
  bool ending = path_ends_with("PICTURE.GIF", ".gif");
  int lower = tolower('I'), differ = strcasecmp("this COUNTRY I", "THIS country i");
  setlocale(LC_ALL, "C");
  assert_true(ending);
  assert_int_equal(lower, 'i');
  assert_int_equal(differ, 0);
}

/* Every kind of file that a trace is written to, in both locales. */
static void files_are_the_same_to_the_byte(void **state) {
  (void)state;
  static const char *const endings[] = {"csv", "json", "svg", "png"};
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    char *bytes[2], path[100];
    size_t size[2];
    for (int commas = 0; commas < 2; commas++) {
      with_commas(commas);
      loci_err err;
      loci_trace *t =
          trace_of(m, p, (loci_trace_opts){.corrupt = "noise:1.5", .seeds = 1, .layer_count = 1});
      memset(&t->cost, 0, sizeof t->cost); /* times differ */
      snprintf(path, sizeof path, "%s/t.%s", dir, endings[i]);
      must(loci_write(&t->result, path, NULL, &err), &err);
      setlocale(LC_ALL, "C");
      must(file_read(path, 1 << 24, &bytes[commas], &size[commas], &err), &err);
      loci_free(t);
    }
    if (size[0] != size[1] || memcmp(bytes[0], bytes[1], size[0]) != 0) {
      size_t k = 0;
      while (k < size[0] && k < size[1] && bytes[0][k] == bytes[1][k]) k++;
      fail_msg("%s differs at byte %zu: %.60s", endings[i], k, bytes[1] + (k > 30 ? k - 30 : 0));
    }
    free(bytes[0]);
    free(bytes[1]);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

/* Numbers of a store are written as JSON and read by SQLite, which may read them by the locale. */
static void a_store_is_the_same(void **state) {
  (void)state;
  char data[100], path[100];
  double mean[2][2];
  loci_err err;
  snprintf(data, sizeof data, "%s/q.jsonl", dir);
  FILE *f = fopen(data, "w");
  assert_non_null(f);
  for (int i = 0; i < 3; i++)
    fprintf(f, "{\"question\": \"In which city, %d?\", \"answers\": [\"a\"]}\n", i);
  fclose(f);
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  for (int made = 0; made < 2; made++) {
    loci_store *s;
    loci_store_run_state end;
    loci_examples *examples;
    loci_study_opts study = {.size = sizeof study, .template_name = "raw", .max_new = 1};
    loci_store_run_opts o = {.size = sizeof o, .what = "ask", .study = &study};
    snprintf(path, sizeof path, "%s/%d.db", dir, made);
    with_commas(made);
    must(loci_store_open(path, true, &s, &err), &err);
    must(loci_examples_open(data, &examples, &err), &err);
    must(loci_store_run(s, m, examples, &o, &end, &err), &err);
    loci_examples_close(examples);
    for (int read = 0; read < 2; read++) {
      loci_store_info *info;
      with_commas(read);
      must(loci_store_info_new(s, NULL, NULL, &info, &err), &err);
      mean[made][read] = info->runs[0].mean.value;
      loci_free(info);
    }
    setlocale(LC_ALL, "C");
    loci_store_close(s);
  }
  loci_model_close(m);
  assert_true(mean[0][0] > 0);
  for (int i = 1; i < 4; i++) assert_true(mean[i / 2][i % 2] == mean[0][0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_have_points_in_any_locale),
      cmocka_unit_test(letters_have_their_case_in_any_locale),
      cmocka_unit_test(files_are_the_same_to_the_byte),
      cmocka_unit_test(a_store_is_the_same),
  };
  return cmocka_run_group_tests(tests, make_locale, remove_locale);
}
