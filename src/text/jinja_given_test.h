/* A JSON document as a template's variables, for tests and fuzzing. */
#ifndef LOCI_TEXT_JINJA_GIVEN_TEST_H
#define LOCI_TEXT_JINJA_GIVEN_TEST_H

#include "base/json.h"
#include "text/jinja.h"

/* Texts are marked as coming from 1; they are borrowed from the document. */
static inline jvalue given_value(jrun *r, const js_value *v) {
  int64_t i;
  double x;
  bool b;
  size_t n;
  const char *s = js_text_of(v, &n), *key;
  const js_value *m;
  if (s) return jv_marked(r, s, n, 1);
  if (js_int_of(v, &i)) return jv_int(i);
  if (js_real_of(v, &x)) return jv_real(x);
  if (js_bool_of(v, &b)) return jv_bool(b);
  if (js_kind_of(v) == JS_NULL) return jv_none();
  jvalue out = js_kind_of(v) == JS_ARRAY ? jv_list(r, JK_LIST) : jv_dict(r, JK_DICT);
  for (int64_t k = 0; js_kind_of(v) == JS_ARRAY && k < js_count(v); k++) {
    jv_push(r, out, given_value(r, js_at(v, k)));
  }
  if (js_kind_of(v) == JS_ARRAY) return out;
  for (void *it = js_first(v, &key, &m); it; it = js_next(v, it, &key, &m)) {
    jv_set(r, out, key, given_value(r, m));
  }
  return out;
}

static inline void given_json(jrun *r, const js_value *v) {
  const char *key;
  const js_value *m;
  for (void *it = js_first(v, &key, &m); it; it = js_next(v, it, &key, &m)) {
    jinja_give(r, key, given_value(r, m));
  }
}

#endif
