/* From a directory to its tensors (see files.h): one model.safetensors, or an index that names
 * shards; then one sorted list over all files. */
#include "checkpoint/files.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/tensor_names.h"

enum { MAX_SHARDS = 4096, MAX_INDEX = 1 << 24 };

/* ---------------------------------------------------------------- the index */

/* Whether a folder of a path is "..". */
static bool goes_up(const char *name) {
  for (const char *at = name; (at = strstr(at, "..")) != NULL; at += 2)
    if ((at == name || at[-1] == '/') && (at[2] == '/' || !at[2])) return true;
  return false;
}

/* A file below the directory: no way leads out of it. */
static loci_status check_shard_name(const char *index, const char *tensor, const char *name,
                                    size_t n, loci_err *err) {
  if (!name || n == 0 || strlen(name) != n) {
    return fail(err, LOCI_EFORMAT, "%s: tensor %.200s: its file must be a name", index, tensor);
  }
  if (strchr(name, '\\'))
    return fail(err, LOCI_EFORMAT,
                "%s: tensor %.200s: file \"%.100s\" is written with \\, which is no folder's mark "
                "here: write /",
                index, tensor, name);
  if (name[0] == '/' || goes_up(name)) {
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
  s->name = arena_strdup(a, name);
  if (!s->path || !s->name) return fail_nomem(err, dir);
  TRY(st_open(s->path, &s->file, err));
  set->n++;
  return LOCI_OK;
}

static int shard_find(const shard_set *set, const char *name) {
  for (int i = 0; i < set->n; i++) {
    if (strcmp(set->shards[i].name, name) == 0) return i;
  }
  return -1;
}

/* The index of the shard of that name, opened if it is new; -1: there is no such file. */
static loci_status shard_of(arena *a, const char *dir, const char *index, const char *name,
                            shard_set *set, int *out, loci_err *err) {
  *out = shard_find(set, name);
  if (*out >= 0) return LOCI_OK;
  const char *path = path_join(a, dir, name);
  if (!path) return fail_nomem(err, index);
  if (!file_exists(path)) return LOCI_OK;
  if (set->n == MAX_SHARDS)
    return fail(err, LOCI_EFORMAT, "%s: more than %d files", index, MAX_SHARDS);
  TRY(shard_open(a, dir, name, set, err));
  *out = set->n - 1;
  return LOCI_OK;
}

static int compare_mapped(const void *a, const void *b) {
  const mapped *x = a, *y = b;
  return strcmp(x->tensor, y->tensor);
}

static const mapped *map_find(const shard_set *set, const char *tensor) {
  mapped key = {.tensor = tensor};
  if (set->n_map == 0) return NULL;
  return bsearch(&key, set->map, (size_t)set->n_map, sizeof key, compare_mapped);
}

/* Opens every shard the map names.  Whether it is there and holds what the map promises shows when
 * the tensor is needed: an index may list buffers that nobody saved. */
static loci_status open_shards(arena *a, const char *dir, const char *index, const js_value *map,
                               shard_set *set, loci_err *err) {
  const char *tensor;
  const js_value *value;
  int last = -1; /* neighbours in the map are mostly in one file */
  set->shards = arena_zarray(a, MAX_SHARDS, shard);
  set->map = arena_zarray(a, js_count(map), mapped);
  if (!set->shards || !set->map) return fail_nomem(err, index);
  for (void *it = js_first(map, &tensor, &value); it; it = js_next(map, it, &tensor, &value)) {
    size_t n = 0;
    const char *name = js_text_of(value, &n);
    TRY(check_shard_name(index, tensor, name, n, err));
    while (strncmp(name, "./", 2) == 0) name += 2;
    if (last < 0 || strcmp(set->shards[last].name, name) != 0)
      TRY(shard_of(a, dir, index, name, set, &last, err));
    mapped *m = &set->map[set->n_map++];
    *m = (mapped){arena_strdup(a, tensor), last, last < 0 ? arena_strdup(a, name) : NULL};
    if (!m->tensor || (last < 0 && !m->absent)) return fail_nomem(err, index);
  }
  if (set->n == 0)
    return fail(err, LOCI_EIO, "%s: none of its files is there, for example %.200s", index,
                set->map[0].absent);
  qsort(set->map, (size_t)set->n_map, sizeof *set->map, compare_mapped);
  return LOCI_OK;
}

/* Notes what the index promises and its files do not hold. */
static void note_promises(checkpoint_files *files, const shard_set *set) {
  int64_t missing = 0;
  const mapped *first = NULL;
  for (int64_t i = 0; i < set->n_map; i++) {
    const mapped *m = &set->map[i];
    if (m->shard >= 0 && st_find(set->shards[m->shard].file, m->tensor)) continue;
    if (missing++ == 0) first = m;
  }
  if (!first) return;
  files_note(files,
             "model.safetensors.index.json puts %" PRId64 " tensor%s into %s, for example %.150s "
             "into %.60s",
             missing, missing == 1 ? "" : "s",
             missing == 1 ? "a file that lacks it" : "files that lack them", first->tensor,
             first->absent ? first->absent : set->shards[first->shard].name);
}

static loci_status open_index(checkpoint_files *files, const char *dir, const char *index,
                              shard_set *set, loci_err *err) {
  js_value *root;
  TRY(js_parse_file(index, MAX_INDEX, &root, err));
  const js_value *map = js_get(root, "weight_map");
  loci_status st;
  if (js_kind_of(map) == JS_OBJECT && js_count(map) > 0) {
    st = open_shards(files->mem, dir, index, map, set, err);
  } else {
    st = fail(err, LOCI_EFORMAT, "%s: \"weight_map\" must be an object with a file for each tensor",
              index);
  }
  js_free(root);
  if (!st) note_promises(files, set);
  return st;
}

loci_status files_open_dir(checkpoint_files *files, const char *dir, shard_set *out,
                           loci_err *err) {
  arena *a = files->mem;
  const char *single = path_join(a, dir, "model.safetensors");
  const char *index = path_join(a, dir, "model.safetensors.index.json");
  if (!single || !index) return fail_nomem(err, dir);
  if (!file_exists(single)) {
    return file_exists(index) ? open_index(files, dir, index, out, err)
                              : other_files_refuse(dir, err);
  }
  if (file_exists(index)) {
    files_note(files, "model.safetensors is read, as transformers does; "
                      "model.safetensors.index.json is ignored");
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

loci_status files_sort(checkpoint_files *files, loci_err *err) {
  if (files->n > 0) {
    qsort(files->entries, (size_t)files->n, sizeof *files->entries, compare_entries);
  }
  return check_different(files, err);
}

/* What torch.compile, FSDP and checkpointing put into the names of what they wrap, be it one layer.
 */
static const char *const inner_wrappers[] = {"_orig_mod.", "_fsdp_wrapped_module.",
                                             "_checkpoint_wrapped_module."};
enum { INNER_WRAPPERS = sizeof inner_wrappers / sizeof *inner_wrappers };

/* Finds one of them as a whole part of the name, from [at] on; its length, or 0. */
static size_t inner_wrapper(const char *name, const char **at) {
  for (const char *part = *at; part; part = strchr(part, '.') ? strchr(part, '.') + 1 : NULL) {
    for (int k = 0; k < INNER_WRAPPERS; k++) {
      size_t n = strlen(inner_wrappers[k]);
      if (strncmp(part, inner_wrappers[k], n) != 0) continue;
      *at = part;
      return n;
    }
  }
  *at = name;
  return 0;
}

/* The name without them, in the arena if it has some; NULL: out of memory. */
static const char *without_wrappers(arena *a, const char *name) {
  const char *at = name, *from = name;
  size_t n = inner_wrapper(name, &at);
  if (n == 0) return name;
  char *plain = arena_strdup(a, name), *to = plain;
  for (; plain && n > 0; n = inner_wrapper(name, &at)) {
    memcpy(to, from, (size_t)(at - from));
    to += at - from;
    from = at += n;
  }
  if (plain) memcpy(to, from, strlen(from) + 1);
  return plain;
}

/* What all names begin with where a model was saved from inside a wrapper: torch.compile's, data
 * parallel's, PEFT's. */
static size_t wrapper_of(const shard_set *set) {
  static const char *const known[] = {"_orig_mod.", "_fsdp_wrapped_module.", "module.",
                                      "base_model.model."};
  size_t strip = 0, before;
  do {
    before = strip;
    for (size_t k = 0; k < sizeof known / sizeof *known && strip == before; k++) {
      size_t n = strlen(known[k]);
      bool all = set->n > 0;
      for (int i = 0; all && i < set->n; i++) {
        const st_file *f = set->shards[i].file;
        for (int64_t j = 0; all && j < st_count(f); j++) {
          const char *name = st_at(f, j)->name;
          all = strlen(name) > strip + n && strncmp(name + strip, known[k], n) == 0;
        }
      }
      if (all) strip += n;
    }
  } while (strip > before);
  return strip;
}

void files_unwrap(checkpoint_files *files) {
  files->strip = wrapper_of(&files->main);
  if (files->strip == 0) return;
  files_note(files, "all tensors' names begin with \"%.*s\" and are read without it",
             (int)files->strip, st_at(files->main.shards[0].file, 0)->name);
}

/* Whether the index says that the tensor of this name is another shard's, which has it. */
static bool is_elsewhere(const shard_set *set, int at, const char *tensor) {
  const mapped *m = map_find(set, tensor);
  return m && m->shard >= 0 && m->shard != at && st_find(set->shards[m->shard].file, tensor);
}

loci_status files_add(checkpoint_files *files, const shard_set *set, layout_kind layout,
                      bool is_tower, loci_err *err) {
  int64_t n = files->n;
  int64_t wrapped = 0;
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
      if (is_elsewhere(set, i, t->name)) continue;
      const char *refusal = name_refusal(t->name);
      if (refusal) {
        return fail(err, LOCI_EUNSUPPORTED, "%s: tensor %.200s: %s", s->path, t->name, refusal);
      }
      const char *own = t->name + (is_tower ? 0 : files->strip);
      const char *plain = without_wrappers(files->mem, own);
      e->canonical = plain ? name_canonical(files->mem, layout, is_tower, plain) : NULL;
      if (!e->canonical) return fail_nomem(err, files->dir);
      wrapped += plain != own;
      e->tensor = t;
      e->from = s;
      e->used = name_is_needless(e->canonical) ||
                (is_tower && strncmp(e->canonical, "vision_tower.", 13) != 0);
      files->n++;
    }
  }
  if (wrapped > 0)
    files_note(files,
               "the names of %" PRId64 " tensors hold \"_orig_mod.\" or another wrapper's name and "
               "are read without it",
               wrapped);
  return files_sort(files, err);
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

bool weight_dtype(st_dtype stored, dtype *out) {
  static const struct {
    st_dtype stored;
    dtype type;
  } pairs[] = {{ST_F32, DTYPE_F32},   {ST_BF16, DTYPE_BF16}, {ST_F16, DTYPE_F16},
               {ST_Q4_0, DTYPE_Q4_0}, {ST_Q4_1, DTYPE_Q4_1}, {ST_Q5_0, DTYPE_Q5_0},
               {ST_Q5_1, DTYPE_Q5_1}, {ST_Q8_0, DTYPE_Q8_0}, {ST_Q4_K, DTYPE_Q4_K},
               {ST_Q5_K, DTYPE_Q5_K}, {ST_Q6_K, DTYPE_Q6_K}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    *out = pairs[i].type;
    if (pairs[i].stored == stored) return true;
  }
  return false;
}
