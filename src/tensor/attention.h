/* Keys and values laid out for the attention kernels (panels, see kernels.h), and attention of a
 * few rows over several stretches of them: the stretches of a stream's ancestors and its own. */
#ifndef LOCI_TENSOR_ATTENTION_H
#define LOCI_TENSOR_ATTENTION_H

#include <stdint.h>

#include "tensor/kernels.h"

/* Keys and values of one head at positions first .. first + count - 1. */
typedef struct kv_stretch {
  const float *keys; /* panels of (K, 16) */
  value_rows values;
  int first, count;
} kv_stretch;

/* Floats that n positions of one head take as keys and as values. */
int64_t key_floats(int64_t n, int K);
int64_t value_floats(int64_t n, int K);

/* Puts rows at, at + 1, .. into storage that begins at position 0 of the stretch: n rows of K
 * channels, [stride] apart.  The columns after the last row of its panel are zeroed.  [room]: the
 * positions that the storage of values was made for. */
void pack_keys(float *panels, int64_t at, const float *k, int64_t stride, int64_t n, int K);
void pack_values(float *values, int64_t room, int64_t at, const float *v, int64_t stride, int64_t n,
                 int K);
value_rows packed_values(const float *values, int64_t room);
/* One value (K), as it was. */
void value_row(value_rows v, int64_t j, int K, float *out);

/* One key (K), as it was. */
void key_row(const float *panels, int64_t j, int K, float *out);

typedef struct attend_rows {
  const float *q; /* R queries of one head, q_stride apart */
  int64_t q_stride;
  float *z; /* R results, z_stride apart */
  int64_t z_stride;
  int R, K;
  double scale, cap; /* of scores: 0: 1 / sqrt(K), no cap */
  const kv_stretch
      *stretches; /* ascending positions without holes from 0; the last row sees all of them */
  int stretch_count;
  float *S; /* room for R x ld scores; ld >= positions + 16 */
  int64_t ld;
} attend_rows;

/* S_r := scale q_r . k over all stretches, capped: c tanh(S_r / c). */
void attend_scores(const kernel_set *k, const attend_rows *a);
float attend_scale(const attend_rows *a);
/* z_r := sum_j S_rj v_j over all stretches. */
void attend_mix(const kernel_set *k, const attend_rows *a);

/* One head's keys and values once more, laid out for the products of the backward pass. */
typedef struct kv_turned {
  float *key_rows;     /* (positions, round_up(K, 16)) */
  float *value_panels; /* panels of (K, 16) */
} kv_turned;
/* Of the [count] positions that the stretches hold. */
void transpose_stretches(const kv_stretch *stretches, int n, int K, kv_turned *out);

typedef struct attend_grads {
  const float *dz; /* R rows, z_stride apart */
  float *dq;       /* R rows, q_stride apart: overwritten */
  const kv_turned *kv;
  int count;         /* positions that the last row sees */
  int first;         /* of the positions whose dk, dv are asked for; added to */
  float *dk, *dv;    /* row of position [first], kv_stride apart */
  int64_t kv_stride; /* */
  float *dS;         /* room for R x ld */
  float *slopes;     /* room for R x ld, where scores are capped */
  float *transposed; /* room for ld x R */
  float *rows;       /* room for R x round_up(K, 16) */
} attend_grads;

/* Gradients of z = softmax(cap(scale q k)) v for R rows of one head.  S of [a] holds the weights,
 * zeros where a row does not see; a.q the queries. */
void attend_backward(const kernel_set *k, const attend_rows *a, const attend_grads *g);

#endif
