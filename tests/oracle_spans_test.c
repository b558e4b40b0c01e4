/* Which positions a constraint has, against the reference: repeated words, other scripts, blanks
 * and line breaks, pieces of tokens, constraints that are not in the question. */
#include "oracle_test.h"

/* The row's prompt: NULL with the status in *st. */
static loci_prompt *ask(const loci_model *m, const char *image, const js_value *row,
                        loci_status *st, loci_err *err) {
  char constraint[128];
  const char *constraints[] = {constraint};
  int occurrence = oracle_int(oracle_member(row, "occurrence"));
  snprintf(constraint, sizeof constraint, occurrence ? "%s@%d" : "%s",
           oracle_text(oracle_member(row, "constraint")), occurrence + 1);
  loci_question q = {.size = sizeof q,
                     .image = m->info.image_rows ? image : NULL,
                     .text = oracle_text(oracle_member(row, "question")),
                     .template_name = oracle_template(row),
                     .constraints = constraints,
                     .constraint_count = 1};
  loci_prompt *p;
  *st = loci_prompt_new(m, &q, &p, err);
  return p;
}

static void check_found(const loci_prompt_info *p, const js_value *row) {
  const js_value *ids = oracle_member(row, "ids"), *positions = oracle_member(row, "positions");
  assert_string_equal(p->text, oracle_text(oracle_member(row, "prompt")));
  const js_value *rows = js_get(row, "image_rows"); /* the first and how many: not among ids */
  int first = rows ? oracle_int(js_at(rows, 0)) : -1, seen = 0;
  int count = rows ? oracle_int(js_at(rows, 1)) : 0;
  assert_int_equal(p->length, js_count(ids) + count);
  if (rows) assert_int_equal(p->image_first, first);
  for (int i = 0; i < p->length; i++) {
    bool image = rows && layout_row_at(p, i) >= 0;
    seen += image;
    assert_int_equal(image, rows && p->tokens[i].role == LOCI_ROLE_IMAGE);
    if (!image) assert_int_equal(p->tokens[i].id, oracle_int(js_at(ids, i - seen)));
  }
  assert_int_equal(seen, count);
  assert_int_equal(p->constraints[0].count, js_count(positions));
  for (int i = 0; i < p->constraints[0].count; i++) {
    assert_int_equal(p->constraints[0].first + i, oracle_int(js_at(positions, i)));
  }
}

/* The case's picture is that of the model's other cases. */
static const char *picture_of(const loci_model *m, const char *name, oracle *forward) {
  *forward = oracle_open(m, name, "forward");
  const js_value *image = js_get(forward->json, "image");
  return image ? oracle_text(image) : NULL;
}

static void check_spans(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(NULL, name, "spans"), forward;
  const char *image = picture_of(m, name, &forward);
  const js_value *rows = oracle_member(o.json, "cases");
  int refused = 0;
  assert_true(js_count(rows) >= 14);
  for (int64_t i = 0; i < js_count(rows); i++) {
    const js_value *row = js_at(rows, i);
    loci_status st;
    loci_err err = {0};
    loci_prompt *p = ask(m, image, row, &st, &err);
    if (js_get(row, "positions")) {
      assert_ok(st, err);
      check_found(loci_prompt_get_info(p), row);
    } else {
      assert_int_equal(st, LOCI_EINVAL);
      assert_null(p);
      assert_non_null(strstr(err.msg, "is not in the question"));
      refused++;
    }
    loci_prompt_free(p);
  }
  assert_true(refused > 0);
  oracle_close(&forward);
  oracle_close(&o);
  loci_model_close(m);
}

#define TEST(id, name, has_image, cases)                                                           \
  static void spans_of_##id(void **s) {                                                            \
    (void)s;                                                                                       \
    check_spans(name);                                                                             \
  }
ORACLE_MODELS(TEST)

#define ENTRY(id, name, has_image, cases) cmocka_unit_test(spans_of_##id),

int main(void) {
  const struct CMUnitTest tests[] = {ORACLE_MODELS(ENTRY)};
  return cmocka_run_group_tests(tests, oracle_enter, NULL);
}
