/* src/base when memory runs out, one allocation at a time. */
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

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"

static loci_status use_an_arena(void *ctx, loci_err *err) {
  (void)ctx;
  err->code = LOCI_ENOMEM;
  strcpy(err->msg, "the arena returned NULL");
  arena *a = arena_new();
  if (!a) return LOCI_ENOMEM;
  bool good = arena_alloc(a, 10, 1) && arena_zarray(a, 100000, float) && arena_strdup(a, "s") &&
              path_join(a, "dir", "name") && arena_array(a, 20000, double);
  arena_free(a);
  return good ? LOCI_OK : LOCI_ENOMEM;
}

static loci_status parse_json(void *text, loci_err *err) {
  js_value *v;
  loci_status st = js_parse(text, strlen(text), "t.json", &v, err);
  assert_true((st == LOCI_OK) == (v != NULL));
  js_free(v);
  return st;
}

static loci_status print_json(void *ctx, loci_err *err) {
  (void)ctx;
  js_value *o = js_object(), *list = js_array();
  for (int i = 0; i < 20; i++) js_push(&list, js_real(i / 8.0));
  js_put(&o, "text", js_text("plain"));
  js_put(&o, "broken", js_text("\xff"));
  js_put(&o, "list", list);
  js_put(&o, "ints", js_ints((const int[]){1, 2, 3}, 3));
  js_put(&o, "other", js_int(5));
  char *text;
  loci_status st = js_print(o, true, &text, err);
  assert_true((st == LOCI_OK) == (text != NULL));
  free(text);
  return st;
}

/* Keys long enough that room for the text runs out at one of them: it is whole, or refused. */
static loci_status print_long_keys(void *ctx, loci_err *err) {
  char key[401], *text;
  size_t want = 1;
  (void)ctx;
  memset(key, 'k', sizeof key - 1);
  key[400] = 0;
  js_value *o = js_object();
  for (int i = 0; i < 9; i++) {
    key[0] = (char)('a' + i);
    js_put(&o, key, js_int(i));
    want += strlen(key) + 5; /* two quotes, colon, digit, comma or brace */
  }
  loci_status st = js_print(o, false, &text, err);
  if (!st) assert_int_equal(strlen(text), want);
  free(text);
  return st;
}

static loci_status write_and_read_back(void *path, loci_err *err) {
  TRY(file_write(path, "{\"a\": 1}", 8, err));
  js_value *v;
  TRY(js_parse_file(path, 100, &v, err));
  js_free(v);
  return LOCI_OK;
}

static void an_arena_survives(void **state) {
  (void)state;
  assert_in_range(failing_malloc_run(use_an_arena, NULL), 4, 10);
}

static void reading_json_survives(void **state) {
  (void)state;
  char text[] = "{\"a\": [1, 2.5, \"three\", {\"b\": null}], \"c\": {\"d\": [true, \"\\u00e9\"]},"
                "\"long key with a long value\": \"0123456789012345678901234567890123456789\","
                "\"e\": 1, \"f\": 1, \"g\": 1, \"h\": 1, \"i\": 1, \"j\": 1, \"k\": 1, \"l\": 1}";
  char wide[] = "[100000000000000000000]";
  assert_true(failing_malloc_run(parse_json, text) > 20);
  assert_true(failing_malloc_run(parse_json, wide) > 4);
}

static void writing_json_survives(void **state) {
  (void)state;
  assert_true(failing_malloc_run(print_json, NULL) > 30);
  assert_true(failing_malloc_run(print_long_keys, NULL) > 10);
}

static void files_survive_and_none_is_left_behind(void **state) {
  (void)state;
  char dir[] = "/tmp/loci-oom-test-XXXXXX", path[64];
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/f.json", dir);
  assert_true(failing_malloc_run(write_and_read_back, path) > 3);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rmdir(dir), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_arena_survives),
      cmocka_unit_test(reading_json_survives),
      cmocka_unit_test(writing_json_survives),
      cmocka_unit_test(files_survive_and_none_is_left_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
