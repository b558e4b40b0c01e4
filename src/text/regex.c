/* The fence round PCRE2 (see regex.h).
 *
 * Translated from Ruby syntax: \s and \S (PCRE2 counts U+180E as a space, Unicode no longer does),
 * \w (no marks in PCRE2 10.42), \h (a hexadecimal digit there, a blank here).  ^ and $ match at
 * lines, as in Ruby.  Refused: nested classes and &&, \W inside a class, (?m), \K, \b on our \w is
 * close enough for the boundaries in real files.
 *
 * Against hostile patterns: PCRE2's limits bound one match, a budget of processor time bounds the
 * search as a whole. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include <pcre2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATTERN_LIMIT = 1 << 16, MATCH_LIMIT = 1000000, HEAP_LIMIT_KIB = 1 << 16 };
static const double seconds_allowed = 3;

#define SPACES                                                                                     \
  "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}" \
  "\\x{3000}"
#define NOT_SPACES                                                                                 \
  "\\x00-\\x08\\x0e-\\x1f\\x21-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"         \
  "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-"         \
  "\\x{10ffff}"
#define WORD "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}"
#define HEX "0-9a-fA-F"

struct regex {
  pcre2_code *code;
  pcre2_match_context *limits;
};

/* ---------------------------------------------------------------- translation */

typedef struct translation {
  const char *from;
  size_t n, at;
  char *to;
  size_t size, room;
  bool in_class;
  const char *what;
  loci_err *err;
} translation;

static loci_status put(translation *t, const char *s, size_t n) {
  if (n > t->room - t->size) {
    size_t room = 2 * t->room + n;
    char *to = realloc(t->to, room);
    if (!to) return fail_nomem(t->err, "translating a regular expression");
    t->to = to;
    t->room = room;
  }
  memcpy(t->to + t->size, s, n);
  t->size += n;
  return LOCI_OK;
}

static loci_status put_text(translation *t, const char *s) { return put(t, s, strlen(s)); }

static loci_status refuse(const translation *t, const char *construct) {
  return fail(t->err, LOCI_EUNSUPPORTED,
              "%s: the regular expression uses %s, which loci does not understand", t->what,
              construct);
}

/* A set such as \s: its members inside a class, a class of its own outside. */
static loci_status put_set(translation *t, bool negated, const char *members) {
  if (t->in_class) return put_text(t, members);
  TRY(put_text(t, negated ? "[^" : "["));
  TRY(put_text(t, members));
  return put_text(t, "]");
}

static loci_status translate_escape(translation *t) {
  if (t->at + 1 >= t->n) {
    return fail(t->err, LOCI_EFORMAT, "%s: the regular expression ends in a backslash", t->what);
  }
  char c = t->from[t->at + 1];
  t->at += 2;
  switch (c) {
    case 's': return put_set(t, false, SPACES);
    case 'S': return t->in_class ? put_text(t, NOT_SPACES) : put_set(t, true, SPACES);
    case 'w': return put_set(t, false, WORD);
    case 'h': return put_set(t, false, HEX);
    case 'W': return t->in_class ? refuse(t, "\\W inside a class") : put_set(t, true, WORD);
    case 'H': return t->in_class ? refuse(t, "\\H inside a class") : put_set(t, true, HEX);
    case 'K': return refuse(t, "\\K");
    case 'C': return refuse(t, "\\C");
    case 'Q': return refuse(t, "\\Q");
    case 'E': return refuse(t, "\\E");
    default: return put(t, t->from + t->at - 2, 2);
  }
}

static bool follows(const translation *t, const char *s) {
  size_t k = strlen(s);
  return t->n - t->at >= k && memcmp(t->from + t->at, s, k) == 0;
}

static loci_status translate_in_class(translation *t) {
  char c = t->from[t->at];
  if (c == '[') {
    const char *end = follows(t, "[:") ? strstr(t->from + t->at, ":]") : NULL;
    if (!end) return refuse(t, "a class inside a class");
    size_t k = (size_t)(end + 2 - (t->from + t->at));
    t->at += k;
    return put(t, end + 2 - k, k);
  }
  if (follows(t, "&&")) return refuse(t, "&& inside a class");
  if (c == ']') t->in_class = false;
  t->at++;
  return put(t, &c, 1);
}

/* The start of a class: a ] directly after it is a member. */
static loci_status translate_class_start(translation *t) {
  size_t k = follows(t, "[^") ? 2 : 1;
  t->in_class = true;
  TRY(put(t, t->from + t->at, k));
  t->at += k;
  if (t->at < t->n && t->from[t->at] == ']') {
    t->at++;
    return put_text(t, "\\]");
  }
  return LOCI_OK;
}

/* Refuses (?m..), which in Ruby lets the dot match line ends, and (*VERBS). */
static loci_status check_group(const translation *t) {
  if (follows(t, "(*")) return refuse(t, "(*");
  if (!follows(t, "(?")) return LOCI_OK;
  size_t i = t->at + 2;
  while (i < t->n && strchr("imxa-", t->from[i]) && t->from[i]) {
    if (t->from[i] == 'm') return refuse(t, "(?m");
    i++;
  }
  return LOCI_OK;
}

static loci_status translate(translation *t) {
  while (t->at < t->n) {
    char c = t->from[t->at];
    if (c == '\\') {
      TRY(translate_escape(t));
    } else if (t->in_class) {
      TRY(translate_in_class(t));
    } else if (c == '[') {
      TRY(translate_class_start(t));
    } else {
      if (c == '(') TRY(check_group(t));
      t->at++;
      TRY(put(t, &c, 1));
    }
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- compiling and searching */

static loci_status compile(const translation *t, regex *re) {
  pcre2_compile_context *c = pcre2_compile_context_create(NULL);
  if (!c) return fail_nomem(t->err, "compiling a regular expression");
  pcre2_set_newline(c, PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(c, 100);
  int code;
  PCRE2_SIZE at;
  uint32_t how = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  re->code = pcre2_compile((PCRE2_SPTR)(t->to ? t->to : ""), t->size, how, &code, &at, c);
  pcre2_compile_context_free(c);
  if (re->code) return LOCI_OK;
  if (code == PCRE2_ERROR_HEAP_FAILED) return fail_nomem(t->err, "compiling a regular expression");
  PCRE2_UCHAR why[128];
  pcre2_get_error_message(code, why, sizeof why);
  return fail(t->err, LOCI_EUNSUPPORTED, "%s: the regular expression does not compile: %s", t->what,
              (const char *)why);
}

loci_status regex_new(const char *pattern, size_t n, const char *what, regex **out, loci_err *err) {
  *out = NULL;
  if (n > PATTERN_LIMIT) {
    return fail(err, LOCI_EUNSUPPORTED, "%s: a regular expression of %zu bytes; the limit is %d",
                what, n, PATTERN_LIMIT);
  }
  loci_status st = LOCI_OK;
  translation t = {.from = pattern, .n = n, .what = what, .err = err};
  regex *re = calloc(1, sizeof *re);
  if (!re) return fail_nomem(err, "compiling a regular expression");
  re->limits = pcre2_match_context_create(NULL);
  if (!re->limits) {
    st = fail_nomem(err, "compiling a regular expression");
    goto done;
  }
  pcre2_set_heap_limit(re->limits, HEAP_LIMIT_KIB);
  pcre2_set_match_limit(re->limits, MATCH_LIMIT);
  TRY_DONE(translate(&t));
  TRY_DONE(compile(&t, re));
  *out = re;
  re = NULL;
done:
  free(t.to);
  regex_free(re);
  return st;
}

void regex_free(regex *re) {
  if (!re) return;
  pcre2_code_free(re->code);
  pcre2_match_context_free(re->limits);
  free(re);
}

loci_status range_push(range_list *list, range r, arena *mem, loci_err *err) {
  if (list->count == list->room) {
    size_t room = list->room ? 2 * list->room : 16;
    range *items = arena_array(mem, (int64_t)room, range);
    if (!items) return fail_nomem(err, "splitting text");
    if (list->count) memcpy(items, list->items, list->count * sizeof *items);
    list->items = items;
    list->room = room;
  }
  list->items[list->count++] = r;
  return LOCI_OK;
}

static double seconds_used(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static loci_status search_failed(int code, loci_err *err) {
  if (code == PCRE2_ERROR_NOMEMORY) return fail_nomem(err, "splitting text");
  if (code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_HEAPLIMIT ||
      code == PCRE2_ERROR_DEPTHLIMIT) {
    return fail(err, LOCI_EUNSUPPORTED,
                "the tokenizer's regular expression takes too long on this text");
  }
  PCRE2_UCHAR why[128];
  pcre2_get_error_message(code, why, sizeof why);
  return fail(err, LOCI_EFORMAT, "the tokenizer's regular expression fails on this text: %s",
              (const char *)why);
}

static size_t next_character(const char *s, size_t n, size_t at) {
  at++;
  while (at < n && ((uint8_t)s[at] & 0xC0) == 0x80) at++;
  return at;
}

loci_status regex_find_all(const regex *re, const char *s, size_t n, arena *mem, range_list *out,
                           loci_err *err) {
  pcre2_match_data *m = pcre2_match_data_create(1, NULL);
  if (!m) return fail_nomem(err, "splitting text");
  loci_status st = LOCI_OK;
  double start = 0;
  size_t from = 0;
  for (int i = 1; from <= n; i++) {
    int code = pcre2_match(re->code, (PCRE2_SPTR)s, n, from, PCRE2_NO_UTF_CHECK, m, re->limits);
    if (code == PCRE2_ERROR_NOMATCH) break;
    if (code < 0) {
      st = search_failed(code, err);
      goto done;
    }
    if (i % 32 == 0) {
      double now = seconds_used();
      if (i == 32) start = now;
      if (now - start > seconds_allowed) {
        st = search_failed(PCRE2_ERROR_MATCHLIMIT, err);
        goto done;
      }
    }
    const PCRE2_SIZE *hit = pcre2_get_ovector_pointer(m);
    if (hit[0] < from || hit[1] < hit[0]) { /* an odd lookbehind; treat as nothing found */
      from = next_character(s, n, from);
      continue;
    }
    TRY_DONE(range_push(out, (range){(uint32_t)hit[0], (uint32_t)hit[1]}, mem, err));
    from = hit[1] > hit[0] ? hit[1] : next_character(s, n, hit[1]);
  }
done:
  pcre2_match_data_free(m);
  return st;
}
