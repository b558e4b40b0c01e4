/* Reads a template's text as tokens (jinja_syntax.h).
 *
 * White space: a tag of statements or a comment takes one line break after it and the blanks
 * before it on its line (trim_blocks, lstrip_blocks); a - inside a tag takes all white space on its
 * side, a + none. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_state.h"
#include "text/jinja_syntax.h"
#include "text/unicode.h"

typedef struct lexer {
  const char *s, *name;
  size_t n, at, line_at; /* line_at: as far as lines are counted */
  int line, open;        /* brackets that are open */
  bool fresh;            /* what was read last ends in a line break */
  arena *mem;
  jtokens *out;
  loci_err *err;
} lexer;

static int line_of(lexer *r, size_t at) {
  for (; r->line_at < at; r->line_at++) r->line += r->s[r->line_at] == '\n';
  return r->line;
}

static loci_status wrong(lexer *r, size_t at, const char *what) {
  return fail(r->err, LOCI_EFORMAT, "%s: line %d: %s", r->name, line_of(r, at), what);
}

static loci_status push(lexer *r, jtoken_kind kind, int op, size_t at, size_t n) {
  jtokens *out = r->out;
  if (out->count == out->room) {
    size_t room = out->room ? 2 * out->room : 256;
    jtoken *more = arena_array(r->mem, (int64_t)room, jtoken);
    if (!more) return fail_nomem(r->err, "reading a template");
    if (out->count) memcpy(more, out->at, out->count * sizeof *more);
    out->at = more;
    out->room = room;
  }
  out->at[out->count++] = (jtoken){kind, op, line_of(r, at), r->s + at, n};
  return LOCI_OK;
}

static bool is_at(const lexer *r, size_t at, const char *what) {
  size_t n = strlen(what);
  return n <= r->n - at && memcmp(r->s + at, what, n) == 0;
}

static size_t skip_space(const lexer *r, size_t at) { return jt_skip_space(r->s, r->n, at); }

/* ---------------------------------------------------------------- text and the ends of tags */

/* The end of the text before a tag at [at] whose sign is [sign]. */
static size_t text_end(const lexer *r, size_t from, size_t at, char sign, bool strips) {
  if (sign == '-') return from + jt_trim_end(r->s + from, at - from);
  if (sign == '+' || !strips) return at;
  size_t line = at;
  while (line > from && r->s[line - 1] != '\n') line--;
  if (line == from && !r->fresh) return at;
  return skip_space(r, line) >= at ? line : at;
}

/* Reads "-%}", "+%}" or "%}" with the white space it takes; false: it does not stand there.
 * [takes_line]: a line break after it goes, too. */
static bool tag_end(lexer *r, const char *end, bool takes_line) {
  size_t at = r->at;
  char sign = at < r->n ? r->s[at] : '\0';
  if (sign != '-' && !(sign == '+' && takes_line)) sign = '\0';
  if (sign) at++;
  if (!is_at(r, at, end)) return false;
  at += 2;
  if (sign == '-') {
    at = skip_space(r, at);
  } else if (!sign && takes_line && at < r->n && r->s[at] == '\n') {
    at++;
  }
  r->at = at;
  r->fresh = r->s[at - 1] == '\n';
  return true;
}

/* After "{%" and its sign: raw -%} or raw %}. */
static bool is_raw(lexer *r, const char *word, bool takes_line) {
  size_t was = r->at, at = skip_space(r, r->at);
  if (is_at(r, at, word)) {
    r->at = skip_space(r, at + strlen(word));
    if (tag_end(r, "%}", takes_line)) return true;
  }
  r->at = was;
  return false;
}

static char sign_at(const lexer *r, size_t at) {
  return at < r->n && (r->s[at] == '-' || r->s[at] == '+') ? r->s[at] : '\0';
}

static loci_status read_raw(lexer *r) {
  size_t from = r->at;
  for (size_t at = from; at + 1 < r->n; at++) {
    if (!is_at(r, at, "{%")) continue;
    char sign = sign_at(r, at + 2);
    bool fresh = r->fresh;
    r->at = at + 2 + (sign != 0);
    if (!is_raw(r, "endraw", true)) continue;
    bool now = r->fresh;
    r->fresh = fresh;
    size_t end = text_end(r, from, at, sign, true);
    r->fresh = now;
    return end > from ? push(r, JT_DATA, 0, from, end - from) : LOCI_OK;
  }
  if (from == r->n) return LOCI_OK;
  return wrong(r, from, "{% raw %} without its {% endraw %}");
}

static loci_status read_comment(lexer *r, size_t begin) {
  for (; r->at < r->n; r->at++) {
    if (tag_end(r, "#}", true)) return LOCI_OK;
  }
  return wrong(r, begin, "a comment without its #}");
}

/* ---------------------------------------------------------------- inside a tag */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_word(const lexer *r, size_t at, size_t *n) {
  uint32_t c;
  *n = at < r->n ? (size_t)utf8_decode(r->s + at, r->n - at, &c) : 0;
  return *n && (c == '_' || rune_is_word(c));
}

static size_t digits(const lexer *r, size_t at) {
  while (at < r->n &&
         (is_digit(r->s[at]) || (r->s[at] == '_' && at + 1 < r->n && is_digit(r->s[at + 1])))) {
    at++;
  }
  return at;
}

static loci_status read_number(lexer *r) {
  size_t begin = r->at, at = digits(r, begin), tail;
  bool real = false, after_dot = begin > 0 && r->s[begin - 1] == '.';
  if (r->s[begin] == '0' && begin + 1 < r->n && strchr("xXoObB", r->s[begin + 1])) {
    return wrong(r, begin, "numbers other than decimal ones are not supported");
  }
  if (!after_dot && at + 1 < r->n && r->s[at] == '.' && is_digit(r->s[at + 1])) {
    at = digits(r, at + 1);
    real = true;
  }
  if (!after_dot && at < r->n && (r->s[at] == 'e' || r->s[at] == 'E')) {
    tail = at + 1 + (at + 1 < r->n && (r->s[at + 1] == '-' || r->s[at + 1] == '+'));
    if (tail < r->n && is_digit(r->s[tail])) {
      at = digits(r, tail);
      real = true;
    }
  }
  r->at = at;
  return push(r, real ? JT_REAL : JT_INT, 0, begin, at - begin);
}

static loci_status read_string(lexer *r) {
  size_t begin = r->at;
  char quote = r->s[begin];
  for (size_t at = begin + 1; at < r->n; at++) {
    if (r->s[at] == '\\') {
      at++;
    } else if (r->s[at] == quote) {
      r->at = at + 1;
      return push(r, JT_STRING, 0, begin + 1, at - begin - 1);
    }
  }
  return wrong(r, begin, "a string without its closing quote");
}

static loci_status read_operator(lexer *r) {
  static const char *const two[] = {"**", "//", "==", "!=", ">=", "<="};
  size_t at = r->at;
  char c = r->s[at], text[48];
  for (size_t i = 0; i < sizeof two / sizeof *two; i++) {
    if (!is_at(r, at, two[i])) continue;
    r->at += 2;
    return push(r, JT_OP, OP2(two[i][0], two[i][1]), at, 2);
  }
  if (!strchr("+-/*%~[](){}><=.:|,;", c) || !c) {
    snprintf(text, sizeof text, "a \"%c\" that means nothing here", c > ' ' && c < 0x7F ? c : '?');
    return wrong(r, at, text);
  }
  r->open += (strchr("([{", c) != NULL) - (strchr(")]}", c) != NULL);
  if (r->open < 0) return wrong(r, at, "a closing bracket too many");
  r->at++;
  return push(r, JT_OP, c, at, 1);
}

static loci_status read_tag(lexer *r, size_t begin, bool statement) {
  r->open = 0;
  TRY(push(r, statement ? JT_BEGIN : JT_OPEN, 0, begin, 2));
  while ((r->at = skip_space(r, r->at)) < r->n) {
    size_t at = r->at, k;
    if (r->open == 0 && tag_end(r, statement ? "%}" : "}}", statement)) {
      return push(r, statement ? JT_FINISH : JT_CLOSE, 0, at, 2);
    }
    if (is_digit(r->s[at])) {
      TRY(read_number(r));
    } else if (is_word(r, at, &k)) {
      while (is_word(r, r->at, &k)) r->at += k;
      TRY(push(r, JT_NAME, 0, at, r->at - at));
    } else if (r->s[at] == '\'' || r->s[at] == '"') {
      TRY(read_string(r));
    } else {
      TRY(read_operator(r));
    }
  }
  return wrong(r, begin, "a tag without its end");
}

/* ---------------------------------------------------------------- the whole text */

/* The next {{, {% or {#; n: there is none. */
static size_t next_tag(const lexer *r, size_t at) {
  while (at + 1 < r->n) {
    const char *p = memchr(r->s + at, '{', r->n - at - 1);
    if (!p) break;
    if (p[1] == '{' || p[1] == '%' || p[1] == '#') return (size_t)(p - r->s);
    at = (size_t)(p - r->s) + 1;
  }
  return r->n;
}

loci_status jinja_tokens(const char *text, size_t n, const char *name, arena *mem, jtokens *out,
                         loci_err *err) {
  lexer r = {.s = text,
             .n = n,
             .name = name,
             .line = 1,
             .fresh = true,
             .mem = mem,
             .out = out,
             .err = err};
  *out = (jtokens){0};
  while (r.at < n) {
    size_t from = r.at, tag = next_tag(&r, from);
    if (tag == n) {
      TRY(push(&r, JT_DATA, 0, from, n - from));
      break;
    }
    char what = text[tag + 1], sign = sign_at(&r, tag + 2);
    size_t end = text_end(&r, from, tag, sign, what != '{');
    if (end > from) TRY(push(&r, JT_DATA, 0, from, end - from));
    r.at = tag + 2 + (sign != 0);
    if (what == '#') {
      TRY(read_comment(&r, tag));
    } else if (what == '%' && is_raw(&r, "raw", false)) {
      TRY(read_raw(&r));
    } else {
      TRY(read_tag(&r, tag, what == '%'));
    }
  }
  return push(&r, JT_END, 0, n, 0);
}
