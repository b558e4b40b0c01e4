/* Texts of a template: pieces with the marks of where they came from, and values as text
 * (jinja_ops.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_state.h"
#include "text/unicode.h"

/* ---------------------------------------------------------------- white space, as Python's */

static bool is_space(uint32_t c) { return rune_is_space(c) || (c >= 0x1C && c <= 0x1F); }

size_t jt_skip_space(const char *s, size_t n, size_t at) {
  uint32_t c;
  for (int k; at < n; at += (size_t)k) {
    k = utf8_decode(s + at, n - at, &c);
    if (k == 0 || !is_space(c)) break;
  }
  return at;
}

size_t jt_trim_end(const char *s, size_t n) {
  uint32_t c;
  while (n > 0) {
    size_t at = n - 1;
    while (at > 0 && ((uint8_t)s[at] & 0xC0) == 0x80) at--;
    if (utf8_decode(s + at, n - at, &c) == 0 || !is_space(c)) break;
    n = at;
  }
  return n;
}

int64_t jt_length(jrun *r, const jtext *t) {
  if (t->length >= 0) return t->length;
  jrun_step(r, t->n / 64);
  int64_t count = 0;
  for (size_t i = 0; i < t->n; i++) count += ((uint8_t)t->s[i] & 0xC0) != 0x80;
  ((jtext *)(uintptr_t)t)->length = count;
  return count;
}

/* Most places differ early; the others are charged. */
static bool stands_at(jrun *r, const char *s, const jtext *what) {
  size_t head = what->n < 64 ? what->n : 64;
  return memcmp(s, what->s, head) == 0 &&
         (head == what->n || (jrun_step(r, what->n / 64) && memcmp(s, what->s, what->n) == 0));
}

size_t jt_find(jrun *r, const jtext *t, const jtext *what, size_t from) {
  size_t at = from;
  if (what->n == 0) return from;
  while (at + what->n <= t->n && !jrun_failed(r)) {
    const char *p = memchr(t->s + at, what->s[0], t->n - what->n - at + 1);
    at = p ? (size_t)(p - t->s) : t->n;
    if (!p || stands_at(r, p, what)) break;
    at++;
  }
  if (at + what->n > t->n) at = t->n;
  return jrun_step(r, 1 + (at - from) / JINJA_BYTES_A_STEP) ? at : t->n;
}

size_t jt_find_last(jrun *r, const jtext *t, const jtext *what, size_t end) {
  size_t at = end >= what->n ? end - what->n + 1 : 0;
  while (at > 0 && !jrun_failed(r) && !stands_at(r, t->s + at - 1, what)) at--;
  return jrun_step(r, 1 + (end - at) / JINJA_BYTES_A_STEP) && at > 0 ? at - 1 : t->n;
}

bool jt_begins(jrun *r, const jtext *t, const jtext *what) {
  return what->n <= t->n && stands_at(r, t->s, what);
}

bool jt_ends(jrun *r, const jtext *t, const jtext *what) {
  return what->n <= t->n && stands_at(r, t->s + t->n - what->n, what);
}

/* ---------------------------------------------------------------- pieces */

/* The part of a mark inside [begin, end), moved to where that piece goes; false: none. */
static bool cut_mark(const jmark *m, size_t begin, size_t end, size_t to, jmark *out) {
  size_t a = m->begin > begin ? m->begin : begin, b = m->end < end ? m->end : end;
  if (a >= b) return false;
  *out = (jmark){a - begin + to, b - begin + to, m->from + (a - m->begin), m->source};
  return true;
}

jtext *jt_slice(jrun *r, const jtext *t, size_t begin, size_t end) {
  jtext *out = jrun_alloc(r, 1, sizeof *out);
  if (!out) return NULL;
  *out = (jtext){.s = t->s + begin, .n = end - begin, .length = -1};
  if (t->mark_count == 0) return out;
  jrun_step(r, (size_t)t->mark_count);
  jmark *marks = jrun_alloc(r, (size_t)t->mark_count, sizeof *marks);
  for (int i = 0; marks && i < t->mark_count; i++) {
    out->mark_count += cut_mark(&t->marks[i], begin, end, 0, &marks[out->mark_count]);
  }
  out->marks = marks;
  return marks ? out : NULL;
}

struct jgrow {
  size_t used, room;
  char s[];
};

/* A text that ends where its room does not is continued in place, so that a text made by many
 * additions costs no more than twice its length. */
jtext *jt_concat(jrun *r, const jtext *a, const jtext *b) {
  size_t n = a->n + b->n;
  struct jgrow *g = a->grow;
  if (n > JINJA_TEXT_MOST) {
    jrun_stop(r, LOCI_EFORMAT, "a text of more than %d bytes", JINJA_TEXT_MOST);
    return NULL;
  }
  if (!g || a->s + a->n != g->s + g->used || g->room - g->used < b->n) {
    size_t room = 2 * n + 32;
    g = jrun_alloc(r, 1, sizeof *g + room);
    if (!g) return NULL;
    *g = (struct jgrow){a->n, room};
    memcpy(g->s, a->s, a->n);
  }
  jtext *out = jrun_alloc(r, 1, sizeof *out);
  if (!out || !jrun_step(r, b->n / 64)) return NULL;
  memcpy(g->s + g->used, b->s, b->n);
  *out = (jtext){g->s + g->used - a->n, n, -1, a->marks, a->mark_count, g};
  g->used += b->n;
  if (b->mark_count == 0) return out;
  jmark *marks = jrun_alloc(r, (size_t)a->mark_count + (size_t)b->mark_count, sizeof *marks);
  if (!marks) return NULL;
  if (a->mark_count) memcpy(marks, a->marks, (size_t)a->mark_count * sizeof *marks);
  for (int i = 0; i < b->mark_count; i++) {
    out->mark_count += cut_mark(&b->marks[i], 0, b->n, a->n, &marks[out->mark_count]);
  }
  out->marks = marks;
  return out;
}

/* ---------------------------------------------------------------- building */

/* Room for n more bytes and one more mark. */
static bool make_room(jbuild *b, size_t n) {
  if (b->n + n > JINJA_TEXT_MOST) {
    jrun_stop(b->r, LOCI_EFORMAT, "a text of more than %d bytes", JINJA_TEXT_MOST);
  }
  if (b->r->st) return false;
  if (b->n + n > b->room) {
    size_t room = 2 * (b->n + n) + 64;
    char *s = jrun_alloc(b->r, room, 1);
    if (!s) return false;
    if (b->n) memcpy(s, b->s, b->n);
    b->s = s;
    b->room = room;
  }
  if (b->mark_count == b->mark_room) {
    int room = 2 * b->mark_room + 4;
    jmark *marks = jrun_alloc(b->r, (size_t)room, sizeof *marks);
    if (!marks) return false;
    if (b->mark_count) memcpy(marks, b->marks, (size_t)b->mark_count * sizeof *marks);
    b->marks = marks;
    b->mark_room = room;
  }
  return true;
}

void jb_put(jbuild *b, const char *s, size_t n) {
  if (!n || !make_room(b, n) || !jrun_step(b->r, n / 64)) return;
  memcpy(b->s + b->n, s, n);
  b->n += n;
}

void jb_string(jbuild *b, const char *s) { jb_put(b, s, strlen(s)); }

/* Marks that go on where the last one ends become one with it. */
static void add_mark(jbuild *b, jmark m) {
  jmark *last = b->mark_count ? &b->marks[b->mark_count - 1] : NULL;
  if (last && last->source == m.source && last->end == m.begin &&
      last->from + (last->end - last->begin) == m.from) {
    last->end = m.end;
  } else if (make_room(b, 0)) {
    b->marks[b->mark_count++] = m;
  }
}

void jb_slice(jbuild *b, const jtext *t, size_t begin, size_t end) {
  size_t to = b->n;
  jmark m;
  jb_put(b, t->s + begin, end - begin);
  for (int i = 0; i < t->mark_count && jrun_step(b->r, 1); i++) {
    if (cut_mark(&t->marks[i], begin, end, to, &m)) add_mark(b, m);
  }
}

void jb_add(jbuild *b, const jtext *t) {
  if (t) jb_slice(b, t, 0, t->n);
}

jtext *jb_text(jbuild *b) {
  jtext *t = jrun_alloc(b->r, 1, sizeof *t);
  if (t) *t = (jtext){b->s ? b->s : "", b->n, -1, b->marks, b->mark_count, NULL};
  return t;
}

jtext *jt_escape(jrun *r, const jtext *t) {
  jbuild b = {.r = r};
  size_t done = 0;
  for (size_t i = 0; i <= t->n && !r->st; i++) {
    const char *as = i == t->n         ? ""
                     : t->s[i] == '&'  ? "&amp;"
                     : t->s[i] == '<'  ? "&lt;"
                     : t->s[i] == '>'  ? "&gt;"
                     : t->s[i] == '"'  ? "&#34;"
                     : t->s[i] == '\'' ? "&#39;"
                                       : NULL;
    if (!as) continue;
    jb_slice(&b, t, done, i);
    jb_string(&b, as);
    done = i + 1;
  }
  return jb_text(&b);
}

/* ---------------------------------------------------------------- values as text */

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
    int behind = digits - 1 - exponent;
    snprintf(text, sizeof text, "%.*f", behind > 0 ? behind : 1, x);
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

/* ---------------------------------------------------------------- JSON, as json.dumps */

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
