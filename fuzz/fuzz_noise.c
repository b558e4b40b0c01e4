/* Bytes as a file of noise for a trace: what is accepted has the prompt's rows, and what comes of
 * it is numbers or a sentence. */
#include "fuzz_file.h"
#include "model/prompt.h"
#include "study/corrupt.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char model_dir[] = LOCI_SOURCE_DIR "/tests/golden/models/text-llama";

/* Opened once: a fuzzing process has one life. */
static loci_prompt *open_prompt(void) {
  static loci_model *m;
  static loci_prompt *p;
  static const char *const constraints[] = {"this city"};
  loci_model_opts opts = {.size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};
  loci_question q = {.size = sizeof q,
                     .text = "Where is this city?",
                     .template_name = "raw",
                     .constraints = constraints,
                     .constraint_count = 1};
  if (!p && (loci_model_open(model_dir, &opts, &m, NULL) || loci_prompt_new(m, &q, &p, NULL)))
    abort();
  return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  const loci_prompt *p = open_prompt();
  loci_err err = {0};
  corruption c;
  arena *mem = arena_new();
  if (!mem) return 0;
  const char *path = fuzz_file(bytes, n, ".safetensors");
  loci_trace_opts opts = {.size = sizeof opts, .corrupt = "noise:1", .noise_path = path};
  if (corruption_make(p, &opts, -1, mem, &c, &err)) {
    if (err.code == LOCI_OK || err.msg[0] == 0) abort();
  } else if (c.count < 1) {
    abort();
  }
  arena_free(mem);
  unlink(path);
  return 0;
}
