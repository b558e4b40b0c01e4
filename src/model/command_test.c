/* Command lines out of requests: every member has its option, every word survives a shell. */
#include "model/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static js_value *parsed(const char *json) {
  js_value *v;
  assert_int_equal(js_parse(json, strlen(json), "test", &v, NULL), LOCI_OK);
  return v;
}

static void assert_line(const command_words *words, const char *json, const char *expected) {
  arena *mem = arena_new();
  loci_result r = {.memory = mem};
  assert_int_equal(request_tell(words, parsed(json), &r, NULL), LOCI_OK);
  assert_string_equal(r.command, expected);
  js_value *again = parsed(r.request);
  assert_non_null(again);
  js_free(again);
  arena_free(mem);
}

/* JSON's whole numbers end at 2^63 - 1 for most readers. */
static void a_seed_is_never_rounded(void **state) {
  static const struct {
    uint64_t seed;
    const char *json;
  } seeds[] = {{0, "[0]"},
               {INT64_MAX, "[9223372036854775807]"},
               {(uint64_t)INT64_MAX + 1, "[\"9223372036854775808\"]"},
               {UINT64_MAX, "[\"18446744073709551615\"]"}};
  (void)state;
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
    char *text;
    js_value *list = js_array();
    js_push(&list, request_seed(seeds[i].seed));
    assert_int_equal(js_print(list, false, &text, NULL), LOCI_OK);
    assert_string_equal(text, seeds[i].json);
    free(text);
  }
}

static void each_kind_of_member_has_its_spelling(void **state) {
  (void)state;
  loci_model_info m = {.path = "/m"};
  command_words w = {.name = "trace", .model = &m};
  assert_line(&w, "{}", "loci trace -m /m");
  assert_line(&w, "{\"question\":\"what?\",\"constraints\":[\"a\",\"b@2\"],\"image\":null}",
              "loci trace -m /m -q 'what?' -c a -c b@2");
  assert_line(&w, "{\"sites\":[\"z\",\"mlp_out\"],\"window\":[1,3],\"layers\":[0,11]}",
              "loci trace -m /m --site z,mlp_out --window 1,3 --layers 0-11");
  assert_line(&w, "{\"min_te\":0.1,\"heads\":true,\"other\":7,\"seed\":\"18446744073709551615\"}",
              "loci trace -m /m --heads --seed 18446744073709551615 --min-te 0.1");
  assert_line(&w, "{\"heads\":false,\"window\":\"all\"}", "loci trace -m /m --window all");
  assert_line(&w, "{\"window\":-1,\"windows\":[2]}", "loci trace -m /m --window all --window 2");
  w = (command_words){
      .name = "study run", .file = "-x.jsonl", .threads = 3, .memory = 4096, .more = " --store S"};
  assert_line(&w, "{\"what\":\"ask\"}",
              "loci study run ./-x.jsonl --store S --what ask --threads 3 --memory 4096");
}

static void pathways_are_sources_by_queries(void **state) {
  (void)state;
  command_words w = {.name = "knockout"};
  assert_line(&w,
              "{\"pathways\":[[\"image\",\"constraint\"],[\"image\",\"last\"],"
              "[\"constraint\",\"last\"],[\"last\",\"last\"]]}",
              "loci knockout");
  assert_line(&w, "{\"pathways\":[[\"image\",\"last\"]]}", "loci knockout --from image --to last");
  assert_line(&w, "{\"pathways\":[[\"a\",\"c\"],[\"a\",\"d\"],[\"b\",\"c\"],[\"b\",\"d\"]]}",
              "loci knockout --from a,b --to c,d");
  assert_line(&w, "{\"pathways\":[[\"a\",\"c\"],[\"b\",\"d\"]]}", ""); /* no line says that */
}

static void edits_are_named_by_their_files(void **state) {
  (void)state;
  loci_applied_edit edits[2] = {{.file = "a.edit"}, {.file = "it's.edit"}};
  loci_model_info m = {.path = "/m", .edit_count = 2, .edits = edits};
  command_words w = {.name = "ask", .model = &m};
  assert_line(&w, "{}", "loci ask -m /m --edit a.edit --edit 'it'\\''s.edit'");
  edits[1].file = NULL; /* made in memory */
  assert_line(&w, "{}", "");
}

/* What a shell makes of the words is what was put in. */
static void every_text_survives_a_shell(void **state) {
  (void)state;
  static const char *const texts[] = {
      "plain", "two words", "it's", "'",           "''",    "a\"b",
      "$HOME", "`x`",       "a\\b", "--json",      "-",     "",
      "*",     "~",         "a;b",  "line\nbreak", "tab\t", "\xC3\xA9t\xC3\xA9",
      "!x",    "#x",        "a=b",  "x'y z'"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    arena *mem = arena_new();
    loci_result r = {.memory = mem};
    char shell[512], back[256] = "";
    js_value *v = js_object();
    command_words w = {.name = "ask"};
    js_put(&v, "question", js_text(texts[i]));
    assert_int_equal(request_tell(&w, v, &r, NULL), LOCI_OK);
    snprintf(shell, sizeof shell, "loci() { shift; printf '%%s|' \"$@\"; }; %s", r.command);
    FILE *f = popen(shell, "r");
    assert_non_null(f);
    size_t n = fread(back, 1, sizeof back - 1, f);
    assert_int_equal(pclose(f), 0);
    back[n] = 0;
    char expected[256];
    bool bare = texts[i][0] == '-';
    snprintf(expected, sizeof expected, bare ? "--question=%s|" : "-q|%s|", texts[i]);
    assert_string_equal(back, expected);
    arena_free(mem);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_seed_is_never_rounded),
      cmocka_unit_test(each_kind_of_member_has_its_spelling),
      cmocka_unit_test(pathways_are_sources_by_queries),
      cmocka_unit_test(edits_are_named_by_their_files),
      cmocka_unit_test(every_text_survives_a_shell),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
