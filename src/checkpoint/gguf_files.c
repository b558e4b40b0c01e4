/* The files and tensors of a GGUF checkpoint (see gguf_config.h): a split's other files, and where
 * each tensor stands in the model. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/tensor_names.h"

enum { MAX_SPLIT = 1000, NAME = 160 };

/* ---------------------------------------------------------------- names */

typedef struct name_rule {
  const char *from, *to;
} name_rule;

/* Behind "blk.N." */
static const name_rule gated_rules[] = {
    {"attn_norm.", "input_layernorm."},    {"attn_q.", "self_attn.q_proj."},
    {"attn_k.", "self_attn.k_proj."},      {"attn_v.", "self_attn.v_proj."},
    {"attn_output.", "self_attn.o_proj."}, {"ffn_norm.", "post_attention_layernorm."},
    {"ffn_gate.", "mlp.gate_proj."},       {"ffn_up.", "mlp.up_proj."},
    {"ffn_down.", "mlp.down_proj."},       {NULL, NULL},
};

static const name_rule parallel_rules[] = {
    {"attn_norm.", "input_layernorm."},
    {"attn_q.", "self_attn.q_proj."},
    {"attn_k.", "self_attn.k_proj."},
    {"attn_v.", "self_attn.v_proj."},
    {"attn_output.", "self_attn.dense."},
    {"ffn_up.", "mlp.fc1."},
    {"ffn_down.", "mlp.fc2."},
    {NULL, NULL},
};

static const name_rule top_rules[] = {
    {"token_embd.", "language_model.embed_tokens."},
    {"output.", "lm_head."},
    {NULL, NULL},
};

/* Of the projector's file; after "v.blk.N." */
static const name_rule tower_rules[] = {
    {"attn_q.", "self_attn.q_proj."},
    {"attn_k.", "self_attn.k_proj."},
    {"attn_v.", "self_attn.v_proj."},
    {"attn_out.", "self_attn.out_proj."},
    {"ln1.", "layer_norm1."},
    {"ln2.", "layer_norm2."},
    {"ffn_up.", "mlp.fc1."},
    {"ffn_down.", "mlp.fc2."},
    {NULL, NULL},
};

/* Older converters have the two matrices of the MLP under each other's names: shapes tell. */
static const name_rule swapped_rules[] = {
    {"ffn_up.", "mlp.fc2."},
    {"ffn_down.", "mlp.fc1."},
    {NULL, NULL},
};

static const name_rule vision_rules[] = {
    {"v.patch_embd.", "vision_tower.embeddings.patch_embedding."},
    {"v.class_embd", "vision_tower.embeddings.class_embedding"},
    {"v.position_embd.", "vision_tower.embeddings.position_embedding."},
    {"v.pre_ln.", "vision_tower.pre_layrnorm."},
    {"v.post_ln.", "vision_tower.post_layernorm."},
    {"mm.0.", "multi_modal_projector.linear_1."},
    {"mm.2.", "multi_modal_projector.linear_2."},
    {"mm.", "multi_modal_projector."},
    {NULL, NULL},
};

/* The name with the first rule's beginning exchanged after [prefix]; false: none of them fits, or
 * it would be too long. */
static bool renamed(const name_rule *rules, const char *prefix, const char *name, char out[NAME]) {
  for (const name_rule *r = rules; r->from; r++) {
    size_t n = strlen(r->from);
    if (strncmp(name, r->from, n) != 0) continue;
    int k = snprintf(out, NAME, "%s%s%s", prefix, r->to, name + n);
    return k > 0 && k < NAME;
  }
  return false;
}

/* "blk.12.": the number, and what stands after it. */
static bool block_of(const char *name, const char *begin, int *layer, const char **rest) {
  size_t n = strlen(begin);
  char *end;
  if (strncmp(name, begin, n) != 0 || name[n] < '0' || name[n] > '9') return false;
  long x = strtol(name + n, &end, 10);
  if (*end != '.' || x > 9999) return false;
  *layer = (int)x;
  *rest = end + 1;
  return true;
}

/* [swapped]: as older converters name the MLP's matrices. */
static const char *canonical_of_eyes(checkpoint_files *files, bool swapped, const char *name) {
  char out[NAME], prefix[64];
  const char *rest;
  int layer;
  if (!block_of(name, "v.blk.", &layer, &rest)) {
    return renamed(vision_rules, "", name, out) ? arena_strdup(files->mem, out) : name;
  }
  snprintf(prefix, sizeof prefix, "vision_tower.encoder.layers.%d.", layer);
  bool known = (swapped && renamed(swapped_rules, prefix, rest, out)) ||
               renamed(tower_rules, prefix, rest, out);
  if (!known && strlen(rest) + strlen(prefix) < NAME) {
    snprintf(out, sizeof out, "%s%s", prefix, rest);
    known = true;
  }
  return known ? arena_strdup(files->mem, out) : name;
}

/* Whether the matrix called "up" leads down. */
static bool is_swapped(const st_file *f, const vision_config *v) {
  const st_tensor *up = st_find(f, "v.blk.0.ffn_up.weight");
  return up && up->rank == 2 && up->shape[0] == v->width && up->shape[1] == v->inner &&
         v->width != v->inner;
}

/* A name that is none of ours stays as it is: a tensor that is not used. */
static const char *canonical_of(checkpoint_files *files, const model_config *c, const char *name) {
  char out[NAME], prefix[64];
  const char *rest;
  int layer;
  bool parallel = c->text.parallel, known = false;
  if (block_of(name, "blk.", &layer, &rest)) {
    snprintf(prefix, sizeof prefix, "language_model.layers.%d.", layer);
    known = renamed(parallel ? parallel_rules : gated_rules, prefix, rest, out);
    /* one that is none of these takes part in a computation that is not ours */
    if (!known && strlen(rest) + strlen(prefix) < NAME) {
      snprintf(out, sizeof out, "%s%s", prefix, rest);
      known = true;
    }
  } else if (strncmp(name, "output_norm.", 12) == 0) {
    const name_rule norm[] = {
        {"output_norm.", parallel ? "language_model.final_layernorm." : "language_model.norm."},
        {NULL, NULL}};
    known = renamed(norm, "", name, out);
  } else {
    known = renamed(top_rules, "", name, out);
  }
  return known ? arena_strdup(files->mem, out) : name;
}

/* ---------------------------------------------------------------- entries */

static loci_status add_entry(checkpoint_files *files, const shard *s, const st_tensor *t,
                             const char *canonical, loci_err *err) {
  if (!canonical) return fail_nomem(err, files->dir);
  files->entries[files->n++] = (tensor_entry){
      .canonical = canonical, .tensor = t, .from = s, .used = name_is_needless(canonical)};
  return LOCI_OK;
}

/* Phi's queries, keys and values stand in one tensor: three of its rows' ranges. */
static loci_status add_joined(checkpoint_files *files, const shard *s, const st_tensor *t,
                              const decoder_config *d, int layer, const char *ending,
                              loci_err *err) {
  int64_t rows[3] = {(int64_t)d->heads * d->head_dim, (int64_t)d->kv_heads * d->head_dim,
                     (int64_t)d->kv_heads * d->head_dim};
  int64_t all = rows[0] + rows[1] + rows[2], at = 0;
  if (t->shape[0] != all || t->bytes % all != 0) {
    return fail(err, LOCI_EFORMAT, "%s: tensor %s: %" PRId64 " rows, its metadata make it %" PRId64,
                s->path, t->name, t->shape[0], all);
  }
  st_tensor *parts = arena_array(files->mem, 3, st_tensor);
  if (!parts) return fail_nomem(err, files->dir);
  for (int i = 0; i < 3; i++) {
    char name[NAME];
    parts[i] = *t;
    parts[i].shape[0] = rows[i];
    parts[i].data = t->data + at;
    parts[i].bytes = t->bytes / all * rows[i];
    at += parts[i].bytes;
    snprintf(name, sizeof name, "language_model.layers.%d.self_attn.%c_proj.%s", layer, "qkv"[i],
             ending);
    TRY(add_entry(files, s, &parts[i], arena_strdup(files->mem, name), err));
  }
  return LOCI_OK;
}

static loci_status add_tensor(checkpoint_files *files, const shard *s, const st_tensor *t,
                              const model_config *c, loci_err *err) {
  int layer;
  const char *rest;
  bool joined = block_of(t->name, "blk.", &layer, &rest) && strncmp(rest, "attn_qkv.", 9) == 0;
  if (joined && (strcmp(rest + 9, "weight") == 0 || strcmp(rest + 9, "bias") == 0)) {
    return add_joined(files, s, t, &c->text, layer, rest + 9, err);
  }
  return add_entry(files, s, t, canonical_of(files, c, t->name), err);
}

loci_status gguf_files_add(checkpoint_files *files, gguf_set *set, const model_config *config,
                           loci_err *err) {
  int64_t room = 0;
  for (int i = 0; i < set->n; i++) {
    shard *s = &files->main.shards[i];
    s->file = gguf_take_tensors(set->parts[i]);
    files->main.n = i + 1;
    room += 3 * st_count(s->file);
  }
  files->entries = arena_zarray(files->mem, room, tensor_entry);
  if (!files->entries) return fail_nomem(err, files->dir);
  for (int i = 0; i < set->n; i++) {
    const shard *s = &files->main.shards[i];
    bool sees = set->eyes && set->parts[i] == set->eyes;
    bool swapped = sees && is_swapped(s->file, &config->vision);
    for (int64_t j = 0; j < st_count(s->file); j++) {
      const st_tensor *t = st_at(s->file, j);
      if (sees) {
        TRY(add_entry(files, s, t, canonical_of_eyes(files, swapped, t->name), err));
      } else {
        TRY(add_tensor(files, s, t, config, err));
      }
    }
  }
  return files_sort(files, err);
}

/* ---------------------------------------------------------------- files */

static void close_part(void *part) { gguf_close(part); }

static loci_status open_part(checkpoint_files *files, const char *path, gguf_set *set,
                             loci_err *err) {
  shard *s = &files->main.shards[set->n];
  gguf *g;
  TRY(gguf_open(path, &g, err));
  if (!arena_defer(files->mem, close_part, g)) return fail_nomem(err, path);
  s->path = gguf_what(g);
  s->name = path_base(s->path);
  set->parts[set->n++] = g;
  return LOCI_OK;
}

/* "NAME-00001-of-00003.gguf": the other files' names differ in the first number alone. */
static loci_status open_split(checkpoint_files *files, const char *path, int64_t count,
                              gguf_set *set, loci_err *err) {
  char ending[64];
  snprintf(ending, sizeof ending, "-00001-of-%05d.gguf", (int)count);
  size_t n = strlen(path), k = strlen(ending);
  if (n < k || strcmp(path + n - k, ending) != 0) {
    return fail(err, LOCI_EINVAL,
                "%s: a split of %" PRId64 " files is opened by its first, whose name ends in %s",
                path, count, ending);
  }
  int64_t tensors = st_count(gguf_tensors(set->main)), told = -1;
  for (int64_t i = 1; i < count; i++) {
    int64_t number = -1, of = count;
    char *other = arena_strdup(files->mem, path);
    if (!other) return fail_nomem(err, path);
    snprintf(other + n - k, k + 1, "-%05d-of-%05d.gguf", (int)i + 1, (int)count);
    if (!file_exists(other))
      return fail(err, LOCI_EIO, "%s: this file of the split is missing", other);
    TRY(open_part(files, other, set, err));
    TRY(gguf_get_int(set->parts[i], "split.no", 0, count - 1, &number, err));
    TRY(gguf_get_int(set->parts[i], "split.count", 0, MAX_SPLIT, &of, err));
    if (number != i)
      return fail(err, LOCI_EFORMAT, "%s: its \"split.no\" makes it another file of a split",
                  other);
    if (of != count)
      return fail(err, LOCI_EFORMAT,
                  "%s: is of a split of %" PRId64 " files, the first of one of %" PRId64, other, of,
                  count);
    tensors += st_count(gguf_tensors(set->parts[i]));
  }
  TRY(gguf_get_int(set->main, "split.tensors.count", 0, INT32_MAX, &told, err));
  if (told < 0 || told == tensors) return LOCI_OK;
  return fail(err, LOCI_EFORMAT,
              "%s: \"split.tensors.count\" is %" PRId64 ", its files hold %" PRId64, path, told,
              tensors);
}

loci_status gguf_files_open(checkpoint_files *files, const char *path, const char *eyes,
                            gguf_set *out, loci_err *err) {
  int64_t count = 1, number = 0;
  *out = (gguf_set){.parts = arena_zarray(files->mem, MAX_SPLIT + 1, gguf *)};
  files->main.shards = arena_zarray(files->mem, MAX_SPLIT + 1, shard);
  if (!out->parts || !files->main.shards) return fail_nomem(err, path);
  TRY(open_part(files, path, out, err));
  out->main = out->parts[0];
  TRY(gguf_get_int(out->main, "split.count", 0, MAX_SPLIT, &count, err));
  TRY(gguf_get_int(out->main, "split.no", 0, MAX_SPLIT, &number, err));
  if (number > 0) {
    return fail(err, LOCI_EINVAL, "%s: file %" PRId64 " of a split; name its first", path,
                number + 1);
  }
  if (count > 1) TRY(open_split(files, path, count, out, err));
  if (!eyes) return LOCI_OK;
  TRY(open_part(files, eyes, out, err));
  out->eyes = out->parts[out->n - 1];
  return LOCI_OK;
}
