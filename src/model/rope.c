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

/* How far channel pair i has gone from its own frequency to the scaled one (YaRN, Peng et al.
 * 2023):
 *
 *   clip((i - low) / (high - low), 0, 1),  an end at d log(L / 2 pi r) / (2 log theta), of the pair
 *
 * that turns r times over the original L positions. */
static double yarn_ramp(const decoder_config *c, const rope_config *r, int i) {
  double d = c->rotary_dim, L = r->original_max_positions, end[2];
  const double turns[2] = {r->high_freq, r->low_freq};
  for (int k = 0; k < 2; k++) {
    end[k] = d * log(L / (turns[k] * 2 * 3.14159265358979323846)) / (2 * log(r->theta));
    if (!r->exact) end[k] = k == 0 ? floor(end[k]) : ceil(end[k]);
  }
  double low = fmax(end[0], 0), high = fmin(end[1], d - 1);
  if (low == high) high += 0.001;
  return fmin(fmax((i - low) / (high - low), 0), 1);
}

/* Frequency of channel pair i of d/2: theta^(-2i/d), scaled. */
static double frequency(const decoder_config *c, const rope_config *r, int i, int length) {
  double d = c->rotary_dim, theta = r->theta;
  if (r->kind == ROPE_DYNAMIC && length > c->max_positions) {
    double stretch = r->factor * length / c->max_positions - (r->factor - 1);
    theta *= pow(stretch, d / (d - 2));
  }
  double f = pow(theta, -2.0 * i / d);
  if (r->factors) f /= (double)r->factors[i];
  if (r->kind == ROPE_LINEAR) return f / r->factor;
  if (r->kind == ROPE_YARN) {
    double far = yarn_ramp(c, r, i);
    return far * f / r->factor + (1 - far) * f;
  }
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

/* The axis that channel pair i turns by: the sections stand one after the other, or take turns as
 * long as row and column have any left. */
static int axis_of(const decoder_config *c, int i) {
  const int *s = c->rope.sections;
  if (c->rope.interleaved) return i % 3 > 0 && i / 3 < s[i % 3] ? i % 3 : 0;
  return i < s[0] ? 0 : i < s[0] + s[1] ? 1 : 2;
}

static double amplitude(const rope_config *r) { return r->kind == ROPE_YARN ? r->attention : 1; }

void rope_fill_places(const decoder_config *c, const rope_config *r, int64_t first,
                      const rope_place *places, int n, rope_table *t) {
  double by = amplitude(r);
  for (int i = 0; i < t->half; i++) {
    float f = (float)frequency(c, r, i, c->max_positions);
    int axis = axis_of(c, i);
    for (int p = 0; p < n; p++) {
      double angle = (double)((float)places[p].at[axis] * f);
      t->cosine[(first + p) * t->half + i] = (float)(by * cos(angle));
      t->sine[(first + p) * t->half + i] = (float)(by * sin(angle));
    }
  }
}

void rope_fill(const decoder_config *c, const rope_config *r, int64_t first, int length,
               rope_table *t) {
  double by = amplitude(r);
  for (int i = 0; i < t->half; i++) {
    float f = (float)frequency(c, r, i, length); /* f32, as every implementation keeps it */
    for (int p = 0; p < length; p++) {
      double angle = (double)((float)(p + r->first) * f);
      t->cosine[(first + p) * t->half + i] = (float)(by * cos(angle));
      t->sine[(first + p) * t->half + i] = (float)(by * sin(angle));
    }
  }
}
