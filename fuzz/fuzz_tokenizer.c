/* A tokenizer.json from anywhere: opens the input, and if that succeeds encodes and decodes with
 * it. The input may hold a second part after a NUL byte, which is then the tokenizer_config.json.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const tokenizer *t, const char *text, size_t n) {
  encoding e;
  loci_err err;
  char *out;
  size_t out_n;
  if (tokenizer_encode(t, text, n, true, &e, &err) != LOCI_OK) return;
  for (int i = 0; i < e.count; i++) {
    if (e.begin[i] < 0 || e.begin[i] > e.end[i] || (size_t)e.end[i] > n) abort();
  }
  for (int skip = 0; skip < 2; skip++) {
    if (tokenizer_decode(t, e.ids, e.count, skip, &out, &out_n, &err) == LOCI_OK) free(out);
  }
  encoding_clear(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const texts[] = {"", " ", "<image>\nUSER: Who is this? ASSISTANT:",
                                      "a b  c\t12 don't \xC3\xA9\xE2\x96\x81 \xF0\x9F\x99\x82",
                                      "e\xCC\x81 <s> </s>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"};
  const char *text = (const char *)data;
  const char *config = memchr(text, 0, size);
  size_t n = config ? (size_t)(config - text) : size;
  tokenizer *t;
  loci_err err;
  if (config) config++;
  if (tokenizer_open_json(text, n, config, config ? size - n - 1 : 0, &t, &err) != LOCI_OK) {
    return 0;
  }
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    round_trip(t, texts[i], strlen(texts[i]));
  }
  round_trip(t, text, size < 512 ? size : 512);
  for (int i = 0; tokenizer_note(t, i); i++) {
  }
  tokenizer_close(t);
  return 0;
}
