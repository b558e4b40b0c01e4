/* Rotary angles (see rope.h). */
#include "model/rope.h"

#include <math.h>

/* Frequency of channel pair i of d/2: theta^(-2i/d), scaled. */
static double frequency(const decoder_config *c, int i, int length) {
  const rope_config *r = &c->rope;
  double d = c->rotary_dim, theta = r->theta;
  if (r->kind == ROPE_DYNAMIC && length > c->max_positions) {
    double stretch = r->factor * length / c->max_positions - (r->factor - 1);
    theta *= pow(stretch, d / (d - 2));
  }
  double f = pow(theta, -2.0 * i / d);
  if (r->kind == ROPE_LINEAR) return f / r->factor;
  if (r->kind != ROPE_LLAMA3) return f;
  double wave = 2 * 3.14159265358979323846 / f, L = r->original_max_positions;
  if (wave > L / r->low_freq) return f / r->factor;
  if (wave < L / r->high_freq) return f;
  double s = (L / wave - r->low_freq) / (r->high_freq - r->low_freq);
  return (1 - s) * f / r->factor + s * f;
}

bool rope_fill(const decoder_config *c, int length, arena *mem, rope_table *out) {
  int half = c->rotary_dim / 2;
  out->half = half;
  out->cosine = arena_array(mem, (int64_t)length * half, float);
  out->sine = arena_array(mem, (int64_t)length * half, float);
  if (!out->cosine || !out->sine) return false;
  for (int i = 0; i < half; i++) {
    float f = (float)frequency(c, i, length); /* f32, as every implementation keeps it */
    for (int p = 0; p < length; p++) {
      double angle = (double)((float)p * f);
      out->cosine[(int64_t)p * half + i] = (float)cos(angle);
      out->sine[(int64_t)p * half + i] = (float)sin(angle);
    }
  }
  return true;
}
