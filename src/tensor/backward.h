/* The backward passes of the small kernels: each takes the gradient of a loss with respect to its
 * kernel's result and gives the one with respect to its input.  `dx` is d loss / d x, as long as x.
 *
 * These are the plain formulas (docs/MATH.md, "The backward pass"), sums in double; a backward pass
 * spends its time in the products, and attention's four products run on the fast kernels
 * (attend_backward).  All work on single rows; threads are the caller's business. */
#ifndef LOCI_TENSOR_BACKWARD_H
#define LOCI_TENSOR_BACKWARD_H

#include <stdint.h>

/* dx += d loss / d x of y = w x / sqrt(mean(x^2) + eps), all (n) */
void rmsnorm_backward(float *dx, const float *dy, const float *x, const float *w, int64_t n,
                      double eps);
/* dx += d loss / d x of y = w (x - mean) / sqrt(var + eps) + b, all (n) */
void layernorm_backward(float *dx, const float *dy, const float *x, const float *w, int64_t n,
                        double eps);

/* dx *= f'(x) over n values */
void silu_backward(float *dx, const float *x, int64_t n);
void gelu_tanh_backward(float *dx, const float *x, int64_t n);
void gelu_erf_backward(float *dx, const float *x, int64_t n);
void quick_gelu_backward(float *dx, const float *x, int64_t n);
void relu_backward(float *dx, const float *x, int64_t n);

/* The rotation turned back: dx in place (see rope in kernels.h). */
void rope_backward(float *dx, const float *cosine, const float *sine, int heads, int K, int rot);

/* dp (n) becomes d loss / d s of p = softmax(s); masked entries have p = 0 and get 0. */
void softmax_backward(float *dp, const float *p, int64_t n);

/* dx += weight * d log softmax(x)[target] / d x over V logits; returns log softmax(x)[target]. */
double logp_backward(float *dx, const float *x, int64_t V, int target, double weight);

#endif
