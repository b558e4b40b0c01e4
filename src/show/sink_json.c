/* JSON of what is said (see sink.h), and its line breaks: jansson writes either one line or one
 * line per number; a grid wants one line per layer.  So the compact text is broken here: an object
 * is broken between its members if it holds arrays of arrays, an array if it holds arrays or
 * objects. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "show/sinks.h"

enum { DEPTH = 16 }; /* results are not nested deeper */

/* An object or a list that is not ended yet. */
typedef struct level {
  js_value *v;
  char key[64]; /* its own, in the one above; "": an item */
  bool list;
} level;

typedef struct json_sink {
  sink s;
  level levels[DEPTH];
  int depth;
} json_sink;

static void put(json_sink *j, const char *key, js_value *v) {
  level *top = &j->levels[j->depth - 1];
  char name[64];
  if (top->list) {
    js_push(&top->v, v);
  } else {
    js_put(&top->v, sink_key(key, name), v);
  }
}

static js_value *json_of(const said *v) {
  switch (v->type) {
    case SAID_TEXT: return js_text_n(v->text, (size_t)v->size);
    case SAID_INT: return js_int(v->whole);
    case SAID_REAL: return js_real(v->real);
    case SAID_BOOL: return js_bool(v->whole);
    default: return js_null();
  }
}

static void value(sink *s, const char *key, const said *v) { put((json_sink *)s, key, json_of(v)); }

static void begin(sink *s, const char *key, bool list) {
  json_sink *j = (json_sink *)s;
  assert(j->depth < DEPTH);
  level *l = &j->levels[j->depth++];
  *l = (level){.v = list ? js_array() : js_object(), .list = list};
  if (key) sink_key(key, l->key);
}

static void end(sink *s) {
  json_sink *j = (json_sink *)s;
  level *l = &j->levels[--j->depth];
  put(j, l->key, l->v);
}

static js_value *cell(const loci_column *c, const void *p) {
  const char *const *text = p;
  switch (c->type) {
    case LOCI_TYPE_REAL: return js_real(*(const double *)p);
    case LOCI_TYPE_FLOAT: return js_real((double)*(const float *)p);
    case LOCI_TYPE_INT: return js_int(*(const int *)p);
    case LOCI_TYPE_BOOL: return js_bool(*(const bool *)p);
    default: return js_text(*text);
  }
}

/* Nested arrays of the axes from [axis] on. */
static js_value *cells(const loci_column *c, int axis, const char *p) {
  if (axis == c->rank || axis == LOCI_AXES) return cell(c, p);
  js_value *a = js_array();
  for (int64_t i = 0; i < c->axes[axis].size; i++)
    js_push(&a, cells(c, axis + 1, p + i * c->strides[axis]));
  return a;
}

static void column(sink *s, const char *key, const loci_column *c, column_use use) {
  (void)use;
  put((json_sink *)s, key, cells(c, 0, c->data));
}

static void table_is_over(sink *s) { (void)s; }

/* ---------------------------------------------------------------- line breaks */

/* The index after the string that begins at s[i]. */
static size_t skip_string(const char *s, size_t i) {
  for (i++; s[i] != '"'; i++) {
    if (s[i] == '\\') i++;
  }
  return i + 1;
}

/* height[k]: how many levels lie in the k-th bracket of s, itself included (1: only numbers). */
static void measure_heights(const char *s, uint8_t *height) {
  size_t open[DEPTH] = {0}, brackets = 0;
  int depth = 0;
  for (size_t i = 0; s[i];) {
    if (s[i] == '"') {
      i = skip_string(s, i);
      continue;
    }
    if (s[i] == '[' || s[i] == '{') {
      assert(depth < DEPTH);
      open[depth++] = brackets;
      height[brackets++] = 1;
    } else if (s[i] == ']' || s[i] == '}') {
      depth--;
      uint8_t above = (uint8_t)(height[open[depth]] + 1);
      if (depth > 0 && height[open[depth - 1]] < above) height[open[depth - 1]] = above;
    }
    i++;
  }
}

static void break_lines(const char *s, const uint8_t *height, bytes *out) {
  bool broken[DEPTH + 1] = {false};
  size_t brackets = 0, from = 0;
  int depth = 0;
  for (size_t i = 0; s[i];) {
    if (s[i] == '"') {
      i = skip_string(s, i);
      continue;
    }
    char c = s[i++];
    if (c == '[' || c == '{') {
      broken[++depth] = height[brackets++] >= (c == '[' ? 2 : 3);
    }
    if (c == ']' || c == '}') depth--;
    if (depth > 0 && broken[depth] && (c == ',' || c == '[')) {
      bytes_add(out, s + from, i - from);
      bytes_text(out, "\n");
      bytes_repeat(out, " ", depth);
      from = i;
    }
  }
  bytes_text(out, s + from);
}

static size_t count_brackets(const char *s) {
  size_t n = 0;
  for (; *s; s++) n += *s == '[' || *s == '{';
  return n; /* those within strings only make it larger */
}

/* A member or an array row on each line: read by people and by diff. */
static loci_status print_lines(js_value *v, char **out, loci_err *err) {
  char *compact = NULL;
  bytes text = {0};
  TRY(js_print(v, false, &compact, err));
  loci_status st = LOCI_OK;
  uint8_t *height = calloc(count_brackets(compact) + 1, 1);
  if (!height) {
    st = fail_nomem(err, "writing JSON");
    goto done;
  }
  measure_heights(compact, height);
  break_lines(compact, height, &text);
  st = bytes_take(&text, out, NULL, err);
done:
  free(height);
  free(compact);
  return st;
}

loci_status sink_json(describe_fn *describe, const void *result, json_style style, char **out,
                      loci_err *err) {
  static const sink_ops ops = {value, begin, end, column, table_is_over, NULL};
  json_sink j = {.s = {.ops = &ops, .medium = SINK_JSON}, .depth = 1};
  j.levels[0].v = js_object();
  *out = NULL;
  describe(result, &j.s);
  assert(j.depth == 1);
  if (j.s.failed) {
    js_free(j.levels[0].v);
    return fail_nomem(err, "writing JSON");
  }
  if (style == JSON_LINES) return print_lines(j.levels[0].v, out, err);
  return js_print(j.levels[0].v, style == JSON_PRETTY, out, err);
}
