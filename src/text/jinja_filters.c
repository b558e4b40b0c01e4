/* The filters of templates (jinja_ops.h), after jinja2's own; tojson is transformers'. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja_state.h"

static bool flag(jargs *a, int place, const char *name, bool fallback) {
  const jvalue *v = jarg(a, place, name);
  return v ? jv_truth(*v) : fallback;
}

/* The arguments after the first [skip], for a call of its own. */
static jargs rest_of(jargs *a, int skip) {
  if (skip >= a->count) return (jargs){0};
  for (int i = skip; i < a->count; i++) a->used |= (uint64_t)1 << i;
  return (jargs){.at = a->at + skip, .names = a->names + skip, .count = a->count - skip};
}

static jvalue like(jvalue v, jvalue of) { /* a text made from one that is marked as HTML is, too */
  v.safe = of.kind == JK_TEXT && of.safe;
  return v;
}

/* ---------------------------------------------------------------- texts */

static jvalue filter_string(jrun *r, jvalue v, jargs *a) {
  (void)a;
  return v.kind == JK_TEXT ? v : jv_of_text(jv_str(r, v));
}

static jvalue filter_safe(jrun *r, jvalue v, jargs *a) {
  v = filter_string(r, v, a);
  v.safe = v.kind == JK_TEXT;
  return v;
}

static jvalue filter_escape(jrun *r, jvalue v, jargs *a) {
  (void)a;
  if (v.kind == JK_TEXT && v.safe) return v;
  v = jv_of_text(jt_escape(r, jv_str(r, v)));
  v.safe = true;
  return v;
}

#define CASE(name, how)                                                                            \
  static jvalue name(jrun *r, jvalue v, jargs *a) {                                                \
    (void)a;                                                                                       \
    return like(jt_case(r, jv_str(r, v), how), v);                                                 \
  }
CASE(filter_upper, 'u')
CASE(filter_lower, 'l')
CASE(filter_capitalize, 'c')

static jvalue filter_trim(jrun *r, jvalue v, jargs *a) {
  return like(jt_strip(r, jv_str(r, v), jarg_text(r, a, 0, "chars"), 'b'), v);
}

static jvalue filter_replace(jrun *r, jvalue v, jargs *a) {
  const jvalue *old = jarg(a, 0, "old"), *by = jarg(a, 1, "new");
  int64_t most = jarg_int(r, a, 2, "count", -1);
  if (!old || !by) return jrun_stop(r, LOCI_EFORMAT, "replace: an argument is missing");
  return like(jt_replace(r, jv_str(r, v), jv_str(r, *old), jv_str(r, *by), most), v);
}

static jvalue filter_indent(jrun *r, jvalue v, jargs *a) {
  const jvalue *width = jarg(a, 0, "width");
  if (v.kind != JK_TEXT) return jrun_stop(r, LOCI_EFORMAT, "indent: a %s", jv_kind_name(v));
  bool first = flag(a, 1, "first", false), blank = flag(a, 2, "blank", false);
  jbuild by = {.r = r}, b = {.r = r};
  int64_t n = 4;
  if (width && width->kind == JK_TEXT) {
    jb_add(&by, width->text);
  } else {
    if (width && !jv_whole(*width, &n)) return jrun_stop(r, LOCI_EFORMAT, "indent: the width");
    for (int64_t i = 0; i < n && !r->st; i++) jb_string(&by, " ");
  }
  const jtext *with = jb_text(&by), *t = v.text, end = {.s = "\n", .n = 1, .length = 1};
  const jtext *closed = r->st ? NULL : jt_concat(r, t, &end); /* so that the last line counts */
  jvalue lines = closed ? jt_lines(r, closed, false) : jv_undefined(NULL);
  for (int64_t i = 0; !r->st && i < lines.list->count; i++) {
    const jtext *line = lines.list->at[i].text;
    if (i) jb_string(&b, "\n");
    if (i ? blank || line->n > 0 : first) jb_add(&b, with);
    jb_add(&b, line);
  }
  return like(jv_of_text(jb_text(&b)), v);
}

static jvalue filter_join(jrun *r, jvalue v, jargs *a) {
  const jvalue *by = jarg(a, 0, "d"), *attribute = jarg(a, 1, "attribute");
  jvalue items = jv_items(r, v);
  const jtext *between = by ? jv_str(r, *by) : NULL;
  jbuild b = {.r = r};
  for (int64_t i = 0; !r->st && i < items.list->count; i++) {
    jvalue item = items.list->at[i];
    if (attribute) item = jv_path(r, item, *attribute);
    if (i && between) jb_add(&b, between);
    jb_add(&b, jv_str(r, item));
  }
  return jv_of_text(jb_text(&b));
}

static jvalue filter_tojson(jrun *r, jvalue v, jargs *a) {
  jjson how = {.ascii = flag(a, 0, "ensure_ascii", false), .indent = -1};
  const jvalue *indent = jarg(a, 1, "indent"), *separators = jarg(a, 2, "separators");
  int64_t n;
  how.sorted = flag(a, 3, "sort_keys", false);
  if (indent && indent->kind != JK_NONE) {
    if (!jv_whole(*indent, &n) || n > 64) return jrun_stop(r, LOCI_EUNSUPPORTED, "tojson: indent");
    how.indent = n < 0 ? 0 : (int)n;
  }
  if (separators && separators->kind != JK_NONE) {
    jvalue s = *separators;
    if (!jv_is_list(s) || s.list->count != 2 || s.list->at[0].kind != JK_TEXT ||
        s.list->at[1].kind != JK_TEXT) {
      return jrun_stop(r, LOCI_EFORMAT, "tojson: separators are two texts");
    }
    how.between = s.list->at[0].text;
    how.colon = s.list->at[1].text;
  }
  jbuild b = {.r = r};
  jb_json(&b, v, &how, 0);
  return jv_of_text(jb_text(&b));
}

/* ---------------------------------------------------------------- numbers */

static jvalue filter_int(jrun *r, jvalue v, jargs *a) {
  int64_t other = jarg_int(r, a, 0, "default", 0), i;
  if (jv_whole(v, &i)) return jv_int(i);
  double x = v.kind == JK_REAL ? v.x : (double)NAN;
  if (v.kind == JK_UNDEFINED) return jrun_stop(r, LOCI_EFORMAT, "int: the value is undefined");
  if (v.kind == JK_TEXT) {
    jvalue t = jt_strip(r, v.text, NULL, 'b');
    char text[64], *end;
    if (r->st || t.text->n == 0 || t.text->n >= sizeof text) return jv_int(other);
    memcpy(text, t.text->s, t.text->n);
    text[t.text->n] = '\0';
    if (strspn(text, "+-0123456789.eE_") != t.text->n) return jv_int(other);
    long long whole = strtoll(text, &end, 10);
    if (!*end) return jv_int(whole);
    x = strtod(text, &end);
    if (*end) x = (double)NAN;
  }
  return jv_int(x > -9e18 && x < 9e18 ? (int64_t)x : other);
}

static jvalue filter_float(jrun *r, jvalue v, jargs *a) {
  const jvalue *other = jarg(a, 0, "default");
  char text[64], *end;
  if (jv_is_number(v)) return jv_real(jv_number(v));
  if (v.kind == JK_UNDEFINED) return jrun_stop(r, LOCI_EFORMAT, "float: the value is undefined");
  jvalue t = v.kind == JK_TEXT ? jt_strip(r, v.text, NULL, 'b') : v;
  if (t.kind == JK_TEXT && t.text->n > 0 && t.text->n < sizeof text) {
    memcpy(text, t.text->s, t.text->n);
    text[t.text->n] = '\0';
    bool plain = !strpbrk(text, "xX("); /* strtod reads 0x1p3 and nan(1), Python's float does not */
    double x = plain ? strtod(text, &end) : 0;
    if (plain && !*end) return jv_real(x);
  }
  return other ? *other : jv_real(0);
}

static jvalue filter_abs(jrun *r, jvalue v, jargs *a) {
  int64_t i;
  (void)a;
  if (jv_whole(v, &i) && i != INT64_MIN) return jv_int(i < 0 ? -i : i);
  if (v.kind == JK_REAL) return jv_real(fabs(v.x));
  return jrun_stop(r, LOCI_EFORMAT, "abs: a %s", jv_kind_name(v));
}

static jvalue filter_round(jrun *r, jvalue v, jargs *a) {
  int64_t digits = jarg_int(r, a, 0, "precision", 0);
  const jtext *method = jarg_text(r, a, 1, "method");
  if (!jv_is_number(v) || digits < 0 || digits > 15) {
    return jrun_stop(r, LOCI_EFORMAT, "round: a %s", jv_kind_name(v));
  }
  double x = jv_number(v), scale = pow(10, (double)digits);
  if (method && method->n == 4) return jv_real((ceil(x * scale) + 0.0) / scale); /* no -0.0 */
  if (method && method->n == 5) return jv_real(floor(x * scale) / scale);
  if (v.kind != JK_REAL || fabs(x) > 1e15) return v;
  char text[48];
  jrun_step(r, JINJA_REAL_STEPS);
  snprintf(text, sizeof text, "%.*f", (int)digits, x);
  return jv_real(strtod(text, NULL));
}

/* ---------------------------------------------------------------- lists */

static jvalue filter_length(jrun *r, jvalue v, jargs *a) {
  int64_t n = jv_length(r, v);
  (void)a;
  return n < 0 ? jrun_stop(r, LOCI_EFORMAT, "a %s has no length", jv_kind_name(v)) : jv_int(n);
}

static jvalue filter_list(jrun *r, jvalue v, jargs *a) {
  jvalue items = jv_items(r, v);
  (void)a;
  if (!r->st) items.kind = JK_LIST;
  return items;
}

static jvalue end_of(jrun *r, jvalue v, bool last) {
  if (v.kind == JK_STREAM && last) {
    return jrun_stop(r, LOCI_EFORMAT, "last: a generator has no end: make it a list");
  }
  jvalue items = jv_items(r, v);
  if (r->st) return items;
  if (v.kind == JK_STREAM && items.list->count) { /* the rest is for the next one */
    v.list->at = items.list->at + 1;
    v.list->count = items.list->count - 1;
  }
  items.kind = JK_LIST;
  return jv_index(r, items, last ? -1 : 0);
}

static jvalue filter_first(jrun *r, jvalue v, jargs *a) {
  (void)a;
  return end_of(r, v, false);
}

static jvalue filter_last(jrun *r, jvalue v, jargs *a) {
  (void)a;
  return end_of(r, v, true);
}

static jvalue filter_reverse(jrun *r, jvalue v, jargs *a) {
  jvalue back = jv_int(-1);
  (void)a;
  jvalue out = jv_slice(r, v.kind == JK_TEXT ? v : jv_items(r, v), NULL, NULL, &back);
  if (v.kind != JK_TEXT && !r->st) out.kind = v.kind == JK_STREAM ? JK_LIST : JK_STREAM;
  return out;
}

static jvalue filter_items(jrun *r, jvalue v, jargs *a) {
  if (v.kind == JK_UNDEFINED) return jv_list(r, JK_STREAM);
  if (v.kind != JK_DICT) return jrun_stop(r, LOCI_EFORMAT, "items: a %s", jv_kind_name(v));
  v = jcall_method(JK_DICT, "items")->run(r, v, a);
  if (!r->st) v.kind = JK_STREAM;
  return v;
}

static jvalue filter_default(jrun *r, jvalue v, jargs *a) {
  const jvalue *other = jarg(a, 0, "default_value");
  bool falsy = flag(a, 1, "boolean", false);
  if (v.kind != JK_UNDEFINED && !(falsy && !jv_truth(v))) return v;
  return other ? *other : jv_string(r, "");
}

static jvalue filter_attr(jrun *r, jvalue v, jargs *a) {
  const jvalue *name = jarg(a, 0, "name");
  if (!name || name->kind != JK_TEXT) return jrun_stop(r, LOCI_EFORMAT, "attr: the name");
  return v.kind == JK_DICT ? jv_undefined("attr") : jv_path(r, v, *name);
}

/* What an item is sorted by: its attribute; small letters, unless their size counts. */
static jvalue sort_key(jrun *r, jvalue item, const jvalue *attribute, bool exact) {
  if (attribute && attribute->kind != JK_NONE) item = jv_path(r, item, *attribute);
  return item.kind == JK_TEXT && !exact ? jt_case(r, item.text, 'l') : item;
}

static jvalue sort_keys(jrun *r, jvalue items, const jvalue *attribute, bool exact) {
  jvalue keys = jv_list(r, JK_LIST);
  for (int64_t i = 0; !r->st && i < items.list->count; i++) {
    jv_push(r, keys, sort_key(r, items.list->at[i], attribute, exact));
  }
  return keys;
}

static jvalue filter_sort(jrun *r, jvalue v, jargs *a) {
  bool reverse = flag(a, 0, "reverse", false), exact = flag(a, 1, "case_sensitive", false);
  const jvalue *attribute = jarg(a, 2, "attribute");
  jvalue items = jv_items(r, v), keys = r->st ? items : sort_keys(r, items, attribute, exact);
  return r->st ? keys : jv_sort(r, items, keys.list->at, reverse);
}

static jvalue filter_dictsort(jrun *r, jvalue v, jargs *a) {
  bool exact = flag(a, 0, "case_sensitive", false);
  const jtext *by = jarg_text(r, a, 1, "by");
  bool reverse = flag(a, 2, "reverse", false);
  if (v.kind == JK_UNDEFINED) return jrun_stop(r, LOCI_EFORMAT, "dictsort: the value is undefined");
  jvalue place = jv_int(by && by->n == 5), items = filter_items(r, v, a);
  jvalue keys = r->st ? items : sort_keys(r, items, &place, exact);
  return r->st ? keys : jv_sort(r, items, keys.list->at, reverse);
}

static jvalue filter_unique(jrun *r, jvalue v, jargs *a) {
  bool exact = flag(a, 0, "case_sensitive", false);
  const jvalue *attribute = jarg(a, 1, "attribute");
  jvalue items = jv_items(r, v), out = jv_list(r, JK_STREAM), seen = jv_list(r, JK_LIST);
  for (int64_t i = 0; !r->st && i < items.list->count; i++) {
    jvalue key = sort_key(r, items.list->at[i], attribute, exact);
    if (!jv_can_be_key(r, key) || jv_contains(r, seen, key)) continue;
    jv_push(r, seen, key);
    jv_push(r, out, items.list->at[i]);
  }
  return out;
}

static jvalue extreme(jrun *r, jvalue v, jargs *a, int sign) {
  bool exact = flag(a, 0, "case_sensitive", false);
  const jvalue *attribute = jarg(a, 1, "attribute");
  jvalue items = jv_items(r, v), keys = r->st ? items : sort_keys(r, items, attribute, exact);
  int64_t best = 0;
  for (int64_t i = 1; !r->st && i < items.list->count; i++) {
    if (sign * jv_compare(r, keys.list->at[i], keys.list->at[best]) > 0) best = i;
  }
  return r->st ? keys : jv_index(r, items, best);
}

static jvalue filter_min(jrun *r, jvalue v, jargs *a) { return extreme(r, v, a, -1); }
static jvalue filter_max(jrun *r, jvalue v, jargs *a) { return extreme(r, v, a, 1); }

static jvalue filter_sum(jrun *r, jvalue v, jargs *a) {
  const jvalue *attribute = jarg(a, 0, "attribute"), *start = jarg(a, 1, "start");
  jvalue items = jv_items(r, v), sum = start ? *start : jv_int(0);
  for (int64_t i = 0; !r->st && i < items.list->count; i++) {
    jvalue item = items.list->at[i];
    sum = jv_add(r, sum, attribute ? jv_path(r, item, *attribute) : item);
  }
  return sum;
}

/* ---------------------------------------------------------------- filters of filters and tests */

/* These go through nothing, whatever it is. */
static jvalue some_items(jrun *r, jvalue v) {
  return jv_truth(v) ? jv_items(r, v) : jv_list(r, JK_LIST);
}

static jvalue filter_map(jrun *r, jvalue v, jargs *a) {
  jvalue items = some_items(r, v), out = jv_list(r, JK_STREAM);
  const jvalue *attribute = jarg(a, -1, "attribute"), *other = jarg(a, -1, "default");
  const jvalue *name = attribute ? NULL : jarg(a, 0, NULL);
  const jcall *f = name && name->kind == JK_TEXT ? jcall_filter(jv_name(r, name->text)) : NULL;
  if (!f && !attribute) return jrun_stop(r, LOCI_EUNSUPPORTED, "map: no such filter");
  jargs rest = rest_of(a, 1);
  for (int64_t i = 0; !r->st && i < items.list->count; i++) {
    jvalue item = items.list->at[i];
    jargs again = rest;
    item = f ? jcall_run(r, f, item, &again) : jv_path(r, item, *attribute);
    jv_push(r, out, item.kind == JK_UNDEFINED && other ? *other : item);
  }
  return out;
}

/* select, reject: by a test, or by truth; ..attr: of an attribute. */
static jvalue choose(jrun *r, jvalue v, jargs *a, bool keep, bool by_attribute) {
  jvalue items = some_items(r, v), out = jv_list(r, JK_STREAM);
  const jvalue *attribute = by_attribute ? jarg(a, 0, NULL) : NULL,
               *name = jarg(a, by_attribute, NULL);
  const jcall *f = name && name->kind == JK_TEXT ? jcall_test(jv_name(r, name->text)) : NULL;
  if ((name && !f) || (by_attribute && !attribute)) {
    return jrun_stop(r, LOCI_EUNSUPPORTED, "select or reject: no such test");
  }
  jargs rest = rest_of(a, 1 + by_attribute);
  for (int64_t i = 0; !r->st && i < items.list->count; i++) {
    jvalue item = attribute ? jv_path(r, items.list->at[i], *attribute) : items.list->at[i];
    jargs again = rest;
    bool is = jv_truth(f ? jcall_run(r, f, item, &again) : item);
    if (is == keep) jv_push(r, out, items.list->at[i]);
  }
  return out;
}

static jvalue filter_select(jrun *r, jvalue v, jargs *a) { return choose(r, v, a, true, false); }
static jvalue filter_reject(jrun *r, jvalue v, jargs *a) { return choose(r, v, a, false, false); }
static jvalue filter_selectattr(jrun *r, jvalue v, jargs *a) { return choose(r, v, a, true, true); }
static jvalue filter_rejectattr(jrun *r, jvalue v, jargs *a) {
  return choose(r, v, a, false, true);
}

const jcall *jcall_filter(const char *name) {
  static const jcall list[] = {
      {"abs", filter_abs},           {"attr", filter_attr},       {"capitalize", filter_capitalize},
      {"count", filter_length},      {"d", filter_default},       {"default", filter_default},
      {"dictsort", filter_dictsort}, {"e", filter_escape},        {"escape", filter_escape},
      {"first", filter_first},       {"float", filter_float},     {"indent", filter_indent},
      {"int", filter_int},           {"items", filter_items},     {"join", filter_join},
      {"last", filter_last},         {"length", filter_length},   {"list", filter_list},
      {"lower", filter_lower},       {"map", filter_map},         {"max", filter_max},
      {"min", filter_min},           {"reject", filter_reject},   {"rejectattr", filter_rejectattr},
      {"replace", filter_replace},   {"reverse", filter_reverse}, {"round", filter_round},
      {"safe", filter_safe},         {"select", filter_select},   {"selectattr", filter_selectattr},
      {"sort", filter_sort},         {"string", filter_string},   {"sum", filter_sum},
      {"tojson", filter_tojson},     {"trim", filter_trim},       {"unique", filter_unique},
      {"upper", filter_upper}};
  return FIND(list, name);
}
