/* The number formats weights come in, and exact conversions between them: three of single numbers,
 * and those of GGUF files, in which some numbers share a scale (quant.h). */
#ifndef LOCI_TENSOR_DTYPE_H
#define LOCI_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum dtype {
  DTYPE_F32,
  DTYPE_BF16,
  DTYPE_F16,
  DTYPE_Q4_0, /* from here on in blocks */
  DTYPE_Q4_1,
  DTYPE_Q5_0,
  DTYPE_Q5_1,
  DTYPE_Q8_0,
  DTYPE_Q4_K,
  DTYPE_Q5_K,
  DTYPE_Q6_K,
  DTYPE_COUNT
} dtype;

/* A block is [dtype_block] numbers in [dtype_bytes] bytes; of the formats of single numbers, one.
 */
int64_t dtype_block(dtype t);
size_t dtype_bytes(dtype t);
static inline bool dtype_has_blocks(dtype t) { return t >= DTYPE_Q4_0; }
/* Bytes of n numbers, whole blocks. */
static inline int64_t dtype_size(dtype t, int64_t n) {
  return n / dtype_block(t) * (int64_t)dtype_bytes(t);
}
const char *dtype_name(dtype t); /* "f32", "bf16", "f16", "Q4_K" */

/* One value.  Rounding is to nearest, ties to even; NaN stays NaN. */
float f32_from_bf16(uint16_t x);
float f32_from_f16(uint16_t x);
uint16_t bf16_from_f32(float x);
uint16_t f16_from_f32(float x);

/* n values, whole blocks; [src] may be misaligned (safetensors promises nothing), [dst] must not
 * be. */
void dtype_to_f32(dtype t, const void *src, float *dst, int64_t n);
void dtype_to_bf16(dtype t, const void *src, uint16_t *dst, int64_t n);
/* Values [first, first + n) of a row that begins at [row], which may cut blocks. */
void dtype_cut_to_f32(dtype t, const void *row, int64_t first, float *dst, int64_t n);

#endif
