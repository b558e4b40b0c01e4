/* What several views say alike: question, answers, cost, sample, what made the numbers (see
 * view.h). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/fixed.h"
#include "model/model.h"
#include "show/view_parts.h"

label_spelling view_spelling(const loci_prompt_info *p) {
  return label_spelling_of(p->tokens, p->length);
}

const char *view_token(views *v, label_spelling spelling, const char *token) {
  const char *label = v->status ? NULL : label_token(v->mem, spelling, token ? token : "");
  if (!label && !v->status) v->status = fail_nomem(v->err, "drawing");
  return label ? label : "";
}

const char *view_arrows(views *v, const char *name) {
  const char *arrow = strstr(name, "->");
  const char *words =
      arrow ? view_format(v, "%.*s\xE2\x86\x92%s", (int)(arrow - name), name, arrow + 2) : name;
  const char *label = label_text(v->mem, words);
  if (!label && !v->status) v->status = fail_nomem(v->err, "drawing");
  return label ? label : "";
}

/* ---------------------------------------------------------------- question and answers */

/* Whether a constraint begins or ends with a token. */
static bool opens(const loci_prompt_info *p, int i) {
  return i == 0 || p->tokens[i].role == LOCI_ROLE_CONSTRAINT_FIRST ||
         !role_is_constraint(p->tokens[i - 1].role);
}

static bool closes(const loci_prompt_info *p, int i) {
  return i + 1 == p->length || !role_is_constraint(p->tokens[i + 1].role) ||
         p->tokens[i + 1].role == LOCI_ROLE_CONSTRAINT_FIRST;
}

/* Constraints are coloured, or in brackets where there is no colour; image rows are one word. */
static void say_tokens(views *v, const loci_prompt_info *p) {
  label_spelling spelling = view_spelling(p);
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_TERM);
  for (int i = 0; i < p->length; i++) {
    int from = i;
    while (i < p->length && p->tokens[i].role == LOCI_ROLE_IMAGE) i++;
    if (i > from) {
      view_say(v, VIEW_DIM, "<image>\xC3\x97%d", i - from);
      i--;
      continue;
    }
    bool constraint = role_is_constraint(p->tokens[i].role), mark = constraint && v->brackets;
    view_say(v, constraint ? VIEW_ACCENT : VIEW_DIM, "%s%s%s", mark && opens(p, i) ? "[" : "",
             view_token(v, spelling, p->tokens[i].text), mark && closes(p, i) ? "]" : "");
  }
}

static void say_edits(views *v, const loci_model_info *m, int on) {
  for (int i = 0; m && i < m->edit_count; i++) {
    view_begin(v, VIEW_EDITED);
    view_only(v, on);
    view_say(v, VIEW_PLAIN, "%s", m->edits[i].title);
  }
}

/* Another day would be another prompt. */
static void say_day(views *v, const char *date) {
  if (!date) return;
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_TERM);
  view_say(v, VIEW_DIM, "the template writes the day: %s", date);
}

void view_question(views *v, const loci_prompt_info *p, const loci_model_info *m) {
  view_begin(v, VIEW_TITLE);
  view_say(v, VIEW_BOLD, "%s", p->question ? p->question : "");
  say_tokens(v, p);
  say_day(v, p->date);
  view_gap(v);
  if (model_quantised(m)) {
    view_begin(v, VIEW_LINE);
    view_only(v, VIEW_TERM);
    view_say(v, VIEW_DIM, "%s weights: what is measured is the dequantised model",
             model_quantised(m));
  }
  say_edits(v, m, VIEW_TERM);
}

void view_outcome(views *v, label_spelling spelling, const loci_candidate top[LOCI_TOP]) {
  for (int i = 0; i < 3 && top[i].text; i++) {
    if (i == 1) view_only(v, VIEW_TERM);
    view_say(v, i == 0 ? VIEW_BOLD : VIEW_PLAIN, "\xE2\x80\x9C%s\xE2\x80\x9D",
             view_token(v, spelling, top[i].text));
    view_say(v, VIEW_PLAIN, "%.3f", top[i].p);
  }
  view_only(v, VIEW_ALL);
}

void view_target(views *v, label_spelling spelling, const char *target) {
  view_fact(v, "target");
  view_say(v, VIEW_BOLD, "\xE2\x80\x9C%s\xE2\x80\x9D", view_token(v, spelling, target));
}

void view_notes(views *v, const char *const *notes, int count) {
  for (int i = 0; i < count; i++) {
    view_begin(v, VIEW_NOTE);
    view_say(v, VIEW_PLAIN, "%s", notes[i]);
  }
}

/* ---------------------------------------------------------------- cost, and what made it */

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

/* "on opencl:0 (NVIDIA H200, 535.104)" */
static void say_device(views *v, const loci_model_info *m, const char *after) {
  if (m && m->device && strcmp(m->device, "cpu") != 0)
    view_say(v, VIEW_DIM, "on %.160s%s", m->device, after);
}

void view_cost(views *v, const loci_model_info *m, const loci_cost *c, const char *unit) {
  char rows[32], x[32];
  grouped_digits(c->rows, rows);
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_TERM);
  view_say(v, VIEW_DIM, "%.1f s, %s rows, %s TFLOP", c->seconds, rows,
           fixed_digits(c->flop / 1e12, 3, x));
  if (c->seconds > 0)
    view_say(v, VIEW_DIM, "at %s GFLOP/s", fixed_digits(c->flop / c->seconds / 1e9, 3, x));
  if (c->flop > 0 && c->naive_flop > c->flop)
    view_say(v, VIEW_DIM, "(%s by %s: %s times as many)", unit, unit,
             fixed_digits(c->naive_flop / c->flop, 3, x));
  say_device(v, m, "");
}

/* "Q4_K weights," */
static void say_format(views *v, const loci_model_info *m) {
  if (model_quantised(m)) view_say(v, VIEW_DIM, "%s weights,", model_quantised(m));
}

void view_made_by(views *v, const loci_model_info *m, const char *precision, const uint64_t *seed) {
  view_begin(v, VIEW_LINE);
  view_only(v, VIEW_PAGE);
  view_say(v, VIEW_DIM, "%s, %s,", label_model(m), precision ? precision : "");
  say_format(v, m);
  say_device(v, m, ",");
  if (seed) view_say(v, VIEW_DIM, "seed %" PRIu64 ",", *seed);
  view_say(v, VIEW_DIM, "loci %s", LOCI_VERSION);
  say_edits(v, m, VIEW_PAGE);
}

/* ---------------------------------------------------------------- samples */

enum { KINDS = 8, FEW = 10 };

/* One line for each kind of reason. */
static void say_dropped(views *v, const loci_sample *s) {
  const loci_dropped *first[KINDS];
  int count[KINDS], kinds = 0;
  for (int i = 0; i < s->dropped_count; i++) {
    int k = 0;
    while (k < kinds && strcmp(first[k]->kind, s->dropped[i].kind) != 0) k++;
    if (k == KINDS) continue;
    if (k == kinds) {
      first[kinds] = &s->dropped[i];
      count[kinds++] = 0;
    }
    count[k]++;
  }
  if (kinds == 0) return;
  view_begin(v, VIEW_HEADING);
  view_only(v, VIEW_TERM);
  view_say(v, VIEW_BOLD, "%d dropped", s->dropped_count);
  for (int k = 0; k < kinds; k++) {
    bool told = strcmp(first[k]->reason, first[k]->kind) != 0;
    view_begin(v, VIEW_ITEM);
    view_only(v, VIEW_TERM);
    view_say(v, VIEW_PLAIN, "%d %s,", count[k], first[k]->kind);
    view_say(v, VIEW_DIM, "the first in line %" PRId64 "%s", first[k]->line, told ? ":" : "");
    if (told) view_say(v, VIEW_DIM, "%s", first[k]->reason);
  }
}

void view_sample(views *v, const loci_sample *s) {
  say_dropped(v, s);
  if (s->used > 0 && s->used < FEW) {
    view_begin(v, VIEW_NOTE);
    view_say(v, VIEW_PLAIN, "only %d example%s: more may change these numbers much", s->used,
             s->used == 1 ? "" : "s");
  }
  view_begin(v, VIEW_LINE);
  view_say(v, VIEW_DIM, "%.120s, %s,", label_model(s->model), s->precision);
  say_format(v, s->model);
  say_device(v, s->model, ",");
  view_say(v, VIEW_DIM, "%.120s, template %s, seed %" PRIu64 ", loci %s", path_base(s->path),
           s->template_name, s->seed, LOCI_VERSION);
  view_only(v, VIEW_TERM);
  if (s->used > 0)
    view_say(v, VIEW_DIM, "(%.1f s, %.2f s an example)", s->seconds, s->seconds / s->used);
  say_day(v, s->date);
  say_edits(v, s->model, VIEW_TERM | VIEW_PAGE);
}

/* ---------------------------------------------------------------- numbers in words */

/* Numbers beyond sense are written short, so that three of them always fit. */
static const char *number(double x, int decimals, bool sign, char out[24]) {
  bool huge = fabs(x) >= 1e9;
  snprintf(out, 24,
           huge   ? sign ? "%+.*g" : "%.*g"
           : sign ? "%+.*f"
                  : "%.*f",
           huge ? 4 : decimals, x);
  return out;
}

static const char *with_interval(const loci_interval *i, int decimals, bool sign, const char *to,
                                 char out[80]) {
  char value[24], lo[24], hi[24];
  number(i->value, decimals, sign, value);
  if (isnan(i->lo)) {
    snprintf(out, 80, "%s", value);
  } else {
    snprintf(out, 80, "%s (%s%s%s)", value, number(i->lo, decimals, sign, lo), to,
             number(i->hi, decimals, sign, hi));
  }
  return out;
}

const char *interval_text(const loci_interval *i, bool sign, bool ascii, char out[80]) {
  if (isnan(i->value)) {
    snprintf(out, 80, "-");
    return out;
  }
  return with_interval(i, 2, sign, sign ? ", " : ascii ? " - " : " \xE2\x80\x93 ", out);
}

const char *mean_text(const loci_interval *i, bool ascii, char out[80]) {
  double size = fmax(fabs(i->value), isnan(i->lo) ? 0 : fmax(fabs(i->lo), fabs(i->hi)));
  int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
  return with_interval(i, decimals, false, ascii ? " - " : " \xE2\x80\x93 ", out);
}
