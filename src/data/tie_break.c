/* Ties between proposals (see tie_break.h).
 *
 * A constraint is what the answer depends on (docs/MATH.md, "Corruption").  So of proposals that
 * grammar cannot tell apart, the one is taken whose replacement by "Paris" costs the answer most a
 * word:
 *
 *   effect(c) = [log p(o | question) - log p(o | question, c -> Paris)] / words of c
 *
 * with o the model's own next token.  A word, because a longer piece always takes more away. */
#include "data/tie_break.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "walk/variants.h"

enum { MOST_TIED = 8 };
static const double margin =
    1; /* less than any two reasons for a phrase differ by (features.def) */
static const char replacement[] = "Paris";

typedef struct asking {
  int target; /* -1: the most likely token, which is kept here */
  double logp;
  bool asked; /* false: the model cannot be asked this */
} asking;

static loci_status read_answer(const loci_prompt *p, arena *mem, asking *x, loci_err *err) {
  variants v = {.m = p->model}, *one = &v;
  TRY(target_make(p, NULL, mem, &v.target, err));
  v.target.given = x->target >= 0;
  if (x->target >= 0) v.target.ids[0] = x->target;
  TRY(variants_room(&v, mem, err));
  TRY(variants_run(&one, 1, err));
  x->target = v.target.ids[0];
  x->logp = variants_base(&v, 0).logp;
  x->asked = !v.not_finite;
  return LOCI_OK;
}

/* log p of the target after a question. */
static loci_status ask(const loci_model *m, const loci_example *e, const char *question, asking *x,
                       loci_err *err) {
  loci_prompt *prompt;
  loci_err why = {0};
  x->asked = false;
  loci_status st = loci_prompt_new(
      m, &(loci_question){.size = sizeof(loci_question), .image = e->image, .text = question},
      &prompt, &why);
  if (st && !status_is_own(st)) return pass_on(&why, err);
  if (st) return LOCI_OK;
  arena *mem = arena_new();
  st = mem ? read_answer(prompt, mem, x, err) : fail_nomem(err, "asking the model");
  arena_free(mem);
  loci_prompt_free(prompt);
  return st;
}

/* The question with a proposal's words replaced. */
static char *replaced(arena *mem, const char *question, const qtext *q, const proposal *c) {
  size_t from = (size_t)q->words[c->first].begin, to = (size_t)q->words[c->last].end;
  size_t n = strlen(question), size = n + sizeof replacement;
  char *text = arena_array(mem, (int64_t)size, char);
  if (text) snprintf(text, size, "%.*s%s%s", (int)from, question, replacement, question + to);
  return text;
}

static loci_status effect_of(const loci_model *m, const loci_example *e, const qtext *q,
                             const proposal *c, asking clean, double *effect, loci_err *err) {
  arena *mem = arena_new();
  char *text = mem ? replaced(mem, e->question, q, c) : NULL;
  asking r = {.target = clean.target};
  *effect = -HUGE_VAL;
  loci_status st = text ? ask(m, e, text, &r, err) : fail_nomem(err, "asking the model");
  if (!st && r.asked) *effect = (clean.logp - r.logp) / (c->last - c->first + 1);
  arena_free(mem);
  return st;
}

loci_status tie_break(const loci_model *m, const loci_example *e, const qtext *q,
                      const proposals *p, const double weights[FEATURE_COUNT], int best, tie *out,
                      loci_err *err) {
  int tied[MOST_TIED], n = 0;
  double most = proposal_score(&p->items[best], weights);
  asking clean = {.target = -1};
  *out = (tie){.best = best};
  for (int i = 0; i < p->count && n < MOST_TIED; i++) {
    if (proposal_score(&p->items[i], weights) > most - margin) tied[n++] = i;
  }
  out->count = n;
  if (n < 2) return LOCI_OK;
  TRY(ask(m, e, e->question, &clean, err));
  if (!clean.asked) out->count = 0;
  for (int i = 0; clean.asked && i < n; i++) {
    double effect;
    TRY(effect_of(m, e, q, &p->items[tied[i]], clean, &effect, err));
    if (i > 0 && effect <= out->effect) continue;
    out->best = tied[i];
    out->effect = effect;
  }
  return LOCI_OK;
}
