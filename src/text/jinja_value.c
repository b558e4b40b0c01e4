/* Values of a template: memory, making them, comparing, and what operators do (jinja_ops.h). */
#include "text/jinja_value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja_state.h"

enum { CHUNK = 1 << 16, ALIGNMENT = 16, BYTES_A_STEP = 64 };

/* ---------------------------------------------------------------- the run */

/* ---------------------------------------------------------------- making */

jvalue jv_of_text(jtext *t) {
  return t ? (jvalue){.kind = JK_TEXT, .text = t} : jv_undefined(NULL);
}

jvalue jv_text(jrun *r, const char *s, size_t n) {
  jtext *t = jrun_alloc(r, 1, sizeof *t);
  if (t) *t = (jtext){.s = s, .n = n, .length = -1};
  return jv_of_text(t);
}

jvalue jv_string(jrun *r, const char *s) { return jv_text(r, s, strlen(s)); }

jvalue jv_marked(jrun *r, const char *s, size_t n, int source) {
  jvalue v = jv_text(r, s, n);
  jmark *m = n ? jrun_alloc(r, 1, sizeof *m) : NULL;
  if (v.kind != JK_TEXT || !m) return v;
  *m = (jmark){0, n, 0, source};
  v.text->marks = m;
  v.text->mark_count = 1;
  return v;
}

jvalue jv_join(jrun *r, jvalue a, jvalue b) {
  if (a.kind != JK_TEXT || b.kind != JK_TEXT) return jv_undefined(NULL);
  return jv_of_text(jt_concat(r, a.text, b.text));
}

jvalue jv_list(jrun *r, jkind kind) {
  jlist *l = jrun_alloc(r, 1, sizeof *l);
  if (!l) return jv_undefined(NULL);
  *l = (jlist){0};
  return (jvalue){.kind = kind, .list = l};
}

/* Twice the room for an array of values. */
static jvalue *grow(jrun *r, const jvalue *old, int64_t count, int64_t room) {
  jvalue *at = jrun_alloc(r, (size_t)room, sizeof *at);
  if (at && count) memcpy(at, old, (size_t)count * sizeof *at);
  return at;
}

void jv_push(jrun *r, jvalue list, jvalue item) {
  if (!jv_has_items(list)) return;
  jlist *l = list.list;
  if (l->count == l->room) {
    int64_t room = l->room ? 2 * l->room : 8;
    jvalue *at = grow(r, l->at, l->count, room);
    if (!at) return;
    l->at = at;
    l->room = room;
  }
  l->at[l->count++] = item;
}

jvalue jv_dict(jrun *r, jkind kind) {
  jdict *d = jrun_alloc(r, 1, sizeof *d);
  if (!d) return jv_undefined(NULL);
  *d = (jdict){0};
  return (jvalue){.kind = kind, .dict = d};
}

bool jv_can_be_key(jrun *r, jvalue key) {
  if (key.kind == JK_LIST || key.kind == JK_DICT) {
    jrun_stop(r, LOCI_EFORMAT, "a %s cannot be a key", jv_kind_name(key));
  }
  if (key.kind == JK_TUPLE && jrun_deeper(r)) {
    for (int64_t i = 0; i < key.list->count && jrun_step(r, 1);)
      jv_can_be_key(r, key.list->at[i++]);
    jrun_back(r);
  }
  return !r->st;
}

static int64_t find_key(jrun *r, const jdict *d, jvalue key) {
  for (int64_t i = 0; i < d->count && jrun_step(r, 1); i++) {
    if (jv_equal(r, d->keys[i], key)) return i;
  }
  return -1;
}

void jv_put(jrun *r, jvalue dict, jvalue key, jvalue v) {
  if (dict.kind != JK_DICT && dict.kind != JK_SPACE) return;
  jdict *d = dict.dict;
  if (!jv_can_be_key(r, key)) return;
  int64_t i = find_key(r, d, key);
  if (i >= 0) {
    d->at[i] = v;
    return;
  }
  if (d->count == d->room) {
    int64_t room = d->room ? 2 * d->room : 8;
    jvalue *keys = grow(r, d->keys, d->count, room), *at = grow(r, d->at, d->count, room);
    if (!keys || !at) return;
    d->keys = keys;
    d->at = at;
    d->room = room;
  }
  d->keys[d->count] = key;
  d->at[d->count++] = v;
}

void jv_set(jrun *r, jvalue dict, const char *key, jvalue v) {
  jv_put(r, dict, jv_string(r, key), v);
}

/* ---------------------------------------------------------------- looking */

const char *jv_kind_name(jvalue v) {
  static const char *const names[] = {
      "undefined", "None",      "bool", "int",       "float", "str",   "list",     "tuple", "range",
      "dict view", "generator", "dict", "namespace", "loop",  "macro", "function", "method"};
  return names[v.kind];
}

bool jv_truth(jvalue v) {
  switch (v.kind) {
    case JK_UNDEFINED:
    case JK_NONE: return false;
    case JK_BOOL: return v.b;
    case JK_INT: return v.i != 0;
    case JK_REAL: return v.x != 0;
    case JK_TEXT: return v.text->n > 0;
    case JK_LIST:
    case JK_TUPLE:
    case JK_RANGE:
    case JK_VIEW: return v.list->count > 0;
    case JK_DICT: return v.dict->count > 0;
    default: return true;
  }
}

bool jv_whole(jvalue v, int64_t *out) {
  *out = v.kind == JK_BOOL ? v.b : v.kind == JK_INT ? v.i : 0;
  return v.kind == JK_BOOL || v.kind == JK_INT;
}

bool jv_is_number(jvalue v) { return v.kind == JK_BOOL || v.kind == JK_INT || v.kind == JK_REAL; }

double jv_number(jvalue v) {
  return v.kind == JK_REAL ? v.x : v.kind == JK_INT ? (double)v.i : (double)v.b;
}

int64_t jv_length(jrun *r, jvalue v) {
  switch (v.kind) {
    case JK_UNDEFINED: return 0;
    case JK_TEXT: return jt_length(r, v.text);
    case JK_LIST:
    case JK_TUPLE:
    case JK_RANGE:
    case JK_VIEW: return v.list->count;
    case JK_DICT: return v.dict->count;
    case JK_LOOP: return v.loop->items->count;
    default: return -1;
  }
}

jvalue jv_get(jrun *r, jvalue dict, jvalue key, bool *found) {
  *found = false;
  if (dict.kind != JK_DICT && dict.kind != JK_SPACE) return jv_undefined(NULL);
  int64_t i = find_key(r, dict.dict, key);
  *found = i >= 0;
  return *found ? dict.dict->at[i] : jv_undefined(NULL);
}

jvalue jv_find(jrun *r, jvalue dict, const char *key, bool *found) {
  jtext t = {.s = key, .n = strlen(key), .length = -1};
  return jv_get(r, dict, jv_of_text(&t), found);
}

/* ---------------------------------------------------------------- comparing */

static bool equal_items(jrun *r, const jlist *a, const jlist *b) {
  if (a->count != b->count || !jrun_step(r, 1 + (size_t)a->count / 8)) return false;
  for (int64_t i = 0; i < a->count; i++) {
    if (!jv_equal(r, a->at[i], b->at[i])) return false;
  }
  return true;
}

static bool equal_members(jrun *r, jvalue a, jvalue b) {
  if (a.dict->count != b.dict->count) return false;
  for (int64_t i = 0; i < a.dict->count; i++) {
    bool found;
    jvalue v = jv_get(r, b, a.dict->keys[i], &found);
    if (!found || !jv_equal(r, a.dict->at[i], v)) return false;
  }
  return true;
}

bool jv_equal(jrun *r, jvalue a, jvalue b) {
  if (jv_is_number(a) && jv_is_number(b)) {
    bool reals = a.kind == JK_REAL || b.kind == JK_REAL;
    int64_t x, y;
    if (reals) return jv_number(a) == jv_number(b);
    return jv_whole(a, &x) && jv_whole(b, &y) && x == y;
  }
  if (a.kind != b.kind) return false;
  if (a.kind == JK_UNDEFINED || a.kind == JK_NONE) return true;
  if (a.kind == JK_TEXT) {
    return a.text->n == b.text->n && jrun_step(r, a.text->n / BYTES_A_STEP) &&
           memcmp(a.text->s, b.text->s, a.text->n) == 0;
  }
  if (a.kind != JK_DICT && !jv_has_members(a)) return a.dict == b.dict;
  if (!jrun_deeper(r)) return false;
  bool same = a.kind == JK_DICT ? equal_members(r, a, b) : equal_items(r, a.list, b.list);
  jrun_back(r);
  return same;
}

int jv_compare(jrun *r, jvalue a, jvalue b) {
  if (jv_is_number(a) && jv_is_number(b)) {
    int64_t i, k;
    if (jv_whole(a, &i) && jv_whole(b, &k)) return (i > k) - (i < k);
    double x = jv_number(a), y = jv_number(b);
    return (x > y) - (x < y);
  }
  if (a.kind == JK_TEXT && b.kind == JK_TEXT) {
    size_t n = a.text->n < b.text->n ? a.text->n : b.text->n;
    int c = jrun_step(r, 1 + n / BYTES_A_STEP) && n ? memcmp(a.text->s, b.text->s, n) : 0;
    return c ? c : (a.text->n > b.text->n) - (a.text->n < b.text->n);
  }
  if (jv_is_list(a) && a.kind == b.kind && jrun_deeper(r)) {
    int c = 0;
    int64_t n = a.list->count < b.list->count ? a.list->count : b.list->count;
    for (int64_t i = 0; i < n && !c && jrun_step(r, 1); i++) {
      if (!jv_equal(r, a.list->at[i], b.list->at[i]))
        c = jv_compare(r, a.list->at[i], b.list->at[i]);
    }
    jrun_back(r);
    return c ? c : (a.list->count > b.list->count) - (a.list->count < b.list->count);
  }
  jrun_stop(r, LOCI_EFORMAT, "%s and %s have no order", jv_kind_name(a), jv_kind_name(b));
  return 0;
}

bool jv_contains(jrun *r, jvalue in, jvalue v) {
  bool found = false;
  if (in.kind == JK_TEXT && v.kind == JK_TEXT) {
    return v.text->n == 0 || jt_find(r, in.text, v.text, 0) < in.text->n;
  }
  if (in.kind == JK_DICT) return jv_can_be_key(r, v) && (jv_get(r, in, v, &found), found);
  if (!jv_has_items(in) && in.kind != JK_UNDEFINED) {
    jrun_stop(r, LOCI_EFORMAT, "a %s cannot be looked for in a %s", jv_kind_name(v),
              jv_kind_name(in));
    return false;
  }
  jvalue items = jv_items(r, in);
  for (int64_t i = 0; !r->st && i < items.list->count && jrun_step(r, 1); i++) {
    if (jv_equal(r, items.list->at[i], v)) return true;
  }
  return false;
}

/* ---------------------------------------------------------------- items */

static jvalue characters(jrun *r, const jtext *t) {
  jvalue out = jv_list(r, JK_LIST);
  for (size_t i = 0, k; i < t->n && !r->st; i = k) {
    for (k = i + 1; k < t->n && ((uint8_t)t->s[k] & 0xC0) == 0x80;) k++;
    jv_push(r, out, jv_of_text(jt_slice(r, t, i, k)));
  }
  return out;
}

jvalue jv_items(jrun *r, jvalue v) {
  if (jv_has_items(v)) jrun_step(r, 1 + (size_t)v.list->count);
  if (jv_has_members(v) || v.kind == JK_VIEW) return v;
  if (v.kind == JK_STREAM) {
    jvalue all = jv_list(r, JK_LIST);
    if (r->st) return jv_undefined(NULL);
    *all.list = *v.list;
    *v.list = (jlist){0};
    return all;
  }
  if (v.kind == JK_TEXT) return characters(r, v.text);
  jvalue out = jv_list(r, JK_LIST);
  if (v.kind == JK_DICT) {
    for (int64_t i = 0; i < v.dict->count && !r->st; i++) jv_push(r, out, v.dict->keys[i]);
  } else if (v.kind != JK_UNDEFINED) {
    jrun_stop(r, LOCI_EFORMAT, "a %s has no items to go through", jv_kind_name(v));
  }
  return out.kind == JK_LIST ? out : jv_undefined(NULL);
}

/* The byte at which a character begins. */
static size_t byte_of(jrun *r, const jtext *t, int64_t i) {
  if (jt_length(r, t) == (int64_t)t->n) return (size_t)i;
  jrun_step(r, t->n / BYTES_A_STEP);
  size_t at = 0;
  for (; i > 0 && at < t->n; i--) {
    for (at++; at < t->n && ((uint8_t)t->s[at] & 0xC0) == 0x80;) at++;
  }
  return at;
}

jvalue jv_index(jrun *r, jvalue v, int64_t i) {
  int64_t n = jv_length(r, v);
  if (i < 0) i += n;
  if (i < 0 || i >= n || (v.kind != JK_TEXT && !jv_has_members(v))) return jv_undefined(NULL);
  if (v.kind != JK_TEXT) return v.list->at[i];
  size_t at = byte_of(r, v.text, i), end = at + 1;
  while (end < v.text->n && ((uint8_t)v.text->s[end] & 0xC0) == 0x80) end++;
  return jv_of_text(jt_slice(r, v.text, at, end));
}

/* One end of a slice, as Python cuts it to size. */
static bool slice_end(jrun *r, const jvalue *v, int64_t n, int64_t step, int64_t fallback,
                      int64_t *out) {
  *out = fallback;
  if (!v || v->kind == JK_NONE) return true;
  if (!jv_whole(*v, out)) {
    jrun_stop(r, LOCI_EFORMAT, "a slice goes from int to int, not to %s", jv_kind_name(*v));
    return false;
  }
  if (*out < 0) *out += n;
  int64_t lo = step < 0 ? -1 : 0, hi = step < 0 ? n - 1 : n;
  *out = *out < lo ? lo : *out > hi ? hi : *out;
  return true;
}

jvalue jv_slice(jrun *r, jvalue v, const jvalue *from, const jvalue *to, const jvalue *by) {
  int64_t n = jv_length(r, v), step = 1, a, b;
  if (v.kind != JK_TEXT && !jv_has_members(v)) {
    return jrun_stop(r, LOCI_EFORMAT, "a %s cannot be sliced", jv_kind_name(v));
  }
  if (by && by->kind != JK_NONE && (!jv_whole(*by, &step) || step == 0 || step == INT64_MIN)) {
    return jrun_stop(r, LOCI_EFORMAT, "the step of a slice is an int other than 0");
  }
  if (!slice_end(r, from, n, step, step < 0 ? n - 1 : 0, &a) ||
      !slice_end(r, to, n, step, step < 0 ? -1 : n, &b)) {
    return jv_undefined(NULL);
  }
  if (v.kind == JK_TEXT && step == 1) {
    size_t begin = byte_of(r, v.text, a);
    return jv_of_text(jt_slice(r, v.text, begin, b > a ? byte_of(r, v.text, b) : begin));
  }
  jvalue items = jv_items(r, v), out = jv_list(r, v.kind == JK_TEXT ? JK_LIST : v.kind);
  if (r->st) return jv_undefined(NULL);
  for (int64_t i = a; (step > 0 ? i < b : i > b) && !r->st;) {
    jv_push(r, out, items.list->at[i]);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  if (v.kind != JK_TEXT || r->st) return out;
  jbuild text = {.r = r};
  for (int64_t i = 0; i < out.list->count; i++) jb_add(&text, out.list->at[i].text);
  return jv_of_text(jb_text(&text));
}

/* ---------------------------------------------------------------- operators */

/* Bottom-up merges: stable, and never worse than n log n. */
jvalue jv_sort(jrun *r, jvalue list, const jvalue *keys, bool reverse) {
  int64_t n = list.list->count;
  int64_t *from = jrun_alloc(r, (size_t)n, sizeof *from),
          *to = jrun_alloc(r, (size_t)n, sizeof *to);
  jvalue out = jv_list(r, JK_LIST);
  if (r->st) return out;
  for (int64_t i = 0; i < n; i++) from[i] = i;
  for (int64_t w = 1; w < n; w *= 2) {
    for (int64_t lo = 0; lo < n; lo += 2 * w) {
      int64_t mid = lo + w < n ? lo + w : n, hi = lo + 2 * w < n ? lo + 2 * w : n;
      for (int64_t i = lo, k = mid, at = lo; at < hi && jrun_step(r, 1); at++) {
        bool left = k >= hi;
        if (i < mid && k < hi) {
          jvalue a = keys[from[i]], b = keys[from[k]];
          int c = jv_equal(r, a, b) ? 0 : jv_compare(r, a, b);
          left = reverse ? c >= 0 : c <= 0;
        }
        to[at] = left ? from[i++] : from[k++];
      }
    }
    if (r->st) return out;
    int64_t *swap = from;
    from = to;
    to = swap;
  }
  for (int64_t i = 0; i < n && !r->st; i++) jv_push(r, out, list.list->at[from[i]]);
  return out;
}
