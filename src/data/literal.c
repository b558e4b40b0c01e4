/* Lists and dictionaries as Python, NumPy and pandas print them, made into JSON (see literal.h):
 * one pass over the text, brackets on a stack.  Numbers and words become strings as they stand;
 * None, nan, null and <NA> become null; what a call such as array(.., dtype=object) or
 * np.str_('a') wraps stands alone. */
#include "data/literal.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "base/plain.h"

enum { DEPTH_MOST = 16, GROWTH = 6 }; /* a control character becomes six bytes */

typedef struct level {
  char end;    /* ] ) } of the text; ')' of a call, too */
  bool called; /* a call: nothing of it is written */
  char *open;  /* where its bracket is written: [ until a colon says { */
} level;

typedef struct literal {
  const char *at;
  char *to;
  level levels[DEPTH_MOST];
  int depth;
  bool valued, apart, comma; /* a value stands before; with blanks after it, or a comma */
} literal;

static void write_char(literal *l, unsigned char c) {
  if (c == '"' || c == '\\') *l->to++ = '\\';
  if (c < 0x20) {
    l->to += sprintf(l->to, "\\u%04x", c);
  } else {
    *l->to++ = (char)c;
  }
}

/* [digits] hexadecimal digits. */
static bool read_hex(literal *l, int digits, uint32_t *out) {
  *out = 0;
  for (int i = 0; i < digits; i++, l->at++) {
    if (!isxdigit((unsigned char)*l->at)) return false;
    int digit = isdigit((unsigned char)*l->at) ? *l->at - '0' : tolower(*l->at) - 'a' + 10;
    *out = 16 * *out + (uint32_t)digit;
  }
  return true;
}

/* What follows a backslash, as Python reads it: one that it does not know stays. */
static bool read_escape(literal *l) {
  static const char from[] = "nrtabfv0\\'\"/", to[] = "\n\r\t\a\b\f\v\0\\'\"/";
  char c = *l->at++, room[4];
  uint32_t rune;
  if (c == 'x' || c == 'u') {
    if (!read_hex(l, c == 'x' ? 2 : 4, &rune)) return false;
    l->to += sprintf(l->to, "\\u%04x", rune);
    return true;
  }
  if (c == 'U') {
    if (!read_hex(l, 8, &rune) || rune > 0x10FFFF) return false;
    int n = utf8_encode(rune, room);
    for (int i = 0; i < n; i++) write_char(l, (unsigned char)room[i]);
    return n > 0;
  }
  const char *known = c ? strchr(from, c) : NULL;
  if (!known) write_char(l, '\\');
  if (c) write_char(l, (unsigned char)(known ? to[known - from] : c));
  return c != 0;
}

static bool read_string(literal *l) {
  char quote = *l->at++;
  *l->to++ = '"';
  while (*l->at && *l->at != quote) {
    if (*l->at == '\\') {
      l->at++;
      if (!read_escape(l)) return false;
    } else {
      write_char(l, (unsigned char)*l->at++);
    }
  }
  *l->to++ = '"';
  return *l->at++ == quote;
}

/* A number or a word alone. */
static bool read_bare(literal *l) {
  static const char *const nothing[] = {"None", "nan", "NaN", "null", "<NA>"};
  static const char *const words[] = {"True", "False", "true", "false", "inf", "-inf"};
  size_t n = strcspn(l->at, ",:]})([{ \t\r\n'\"");
  for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
    if (strlen(nothing[i]) != n || memcmp(l->at, nothing[i], n) != 0) continue;
    memcpy(l->to, "null", 4);
    l->to += 4;
    l->at += n;
    return true;
  }
  bool known = n > 0 && strspn(l->at, "0123456789+-.eE") == n && strcspn(l->at, "0123456789") < n;
  for (size_t i = 0; !known && i < sizeof words / sizeof *words; i++)
    known = strlen(words[i]) == n && memcmp(l->at, words[i], n) == 0;
  if (!known) return false;
  *l->to++ = '"';
  while (n-- > 0) *l->to++ = *l->at++;
  *l->to++ = '"';
  return true;
}

/* "array(" or "np.str_(", at l->at: its length, or 0. */
static size_t call_length(const char *s) {
  size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
  bool known = (n == 5 && memcmp(s, "array", 5) == 0) || (n > 3 && memcmp(s, "np.", 3) == 0) ||
               (n > 6 && memcmp(s, "numpy.", 6) == 0);
  return known && s[n] == '(' ? n + 1 : 0;
}

static bool push(literal *l, char end, bool called) {
  if (l->depth == DEPTH_MOST) return false;
  l->levels[l->depth++] = (level){end, called, l->to};
  if (!called) *l->to++ = '[';
  l->valued = l->apart = l->comma = false;
  return true;
}

static bool pop(literal *l) {
  level *last = &l->levels[--l->depth];
  l->at++;
  if (!last->called) *l->to++ = *last->open == '{' ? '}' : ']';
  l->valued = true;
  l->apart = l->comma = false;
  return true;
}

/* A value begins at l->at. */
static bool read_value(literal *l) {
  if (l->valued && !l->comma && !l->apart) return false; /* 'it''s' */
  bool called = l->depth > 0 && l->levels[l->depth - 1].called;
  if (l->valued && called) { /* dtype=object */
    if (!l->comma || strncmp(l->at, "dtype=", 6) != 0) return false;
    l->at += strcspn(l->at, ")");
    return true;
  }
  if (l->valued) *l->to++ = ',';
  size_t call = call_length(l->at);
  if (call > 0) {
    l->at += call;
    return push(l, ')', true);
  }
  char c = *l->at, end = c == '[' ? ']' : c == '(' ? ')' : c == '{' ? '}' : 0;
  if (end) {
    l->at++;
    return push(l, end, false);
  }
  if ((c == 'u' || c == 'U') && (l->at[1] == '\'' || l->at[1] == '"')) c = *++l->at;
  if (!(c == '\'' || c == '"' ? read_string(l) : read_bare(l))) return false;
  l->valued = true;
  l->apart = l->comma = false;
  return true;
}

/* A colon after the first name makes a dictionary of what began with { . */
static bool read_colon(literal *l) {
  level *last = &l->levels[l->depth - 1];
  if (last->end != '}' || !l->valued || l->comma) return false;
  *last->open = '{';
  *l->to++ = ':';
  l->at++;
  l->valued = false;
  return true;
}

loci_status literal_to_json(const char *text, arena *mem, const char **out, loci_err *err) {
  char *room = arena_array(mem, GROWTH * (int64_t)strlen(text) + 16, char);
  if (!room) return fail_nomem(err, "reading a list");
  literal l = {.at = text + strspn(text, " \t\r\n"), .to = room};
  bool good = *l.at && (strchr("[({", *l.at) || call_length(l.at)) && read_value(&l);
  while (good && l.depth > 0) {
    size_t blanks = strspn(l.at, " \t\r\n");
    l.at += blanks;
    l.apart |= blanks > 0;
    if (*l.at == l.levels[l.depth - 1].end) {
      good = pop(&l);
    } else if (*l.at == ',') {
      good = l.valued && !l.comma;
      l.comma = true;
      l.at++;
    } else {
      good = *l.at == ':' ? read_colon(&l) : *l.at && read_value(&l);
    }
  }
  *l.to = 0;
  *out = room;
  if (good && !l.at[strspn(l.at, " \t\r\n")]) return LOCI_OK;
  return fail(err, LOCI_EFORMAT, "must be a list of strings, found %.60s", text);
}
