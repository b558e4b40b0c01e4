/* What tests of views share: random numbers for results, blocks and drawings of them to look into.
 */
#ifndef LOCI_SHOW_SEEN_TEST_H
#define LOCI_SHOW_SEEN_TEST_H

#include "base/fixed.h"
#include "show/fixture_test.h"

#include "show/flow_heatmap.h"
#include "show/page.h"
#include "show/term.h"
#include "show/view_parts.h"
#include "sized.h"

enum { LAYERS = 9, PATHS = 3 }; /* of a result made of random numbers */

typedef struct source {
  arena *mem;
  uint64_t state;
} source;

static inline source source_of(arena *mem) { return (source){mem, 88172645463325252ULL}; }

/* 0..1 */
static inline double draw_one(source *s) {
  s->state ^= s->state << 13;
  s->state ^= s->state >> 7;
  s->state ^= s->state << 17;
  return (double)(s->state >> 11) / 9007199254740992.0;
}

static inline double *draw_many(source *s, int64_t n) {
  double *x = arena_array(s->mem, n, double);
  for (int64_t i = 0; i < n; i++) x[i] = draw_one(s);
  return x;
}

static inline loci_interval draw_interval(source *s) {
  double value = draw_one(s);
  return (loci_interval){value, value - 0.1 * draw_one(s), value + 0.1 * draw_one(s)};
}

static inline int *count_up(source *s, int from, int n) {
  int *x = arena_array(s->mem, n, int);
  for (int i = 0; i < n; i++) x[i] = from + i;
  return x;
}

static inline views blocks_of(view_fn *say, const void *result, loci_metric metric) {
  views v = {0};
  loci_err err;
  if (views_new(&v, say, result, SIZED(loci_draw_opts, .metric = metric), &err))
    fail_msg("%s", err.msg);
  return v;
}

/* The n-th block of a kind, from 0. */
static inline const view_block *nth(const views *v, view_kind kind, int n) {
  for (const view_block *b = v->first; b; b = b->next) {
    if (b->kind == kind && n-- == 0) return b;
  }
  fail_msg("there are not so many blocks of kind %d", (int)kind);
  return NULL;
}

/* Whether some text's words hold [wanted]. */
static inline bool says(const views *v, const char *wanted) {
  for (const view_block *b = v->first; b; b = b->next) {
    char text[1024] = "";
    size_t n = 0;
    for (const view_piece *p = b->pieces; p; p = p->next)
      n = fixed_add(text, sizeof text, n, "%s%s", p->text, p->exact ? "" : " ");
    if (strstr(text, wanted)) return true;
  }
  return false;
}

static inline int times(const char *text, const char *word) {
  int n = 0;
  for (const char *p = text; (p = strstr(p, word)) != NULL; p += strlen(word)) n++;
  return n;
}

static inline void svg_of(view_fn *say, const void *result, char **svg) {
  bytes b = {0};
  assert_int_equal(page_draw(say, result, NULL, CANVAS_SVG, &b, NULL), LOCI_OK);
  assert_int_equal(bytes_take(&b, svg, NULL, NULL), LOCI_OK);
}

static inline char *text_of(view_fn *say, const void *result, loci_draw_opts o) {
  o.size = sizeof o;
  char *text;
  assert_int_equal(term_draw(say, result, &o, &text, NULL), LOCI_OK);
  return text;
}

/* The number of an attribute of the element at [at]. */
static inline double attribute(const char *at, const char *name) {
  char wanted[32];
  snprintf(wanted, sizeof wanted, " %s=\"", name);
  const char *p = strstr(at, wanted);
  assert_non_null(p);
  return atof(p + strlen(wanted));
}

#endif
