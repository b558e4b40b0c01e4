/* CSV (RFC 4180) of what is said (see sink.h): a row per cell, for spreadsheets, R and pandas.
 *
 * describe() runs twice: first only to see which of the columns with a ? anything is said of, then
 * for the rows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "base/names.h"
#include "show/sinks.h"

enum { COLUMNS = 64, FIELDS = 128, DEPTH = 16, TITLE = 64 };

void csv_text(bytes *b, const char *s) {
  size_t n = strlen(s);
  bool plain = strcspn(s, ",\"\r\n") == n && !(n > 0 && (s[0] == ' ' || s[n - 1] == ' '));
  if (plain) {
    bytes_text(b, s);
    return;
  }
  bytes_text(b, "\"");
  for (; *s; s++) {
    if (*s == '"') bytes_text(b, "\"");
    bytes_add(b, s, 1);
  }
  bytes_text(b, "\"");
}

/* Where a column of the file is found. */
typedef struct source {
  enum { NOWHERE, FIELD, CELLS, AXIS, TOKEN, ROLE } from;
  int i; /* which field, column or axis */
} source;

typedef struct title {
  char name[TITLE]; /* cut: only a field of examples is longer */
  const char *key;  /* what it is said as; NULL: the name */
  bool optional, seen;
  source at;
} title;

/* A value that was said: of the object that is open or one round it. */
typedef struct csv_field {
  const char *key;
  size_t begin, size; /* in values */
} csv_field;

typedef struct named_column {
  const char *key;
  loci_column c;
} named_column;

typedef struct csv_sink {
  sink s;
  bool looking; /* the first time */
  title titles[COLUMNS];
  int title_count;
  csv_field fields[FIELDS];
  int field_count, depth;
  int mark[DEPTH]; /* fields before each open object */
  named_column columns[COLUMNS];
  int column_count;
  bytes values, *out;
} csv_sink;

void row_add_column(sink *s, const char *name, size_t n, const char *key, bool optional) {
  csv_sink *c = (csv_sink *)s;
  if (!c->looking || c->title_count == COLUMNS) return;
  title *t = &c->titles[c->title_count++];
  *t = (title){.key = key, .optional = optional};
  snprintf(t->name, sizeof t->name, "%.*s", (int)n, name);
}

static const char *key_of(const title *t) { return t->key ? t->key : t->name; }

/* ---------------------------------------------------------------- what is said */

static void value(sink *s, const char *key, const said *v) {
  csv_sink *c = (csv_sink *)s;
  bytes *b = &c->values;
  if (!key || c->field_count == FIELDS) return;
  csv_field *f = &c->fields[c->field_count++];
  *f = (csv_field){sink_csv_key(key), b->size, 0};
  if (v->type == SAID_TEXT) csv_text(b, v->text);
  if (v->type == SAID_INT || v->type == SAID_BOOL) bytes_format(b, "%lld", (long long)v->whole);
  if (v->type == SAID_REAL) bytes_format(b, "%.12g", v->real);
  f->size = b->size - f->begin;
}

static void begin(sink *s, const char *key, bool list) {
  csv_sink *c = (csv_sink *)s;
  (void)key;
  (void)list;
  c->mark[c->depth++] = c->field_count;
}

static void end(sink *s) {
  csv_sink *c = (csv_sink *)s;
  c->field_count = c->mark[--c->depth];
  c->values.size =
      c->field_count ? c->fields[c->field_count - 1].begin + c->fields[c->field_count - 1].size : 0;
}

static void column(sink *s, const char *key, const loci_column *x, column_use use) {
  csv_sink *c = (csv_sink *)s;
  if (use == COLUMN_CELLS && c->column_count < COLUMNS)
    c->columns[c->column_count++] = (named_column){sink_csv_key(key), *x};
}

/* ---------------------------------------------------------------- rows */

/* "token" and "role" of an axis of positions; "to_token" where there are several. */
static bool is_of(const char *wanted, const char *axis, const char *what) {
  size_t n = strlen(axis);
  if (strcmp(wanted, what) == 0) return strcmp(axis, "position") == 0;
  return strncmp(wanted, axis, n) == 0 && wanted[n] == '_' && strcmp(wanted + n + 1, what) == 0;
}

static source find(const csv_sink *c, const char *key) {
  for (int i = 0; i < c->column_count; i++)
    if (strcmp(c->columns[i].key, key) == 0) return (source){CELLS, i};
  for (int i = 0; i < c->s.rank; i++) {
    const char *axis = c->s.axes[i].name;
    if (strcmp(axis, key) == 0) return (source){AXIS, i};
    if (is_of(key, axis, "token")) return (source){TOKEN, i};
    if (is_of(key, axis, "role")) return (source){ROLE, i};
  }
  for (int i = c->field_count - 1; i >= 0; i--)
    if (strcmp(c->fields[i].key, key) == 0) return (source){FIELD, i};
  return (source){NOWHERE, 0};
}

static void put_cell(bytes *b, const loci_column *x, const void *p) {
  double real = x->type == LOCI_TYPE_REAL ? *(const double *)p : 0;
  if (x->type == LOCI_TYPE_FLOAT) real = (double)*(const float *)p;
  if (x->type == LOCI_TYPE_INT) bytes_format(b, "%d", *(const int *)p);
  if (x->type == LOCI_TYPE_BOOL) bytes_text(b, *(const bool *)p ? "1" : "0");
  if (x->type == LOCI_TYPE_REAL || x->type == LOCI_TYPE_FLOAT) {
    if (isfinite(real)) bytes_format(b, "%.12g", real);
  } else if (x->type == LOCI_TYPE_TEXT) {
    const char *const *text = p;
    if (*text) csv_text(b, *text);
  }
}

/* An axis's number, or its token and role: of a position, or of a group of them. */
static void put_axis(const csv_sink *c, const source *at, int64_t i, bytes *b) {
  const loci_axis *a = &c->s.axes[at->i];
  if (a->names) {
    if (at->from == TOKEN) csv_text(b, a->names[i]);
    if (at->from == ROLE) bytes_text(b, "group");
    return;
  }
  int number = a->numbers ? a->numbers[i] : (int)i;
  if (at->from == AXIS) bytes_format(b, "%d", number);
  const loci_prompt_info *p = c->s.prompt;
  if (at->from == AXIS || !p || number < 0 || number >= p->length) return;
  const loci_token *t = &p->tokens[number];
  if (at->from == ROLE) bytes_text(b, role_name(t->role));
  if (at->from == TOKEN && t->text) csv_text(b, t->text);
}

static void put(const csv_sink *c, const title *t, const int64_t *at, bytes *b) {
  const source *x = &t->at;
  if (x->from == FIELD) {
    const csv_field *f = &c->fields[x->i];
    bytes_add(b, c->values.data + f->begin, f->size);
  } else if (x->from == CELLS) {
    const loci_column *cells = &c->columns[x->i].c;
    put_cell(b, cells, column_at(cells, at));
  } else if (x->from != NOWHERE && at) {
    put_axis(c, x, at[x->i], b);
  }
}

static void put_row(csv_sink *c, const int64_t *at) {
  const char *comma = "";
  for (int i = 0; i < c->title_count; i++) {
    if (c->titles[i].optional && !c->titles[i].seen) continue;
    bytes_text(c->out, comma);
    comma = ",";
    if (c->values.data || c->titles[i].at.from != FIELD) put(c, &c->titles[i], at, c->out);
  }
  bytes_text(c->out, "\r\n");
}

static void find_all(csv_sink *c) {
  for (int i = 0; i < c->title_count; i++) {
    title *t = &c->titles[i];
    t->at = find(c, key_of(t));
    t->seen |= t->at.from != NOWHERE;
  }
}

static void row(sink *s) {
  csv_sink *c = (csv_sink *)s;
  find_all(c);
  if (!c->looking) put_row(c, NULL);
}

/* Whether the last axis of the cell at [at] lies after the one before it. */
static bool is_beyond(const sink *s, const int64_t *at) {
  if (!s->lower || s->rank < 2) return false;
  const loci_axis *a = &s->axes[s->rank - 2], *b = a + 1;
  int64_t i = at[s->rank - 2], k = at[s->rank - 1];
  return (b->numbers ? b->numbers[k] : k) > (a->numbers ? a->numbers[i] : i);
}

static void table_is_over(sink *s) {
  csv_sink *c = (csv_sink *)s;
  int64_t at[LOCI_AXES] = {0}, n = 1;
  for (int i = 0; i < s->rank; i++) n *= s->axes[i].size;
  if (c->column_count > 0) find_all(c);
  for (; !c->looking && c->column_count > 0 && n > 0; n--) {
    if (!is_beyond(s, at)) put_row(c, at);
    for (int i = s->rank - 1; i >= 0 && ++at[i] == s->axes[i].size && i > 0; i--) at[i] = 0;
  }
  c->column_count = 0;
}

static void put_titles(const csv_sink *c) {
  const char *comma = "";
  for (int i = 0; i < c->title_count; i++) {
    if (c->titles[i].optional && !c->titles[i].seen) continue;
    bytes_text(c->out, comma);
    csv_text(c->out, c->titles[i].name);
    comma = ",";
  }
  bytes_text(c->out, "\r\n");
}

loci_status sink_csv(describe_fn *describe, const void *result, bytes *out, loci_err *err) {
  static const sink_ops ops = {value, begin, end, column, table_is_over, row};
  csv_sink c = {.s = {.ops = &ops, .medium = SINK_CSV}, .looking = true, .out = out};
  describe(result, &c.s);
  put_titles(&c);
  c.looking = false;
  c.field_count = 0;
  c.values.size = 0;
  describe(result, &c.s);
  bool failed = c.s.failed || c.values.failed || out->failed;
  bytes_clear(&c.values);
  return failed ? fail_nomem(err, "writing CSV") : LOCI_OK;
}
