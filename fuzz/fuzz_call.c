/* Bytes as the JSON of a call: the first chooses which one, the rest is its request.  Whatever is
 * asked, there is a result that says itself, or a sentence. */
#include <stdlib.h>
#include <string.h>

#include "loci.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char model_dir[] = LOCI_SOURCE_DIR "/tests/golden/models/text-llama";
static const char *const calls[] = {"ask",  "trace",      "knockout",      "flow",
                                    "lens", "edit solve", "study predict", "info"};
enum { CALLS = sizeof calls / sizeof *calls, LOOKS = 300 };

/* A request may ask for much: it is stopped after so many looks. */
static bool go_on(void *ctx, const char *stage, double done, double total) {
  int *looks = ctx;
  (void)stage, (void)done, (void)total;
  return ++*looks < LOOKS;
}

static void need(loci_status st, const loci_err *err) {
  if (st && (err->code == LOCI_OK || err->msg[0] == 0)) abort();
}

/* Opened once: a fuzzing process has one life. */
static void open_once(loci_model **m, loci_prompt **p) {
  static loci_model *model;
  static loci_prompt *prompt;
  loci_call asked = {.size = sizeof asked,
                     .what = "question",
                     .request = "{\"question\":\"Where is this city?\",\"template\":\"raw\","
                                "\"constraints\":[\"this city\"]}"};
  if (!model && loci_call_model(model_dir, "{\"precision\":\"f32\",\"threads\":1}", &model, NULL))
    abort();
  asked.model = model;
  if (!prompt && loci_call_prompt(&asked, NULL, 0, 0, &prompt, NULL)) abort();
  *m = model;
  *p = prompt;
}

static void run(const char *what, const char *request, loci_model *m, const loci_prompt *p) {
  const loci_prompt *const prompts[] = {p};
  int looks = 0;
  loci_result *r;
  loci_err err = {0};
  char *text;
  loci_call c = {.size = sizeof c,
                 .what = what,
                 .request = request,
                 .model = m,
                 .prompts = prompts,
                 .prompt_count = 1,
                 .path = LOCI_SOURCE_DIR "/fuzz/corpus/examples/whole",
                 .progress = go_on,
                 .progress_ctx = &looks};
  loci_status st = loci_call_run(&c, &r, &err);
  need(st, &err);
  if (st) return;
  if (!loci_json(r, &text, &err)) loci_text_free(text);
  if (!loci_draw(r, NULL, &text, &err)) loci_text_free(text);
  loci_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  static const uint8_t red[12] = {255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0};
  loci_model *m, *second;
  loci_prompt *p, *other;
  loci_err err = {0};
  if (n < 1) return 0;
  char *request = calloc(n, 1);
  if (!request) return 0;
  memcpy(request, bytes + 1, n - 1);
  open_once(&m, &p);
  int which = bytes[0] % (CALLS + 2);
  if (which < CALLS) {
    run(calls[which], request, m, p);
  } else if (which == CALLS) {
    loci_call asked = {.size = sizeof asked, .what = "question", .request = request, .model = m};
    loci_status st = loci_call_prompt(&asked, bytes[0] & 128 ? red : NULL, 2, 2, &other, &err);
    need(st, &err);
    if (!st) loci_prompt_free(other);
  } else {
    loci_status st = loci_call_model(model_dir, request, &second, &err);
    need(st, &err);
    if (!st) loci_model_close(second);
  }
  free(request);
  return 0;
}
