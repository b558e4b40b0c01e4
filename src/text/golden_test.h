/* For the tests of this folder: compares a tokenizer with cases.json, what the reference made of
 * the same strings. */
#ifndef LOCI_TEXT_GOLDEN_TEST_H
#define LOCI_TEXT_GOLDEN_TEST_H

#include "base/json.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h> /* last: it has a macro `fail` */

#define GOLDEN_DIR LOCI_SOURCE_DIR "/tests/golden/tokenizers"

#define assert_ok(expr, err)                                                                       \
  do {                                                                                             \
    if ((expr) != LOCI_OK) fail_msg("%s", (err).msg);                                              \
  } while (0)

static inline int64_t golden_int(const js_value *v) {
  int64_t i = INT64_MIN;
  assert_true(js_int_of(v, &i));
  return i;
}

/* decode and decode_skip of the case's ids. */
static inline int golden_decode(const tokenizer *t, const encoding *e, const js_value *c) {
  int wrong = 0;
  for (int skip = 0; skip < 2; skip++) {
    const char *key = skip ? "decode_skip" : "decode";
    size_t want_n = 0, n;
    const char *want = js_text_of(js_get(c, key), &want_n);
    char *got;
    loci_err err;
    if (!want) continue;
    assert_ok(tokenizer_decode(t, e->ids, e->count, skip, &got, &n, &err), err);
    if (n != want_n || memcmp(got, want, n) != 0) {
      print_error("%s: \"%s\", expected \"%s\"\n", key, got, want);
      wrong++;
    }
    free(got);
  }
  return wrong;
}

/* One text with or without special tokens: ids, tokens, offsets, decoded text. */
static inline int golden_compare(const tokenizer *t, const js_value *row, const char *key) {
  size_t n;
  const char *text = js_text_of(js_get(row, "text"), &n);
  const js_value *c = js_get(row, key), *ids = js_get(c, "ids"), *tokens = js_get(c, "tokens");
  const js_value *offsets = js_get(c, "byte_offsets");
  encoding e;
  loci_err err;
  assert_ok(tokenizer_encode(t, text, n, key[0] == 's', &e, &err), err);
  int wrong = e.count != js_count(ids);
  for (int i = 0; i < e.count && !wrong; i++) {
    const js_value *at = js_at(offsets, i);
    const char *token = js_text_of(js_at(tokens, i), NULL), *have = tokenizer_token(t, e.ids[i]);
    if (golden_int(js_at(ids, i)) != e.ids[i]) wrong = 1;
    if (tokens && (!have || strcmp(token, have) != 0)) wrong = 2;
    if (at && (golden_int(js_at(at, 0)) != e.begin[i] || golden_int(js_at(at, 1)) != e.end[i])) {
      print_error("offsets of token %d are %d-%d\n", i, e.begin[i], e.end[i]);
      wrong = 3;
    }
  }
  if (!wrong) wrong = 4 * golden_decode(t, &e, c);
  if (wrong) print_error("%s \"%s\" (%s): wrong %d, %d tokens\n", key, text, key, wrong, e.count);
  encoding_clear(&e);
  return wrong != 0;
}

/* All cases of a file; fails the test if one differs.  Returns their number. */
static inline int64_t golden_check(const tokenizer *t, const char *cases_path) {
  js_value *rows;
  loci_err err;
  int wrong = 0;
  assert_ok(js_parse_file(cases_path, 16 << 20, &rows, &err), err);
  int64_t n = js_count(rows);
  assert_true(n > 0);
  for (int64_t i = 0; i < n; i++) {
    wrong += golden_compare(t, js_at(rows, i), "special");
    wrong += golden_compare(t, js_at(rows, i), "plain");
  }
  js_free(rows);
  if (wrong) fail_msg("%s: %d of %d encodings differ", cases_path, wrong, (int)(2 * n));
  return n;
}

#endif
