/* Bytes as a question with its constraints, template, system prompt and answer: whatever prompt
 * comes out must be sound.  The first byte chooses model and template; the rest is text, parts end
 * at a NUL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/prompt.h"
#include "study/corrupt.h"
#include "text/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char *const dirs[] = {
    LOCI_SOURCE_DIR "/tests/golden/models/llava-clip-llama",
    LOCI_SOURCE_DIR "/tests/golden/models/bunny-siglip-phi",
    LOCI_SOURCE_DIR "/tests/golden/models/text-llama",
};
enum { MODELS = 3, PARTS = 6, LONGEST = 4096 };

/* Opened once: a fuzzing process has one life. */
static loci_model *open_model(int i) {
  static loci_model *models[MODELS];
  loci_model_opts opts = {.size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};
  if (!models[i] && loci_model_open(dirs[i], &opts, &models[i], NULL)) abort();
  return models[i];
}

/* The model's own, one with a name, or text:PART. */
static const char *choose_template(int i, const char *part, char *text, size_t size) {
  int count = 0;
  while (template_at(count)) count++;
  i %= count + 2;
  if (i < count) return template_at(i)->name;
  if (i == count) return NULL;
  snprintf(text, size, "text:%s", part);
  return text;
}

static void check(const loci_prompt *p) {
  const loci_prompt_info *i = loci_prompt_get_info(p);
  size_t size = strlen(i->text);
  if (i->length < 1 || !i->tokens || i->image_count < 0) abort();
  for (int k = 0; k < i->length; k++) {
    const int64_t *b = i->tokens[k].bytes;
    if (b[0] < 0 || b[0] > b[1] || (size_t)b[1] > size || !i->tokens[k].text) abort();
  }
  for (int k = 0; k < i->constraint_count; k++) {
    const loci_constraint *c = &i->constraints[k];
    if (c->first < 0 || c->count < 1 || c->count > i->length - c->first) abort();
  }
}

/* What a trace makes of the prompt before it walks. */
static void corrupt(const loci_prompt *p, const char *kind, const char *answer) {
  loci_err err;
  corruption c;
  int *ids, count;
  loci_trace_opts opts = {.size = sizeof opts, .corrupt = kind, .seeds = 2};
  arena *mem = arena_new();
  if (!mem) return;
  if (!corruption_make(p, &opts, -1, mem, &c, &err) && c.count < 1) abort();
  if (!answer_ids(p, answer, mem, &ids, &count, &err) && count < 1) abort();
  arena_free(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  char text[LONGEST + 1], own[LONGEST + 8], *parts[PARTS];
  if (n < 1 || n > LONGEST) return 0;
  memcpy(text, bytes, n);
  text[n] = 0;
  char *at = text + 1, *end = text + n;
  for (int i = 0; i < PARTS; i++) {
    parts[i] = at;
    if (at < end) at += strlen(at) + 1;
    if (at > end) at = end;
  }
  loci_model *m = open_model(bytes[0] % MODELS);
  const char *const constraints[] = {parts[1]};
  loci_question q = {.size = sizeof q,
                     .text = parts[0],
                     .template_name = choose_template(bytes[0] / MODELS, parts[4], own, sizeof own),
                     .system = parts[5][0] ? parts[5] : NULL,
                     .constraints = constraints,
                     .constraint_count = parts[1][0] != 0};
  if (bytes[0] % MODELS < 2 && bytes[0] & 64) {
    q.image = LOCI_SOURCE_DIR "/tests/golden/images/one.png";
  }
  loci_err err = {0};
  loci_prompt *p;
  if (loci_prompt_new(m, &q, &p, &err)) {
    if (err.code == LOCI_OK || err.msg[0] == 0) abort();
    return 0;
  }
  check(p);
  /* other images are files, which are not this target's business */
  if (strncmp(parts[2], "image:", 6) != 0) corrupt(p, parts[2][0] ? parts[2] : "replace", parts[3]);
  loci_prompt_free(p);
  return 0;
}
