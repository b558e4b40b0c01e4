/* Bytes as a question: every proposal is a run of its words, in order and within it, and a
 * constraint spelled from it is found where it was. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/feature_weights.h"
#include "text/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(const qtext *q, const proposal *p, const char *text) {
  double w[FEATURE_COUNT];
  feature_weights_default(w);
  if (p->first < 0 || p->first > p->last || p->last >= q->count) abort();
  if (!isfinite(proposal_score(p, w))) abort();
  int64_t begin = q->words[p->first].begin, end = q->words[p->last].end;
  arena *mem = arena_new();
  char *constraint = mem ? span_text(mem, text, begin, end) : NULL;
  if (!constraint) abort();
  span s = span_find(text, constraint);
  if (s.occurrence < 1000 && s.begin != begin) abort();
  arena_free(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  static qtext q;
  static proposals p;
  char *text = malloc(n + 1);
  if (!text) abort();
  memcpy(text, bytes, n);
  text[n] = 0;
  question_words(text, &q);
  for (int i = 0; i < q.count; i++) {
    if (q.words[i].begin >= q.words[i].end || (i > 0 && q.words[i].begin < q.words[i - 1].end))
      abort();
  }
  propose(&q, &p);
  for (int i = 0; i < p.count; i++) check(&q, &p.items[i], text);
  free(text);
  return 0;
}
