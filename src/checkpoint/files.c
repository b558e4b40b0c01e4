/* From a directory to its tensors (see files.h): one model.safetensors, or an index that names
 * shards; then one sorted list over all files. */
#include "checkpoint/files.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "checkpoint/names.h"

enum { MAX_SHARDS = 4096, MAX_INDEX = 1 << 24 };

/* ---------------------------------------------------------------- no safetensors at all */

/* Finds a file of DIR whose name has this beginning and end; its name in the arena, or NULL. */
static const char *file_like(arena *a, const char *dir, const char *begin, const char *end) {
  DIR *d = opendir(dir);
  const char *found = NULL;
  for (struct dirent *e = d ? readdir(d) : NULL; e && !found; e = readdir(d)) {
    if (strncmp(e->d_name, begin, strlen(begin)) == 0 && path_ends_with(e->d_name, end)) {
      found = arena_strdup(a, e->d_name);
    }
  }
  if (d) closedir(d);
  return found;
}

/* Says what is there instead of safetensors, and what to do about it. */
static loci_status refuse_dir(arena *a, const char *dir, loci_err *err) {
  const char *other = file_like(a, dir, "pytorch_model", ".bin");
  if (other) {
    return fail(err, LOCI_EUNSUPPORTED,
                "%.150s: only pickled weights (%.60s), no safetensors; convert them once, in that "
                "directory: python3 -c \"import torch,glob,safetensors.torch as s; d={}; "
                "[d.update(torch.load(f,'cpu')) for f in glob.glob('pytorch_model*.bin')]; "
                "s.save_file({k:v.clone() for k,v in d.items()},'model.safetensors')\"",
                dir, other);
  }
  other = file_like(a, dir, "adapter_model", "");
  if (other) {
    return fail(err, LOCI_EUNSUPPORTED,
                "%s: only an adapter (%.60s); it has to be merged into its model first", dir,
                other);
  }
  other = file_like(a, dir, "", ".gguf");
  if (other) {
    return fail(
        err, LOCI_EUNSUPPORTED,
        "%s: only a GGUF file (%.60s); loci reads Hugging Face directories with safetensors", dir,
        other);
  }
  return fail(err, LOCI_EIO, "%s: no model.safetensors and no model.safetensors.index.json", dir);
}

/* ---------------------------------------------------------------- the index */

static loci_status check_shard_name(const char *index, const char *tensor, const char *name,
                                    size_t n, loci_err *err) {
  if (!name || n == 0 || strlen(name) != n) {
    return fail(err, LOCI_EFORMAT, "%s: tensor %.200s: its file must be a name", index, tensor);
  }
  if (strchr(name, '/') || strchr(name, '\\') || strstr(name, "..")) {
    return fail(err, LOCI_EFORMAT,
                "%s: tensor %.200s: file \"%.100s\" is outside the checkpoint's directory", index,
                tensor, name);
  }
  return LOCI_OK;
}

static loci_status shard_open(arena *a, const char *dir, const char *name, shard_set *set,
                              loci_err *err) {
  shard *s = &set->shards[set->n];
  s->path = path_join(a, dir, name);
  if (!s->path) return fail_nomem(err, dir);
  TRY(st_open(s->path, &s->file, err));
  set->n++;
  return LOCI_OK;
}

static const shard *shard_find(const shard_set *set, const char *name) {
  for (int i = 0; i < set->n; i++) {
    if (strcmp(path_base(set->shards[i].path), name) == 0) return &set->shards[i];
  }
  return NULL;
}

/* Opens every shard the map names and checks that it holds what the map promises. */
static loci_status open_shards(arena *a, const char *dir, const char *index, const js_value *map,
                               shard_set *set, loci_err *err) {
  const char *tensor;
  const js_value *value;
  const shard *last = NULL; /* neighbours in the map are mostly in one file */
  set->shards = arena_zarray(a, MAX_SHARDS, shard);
  if (!set->shards) return fail_nomem(err, index);
  for (void *it = js_first(map, &tensor, &value); it; it = js_next(map, it, &tensor, &value)) {
    size_t n = 0;
    const char *name = js_text_of(value, &n);
    TRY(check_shard_name(index, tensor, name, n, err));
    if (!last || strcmp(path_base(last->path), name) != 0) last = shard_find(set, name);
    if (!last) {
      if (set->n == MAX_SHARDS) {
        return fail(err, LOCI_EFORMAT, "%s: more than %d files", index, MAX_SHARDS);
      }
      TRY(shard_open(a, dir, name, set, err));
      last = &set->shards[set->n - 1];
    }
    if (!st_find(last->file, tensor)) {
      return fail(err, LOCI_EFORMAT, "%s: tensor %.200s should be in %s, and is not", index, tensor,
                  name);
    }
  }
  return LOCI_OK;
}

static loci_status open_index(arena *a, const char *dir, const char *index, shard_set *set,
                              loci_err *err) {
  js_value *root;
  TRY(js_parse_file(index, MAX_INDEX, &root, err));
  const js_value *map = js_get(root, "weight_map");
  loci_status st;
  if (js_kind_of(map) == JS_OBJECT && js_count(map) > 0) {
    st = open_shards(a, dir, index, map, set, err);
  } else {
    st = fail(err, LOCI_EFORMAT, "%s: \"weight_map\" must be an object with a file for each tensor",
              index);
  }
  js_free(root);
  return st;
}

loci_status files_open_dir(checkpoint_files *files, const char *dir, shard_set *out,
                           loci_err *err) {
  arena *a = files->mem;
  const char *single = path_join(a, dir, "model.safetensors");
  const char *index = path_join(a, dir, "model.safetensors.index.json");
  if (!single || !index) return fail_nomem(err, dir);
  if (!file_exists(single)) {
    return file_exists(index) ? open_index(a, dir, index, out, err) : refuse_dir(a, dir, err);
  }
  if (file_exists(index)) {
    files->notes[files->n_notes++] =
        "model.safetensors is read, as transformers does; model.safetensors.index.json is ignored";
  }
  out->shards = arena_zarray(a, 1, shard);
  if (!out->shards) return fail_nomem(err, dir);
  return shard_open(a, dir, "model.safetensors", out, err);
}

/* ---------------------------------------------------------------- one sorted list */

static int compare_entries(const void *a, const void *b) {
  const tensor_entry *x = a, *y = b;
  return strcmp(x->canonical, y->canonical);
}

static loci_status check_different(const checkpoint_files *files, loci_err *err) {
  for (int64_t i = 1; i < files->n; i++) {
    const tensor_entry *x = &files->entries[i - 1], *y = &files->entries[i];
    if (strcmp(x->canonical, y->canonical) == 0) {
      return fail(err, LOCI_EFORMAT,
                  "%s: two tensors for one place: %.100s in %.60s and %.100s in %.60s", files->dir,
                  x->tensor->name, path_base(x->from->path), y->tensor->name,
                  path_base(y->from->path));
    }
  }
  return LOCI_OK;
}

loci_status files_add(checkpoint_files *files, const shard_set *set, layout_kind layout,
                      bool is_tower, loci_err *err) {
  int64_t n = files->n;
  for (int i = 0; i < set->n; i++) n += st_count(set->shards[i].file);
  tensor_entry *entries = arena_zarray(files->mem, n, tensor_entry);
  if (!entries) return fail_nomem(err, files->dir);
  if (files->n > 0) memcpy(entries, files->entries, sizeof *entries * (size_t)files->n);
  files->entries = entries;
  for (int i = 0; i < set->n; i++) {
    const shard *s = &set->shards[i];
    for (int64_t j = 0; j < st_count(s->file); j++) {
      const st_tensor *t = st_at(s->file, j);
      tensor_entry *e = &entries[files->n];
      const char *refusal = name_refusal(t->name);
      if (refusal) {
        return fail(err, LOCI_EUNSUPPORTED, "%s: tensor %.200s: %s", s->path, t->name, refusal);
      }
      e->canonical = name_canonical(files->mem, layout, is_tower, t->name);
      if (!e->canonical) return fail_nomem(err, files->dir);
      e->tensor = t;
      e->from = s;
      e->used = name_is_needless(e->canonical) ||
                (is_tower && strncmp(e->canonical, "vision_tower.", 13) != 0);
      files->n++;
    }
  }
  if (files->n > 0) qsort(entries, (size_t)files->n, sizeof *entries, compare_entries);
  return check_different(files, err);
}

int64_t files_lower_bound(const checkpoint_files *files, const char *prefix) {
  int64_t low = 0, high = files->n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (strcmp(files->entries[middle].canonical, prefix) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

tensor_entry *files_find(const checkpoint_files *files, const char *canonical) {
  int64_t i = files_lower_bound(files, canonical);
  bool found = i < files->n && strcmp(files->entries[i].canonical, canonical) == 0;
  return found ? &files->entries[i] : NULL;
}

void files_close(checkpoint_files *files) {
  if (!files) return;
  for (int i = 0; i < files->main.n; i++) st_close(files->main.shards[i].file);
  for (int i = 0; i < files->vision.n; i++) st_close(files->vision.shards[i].file);
  arena_free(files->mem);
  free(files);
}
