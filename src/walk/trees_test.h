/* Random trees of streams with random interventions, for the laws that every walk must keep. */
#ifndef LOCI_WALK_TREES_TEST_H
#define LOCI_WALK_TREES_TEST_H

#include "walk/laws_test.h"

static inline bool can_be_patched(const loci_model *m, loci_site site) {
  if (site == LOCI_SITE_FINAL_NORM || site == LOCI_SITE_LOGITS) return false;
  return site != LOCI_SITE_RESID_MID || !model_decoder(m)->parallel;
}

typedef struct dice {
  random_source r;
  scenario s;
  float *values; /* gaussian numbers to point into */
  int64_t value_count;
  bool no_patterns; /* patches of any other site only */
} dice;

static inline int roll(dice *d, int n) { return (int)random_below(&d->r, n); }

static inline const float *some_values(dice *d, int64_t n) {
  return d->values + random_below(&d->r, d->value_count - n);
}

static inline void random_patch(dice *d, int stream) {
  const loci_model *m = d->s.m;
  const decoder_config *c = model_decoder(m);
  walk_patch p = {.site = (loci_site)roll(d, LOCI_SITE_COUNT),
                  .layer = roll(d, c->layers),
                  .position = roll(d, d->s.T),
                  .head = -1,
                  .source = -1};
  if (!can_be_patched(m, p.site)) return;
  if (d->no_patterns && p.site == LOCI_SITE_PATTERN) return;
  bool query_heads = p.site == LOCI_SITE_Q || p.site == LOCI_SITE_Z;
  bool key_heads = p.site == LOCI_SITE_K || p.site == LOCI_SITE_V;
  if ((query_heads || key_heads) && roll(d, 2))
    p.head = roll(d, query_heads ? c->heads : c->kv_heads);
  p.add = roll(d, 4) == 0;
  if (p.site != LOCI_SITE_PATTERN && stream > 0 && roll(d, 2)) {
    p.source = roll(d, stream);
  } else {
    int64_t n = site_width(m, p.site);
    p.values = some_values(d, p.site == LOCI_SITE_PATTERN ? (int64_t)c->heads * d->s.T : n);
  }
  add_patch(&d->s, stream, p);
}

static inline void random_op(dice *d, int stream) {
  int kind = roll(d, 8);
  if (kind == 0) {
    add_embed(&d->s, stream, roll(d, d->s.T), some_values(d, input_width(model_decoder(d->s.m))));
  } else if (kind == 1) {
    int query = roll(d, d->s.T), seen = mutual_end(mutual_of(d->s.m, d->s.T), query + 1);
    int first = roll(d, seen);
    add_op(&d->s, (op){.kind = OP_MASK,
                       .stream = stream,
                       .layer = roll(d, model_decoder(d->s.m)->layers),
                       .position = query,
                       .first = first,
                       .count = 1 + roll(d, seen - first)});
  } else {
    random_patch(d, stream);
  }
}

/* Up to 24 streams, each below any earlier one, with up to 4 interventions of its own; where the
 * scenario has other rows, some go their own way from some position on. */
static inline void random_tree(dice *d, const loci_model *m, int T, const float *embeds,
                               const float *others) {
  d->s = (scenario){.m = m, .T = T, .embeds = embeds, .others = others};
  int n = 2 + roll(d, 23);
  for (int i = 0; i < n; i++) {
    int parent = i == 0 || roll(d, 12) == 0 ? -1 : roll(d, i);
    add_run(&d->s, parent);
    if (others && parent >= 0 && T > 1 && roll(d, 3) == 0) d->s.branch[i] = 1 + roll(d, T - 1);
    d->s.branch[i] = mutual_first(mutual_of(m, T), d->s.branch[i]);
    for (int k = roll(d, 5); k > 0; k--) random_op(d, i);
  }
}

#endif
