/* Readers of a request's members (see fields.h). */
#include "call/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "base/names.h"

enum { MOST_NAMES = 128 };

static const field *find(field_table t, const char *name) {
  for (int i = 0; i < t.count; i++)
    if (strcmp(t.fields[i].name, name) == 0) return t.fields + i;
  return NULL;
}

loci_status fields_read(field_table t, const js_value *request, arena *mem, void *options,
                        loci_err *err) {
  const char *key;
  const js_value *value;
  for (void *it = js_first(request, &key, &value); it; it = js_next(request, it, &key, &value)) {
    const field *f = find(t, key);
    if (!f || js_kind_of(value) == JS_NULL) continue;
    TRY(f->read(&(member){f, value, mem}, options, err));
  }
  return LOCI_OK;
}

static loci_status fail_unknown(const field_table *tables, int n, const char *key, loci_err *err) {
  const char *names[MOST_NAMES];
  int count = 0;
  for (int t = 0; t < n; t++)
    for (int i = 0; i < tables[t].count && count < MOST_NAMES; i++)
      names[count++] = tables[t].fields[i].name;
  int near = nearest_name(key, names, count);
  return fail(err, LOCI_EINVAL, "the request has no member \"%.60s\"%s%s%s", key,
              near >= 0 ? "; did you mean \"" : "", near >= 0 ? names[near] : "",
              near >= 0 ? "\"?" : "");
}

loci_status fields_known(const field_table *tables, int n, const js_value *request, loci_err *err) {
  const char *key;
  const js_value *value;
  for (void *it = js_first(request, &key, &value); it; it = js_next(request, it, &key, &value)) {
    bool known = false;
    for (int t = 0; t < n; t++) known |= find(tables[t], key) != NULL;
    if (!known) return fail_unknown(tables, n, key, err);
  }
  return LOCI_OK;
}

loci_status field_wrong(const member *m, loci_err *err) {
  char found[48];
  const char *text = js_text_of(m->value, NULL);
  int64_t i;
  if (text) {
    snprintf(found, sizeof found, "\"%.40s\"", text);
  } else if (js_int_of(m->value, &i)) {
    snprintf(found, sizeof found, "%" PRId64, i);
  } else {
    snprintf(found, sizeof found, "%s", js_kind_name(js_kind_of(m->value)));
  }
  return fail(err, LOCI_EINVAL, "%s wants %s, not %s", m->field->name, m->field->wanted, found);
}

/* ---------------------------------------------------------------- readers */

#define PLACE(type) ((type *)(void *)((char *)options + m->field->at))

loci_status field_text(const member *m, void *options, loci_err *err) {
  size_t n;
  const char *text = js_text_of(m->value, &n);
  if (!text || strlen(text) != n)
    return fail(err, LOCI_EINVAL, "%s wants a text without NUL characters", m->field->name);
  *PLACE(const char *) = text;
  return LOCI_OK;
}

loci_status field_int(const member *m, void *options, loci_err *err) {
  int64_t x;
  if (!js_int_of(m->value, &x))
    return fail(err, LOCI_EINVAL, "%s wants a whole number, not %s", m->field->name,
                js_kind_name(js_kind_of(m->value)));
  if (x < m->field->lo || x > m->field->hi)
    return fail(err, LOCI_EINVAL, "%s is %" PRId64 ", expected %" PRId64 " to %" PRId64,
                m->field->name, x, m->field->lo, m->field->hi);
  *PLACE(int) = (int)x;
  return LOCI_OK;
}

loci_status field_real(const member *m, void *options, loci_err *err) {
  double x;
  if (!js_real_of(m->value, &x) || !isfinite(x))
    return fail(err, LOCI_EINVAL, "%s wants a number", m->field->name);
  *PLACE(double) = x;
  return LOCI_OK;
}

loci_status field_flag(const member *m, void *options, loci_err *err) {
  bool b;
  if (!js_bool_of(m->value, &b))
    return fail(err, LOCI_EINVAL, "%s wants true or false", m->field->name);
  *PLACE(bool) = b;
  return LOCI_OK;
}

/* 64 bits: those that a JSON integer cannot hold are a text of digits, as request_seed writes them.
 */
loci_status field_seed(const member *m, void *options, loci_err *err) {
  int64_t x;
  const char *text = js_text_of(m->value, NULL);
  char *end = NULL;
  bool digits = text && *text && strspn(text, "0123456789") == strlen(text);
  if (js_int_of(m->value, &x) && x >= 0) {
    *PLACE(uint64_t) = (uint64_t)x;
    return LOCI_OK;
  }
  errno = 0;
  uint64_t seed = digits ? strtoull(text, &end, 10) : 0;
  if (!digits || errno)
    return fail(err, LOCI_EINVAL, "%s wants a whole number from 0 up", m->field->name);
  *PLACE(uint64_t) = seed;
  return LOCI_OK;
}

loci_status field_name(const member *m, void *options, loci_err *err) {
  const char *text = js_text_of(m->value, NULL);
  int i;
  if (!text) return fail(err, LOCI_EINVAL, "%s wants a name", m->field->name);
  TRY(loci_name_find(m->field->list, text, &i, err));
  *PLACE(int) = i;
  return LOCI_OK;
}

void field_list(const member *m, void *options, const void *at, int64_t n) {
  *PLACE(const void *) = at;
  *(int *)(void *)((char *)options + m->field->at + sizeof at) = (int)n;
}

int64_t items_count(const js_value *v) { return js_kind_of(v) == JS_ARRAY ? js_count(v) : 1; }

const js_value *items_at(const js_value *v, int64_t i) {
  return js_kind_of(v) == JS_ARRAY ? js_at(v, i) : v;
}

loci_status field_joined(const member *m, void *options, loci_err *err) {
  int64_t n = items_count(m->value), x;
  size_t size = 1;
  for (int64_t i = 0; i < n; i++) {
    const char *text = js_text_of(items_at(m->value, i), NULL);
    size += text ? strlen(text) + 1 : 24;
  }
  char *out = arena_zalloc(m->mem, (int64_t)size, 1);
  if (!out) return fail_nomem(err, "reading a request");
  size_t length = 0;
  for (int64_t i = 0; i < n; i++) {
    const js_value *item = items_at(m->value, i);
    const char *text = js_text_of(item, NULL), *joint = i > 0 ? "," : "";
    if (text) {
      length = fixed_add(out, size, length, "%s%s", joint, text);
    } else if (js_int_of(item, &x)) {
      length = fixed_add(out, size, length, "%s%" PRId64, joint, x);
    } else {
      return field_wrong(m, err);
    }
  }
  *PLACE(const char *) = out;
  return LOCI_OK;
}

loci_status field_texts(const member *m, void *options, loci_err *err) {
  int64_t n = items_count(m->value);
  if (n > 100000) return fail(err, LOCI_EINVAL, "%s: %" PRId64 " texts", m->field->name, n);
  const char **out = arena_zarray(m->mem, n + 1, const char *);
  if (!out) return fail_nomem(err, "reading a request");
  for (int64_t i = 0; i < n; i++) {
    size_t length;
    out[i] = js_text_of(items_at(m->value, i), &length);
    if (!out[i] || strlen(out[i]) != length)
      return fail(err, LOCI_EINVAL, "%s wants texts without NUL characters", m->field->name);
  }
  field_list(m, options, out, n);
  return LOCI_OK;
}
