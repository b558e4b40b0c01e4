/* What begins and ends a text, and how answers are generated: config.json and
 * generation_config.json (see config.h). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint/config.h"
#include "checkpoint/config_parts.h"

static loci_status read_eos(const config_reader *r, const js_value *o, model_config *out) {
  enum { MOST = sizeof out->eos / sizeof out->eos[0] };
  const js_value *v = js_get(o, "eos_token_id");
  bool is_list = js_kind_of(v) == JS_ARRAY;
  int64_t n = is_list ? js_count(v) : 1;
  if (!v) return LOCI_OK;
  if (n > MOST) {
    return fail(r->err, LOCI_EUNSUPPORTED,
                "%s: \"eos_token_id\" lists %" PRId64 " ids, at most %d are supported", r->what, n,
                (int)MOST);
  }
  for (int64_t i = 0; i < n; i++) {
    int64_t id = -1;
    if (!js_int_of(is_list ? js_at(v, i) : v, &id) || id < 0 || id > INT32_MAX) {
      return fail(r->err, LOCI_EFORMAT, "%s: \"eos_token_id\" must be a token id or a list of them",
                  r->what);
    }
    out->eos[i] = (int)id;
  }
  out->n_eos = (int)n;
  return LOCI_OK;
}

static loci_status read_generation(const config_reader *r, const js_value *o, model_config *out) {
  if (!o) return LOCI_OK;
  if (is_null(o, "bos_token_id")) out->bos = -1;
  TRY(read_int(r, o, "bos_token_id", (const int[]){0, INT32_MAX}, &out->bos));
  TRY(read_positive(r, o, "repetition_penalty", 1e6, &out->repetition_penalty));
  return read_eos(r, o, out);
}

/* What transformers does to greedy answers and loci_ask does not.  A number acts above [most], a
 * list or an object when it holds something, true always. */
static const struct generation_rule {
  const char *key;
  double most;
} generation_rules[] = {
    {"no_repeat_ngram_size", 0},
    {"encoder_no_repeat_ngram_size", 0},
    {"min_length", 0},
    {"min_new_tokens", 0},
    {"num_beams", 1},
    {"forced_bos_token_id", -1},
    {"forced_eos_token_id", -1},
    {"suppress_tokens", 0},
    {"begin_suppress_tokens", 0},
    {"bad_words_ids", 0},
    {"force_words_ids", 0},
    {"sequence_bias", 0},
    {"exponential_decay_length_penalty", 0},
    {"guidance_scale", 1},
};

static bool rule_acts(const struct generation_rule *rule, const js_value *v) {
  double number;
  bool on;
  if (!v) return false;
  if (js_real_of(v, &number)) return number > rule->most;
  if (js_bool_of(v, &on)) return on;
  js_kind kind = js_kind_of(v);
  return (kind != JS_ARRAY && kind != JS_OBJECT) || js_count(v) > 0;
}

/* The first rule that acts, from the file that wins, becomes the model's generation_problem. */
static loci_status generation_check(const config_reader *r, const js_value *const from[3],
                                    model_config *out) {
  enum { RULES = sizeof generation_rules / sizeof generation_rules[0] };
  for (int i = 0; i < RULES && !out->generation_problem; i++) {
    const struct generation_rule *rule = &generation_rules[i];
    const js_value *v = NULL;
    for (int k = 0; k < 3 && !v; k++) v = js_get(from[k], rule->key);
    if (!rule_acts(rule, v)) continue;
    char text[200];
    snprintf(text, sizeof text,
             "the checkpoint wants answers with \"%s\", which is not supported; traces and records "
             "do not depend on it",
             rule->key);
    out->generation_problem = arena_strdup(r->mem, text);
    if (!out->generation_problem) return fail_nomem(r->err, r->what);
    out->notes[out->n_notes++] = out->generation_problem;
  }
  return LOCI_OK;
}

loci_status generation_parse(const config_reader *r, const js_value *config, const js_value *text,
                             const js_value *generation, model_config *out) {
  TRY(read_generation(r, text, out));
  if (config != text) TRY(read_generation(r, config, out));
  TRY(generation_check(r, (const js_value *const[3]){generation, config, text}, out));
  if (!generation) return LOCI_OK;
  model_config before = *out;
  config_reader section = *r;
  section.what = "generation_config.json";
  TRY(read_generation(&section, generation, out));
  bool stated = js_get(config, "eos_token_id") || js_get(text, "eos_token_id");
  if (stated && (before.n_eos != out->n_eos ||
                 memcmp(before.eos, out->eos, sizeof(int) * (size_t)out->n_eos) != 0)) {
    out->notes[out->n_notes++] =
        "generation_config.json and config.json name different end ids; the former is followed";
  }
  return LOCI_OK;
}
