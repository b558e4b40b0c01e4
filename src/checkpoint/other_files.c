/* What lies beside the files that are read (see files.h): adapters, which are refused; other files
 * of weights, which are noted; and, when a tensor is missing, where it may be. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/fixed.h"
#include "base/kind.h"
#include "checkpoint/files.h"
#include "checkpoint/tensor_names.h"

enum { FIELD = 256 };

/* Finds a file of DIR whose name has this beginning and end: the first by name. */
static bool file_like(const char *dir, const char *begin, const char *end, char out[FIELD]) {
  DIR *d = opendir(dir);
  out[0] = 0;
  for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
    if (strncmp(e->d_name, begin, strlen(begin)) != 0 || !path_ends_with(e->d_name, end)) continue;
    if (!out[0] || strncmp(e->d_name, out, FIELD - 1) < 0)
      snprintf(out, FIELD, "%.255s", e->d_name);
  }
  if (d) closedir(d);
  return out[0] != 0;
}

loci_status other_files_check(const char *dir, loci_err *err) {
  char name[FIELD];
  if (file_like(dir, "adapter_config", ".json", name) ||
      file_like(dir, "adapter_model", "", name) ||
      file_like(dir, "non_lora_trainables", "", name)) {
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: an adapter (%s) lies in this directory; it changes the model and is not read: "
                "merge it into the weights (PEFT's merge_and_unload), or take it away",
                dir, name);
  }
  return LOCI_OK;
}

loci_status other_files_known(const char *dir, loci_err *err) {
  char name[FIELD];
  if (file_like(dir, "model_index", ".json", name) || file_like(dir, "unet", "", name)) {
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: a diffusers pipeline (%s), which makes pictures; loci reads language models",
                dir, name);
  }
  if (file_like(dir, "pytorch_model", ".bin", name)) {
    return fail(err, LOCI_EUNSUPPORTED,
                "%.150s: only pickled weights (%.60s), no safetensors; convert them once, in that "
                "directory: python3 -c \"import torch,glob,safetensors.torch as s; d={}; "
                "[d.update(torch.load(f,'cpu')) for f in glob.glob('pytorch_model*.bin')]; "
                "s.save_file({k:v.clone() for k,v in d.items()},'model.safetensors')\"",
                dir, name);
  }
  if (file_like(dir, "adapter_", "", name)) {
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: only an adapter (%s); it has to be merged into its model first", dir, name);
  }
  if (file_like(dir, "", ".gguf", name)) {
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: only a GGUF file (%s): name the file itself (-m %s/%s)", dir, name, dir, name);
  }
  if (file_like(dir, "", ".pth", name) || file_like(dir, "", ".pt", name) ||
      file_like(dir, "", ".bin", name)) {
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: only pickled weights (%s); convert them to Hugging Face's form with "
                "safetensors",
                dir, name);
  }
  return LOCI_OK;
}

loci_status other_files_refuse(const char *dir, loci_err *err) {
  char name[FIELD];
  TRY(other_files_known(dir, err));
  if (file_like(dir, "", ".safetensors", name)) {
    return fail(
        err, LOCI_EUNSUPPORTED,
        "%s: no model.safetensors and no model.safetensors.index.json, but %s: rename it if "
        "it is the whole model, or write the index",
        dir, name);
  }
  return fail(err, LOCI_EIO, "%s: no model.safetensors and no model.safetensors.index.json", dir);
}

/* ---------------------------------------------------------------- other weights */

static bool is_read(const checkpoint_files *files, const char *name) {
  for (int i = 0; i < files->main.n; i++) {
    if (strcmp(files->main.shards[i].name, name) == 0) return true;
  }
  return false;
}

void other_files_note(checkpoint_files *files, layout_kind layout) {
  DIR *d = opendir(files->dir);
  char names[200] = "", projector[FIELD];
  size_t n = 0;
  int count = 0;
  for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
    if (!path_ends_with(e->d_name, ".safetensors") || is_read(files, e->d_name)) continue;
    if (e->d_name[0] == '.') continue;
    count++;
    size_t k = strlen(e->d_name);
    if (n + k + 3 > sizeof names) continue;
    n = fixed_add(names, sizeof names, n, "%s%s", n ? ", " : "", e->d_name);
  }
  if (d) closedir(d);
  if (count > 0) files_note(files, "seen and not read: %s", names);
  bool original = layout == LAYOUT_LLAVA_ORIGINAL || layout == LAYOUT_BUNNY;
  if (original && file_like(files->dir, "mm_projector", "", projector)) {
    files_note(files, "seen and not read: %s; the projector is the checkpoint's own", projector);
  }
}

/* ---------------------------------------------------------------- a missing tensor */

/* Another file of safetensors of the directory that has the tensor. */
static bool other_file_with(const checkpoint_files *files, layout_kind layout,
                            const char *canonical, char out[FIELD]) {
  DIR *d = opendir(files->dir);
  bool found = false;
  for (struct dirent *e = d ? readdir(d) : NULL; e && !found; e = readdir(d)) {
    st_file *f = NULL;
    if (!path_ends_with(e->d_name, ".safetensors") || is_read(files, e->d_name)) continue;
    const char *path = path_join(files->mem, files->dir, e->d_name);
    if (!path || st_open(path, &f, NULL)) continue;
    for (int64_t i = 0; i < st_count(f) && !found; i++) {
      const char *name = name_canonical(files->mem, layout, false, st_at(f, i)->name);
      found = name && strcmp(name, canonical) == 0;
    }
    st_close(f);
    if (found) snprintf(out, FIELD, "%.255s", e->d_name);
  }
  if (d) closedir(d);
  return found;
}

/* What all names begin with, up to a dot; "" if nothing. */
static void common_beginning(const checkpoint_files *files, char out[FIELD]) {
  size_t n = 0;
  out[0] = 0;
  for (int64_t i = 0; i < files->n; i++) {
    const char *name = files->entries[i].tensor->name;
    size_t k = 0;
    if (i == 0) {
      n = strlen(name) < FIELD - 1 ? strlen(name) : FIELD - 1;
      memcpy(out, name, n);
    }
    while (k < n && name[k] == out[k]) k++;
    n = k;
  }
  while (n > 0 && out[n - 1] != '.') n--;
  out[n] = 0;
}

/* The file that the index puts the tensor into, or NULL; *there: it is there. */
static const char *promised(const checkpoint_files *files, layout_kind layout,
                            const char *canonical, bool *there) {
  const shard_set *set = &files->main;
  for (int64_t i = 0; i < set->n_map; i++) {
    const char *tensor =
        set->map[i].tensor + (strlen(set->map[i].tensor) > files->strip ? files->strip : 0);
    const char *name = name_canonical(files->mem, layout, false, tensor);
    *there = !set->map[i].absent;
    if (name && strcmp(name, canonical) == 0)
      return *there ? set->shards[set->map[i].shard].name : set->map[i].absent;
  }
  return NULL;
}

loci_status other_files_missing(const checkpoint_files *files, layout_kind layout,
                                const char *canonical, loci_err *err) {
  char name[FIELD];
  if (layout == LAYOUT_GGUF) {
    return fail(err, LOCI_EFORMAT, "%s: lacks the tensor that others call %s", files->dir,
                canonical);
  }
  bool there = true;
  const char *file = promised(files, layout, canonical, &there);
  if (file) {
    return fail(err, there ? LOCI_EFORMAT : LOCI_EIO,
                "%s: the weights lack tensor %s; the index puts it into %s, which %s", files->dir,
                canonical, file, there ? "has it not" : "is not there");
  }
  if (other_file_with(files, layout, canonical, name)) {
    return fail(err, LOCI_EFORMAT,
                "%s: the weights lack tensor %s; %s has it, which is not read: an index "
                "(model.safetensors.index.json) has to name both files",
                files->dir, canonical, name);
  }
  bool projector = strncmp(canonical, "multi_modal_projector.", 22) == 0;
  if (projector && file_like(files->dir, "mm_projector", "", name)) {
    return fail(err, LOCI_EFORMAT,
                "%s: the weights have no projector (%s); it is in %s, which is pickled: convert it "
                "and put it into model.safetensors",
                files->dir, canonical, name);
  }
  if (file_like(files->dir, "", ".bin", name) || file_like(files->dir, "", ".pt", name) ||
      file_like(files->dir, "", ".pth", name)) {
    return fail(
        err, LOCI_EFORMAT,
        "%s: the weights lack tensor %s; perhaps it is in %s, which is pickled and not read",
        files->dir, canonical, name);
  }
  common_beginning(files, name);
  if (name[0]) {
    return fail(err, LOCI_EFORMAT,
                "%s: the weights lack tensor %s; all names there begin with \"%s\"", files->dir,
                canonical, name);
  }
  return fail(err, LOCI_EFORMAT, "%s: the weights lack tensor %s", files->dir, canonical);
}
