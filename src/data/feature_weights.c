/* Weights of features (see feature_weights.h). */
#include "data/feature_weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "data/csv.h"
#include "text/span.h"

enum { EPOCHS = 10, FILE_MAX = 1 << 20 };

void feature_weights_default(double w[FEATURE_COUNT]) {
  for (int f = 0; f < FEATURE_COUNT; f++) w[f] = features[f].weight;
}

/* ---------------------------------------------------------------- files */

static loci_status read_weight(const char *path, const char *name, const js_value *v,
                               double w[FEATURE_COUNT], loci_err *err) {
  double x;
  for (int f = 0; f < FEATURE_COUNT; f++) {
    if (strcmp(features[f].name, name) != 0) continue;
    if (!js_real_of(v, &x) || !isfinite(x))
      return fail(err, LOCI_EFORMAT, "%s: the weight \"%s\" must be a number, found %s", path, name,
                  js_kind_name(js_kind_of(v)));
    w[f] = x;
    return LOCI_OK;
  }
  return fail(err, LOCI_EFORMAT, "%s: there is no feature \"%.60s\"", path, name);
}

static loci_status read_all(const char *path, const js_value *file, double w[FEATURE_COUNT],
                            loci_err *err) {
  const char *format = js_text_of(js_get(file, "format"), NULL), *name;
  const js_value *list = js_get(file, "weights"), *v;
  if (!format || strcmp(format, "loci.data-weights/1") != 0 || js_kind_of(list) != JS_OBJECT)
    return fail(err, LOCI_EFORMAT, "%s: is not a file of weights (loci.data-weights/1)", path);
  for (void *it = js_first(list, &name, &v); it; it = js_next(list, it, &name, &v))
    TRY(read_weight(path, name, v, w, err));
  return LOCI_OK;
}

loci_status feature_weights_read(const char *path, double w[FEATURE_COUNT], loci_err *err) {
  js_value *file;
  TRY(js_parse_file(path, FILE_MAX, &file, err));
  loci_status st = read_all(path, file, w, err);
  js_free(file);
  return st;
}

loci_status feature_weights_write(const char *path, const double w[FEATURE_COUNT], loci_err *err) {
  js_value *o = js_object(), *list = js_object();
  char *text;
  js_put(&o, "format", js_text("loci.data-weights/1"));
  for (int f = 0; f < FEATURE_COUNT; f++) js_put(&list, features[f].name, js_real(w[f]));
  js_put(&o, "weights", list);
  TRY(js_print(o, true, &text, err));
  loci_status st = file_write(path, text, strlen(text), err);
  free(text);
  return st;
}

/* ---------------------------------------------------------------- agreement */

static bool is_same(const qword *a, const qword *b) {
  return strcmp(a->low, b->low) == 0 && a->owns == b->owns;
}

/* The words [*first, last] without a leading article. */
static void skip_article(const qtext *q, int *first, int last) {
  while (*first < last && q->words[*first].is == WORD_ARTICLE) ++*first;
}

/* Whether g's words [from, its end) follow each other in q. */
static bool is_run(const qtext *q, const qtext *g, int from) {
  for (int at = 0; at + g->count - from <= q->count; at++) {
    bool found = true;
    for (int k = from; found && k < g->count; k++)
      found = is_same(&q->words[at + k - from], &g->words[k]);
    if (found) return true;
  }
  return false;
}

agreement proposal_agrees(const qtext *q, const proposal *p, const char *constraint) {
  qtext g;
  agreement a = {false, true, 0};
  bool used[QUESTION_WORDS] = {false};
  int from = 0, first = p->first, shared = 0;
  question_words(constraint, &g);
  if (g.count == 0) return (agreement){false, false, 0};
  skip_article(&g, &from, g.count - 1);
  skip_article(q, &first, p->last);
  a.sound = is_run(q, &g, from);
  int n = p->last - first + 1, m = g.count - from;
  for (int i = first; i <= p->last; i++) {
    for (int k = from; k < g.count; k++) {
      if (used[k] || !is_same(&q->words[i], &g.words[k])) continue;
      used[k] = true;
      shared++;
      break;
    }
    int k = from + i - first;
    a.same = a.same && k < g.count && is_same(&q->words[i], &g.words[k]);
  }
  a.same = a.same && n == m;
  a.f1 = 2.0 * shared / (n + m);
  return a;
}

/* ---------------------------------------------------------------- learning */

typedef struct taught_row {
  const char *question, *constraint;
} taught_row;

typedef struct rows {
  arena *mem;
  taught_row *items;
  int64_t count, room;
} rows;

static loci_status add_row(rows *r, const char *question, const char *constraint, loci_err *err) {
  if (r->count == r->room) {
    int64_t room = r->room ? 2 * r->room : 256;
    taught_row *more = realloc(r->items, (size_t)room * sizeof *more);
    if (!more) return fail_nomem(err, "learning weights");
    r->items = more;
    r->room = room;
  }
  taught_row one = {arena_strdup(r->mem, question),
                    arena_strndup(r->mem, constraint, span_find(question, constraint).length)};
  if (!one.question || !one.constraint) return fail_nomem(err, "learning weights");
  r->items[r->count++] = one;
  return LOCI_OK;
}

static loci_status read_examples(const char *path, rows *r, loci_err *err) {
  loci_examples *x;
  loci_example *e = NULL;
  TRY(loci_examples_open(path, &x, err));
  loci_status st;
  do {
    st = loci_examples_next(x, &e, err);
    if (st == LOCI_EFORMAT) { /* a line that is no example teaches nothing */
      st = LOCI_OK;
      continue;
    }
    if (st || !e) break;
    if (e->constraint_count > 0) st = add_row(r, e->question, e->constraints[0], err);
    loci_free(e);
  } while (!st);
  loci_examples_close(x);
  return st;
}

static loci_status read_rows(csv_reader *t, const char *path, rows *r, loci_err *err) {
  const char *const *cells;
  int question = csv_column(t, "question"), constraint = csv_column(t, "constraint");
  if (constraint < 0) constraint = csv_column(t, "main_entity");
  if (question < 0 || constraint < 0)
    return fail(err, LOCI_EFORMAT, "%s: needs the columns question and constraint (or main_entity)",
                path);
  for (;;) {
    loci_status st = csv_next(t, &cells, err);
    if (st == LOCI_EFORMAT) continue;
    if (st || !cells) return st;
    TRY(add_row(r, cells[question], cells[constraint], err));
  }
}

static loci_status read_table(const char *path, rows *r, loci_err *err) {
  csv_reader *t;
  TRY(csv_open(path, &t, err));
  loci_status st = read_rows(t, path, r, err);
  csv_close(t);
  return st;
}

/* The proposal that is the constraint; -1: none is. */
static int find_right(const qtext *q, const proposals *p, const char *constraint) {
  for (int i = 0; i < p->count; i++) {
    if (proposal_agrees(q, &p->items[i], constraint).same) return i;
  }
  return -1;
}

/* w += what holds of the right proposal - what holds of the one that was chosen; the average of w
 * over all steps is what comes out. */
static int64_t learn(const rows *r, double w[FEATURE_COUNT]) {
  qtext q;
  proposals p;
  double sum[FEATURE_COUNT] = {0};
  int64_t steps = 0;
  for (int64_t i = 0; i < EPOCHS * r->count; i++) {
    const taught_row *one = &r->items[i % r->count];
    question_words(one->question, &q);
    propose(&q, &p);
    int right = find_right(&q, &p, one->constraint), best = proposal_best(&p, w);
    if (right < 0) continue;
    for (int f = 0; f < FEATURE_COUNT; f++) {
      w[f] += (double)p.items[right].holds[f] - (double)p.items[best].holds[f];
      sum[f] += w[f];
    }
    steps++;
  }
  for (int f = 0; f < FEATURE_COUNT && steps > 0; f++) w[f] = sum[f] / (double)steps;
  return steps;
}

loci_status feature_weights_learn(const char *path, double w[FEATURE_COUNT], loci_err *err) {
  rows r = {.mem = arena_new()};
  if (!r.mem) return fail_nomem(err, path);
  loci_status st =
      path_ends_with(path, ".csv") ? read_table(path, &r, err) : read_examples(path, &r, err);
  if (!st && learn(&r, w) == 0)
    st = fail(err, LOCI_EINVAL, "%s: none of its %lld rows has a constraint that is proposed", path,
              (long long)r.count);
  arena_free(r.mem);
  free(r.items);
  return st;
}
