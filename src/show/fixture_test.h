/* Traces made by hand for the tests of this folder: sizes, tokens and effects as a test wants
 * them.  Everything lives in one arena. */
#ifndef LOCI_SHOW_FIXTURE_TEST_H
#define LOCI_SHOW_FIXTURE_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "loci.h"

#include <cmocka.h> /* last: it defines fail() */

typedef struct fixture_opts {
  int layers;           /* 0: 12 */
  const char **words;   /* NULL: an ordinary question */
  int word_count;       /* text tokens after the image */
  int constraint_first; /* index into words */
  int constraint_count; /* 0: 2 */
  int image_rows;       /* 0: none */
  bool image_traced;    /* the image's rows are columns too */
  bool groups;          /* with grids of groups */
  int heads;            /* of the first site, as z */
  int sites;            /* 0: 3 */
  bool flat;            /* no effect anywhere, restorations empty */
  double dip;           /* share of negative effects */
  bool noise;           /* both directions */
} fixture_opts;

typedef struct fixture {
  arena *mem;
  loci_trace trace;
} fixture;

static const char *const fixture_words[] = {"\xE2\x96\x81Where",
                                            "\xE2\x96\x81"
                                            "is",
                                            "\xE2\x96\x81the",
                                            "\xE2\x96\x81"
                                            "build",
                                            "ing",
                                            "\xE2\x96\x81in",
                                            "\xE2\x96\x81this",
                                            "\xE2\x96\x81picture",
                                            "?",
                                            "\xE2\x96\x81"
                                            "Answer",
                                            "\xE2\x96\x81in",
                                            "\xE2\x96\x81"
                                            "a",
                                            "\xE2\x96\x81"
                                            "few",
                                            "\xE2\x96\x81words",
                                            ".",
                                            "<0x0A>",
                                            "ASS",
                                            "IST",
                                            "ANT",
                                            ":"};

static inline void fixture_free(fixture *f) { arena_free(f->mem); }

static inline loci_role fixture_role(int i, const fixture_opts *o, int n) {
  int first = o->constraint_first, last = first + o->constraint_count - 1;
  if (i < first) return LOCI_ROLE_BEFORE;
  if (i == last) return LOCI_ROLE_CONSTRAINT_LAST;
  if (i == first) return LOCI_ROLE_CONSTRAINT_FIRST;
  if (i < last) return LOCI_ROLE_CONSTRAINT_MIDDLE;
  if (i == n - 1) return LOCI_ROLE_LAST;
  return i == last + 1 ? LOCI_ROLE_AFTER_FIRST : LOCI_ROLE_AFTER_MIDDLE;
}

static inline loci_prompt_info *fixture_prompt(arena *a, const fixture_opts *o) {
  loci_prompt_info *p = arena_zarray(a, 1, loci_prompt_info);
  int before = 1 + o->image_rows, n = before + o->word_count;
  loci_token *t = arena_zarray(a, n, loci_token);
  t[0] = (loci_token){1, "<s>", LOCI_ROLE_BEFORE, {0, 0}};
  for (int i = 1; i < before; i++) t[i] = (loci_token){32000, "<image>", LOCI_ROLE_IMAGE, {0, 7}};
  for (int i = 0; i < o->word_count; i++) {
    t[before + i] = (loci_token){
        100 + i, o->words[i], fixture_role(i, o, o->word_count), {8 + 4 * i, 12 + 4 * i}};
  }
  loci_constraint *c = arena_zarray(a, 1, loci_constraint);
  *c = (loci_constraint){"this picture",      "visual", before + o->constraint_first,
                         o->constraint_count, {0},      "this picture"};
  *p = (loci_prompt_info){.text = "<image>\nWhere is the building in this picture? Answer.",
                          .question = "Where is the building in this picture?",
                          .image_path = o->image_rows ? "tower.jpg" : NULL,
                          .template_name = "llava-paper",
                          .length = n,
                          .tokens = t,
                          .image_first = o->image_rows ? 1 : -1,
                          .image_count = o->image_rows,
                          .constraint_count = 1,
                          .constraints = c};
  return p;
}

/* A plausible effect: early layers at the constraint, late ones at the last position. */
static inline double fixture_effect(const loci_trace *t, int layer, int layers, int position,
                                    int h) {
  const loci_constraint *c = &t->prompt->constraints[0];
  double depth = layers > 1 ? (double)layer / (layers - 1) : 0, x = 0;
  int last = t->prompt->length - 1, end = c->first + c->count - 1;
  if (position == end) x = 0.62 * exp(-depth * depth * 8);
  if (position < end && position >= c->first) x = 0.33 * exp(-depth * depth * 12);
  if (position > end && position < last) x = 0.1 * exp(-pow((depth - 0.4) * 4, 2));
  if (position == last) x = 0.45 / (1 + exp(-(depth - 0.6) * 14));
  return x * (1 + 0.2 * sin(position * 1.7 + layer + h)) * (h > 0 ? 0.5 : 1);
}

static inline void fixture_cells(arena *a, loci_grid *g, const loci_trace *t,
                                 const fixture_opts *o) {
  int heads = g->head_count > 0 ? g->head_count : 1;
  int64_t n = (int64_t)g->layer_count * g->column_count * heads, i = 0;
  loci_metrics *cells = arena_zarray(a, n, loci_metrics);
  double *ie = arena_zarray(a, n, double), *restoration = arena_zarray(a, n, double);
  bool *skipped = arena_zarray(a, n, bool);
  const loci_metrics *base = g->direction == LOCI_NOISE ? &t->clean.m : &t->corrupted.m;
  double sign = g->direction == LOCI_NOISE ? -1 : 1;
  for (int l = 0; l < g->layer_count; l++) {
    for (int c = 0; c < g->column_count; c++) {
      for (int h = 0; h < heads; h++, i++) {
        int position = g->positions ? g->positions[c]
                       : c == 0     ? t->prompt->constraints[0].first + 1
                                    : t->prompt->length - 1;
        double x = o->flat ? 0 : sign * fixture_effect(t, l, g->layer_count, position, h);
        if (o->dip > 0 && (l * 7 + c * 3) % 5 == 0) x -= o->dip;
        skipped[i] = g->positions &&
                     (position < t->prompt->constraints[0].first ||
                      (g->layers[l] == t->model->layers - 1 && position != t->prompt->length - 1));
        if (skipped[i]) x = 0;
        cells[i] = (loci_metrics){base->p + x,
                                  log(fmax(base->p + x, 1e-6)),
                                  base->p + x,
                                  log(fmax(base->p + x, 1e-6)),
                                  base->logit_diff + 9 * x,
                                  base->kl - 3 * x};
        ie[i] = x;
        restoration[i] = o->flat ? (double)NAN : x / t->total_effect;
      }
    }
  }
  g->cells = cells;
  g->ie = ie;
  g->restoration = restoration;
  g->skipped = skipped;
}

static inline loci_grid fixture_grid(arena *a, const loci_trace *t, const fixture_opts *o,
                                     loci_site site, bool groups, loci_direction direction) {
  static const char *const names[] = {"constraint", "after-constraint", "last"};
  loci_grid g = {.site = site, .window = 1, .direction = direction, .layer_count = o->layers};
  int *layers = arena_array(a, o->layers, int), n = t->prompt->length, count = 0;
  int *positions = arena_array(a, n, int);
  for (int l = 0; l < o->layers; l++) layers[l] = l;
  int first = o->image_traced ? 1 : t->prompt->constraints[0].first - 1;
  for (int p = first; p < n; p++) positions[count++] = p;
  g.layers = layers;
  g.column_count = groups ? 3 : count;
  if (groups) {
    g.groups = names;
  } else {
    g.positions = positions;
  }
  if (site == LOCI_SITE_Z) g.head_count = o->heads;
  fixture_cells(a, &g, t, o);
  return g;
}

static inline loci_outcome fixture_outcome(double p, const char *text, double top) {
  loci_outcome r = {.m = {p, log(p), p, log(p), p > 0.5 ? 4.125 : -2.25, p > 0.5 ? 0 : 3.3}};
  r.top[0] = (loci_candidate){3681, text, top};
  r.top[1] = (loci_candidate){4517, "\xE2\x96\x81Rome", 0.03};
  return r;
}

static inline void fixture_make(fixture *f, fixture_opts o) {
  static const loci_site sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT, LOCI_SITE_RESID_POST};
  static const int windows[] = {1}, target[] = {3681};
  f->mem = arena_new();
  if (!o.layers) o.layers = 12;
  if (!o.words) {
    o.words = (const char **)(uintptr_t)fixture_words;
    o.word_count = 20;
    o.constraint_first = 6;
  }
  if (!o.constraint_count) o.constraint_count = 2;
  if (!o.sites) o.sites = 3;
  loci_model_info *m = arena_zarray(f->mem, 1, loci_model_info);
  *m = (loci_model_info){.path = "/models/llava-tiny",
                         .family = "llava",
                         .layers = o.layers,
                         .width = 64,
                         .heads = 8,
                         .kv_heads = 8,
                         .dtype = "f16"};
  loci_trace *t = &f->trace;
  *t = (loci_trace){.result.kind = LOCI_KIND_TRACE,
                    .model = m,
                    .hash = "xxh3:0123456789abcdef",
                    .corrupt = "replace:Paris",
                    .precision = "f32",
                    .direction = o.noise ? LOCI_BOTH : LOCI_DENOISE,
                    .window_count = 1,
                    .windows = windows,
                    .target_count = 1,
                    .target_ids = target,
                    .target_text = "\xE2\x96\x81Tokyo",
                    .clean = fixture_outcome(0.91, "\xE2\x96\x81Tokyo", 0.91),
                    .corrupted = fixture_outcome(0.12, "\xE2\x96\x81London", 0.55),
                    .other = {4517, "\xE2\x96\x81London", 0.55},
                    .total_effect = 0.79,
                    .result.request = "{\"direction\":\"denoise\",\"window\":[1]}",
                    .result.command = "loci trace -m /models/llava-tiny"};
  t->prompt = fixture_prompt(f->mem, &o);
  t->cost = (loci_cost){
      .seconds = 2.5, .rows = 251904, .formula = 260000, .flop = 1e12, .naive_flop = 3.7e13};
  loci_grid *grids = arena_zarray(f->mem, 4 * o.sites, loci_grid);
  for (int d = 0; d < (o.noise ? 2 : 1); d++) {
    for (int s = 0; s < o.sites; s++) {
      loci_site site = o.heads && s == 0 ? LOCI_SITE_Z : sites[s];
      loci_direction direction = d ? LOCI_NOISE : LOCI_DENOISE;
      grids[t->grid_count++] = fixture_grid(f->mem, t, &o, site, false, direction);
      if (o.groups) grids[t->grid_count++] = fixture_grid(f->mem, t, &o, site, true, direction);
    }
  }
  t->grids = grids;
}

/* Names, spellings and lengths that a drawing must survive: control characters, an escape sequence,
 * broken UTF-8, wide and combining characters, direction overrides, quotes and commas. */
static const char fixture_backwards[] = {(char)0xE2, (char)0x80, (char)0xAE, 'd', 'r', 0};
static const char fixture_c1[] = {(char)0xC2, (char)0x9B, '3', '1', 'm', 0};
static const char *const fixture_awkward[] = {
    "\x1b[31mred",
    "a\tb\nc",
    "\xC3\x28\xFF",
    "\xE6\x9D\xB1\xE4\xBA\xAC\xE9\x83\xBD",
    "e\xCC\x81",
    fixture_backwards,
    "say \"hi\", she said",
    "\xE2\x96\x81",
    "",
    "<b>&amp;</b>",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm",
    fixture_c1,
    "\x7F",
    "<0x0A>",
    "end"};

static inline void fixture_make_awkward(fixture *f) {
  fixture_make(f, (fixture_opts){.words = (const char **)(uintptr_t)fixture_awkward,
                                 .word_count = 15,
                                 .constraint_first = 0,
                                 .constraint_count = 3,
                                 .groups = true,
                                 .image_rows = 4,
                                 .image_traced = true});
  loci_prompt_info *p = arena_zarray(f->mem, 1, loci_prompt_info);
  *p = *f->trace.prompt;
  p->question =
      "What\x1b[2J is <this> & \"that\"?\n\xFF"
      " A question that goes on for much longer "
      "than any line of a page is wide, again and again and again and again, until it "
      "must be cut somewhere near here because nobody would read on for so long anyway, "
      "would they? \xE6\x9D\xB1\xE4\xBA\xAC\xE6\x9D\xB1\xE4\xBA\xAC\xE6\x9D\xB1\xE4\xBA\xAC";
  f->trace.prompt = p;
  f->trace.target_text = "\x1b]0;title\x07";
  static const char *const notes[] = {"a note\r\nwith\x1b[1m escapes"};
  f->trace.notes = notes;
  f->trace.note_count = 1;
}

/* A path for a test's file. */
static inline const char *fixture_path(char out[64], const char *ending) {
  snprintf(out, 64, "/tmp/loci_show_%d%s", (int)getpid(), ending);
  return out;
}

#endif
