/* Norms after branches, of single rows (see branch_norm.h).  In double: a change is a difference
 * of two such rows, and a small one. */
#include "model/branch_norm.h"

#include <math.h>

#include "model/compute.h"

loci_status branch_norm_of(const loci_model *m, const norm_weights *weights, arena *mem,
                           branch_norm *out, loci_err *err) {
  const decoder_config *c = model_decoder(m);
  *out = (branch_norm){.eps = c->eps, .D = c->width};
  if (!weights->w.data) return LOCI_OK;
  float *gain = arena_array(mem, c->width, float);
  if (!gain) return fail_nomem(err, "reading a norm");
  weight_row(&weights->w, 0, gain);
  for (int d = 0; c->norm == NORM_RMS_PLUS_ONE && d < c->width; d++) gain[d] += 1;
  out->gain = gain;
  return LOCI_OK;
}

loci_status branch_raw(const loci_model *m, const linear_weights *w, const float *x, int64_t n,
                       arena *mem, float **out, loci_err *err) {
  compute *a;
  TRY(compute_new(m->compute_type, m->threads, &a, err));
  *out = arena_zarray(mem, product_rows(n) * w->w.rows, float);
  void *room = arena_zalloc(mem, operand_bytes(a, n, w->w.cols), 1);
  loci_status st = *out && room ? LOCI_OK : fail_nomem(err, "reading what a branch gives");
  if (!st) st = linear_forward(a, w, *out, operand_of(a, room, x, n, w->w.cols), n, err);
  compute_free(a);
  return st;
}

/* 1 / sqrt(mean(u^2) + eps) of u = raw + change (NULL: none) */
static double scale_of(const branch_norm *p, const float *raw, const float *change) {
  double sum = 0;
  for (int64_t d = 0; d < p->D; d++) {
    double u = (double)raw[d] + (change ? (double)change[d] : 0);
    sum += u * u;
  }
  return 1 / sqrt(sum / (double)p->D + p->eps);
}

void branch_norm_change(const branch_norm *p, const float *raw, const float *change, float *out) {
  double before = scale_of(p, raw, NULL), after = scale_of(p, raw, change);
  for (int64_t d = 0; d < p->D; d++) {
    double u = (double)raw[d] + (double)change[d];
    out[d] = (float)((double)p->gain[d] * (u * after - (double)raw[d] * before));
  }
}

/* r g - u r^3 mean(g u), g = gain dy: see rmsnorm_backward */
void branch_norm_slope(const branch_norm *p, const float *raw, const float *change, float *grad) {
  double r = scale_of(p, raw, change), dot = 0;
  for (int64_t d = 0; d < p->D; d++) {
    dot += ((double)raw[d] + (double)change[d]) * (double)p->gain[d] * (double)grad[d];
  }
  for (int64_t d = 0; d < p->D; d++) {
    double u = (double)raw[d] + (double)change[d], dy = (double)p->gain[d] * (double)grad[d];
    grad[d] = (float)(r * (dy - u * r * r * dot / (double)p->D));
  }
}

void branch_norm_invert(const branch_norm *p, const float *raw, float *x) {
  double r = scale_of(p, raw, NULL);
  for (int64_t d = 0; d < p->D; d++) {
    double g = (double)p->gain[d] * r;
    x[d] = g != 0 ? (float)((double)x[d] / g) : 0; /* a channel that is shut brings nothing */
  }
}
