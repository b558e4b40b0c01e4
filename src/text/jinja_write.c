/* Values of a template as text (jinja_ops.h): as Python's str and repr write them, and as JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_state.h"
#include "text/unicode.h"

/* The shortest digits that give the same number back, with Python's choice of an exponent. */
static void put_real(jbuild *b, double x) {
  char text[40];
  jrun_step(b->r, JINJA_REAL_STEPS);
  if (!isfinite(x)) {
    jb_string(b, isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
    return;
  }
  int digits = 1;
  for (; digits < 17; digits++) {
    snprintf(text, sizeof text, "%.*e", digits - 1, x);
    if (strtod(text, NULL) == x) break;
  }
  snprintf(text, sizeof text, "%.*e", digits - 1, x);
  const char *e = strrchr(text, 'e');
  int exponent = e ? atoi(e + 1) : 0;
  if (exponent >= -4 && exponent < 16) {
    int decimals = digits - 1 - exponent;
    snprintf(text, sizeof text, "%.*f", decimals > 0 ? decimals : 1, x);
  }
  for (char *c = text; *c; c++) {
    if (*c == ',') *c = '.'; /* the locale's */
  }
  jb_string(b, text);
}

/* What needs no quotes; false: another kind. */
static bool put_plain(jbuild *b, jvalue v) {
  char text[24];
  switch (v.kind) {
    case JK_NONE: jb_string(b, "None"); return true;
    case JK_BOOL: jb_string(b, v.b ? "True" : "False"); return true;
    case JK_REAL: put_real(b, v.x); return true;
    case JK_INT:
      jrun_step(b->r, JINJA_PRINT_STEPS);
      snprintf(text, sizeof text, "%lld", (long long)v.i);
      jb_string(b, text);
      return true;
    default: return false;
  }
}

/* A character that is written as an escape: its code in 2, 4 or 8 hexadecimal digits. */
static void put_code(jbuild *b, uint32_t c, bool json) {
  char text[16];
  if (json && c > 0xFFFF) {
    c -= 0x10000;
    snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xD800 + (unsigned)(c >> 10),
             0xDC00 + (unsigned)(c & 0x3FF));
  } else if (json || (c > 0xFF && c <= 0xFFFF)) {
    snprintf(text, sizeof text, "\\u%04x", (unsigned)c);
  } else {
    snprintf(text, sizeof text, c > 0xFF ? "\\U%08x" : "\\x%02x", (unsigned)c);
  }
  jb_string(b, text);
}

typedef struct quoting {
  char quote;
  bool json, ascii; /* ascii: all others as escapes */
} quoting;

/* Runs that need no escape go over with their marks. */
static void put_quoted(jbuild *b, const jtext *t, quoting q) {
  size_t done = 0;
  jb_put(b, &q.quote, 1);
  for (size_t i = 0; i < t->n && jrun_step(b->r, 1);) {
    uint32_t c;
    size_t k = (size_t)utf8_decode(t->s + i, t->n - i, &c);
    static const char letters[] = "\n\r\t\b\f", as[] = "nrtbf";
    const char *letter = c && c < 0x20 ? strchr(letters, (int)c) : NULL;
    if (letter && !q.json && letter - letters > 2) letter = NULL;
    bool escaped = c == '\\' || c == (uint8_t)q.quote || letter ||
                   (q.json ? c < 0x20 || (q.ascii && c > 0x7E) : !rune_is_printable(c));
    if (escaped) {
      jb_slice(b, t, done, i);
      if (letter || c == '\\' || c == (uint8_t)q.quote) {
        char two[2] = {'\\', letter ? as[letter - letters] : (char)c};
        jb_put(b, two, 2);
      } else {
        put_code(b, c, q.json);
      }
      done = i + k;
    }
    i += k ? k : 1;
  }
  jb_slice(b, t, done, t->n);
  jb_put(b, &q.quote, 1);
}

static void put_members(jbuild *b, jvalue v) {
  const jdict *d = v.dict;
  jb_string(b, v.kind == JK_SPACE ? "<Namespace {" : "{");
  for (int64_t i = 0; i < d->count && !b->r->st; i++) {
    jb_string(b, i ? ", " : "");
    jb_repr(b, d->keys[i]);
    jb_string(b, ": ");
    jb_repr(b, d->at[i]);
  }
  jb_string(b, v.kind == JK_SPACE ? "}>" : "}");
}

void jb_repr(jbuild *b, jvalue v) {
  jrun_step(b->r, 1);
  if (put_plain(b, v) || !jrun_deeper(b->r)) return;
  if (v.kind == JK_TEXT) {
    bool doubled = memchr(v.text->s, '\'', v.text->n) && !memchr(v.text->s, '"', v.text->n);
    if (v.safe) jb_string(b, "Markup(");
    put_quoted(b, v.text, (quoting){doubled ? '"' : '\'', false, false});
    if (v.safe) jb_string(b, ")");
  } else if (jv_is_list(v)) {
    jb_string(b, v.kind == JK_LIST ? "[" : "(");
    for (int64_t i = 0; i < v.list->count && !b->r->st; i++) {
      jb_string(b, i ? ", " : "");
      jb_repr(b, v.list->at[i]);
    }
    if (v.kind == JK_TUPLE && v.list->count == 1) jb_string(b, ",");
    jb_string(b, v.kind == JK_LIST ? "]" : ")");
  } else if (v.kind == JK_DICT || v.kind == JK_SPACE) {
    put_members(b, v);
  } else if (v.kind == JK_UNDEFINED) {
    jb_string(b, "Undefined");
  } else {
    jrun_stop(b->r, LOCI_EUNSUPPORTED, "a %s is put into the text", jv_kind_name(v));
  }
  jrun_back(b->r);
}

jtext *jv_str(jrun *r, jvalue v) {
  static const jtext nothing = {.s = "", .length = 0};
  if (v.kind == JK_TEXT) return v.text;
  jbuild b = {.r = r};
  if (v.kind != JK_UNDEFINED) jb_repr(&b, v);
  jtext *t = jb_text(&b);
  return t ? t : (jtext *)(uintptr_t)&nothing;
}

static void new_line(jbuild *b, const jjson *how, int depth) {
  if (how->indent < 0) return;
  jb_string(b, "\n");
  for (int i = 0; i < how->indent * depth && !b->r->st; i++) jb_string(b, " ");
}

static void put_separator(jbuild *b, const jjson *how) {
  if (how->between) {
    jb_add(b, how->between);
  } else {
    jb_string(b, how->indent < 0 ? ", " : ",");
  }
}

static void json_key(jbuild *b, jvalue key, const jjson *how) {
  jbuild plain = {.r = b->r};
  if (key.kind != JK_TEXT && !put_plain(&plain, key)) {
    jrun_stop(b->r, LOCI_EFORMAT, "a %s as a key of JSON", jv_kind_name(key));
    return;
  }
  if (key.kind == JK_NONE || key.kind == JK_BOOL) {
    plain.n = 0;
    jb_string(&plain, key.kind == JK_NONE ? "null" : key.b ? "true" : "false");
  }
  const jtext *t = key.kind == JK_TEXT ? key.text : jb_text(&plain);
  if (t) put_quoted(b, t, (quoting){'"', true, how->ascii});
  if (how->colon) {
    jb_add(b, how->colon);
  } else {
    jb_string(b, ": ");
  }
}

static void json_members(jbuild *b, jvalue v, const jjson *how, int depth) {
  jvalue keys = jv_items(b->r, v);
  if (how->sorted && !b->r->st) keys = jv_sort(b->r, keys, keys.list->at, false);
  jb_string(b, "{");
  for (int64_t i = 0; !b->r->st && i < keys.list->count; i++) {
    bool found;
    if (i) put_separator(b, how);
    new_line(b, how, depth + 1);
    json_key(b, keys.list->at[i], how);
    jb_json(b, jv_get(b->r, v, keys.list->at[i], &found), how, depth + 1);
  }
  if (v.dict->count) new_line(b, how, depth);
  jb_string(b, "}");
}

void jb_json(jbuild *b, jvalue v, const jjson *how, int depth) {
  jrun_step(b->r, 1);
  if (!jrun_deeper(b->r)) return;
  if (v.kind == JK_NONE || v.kind == JK_BOOL) {
    jb_string(b, v.kind == JK_NONE ? "null" : v.b ? "true" : "false");
  } else if (v.kind == JK_REAL && !isfinite(v.x)) {
    jb_string(b, isnan(v.x) ? "NaN" : v.x < 0 ? "-Infinity" : "Infinity");
  } else if (v.kind == JK_INT || v.kind == JK_REAL) {
    put_plain(b, v);
  } else if (v.kind == JK_TEXT) {
    put_quoted(b, v.text, (quoting){'"', true, how->ascii});
  } else if (v.kind == JK_DICT) {
    json_members(b, v, how, depth);
  } else if (jv_is_list(v)) {
    jb_string(b, "[");
    for (int64_t i = 0; i < v.list->count && !b->r->st; i++) {
      if (i) put_separator(b, how);
      new_line(b, how, depth + 1);
      jb_json(b, v.list->at[i], how, depth + 1);
    }
    if (v.list->count) new_line(b, how, depth);
    jb_string(b, "]");
  } else {
    jrun_stop(b->r, LOCI_EFORMAT, "%s is no JSON", jv_kind_name(v));
  }
  jrun_back(b->r);
}
