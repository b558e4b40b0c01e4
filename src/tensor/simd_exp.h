/* The exponential function of a register of numbers, for softmax and activations. */
#ifndef LOCI_TENSOR_SIMD_EXP_H
#define LOCI_TENSOR_SIMD_EXP_H

#include "tensor/simd.h"

/* exp(x) to 2 ulp: x = n ln 2 + r, |r| <= ln 2 / 2, a polynomial in r (Cephes' coefficients), times
 * 2^n. Below -87 the result is an exact zero. */
static inline vf exp_of(vf x) {
  const vf magic = all(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
  vf clamped = x;
  vi low = x<all(-87.0f), high = x> all(88.0f);
  clamped = (vf)(((vi)clamped & ~low) | ((vi)all(-87.0f) & low));
  clamped = (vf)(((vi)clamped & ~high) | ((vi)all(88.0f) & high));
  vf t = clamped * all(1.44269504088896341f) + magic;
  vf n = t - magic;
  vf r = clamped - n * all(0.693359375f);
  r = r - n * all(-2.12194440e-4f);
  vf p = all(1.9875691500e-4f);
  p = p * r + all(1.3981999507e-3f);
  p = p * r + all(8.3334519073e-3f);
  p = p * r + all(4.1665795894e-2f);
  p = p * r + all(1.6666665459e-1f);
  p = p * r + all(5.0000001201e-1f);
  p = p * r * r + r + all(1.0f);
  vi power = ((vi)t - (vi)magic + 127) << 23;
  vf y = p * (vf)power;
  return (vf)((vi)y & ~low);
}

#endif
