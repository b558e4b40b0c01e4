/* Bytes as config.json and, after a NUL, generation_config.json: whatever is accepted must hold
 * sizes that the code running the model can rely on. */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(const model_config *m) {
  const decoder_config *d = &m->text;
  const vision_config *v = &m->vision;
  if (d->layers < 1 || d->heads % d->kv_heads || d->head_dim < 2 || d->width < 1) abort();
  bool turns = !d->position_table;
  if (turns && (d->rotary_dim < 2 || d->rotary_dim % 2 || d->rotary_dim > d->head_dim)) abort();
  if (!(d->eps > 0) || (turns && (!(d->rope.theta > 0) || !(d->rope.factor >= 1)))) abort();
  if (d->rope.kind == ROPE_YARN && !(d->rope.theta > 1 && d->rope.attention > 0)) abort();
  if ((d->sliding_window > 0) != (d->slides != NULL) || d->sliding_window < 0) abort();
  if (!(d->attention_scale >= 0) || !(d->attention_cap >= 0) || !(d->logit_cap >= 0)) abort();
  if (d->max_positions < 1 || d->inner < 1) abort();
  if (d->mutual != MUTUAL_NONE && !m->has_vision) abort();
  if (d->mutual == MUTUAL_PROMPT && d->slides) abort();
  if (m->n_eos < 0 || m->n_eos > 16 || m->max_length < 1 || m->bos < -1) abort();
  if (m->n_notes < 0 || m->n_notes > 4 || !m->family || !m->default_template) abort();
  if (!m->has_vision) return;
  if ((m->image_rows < 1 && v->image_size > 0 && m->tiles.count == 0) || v->n_features < 1 ||
      v->n_features > 8 || v->width % v->heads)
    abort();
  if (v->width / v->heads < 1 || v->inner < 1 || v->patch < 1 || v->merge < 1) abort();
  if (v->deep_count < 0 || v->deep_count > 8 || m->text.deep > v->deep_count) abort();
  for (int i = 0; i < v->deep_count; i++) {
    if (v->deep_depth[i] < 1 || v->deep_depth[i] > v->layers) abort();
  }
  if (v->shuffle && (v->image_size < 1 || v->grid % v->merge || m->tiles.count > 0)) abort();
  if (m->tiles.count < 0 || m->tiles.count > MOST_TILE_SIZES || m->most_tiles < 0) abort();
  for (int i = 0; i < 2 * m->tiles.count; i++) {
    if (m->tiles.at[i / 2][i % 2] < 1 || m->tiles.at[i / 2][i % 2] % v->image_size) abort();
  }
  if (v->places < 0 || v->places > TILE_PLACES || v->gated_layers > v->layers) abort();
  for (int i = 0; v->places && i < v->canvases.count; i++) {
    const int *at = v->canvases.at[i];
    if (at[0] < 1 || at[1] < 1 || at[0] * at[1] > v->places) abort();
  }
  bool reads = false;
  for (int i = 0; d->cross && i < d->layers; i++) reads |= d->cross[i];
  if (d->cross && !reads) abort();
  if (v->rotary && v->width / v->heads % 4) abort();
  if (v->window < 0 || (v->window > 0 && !v->full)) abort();
  const int *s = d->rope.sections;
  if (s[0] < 0 || s[1] < 0 || s[2] < 0) abort();
  if (s[0] + s[1] + s[2] != 0 && s[0] + s[1] + s[2] != d->rotary_dim / 2) abort();
  if (m->projector.pooled && (!v->shuffle || m->projector.n_linear != 1)) abort();
  if (m->projector.n_linear < 0 || m->projector.n_linear > 8) abort();
  for (int i = 0; i < v->n_features; i++) {
    if (v->feature_depth[i] < 0 || v->feature_depth[i] > v->layers) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  loci_err err;
  js_value *config = NULL, *generation = NULL;
  const char *text = (const char *)bytes;
  size_t first = strnlen(text ? text : "", n);
  model_config m;
  arena *a = arena_new();
  if (!a || js_parse(text ? text : "", first, "config", &config, &err)) goto done;
  if (first < n && js_parse(text + first + 1, n - first - 1, "generation", &generation, &err)) {
    goto done;
  }
  if (config_parse(config, generation, NULL, "config", a, &m, &err)) {
    if (err.code == LOCI_OK || err.msg[0] == 0) abort();
  } else {
    check(&m);
  }
done:
  js_free(config);
  js_free(generation);
  arena_free(a);
  return 0;
}
