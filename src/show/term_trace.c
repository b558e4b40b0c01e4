/* A trace for a terminal: the question with its tokens, the two answers, a map per site, the
 * strongest cells in words, what it cost. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show/label.h"
#include "show/term.h"

enum { MAX_ROWS = 40, MAX_PEAKS = 8 };

/* What the parts of the text need. */
typedef struct report {
  const loci_trace *trace;
  loci_metric metric;
  const sheet *s;
  label_spelling spelling;
} report;

static void put_format(term *t, term_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put_format(term *t, term_style style, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  term_words(t, style, text);
}

static const char *token_label(term *t, const report *r, const char *token) {
  const char *label = label_token(t->mem, r->spelling, token ? token : "");
  t->out.failed |= !label;
  return label ? label : "";
}

/* ---------------------------------------------------------------- question and answers */

/* A run of image rows as one word; returns the position behind it. */
static int put_image(term *t, const report *r, int i) {
  const loci_prompt_info *p = r->trace->prompt;
  int from = i;
  while (i < p->length && p->tokens[i].role == LOCI_ROLE_IMAGE) i++;
  put_format(t, TERM_DIM, "<image>\xC3\x97%d", i - from);
  return i;
}

/* The prompt's tokens; constraints are coloured, or in brackets where there is no colour. */
static void put_tokens(term *t, const report *r) {
  const loci_prompt_info *p = r->trace->prompt;
  bool brackets = t->color == LOCI_COLOR_NONE;
  for (int i = 0; i < p->length;) {
    loci_role role = p->tokens[i].role;
    if (role == LOCI_ROLE_IMAGE) {
      i = put_image(t, r, i);
      continue;
    }
    const char *label = token_label(t, r, p->tokens[i].text);
    bool constraint = role_is_constraint(role);
    bool next = i + 1 < p->length && role_is_constraint(p->tokens[i + 1].role) &&
                p->tokens[i + 1].role != LOCI_ROLE_CONSTRAINT_FIRST;
    bool opens = constraint && (i == 0 || role == LOCI_ROLE_CONSTRAINT_FIRST ||
                                !role_is_constraint(p->tokens[i - 1].role));
    char *word = arena_alloc(t->mem, (int64_t)strlen(label) + 3, 1);
    if (word) {
      sprintf(word, "%s%s%s", brackets && opens ? "[" : "", label,
              brackets && constraint && !next ? "]" : "");
      term_word(t, constraint ? TERM_ACCENT : TERM_DIM, word);
    }
    t->out.failed |= !word;
    i++;
  }
  term_newline(t);
}

static void put_outcome(term *t, const report *r, const char *name, const loci_outcome *o) {
  t->indent = 10;
  term_put(t, TERM_DIM, name);
  for (int i = 0; i < 3 && o->top[i].text; i++) {
    const char *label = token_label(t, r, o->top[i].text);
    put_format(t, i == 0 ? TERM_BOLD : TERM_PLAIN, "\xE2\x80\x9C%s\xE2\x80\x9D", label);
    put_format(t, TERM_PLAIN, "%.3f", o->top[i].p);
  }
}

static void put_answers(term *t, const report *r) {
  const loci_trace *trace = r->trace;
  put_outcome(t, r, "clean     ", &trace->clean);
  term_newline(t);
  put_outcome(t, r, "corrupted ", &trace->corrupted);
  if (trace->corrupt) put_format(t, TERM_DIM, "(%s)", trace->corrupt);
  term_newline(t);
  term_put(t, TERM_DIM, "target    ");
  put_format(t, TERM_BOLD, "\xE2\x80\x9C%s\xE2\x80\x9D", token_label(t, r, trace->target_text));
  char clean[24], corrupted[24], total[24];
  put_format(t, TERM_PLAIN, "%s \xE2\x86\x92 %s, total effect %s",
             label_number(trace->clean.m.p, 3, clean),
             label_number(trace->corrupted.m.p, 3, corrupted),
             label_number(trace->total_effect, 3, total));
  term_newline(t);
  t->indent = 0;
}

/* ---------------------------------------------------------------- the strongest cells */

static void put_effect(term *t, const report *r, const sheet_panel *p, double x) {
  static const char *const quantities[] = {"p(answer)", "log p(answer)", "the logit difference",
                                           "KL(clean || run)"};
  double total = r->trace->total_effect;
  bool noise = p->direction == LOCI_NOISE;
  char effect[24], whole[24];
  label_number(fabs(x), 2, effect);
  label_number(total, 2, whole);
  if (r->metric == LOCI_METRIC_RESTORATION) {
    put_format(t, TERM_PLAIN, "restores %.0f %% of the total effect", x * 100);
  } else if (r->metric == LOCI_METRIC_P && !noise && x > 0 && total > 0) {
    put_format(t, TERM_PLAIN, "restores %s of %s", effect, whole);
  } else if (r->metric == LOCI_METRIC_P && noise && x < 0 && total > 0) {
    put_format(t, TERM_PLAIN, "destroys %s of %s", effect, whole);
  } else {
    put_format(t, TERM_PLAIN, "%s %s by %.3g", x < 0 ? "lowers" : "raises", quantities[r->metric],
               fabs(x));
  }
}

static void put_peak(term *t, const report *r, const sheet_panel *p, bool groups) {
  int row, layer;
  if (!sheet_peak(p, groups, &row, &layer)) return;
  const sheet_row *at = &p->rows[row];
  double x = p->values[(int64_t)row * p->layer_count + layer];
  if (fabs(x) < 0.01 * fmax(r->s->hi, -r->s->lo)) return; /* nothing one would see */
  t->indent = 4;
  term_put(t, TERM_PLAIN, "  ");
  put_format(t, TERM_BOLD, "%s%s", loci_site_name(p->site), p->window > 1 ? "" : ",");
  if (p->window > 1) put_format(t, TERM_PLAIN, "(window %d),", p->window);
  put_format(t, TERM_PLAIN, "layer %d,", p->layers[layer]);
  if (at->first < 0 || at->first != at->last) {
    put_format(t, TERM_PLAIN, "%s:", at->label);
  } else {
    put_format(t, TERM_PLAIN, "%d \xE2\x80\x9C%s\xE2\x80\x9D", at->first, at->label);
    put_format(t, TERM_PLAIN, "(%s):", loci_role_name(at->role));
  }
  put_effect(t, r, p, x);
  term_newline(t);
  t->indent = 0;
}

static void put_peaks(term *t, const report *r) {
  term_words(t, TERM_BOLD, "Strongest cells");
  term_newline(t);
  for (int i = 0; i < r->s->panel_count && i < MAX_PEAKS; i++) {
    put_peak(t, r, &r->s->panels[i], true);
    put_peak(t, r, &r->s->panels[i], false);
  }
}

/* ---------------------------------------------------------------- notes and cost */

static void put_notes(term *t, const report *r) {
  for (int i = 0; i < r->trace->note_count; i++) {
    t->indent = 6;
    term_put(t, TERM_BOLD, "note: ");
    term_words(t, TERM_PLAIN, r->trace->notes[i]);
    term_newline(t);
  }
  t->indent = 0;
  if (r->s->has_heads) {
    term_words(t, TERM_DIM, "Each cell of z shows its strongest head.");
    term_newline(t);
  }
  if (r->s->band > 1) {
    put_format(t, TERM_DIM, "Up to %d positions share a row, which shows the strongest of them.",
               r->s->band);
    term_newline(t);
  }
}

/* 251904 as "251,904" */
static void grouped_digits(int64_t n, char out[32]) {
  char digits[24];
  int size = snprintf(digits, sizeof digits, "%" PRId64, n), m = 0;
  for (int i = 0; i < size; i++) {
    if (i > 0 && (size - i) % 3 == 0 && digits[i - 1] != '-') out[m++] = ',';
    out[m++] = digits[i];
  }
  out[m] = 0;
}

static void put_cost(term *t, const report *r) {
  const loci_cost *c = &r->trace->cost;
  char rows[32];
  grouped_digits(c->rows, rows);
  put_format(t, TERM_DIM, "%.1f s, %s rows, %.3g TFLOP", c->seconds, rows, c->flop / 1e12);
  if (c->seconds > 0) put_format(t, TERM_DIM, "at %.3g GFLOP/s", c->flop / c->seconds / 1e9);
  if (c->flop > 0 && c->naive_flop > c->flop)
    put_format(t, TERM_DIM, "(cell by cell: %.3g times as many)", c->naive_flop / c->flop);
  if (r->trace->verified > 0) {
    put_format(t, TERM_DIM, "; %d cells recomputed, largest difference %.2g", r->trace->verified,
               r->trace->verify_error);
  }
  term_newline(t);
}

static void put_trace(term *t, const report *r) {
  term_words(t, TERM_BOLD, r->trace->prompt->question ? r->trace->prompt->question : "");
  term_newline(t);
  put_tokens(t, r);
  term_newline(t);
  put_answers(t, r);
  for (int i = 0; i < r->s->panel_count; i++) {
    term_newline(t);
    term_panel(t, r->s, &r->s->panels[i]);
  }
  term_newline(t);
  term_legend(t, r->s);
  term_newline(t);
  if (r->s->hi > r->s->lo) {
    put_peaks(t, r);
    term_newline(t);
  }
  put_notes(t, r);
  put_cost(t, r);
}

loci_status loci_trace_draw(const loci_trace *trace, const loci_draw_opts *opts, char **out,
                            loci_err *err) {
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  report r = {.trace = trace, .metric = o.metric};
  sheet *s;
  *out = NULL;
  TRY(sheet_new(trace, o.metric, MAX_ROWS, &s, err));
  r.s = s;
  r.spelling = label_spelling_of(trace->prompt->tokens, trace->prompt->length);
  int width = o.columns <= 0 ? 80 : o.columns < 40 ? 40 : o.columns > 200 ? 200 : o.columns;
  term t = {.mem = s->mem, .color = o.color, .ascii = o.ascii, .width = width};
  put_trace(&t, &r);
  loci_status st = bytes_take(&t.out, out, NULL, err);
  sheet_free(s);
  return st;
}
