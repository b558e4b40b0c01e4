/* See json_big.h.  The parser behind json.h refuses such numbers, so their last two digits become
 * the exponent "e2" before it sees them: same length, so positions in error sentences stay right,
 * and the value is off by less than its own rounding. */
#include "base/json_big.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { SAFE_DIGITS = 18 }; /* any integer of that many fits 64 bits */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* One number at text[i]; returns the index behind its digits. */
static size_t tame_number(char *text, size_t n, size_t i) {
  size_t end = i;
  bool is_part = i > 0 && strchr(".eE+", text[i - 1]) && text[i - 1];
  while (end < n && is_digit(text[end])) end++;
  bool goes_on = end < n && strchr(".eE", text[end]) && text[end];
  if (end - i > SAFE_DIGITS && !is_part && !goes_on && text[i] != '0') {
    text[end - 2] = 'e';
    text[end - 1] = '2';
  }
  return end;
}

static void tame(char *text, size_t n) {
  bool in_string = false;
  for (size_t i = 0; i < n;) {
    if (in_string && text[i] == '\\') {
      i += 2;
    } else if (text[i] == '"') {
      in_string = !in_string;
      i++;
    } else if (!in_string && is_digit(text[i])) {
      i = tame_number(text, n, i);
    } else {
      i++;
    }
  }
}

loci_status js_parse_big(const char *text, size_t n, const char *what, js_value **out,
                         loci_err *err) {
  *out = NULL;
  char *copy = malloc(n + 1);
  if (!copy) return fail_nomem(err, what);
  if (n) memcpy(copy, text, n);
  tame(copy, n);
  loci_status st = js_parse(copy, n, what, out, err);
  free(copy);
  return st;
}

loci_status js_parse_big_file(const char *path, size_t limit, js_value **out, loci_err *err) {
  char *text;
  size_t n;
  *out = NULL;
  TRY(file_read(path, limit, &text, &n, err));
  tame(text, n);
  loci_status st = js_parse(text, n, path, out, err);
  free(text);
  return st;
}
