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

enum { MOST_NAMES = 128, MOST_ITEMS = 100000, ITEM_ROOM = 32 };

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

/* ---------------------------------------------------------------- values as texts */

/* A value as the command line writes it, in [room] where it is no text; NULL: it has no such form.
 */
static const char *text_of(const js_value *v, char room[ITEM_ROOM]) {
  int64_t i;
  double x;
  size_t n;
  const char *text = js_text_of(v, &n);
  if (text) return strlen(text) == n ? text : NULL;
  if (js_int_of(v, &i)) {
    snprintf(room, ITEM_ROOM, "%" PRId64, i);
    return room;
  }
  if (!js_real_of(v, &x) || !isfinite(x)) return NULL;
  return fixed_number(x, room);
}

loci_status field_wrong(const member *m, loci_err *err) {
  char room[ITEM_ROOM];
  const char *text = text_of(m->value, room), *quote = text && text != room ? "\"" : "";
  if (!text) text = js_kind_name(js_kind_of(m->value));
  return fail(err, LOCI_EINVAL, "%s wants %s, not %s%.80s%s", m->field->name, m->field->wanted,
              quote, text, quote);
}

loci_status field_unknown(const member *m, const char *given, const char *const *words, int n,
                          loci_err *err) {
  char all[256] = "";
  const char *near = loci_name_near(given, words, n);
  if (near)
    return fail(err, LOCI_EINVAL, "%s: \"%.60s\" is unknown; did you mean %s?", m->field->name,
                given, near);
  for (int i = 0; i < n; i++)
    fixed_add(all, sizeof all, strlen(all), "%s%s",
              i == 0       ? ""
              : i == n - 1 ? " or "
                           : ", ",
              words[i]);
  return fail(err, LOCI_EINVAL, "%s wants %s, not \"%.80s\"", m->field->name, all, given);
}

bool whole_of(const char *text, int64_t lo, int64_t hi, int64_t *out) {
  if (!*text || strspn(text, "0123456789") != strlen(text)) return false;
  errno = 0;
  *out = strtoll(text, NULL, 10);
  return errno == 0 && *out >= lo && *out <= hi;
}

bool real_of(const char *text, double *out) {
  const char *end;
  return plain_decimal(text, out, &end) && !*end;
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
  char room[ITEM_ROOM];
  const char *text = text_of(m->value, room), *quote = text == room ? "" : "\"";
  int64_t x;
  if (!text) return field_wrong(m, err);
  if (!whole_of(text, m->field->lo, m->field->hi, &x))
    return fail(err, LOCI_EINVAL,
                "%s wants a whole number from %" PRId64 " to %" PRId64 ", not %s%.80s%s",
                m->field->name, m->field->lo, m->field->hi, quote, text, quote);
  *PLACE(int) = (int)x;
  return LOCI_OK;
}

loci_status field_real(const member *m, void *options, loci_err *err) {
  char room[ITEM_ROOM];
  const char *text = text_of(m->value, room);
  return text && real_of(text, PLACE(double)) ? LOCI_OK : field_wrong(m, err);
}

loci_status field_flag(const member *m, void *options, loci_err *err) {
  bool b;
  if (!js_bool_of(m->value, &b))
    return fail(err, LOCI_EINVAL, "%s wants true or false", m->field->name);
  *PLACE(bool) = b;
  return LOCI_OK;
}

/* 64 bits, of which a JSON integer can hold 63: the others are a text of digits. */
loci_status field_seed(const member *m, void *options, loci_err *err) {
  char room[ITEM_ROOM];
  const char *text = text_of(m->value, room);
  if (!text || !*text || strspn(text, "0123456789") != strlen(text)) return field_wrong(m, err);
  errno = 0;
  *PLACE(uint64_t) = strtoull(text, NULL, 10);
  return errno ? field_wrong(m, err) : LOCI_OK;
}

/* Which of the list's names the member is. */
static loci_status find_name(const member *m, int *out, loci_err *err) {
  const char *words[MOST_NAMES], *name, *text = js_text_of(m->value, NULL);
  int n = 0;
  if (!text) return fail(err, LOCI_EINVAL, "%s wants a name", m->field->name);
  for (; n < MOST_NAMES && (name = loci_name(m->field->list, n)) != NULL; n++) {
    words[n] = name;
    *out = n;
    if (strcmp(name, text) == 0) return LOCI_OK;
  }
  return field_unknown(m, text, words, n, err);
}

loci_status field_name(const member *m, void *options, loci_err *err) {
  int i = 0;
  TRY(find_name(m, &i, err));
  *PLACE(int) = i;
  return LOCI_OK;
}

loci_status field_named(const member *m, void *options, loci_err *err) {
  int i;
  TRY(find_name(m, &i, err));
  return field_text(m, options, err);
}

/* ---------------------------------------------------------------- lists */

void field_list(const member *m, void *options, const void *at, int64_t n) {
  *PLACE(const void *) = at;
  *(int *)(void *)((char *)options + m->field->at + sizeof at) = (int)n;
}

static int64_t count_items(const js_value *v) {
  int64_t n = 1;
  if (js_kind_of(v) == JS_ARRAY) return js_count(v);
  for (const char *s = js_text_of(v, NULL); s && (s = strchr(s, ',')) != NULL; s++) n++;
  return n;
}

loci_status field_words(const member *m, const char *const **out, int *count, loci_err *err) {
  int64_t n = count_items(m->value);
  const char **words = n <= MOST_ITEMS ? arena_zarray(m->mem, n + 1, const char *) : NULL;
  if (n > MOST_ITEMS) return fail(err, LOCI_EINVAL, "%s: %" PRId64 " items", m->field->name, n);
  if (!words) return fail_nomem(err, "reading a request");
  bool listed = js_kind_of(m->value) == JS_ARRAY;
  const char *list = NULL;
  for (int64_t i = 0; i < n; i++) {
    char room[ITEM_ROOM];
    const char *text = list ? list : text_of(listed ? js_at(m->value, i) : m->value, room);
    if (!text) return field_wrong(m, err);
    size_t length = listed ? strlen(text) : strcspn(text, ",");
    char *word = arena_zalloc(m->mem, (int64_t)length + 1, 1);
    if (!word) return fail_nomem(err, "reading a request");
    memcpy(word, text, length);
    words[i] = word;
    if (!listed) list = text + length + (text[length] == ',');
  }
  *out = words;
  *count = (int)n;
  return LOCI_OK;
}

loci_status field_once(const member *m, const char *const *words, int n, loci_err *err) {
  for (int i = 0; i < n; i++)
    for (int k = 0; k < i; k++)
      if (strcmp(words[i], words[k]) == 0)
        return fail(err, LOCI_EINVAL, "%s names %.60s twice", m->field->name, words[i]);
  return LOCI_OK;
}

loci_status field_list_of_words(const member *m, void *options, loci_err *err) {
  const char *const *words;
  int n;
  TRY(field_words(m, &words, &n, err));
  for (int i = 0; i < n; i++)
    if (!*words[i]) return field_wrong(m, err);
  TRY(field_once(m, words, n, err));
  field_list(m, options, words, n);
  return LOCI_OK;
}

loci_status field_joined(const member *m, void *options, loci_err *err) {
  const char *const *words;
  int n;
  size_t size = 1, length = 0;
  TRY(field_words(m, &words, &n, err));
  for (int i = 0; i < n; i++) size += strlen(words[i]) + 1;
  char *out = arena_zalloc(m->mem, (int64_t)size, 1);
  if (!out) return fail_nomem(err, "reading a request");
  for (int i = 0; i < n; i++)
    length = fixed_add(out, size, length, "%s%s", i > 0 ? "," : "", words[i]);
  *PLACE(const char *) = out;
  return LOCI_OK;
}

loci_status field_texts(const member *m, void *options, loci_err *err) {
  bool listed = js_kind_of(m->value) == JS_ARRAY;
  int64_t n = listed ? js_count(m->value) : 1;
  if (n > MOST_ITEMS) return fail(err, LOCI_EINVAL, "%s: %" PRId64 " texts", m->field->name, n);
  const char **out = arena_zarray(m->mem, n + 1, const char *);
  if (!out) return fail_nomem(err, "reading a request");
  for (int64_t i = 0; i < n; i++) {
    size_t length;
    out[i] = js_text_of(listed ? js_at(m->value, i) : m->value, &length);
    if (!out[i] || strlen(out[i]) != length)
      return fail(err, LOCI_EINVAL, "%s wants texts without NUL characters", m->field->name);
  }
  field_list(m, options, out, n);
  return LOCI_OK;
}
