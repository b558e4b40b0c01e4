/* Ties between proposals (see ties.h).
 *
 * A constraint is what the answer depends on (docs/MATH.md, "Corruption").  So of proposals that
 * grammar cannot tell apart, the one is taken whose replacement by "Paris" costs the answer most a
 * word:
 *
 *   effect(c) = [log p(o | question) - log p(o | question, c -> Paris)] / words of c
 *
 * with o the model's own next token.  A word, because a longer piece always takes more away. */
#include "data/ties.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/prompt.h"
#include "walk/logits.h"
#include "walk/walk.h"

enum { MOST_TIED = 8 };
static const double margin =
    1; /* less than any two reasons for a phrase differ by (features.def) */
static const char replacement[] = "Paris";

typedef struct reading {
  int vocab;
  int target; /* -1: the most likely token, which is kept here */
  double logp;
  bool finite;
} reading;

static void read_logits(void *ctx, int64_t index, const float *logits) {
  (void)index;
  reading *r = ctx;
  r->finite = logits_are_finite(logits, r->vocab);
  if (r->target < 0) r->target = argmax_of(logits, r->vocab, -1);
  r->logp = (double)logits[r->target] - log_sum_exp(logits, r->vocab);
}

/* log p of the target behind a question; *asked false: the model cannot be asked this. */
static loci_status ask(const loci_model *m, const loci_example *e, const char *question,
                       reading *out, bool *asked, loci_err *err) {
  loci_prompt *prompt;
  walk *w = NULL;
  int stream, last;
  loci_err why = {0};
  walk_hooks hooks = {.logits = read_logits, .logits_ctx = out, .ordered = 1};
  loci_status st =
      loci_prompt_new(m, &(loci_question){.image = e->image, .text = question}, &prompt, &why);
  *asked = st == LOCI_OK;
  if (st && !status_is_own(st)) return pass_on(&why, err);
  if (st) return LOCI_OK;
  last = prompt->info.length - 1;
  st = walk_new(m, &w, err);
  if (!st) st = walk_root(w, prompt->embeds, last + 1, &stream, err);
  if (!st) st = walk_want(w, stream, last, err);
  if (!st) st = walk_run(w, &hooks, err);
  walk_free(w);
  loci_prompt_free(prompt);
  *asked = out->finite;
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
                             const proposal *c, reading clean, double *effect, loci_err *err) {
  arena *mem = arena_new();
  char *text = mem ? replaced(mem, e->question, q, c) : NULL;
  bool asked = false;
  reading r = {clean.vocab, clean.target, 0, false};
  *effect = -HUGE_VAL;
  loci_status st = text ? ask(m, e, text, &r, &asked, err) : fail_nomem(err, "asking the model");
  if (!st && asked) *effect = (clean.logp - r.logp) / (c->last - c->first + 1);
  arena_free(mem);
  return st;
}

loci_status ties_break(const loci_model *m, const loci_example *e, const qtext *q,
                       const proposals *p, const double weights[FEATURE_COUNT], int best, tie *out,
                       loci_err *err) {
  int tied[MOST_TIED], n = 0;
  double most = proposal_score(&p->items[best], weights);
  reading clean = {model_decoder(m)->vocab, -1, 0, false};
  bool asked;
  *out = (tie){.best = best};
  for (int i = 0; i < p->count && n < MOST_TIED; i++) {
    if (proposal_score(&p->items[i], weights) > most - margin) tied[n++] = i;
  }
  out->count = n;
  if (n < 2) return LOCI_OK;
  TRY(ask(m, e, e->question, &clean, &asked, err));
  if (!asked) out->count = 0;
  for (int i = 0; asked && i < n; i++) {
    double effect;
    TRY(effect_of(m, e, q, &p->items[tied[i]], clean, &effect, err));
    if (i > 0 && effect <= out->effect) continue;
    out->best = tied[i];
    out->effect = effect;
  }
  return LOCI_OK;
}
