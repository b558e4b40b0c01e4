/* Covariances of keys (docs/MATH.md, "Covariance"):
 *
 *   C = (1/N) sum k k^T   over every position of every prompt, N of them; k (F) = mlp_post
 *
 * Products are in f32, one prompt at a time, and added up in double.  The ridge that makes C
 * invertible is added where it is used (update.c). */
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/result.h"
#include "edit/edit.h"
#include "study/study.h"
#include "tensor/product.h"
#include "walk/walk.h"

typedef struct sums {
  study s;
  loci_covariance *out;
  product *products;
  int64_t F;
  double *sum; /* (F,F) */
  float *part; /* (F,F) of one prompt */
} sums;

/* The walk ends at the layer whose keys are wanted: nothing later is asked for. */
static loci_status record_keys(const sums *c, const loci_prompt *p, float *keys, loci_err *err) {
  int s;
  walk *w;
  TRY(walk_new(c->s.model, &w, err));
  loci_status st = walk_root(w, prompt_input(p), &s, err);
  if (!st) st = walk_record(w, s, LOCI_SITE_MLP_POST, c->out->layer, keys, err);
  if (!st)
    st = walk_run(
        w, &(walk_hooks){.progress = study_progress, .progress_ctx = (void *)(uintptr_t)&c->s},
        err);
  walk_free(w);
  return st;
}

/* sum += K^T K, K (T,F) */
static loci_status add_prompt(void *ctx, study_item *item, loci_err *err) {
  sums *c = ctx;
  int64_t T = item->prompt->info.length, F = c->F;
  arena *mem = arena_new();
  float *keys = mem ? arena_array(mem, T * F, float) : NULL;
  float *turned = mem ? arena_zarray(mem, product_rows(F) * T, float) : NULL;
  loci_status st = LOCI_OK;
  if (!keys || !turned) {
    st = fail_nomem(err, "adding up a covariance");
    goto done;
  }
  TRY_DONE(record_keys(c, item->prompt, keys, err));
  for (int64_t i = 0; i < T; i++) {
    for (int64_t f = 0; f < F; f++) turned[f * T + i] = keys[i * F + f];
  }
  product_shape shape = {.M = F, .N = F, .K = T, .ldy = F, .backward = true};
  TRY_DONE(product_run(c->products, shape, turned, keys, c->part, err));
  for (int64_t i = 0; i < F * F; i++) c->sum[i] += (double)c->part[i];
  c->out->keys += T;
done:
  arena_free(mem);
  return st;
}

/* The covariance belongs to one layer of one model, and says which: MEMIT with that of another
 * is refused (covariance_check). */
static loci_status finish(sums *c, loci_err *err) {
  loci_covariance *v = c->out;
  const char *hash, *why = study_first_reason(&c->s);
  if (c->s.used == 0) {
    return fail(err, LOCI_EINVAL, "%s: no question can be used%s%s", examples_path(c->s.examples),
                why ? ", the first because: " : "", why ? why : "");
  }
  float *values = arena_array(c->out->result.memory, c->F * c->F, float);
  if (!values) return fail_nomem(err, "adding up a covariance");
  for (int64_t i = 0; i < c->F * c->F; i++) values[i] = (float)(c->sum[i] / (double)v->keys);
  v->values = values;
  v->prompts = c->s.used;
  v->tensor = c->s.model->weights->layers[v->layer].down.w.name;
  v->precision = dtype_name(c->s.model->compute_type);
  v->tensor = arena_strdup(c->out->result.memory, v->tensor);
  TRY(model_hash(c->s.model, c->s.opts->progress, c->s.opts->progress_ctx, &hash, err));
  v->hash = arena_strdup(c->out->result.memory, hash);
  if (!v->tensor || !v->hash) return fail_nomem(err, "adding up a covariance");
  return study_describe(&c->s, &v->sample, err);
}

/* An edited model's keys are the same up to its edited layer and others after it, which nobody
 * could tell from the file: refused. */
static loci_status build(sums *c, loci_err *err) {
  int L = model_decoder(c->s.model)->layers, layer = c->out->layer;
  if (layer < 0 || layer >= L) {
    return fail(err, LOCI_EINVAL, "layer %d: the model has layers 0 to %d", layer, L - 1);
  }
  if (changes_count(c->s.model) > 0) {
    return fail(err, LOCI_EINVAL,
                "the model has edits applied; a covariance is of the model on disk");
  }
  c->sum = calloc((size_t)(c->F * c->F), sizeof *c->sum);
  c->part = malloc((size_t)(product_rows(c->F) * c->F) * sizeof *c->part);
  if (!c->sum || !c->part) return fail_nomem(err, "adding up a covariance");
  TRY(product_new(DTYPE_F32, c->s.model->threads, &c->products, err));
  TRY(study_each(&c->s, add_prompt, c, err));
  return finish(c, err);
}

static void describe(const void *ctx, js_value **to) {
  js_put(to, "layer", js_int(((const loci_covariance *)ctx)->layer));
}

loci_status loci_covariance_new(const loci_model *model, loci_examples *examples, int layer,
                                const loci_study_opts *opts, loci_covariance **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(examples, "examples");
  loci_study_opts own;
  TRY(options_take(loci_study_opts, &own, opts, err));
  loci_covariance *v = result_new(LOCI_KIND_COVARIANCE, sizeof *v);
  sums c = {.out = v, .F = model_decoder(model)->inner};
  if (!v) return fail_nomem(err, "adding up a covariance");
  c.s = (study){.model = model, .opts = &own, .examples = examples};
  c.s.mem = v->result.memory;
  c.s.result = &v->result;
  c.s.command = "edit covariance";
  c.s.seedless = true;
  c.s.describe = describe;
  c.s.describe_ctx = v;
  v->layer = layer;
  v->inner = c.F;
  loci_status st = build(&c, err);
  study_clear(&c.s);
  product_free(c.products);
  free(c.sum);
  free(c.part);
  if (!st) *out = v;
  if (st) loci_free(v);
  return st;
}

const loci_covariance *covariance_of(const loci_edit_opts *o, int layer) {
  for (int i = 0; i < o->covariance_count; i++)
    if (o->covariances[i]->layer == layer) return o->covariances[i];
  return o->covariance_count > 0 ? NULL : o->covariance;
}

loci_status covariance_check(const loci_covariance *c, const loci_model *m, int layer,
                             loci_err *err) {
  const char *hash;
  if (c->layer != layer) {
    return fail(err, LOCI_EINVAL, "the covariance is of layer %d, the edit of layer %d", c->layer,
                layer);
  }
  TRY(model_hash(m, NULL, NULL, &hash, err));
  if (c->inner != model_decoder(m)->inner) {
    return fail(err, LOCI_EINVAL, "the covariance is of %lld numbers a key, the model has %d",
                (long long)c->inner, (int)model_decoder(m)->inner);
  }
  if (strcmp(hash, c->hash) == 0) return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "the covariance was made for a model with the hash %s, this one has %s", c->hash,
              hash);
}
