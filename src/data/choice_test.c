/* Questions as benchmarks ask them: MMMU's fields, lists as Python prints them, and what is
 * refused, in which words. */
#include "data/choice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

static char file[] = "/tmp/loci-choice-XXXXXX.json";

/* The examples of a file with this text. */
static loci_examples *open_text(const char *text) {
  loci_examples *x;
  loci_err err;
  if (file_write(file, text, strlen(text), &err)) fail_msg("%s", err.msg);
  if (loci_examples_open(file, &x, &err)) fail_msg("%s", err.msg);
  return x;
}

static loci_status read_one(const char *item, arena *mem, choice *out, loci_err *err) {
  char text[2000];
  loci_example *e;
  snprintf(text, sizeof text, "[%s]", item);
  loci_examples *x = open_text(text);
  if (loci_examples_next(x, &e, err)) fail_msg("%s", err->msg);
  loci_status st = choice_read(x, e, mem, out, err);
  if (!st) { /* what is the example's lives as long as it */
    if (out->image) out->image = arena_strdup(mem, out->image);
    const char **answers = arena_array(mem, out->answer_count + 1, const char *);
    for (int i = 0; i < out->answer_count; i++) answers[i] = arena_strdup(mem, out->answers[i]);
    out->answers = answers;
  }
  loci_free(e);
  loci_examples_close(x);
  return st;
}

static void mmmu_is_read(void **state) {
  (void)state;
  choice c;
  loci_err err;
  arena *mem = arena_new();
  assert_int_equal(
      read_one("{\"id\":\"validation_Art_1\",\"question\":\"<image 1> Who painted <image 1>this? "
               "<image 1>\",\"options\":\"['Goya', \\\"O'Keeffe\\\", 'a\\\\'b']\",\"answer\":\"B\","
               "\"question_type\":\"multiple-choice\",\"image_1\":\"art/1.png\",\"image_2\":null}",
               mem, &c, &err),
      LOCI_OK);
  assert_string_equal(c.question, "Who painted this?");
  assert_string_equal(c.image, "/tmp/art/1.png");
  assert_int_equal(c.option_count, 3);
  assert_string_equal(c.options[0], "Goya");
  assert_string_equal(c.options[1], "O'Keeffe");
  assert_string_equal(c.options[2], "a'b");
  assert_int_equal(c.correct, 1);
  assert_int_equal(c.answer_count, 1);
  assert_string_equal(c.answers[0], "O'Keeffe");
  arena_free(mem);
}

static const struct {
  const char *fields;
  int correct; /* -1: a free question */
} named[] = {
    {"\"choices\":[\"Lima\",\"Kyiv\"],\"answer\":\"B\"", 1},
    {"\"choices\":\"['Lima' 'Kyiv']\",\"answer\":\"Kyiv\"", 1},
    {"\"choices\":[\"Lima\",\"Kyiv\"],\"answer\":1", 1},
    {"\"choices\":[\"Lima\",\"Kyiv\"],\"answer\":0", 0},
    {"\"choices\":[\"Lima\",\"Kyiv\"],\"correct_choice_idx\":1", 1},
    {"\"A\":\"Lima\",\"B\":\"Kyiv\",\"answer\":\"(B)\"", 1},
    {"\"A\":\"Lima\",\"B\":\"Kyiv\",\"C\":\"Oslo\",\"answer\":\"C. Oslo\"", 2},
    {"\"option_a\":\"Lima\",\"option_b\":\"Kyiv\",\"answer\":\"b\"", 1},
    {"\"options\":[\"B\",\"A\"],\"answer\":\"B\"", 1},
    {"\"choices\":{\"text\":[\"Lima\",\"Kyiv\",\"Oslo\"],\"label\":[\"1\",\"2\",\"3\"]},"
     "\"answerKey\":\"2\"",
     1},
    {"\"choices\":[{\"label\":\"A\",\"text\":\"Lima\"},{\"label\":\"B\",\"text\":\"Kyiv\"}],"
     "\"answerKey\":\"B\"",
     1},
    {"\"A\":\"Lima\",\"B\":\"Kyiv\",\"C\":\"nan\",\"D\":\"nan\",\"answer\":\"B\"", 1},
    {"\"A\":\"Lima\",\"C\":\"Kyiv\",\"answer\":\"C\"", 1},
    {"\"opa\":\"Lima\",\"opb\":\"Kyiv\",\"cop\":1", 1},
    {"\"endings\":[\"Lima\",\"Kyiv\"],\"label\":\"1\"", 1},
    {"\"options\":[\"Lima\",\"Kyiv\"],\"answer\":[\"B\"]", 1},
    {"\"label\":\"1\",\"answer\":\"Kyiv\"", -1},
    {"\"choices\":[\"1\",\"2\"],\"answer\":\"2\"", 1},
    {"\"A\":\"Lima\",\"answer\":\"B\"", -1},
    {"\"a\":\"Lima\",\"b\":\"Kyiv\",\"answer\":\"b\"", 1},
    {"\"a\":\"Lima\",\"b\":\"Kyiv\",\"answer\":\"Kyiv\"", -1},
    {"\"options\":{\"A\":\"Lima\",\"B\":\"Kyiv\"},\"answer\":\"B\"", 1},
    {"\"choices\":{\"text\":[\"Lima\",\"Kyiv\"],\"label\":[\"A\",\"B\"]},\"answerKey\":\"B\"", 1},
    {"\"choices\":[\"Lima\",\"Kyiv\"],\"answer_idx\":1", 1},
    {"\"options\":[\"Lima\",\"Kyiv\"],\"answer_index\":0", 0},
    {"\"options\":\"('Lima', 'Kyiv', None)\",\"answer\":\"B\"", 1},
    {"\"options\":[1, 2.5],\"answer\":\"2.5\"", 1},
    {"\"options\":[\"Lima\",\"Kyiv\"],\"answer\":\" B \"", 1},
    {"\"options\":[\"Lima\",\"Kyiv\"],\"answer\":\"kyiv\"", 1},
    {"\"options\":[\"Lima\",\"Kyiv\"],\"answer\":{\"text\":\"Kyiv\"}", 1},
    {"\"alternatives\":[\"Lima\",\"Kyiv\"],\"answer\":\"B\"", 1},
    {"\"choices\":[\"2\",\"1\",\"4\"],\"answer\":2", 2},
    {"\"choices\":[\"2\",\"1\",\"4\"],\"answer\":\"2\"", 0},
    {"\"options\":[\"2\",\"1\",\"4\"],\"answer\":2", 0},
    {"\"options\":[\"2\",\"1\",\"4\"],\"answer_idx\":2", 2},
    {"\"options\":[\"2\",\"1\",\"4\"],\"correct_choice_idx\":\"1\"", 1},
    {"\"endings\":[\"2\",\"1\",\"4\"],\"label\":0", 0},
    {"\"options\":[\"x\",\"y\"],\"answer\":\"y\",\"answer_idx\":\"B\"", 1},
    {"\"options\":[\"x\",\"y\"],\"answer\":\"B\",\"label\":0", 1},
    {"\"options\":[\"x\",\"x\",\"y\"],\"answer\":\"C\"", 2},
    {"\"options\":[\"x\",\"y\"],\"answers\":[\"y\",\"Y\",\"B\",\"w\"]", 1},
    {"\"choice_a\":\"Lima\",\"choice_b\":\"Kyiv\",\"answer\":\"B\"", 1},
    {"\"Option A\":\"Lima\",\"Option B\":\"Kyiv\",\"answer\":\"B\"", 1},
};

static void options_stand_in_other_usual_fields(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
    choice c;
    loci_err err;
    char line[400];
    arena *mem = arena_new();
    snprintf(line, sizeof line, "{\"question\":\"Which?\",%s}", named[i].fields);
    if (read_one(line, mem, &c, &err)) fail_msg("%s: %s", line, err.msg);
    if (c.correct != named[i].correct) fail_msg("%s: option %d", line, c.correct);
    arena_free(mem);
  }
}

static void open_questions_have_several_answers(void **state) {
  (void)state;
  choice c;
  loci_err err;
  arena *mem = arena_new();
  assert_int_equal(read_one("{\"question\":\"How much?\",\"options\":\"[]\",\"answer\":\"['1.06', "
                            "'1.06 W']\",\"question_type\":\"open\"}",
                            mem, &c, &err),
                   LOCI_OK);
  assert_int_equal(c.option_count, 0);
  assert_int_equal(c.correct, -1);
  assert_int_equal(c.answer_count, 2);
  assert_string_equal(c.answers[1], "1.06 W");
  assert_int_equal(read_one("{\"question\":\"How much?\",\"answer\":\"?\"}", mem, &c, &err),
                   LOCI_OK);
  assert_int_equal(c.answer_count, 0);
  static const char *const plain[] = {
      "{\"question\":\"Which letter?\",\"answer\":\"B\"}",
      "{\"question\":\"Which letter?\",\"answer\":{\"text\":\"B\"}}",
      "{\"question\":\"Which letter?\",\"answer\":\"B\",\"accepted\":[\"B\",\"b\"]}",
      "{\"question\":\"Which letter?\",\"answer\":\"array(['B'], dtype=object)\"}"};
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
    assert_int_equal(read_one(plain[i], mem, &c, &err), LOCI_OK);
    assert_int_equal(c.option_count, 0);
    assert_string_equal(c.answers[0], "B");
  }
  arena_free(mem);
}

static void a_right_option_is_named_by_letter_or_text(void **state) {
  (void)state;
  static const char *const items[] = {
      "{\"question\":\"Q\",\"options\":[\"x\",\"y\",\"z\"],\"answer\":\"c\"}",
      "{\"question\":\"Q\",\"options\":[\"x\",\"y\",\"z\"],\"answer\":\"z\"}",
      "{\"question\":\"Q\",\"options\":[\"x\",\"y\",\"z\"],\"answers\":[\"w\",\"z\"]}"};
  for (int i = 0; i < 3; i++) {
    choice c;
    loci_err err;
    arena *mem = arena_new();
    assert_int_equal(read_one(items[i], mem, &c, &err), LOCI_OK);
    assert_int_equal(c.correct, 2);
    arena_free(mem);
  }
}

static void what_cannot_be_asked_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *item, *words;
    loci_status status;
  } cases[] = {
      {"{\"question\":\"Q\",\"image_1\":\"a.png\",\"image_3\":\"b.png\"}",
       "item 1: has several pictures (image_3)", LOCI_EUNSUPPORTED},
      {"{\"question\":\"Q\",\"options\":\"['<image 2>', '<image 3>']\",\"answer\":\"A\"}",
       "item 1: has pictures as options", LOCI_EUNSUPPORTED},
      {"{\"question\":\"Q\",\"options\":[\"x\",\"x\",\"y\"],\"answer\":\"A\"}",
       "the right option is there twice", LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"options\":[\"x\",\"y\"],\"answers\":[\"x\",\"y\"]}",
       "two options are named as right, \"x\" and \"y\"", LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"options\":[\"x\",\"y\"],\"answer\":[\"A\",\"B\"]}",
       "two options are named as right", LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"options\":[\"x\",\"y\"],\"answer\":\"y\",\"answer_idx\":0}",
       "two options are named as right, \"y\" and \"x\"", LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"choices\":[\"1\",\"2\"],\"answer\":2}",
       "the answer is none of the options", LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"options\":[\"x\",\"y\"],\"answer\":\"C\"}",
       "the answer is none of the options", LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"options\":[\"x\"],\"answer\":\"A\"}", "1 options, expected 2 to 26",
       LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"options\":[\"x\",\" \"],\"answer\":\"A\"}", "an option is empty",
       LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"options\":\"['x', y]\",\"answer\":\"A\"}",
       "\"options\" must be a list of strings, found ['x', y]", LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"options\":[\"x\",[2]],\"answer\":\"A\"}", "must be a list of strings",
       LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"options\":{\"A\":\"x\",\"C\":\"y\"},\"answer\":\"A\"}",
       "must be a list of strings", LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"option1\":\"x\",\"option2\":\"y\",\"answer\":\"2\"}",
       "options in fields with numbers", LOCI_EUNSUPPORTED},
      {"{\"question\":\"Q\",\"image_1\":{\"bytes\":\"..\"}}", "\"image_1\" must be a path",
       LOCI_EFORMAT},
      {"{\"question\":\"<image 1>\"}", "the question is a picture alone", LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"answer\":\"B\",\"picks\":[\"x\",\"y\"]}",
       "the answer is a letter, \"B\", and \"picks\" may be the options", LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"answer\":\"(B)\",\"options\":[]}", "\"options\" is empty",
       LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"answer\":\"B\",\"city A\":\"x\",\"city B\":\"y\"}",
       "\"city A\" may be the first option", LOCI_EFORMAT},
      {"{\"question\":\"Q\",\"answer\":{\"value\":\"x\"}}",
       "\"answer\" must be a text or a list of texts, found {\"value\":\"x\"}", LOCI_EFORMAT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    choice c;
    loci_err err;
    arena *mem = arena_new();
    assert_int_equal(read_one(cases[i].item, mem, &c, &err), cases[i].status);
    assert_non_null(strstr(err.msg, file));
    if (!strstr(err.msg, cases[i].words)) fail_msg("%s", err.msg);
    arena_free(mem);
  }
}

static void an_array_is_read_item_by_item(void **state) {
  (void)state;
  loci_example *e;
  loci_err err;
  loci_examples *x = open_text("[{\"question\":\"one\"},\n7,\n{\"question\":\"three\"}]");
  assert_int_equal(loci_examples_next(x, &e, &err), LOCI_OK);
  assert_string_equal(e->question, "one");
  loci_free(e);
  assert_int_equal(loci_examples_next(x, &e, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "item 2: an example must be an object"));
  assert_int_equal(loci_examples_next(x, &e, &err), LOCI_OK);
  assert_string_equal(e->question, "three");
  assert_int_equal(e->line, 3);
  loci_free(e);
  assert_int_equal(loci_examples_next(x, &e, &err), LOCI_OK);
  assert_null(e);
  loci_examples_close(x);
  assert_int_equal(file_write(file, "{}", 2, &err), LOCI_OK);
  assert_int_equal(loci_examples_open(file, &x, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "must be an array of examples, found an object"));
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(mmmu_is_read),
      cmocka_unit_test(options_stand_in_other_usual_fields),
      cmocka_unit_test(open_questions_have_several_answers),
      cmocka_unit_test(a_right_option_is_named_by_letter_or_text),
      cmocka_unit_test(what_cannot_be_asked_is_refused),
      cmocka_unit_test(an_array_is_read_item_by_item),
  };
  int fd = mkstemps(file, 5);
  if (fd < 0) return 1;
  close(fd);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(file);
  return failed;
}
