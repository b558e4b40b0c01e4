/* Rotary angles (see rope.h). */
#include "model/rope.h"

#include <math.h>

/* The length that dynamic scaling stretches to; up to the model's own nothing is stretched. */
static int stretched(const decoder_config *c, int length) {
  return c->rope.kind == ROPE_DYNAMIC && length > c->max_positions ? length : c->max_positions;
}

bool rope_is_same(const decoder_config *c, int a, int b) {
  return stretched(c, a) == stretched(c, b);
}

/* Frequency of channel pair i of d/2: theta^(-2i/d), scaled. */
static double frequency(const decoder_config *c, int i, int length) {
  const rope_config *r = &c->rope;
  double d = c->rotary_dim, theta = r->theta;
  if (stretched(c, length) > c->max_positions) {
    double stretch = r->factor * length / c->max_positions - (r->factor - 1);
    theta *= pow(stretch, d / (d - 2));
  }
  double f = pow(theta, -2.0 * i / d);
  if (r->factors) f /= (double)r->factors[i];
  if (r->kind == ROPE_LINEAR) return f / r->factor;
  if (r->kind != ROPE_LLAMA3) return f;
  double wave = 2 * 3.14159265358979323846 / f, L = r->original_max_positions;
  if (wave > L / r->low_freq) return f / r->factor;
  if (wave < L / r->high_freq) return f;
  double s = (L / wave - r->low_freq) / (r->high_freq - r->low_freq);
  return (1 - s) * f / r->factor + s * f;
}

bool rope_init(const decoder_config *c, int64_t rows, arena *mem, rope_table *out) {
  out->half = c->rotary_dim / 2;
  out->cosine = arena_array(mem, rows * out->half, float);
  out->sine = arena_array(mem, rows * out->half, float);
  return out->cosine && out->sine;
}

/* The axis that channel pair i turns by: the sections stand one after the other. */
static int axis_of(const decoder_config *c, int i) {
  const int *s = c->rope.sections;
  return i < s[0] ? 0 : i < s[0] + s[1] ? 1 : 2;
}

void rope_fill_places(const decoder_config *c, int64_t first, const rope_place *places, int n,
                      rope_table *t) {
  for (int i = 0; i < t->half; i++) {
    float f = (float)frequency(c, i, c->max_positions);
    int axis = axis_of(c, i);
    for (int p = 0; p < n; p++) {
      double angle = (double)((float)places[p].at[axis] * f);
      t->cosine[(first + p) * t->half + i] = (float)cos(angle);
      t->sine[(first + p) * t->half + i] = (float)sin(angle);
    }
  }
}

void rope_fill(const decoder_config *c, int64_t first, int length, rope_table *t) {
  for (int i = 0; i < t->half; i++) {
    float f = (float)frequency(c, i, length); /* f32, as every implementation keeps it */
    for (int p = 0; p < length; p++) {
      double angle = (double)((float)p * f);
      t->cosine[(first + p) * t->half + i] = (float)cos(angle);
      t->sine[(first + p) * t->half + i] = (float)sin(angle);
    }
  }
}
