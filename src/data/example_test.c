/* Examples out of lines: what is kept, and what every kind of mistake is called. */
#include "data/example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

static loci_example *parse(const char *line) {
  example_source from = {"sets/f.jsonl", "sets", "line", 7};
  loci_example *e = NULL;
  loci_err err = {0};
  if (example_parse(line, strlen(line), &from, &e, &err)) fail_msg("%s", err.msg);
  return e;
}

static void every_field_is_kept(void **state) {
  (void)state;
  loci_example *e = parse(
      "{\"id\":\"q1\",\"image\":\"flags/peru.png\",\"question\":\"What is the capital of this "
      "country?\",\"answers\":[\"Lima\",\"lima\"],\"constraints\":[{\"text\":\"this country\","
      "\"kind\":\"visual\"},{\"text\":\"capital\"}],\"entity\":\"Peru\",\"set\":\"known\","
      "\"rephrase\":[\"Its capital?\"],\"same_entity_images\":[\"b.png\",\"/abs/c.png\"],"
      "\"target\":\"Quito\",\"relation\":\"capital\",\"held_out\":true,\"n\":3,\"w\":0.5,"
      "\"options\":[\"x\",\"y\"],\"nothing\":null}");
  assert_int_equal(e->line, 7);
  assert_string_equal(e->id, "q1");
  assert_string_equal(e->image, "sets/flags/peru.png");
  assert_string_equal(e->question, "What is the capital of this country?");
  assert_int_equal(e->answer_count, 2);
  assert_string_equal(e->answers[1], "lima");
  assert_int_equal(e->constraint_count, 2);
  assert_string_equal(e->constraints[0], "this country");
  assert_string_equal(e->kinds[0], "visual");
  assert_null(e->kinds[1]);
  assert_string_equal(e->entity, "Peru");
  assert_string_equal(e->set, "known");
  assert_string_equal(e->target, "Quito");
  assert_int_equal(e->rephrase_count, 1);
  assert_string_equal(e->rephrase[0], "Its capital?");
  assert_int_equal(e->same_entity_count, 2);
  assert_string_equal(e->same_entity[0], "sets/b.png");
  assert_string_equal(e->same_entity[1], "/abs/c.png");
  assert_int_equal(e->field_count, 5);
  assert_string_equal(example_field(e, "relation"), "capital");
  assert_string_equal(example_field(e, "held_out"), "true");
  assert_string_equal(example_field(e, "n"), "3");
  assert_string_equal(example_field(e, "w"), "0.5");
  assert_string_equal(example_field(e, "options"), "[\"x\",\"y\"]");
  assert_string_equal(example_field(e, "set"), "known");
  assert_null(example_field(e, "nothing"));
  assert_null(example_field(e, "answers"));
  loci_free(e);
}

static void a_question_alone_is_an_example(void **state) {
  (void)state;
  loci_example *e = parse("{\"question\": \"Who?\", \"image\": null, \"id\": 12}");
  assert_null(e->image);
  assert_string_equal(e->id, "12");
  assert_int_equal(e->answer_count + e->constraint_count + e->field_count, 0);
  loci_free(e);
}

static void mistakes_are_named_with_file_line_and_field(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"{\"question\":\"Q", "not valid JSON at line 7, column"},
      {"[]", "an example must be an object, found an array"},
      {"{}", "\"question\" is missing"},
      {"{\"question\":null}", "\"question\" is missing"},
      {"{\"question\":3}", "\"question\" must be a string, found an integer"},
      {"{\"question\":\"a\",\"swap\":3}", "\"swap\" must be a string, found an integer"},
      {"{\"question\":\"a\",\"corrupt_question\":[\"b\"]}",
       "\"corrupt_question\" must be a string, found an array"},
      {"{\"question\":\"  \"}", "\"question\" must be a question, found \"  \""},
      {"{\"question\":\"a\\u0000b\"}", "\"question\" holds a NUL character"},
      {"{\"question\":\"Q\",\"question\":\"R\"}", "duplicate"},
      {"{\"question\":\"Q\",\"images\":[\"a.png\"]}",
       "\"images\" is not read; the picture's path belongs in \"image\""},
      {"{\"question\":\"Q\",\"image_id\":7}", "\"image_id\" is not read"},
      {"{\"question\":\"Q\",\"image\":[]}", "\"image\" must be a string, found an array"},
      {"{\"question\":\"Q\",\"image\":\"\"}", "\"image\" must be a path, found \"\""},
      {"{\"question\":\"Q\",\"id\":1.5}", "\"id\" must be a string, found a real number"},
      {"{\"question\":\"Q\",\"set\":true}", "\"set\" must be a string, found true or false"},
      {"{\"question\":\"Q\",\"answers\":\"Lima\"}",
       "\"answers\" must be an array of strings, found \"Lima\""},
      {"{\"question\":\"Q\",\"answers\":[\"a\",2]}",
       "\"answers\", item 2, must be a string, found an integer"},
      {"{\"question\":\"Q\",\"same_entity_images\":[null]}",
       "\"same_entity_images\", item 1, must be a string, found null"},
      {"{\"question\":\"Q\",\"constraints\":{}}",
       "\"constraints\" must be an array of objects, found an object"},
      {"{\"question\":\"Q\",\"constraints\":[\"this\"]}",
       "\"constraints\", item 1, must be an object with \"text\", found \"this\""},
      {"{\"question\":\"Q\",\"constraints\":[{\"kind\":\"visual\"}]}",
       "\"constraints\", item 1, \"text\" must be a string, found null"},
      {"{\"question\":\"Q\",\"constraints\":[{\"text\":\" \"}]}",
       "\"text\" must be a piece of the question, found \" \""},
      {"{\"question\":\"Q\",\"constraints\":[{\"text\":\"t\",\"kind\":\"Visual\"}]}",
       "\"kind\" must be \"visual\" or \"textual\", found \"Visual\""},
      {"{\"question\":\"Q\",\"note\":\"a\\u0000\"}", "\"note\" holds a NUL character"},
  };
  example_source from = {"f.jsonl", "", "line", 7};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    loci_example *e;
    loci_err err = {0};
    assert_int_equal(example_parse(cases[i][0], strlen(cases[i][0]), &from, &e, &err),
                     LOCI_EFORMAT);
    assert_null(e);
    if (!strstr(err.msg, cases[i][1]) || !strstr(err.msg, "f.jsonl") || !strstr(err.msg, "line 7"))
      fail_msg("\"%s\" does not say \"%s\"", err.msg, cases[i][1]);
  }
}

static char file[] = "/tmp/loci-examples-XXXXXX";

static loci_status count_examples(int *good, int *bad) {
  loci_examples *x;
  loci_example *e;
  loci_err err;
  *good = *bad = 0;
  loci_status st = loci_examples_open(file, &x, &err);
  while (!st) {
    loci_status of_line = loci_examples_next(x, &e, &err);
    if (of_line == LOCI_EFORMAT) {
      ++*bad;
    } else if (of_line || !e) {
      st = of_line;
      break;
    } else {
      ++*good;
    }
    loci_free(e);
  }
  loci_examples_close(x);
  return st;
}

static void a_bad_line_does_not_end_the_file(void **state) {
  (void)state;
  enum { LINES = 2000 };
  int good, bad;
  loci_err err;
  char *text = malloc(LINES * 64 + EXAMPLE_LINE_MAX + 2), *at = text;
  assert_non_null(text);
  for (int i = 0; i < LINES; i++) {
    at += sprintf(at, i % 100 == 7 ? "{\"question\":%d}\n\n" : "{\"question\":\"Q%d\"}\r\n", i);
  }
  memset(at, ' ', EXAMPLE_LINE_MAX + 1); /* a blank line, but too long to know */
  at += EXAMPLE_LINE_MAX + 1;
  assert_int_equal(file_write(file, text, (size_t)(at - text), &err), LOCI_OK);
  free(text);
  assert_int_equal(count_examples(&good, &bad), LOCI_OK);
  assert_int_equal(bad, LINES / 100 + 1);
  assert_int_equal(good, LINES - LINES / 100);
}

static void images_are_relative_to_the_file(void **state) {
  (void)state;
  loci_examples *x;
  loci_example *e;
  loci_err err;
  static const char line[] = "{\"question\":\"Q\",\"image\":\"i.png\"}";
  assert_int_equal(file_write(file, line, sizeof line - 1, &err), LOCI_OK);
  assert_int_equal(loci_examples_open(file, &x, &err), LOCI_OK);
  assert_int_equal(loci_examples_next(x, &e, &err), LOCI_OK);
  assert_string_equal(e->image, "/tmp/i.png");
  loci_free(e);
  loci_examples_close(x);
  assert_int_equal(loci_examples_open("/nowhere/f.jsonl", &x, &err), LOCI_EIO);
  assert_null(x);
}

/* The ids of a sample of a file of [n] examples, blank lines and a bad one between. */
enum { MANY = 40 };

static void write_many(bool list) {
  FILE *f = fopen(file, "w");
  assert_non_null(f);
  if (list) fputs("[", f);
  for (int i = 0; i < MANY; i++) {
    fprintf(f, "%s{\"id\":\"%d\",\"question\":\"q\"}%s", list && i ? "," : "", i, list ? "" : "\n");
    if (!list && i % 7 == 0) fputs(" \n", f);
  }
  if (list) fputs("]", f);
  fclose(f);
}

static int sampled(const char *path, int count, uint64_t seed, int ids[MANY]) {
  loci_examples *x;
  loci_example *e;
  loci_err err;
  int n = 0;
  assert_int_equal(loci_examples_open(path, &x, &err), LOCI_OK);
  assert_int_equal(loci_examples_sample(x, count, seed, &err), LOCI_OK);
  while (!loci_examples_next(x, &e, &err) && e) {
    assert_true(n < MANY);
    ids[n++] = atoi(e->id);
    loci_free(e);
  }
  assert_int_equal(loci_examples_sample(x, count, seed, &err), LOCI_EINVAL);
  loci_examples_close(x);
  return n;
}

static bool is_in(int id, const int *ids, int n) {
  for (int i = 0; i < n; i++)
    if (ids[i] == id) return true;
  return false;
}

/* In the file's order, the same again, part of any larger one; every example has the same chance:
 * of 400 samples of 10 each of the 40 is in 100, give or take five deviations of 8.7. */
static void a_sample_is_drawn_by_its_seed(void **state) {
  (void)state;
  int few[MANY], again[MANY], more[MANY], times[MANY] = {0};
  write_many(false);
  for (uint64_t seed = 0; seed < 400; seed++) {
    assert_int_equal(sampled(file, 10, seed, few), 10);
    for (int i = 0; i < 10; i++) {
      times[few[i]]++;
      if (i > 0) assert_true(few[i] > few[i - 1]);
    }
    if (seed > 4) continue;
    assert_int_equal(sampled(file, 10, seed, again), 10);
    assert_memory_equal(few, again, 10 * sizeof *few);
    assert_int_equal(sampled(file, 23, seed, more), 23);
    for (int i = 0; i < 10; i++) assert_true(is_in(few[i], more, 23));
    assert_int_equal(sampled(file, 2 * MANY, seed, more), MANY);
  }
  for (int i = 0; i < MANY; i++) assert_in_range(times[i], 100 - 44, 100 + 44);
}

static void arrays_and_pipes_are_sampled_too(void **state) {
  (void)state;
  int from_file[MANY], from_pipe[MANY], keep = dup(STDIN_FILENO);
  char json[sizeof file + 8];
  write_many(false);
  assert_int_equal(sampled(file, 7, 3, from_file), 7);
  char command[64 + sizeof file];
  snprintf(command, sizeof command, "cat %s", file);
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  assert_true(dup2(fileno(pipe), STDIN_FILENO) >= 0);
  assert_int_equal(sampled("-", 7, 3, from_pipe), 7);
  pclose(pipe);
  dup2(keep, STDIN_FILENO);
  close(keep);
  assert_memory_equal(from_file, from_pipe, 7 * sizeof *from_file);
  write_many(true);
  snprintf(json, sizeof json, "%s.json", file);
  assert_int_equal(rename(file, json), 0);
  assert_int_equal(sampled(json, 7, 3, from_file), 7);
  assert_int_equal(sampled(json, 7, 3, from_pipe), 7);
  assert_memory_equal(from_file, from_pipe, 7 * sizeof *from_file);
  unlink(json);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_field_is_kept),
      cmocka_unit_test(a_question_alone_is_an_example),
      cmocka_unit_test(mistakes_are_named_with_file_line_and_field),
      cmocka_unit_test(a_bad_line_does_not_end_the_file),
      cmocka_unit_test(images_are_relative_to_the_file),
      cmocka_unit_test(a_sample_is_drawn_by_its_seed),
      cmocka_unit_test(arrays_and_pipes_are_sampled_too),
  };
  int fd = mkstemp(file);
  if (fd < 0) return 1;
  close(fd);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(file);
  return failed;
}
