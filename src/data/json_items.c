/* Items of lists in a large JSON document (see json_items.h): one pass over the bytes that knows
 * strings and brackets, and nothing of what is between them. */
#include "data/json_items.h"

#include <string.h>

#include "base/kind.h"

enum { KEY_MAX = 64 };

typedef struct scan {
  const char *start, *at, *end;
  const char *path;
  loci_err *err;
} scan;

static loci_status wrong(const scan *s, const char *what) {
  return fail(s->err, LOCI_EFORMAT, "%s: not valid JSON at byte %lld: %s", s->path,
              (long long)(s->at - s->start), what);
}

static void skip_blanks(scan *s) {
  while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at) s->at++;
}

/* The byte that comes next, without taking it; 0 at the end. */
static char next(scan *s) {
  skip_blanks(s);
  return s->at < s->end ? *s->at : 0;
}

static loci_status skip_string(scan *s) {
  for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
    if (*s->at == '\\' && s->at + 1 < s->end) s->at++;
  }
  if (s->at >= s->end) return wrong(s, "a string that does not end");
  s->at++;
  return LOCI_OK;
}

/* A whole value; lists and objects by the depth of brackets, of whichever kind. */
static loci_status skip_value(scan *s) {
  int64_t depth = 0;
  do {
    char c = next(s);
    if (c == 0) return wrong(s, "the document ends within a value");
    if (c == '"') {
      TRY(skip_string(s));
      continue;
    }
    if (depth == 0 && strchr(",]}:", c)) return wrong(s, "a value is missing");
    depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    s->at++;
    if (strchr("{}[],:", c)) continue;
    while (s->at < s->end && *s->at && !strchr("{}[],:\" \t\r\n", *s->at)) s->at++;
  } while (depth > 0);
  return LOCI_OK;
}

static loci_status each_of_list(scan *s, const char *key, json_item_fn *each, void *ctx) {
  s->at++; /* [ */
  if (next(s) == ']') {
    s->at++;
    return LOCI_OK;
  }
  for (;;) {
    skip_blanks(s);
    const char *from = s->at;
    TRY(skip_value(s));
    TRY(each(ctx, key, from, (size_t)(s->at - from), s->err));
    char c = next(s);
    if (c != ',' && c != ']') return wrong(s, "expected , or ]");
    s->at++;
    if (c == ']') return LOCI_OK;
  }
}

static loci_status read_key(scan *s, char key[KEY_MAX]) {
  if (next(s) != '"') return wrong(s, "expected a name");
  const char *from = s->at + 1;
  TRY(skip_string(s));
  size_t n = (size_t)(s->at - 1 - from);
  if (n >= KEY_MAX) n = 0; /* none that anyone asks for */
  memcpy(key, from, n);
  key[n] = 0;
  if (next(s) != ':') return wrong(s, "expected :");
  s->at++;
  return LOCI_OK;
}

loci_status json_each_item(const file_map *map, const char *path, json_item_fn *each, void *ctx,
                           loci_err *err) {
  const char *text = (const char *)map->data;
  scan s = {text, text, text + map->size, path, err};
  char key[KEY_MAX];
  if (map->size == 0) return fail(err, LOCI_EFORMAT, "%s: is empty", path);
  if (map->size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) s.at += 3;
  TRY(kind_refuse(text, map->size, path, "JSON", err));
  if (next(&s) == '[') {
    return fail(err, LOCI_EFORMAT,
                "%s: an array; an object with a list \"questions\", \"annotations\" or \"images\" "
                "is wanted",
                path);
  }
  if (next(&s) != '{') return wrong(&s, "expected {");
  s.at++;
  for (char c = next(&s); c != '}'; s.at++) {
    TRY(read_key(&s, key));
    if (next(&s) == '[') {
      TRY(each_of_list(&s, key, each, ctx));
    } else {
      TRY(skip_value(&s));
    }
    c = next(&s);
    if (c != ',' && c != '}') return wrong(&s, "expected , or }");
    if (c == '}') break;
  }
  s.at++;
  return next(&s) == 0 && s.at == s.end ? LOCI_OK : wrong(&s, "something after the end");
}
