/* loci_info_new: what a model is and what a trace of it needs, as one result. */
#include "study/info.h"

#include "base/result.h"
#include "base/status.h"
#include "model/command.h"
#include "walk/walk.h"

enum { QUESTION_TOKENS = 32 }; /* an ordinary question */

/* What a default trace of a question of so many text tokens uses beside the weights. */
static int64_t trace_bytes(const loci_model *m, int tokens) {
  const image_shape usual = model_usual_shape(m);
  int P = layout_of(&m->weights->config, &usual).count, outside = model_decoder(m)->cross != NULL;
  int64_t T = tokens + (outside ? 0 : P);
  int64_t cells = 3LL * tokens * model_decoder(m)->layers;
  int64_t rows = T + tokens + cells * tokens / 2;
  return walk_fixed_bytes(m, P > (int)T ? P : (int)T) + rows * walk_row_bytes(m) +
         cells * walk_stream_bytes(m);
}

loci_status info_new(const loci_model *model, bool no_hash, const watch *w, loci_info **out,
                     loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  const char *hash = model_known_hash(model);
  if (!no_hash) TRY(model_hash(model, w->progress, w->ctx, &hash, err));
  loci_info *info = result_new(LOCI_KIND_INFO, sizeof *info);
  if (!info) return fail_nomem(err, "describing a model");
  info->model = loci_model_get_info(model);
  info->hash = hash;
  info->question_tokens = QUESTION_TOKENS;
  info->trace_bytes = trace_bytes(model, QUESTION_TOKENS);
  info->note_count = info->model->note_count;
  info->notes = info->model->notes;
  command_words words = command_of("info", model);
  js_value *request = js_object();
  request_put_model(&request, model);
  *out = info;
  return request_tell_of(&words, request, (loci_result **)out, err);
}

loci_status loci_info_new(const loci_model *model, loci_progress_fn progress, void *ctx,
                          loci_info **out, loci_err *err) {
  return info_new(model, false, &(watch){progress, ctx}, out, err);
}
