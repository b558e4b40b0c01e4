/* Reading logits (see logits.h). */
#include "walk/logits.h"

#include <assert.h>
#include <math.h>

#include "model/changes.h"
#include "model/model.h"
#include "tensor/kernels.h"

double log_sum_exp(const float *x, int64_t n) {
  assert(n > 0);
  return kernels_choose()->log_sum_exp(x, n);
}

bool logits_are_finite(const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(x[i])) return false;
  }
  return true;
}

/* An edit is what differs from weights that may have worked before: it is named first. */
loci_status not_finite(const loci_model *m, loci_err *err) {
  const loci_model_info *info = loci_model_get_info(m);
  if (changes_count(m) == 0)
    return fail(err, LOCI_EFORMAT,
                "%s: the model's scores are not finite; are there NaN or infinite weights?",
                info->path);
  const loci_applied_edit *e = info->edit_count ? &info->edits[info->edit_count - 1] : NULL;
  return fail(
      err, LOCI_EFORMAT,
      "%s, edited%s%s: the scores are not finite; are numbers of the edit too large, or are "
      "there NaN or infinite weights?",
      info->path, e ? " by " : "", e ? e->title : "");
}

int argmax_of(const float *x, int64_t n, int skip) {
  int best = skip == 0 && n > 1 ? 1 : 0;
  for (int64_t i = 0; i < n; i++) {
    if (i != skip && x[i] > x[best]) best = (int)i;
  }
  return best;
}

/* Insertion into a short list; a later equal does not displace an earlier one, so ties go to the
 * smaller id. */
void top_logits_of(const float *x, int vocab, top_logits *out) {
  int n = 0;
  for (int i = 0; i < vocab; i++) {
    if (n == LOCI_TOP && !(x[i] > x[out->id[n - 1]])) continue;
    int at = n < LOCI_TOP ? n++ : n - 1;
    for (; at > 0 && x[i] > x[out->id[at - 1]]; at--) out->id[at] = out->id[at - 1];
    out->id[at] = i;
  }
  double total = log_sum_exp(x, vocab);
  for (int k = 0; k < n; k++) out->p[k] = exp((double)x[out->id[k]] - total);
  out->vocab = vocab;
  out->count = n;
}

void top_logits_candidates(const top_logits *top, const loci_model *m,
                           loci_candidate out[LOCI_TOP]) {
  for (int k = 0; k < LOCI_TOP; k++) {
    bool is = k < top->count;
    const char *text = is ? tokenizer_token(m->tokens, top->id[k]) : NULL;
    out[k] = (loci_candidate){
        .id = is ? top->id[k] : -1, .text = text ? text : "", .p = is ? top->p[k] : 0};
  }
}
