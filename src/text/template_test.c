/* Prompt templates: the text they make, and the Jinja they are recognised by. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "text/template.h"
#include "text/golden.h"

#define TEMPLATES GOLDEN_DIR "/templates/"

static void makes(const char *name, const char *question, bool has_image, const char *text) {
  const prompt_template *t;
  prompt_text p;
  loci_err err;
  arena *a = arena_new();
  assert_ok(template_find(name, &t, &err), err);
  assert_string_equal(template_name(t), name);
  assert_ok(template_fill(t, question, has_image, a, &p, &err), err);
  assert_string_equal(p.text, text);
  assert_int_equal(p.size, strlen(text));
  assert_int_equal(p.question_size, strlen(question));
  assert_memory_equal(p.text + p.question_at, question, p.question_size);
  arena_free(a);
}

#define VICUNA                                                                                     \
  "A chat between a curious user and an artificial intelligence assistant. The assistant gives "   \
  "helpful, detailed, and polite answers to the user's questions."

static void named_templates_make_their_texts(void **s) {
  (void)s;
  makes("llava-paper", "Who is this?", true,
        "<image>\nUSER: Who is this? Answer in a few words.\nASSISTANT:");
  makes("llava-paper", "Who is this?", false,
        "USER: Who is this? Answer in a few words.\nASSISTANT:");
  makes("vicuna_v1", "Who?", true, VICUNA " USER: <image>\nWho? ASSISTANT:");
  makes("vicuna_v1", "Who?", false, VICUNA " USER: Who? ASSISTANT:");
  makes("bunny", "Who?", true, VICUNA " USER: <image>\nWho? ASSISTANT:");
  makes("llava_v1", "Who?", false,
        "A chat between a curious human and an artificial intelligence assistant. The assistant "
        "gives helpful, detailed, and polite answers to the human's questions. USER: Who? "
        "ASSISTANT:");
  makes("raw", "The capital of France is", false, "The capital of France is");
  makes("chat", "Who?", true, "USER: <image>\nWho? ASSISTANT:");
  makes("chat", "Who?", false, "USER: Who? ASSISTANT:");
}

static void a_question_without_an_end_gets_a_question_mark_under_llava_paper(void **s) {
  (void)s;
  makes("llava-paper", "Who is this", true,
        "<image>\nUSER: Who is this? Answer in a few words.\nASSISTANT:");
  makes("llava-paper", "Name it.", false, "USER: Name it. Answer in a few words.\nASSISTANT:");
  makes("llava-paper", "Name:", false, "USER: Name: Answer in a few words.\nASSISTANT:");
  makes("llava-paper", "", false, "USER: ? Answer in a few words.\nASSISTANT:");
  makes("chat", "Who is this", true, "USER: <image>\nWho is this ASSISTANT:");
}

static void templates_of_checkpoints_are_recognised_and_make_what_jinja_makes(void **s) {
  (void)s;
  js_value *rows;
  loci_err err;
  arena *a = arena_new();
  assert_ok(js_parse_file(TEMPLATES "cases.json", 1 << 20, &rows, &err), err);
  assert_true(js_count(rows) >= 10);
  for (int64_t i = 0; i < js_count(rows); i++) {
    const js_value *row = js_at(rows, i);
    const char *name = js_text_of(js_get(row, "name"), NULL);
    const prompt_template *t;
    prompt_text p;
    bool has_image = false;
    char dir[512];
    snprintf(dir, sizeof dir, TEMPLATES "%s", js_text_of(js_get(row, "dir"), NULL));
    loci_status st = template_recognise(dir, &t, &err);
    if (!name) {
      assert_int_equal(st, LOCI_EUNSUPPORTED);
      assert_null(t);
      assert_non_null(strstr(err.msg, "--template"));
      continue;
    }
    assert_ok(st, err);
    assert_string_equal(template_name(t), name);
    js_bool_of(js_get(row, "has_image"), &has_image);
    assert_ok(template_fill(t, js_text_of(js_get(row, "question"), NULL), has_image, a, &p, &err),
              err);
    assert_string_equal(p.text, js_text_of(js_get(row, "text"), NULL));
  }
  js_free(rows);
  arena_free(a);
}

static void a_directory_without_a_template_gives_none(void **s) {
  (void)s;
  const prompt_template *t;
  loci_err err;
  assert_ok(template_recognise(GOLDEN_DIR "/phi", &t, &err), err);
  assert_null(t);
  assert_ok(template_recognise(GOLDEN_DIR "/spm", &t, &err), err);
  assert_null(t);
}

static void a_mistyped_template_member_is_an_error(void **s) {
  (void)s;
  char dir[] = "/tmp/loci_template_XXXXXX", path[128];
  const prompt_template *t;
  loci_err err;
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
  const struct {
    const char *text;
    loci_status status;
  } files[] = {{"{\"chat_template\": [1, {}]}", LOCI_EFORMAT},
               {"{\"chat_template\": 7}", LOCI_EFORMAT},
               {"{\"chat_template\": \"", LOCI_EFORMAT},
               {"[]", LOCI_OK},
               {"{\"chat_template\": null}", LOCI_OK},
               {"{\"chat_template\": \"{# '{{ - \\\\\"}", LOCI_EUNSUPPORTED},
               {"{\"chat_template\": \"{{ 'a\\u0000 \\\\\"}", LOCI_EUNSUPPORTED},
               {"{\"chat_template\": \"\"}", LOCI_EUNSUPPORTED}};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    assert_ok(file_write(path, files[i].text, strlen(files[i].text), &err), err);
    assert_int_equal(template_recognise(dir, &t, &err), files[i].status);
    assert_null(t);
  }
  remove(path);
  remove(dir);
}

static void an_unknown_name_gets_the_list_and_the_nearest(void **s) {
  (void)s;
  const prompt_template *t;
  loci_err err;
  assert_int_equal(template_find("vicuna_v2", &t, &err), LOCI_EINVAL);
  assert_null(t);
  assert_non_null(strstr(err.msg, "did you mean \"vicuna_v1\""));
  assert_non_null(strstr(err.msg, "llava-paper, vicuna_v1, bunny"));
  assert_int_equal(template_find("something else altogether", &t, &err), LOCI_EINVAL);
  assert_null(strstr(err.msg, "did you mean"));
  for (int i = 0; template_at(i); i++) {
    assert_ok(template_find(template_name(template_at(i)), &t, &err), err);
    assert_ptr_equal(t, template_at(i));
  }
}

static void a_question_must_not_hold_the_image_marker(void **s) {
  (void)s;
  const prompt_template *t;
  prompt_text p;
  loci_err err;
  arena *a = arena_new();
  assert_ok(template_find("chat", &t, &err), err);
  assert_int_equal(template_fill(t, "what is <image>?", true, a, &p, &err), LOCI_EINVAL);
  assert_null(p.text);
  assert_ok(template_find("raw", &t, &err), err);
  assert_int_equal(template_fill(t, "what?", true, a, &p, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "no place for an image"));
  arena_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(named_templates_make_their_texts),
      cmocka_unit_test(a_question_without_an_end_gets_a_question_mark_under_llava_paper),
      cmocka_unit_test(templates_of_checkpoints_are_recognised_and_make_what_jinja_makes),
      cmocka_unit_test(a_directory_without_a_template_gives_none),
      cmocka_unit_test(a_mistyped_template_member_is_an_error),
      cmocka_unit_test(an_unknown_name_gets_the_list_and_the_nearest),
      cmocka_unit_test(a_question_must_not_hold_the_image_marker),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
