/* The deviation of noise:Fs (see noise_data.h), as ROME's release takes it for "s3"
 * (collect_embedding_std): the subjects of the whole data set are tokenized one by one, each by
 * itself, their embeddings put together, and
 *
 *   sigma = F sqrt(1/(N - 1) sum (x - mean)^2)   over all N entries of all rows
 *
 * A subject that is there twice counts twice.  The release's tokenizer may put a token before each
 * text, whose rows it takes too; here special tokens are none of a constraint's. */
#include "study/noise_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "model/prompt.h"
#include "study/corrupt.h"
#include "text/span.h"
#include "text/tokenizer.h"

typedef struct entries {
  const loci_model *m;
  float *row; /* (input_width) */
  int64_t count;
  double sum, squares;
} entries;

static loci_status add_text(entries *e, const char *text, size_t n, loci_err *err) {
  encoding ids = {0};
  int64_t D = model_decoder(e->m)->width;
  TRY(tokenizer_encode(e->m->tokens, text, n, false, &ids, err));
  loci_status st = LOCI_OK;
  for (int i = 0; !st && i < ids.count; i++) {
    if (!embed_token(e->m, ids.ids[i], e->row))
      st = fail(err, LOCI_EFORMAT, "token %d has no row in the embedding", ids.ids[i]);
    for (int64_t d = 0; !st && d < D; d++) {
      e->sum += (double)e->row[d];
      e->squares += (double)e->row[d] * (double)e->row[d];
    }
    if (!st) e->count += D;
  }
  encoding_clear(&ids);
  return st;
}

static loci_status add_example(entries *all, const loci_example *e, int constraint, loci_err *err) {
  for (int i = 0; i < e->constraint_count; i++) {
    const char *given = e->constraints[i];
    if (constraint > 0 && i + 1 != constraint) continue;
    TRY(add_text(all, given, span_find(e->question, given).length, err));
  }
  return LOCI_OK;
}

/* Lines that are no examples are passed over, as a study drops them. */
static loci_status add_file(entries *all, loci_examples *from, int constraint, const watch *w,
                            loci_err *err) {
  for (int64_t n = 0;; n++) {
    loci_example *e = NULL;
    if (watch_stops(w, "noise data", (double)n, 0))
      return fail(err, LOCI_ECANCELLED, "cancelled while reading constraints");
    loci_err own = {0};
    loci_status st = loci_examples_next(from, &e, &own);
    if (st == LOCI_EFORMAT) continue;
    if (st) return pass_on(&own, err);
    if (!e) return LOCI_OK;
    st = add_example(all, e, constraint, err);
    loci_free(e);
    TRY(st);
  }
}

loci_status noise_deviation(const loci_model *m, const char *path, int constraint, const watch *w,
                            double *out, loci_err *err) {
  loci_examples *from;
  *out = 0;
  if (strcmp(path, "-") == 0)
    return fail(err, LOCI_EINVAL,
                "noise_data: the constraints of a file are read before it is gone through, and "
                "standard input is read once: give a file");
  TRY(loci_examples_open(path, &from, err));
  entries all = {.m = m, .row = malloc((size_t)input_width(model_decoder(m)) * sizeof(float))};
  loci_status st =
      all.row ? add_file(&all, from, constraint, w, err) : fail_nomem(err, "reading constraints");
  loci_examples_close(from);
  free(all.row);
  TRY(st);
  double n = (double)all.count;
  double variance = n > 1 ? (all.squares - all.sum / n * all.sum) / (n - 1) : 0;
  if (!(variance > 0))
    return fail(err, LOCI_EINVAL, "%s: no constraint in it to take the noise's deviation from",
                path);
  *out = sqrt(variance);
  return LOCI_OK;
}

loci_status noise_of_study(const loci_model *m, const char *path, const loci_study_opts *how,
                           loci_trace_opts *o, loci_err *err) {
  const watch w = {how->progress, how->progress_ctx};
  if (!o->corrupt || !corruption_is_of_data(o->corrupt) || o->noise_data || o->noise_deviation > 0)
    return LOCI_OK;
  return noise_deviation(m, path, o->constraint, &w, &o->noise_deviation, err);
}
