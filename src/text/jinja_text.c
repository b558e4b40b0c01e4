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

/* ---------------------------------------------------------------- JSON, as json.dumps */
