/* docs/examples.schema.json and the reader say the same: of every field, with every kind of value,
 * alone and inside lists and objects.  The part of JSON Schema that the file uses is read here;
 * anything else in it fails the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "data/questions.h"

#include <cmocka.h>

static js_value *schema;

static bool has_type(const js_value *v, const char *type) {
  js_kind k = js_kind_of(v);
  return strcmp(type, "string") == 0    ? k == JS_TEXT
         : strcmp(type, "integer") == 0 ? k == JS_INT
         : strcmp(type, "array") == 0   ? k == JS_ARRAY
         : strcmp(type, "object") == 0  ? k == JS_OBJECT
         : strcmp(type, "null") == 0    ? k == JS_NULL
                                        : (abort(), false);
}

static bool fits_type(const js_value *types, const js_value *v) {
  if (js_kind_of(types) == JS_TEXT) return has_type(v, js_text_of(types, NULL));
  for (int64_t i = 0; i < js_count(types); i++) {
    if (has_type(v, js_text_of(js_at(types, i), NULL))) return true;
  }
  return false;
}

static bool fits_enum(const js_value *values, const js_value *v) {
  const char *text = js_text_of(v, NULL);
  for (int64_t i = 0; i < js_count(values); i++) {
    const char *one = js_text_of(js_at(values, i), NULL);
    if (one ? text && strcmp(one, text) == 0 : js_kind_of(v) == JS_NULL) return true;
  }
  return false;
}

static bool fits(const js_value *s, const js_value *v);

static bool fits_members(const js_value *properties, const js_value *v) {
  const char *key;
  const js_value *s;
  for (void *it = js_first(properties, &key, &s); it; it = js_next(properties, it, &key, &s)) {
    const char *name;
    const js_value *member;
    for (void *at = js_first(v, &name, &member); at; at = js_next(v, at, &name, &member)) {
      if (strcmp(name, key) == 0 && !fits(s, member)) return false;
    }
  }
  return true;
}

static bool fits_required(const js_value *names, const js_value *v) {
  for (int64_t i = 0; js_kind_of(v) == JS_OBJECT && i < js_count(names); i++) {
    if (!js_get(v, js_text_of(js_at(names, i), NULL))) return false;
  }
  return true;
}

static bool fits_items(const js_value *s, const js_value *v) {
  for (int64_t i = 0; js_kind_of(v) == JS_ARRAY && i < js_count(v); i++) {
    if (!fits(s, js_at(v, i))) return false;
  }
  return true;
}

static bool fits_length(const js_value *least, const js_value *v) {
  int64_t n = 0;
  assert_true(js_int_of(least, &n));
  return js_kind_of(v) != JS_ARRAY || js_count(v) >= n;
}

static bool fits_keyword(const char *key, const js_value *s, const js_value *v) {
  const char *text = js_text_of(v, NULL);
  if (strcmp(key, "type") == 0) return fits_type(s, v);
  if (strcmp(key, "enum") == 0) return fits_enum(s, v);
  if (strcmp(key, "required") == 0) return fits_required(s, v);
  if (strcmp(key, "properties") == 0) return fits_members(s, v);
  if (strcmp(key, "items") == 0) return fits_items(s, v);
  if (strcmp(key, "minLength") == 0) return !text || text[0];
  if (strcmp(key, "pattern") == 0) return !text || text[strspn(text, " \t\r\n")];
  if (strcmp(key, "minItems") == 0) return fits_length(s, v);
  if (strcmp(key, "$ref") == 0)
    return fits(js_get(js_get(schema, "$defs"), js_text_of(s, NULL) + strlen("#/$defs/")), v);
  static const char *const silent[] = {"$schema", "title", "description", "$defs"};
  for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
    if (strcmp(key, silent[i]) == 0) return true;
  }
  print_error("the test does not know \"%s\"\n", key);
  abort();
}

static bool fits(const js_value *s, const js_value *v) {
  const char *key;
  const js_value *value;
  for (void *it = js_first(s, &key, &value); it; it = js_next(s, it, &key, &value)) {
    if (!fits_keyword(key, value, v)) return false;
  }
  return true;
}

/* What the reader says, and the reader of further questions. */
static bool is_read(const char *text) {
  static const example_source from = {"f.jsonl", "", "line", 1};
  loci_example *e;
  loci_err err;
  side_question *list;
  int count;
  if (example_parse(text, strlen(text), &from, &e, &err)) return false;
  arena *mem = arena_new();
  bool good = true;
  for (int i = 0; i < SIDE_FIELDS; i++)
    good = good && !side_questions(&from, e, side_fields[i], mem, &list, &count, &err);
  arena_free(mem);
  loci_free(e);
  return good;
}

static void compare(const char *text) {
  js_value *v;
  loci_err err;
  assert_int_equal(js_parse(text, strlen(text), "line", &v, &err), LOCI_OK);
  bool fit = fits(schema, v), read = is_read(text);
  js_free(v);
  if (fit == read) return;
  print_error("the schema says %s, the reader %s: %s\n", fit ? "yes" : "no", read ? "yes" : "no",
              text);
  assert_true(false);
}

static const char *const values[] = {"null",
                                     "true",
                                     "3",
                                     "2.5",
                                     "\"\"",
                                     "\" \"",
                                     "\"text\"",
                                     "\"visual\"",
                                     "[]",
                                     "{}",
                                     "{\"text\":\"x\"}",
                                     "{\"text\":\" \"}",
                                     "{\"text\":\"x\",\"kind\":\"visual\"}",
                                     "{\"text\":\"x\",\"kind\":\"blue\"}",
                                     "{\"text\":\"x\",\"kind\":null}",
                                     "{\"text\":3}",
                                     "{\"question\":\"Q\"}",
                                     "{\"question\":\"\"}",
                                     "{\"question\":\"Q\",\"image\":\"i\"}",
                                     "{\"question\":\"Q\",\"image\":\"\"}",
                                     "{\"question\":\"Q\",\"image\":3}",
                                     "{\"question\":\"Q\",\"answers\":[\"a\"]}",
                                     "{\"question\":\"Q\",\"answers\":[\"\"]}",
                                     "{\"question\":\"Q\",\"answers\":\"a\"}",
                                     "{\"question\":\"Q\",\"answers\":null}",
                                     "{\"question\":\"Q\",\"answers\":[]}",
                                     "{\"question\":\"Q\",\"answers\":[\"yes\"]}",
                                     "{\"question\":\"Q\",\"answers\":[\"No\",\"perhaps\"]}",
                                     "{\"question\":\"Q\",\"votes\":[\"a\"]}",
                                     "{\"question\":\"Q\",\"votes\":[\"a\",\"b\"]}",
                                     "{\"question\":\"Q\",\"votes\":[\"a\",3]}"};
enum { VALUES = sizeof values / sizeof values[0] };

static void try_value(const char *field, const char *value) {
  char text[400];
  bool question = strcmp(field, "question") == 0;
  snprintf(text, sizeof text, "{%s\"%s\":%s}", question ? "" : "\"question\":\"Q\",", field, value);
  compare(text);
}

static void schema_and_reader_agree_on_every_field(void **state) {
  (void)state;
  char list[200];
  const char *key;
  const js_value *s, *fields = js_get(schema, "properties");
  int count = 0;
  for (void *it = js_first(fields, &key, &s); it; it = js_next(fields, it, &key, &s)) {
    count++;
    for (int i = 0; i < VALUES; i++) {
      try_value(key, values[i]);
      for (int k = 0; k < VALUES; k++) {
        snprintf(list, sizeof list, "[%s,%s]", values[i], values[k]);
        try_value(key, list);
      }
    }
  }
  assert_int_equal(count, EXAMPLE_FIELDS + SIDE_FIELDS);
}

static void schema_and_reader_know_the_same_fields(void **state) {
  (void)state;
  const js_value *fields = js_get(schema, "properties");
  for (int i = 0; i < EXAMPLE_FIELDS; i++) assert_non_null(js_get(fields, example_fields[i]));
  for (int i = 0; i < SIDE_FIELDS; i++) assert_non_null(js_get(fields, side_fields[i]));
  compare("{}");
  compare("[]");
  compare("{\"question\":\"Q\",\"anything\":{\"else\":[1]}}");
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(schema_and_reader_agree_on_every_field),
      cmocka_unit_test(schema_and_reader_know_the_same_fields)};
  if (js_parse_file(LOCI_SOURCE_DIR "/docs/examples.schema.json", 1 << 20, &schema, NULL)) return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  js_free(schema);
  return failed;
}
