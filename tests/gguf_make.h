/* GGUF files made by tests: values and tensors one after the other, then the whole in memory or in
 * a file. */
#ifndef LOCI_TESTS_GGUF_MAKE_H
#define LOCI_TESTS_GGUF_MAKE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAKE_ALIGNMENT = 32 };

typedef struct made_bytes {
  uint8_t *at;
  size_t n, room;
} made_bytes;

typedef struct gguf_maker {
  made_bytes values, tensors, data;
  uint64_t n_values, n_tensors;
} gguf_maker;

static inline void made_put(made_bytes *b, const void *bytes, size_t n) {
  if (b->n + n > b->room) {
    b->room = 2 * (b->n + n) + 64;
    b->at = realloc(b->at, b->room);
    if (!b->at) abort();
  }
  if (n > 0) memcpy(b->at + b->n, bytes, n);
  b->n += n;
}

static inline void made_u32(made_bytes *b, uint32_t x) { made_put(b, &x, sizeof x); }
static inline void made_u64(made_bytes *b, uint64_t x) { made_put(b, &x, sizeof x); }
static inline void made_text(made_bytes *b, const char *s, size_t n) {
  made_u64(b, n);
  made_put(b, s, n);
}

/* Types of GGUF. */
enum { MAKE_U32 = 4, MAKE_I32 = 5, MAKE_F32 = 6, MAKE_BOOL = 7, MAKE_TEXT = 8, MAKE_ARRAY = 9 };

static inline void make_key(gguf_maker *m, const char *key, uint32_t type) {
  m->n_values++;
  made_text(&m->values, key, strlen(key));
  made_u32(&m->values, type);
}
static inline void make_u32(gguf_maker *m, const char *key, uint32_t x) {
  make_key(m, key, MAKE_U32);
  made_u32(&m->values, x);
}
static inline void make_f32(gguf_maker *m, const char *key, float x) {
  make_key(m, key, MAKE_F32);
  made_put(&m->values, &x, sizeof x);
}
static inline void make_bool(gguf_maker *m, const char *key, uint8_t x) {
  make_key(m, key, MAKE_BOOL);
  made_put(&m->values, &x, 1);
}
static inline void make_text(gguf_maker *m, const char *key, const char *s) {
  make_key(m, key, MAKE_TEXT);
  made_text(&m->values, s, strlen(s));
}
/* The items follow with made_*. */
static inline void make_array(gguf_maker *m, const char *key, uint32_t type, uint64_t n) {
  make_key(m, key, MAKE_ARRAY);
  made_u32(&m->values, type);
  made_u64(&m->values, n);
}

/* Dimensions as GGUF has them: that of neighbouring numbers first. */
static inline void make_tensor(gguf_maker *m, const char *name, int rank, const uint64_t *dims,
                               uint32_t format, const void *bytes, size_t n) {
  static const uint8_t zeros[MAKE_ALIGNMENT];
  m->n_tensors++;
  made_text(&m->tensors, name, strlen(name));
  made_u32(&m->tensors, (uint32_t)rank);
  for (int i = 0; i < rank; i++) made_u64(&m->tensors, dims[i]);
  made_u32(&m->tensors, format);
  made_u64(&m->tensors, m->data.n);
  made_put(&m->data, bytes, n);
  made_put(&m->data, zeros, (MAKE_ALIGNMENT - m->data.n % MAKE_ALIGNMENT) % MAKE_ALIGNMENT);
}

/* The file; the caller frees at. */
static inline made_bytes make_file(const gguf_maker *m) {
  static const uint8_t zeros[MAKE_ALIGNMENT];
  made_bytes f = {0};
  made_put(&f, "GGUF\3\0\0\0", 8);
  made_u64(&f, m->n_tensors);
  made_u64(&f, m->n_values);
  made_put(&f, m->values.at, m->values.n);
  made_put(&f, m->tensors.at, m->tensors.n);
  made_put(&f, zeros, (MAKE_ALIGNMENT - f.n % MAKE_ALIGNMENT) % MAKE_ALIGNMENT);
  made_put(&f, m->data.at, m->data.n);
  return f;
}

static inline void make_write(const gguf_maker *m, const char *path) {
  made_bytes f = make_file(m);
  FILE *out = fopen(path, "wb");
  if (!out || fwrite(f.at, 1, f.n, out) != f.n || fclose(out) != 0) abort();
  free(f.at);
}

static inline void make_clear(gguf_maker *m) {
  free(m->values.at);
  free(m->tensors.at);
  free(m->data.at);
  memset(m, 0, sizeof *m);
}

#endif
