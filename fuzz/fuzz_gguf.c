/* Bytes as a GGUF file: what is accepted must let every value be read, every tensor's bytes be read
 * and every name be found; then its configuration, a tower's beside a language model and its
 * tokenizer are made of it, or refused. */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/gguf_config.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void read_values(const gguf *g) {
  volatile size_t sink = 0;
  for (int64_t i = 0; i < gguf_count(g); i++) {
    const gguf_value *v = gguf_at(g, i);
    const uint8_t *at = v->at;
    int64_t whole;
    double real;
    if (gguf_find(g, v->key) != v) abort();
    for (int64_t k = 0; k < v->count; k++) {
      if (v->type == GGUF_TEXT) {
        gguf_text t = gguf_next_text(&at);
        if (t.n > 0) sink += (size_t)(t.s[0] + t.s[t.n - 1]);
      } else if (gguf_int(v, k, &whole) || gguf_real(v, k, &real)) {
        sink++;
      }
    }
  }
}

static void read_tensors(const st_file *f, size_t n) {
  volatile uint8_t sink = 0;
  int64_t total = 0;
  for (int64_t i = 0; i < st_count(f); i++) {
    const st_tensor *t = st_at(f, i);
    if (t->bytes < 1 || st_find(f, t->name) != t) abort();
    sink = (uint8_t)(sink + t->data[0] + t->data[t->bytes - 1]);
    total += t->bytes;
  }
  if (total > (int64_t)n) abort();
}

/* A language model for the bytes to be the eyes of; opened once: a fuzzing process has one life. */
static const gguf *language_model(void) {
  static gguf *g;
  if (!g && gguf_open(LOCI_SOURCE_DIR "/fuzz/corpus/gguf/spm", &g, NULL)) abort();
  return g;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  gguf *g;
  loci_err err;
  if (gguf_open_bytes(bytes, n, "fuzz", &g, &err)) {
    if (g || err.code == LOCI_OK || err.msg[0] == 0) abort();
    return 0;
  }
  read_values(g);
  read_tensors(gguf_tensors(g), n);
  model_config config;
  tokenizer *t;
  arena *a = arena_new();
  if (!a) abort();
  if (gguf_config(g, NULL, a, &config, &err) && err.msg[0] == 0) abort();
  if (gguf_config(language_model(), g, a, &config, &err) && err.msg[0] == 0) abort();
  if (!tokenizer_open_gguf_bytes(bytes, n, &t, &err)) {
    encoding e;
    if (!tokenizer_encode(t, "the city of 1889", 16, true, &e, &err)) encoding_clear(&e);
    tokenizer_close(t);
  } else if (err.msg[0] == 0) {
    abort();
  }
  arena_free(a);
  gguf_close(g);
  return 0;
}
