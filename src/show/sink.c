/* The words a describe() uses, passed on to the sink at hand (see sink.h). */
#include "show/sinks.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void say_positions_of(sink *s, const loci_prompt_info *p) { s->prompt = p; }

bool is_for(const sink *s, sink_medium medium) { return s->medium == medium; }

enum { PARSED_DEPTH = 6 }; /* of a JSON document, which may come from outside */

/* ---------------------------------------------------------------- values */

void say_null(sink *s, const char *key) { s->ops->value(s, key, &(said){.type = SAID_NULL}); }

void say_text(sink *s, const char *key, const char *text) {
  say_text_n(s, key, text, text ? strlen(text) : 0);
}

void say_text_n(sink *s, const char *key, const char *text, size_t n) {
  said v = {.type = text ? SAID_TEXT : SAID_NULL, .text = text, .size = (int64_t)n};
  s->ops->value(s, key, &v);
}

void say_int(sink *s, const char *key, int64_t x) {
  s->ops->value(s, key, &(said){.type = SAID_INT, .whole = x});
}

void say_real(sink *s, const char *key, double x) {
  s->ops->value(s, key, &(said){.type = isfinite(x) ? SAID_REAL : SAID_NULL, .real = x});
}

void say_bool(sink *s, const char *key, bool x) {
  s->ops->value(s, key, &(said){.type = SAID_BOOL, .whole = x});
}

void say_seed(sink *s, const char *key, uint64_t seed) {
  char digits[32];
  snprintf(digits, sizeof digits, "%" PRIu64, seed);
  if (seed <= INT64_MAX) {
    say_int(s, key, (int64_t)seed);
  } else {
    say_text(s, key, digits);
  }
}

/* [room]: levels that may follow; what lies deeper is null. */
static void say_parsed(sink *s, const char *key, const js_value *v, int room) {
  const char *name;
  const js_value *member;
  int64_t whole;
  double real;
  bool truth;
  size_t n;
  const char *text = js_text_of(v, &n);
  if (text) {
    say_text_n(s, key, text, n);
  } else if (js_int_of(v, &whole)) {
    say_int(s, key, whole);
  } else if (js_real_of(v, &real)) {
    say_real(s, key, real);
  } else if (js_bool_of(v, &truth)) {
    say_bool(s, key, truth);
  } else if (js_kind_of(v) == JS_OBJECT && room > 0) {
    say_begin(s, key);
    for (void *it = js_first(v, &name, &member); it; it = js_next(v, it, &name, &member))
      say_parsed(s, name, member, room - 1);
    say_end(s);
  } else if (js_kind_of(v) == JS_ARRAY && room > 0) {
    say_list(s, key);
    for (int64_t i = 0; i < js_count(v); i++) say_parsed(s, NULL, js_at(v, i), room - 1);
    say_end(s);
  } else {
    say_null(s, key);
  }
}

void say_json(sink *s, const char *key, const js_value *v) {
  s->failed |= !v;
  say_parsed(s, key, v, PARSED_DEPTH);
}

void say_json_text(sink *s, const char *key, const char *text) {
  js_value *v = NULL;
  loci_err err;
  loci_status st = js_parse(text, strlen(text), key, &v, &err);
  if (st && st != LOCI_ENOMEM) {
    say_null(s, key);
  } else {
    say_json(s, key, v);
  }
  js_free(v);
}

void say_begin(sink *s, const char *key) { s->ops->begin(s, key, false); }
void say_list(sink *s, const char *key) { s->ops->begin(s, key, true); }
void say_end(sink *s) { s->ops->end(s); }

void say_column(sink *s, const char *key, loci_type type, const void *first, size_t stride,
                int64_t n) {
  loci_column c = {.type = type, .rank = 1, .axes = {{"item", n, NULL, NULL}}, .data = first};
  c.strides[0] = (int64_t)stride;
  s->ops->column(s, key, &c, COLUMN_LIST);
}

void say_ints(sink *s, const char *key, const int *x, int64_t n) {
  say_column(s, key, LOCI_TYPE_INT, x, sizeof *x, n);
}

void say_reals(sink *s, const char *key, const double *x, int64_t n) {
  say_column(s, key, LOCI_TYPE_REAL, x, sizeof *x, n);
}

void say_texts(sink *s, const char *key, const char *const *x, int64_t n) {
  say_column(s, key, LOCI_TYPE_TEXT, x, sizeof *x, n);
}

/* ---------------------------------------------------------------- tables */

void table_begin(sink *s, int rank, const loci_axis *axes) {
  for (int i = 0; i < rank; i++) s->axes[i] = axes[i];
  s->rank = rank;
  s->lower = false;
}

void table_end(sink *s) {
  s->ops->table_end(s);
  s->rank = 0;
}

void table_lower(sink *s) { s->lower = true; }

void table_strided(sink *s, const char *key, loci_type type, const void *first,
                   const int64_t *strides) {
  loci_column c = {.type = type, .rank = s->rank, .data = first};
  for (int i = 0; i < s->rank; i++) {
    c.axes[i] = s->axes[i];
    c.strides[i] = strides[i];
  }
  s->ops->column(s, key, &c, COLUMN_CELLS);
}

void table_column(sink *s, const char *key, loci_type type, const void *first, size_t stride) {
  int64_t strides[LOCI_AXES], step = (int64_t)stride;
  for (int i = s->rank - 1; i >= 0; i--) {
    strides[i] = step;
    step *= s->axes[i].size;
  }
  table_strided(s, key, type, first, strides);
}

void say_axis(sink *s, const char *key, const loci_axis *axis) {
  loci_column c = {.type = axis->names ? LOCI_TYPE_TEXT : LOCI_TYPE_INT, .rank = 1};
  c.axes[0] = *axis;
  c.data = axis->names ? (const void *)axis->names : (const void *)axis->numbers;
  c.strides[0] = axis->names ? (int64_t)sizeof *axis->names : (int64_t)sizeof *axis->numbers;
  s->ops->column(s, key, &c, COLUMN_AXIS);
}

/* ---------------------------------------------------------------- for one medium */

void say_format(sink *s, const char *name) {
  char format[64];
  snprintf(format, sizeof format, "loci.%s/1", name);
  say_text(s, "format", format);
  say_text(s, "version", LOCI_VERSION);
  array_note(s, "format", format);
  array_note(s, "version", LOCI_VERSION);
}

void row_columns(sink *s, const char *names) {
  while (is_for(s, SINK_CSV) && *names) {
    bool optional = *names == '?';
    names += optional;
    size_t n = strcspn(names, ",");
    row_add_column(s, names, n, NULL, optional);
    names += n + (names[n] == ',');
  }
}

void row_column(sink *s, const char *title, const char *key) {
  if (is_for(s, SINK_CSV)) row_add_column(s, title, strlen(title), key, false);
}

void say_row(sink *s) {
  if (s->ops->row) s->ops->row(s);
}

void array_under(sink *s, const char *format, ...) {
  char stem[96];
  va_list list;
  if (!is_for(s, SINK_ARRAYS)) return;
  va_start(list, format);
  vsnprintf(stem, sizeof stem, format, list);
  va_end(list);
  arrays_under(s, stem);
}

void array_note(sink *s, const char *key, const char *text) {
  if (is_for(s, SINK_ARRAYS)) arrays_note(s, key, text ? text : "");
}
