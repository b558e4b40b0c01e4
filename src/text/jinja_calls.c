/* What templates call (jinja_ops.h): arguments, functions, attributes, tests.  Methods stand in
 * jinja_methods.c, filters in jinja_filters.c. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_state.h"
#include "text/unicode.h"

/* ---------------------------------------------------------------- arguments */

/* ---------------------------------------------------------------- the day */

static int64_t day_of_year(jinja_day d) {
  static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  bool leap = (d.year % 4 == 0 && d.year % 100 != 0) || d.year % 400 == 0;
  return before[d.month - 1] + d.day + (leap && d.month > 2);
}

static int day_of_week(jinja_day d) { /* 0: Sunday */
  int64_t y = d.year - 1;
  return (int)((y * 365 + y / 4 - y / 100 + y / 400 + day_of_year(d)) % 7);
}

/* One letter of strftime, at noon, in English whatever the locale; false: not known. */
static bool put_date(jbuild *b, char c, bool bare, jinja_day d) {
  static const char *const months[] = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
  static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                     "Thursday", "Friday", "Saturday"};
  char text[32];
  int n = -1, width = 2;
  switch (c) {
    case 'Y': n = d.year, width = 4; break;
    case 'y': n = d.year % 100; break;
    case 'm': n = d.month; break;
    case 'd': n = d.day; break;
    case 'e':
      snprintf(text, sizeof text, "%2d", d.day);
      jb_string(b, text);
      return true;
    case 'j': n = (int)day_of_year(d), width = 3; break;
    case 'u': n = (day_of_week(d) + 6) % 7 + 1, width = 1; break;
    case 'w': n = day_of_week(d), width = 1; break;
    case 'H':
    case 'I': n = 12; break;
    case 'M':
    case 'S': n = 0; break;
    case 'p': jb_string(b, "PM"); return true;
    case 'B': jb_string(b, months[d.month - 1]); return true;
    case 'b':
    case 'h': jb_put(b, months[d.month - 1], 3); return true;
    case 'A': jb_string(b, days[day_of_week(d)]); return true;
    case 'a': jb_put(b, days[day_of_week(d)], 3); return true;
    case '%': jb_string(b, "%"); return true;
    case 'n': jb_string(b, "\n"); return true;
    case 'F':
      snprintf(text, sizeof text, "%04d-%02d-%02d", d.year, d.month, d.day);
      jb_string(b, text);
      return true;
    case 'D':
      snprintf(text, sizeof text, "%02d/%02d/%02d", d.month, d.day, d.year % 100);
      jb_string(b, text);
      return true;
    case 'T': jb_string(b, "12:00:00"); return true;
    case 'R': jb_string(b, "12:00"); return true;
    default: return false;
  }
  snprintf(text, sizeof text, "%0*d", bare ? 1 : width, n);
  jb_string(b, text);
  return true;
}

static jvalue call_strftime_now(jrun *r, jvalue self, jargs *a) {
  const jtext *f = jarg_need(r, a, 0, "format");
  jbuild b = {.r = r};
  (void)self;
  r->asked_day = true;
  for (size_t i = 0; f && i < f->n && !r->st; i++) {
    if (f->s[i] != '%') {
      jb_put(&b, f->s + i, 1);
      continue;
    }
    bool bare = i + 1 < f->n && f->s[i + 1] == '-';
    i += 1 + (size_t)bare;
    jrun_step(r, JINJA_PRINT_STEPS);
    if (i >= f->n || !put_date(&b, f->s[i], bare, r->day)) {
      return jrun_stop(r, LOCI_EUNSUPPORTED, "strftime_now: a format that is not read");
    }
  }
  return jv_of_text(jb_text(&b));
}

/* ---------------------------------------------------------------- functions */

static jvalue call_raise_exception(jrun *r, jvalue self, jargs *a) {
  const jvalue *v = jarg(a, 0, "message");
  (void)self;
  jtext *t = jv_str(r, v ? *v : jv_none());
  int n = t->n > 400 ? 400 : (int)t->n;
  return jrun_stop(r, LOCI_EINVAL, "the template refuses this: %.*s", n, t->s);
}

static jvalue call_range(jrun *r, jvalue self, jargs *a) {
  int64_t from = jarg_int(r, a, 0, "start", 0), to = from, step;
  (void)self;
  bool ends = a->count > 1;
  if (ends) to = jarg_int(r, a, 1, "stop", 0);
  if (!ends) from = 0;
  step = jarg_int(r, a, 2, "step", 1);
  if (step == 0 || a->count == 0) return jrun_stop(r, LOCI_EFORMAT, "range: arguments");
  jvalue out = jv_list(r, JK_RANGE);
  for (int64_t i = from; (step > 0 ? i < to : i > to) && !r->st;) {
    if (out.list->count == JINJA_RANGE_MOST) {
      return jrun_stop(r, LOCI_EFORMAT, "range: more than %d numbers", JINJA_RANGE_MOST);
    }
    jv_push(r, out, jv_int(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return out;
}

/* dict(pairs, **more), namespace(dict, **more) */
static jvalue make_dict(jrun *r, jargs *a, jkind kind) {
  jvalue out = jv_dict(r, kind);
  const jvalue *first = jarg(a, 0, NULL);
  jvalue items = first ? jv_items(r, *first) : jv_list(r, JK_LIST);
  for (int64_t i = 0; !r->st && i < items.list->count; i++) {
    jvalue key = items.list->at[i];
    bool found;
    if (first && first->kind == JK_DICT) {
      jv_put(r, out, key, jv_get(r, *first, key, &found));
    } else if (jv_is_list(key) && key.list->count == 2) {
      jv_put(r, out, key.list->at[0], key.list->at[1]);
    } else {
      return jrun_stop(r, LOCI_EFORMAT, "a dict is made of pairs");
    }
  }
  for (int i = 0; i < a->count && !r->st; i++) {
    if (!a->names || !a->names[i]) continue;
    jv_set(r, out, a->names[i], a->at[i]);
    a->used |= (uint64_t)1 << i;
  }
  return out;
}

static jvalue call_dict(jrun *r, jvalue self, jargs *a) {
  (void)self;
  return make_dict(r, a, JK_DICT);
}

static jvalue call_namespace(jrun *r, jvalue self, jargs *a) {
  (void)self;
  return make_dict(r, a, JK_SPACE);
}

const jcall *jcall_function(const char *name) {
  static const jcall list[] = {{"raise_exception", call_raise_exception},
                               {"strftime_now", call_strftime_now},
                               {"range", call_range},
                               {"dict", call_dict},
                               {"namespace", call_namespace}};
  return FIND(list, name);
}

/* ---------------------------------------------------------------- attributes */

static bool loop_attribute(const jloop *l, const char *name, jvalue *out) {
  int64_t n = l->items->count, i = l->at;
  const struct {
    const char *name;
    jvalue v;
  } members[] = {{"index", jv_int(i + 1)},
                 {"index0", jv_int(i)},
                 {"revindex", jv_int(n - i)},
                 {"revindex0", jv_int(n - i - 1)},
                 {"first", jv_bool(i == 0)},
                 {"last", jv_bool(i == n - 1)},
                 {"length", jv_int(n)},
                 {"depth", jv_int(1)},
                 {"depth0", jv_int(0)},
                 {"previtem", i > 0 ? l->items->at[i - 1] : jv_undefined("previtem")},
                 {"nextitem", i + 1 < n ? l->items->at[i + 1] : jv_undefined("nextitem")}};
  for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
    if (strcmp(members[k].name, name) != 0) continue;
    *out = members[k].v;
    return true;
  }
  return false;
}

jvalue jv_attribute(jrun *r, jvalue v, const char *name) {
  jvalue out;
  bool found;
  if (v.kind == JK_UNDEFINED) {
    return jrun_stop(r, LOCI_EFORMAT, "\"%.80s\" is undefined, and its \"%.80s\" is asked for",
                     v.name ? v.name : "a value", name);
  }
  if (v.kind == JK_LOOP && loop_attribute(v.loop, name, &out)) return out;
  const jcall *call = jcall_method(v.kind, name);
  if (v.kind == JK_MACRO) {
    return jrun_stop(r, LOCI_EUNSUPPORTED,
                     "the members of a macro, as \"%.80s\", are not supported", name);
  }
  if (call) {
    jmethod *m = jrun_alloc(r, 1, sizeof *m);
    if (!m) return jv_undefined(NULL);
    *m = (jmethod){v, call};
    return (jvalue){.kind = JK_METHOD, .method = m};
  }
  out = jv_find(r, v, name, &found);
  return found ? out : jv_undefined(name);
}

const char *jv_name(jrun *r, const jtext *t) {
  jbuild b = {.r = r};
  jb_add(&b, t);
  jb_put(&b, "", 1);
  return r->st ? "" : b.s;
}

jvalue jv_subscript(jrun *r, jvalue v, jvalue key) {
  int64_t i;
  bool found = false;
  if (v.kind == JK_UNDEFINED) {
    return jrun_stop(r, LOCI_EFORMAT, "\"%.80s\" is undefined, and a member of it is asked for",
                     v.name ? v.name : "a value");
  }
  jvalue out = v.kind == JK_DICT ? jv_get(r, v, key, &found) : jv_undefined(NULL);
  if (found) return out;
  if (jv_whole(key, &i)) return jv_index(r, v, i);
  return key.kind == JK_TEXT && !r->st ? jv_attribute(r, v, jv_name(r, key.text))
                                       : jv_undefined(NULL);
}

jvalue jv_path(jrun *r, jvalue v, jvalue path) {
  int64_t i;
  if (jv_whole(path, &i)) return jv_subscript(r, v, path);
  if (path.kind != JK_TEXT) return jrun_stop(r, LOCI_EFORMAT, "an attribute is a str or an int");
  const jtext *t = path.text, dot = {.s = ".", .n = 1};
  for (size_t from = 0, at; from <= t->n && !r->st; from = at + 1) {
    at = jt_find(r, t, &dot, from);
    const jtext *part = jt_slice(r, t, from, at);
    if (!part) break;
    const char *name = jv_name(r, part);
    bool number = part->n > 0 && part->n < 10 && strspn(name, "0123456789") == part->n;
    int64_t place = 0;
    for (size_t k = 0; number && k < part->n; k++) place = 10 * place + (name[k] - '0');
    jvalue key = number ? jv_int(place) : jv_text(r, name, part->n);
    v = jv_subscript(r, v, key);
  }
  return v;
}

/* ---------------------------------------------------------------- tests */

#define TEST(name, condition)                                                                      \
  static jvalue name(jrun *r, jvalue v, jargs *a) {                                                \
    int64_t i = 0;                                                                                 \
    (void)r, (void)a, (void)i;                                                                     \
    return jv_bool(condition);                                                                     \
  }

static jvalue other(jrun *r, jargs *a) {
  const jvalue *v = jarg(a, 0, NULL);
  return v ? *v : jrun_stop(r, LOCI_EFORMAT, "a test without what it compares with");
}

static bool leaves(jrun *r, jvalue v, jvalue n, int64_t rest) {
  return jv_equal(r, jv_divide(r, v, n, '%'), jv_int(rest));
}

static bool is_same(jrun *r, jvalue a, jvalue b) {
  return a.kind == b.kind &&
         (jv_has_items(a) || a.kind == JK_DICT ? a.dict == b.dict : jv_equal(r, a, b));
}

TEST(is_defined, v.kind != JK_UNDEFINED)
TEST(is_undefined, v.kind == JK_UNDEFINED)
TEST(is_none, v.kind == JK_NONE)
TEST(is_boolean, v.kind == JK_BOOL)
TEST(is_true, v.kind == JK_BOOL && v.b)
TEST(is_false, v.kind == JK_BOOL && !v.b)
TEST(is_integer, v.kind == JK_INT)
TEST(is_float, v.kind == JK_REAL)
TEST(is_number, jv_is_number(v))
TEST(is_string, v.kind == JK_TEXT)
TEST(is_mapping, v.kind == JK_DICT)
TEST(is_sequence,
     v.kind == JK_TEXT || v.kind == JK_DICT || jv_has_members(v) || v.kind == JK_UNDEFINED)
TEST(is_iterable, jv_truth(is_sequence(r, v, a)) || jv_has_items(v) || v.kind == JK_LOOP)
TEST(is_callable, v.kind >= JK_MACRO || v.kind == JK_UNDEFINED)
TEST(is_escaped, v.kind == JK_TEXT && v.safe)
TEST(is_even, leaves(r, v, jv_int(2), 0))
TEST(is_odd, leaves(r, v, jv_int(2), 1))
TEST(is_divisible, leaves(r, v, other(r, a), 0))
TEST(is_lower, jv_truth(jcall_method(JK_TEXT, "islower")->run(r, jv_of_text(jv_str(r, v)), a)))
TEST(is_upper, jv_truth(jcall_method(JK_TEXT, "isupper")->run(r, jv_of_text(jv_str(r, v)), a)))
TEST(is_in, jv_contains(r, other(r, a), v))
TEST(is_sameas, is_same(r, v, other(r, a)))
TEST(is_equal, jv_equal(r, v, other(r, a)))
TEST(is_unequal, !jv_equal(r, v, other(r, a)))
TEST(is_below, jv_compare(r, v, other(r, a)) < 0)
TEST(is_most, jv_compare(r, v, other(r, a)) <= 0)
TEST(is_above, jv_compare(r, v, other(r, a)) > 0)
TEST(is_least, jv_compare(r, v, other(r, a)) >= 0)

const jcall *jcall_test(const char *name) {
  static const jcall list[] = {{"defined", is_defined},   {"undefined", is_undefined},
                               {"none", is_none},         {"boolean", is_boolean},
                               {"true", is_true},         {"false", is_false},
                               {"integer", is_integer},   {"float", is_float},
                               {"number", is_number},     {"string", is_string},
                               {"mapping", is_mapping},   {"iterable", is_iterable},
                               {"sequence", is_sequence}, {"callable", is_callable},
                               {"escaped", is_escaped},   {"even", is_even},
                               {"odd", is_odd},           {"divisibleby", is_divisible},
                               {"lower", is_lower},       {"upper", is_upper},
                               {"sameas", is_sameas},     {"in", is_in},
                               {"eq", is_equal},          {"equalto", is_equal},
                               {"ne", is_unequal},        {"lt", is_below},
                               {"lessthan", is_below},    {"le", is_most},
                               {"gt", is_above},          {"greaterthan", is_above},
                               {"ge", is_least},          {"==", is_equal},
                               {"!=", is_unequal},        {"<", is_below},
                               {"<=", is_most},           {">", is_above},
                               {">=", is_least}};
  return FIND(list, name);
}
