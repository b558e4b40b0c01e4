/* What a result holds is what every file says of it: a kind is filled with numbers by chance, and
 * each number is looked for at its place in JSON, CSV, arrays and columns.  The tests write the
 * places down once more, against the members, so that a key that names another member is seen. */
#ifndef LOCI_SHOW_LAW_TEST_H
#define LOCI_SHOW_LAW_TEST_H

#include "show/fixture_test.h"

#include "base/json.h"
#include "checkpoint/safetensors.h"

enum { LAYERS = 3, PLACES = 4, FIELDS = 8192 };

/* ---------------------------------------------------------------- numbers by chance */

static uint64_t dice = 20260214;

/* 0 .. 100 in steps of 1/1024: 12 digits, so that every file has it whole. */
static inline double chance(void) {
  dice = dice * 6364136223846793005u + 1442695040888963407u;
  return (double)((dice >> 33) % 102400) / 1024;
}

static inline double *chances(arena *mem, int64_t n) {
  double *x = arena_array(mem, n, double);
  assert_non_null(x);
  for (int64_t i = 0; i < n; i++) x[i] = chance();
  return x;
}

static inline float *floats(arena *mem, int64_t n) {
  float *x = arena_array(mem, n, float);
  assert_non_null(x);
  for (int64_t i = 0; i < n; i++) x[i] = (float)chance();
  return x;
}

static inline bool *truths(arena *mem, int64_t n) {
  bool *x = arena_array(mem, n, bool);
  assert_non_null(x);
  for (int64_t i = 0; i < n; i++) x[i] = chance() < 50;
  return x;
}

static const int layers[LAYERS] = {2, 3, 5}, places[PLACES] = {7, 8, 9, 20};

/* ---------------------------------------------------------------- the files */

typedef struct files {
  const loci_result *of;
  js_value *json;
  char *csv, *fields[FIELDS];
  int columns, rows; /* rows without the titles */
  char path[64];
  st_file *arrays; /* NULL: this kind has none */
} files;

static inline void split(files *f) {
  int n = 0;
  char *s = f->csv;
  while (*s) {
    assert_true(n < FIELDS);
    f->fields[n++] = s;
    s += strcspn(s, ",\r");
    bool end = *s == '\r';
    *s++ = 0;
    if (!end) continue;
    s++;
    if (!f->columns) f->columns = n;
    assert_int_equal(n % f->columns, 0);
  }
  f->rows = n / f->columns - 1;
}

static inline void read_text(const char *path, char **out) {
  FILE *in = fopen(path, "rb");
  assert_non_null(in);
  *out = calloc(1, 1 << 20);
  assert_non_null(*out);
  assert_true(fread(*out, 1, (1 << 20) - 1, in) < (1 << 20) - 1);
  fclose(in);
  unlink(path);
}

static inline void open_files(files *f, const loci_result *of, bool arrays) {
  char *text, path[64];
  loci_err err;
  *f = (files){.of = of};
  assert_int_equal(loci_json(of, &text, NULL), LOCI_OK);
  assert_int_equal(js_parse(text, strlen(text), "json", &f->json, NULL), LOCI_OK);
  loci_text_free(text);
  fixture_path(path, ".csv");
  if (loci_write(of, path, NULL, &err)) fail_msg("%s", err.msg);
  read_text(path, &f->csv);
  split(f);
  if (!arrays) return;
  fixture_path(f->path, ".safetensors");
  if (loci_write(of, f->path, NULL, &err) || st_open(f->path, &f->arrays, &err))
    fail_msg("%s", err.msg);
}

static inline void close_files(files *f) {
  js_free(f->json);
  free(f->csv);
  if (f->arrays) st_close(f->arrays);
  if (f->arrays) unlink(f->path);
}

/* ---------------------------------------------------------------- looking a number up */

static const js_value *at_path(const files *f, const char *path) {
  const js_value *v = f->json;
  char key[64];
  for (const char *s = path; *s;) {
    int n = (int)strcspn(s, ".");
    snprintf(key, sizeof key, "%.*s", n, s);
    v = js_kind_of(v) == JS_ARRAY ? js_at(v, atoi(key)) : js_get(v, key);
    s += n + (s[n] == '.');
  }
  return v;
}

static inline void same(const char *where, double found, double x) {
  if (found != x) fail_msg("%s: %.12g, expected %.12g", where, found, x);
}

static inline void in_json(const files *f, double x, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static inline void in_json(const files *f, double x, const char *format, ...) {
  char path[128];
  double found = (double)NAN;
  bool truth;
  va_list list;
  va_start(list, format);
  vsnprintf(path, sizeof path, format, list);
  va_end(list);
  const js_value *v = at_path(f, path);
  if (js_bool_of(v, &truth)) {
    found = truth;
  } else if (!js_real_of(v, &found)) {
    fail_msg("%s is no number", path);
  }
  same(path, found, x);
}

static const char *field(const files *f, int row, const char *title) {
  assert_true(row < f->rows);
  for (int i = 0; i < f->columns; i++)
    if (strcmp(f->fields[i], title) == 0) return f->fields[(row + 1) * f->columns + i];
  fail_msg("no column %s", title);
  return NULL;
}

static inline void in_csv(const files *f, int row, const char *title, double x) {
  const char *text = field(f, row, title);
  if (!text[0]) fail_msg("%s is empty in row %d", title, row);
  same(title, strtod(text, NULL), x);
}

static inline void in_array(const files *f, const char *name, int64_t i, double x) {
  const st_tensor *t = st_find(f->arrays, name);
  if (!t) fail_msg("no array %s", name);
  double whole; /* a tensor begins where the file puts it: copied, not aligned */
  float half;
  const uint8_t *data = t->data;
  if (t->dtype == ST_F64) {
    memcpy(&whole, data + 8 * i, sizeof whole);
  } else if (t->dtype == ST_F32) {
    memcpy(&half, data + 4 * i, sizeof half);
    whole = (double)half;
  } else {
    whole = data[i];
  }
  same(name, whole, x);
}

/* The i-th place of a column, the last axis running first. */
static inline void in_column(const files *f, const char *path, int64_t i, double x) {
  loci_column c;
  loci_err err;
  if (loci_column_of(f->of, path, &c, &err)) fail_msg("%s", err.msg);
  const char *p = c.data;
  for (int k = c.rank - 1; k >= 0; k--) {
    p += i % c.axes[k].size * c.strides[k];
    i /= c.axes[k].size;
  }
  assert_int_equal(i, 0);
  const void *cell = p;
  double found = c.type == LOCI_TYPE_REAL    ? *(const double *)cell
                 : c.type == LOCI_TYPE_FLOAT ? (double)*(const float *)cell
                 : c.type == LOCI_TYPE_INT   ? *(const int *)cell
                                             : *(const bool *)cell;
  same(path, found, x);
}

/* ---------------------------------------------------------------- what all share */

static fixture base; /* a model, a prompt */

static inline loci_sample sample_of(int used) {
  return (loci_sample){.model = base.trace.model,
                       .hash = "xxh3:1",
                       .precision = "f32",
                       .path = "set.jsonl",
                       .template_name = "plain",
                       .seed = UINT64_MAX,
                       .used = used,
                       .seconds = chance()};
}

static inline loci_interval interval(void) { return (loci_interval){chance(), chance(), chance()}; }

static inline loci_candidate candidate(int i) {
  static const char *const words[] = {"a", "b", "c", "d", "e"};
  return (loci_candidate){i, words[i % 5], chance()};
}

static inline loci_outcome outcome(void) {
  loci_outcome o = {{chance(), chance(), chance(), chance(), chance(), chance()}, {{0}}};
  for (int i = 0; i < LOCI_TOP; i++) o.top[i] = candidate(i);
  return o;
}

static inline void outcome_is(const files *f, const char *key, const loci_outcome *o, bool kl) {
  in_json(f, o->m.p, "%s.p", key);
  in_json(f, o->m.logp, "%s.logp", key);
  in_json(f, o->m.p_first, "%s.p_first", key);
  in_json(f, o->m.logp_first, "%s.logp_first", key);
  in_json(f, o->m.logit_diff, "%s.logit_diff", key);
  if (kl) in_json(f, o->m.kl, "%s.kl", key);
  for (int i = 0; i < LOCI_TOP; i++) in_json(f, o->top[i].p, "%s.top.%d.p", key, i);
}

static inline void cost_is(const files *f, const loci_cost *c) {
  in_json(f, c->seconds, "cost.seconds");
  in_json(f, c->flop, "cost.flop");
  in_json(f, c->naive_flop, "cost.naive_flop");
  in_json(f, c->spent.read, "cost.spent.read");
  in_json(f, c->spent.convert, "cost.spent.convert");
  in_json(f, c->spent.product, "cost.spent.product");
  in_json(f, c->spent.attention, "cost.spent.attention");
  in_json(f, c->spent.head, "cost.spent.head");
  in_json(f, c->spent.other, "cost.spent.other");
}

static inline loci_cost cost(void) {
  return (loci_cost){.seconds = chance(),
                     .rows = 5,
                     .formula = 6,
                     .flop = chance(),
                     .naive_flop = chance(),
                     .spent = {chance(), chance(), chance(), chance(), chance(), chance()}};
}

static inline loci_metrics *metrics(arena *mem, int64_t n) {
  return (loci_metrics *)(void *)chances(mem, n * (int64_t)(sizeof(loci_metrics) / sizeof(double)));
}

/* Where a cell of a table is: in JSON after the key, in CSV, in arrays and columns. */
typedef struct spot {
  const char *object, *stem; /* "grids.0", "denoise.z.w1"; stem NULL: no arrays */
  char index[32];            /* ".1.2" */
  int row;
  int64_t i;
} spot;

static inline void everywhere(const files *f, const spot *s, const char *name, double x) {
  char path[128];
  snprintf(path, sizeof path, "%s%s%s", s->object, s->object[0] ? "." : "", name);
  in_json(f, x, "%s%s", path, s->index);
  in_column(f, path, s->i, x);
  if (s->row >= 0) in_csv(f, s->row, name, x);
  if (!s->stem) return;
  snprintf(path, sizeof path, "%s%s%s", s->stem, s->stem[0] ? "." : "", name);
  in_array(f, path, s->i, x);
}

static inline void metrics_are(const files *f, const spot *s, const loci_metrics *m) {
  everywhere(f, s, "p", m->p);
  everywhere(f, s, "logp", m->logp);
  everywhere(f, s, "p_first", m->p_first);
  everywhere(f, s, "logp_first", m->logp_first);
  everywhere(f, s, "logit_diff", m->logit_diff);
  everywhere(f, s, "kl", m->kl);
}

#endif
