/* The rotary embedding in config.json (see config.h): its three spellings, and what scales it. */
#include <math.h>
#include <string.h>

#include "checkpoint/text_families.h"

/* A number from rope_parameters / rope_scaling, else from the config itself. */
static loci_status rope_number(const config_reader *r, const js_value *rope, const js_value *o,
                               const char *key, double *inout) {
  return read_positive(r, js_get(rope, key) ? rope : o, key, 1e15, inout);
}

static loci_status rope_type(const config_reader *r, const js_value *rope, rope_kind *out) {
  static const char *const names[] = {[ROPE_DEFAULT] = "default",
                                      [ROPE_LINEAR] = "linear",
                                      [ROPE_DYNAMIC] = "dynamic",
                                      [ROPE_LLAMA3] = "llama3",
                                      [ROPE_YARN] = "yarn"};
  const char *name = "default", *key, *old = NULL;
  const js_value *member;
  TRY(js_get_text(rope, "type", r->what, &old, r->err));       /* the old spelling */
  if (old) name = strcmp(old, "mrope") == 0 ? "default" : old; /* the sections say the rest */
  TRY(js_get_text(rope, "rope_type", r->what, &name, r->err));
  if (strcmp(name, "mrope") == 0) name = "default";
  if (old && strcmp(old, "mrope") != 0 && strcmp(old, name) != 0) {
    return fail(
        r->err, LOCI_EFORMAT,
        "%s: rotary scaling of two types: \"rope_type\" is \"%.40s\", \"type\" is \"%.40s\"",
        r->what, name, old);
  }
  for (void *it = js_first(rope, &key, &member); it; it = js_next(rope, it, &key, &member)) {
    if (js_kind_of(member) == JS_OBJECT) {
      return fail(r->err, LOCI_EUNSUPPORTED,
                  "%s: a rotary embedding of its own for \"%.60s\" layers is not supported",
                  r->what, key);
    }
  }
  for (int i = 0; i < 5; i++) {
    if (strcmp(name, names[i]) == 0) {
      *out = (rope_kind)i;
      return LOCI_OK;
    }
  }
  return fail(r->err, LOCI_EUNSUPPORTED,
              "%s: rotary scaling \"%.60s\" is not supported; known are default, linear, dynamic, "
              "llama3, yarn",
              r->what, name);
}

/* YaRN (Peng et al. 2023): the ramp's ends, and what cosines and sines are multiplied by. */
static loci_status yarn_factors(const config_reader *r, const js_value *rope, double theta,
                                rope_config *out) {
  bool whole = true;
  out->low_freq = 1;
  out->high_freq = 32;
  out->attention = out->factor > 1 ? 0.1 * log(out->factor) + 1 : 1;
  TRY(refuse_key(r, rope, "mscale", "rotations scaled by \"mscale\""));
  TRY(refuse_key(r, rope, "mscale_all_dim", "rotations scaled by \"mscale_all_dim\""));
  TRY(read_positive(r, rope, "beta_slow", 1e6, &out->low_freq));
  TRY(read_positive(r, rope, "beta_fast", 1e6, &out->high_freq));
  TRY(read_positive(r, rope, "attention_factor", 1e6, &out->attention));
  TRY(js_get_bool(rope, "truncate", r->what, &whole, r->err));
  out->exact = !whole;
  if (out->high_freq > out->low_freq && theta > 1) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT,
              "%s: yarn rotary scaling needs beta_slow < beta_fast and a rope_theta above 1",
              r->what);
}

static loci_status llama3_factors(const config_reader *r, const js_value *rope, rope_config *out) {
  TRY(read_positive(r, rope, "low_freq_factor", 1e6, &out->low_freq));
  TRY(read_positive(r, rope, "high_freq_factor", 1e6, &out->high_freq));
  if (out->low_freq > 0 && out->high_freq > out->low_freq) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT,
              "%s: llama3 rotary scaling needs 0 < low_freq_factor < high_freq_factor", r->what);
}

static loci_status rope_factors(const config_reader *r, const js_value *rope,
                                const decoder_config *d, rope_config *out) {
  TRY(read_positive(r, rope, "factor", 1e6, &out->factor));
  if (out->factor < 1) {
    return fail(r->err, LOCI_EFORMAT, "%s: rotary scaling needs a \"factor\" of at least 1",
                r->what);
  }
  if (out->kind != ROPE_LLAMA3 && out->kind != ROPE_YARN) return LOCI_OK;
  if (out->kind == ROPE_YARN) TRY(yarn_factors(r, rope, d->rope.theta, out));
  if (out->kind == ROPE_LLAMA3) TRY(llama3_factors(r, rope, out));
  out->original_max_positions = d->max_positions;
  return read_int(r, rope, "original_max_position_embeddings", (const int[]){1, 1 << 28},
                  &out->original_max_positions);
}

/* Which of a head's channel pairs turn by a place's time, row and column (M-RoPE). */
static loci_status rope_sections(const config_reader *r, const js_value *rope, decoder_config *d) {
  static const int usual[] = {24, 20, 20};
  const js_value *list = js_get(rope, "mrope_section");
  bool own = text_family_of(d->model_type)->interleaved;
  int64_t sum = 0, n = 0;
  d->rope.interleaved = own;
  TRY(js_get_bool(rope, "mrope_interleaved", r->what, &d->rope.interleaved, r->err));
  if (d->rope.interleaved != own) {
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: \"mrope_interleaved\" %s is not supported for %s",
                r->what, own ? "false" : "true", d->model_type);
  }
  if (!list && !own) return LOCI_OK;
  if (d->rope.kind != ROPE_DEFAULT) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: \"mrope_section\" with a scaled rotation is not supported", r->what);
  }
  for (int i = 0; i < 3; i++) {
    n = usual[i];
    if (list &&
        (js_count(list) != 3 || !js_int_of(js_at(list, i), &n) || n < 0 || n > d->head_dim)) {
      return fail(r->err, LOCI_EFORMAT,
                  "%s: \"mrope_section\" must be three numbers of channel pairs", r->what);
    }
    d->rope.sections[i] = (int)n;
    sum += n;
  }
  if (sum == d->rotary_dim / 2) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT, "%s: \"mrope_section\" has %d channel pairs, a head turns %d",
              r->what, (int)sum, d->rotary_dim / 2);
}

static loci_status rope_scaled(const config_reader *r, const js_value *rope, decoder_config *d) {
  TRY(rope_type(r, rope, &d->rope.kind));
  if (d->rope.kind != ROPE_DEFAULT) return rope_factors(r, rope, d, &d->rope);
  d->rope.factor = 1;
  bool named = js_get(rope, "type") || js_get(rope, "rope_type");
  if (named || !js_get(rope, "factor")) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT, "%s: rotary scaling has a \"factor\" and no \"rope_type\"",
              r->what);
}

/* A config with the new spelling and the old one has to say the same in both. */
static loci_status rope_agrees(const config_reader *r, const js_value *o, const decoder_config *d) {
  const js_value *new = js_get(o, "rope_parameters"), *old = js_get(o, "rope_scaling");
  double above = d->rope.theta;
  if (js_get(new, "rope_theta")) TRY(read_positive(r, o, "rope_theta", 1e15, &above));
  if (above != d->rope.theta) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: \"rope_theta\" is %g, and %g in \"rope_parameters\": which one?", r->what,
                above, d->rope.theta);
  }
  if (!new || !old) return LOCI_OK;
  decoder_config other = *d;
  other.rope = (rope_config){.theta = d->rope.theta};
  TRY(rope_scaled(r, old, &other));
  const rope_config *a = &d->rope, *b = &other.rope;
  if (a->kind == b->kind && a->factor == b->factor && a->low_freq == b->low_freq &&
      a->high_freq == b->high_freq && a->original_max_positions == b->original_max_positions &&
      a->attention == b->attention && a->exact == b->exact)
    return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT,
              "%s: \"rope_parameters\" and \"rope_scaling\" scale the rotation differently: "
              "which one?",
              r->what);
}

loci_status rope_parse(const config_reader *r, const js_value *o, decoder_config *d) {
  const char *key = js_get(o, "rope_parameters") ? "rope_parameters" : "rope_scaling";
  const js_value *rope = js_get(o, key);
  if (rope && js_kind_of(rope) != JS_OBJECT) {
    return fail(r->err, LOCI_EFORMAT, "%s: \"%s\" must be an object, found %s", r->what, key,
                js_kind_name(js_kind_of(rope)));
  }
  if (d->rope.theta == 0) d->rope.theta = 10000;
  TRY(rope_number(r, rope, o, "rope_theta", &d->rope.theta));
  TRY(rope_scaled(r, rope, d));
  TRY(rope_agrees(r, o, d));
  if (d->local.theta > 0) TRY(read_positive(r, o, "rope_local_base_freq", 1e15, &d->local.theta));

  double family = text_family_of(d->model_type)->partial_rotary;
  double partial = family > 0 ? family : 1;
  TRY(rope_number(r, rope, o, "partial_rotary_factor", &partial));
  if (partial > 1 || (family <= 0 && partial < 1)) {
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: partial_rotary_factor %g is not supported for %s",
                r->what, partial, d->model_type);
  }
  d->rotary_dim = (int)(d->head_dim * partial);
  if (d->rotary_dim < 2 || d->rotary_dim % 2 != 0) {
    return fail(r->err, LOCI_EFORMAT,
                "%s: %d of %d channels of a head rotate, expected an even "
                "number of at least 2",
                r->what, d->rotary_dim, d->head_dim);
  }
  return rope_sections(r, rope, d);
}
