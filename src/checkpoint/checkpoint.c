/* A checkpoint from its opening to its closing (see weights.h): which files, in which layout, where
 * the tower's weights are, then every tensor at its place (weights.c). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/kind.h"
#include "checkpoint/files.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/placing.h"
#include "checkpoint/tensor_names.h"

/* Hugging Face has three ways to prefix the same names; the names tell which. */
static void find_layout(const checkpoint_files *files, model_config *config) {
  if (config->layout != LAYOUT_HF_LEGACY) return;
  for (int i = 0; i < files->main.n; i++) {
    const st_file *f = files->main.shards[i].file;
    for (int64_t j = 0; j < st_count(f); j++) {
      if (name_tells_layout(st_at(f, j)->name + files->strip, &config->layout)) return;
    }
  }
}

/* LLaVA's own loader reads the directory's where there are both. */
static void note_second_tower(checkpoint *c) {
  const char *dir = c->config.vision_dir;
  const char *path = dir ? path_join(c->files->mem, dir, "model.safetensors") : NULL;
  if (!path || !file_exists(path)) return;
  files_note(c->files,
             "the vision tower is read from the checkpoint's own weights; the one in %.200s, which "
             "mm_vision_tower names, is not used",
             dir);
}

/* The tower's weights are in the checkpoint, or in the directory mm_vision_tower names. */
static loci_status find_tower(checkpoint *c, loci_err *err) {
  checkpoint_files *files = c->files;
  if (files_find(files, "vision_tower.embeddings.patch_embedding.weight")) {
    note_second_tower(c);
    return LOCI_OK;
  }
  if (!c->config.vision_dir) {
    return fail(err, LOCI_EFORMAT,
                "%s: the weights hold no vision tower; put the directory mm_vision_tower names "
                "inside the checkpoint's, and its relative path into config.json",
                files->dir);
  }
  TRY(files_open_dir(files, c->config.vision_dir, &files->vision, err));
  return files_add(files, &files->vision, c->config.layout, true, err);
}

/* What a GGUF file of llama3 divides its frequencies by. */
static loci_status place_factors(checkpoint *c, loci_err *err) {
  tensor_entry *e = files_find(c->files, "rope_freqs.weight");
  if (!e) return LOCI_OK;
  int half = c->config.text.rotary_dim / 2;
  float *factors = arena_array(c->files->mem, half, float);
  if (!factors) return fail_nomem(err, c->files->dir);
  if (e->tensor->dtype != ST_F32 || e->tensor->rank != 1 || e->tensor->shape[0] != half) {
    return fail(err, LOCI_EFORMAT, "%s: tensor %s: expected %d numbers in F32", e->from->path,
                e->tensor->name, half);
  }
  memcpy(factors, e->tensor->data, sizeof *factors * (size_t)half);
  for (int i = 0; i < half; i++) {
    if (factors[i] > 0 && factors[i] < 1e9F) continue;
    return fail(err, LOCI_EFORMAT, "%s: tensor %s: number %d is %g", e->from->path, e->tensor->name,
                i, (double)factors[i]);
  }
  c->config.text.rope.factors = factors;
  e->used = true;
  return LOCI_OK;
}

/* The same of a GGUF file: no directory, other names, one place for all. */
static loci_status fill_gguf(checkpoint *c, const char *path, const char *eyes, loci_err *err) {
  checkpoint_files *files = c->files;
  gguf_set set;
  TRY(gguf_files_open(files, path, eyes, &set, err));
  TRY(gguf_config(set.main, set.eyes, files->mem, &c->config, err));
  TRY(gguf_files_add(files, &set, &c->config, err));
  TRY(place_text_weights(c, err));
  TRY(place_factors(c, err));
  if (c->config.has_vision) TRY(place_vision_weights(c, err));
  dtype most = checkpoint_measure(c).main_dtype;
  if (dtype_has_blocks(most)) {
    files_note(files,
               "%s weights: what is run is the dequantised model, which is another one than "
               "that of 16 bits",
               dtype_name(most));
  }
  return check_unread(c, err);
}

static loci_status check_dir(const char *dir, loci_err *err) {
  if (!file_exists(dir)) return fail(err, LOCI_EIO, "%s: no such directory", dir);
  if (file_is_dir(dir) || gguf_is(dir)) return LOCI_OK;
  TRY(kind_refuse_file(dir, "a checkpoint's directory", err));
  return fail(err, LOCI_EINVAL,
              "%s: a file; a checkpoint is a directory with config.json and model.safetensors",
              dir);
}

static loci_status fill(checkpoint *c, const char *dir, loci_err *err) {
  checkpoint_files *files = c->files;
  const char *config = path_join(files->mem, dir, "config.json");
  if (!config) return fail_nomem(err, dir);
  if (!file_exists(config)) TRY(other_files_known(dir, err));
  TRY(config_read(dir, files->mem, &c->config, err));
  TRY(files_open_dir(files, dir, &files->main, err));
  TRY(other_files_check(dir, err));
  files_unwrap(files);
  find_layout(files, &c->config);
  TRY(files_add(files, &files->main, c->config.layout, false, err));
  TRY(place_text_weights(c, err));
  if (c->config.has_vision) {
    TRY(find_tower(c, err));
    TRY(place_vision_weights(c, err));
  }
  other_files_note(files, c->config.layout);
  return check_unread(c, err);
}

loci_status checkpoint_open(const char *dir, checkpoint **out, loci_err *err) {
  return checkpoint_open_with(dir, NULL, out, err);
}

loci_status checkpoint_open_with(const char *dir, const char *eyes, checkpoint **out,
                                 loci_err *err) {
  loci_status st;
  *out = NULL;
  TRY(check_dir(dir, err));
  if (eyes && !gguf_is(dir)) {
    return fail(err, LOCI_EINVAL,
                "%s: a projector of its own (%s) goes with a GGUF file of a language model", dir,
                eyes);
  }
  checkpoint *c = calloc(1, sizeof *c);
  if (c) c->files = calloc(1, sizeof *c->files);
  if (!c || !c->files) {
    st = fail_nomem(err, dir);
    goto done;
  }
  c->files->mem = arena_new();
  c->files->dir = c->files->mem ? arena_strdup(c->files->mem, dir) : NULL;
  if (!c->files->dir) {
    st = fail_nomem(err, dir);
    goto done;
  }
  st = gguf_is(dir) ? fill_gguf(c, dir, eyes, err) : fill(c, dir, err);
  if (st) goto done;
  *out = c;
  c = NULL; /* handed over */
done:
  checkpoint_close(c);
  return st;
}

void checkpoint_close(checkpoint *c) {
  if (!c) return;
  files_close(c->files);
  free(c);
}
