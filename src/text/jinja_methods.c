/* The methods of texts, lists, dicts and loops (jinja_ops.h), as Python's.  One that changes a list
 * or a dict is refused, as it is in jinja2's immutable sandbox. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_state.h"
#include "text/unicode.h"

/* ---------------------------------------------------------------- methods of texts */

jvalue jt_case(jrun *r, const jtext *t, char how) {
  jbuild b = {.r = r};
  for (size_t i = 0, k; i < t->n && jrun_step(r, 1); i += k ? k : 1) {
    uint32_t c;
    char out[4];
    k = (size_t)utf8_decode(t->s + i, t->n - i, &c);
    bool up = how == 'u' || (how == 'c' && i == 0);
    if (up && c == 0xDF) {
      jb_string(&b, how == 'u' ? "SS" : "Ss");
    } else {
      c = !up ? rune_lower(c) : how == 'u' ? rune_upper(c) : rune_title(c);
      jb_put(&b, out, (size_t)utf8_encode(c, out));
    }
  }
  return jv_of_text(jb_text(&b));
}

#define CASE(name, how)                                                                            \
  static jvalue name(jrun *r, jvalue self, jargs *a) {                                             \
    (void)a;                                                                                       \
    return jt_case(r, self.text, how);                                                             \
  }
CASE(text_upper, 'u')
CASE(text_lower, 'l')
CASE(text_capitalize, 'c')

static bool has_character(const jtext *chars, const char *s, size_t k) {
  for (size_t i = 0; i + k <= chars->n; i++) {
    if (memcmp(chars->s + i, s, k) == 0) return true;
  }
  return false;
}

jvalue jt_strip(jrun *r, const jtext *t, const jtext *chars, char ends) {
  size_t begin = 0, end = t->n;
  if (!chars) {
    if (ends != 'r') begin = jt_skip_space(t->s, t->n, 0);
    if (ends != 'l') end = begin + jt_trim_end(t->s + begin, t->n - begin);
    jrun_step(r, (t->n - (end - begin)) / JINJA_BYTES_A_STEP);
    return jv_of_text(jt_slice(r, t, begin, end));
  }
  while (ends != 'r' && begin < end && jrun_step(r, 1 + chars->n / 8)) {
    size_t k = begin + 1;
    while (k < end && ((uint8_t)t->s[k] & 0xC0) == 0x80) k++;
    if (!has_character(chars, t->s + begin, k - begin)) break;
    begin = k;
  }
  while (ends != 'l' && begin < end && jrun_step(r, 1 + chars->n / 8)) {
    size_t k = end - 1;
    while (k > begin && ((uint8_t)t->s[k] & 0xC0) == 0x80) k--;
    if (!has_character(chars, t->s + k, end - k)) break;
    end = k;
  }
  return jv_of_text(jt_slice(r, t, begin, end));
}

#define STRIP(name, ends)                                                                          \
  static jvalue name(jrun *r, jvalue self, jargs *a) {                                             \
    return jt_strip(r, self.text, jarg_text(r, a, 0, NULL), ends);                                 \
  }
STRIP(text_strip, 'b')
STRIP(text_lstrip, 'l')
STRIP(text_rstrip, 'r')

static void push_slice(jrun *r, jvalue list, const jtext *t, size_t begin, size_t end) {
  jv_push(r, list, jv_of_text(jt_slice(r, t, begin, end)));
}

/* At white space: runs of it, none at the ends. */
static jvalue split_space(jrun *r, const jtext *t, int64_t most, bool from_end) {
  jvalue out = jv_list(r, JK_LIST), turned = jv_list(r, JK_LIST);
  size_t at = from_end ? 0 : jt_skip_space(t->s, t->n, 0), end = jt_trim_end(t->s, t->n);
  jrun_step(r, t->n / JINJA_BYTES_A_STEP);
  for (; from_end && end > 0 && !r->st; most--) {
    size_t k = end;
    while (k > 0 && jt_trim_end(t->s, k) == k) k--;
    if (most == 0) k = 0;
    push_slice(r, turned, t, k, end);
    end = jt_trim_end(t->s, k);
    if (most == 0) break;
  }
  for (int64_t i = from_end && !r->st ? turned.list->count : 0; i-- > 0;) {
    jv_push(r, out, turned.list->at[i]);
  }
  for (; !from_end && at < t->n && !r->st; most--) {
    size_t k = at;
    while (k < t->n && jt_skip_space(t->s, t->n, k) == k) k++;
    push_slice(r, out, t, at, most == 0 ? t->n : k);
    if (most == 0) break;
    at = jt_skip_space(t->s, t->n, k);
  }
  return out;
}

static jvalue text_split(jrun *r, jvalue self, jargs *a) {
  const jtext *t = self.text, *by = jarg_text(r, a, 0, "sep");
  int64_t most = jarg_int(r, a, 1, "maxsplit", -1);
  if (r->st) return jv_undefined(NULL);
  if (!by) return split_space(r, t, most, false);
  if (by->n == 0) return jrun_stop(r, LOCI_EFORMAT, "split: an empty separator");
  jvalue out = jv_list(r, JK_LIST);
  size_t from = 0;
  for (size_t at; most != 0 && (at = jt_find(r, t, by, from)) < t->n && !r->st; most--) {
    push_slice(r, out, t, from, at);
    from = at + by->n;
  }
  push_slice(r, out, t, from, t->n);
  return out;
}

static jvalue text_rsplit(jrun *r, jvalue self, jargs *a) {
  const jtext *t = self.text, *by = jarg_text(r, a, 0, "sep");
  int64_t most = jarg_int(r, a, 1, "maxsplit", -1);
  if (r->st) return jv_undefined(NULL);
  if (!by) return split_space(r, t, most, true);
  if (by->n == 0) return jrun_stop(r, LOCI_EFORMAT, "rsplit: an empty separator");
  jvalue turned = jv_list(r, JK_LIST), out = jv_list(r, JK_LIST);
  size_t end = t->n;
  for (size_t at; most != 0 && (at = jt_find_last(r, t, by, end)) < t->n && !r->st; most--) {
    push_slice(r, turned, t, at + by->n, end);
    end = at;
  }
  push_slice(r, turned, t, 0, end);
  for (int64_t i = r->st ? 0 : turned.list->count; i-- > 0;) jv_push(r, out, turned.list->at[i]);
  return out;
}

/* The length of a line's end at s, as str.splitlines sees it. */
static size_t line_end(const char *s, size_t n) {
  uint32_t c;
  size_t k = (size_t)utf8_decode(s, n, &c);
  if (c == '\r' && n > 1 && s[1] == '\n') return 2;
  bool ends = k && ((c >= 10 && c <= 13) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
                    c == 0x2029);
  return ends ? k : 0;
}

jvalue jt_lines(jrun *r, const jtext *t, bool keep) {
  jvalue out = jv_list(r, JK_LIST);
  size_t from = 0;
  for (size_t i = 0, k; i < t->n && jrun_step(r, 1); i++) {
    if ((k = line_end(t->s + i, t->n - i)) == 0) continue;
    push_slice(r, out, t, from, keep ? i + k : i);
    from = i + k;
    i += k - 1;
  }
  if (from < t->n) push_slice(r, out, t, from, t->n);
  return out;
}

static jvalue text_splitlines(jrun *r, jvalue self, jargs *a) {
  const jvalue *keep = jarg(a, 0, "keepends");
  return jt_lines(r, self.text, keep && jv_truth(*keep));
}

/* One text or a tuple of them. */
static jvalue begins_or_ends(jrun *r, const jtext *t, jargs *a,
                             bool (*does)(jrun *, const jtext *, const jtext *)) {
  const jvalue *v = jarg(a, 0, NULL);
  if (v && v->kind == JK_TEXT) return jv_bool(does(r, t, v->text));
  if (!v || v->kind != JK_TUPLE) {
    return jrun_stop(r, LOCI_EFORMAT, "a %s where a str is expected",
                     jv_kind_name(v ? *v : jv_none()));
  }
  for (int64_t i = 0; i < v->list->count; i++) {
    jvalue x = v->list->at[i];
    if (x.kind == JK_TEXT && does(r, t, x.text)) return jv_bool(true);
  }
  return jv_bool(false);
}

static jvalue text_startswith(jrun *r, jvalue self, jargs *a) {
  return begins_or_ends(r, self.text, a, jt_begins);
}
static jvalue text_endswith(jrun *r, jvalue self, jargs *a) {
  return begins_or_ends(r, self.text, a, jt_ends);
}

static jvalue text_removeprefix(jrun *r, jvalue self, jargs *a) {
  const jtext *what = jarg_need(r, a, 0, NULL), *t = self.text;
  return jv_of_text(jt_slice(r, t, what && jt_begins(r, t, what) ? what->n : 0, t->n));
}
static jvalue text_removesuffix(jrun *r, jvalue self, jargs *a) {
  const jtext *what = jarg_need(r, a, 0, NULL), *t = self.text;
  return jv_of_text(jt_slice(r, t, 0, what && jt_ends(r, t, what) ? t->n - what->n : t->n));
}

jvalue jt_replace(jrun *r, const jtext *t, const jtext *old, const jtext *by, int64_t most) {
  jbuild b = {.r = r};
  size_t from = 0, at = 0;
  while (most != 0 && (at < t->n || (old->n == 0 && at == t->n)) && !r->st) {
    if (old->n) at = jt_find(r, t, old, at);
    if (old->n && at == t->n) break;
    jb_slice(&b, t, from, at);
    jb_add(&b, by);
    from = at + old->n;
    at = old->n ? from : at + 1;
    while (!old->n && at < t->n && ((uint8_t)t->s[at] & 0xC0) == 0x80) at++;
    most--;
  }
  jb_slice(&b, t, from, t->n);
  return jv_of_text(jb_text(&b));
}

static jvalue text_replace(jrun *r, jvalue self, jargs *a) {
  const jtext *old = jarg_need(r, a, 0, NULL), *by = jarg_need(r, a, 1, NULL);
  int64_t most = jarg_int(r, a, 2, "count", -1);
  return r->st ? jv_undefined(NULL) : jt_replace(r, self.text, old, by, most);
}

/* find, rfind, index, count: by characters. */
static int64_t where(jrun *r, const jtext *t, const jtext *what, bool last) {
  size_t at = last ? jt_find_last(r, t, what, t->n) : jt_find(r, t, what, 0);
  if (r->st || (at == t->n && what->n > 0)) return -1;
  const jtext *before = jt_slice(r, t, 0, at);
  return before ? jt_length(r, before) : -1;
}

static jvalue text_find(jrun *r, jvalue self, jargs *a) {
  const jtext *what = jarg_need(r, a, 0, NULL);
  return jv_int(what ? where(r, self.text, what, false) : -1);
}
static jvalue text_rfind(jrun *r, jvalue self, jargs *a) {
  const jtext *what = jarg_need(r, a, 0, NULL);
  return jv_int(what ? where(r, self.text, what, true) : -1);
}
static jvalue text_index(jrun *r, jvalue self, jargs *a) {
  jvalue v = text_find(r, self, a);
  return v.i < 0 ? jrun_stop(r, LOCI_EFORMAT, "index: it is not there") : v;
}
static jvalue text_count(jrun *r, jvalue self, jargs *a) {
  const jtext *what = jarg_need(r, a, 0, NULL), *t = self.text;
  int64_t n = 0;
  if (what && what->n == 0) return jv_int(jt_length(r, t) + 1);
  for (size_t at = 0; what && (at = jt_find(r, t, what, at)) < t->n; at += what->n) n++;
  return jv_int(n);
}

static jvalue text_join(jrun *r, jvalue self, jargs *a) {
  const jvalue *v = jarg(a, 0, NULL);
  jvalue items = v ? jv_items(r, *v) : jrun_stop(r, LOCI_EFORMAT, "join: an argument is missing");
  jbuild b = {.r = r};
  for (int64_t i = 0; !r->st && i < items.list->count; i++) {
    if (items.list->at[i].kind != JK_TEXT) {
      return jrun_stop(r, LOCI_EFORMAT, "join: a %s among the texts",
                       jv_kind_name(items.list->at[i]));
    }
    if (i) jb_add(&b, self.text);
    jb_add(&b, items.list->at[i].text);
  }
  return jv_of_text(jb_text(&b));
}

/* Whether there are characters, and all are of a kind. */
static jvalue all_are(jrun *r, const jtext *t, char kind) {
  bool cased = false;
  for (size_t i = 0; i < t->n && jrun_step(r, 1);) {
    uint32_t c;
    size_t k = (size_t)utf8_decode(t->s + i, t->n - i, &c);
    bool letter = rune_is_letter(c), number = rune_is_number(c);
    char size = rune_case(c);
    bool is = kind == 'd'   ? rune_is_digit(c)
              : kind == '#' ? number
              : kind == 'a' ? letter
              : kind == 'n' ? letter || number
              : kind == 's' ? jt_skip_space(t->s + i, k, 0) == k
                            : !size || size == kind;
    cased = cased || size;
    if (!is) return jv_bool(false);
    i += k ? k : 1;
  }
  return jv_bool(t->n > 0 && (cased || (kind != 'u' && kind != 'l')));
}

#define ALL_ARE(name, kind)                                                                        \
  static jvalue name(jrun *r, jvalue self, jargs *a) {                                             \
    (void)a;                                                                                       \
    return all_are(r, self.text, kind);                                                            \
  }
ALL_ARE(text_isdigit, 'd')
ALL_ARE(text_isnumeric, '#')
ALL_ARE(text_isalpha, 'a')
ALL_ARE(text_isalnum, 'n')
ALL_ARE(text_isspace, 's')
ALL_ARE(text_isupper, 'u')
ALL_ARE(text_islower, 'l')

/* %s, %r, %d, %i, %f, %.Nf, %% */
jvalue jv_format(jrun *r, const jtext *t, jvalue v) {
  jbuild b = {.r = r};
  int64_t next = 0, count = v.kind == JK_TUPLE ? v.list->count : 1;
  for (size_t i = 0; i < t->n && jrun_step(r, 1); i++) {
    if (t->s[i] != '%') {
      jb_slice(&b, t, i, i + 1);
      continue;
    }
    int digits = 6;
    char c = ++i < t->n ? t->s[i] : '\0', text[400];
    if (c == '.' && i + 2 < t->n && t->s[i + 1] >= '0' && t->s[i + 1] <= '9') {
      digits = t->s[i + 1] - '0';
      c = t->s[i += 2] == 'f' ? 'f' : '?';
    }
    if (c == '%') {
      jb_string(&b, "%");
      continue;
    }
    if (next == count) return jrun_stop(r, LOCI_EFORMAT, "%%: fewer values than places");
    jvalue x = v.kind == JK_TUPLE ? v.list->at[next] : v;
    next++;
    int64_t whole;
    if (c == 's') {
      jb_add(&b, jv_str(r, x));
    } else if (c == 'r') {
      jb_repr(&b, x);
    } else if ((c == 'd' || c == 'i') && jv_whole(x, &whole)) {
      jb_add(&b, jv_str(r, jv_int(whole)));
    } else if (c == 'f' && jv_is_number(x) && jrun_step(r, JINJA_REAL_STEPS)) {
      snprintf(text, sizeof text, "%.*f", digits, jv_number(x));
      jb_string(&b, text);
    } else {
      return jrun_stop(r, LOCI_EUNSUPPORTED, "%%: a format that is not read");
    }
  }
  if (next < count && v.kind != JK_DICT && !(jv_has_members(v) && v.kind != JK_TUPLE)) {
    return jrun_stop(r, LOCI_EFORMAT, "%%: more values than places");
  }
  return jv_of_text(jb_text(&b));
}

/* ---------------------------------------------------------------- methods of lists and dicts */

static jvalue refuse_change(jrun *r, jvalue self, jargs *a) {
  (void)a;
  return jrun_stop(r, LOCI_EFORMAT,
                   "it changes a %s, which transformers (an immutable sandbox) refuses, too",
                   jv_kind_name(self));
}

static jvalue list_index(jrun *r, jvalue self, jargs *a) {
  const jvalue *v = jarg(a, 0, NULL);
  for (int64_t i = 0; v && i < self.list->count && jrun_step(r, 1); i++) {
    if (jv_equal(r, self.list->at[i], *v)) return jv_int(i);
  }
  return jrun_stop(r, LOCI_EFORMAT, "index: it is not there");
}

static jvalue list_count(jrun *r, jvalue self, jargs *a) {
  const jvalue *v = jarg(a, 0, NULL);
  int64_t n = 0;
  for (int64_t i = 0; v && i < self.list->count && jrun_step(r, 1); i++) {
    n += jv_equal(r, self.list->at[i], *v);
  }
  return jv_int(n);
}

static jvalue self_again(jrun *r, jvalue self, jargs *a) { /* copy(): nothing changes */
  (void)r;
  (void)a;
  return self;
}

static jvalue dict_get(jrun *r, jvalue self, jargs *a) {
  const jvalue *key = jarg(a, 0, NULL), *other = jarg(a, 1, NULL);
  bool found = false;
  if (!key) return jrun_stop(r, LOCI_EFORMAT, "get: an argument is missing");
  jvalue v = jv_can_be_key(r, *key) ? jv_get(r, self, *key, &found) : jv_none();
  return found ? v : other ? *other : jv_none();
}

static jvalue dict_keys(jrun *r, jvalue self, jargs *a) {
  (void)a;
  jvalue out = jv_items(r, self);
  if (!r->st) out.kind = JK_VIEW;
  return out;
}

static jvalue dict_values(jrun *r, jvalue self, jargs *a) {
  jvalue out = jv_list(r, JK_VIEW);
  (void)a;
  for (int64_t i = 0; i < self.dict->count && !r->st; i++) jv_push(r, out, self.dict->at[i]);
  return out;
}

static jvalue dict_items(jrun *r, jvalue self, jargs *a) {
  jvalue out = jv_list(r, JK_VIEW);
  (void)a;
  for (int64_t i = 0; i < self.dict->count && !r->st; i++) {
    jvalue pair = jv_list(r, JK_TUPLE);
    jv_push(r, pair, self.dict->keys[i]);
    jv_push(r, pair, self.dict->at[i]);
    jv_push(r, out, pair);
  }
  return out;
}

static jvalue loop_cycle(jrun *r, jvalue self, jargs *a) {
  if (a->count == 0) return jrun_stop(r, LOCI_EFORMAT, "cycle: nothing to go through");
  a->used = a->count == JARGS_MOST ? UINT64_MAX : ((uint64_t)1 << a->count) - 1;
  return a->at[self.loop->at % a->count];
}

static jvalue loop_changed(jrun *r, jvalue self, jargs *a) {
  jvalue now = jv_list(r, JK_TUPLE);
  for (int i = 0; i < a->count && !r->st; i++) jv_push(r, now, a->at[i]);
  a->used = a->count == JARGS_MOST ? UINT64_MAX : ((uint64_t)1 << a->count) - 1;
  bool same = !r->st && self.loop->has_changed && jv_equal(r, self.loop->changed, now);
  self.loop->has_changed = true;
  self.loop->changed = now;
  return jv_bool(!same);
}

static const jcall text_methods[] = {{"upper", text_upper},
                                     {"lower", text_lower},
                                     {"capitalize", text_capitalize},
                                     {"strip", text_strip},
                                     {"lstrip", text_lstrip},
                                     {"rstrip", text_rstrip},
                                     {"split", text_split},
                                     {"rsplit", text_rsplit},
                                     {"splitlines", text_splitlines},
                                     {"startswith", text_startswith},
                                     {"endswith", text_endswith},
                                     {"replace", text_replace},
                                     {"find", text_find},
                                     {"rfind", text_rfind},
                                     {"index", text_index},
                                     {"count", text_count},
                                     {"join", text_join},
                                     {"isdigit", text_isdigit},
                                     {"isnumeric", text_isnumeric},
                                     {"isdecimal", text_isdigit},
                                     {"isalpha", text_isalpha},
                                     {"isalnum", text_isalnum},
                                     {"isspace", text_isspace},
                                     {"isupper", text_isupper},
                                     {"islower", text_islower},
                                     {"removeprefix", text_removeprefix},
                                     {"removesuffix", text_removesuffix}};
static const jcall list_methods[] = {
    {"index", list_index},     {"count", list_count},     {"copy", self_again},
    {"append", refuse_change}, {"extend", refuse_change}, {"insert", refuse_change},
    {"pop", refuse_change},    {"remove", refuse_change}, {"clear", refuse_change},
    {"sort", refuse_change},   {"reverse", refuse_change}};
static const jcall dict_methods[] = {{"get", dict_get},          {"keys", dict_keys},
                                     {"values", dict_values},    {"items", dict_items},
                                     {"copy", self_again},       {"pop", refuse_change},
                                     {"update", refuse_change},  {"setdefault", refuse_change},
                                     {"popitem", refuse_change}, {"clear", refuse_change}};
static const jcall loop_methods[] = {{"cycle", loop_cycle}, {"changed", loop_changed}};

const jcall *jcall_method(jkind of, const char *name) {
  switch (of) {
    case JK_TEXT: return FIND(text_methods, name);
    case JK_LIST: return FIND(list_methods, name);
    case JK_TUPLE:
      return strcmp(name, "index") != 0 && strcmp(name, "count") != 0 ? NULL
                                                                      : FIND(list_methods, name);
    case JK_DICT: return FIND(dict_methods, name);
    case JK_LOOP: return FIND(loop_methods, name);
    default: return NULL;
  }
}
