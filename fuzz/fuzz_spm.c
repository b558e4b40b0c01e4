/* A tokenizer.model from anywhere: opens the input, and if that succeeds encodes and decodes with
 * it, the way transformers' LlamaTokenizer does by default and the newer way. */
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
  if (tokenizer_decode(t, e.ids, e.count, false, &out, &out_n, &err) == LOCI_OK) free(out);
  encoding_clear(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const texts[] = {"", "  ", "<image>\nUSER: Who is this? ASSISTANT:",
                                      "a b  c\t12 \xC3\xA9\xE2\x96\x81 \xF0\x9F\x99\x82",
                                      "<s>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  static const char *const configs[] = {NULL, "{\"legacy\":false}"};
  for (int c = 0; c < 2; c++) {
    tokenizer *t;
    loci_err err;
    size_t n = configs[c] ? strlen(configs[c]) : 0;
    if (tokenizer_open_spm(data, size, configs[c], n, &t, &err) != LOCI_OK) continue;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
      round_trip(t, texts[i], strlen(texts[i]));
    }
    round_trip(t, (const char *)data, size < 512 ? size : 512);
    tokenizer_close(t);
  }
  return 0;
}
