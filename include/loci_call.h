/* loci, continued: calls whose options are JSON, for bindings and for requests that are kept.  Part
 * of loci.h, whose rules hold here. */
#ifndef LOCI_CALL_H
#define LOCI_CALL_H

#ifndef LOCI_H
#error "include loci.h, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- 20. calls */

/* A measurement by its command's name, with its options as a JSON object (docs/FORMATS.md,
 * "Requests"): the names and values that a result tells in its own request, so that what a result
 * says can be asked again.  A member that the call does not have is LOCI_EINVAL, and the sentence
 * names the nearest; of the members that say what question and model it was, none is read.  A value
 * may also be the text that the command line has for it: "3-5" of layers, "1,3" of windows.
 *
 *   what              needs                        gives
 *   "ask" "trace" "knockout" "flow" "lens"
 *                     model, one prompt            loci_answer, loci_trace, ...
 *   "info"            model                        loci_info
 *   "score" "study predict" "study flow" "study knockout" "study trace"
 *                     model, path of examples      loci_score, loci_prediction, loci_average
 *   "study run"       model, path, store           loci_store_info
 *   "study options"                                loci_run_request: those of loci_store_run, for
 *                                                  who has callbacks of his own
 *   "study report"    store                        loci_average; member "run"
 *   "study status"    store                        loci_store_info
 *   "study export"    store, path to write         loci_store_info
 *   "edit solve"      model, prompts               loci_edit; member "requests" names prompts by
 *                                                  number: [{"prompt": 0, "target": "Lima"}]
 *   "edit test"       model, path, edits or none   loci_edit_test
 *   "edit curve"      model, path                  loci_edit_curve; members "over", "values"
 *   "edit covariance" model, path                  loci_covariance; member "layer"
 *   "edit apply"      model, path of the directory to write, edits    loci_edit_saved */
typedef struct loci_call {
  size_t size; /* sizeof(loci_call) */
  const char *what;
  const char *request; /* NULL: {} */
  loci_model *model;
  const loci_prompt *const *prompts;
  const loci_edit *const *edits;
  int prompt_count, edit_count;
  const char *path;
  loci_store *store;
  loci_progress_fn progress;
  void *progress_ctx;
  void (*watch)(void *ctx, const loci_trace *so_far); /* of "trace": loci_trace_opts; or NULL */
  void *watch_ctx;
  const loci_trace *so_far; /* of "trace", likewise; or NULL */
  void (*watch_steps)(void *ctx, const loci_edit_step *steps, int count); /* of "edit solve" */
  bool lent; /* a file of the call is gone after it: no command line names it, nor does a store */
  /* Of "ask" without a cell, with watch_ctx, or NULL: told after each token, the answer so far. */
  void (*watch_answer)(void *ctx, const loci_answer *so_far);
} loci_call;

typedef struct loci_run_request {
  loci_result result;
  loci_store_run_opts opts; /* leads to the others, as far as what is measured asks for them */
  loci_study_opts study;
  loci_trace_opts trace;
  loci_knockout_opts knockout;
  loci_lens_opts lens;
} loci_run_request;

/* What the result borrows is what the call's own function says; it is freed with loci_free.  [out]
 * NULL: the request is only checked, before there is a model, a prompt or a file. */
LOCI_CHECK loci_status loci_call_run(const loci_call *call, loci_result **out, loci_err *err);

/* "trace" of each prompt of the call, in as few walks as the memory allows (loci_traces): out[i] is
 * prompt i's, for loci_free, or NULL, and errs[i] says why.  After an error of all there is none.
 */
LOCI_CHECK loci_status loci_call_traces(const loci_call *call, loci_trace **out, loci_err *errs,
                                        loci_err *err);

/* A model as loci_model_find and loci_model_open make it; members precision, threads, memory
 * (bytes, or a size such as "4G"), mmproj, max_pixels, exif, gate_rows. */
LOCI_CHECK loci_status loci_call_model(const char *name, const char *request, loci_model **out,
                                       loci_err *err);
/* A prompt as loci_prompt_new makes it, of the call's model; what is "question", with members
 * question, image, constraints, kinds, template, system, date.  progress is told of the picture and
 * may stop it.  [rgb], if not NULL: the picture itself, (height, width, 3), instead of a file; it
 * is read during the call alone, and member image, if any, is its name. */
LOCI_CHECK loci_status loci_call_prompt(const loci_call *call, const uint8_t *rgb, int width,
                                        int height, loci_prompt **out, loci_err *err);

/* ---- kept runs */

/* Runs the model over the prompt and keeps what further measurements of it have in common, so that
 * each computes its own positions alone: a trace those from the corrupted ones on, a flow, a lens
 * or an answer those it looks at.  Their numbers stay the same, bit for bit.  [bytes]: at most that
 * much memory, else LOCI_ENOMEM; 0 gives up what is kept.  While edits are applied it is not used.
 * The prompt is then for one thread at a time. */
LOCI_CHECK loci_status loci_prompt_keep(loci_prompt *prompt, int64_t bytes,
                                        loci_progress_fn progress, void *ctx, loci_err *err);

/* How the compiler laid out what a binding has to know: the i-th fact, a size ("loci_call"), an
 * offset ("loci_call.what") or the "most pixels" of a picture, and its name; after the last one
 * *name is NULL. */
LOCI_API size_t loci_abi(int i, const char **name);

#ifdef __cplusplus
}
#endif
#endif
