/* The three number formats weights come in, and exact conversions between them. */
#ifndef LOCI_TENSOR_DTYPE_H
#define LOCI_TENSOR_DTYPE_H

#include <stddef.h>
#include <stdint.h>

typedef enum dtype { DTYPE_F32, DTYPE_BF16, DTYPE_F16 } dtype;

size_t dtype_bytes(dtype t);
const char *dtype_name(dtype t); /* "f32", "bf16", "f16" */

/* One value.  Rounding is to nearest, ties to even; NaN stays NaN. */
float f32_from_bf16(uint16_t x);
float f32_from_f16(uint16_t x);
uint16_t bf16_from_f32(float x);
uint16_t f16_from_f32(float x);

/* n values; [src] may be misaligned (safetensors promises nothing), [dst] must not be. */
void dtype_to_f32(dtype t, const void *src, float *dst, int64_t n);
void dtype_to_bf16(dtype t, const void *src, uint16_t *dst, int64_t n);

#endif
