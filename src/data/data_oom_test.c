/* Examples and answers when memory runs out, one allocation at a time. */
#include "failing_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "data/example.h"

static loci_status read_examples(void *path, loci_err *err) {
  loci_examples *x;
  loci_example *e = NULL;
  loci_status st = loci_examples_open(path, &x, err);
  assert_true((st == LOCI_OK) == (x != NULL));
  while (!st) {
    st = loci_examples_next(x, &e, err);
    if (!e) break;
    loci_free(e);
  }
  loci_examples_close(x);
  return st;
}

static loci_status compare_answers(void *ctx, loci_err *err) {
  static const char *const accepted[] = {"two", "Sa\xCC\x83o Paulo"};
  bool same;
  (void)ctx;
  TRY(answer_matches("S\xC3\xA3o Paulo", accepted, 2, &same, err));
  assert_true(same);
  return LOCI_OK;
}

static void write_text(const char *path, const char *text) {
  assert_int_equal(file_write(path, text, strlen(text), NULL), LOCI_OK);
}

static loci_status lint(void *path, loci_err *err) {
  loci_data_report *r;
  char *text;
  char out[80];
  snprintf(out, sizeof out, "%s.out", (char *)path);
  loci_lint_opts opts = {.size = sizeof opts, .out = out};
  loci_status st = loci_data_lint(path, &opts, &r, err);
  assert_true((st == LOCI_OK) == (r != NULL));
  if (!st) st = loci_json(&r->result, &text, err);
  if (!st) loci_text_free(text);
  if (!st) st = loci_draw(&r->result, NULL, &text, err);
  if (!st) loci_text_free(text);
  loci_free(r);
  return st;
}

static loci_status import(void *path, loci_err *err) {
  loci_data_report *r;
  char out[80], votes[80];
  snprintf(out, sizeof out, "%s.out", (char *)path);
  snprintf(votes, sizeof votes, "%s.json", (char *)path);
  const char *answers[] = {votes};
  loci_import_opts opts = {
      .size = sizeof opts, .format = "okvqa", .answers = answers, .answer_count = 1};
  loci_status st = loci_data_import(path, out, &opts, &r, err);
  assert_true((st == LOCI_OK) == (r != NULL));
  loci_free(r);
  return st;
}

static loci_status annotate(void *path, loci_err *err) {
  loci_data_report *r;
  loci_examples *x;
  loci_example *e;
  char *text, out[80], weights[80];
  snprintf(out, sizeof out, "%s.out", (char *)path);
  snprintf(weights, sizeof weights, "%s.json", (char *)path);
  loci_annotate_opts opts = {.size = sizeof opts,
                             .out = out,
                             .train = path,
                             .weights = weights,
                             .compare = true,
                             .why = true};
  TRY(loci_data_annotate(path, &opts, &r, err));
  loci_free(r);
  opts.train = NULL;
  TRY(loci_data_annotate(path, &opts, &r, err));
  loci_free(r);
  TRY(loci_examples_open(out, &x, err));
  loci_status st = loci_examples_next(x, &e, err);
  if (!st) st = loci_draw(&e->result, NULL, &text, err);
  if (!st) loci_text_free(text);
  if (!st) st = loci_json(&e->result, &text, err);
  if (!st) loci_text_free(text);
  loci_free(e);
  loci_examples_close(x);
  return st;
}

static void making_and_checking_say_so_too(void **state) {
  (void)state;
  char dir[] = "/tmp/loci-data-oom-XXXXXX", path[64], more[80];
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/x", dir);
  write_text(path,
             "{\"id\":1,\"question\":\" Whose hat is this??\",\"constraints\":[\"HAT\",{\"text\":"
             "\"hat\"}],\"answers\":[\" a\",\"\",\"a\"],\"unrelated\":[{}],\"image\":\"none\"}\n"
             "no\n{\"id\":1,\"question\":\"Q\",\"answers\":\"Q\",\"target\":\"q\"}\n");
  failing_malloc_run(lint, path);
  write_text(path, ",question,main_entity,image_url\n0,Whose hat is this?,Hat,./x_7.jpg\n"
                   "1,\"Whose\"x\n2,Whose hat is that?,hat,x_8.jpg\n");
  snprintf(more, sizeof more, "%s.json", path);
  write_text(more,
             "{\"questions\":[{\"question_id\":1,\"image_id\":7,\"question\":\"Whose hat is "
             "this\"}],\"annotations\":[{\"question_id\":1,\"answers\":[{\"answer\":\"a\"}]}]}");
  failing_malloc_run(import, path);
  write_text(
      path,
      "{\"question\":\"Did Ada own this hat in 1840?\",\"constraints\":[{\"text\":\"hat\"}]}\n"
      "{\"question\":\"Why?\"}\n{\"question\":\"Whose is the hat?\",\"constraints\":[{\"text\":"
      "\"hat\"}],\"answers\":[\"a\"]}\n");
  failing_malloc_run(annotate, path);
  unlink(more);
  unlink(path);
  snprintf(more, sizeof more, "%s.out", path);
  unlink(more);
  rmdir(dir);
}

static void running_out_of_memory_is_said(void **state) {
  (void)state;
  static const char text[] =
      "{\"question\":\"Q\",\"image\":\"i.png\",\"answers\":[\"a\",\"b\"],\"id\":1,"
      "\"constraints\":[{\"text\":\"Q\",\"kind\":\"visual\"}],\"more\":[1,2],\"set\":\"s\"}\n\n";
  char path[] = "/tmp/loci-data-oom-XXXXXX", *longer;
  loci_err err;
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  enum { LONG = 9000 }; /* more than the first room of a line, and of an arena's piece */
  longer = malloc(sizeof text + LONG + 32);
  assert_non_null(longer);
  memcpy(longer, text, sizeof text - 1);
  size_t n = sizeof text - 1;
  memcpy(longer + n, "{\"question\":\"", 13);
  memset(longer + n + 13, 'q', LONG);
  memcpy(longer + n + 13 + LONG, "\"}", 2);
  assert_int_equal(file_write(path, longer, n + 15 + LONG, &err), LOCI_OK);
  free(longer);
  failing_malloc_run(read_examples, path);
  failing_malloc_run(compare_answers, NULL);
  unlink(path);
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(running_out_of_memory_is_said),
                                            cmocka_unit_test(making_and_checking_say_so_too)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
