/* Writing changed checkpoints (see save.h).  A tensor keeps its dtype and shape, so it keeps its
 * place in its file: header, order and everything else stay as they are, byte for byte. */
#include "checkpoint/save.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tree.h"
#include "checkpoint/files.h"

enum { MOST_LEFT = 64, NESTING = 8 };

/* Bytes for one tensor of one file. */
typedef struct swap {
  const tensor_entry *entry;
  const uint8_t *bytes;
} swap;

static loci_status cannot_write(const char *path, loci_err *err) {
  return fail_errno(err, errno, "%s: cannot be written", path);
}

/* ---------------------------------------------------------------- files */

/* In pieces that are on the disk before the next one, so that it can be stopped soon. */
static loci_status write_at(int fd, const char *path, const uint8_t *data, int64_t size, int64_t at,
                            const watch *w, loci_err *err) {
  while (size > 0) {
    if (watch_stops(w, "copy", 0, 1)) return fail(err, LOCI_ECANCELLED, "cancelled while saving");
    ssize_t n = pwrite(fd, data, size > 1 << 24 ? 1 << 24 : (size_t)size, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || (size > n && fdatasync(fd) != 0)) return cannot_write(path, err);
    data += n;
    size -= n;
    at += n;
  }
  return LOCI_OK;
}

/* [fd], new and called [to], := the file [from] with the bytes of its swaps.  Closes it. */
static loci_status write_swapped(const shard *from, int fd, const char *to, const swap *swaps,
                                 int n, const watch *w, loci_err *err) {
  loci_status st = tree_copy_into(from->path, fd, to, w, err);
  for (int i = 0; i < n && !st; i++) {
    const st_tensor *t = swaps[i].entry->tensor;
    if (swaps[i].entry->from != from) continue;
    st = write_at(fd, to, swaps[i].bytes, t->bytes, st_offset(from->file, t), w, err);
  }
  if (!st && fsync(fd) != 0) st = cannot_write(to, err);
  if (close(fd) != 0 && !st) st = cannot_write(to, err);
  return st;
}

static bool is_first_of_file(const swap *swaps, int i) {
  for (int k = 0; k < i; k++) {
    if (swaps[k].entry->from == swaps[i].entry->from) return false;
  }
  return true;
}

/* The tensor in whose bytes the weight stands. */
static const tensor_entry *entry_of(const checkpoint *c, const weight *w) {
  for (int64_t i = 0; i < c->files->n; i++) {
    const st_tensor *t = c->files->entries[i].tensor;
    if (t->data == w->data && t->bytes == w->rows * w->cols * (int64_t)dtype_bytes(w->type)) {
      return &c->files->entries[i];
    }
  }
  return NULL;
}

/* ---------------------------------------------------------------- values */

static void put_value(dtype type, float x, uint8_t *to) {
  uint16_t half = type == DTYPE_F16 ? f16_from_f32(x) : bf16_from_f32(x);
  if (type == DTYPE_F32) {
    memcpy(to, &x, sizeof x);
  } else {
    memcpy(to, &half, sizeof half);
  }
}

/* The values in the weight's dtype; what rounding takes from the change is measured. */
static loci_status round_values(new_values *v, uint8_t *out, const watch *follow, loci_err *err) {
  enum { VALUES = 1 << 18 }; /* between two looks */
  const weight *w = v->w;
  size_t size = dtype_bytes(w->type);
  double lost = 0, moved = 0;
  for (int64_t i = 0; i < w->rows * w->cols; i++) {
    float old, rounded;
    if (i % VALUES == 0 && watch_stops(follow, "round", (double)i, (double)(w->rows * w->cols)))
      return fail(err, LOCI_ECANCELLED, "cancelled while saving");
    size_t at = (size_t)(w->row_step ? i % w->cols * w->row_step + i / w->cols : i) * size;
    put_value(w->type, v->values[i], out + at);
    dtype_to_f32(w->type, out + at, &rounded, 1);
    dtype_to_f32(w->type, w->data + at, &old, 1);
    if (!isfinite(rounded)) {
      return fail(err, LOCI_EINVAL, "%s: the edited value %g does not fit into %s", w->name,
                  (double)v->values[i], dtype_name(w->type));
    }
    double a = (double)rounded - (double)v->values[i], b = (double)v->values[i] - (double)old;
    lost += a * a;
    moved += b * b;
  }
  v->lost = sqrt(lost);
  v->moved = sqrt(moved);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- saving */

typedef struct saving {
  const checkpoint *c;
  arena *mem;
  swap *swaps;
  int n;
  const char *about;
  const watch *w;
  char *temporary; /* beside the directory */
} saving;

static loci_status prepare(saving *s, new_values *changes, loci_err *err) {
  s->swaps = arena_zarray(s->mem, s->n, swap);
  if (!s->swaps) return fail_nomem(err, "saving a checkpoint");
  for (int i = 0; i < s->n; i++) {
    const tensor_entry *e = entry_of(s->c, changes[i].w);
    if (!e) {
      return fail(err, LOCI_EUNSUPPORTED, "%s: is no tensor of its own in the checkpoint",
                  changes[i].w->name);
    }
    uint8_t *bytes = arena_array(s->mem, e->tensor->bytes, uint8_t);
    if (!bytes) return fail_nomem(err, "saving a checkpoint");
    TRY(round_values(&changes[i], bytes, s->w, err));
    s->swaps[i] = (swap){e, bytes};
  }
  return LOCI_OK;
}

static loci_status write_undo(const saving *s, loci_err *err) {
  char hash[32];
  TRY(checkpoint_hash(s->c, s->w->progress, s->w->ctx, hash, err));
  char *path = path_join(s->mem, s->temporary, CHECKPOINT_UNDO);
  st_tensor *old = arena_zarray(s->mem, s->n, st_tensor);
  if (!path || !old) return fail_nomem(err, "saving a checkpoint");
  for (int i = 0; i < s->n; i++) old[i] = *s->swaps[i].entry->tensor;
  const char *const metadata[] = {"format",         "loci.undo/1", "source_hash", hash, "source",
                                  s->c->files->dir, "edits",       s->about,      NULL};
  return st_write_watched(path, old, s->n, metadata, s->w, err);
}

/* A file's path within the checkpoint's directory; NULL: it is elsewhere. */
static const char *within(const saving *s, const char *path) {
  size_t n = strlen(s->c->files->dir);
  if (strncmp(path, s->c->files->dir, n) != 0) return NULL;
  path += n;
  while (*path == '/') path++;
  return path;
}

/* ---- folders with a model of their own */

/* Whether a tensor of this checkpoint is in a file of the folder, or its tower's configuration. */
static bool is_used(const saving *s, const char *folder) {
  size_t n = strlen(folder);
  const char *tower = s->c->config.vision_dir ? within(s, s->c->config.vision_dir) : NULL;
  if (tower && strncmp(tower, folder, n) == 0 && (tower[n] == '/' || !tower[n])) return true;
  for (int64_t i = 0; i < s->c->files->n; i++) {
    const char *path = within(s, s->c->files->entries[i].from->path);
    if (path && strncmp(path, folder, n) == 0 && path[n] == '/') return true;
  }
  return false;
}

static loci_status find_others(const saving *s, const char *folder, int nesting, saved_files *f,
                               loci_err *err);

static loci_status look_at(const saving *s, const char *within_source, int nesting, saved_files *f,
                           loci_err *err) {
  struct stat about;
  char *path = path_join(s->mem, s->c->files->dir, within_source);
  char *config = path ? path_join(s->mem, path, "config.json") : NULL;
  if (!config) return fail_nomem(err, "saving a checkpoint");
  if (stat(path, &about) != 0 || !S_ISDIR(about.st_mode)) return LOCI_OK;
  if (!file_exists(config) || is_used(s, within_source))
    return find_others(s, within_source, nesting + 1, f, err);
  if (f->left_count == MOST_LEFT) return LOCI_OK;
  f->left[f->left_count] = arena_strdup(f->mem, within_source);
  return f->left[f->left_count++] ? LOCI_OK : fail_nomem(err, "saving a checkpoint");
}

static loci_status find_others(const saving *s, const char *folder, int nesting, saved_files *f,
                               loci_err *err) {
  char *path = path_join(s->mem, s->c->files->dir, folder);
  DIR *dir = path && nesting < NESTING ? opendir(path) : NULL;
  loci_status st = path ? LOCI_OK : fail_nomem(err, "saving a checkpoint");
  const struct dirent *e;
  while (dir && !st && (e = readdir(dir)) != NULL) {
    if (e->d_name[0] == '.') continue;
    char *name = *folder ? path_join(s->mem, folder, e->d_name) : arena_strdup(s->mem, e->d_name);
    st = name ? look_at(s, name, nesting, f, err) : fail_nomem(err, "saving a checkpoint");
  }
  if (dir) closedir(dir);
  return st;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static loci_status fill_directory(const saving *s, saved_files *f, loci_err *err) {
  const char **without = arena_zarray(s->mem, s->n + MOST_LEFT + 2, const char *);
  int files = 0;
  f->left = arena_zarray(f->mem, MOST_LEFT, const char *);
  if (!without || !f->left) return fail_nomem(err, "saving a checkpoint");
  TRY(find_others(s, "", 0, f, err));
  qsort(f->left, (size_t)f->left_count, sizeof *f->left, by_name);
  for (int i = 0; i < f->left_count; i++) without[files++] = f->left[i];
  without[files++] = CHECKPOINT_UNDO;
  for (int i = 0; i < s->n; i++) {
    if (is_first_of_file(s->swaps, i)) without[files++] = within(s, s->swaps[i].entry->from->path);
  }
  TRY(tree_clone(s->c->files->dir, s->temporary, without, s->w, &f->counts, err));
  for (int i = 0; i < s->n; i++) {
    const shard *from = s->swaps[i].entry->from;
    if (!is_first_of_file(s->swaps, i)) continue;
    char *to = path_join(s->mem, s->temporary, within(s, from->path));
    if (!to) return fail_nomem(err, "saving a checkpoint");
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return cannot_write(to, err);
    TRY(write_swapped(from, fd, to, s->swaps, s->n, s->w, err));
  }
  return write_undo(s, err);
}

/* A copy inside its own source would be copied, too. */
static loci_status check_outside(const checkpoint *c, const char *place, arena *mem,
                                 loci_err *err) {
  size_t n = (size_t)(path_base(place) - place);
  const char *parent = n > 0 ? arena_strndup(mem, place, n) : ".";
  char *real = parent ? realpath(parent, NULL) : NULL, *source = realpath(c->files->dir, NULL);
  loci_status st = LOCI_OK;
  if (!real) st = fail(err, LOCI_EIO, "%s: there is no directory to make it in", place);
  if (!st && !source) st = fail(err, LOCI_EIO, "%s: cannot be read", c->files->dir);
  if (!st) {
    size_t length = strlen(source);
    if (strncmp(real, source, length) == 0 && (real[length] == 0 || real[length] == '/')) {
      st = fail(err, LOCI_EINVAL, "%s: is inside the checkpoint it is made from", place);
    }
  }
  free(real);
  free(source);
  return st;
}

static loci_status check_opens(const char *dir, loci_err *err) {
  checkpoint *c;
  TRY(checkpoint_open(dir, &c, err));
  checkpoint_close(c);
  return LOCI_OK;
}

loci_status checkpoint_save(const checkpoint *c, const char *dir, new_values *changes, int n,
                            const char *about, const watch *w, saved_files *files, loci_err *err) {
  size_t length = strlen(dir);
  while (length > 1 && dir[length - 1] == '/') length--;
  if (file_exists(dir)) {
    return fail(err, LOCI_EIO, "%s: exists already; a checkpoint is written to a new directory",
                dir);
  }
  saving s = {.c = c, .mem = arena_new(), .n = n, .about = about, .w = w};
  if (!s.mem) return fail_nomem(err, dir);
  int made = -1;
  loci_status st = LOCI_OK;
  s.temporary = arena_array(s.mem, (int64_t)length + TEMPORARY_ROOM, char);
  char *place = arena_strndup(s.mem, dir, length);
  if (!s.temporary || !place) {
    st = fail_nomem(err, dir);
    goto done;
  }
  TRY_DONE(check_outside(c, place, s.mem, err));
  TRY_DONE(prepare(&s, changes, err));
  made = temporary_new(place, true, s.temporary);
  if (made < 0) {
    st = fail_errno(err, errno, "%s: cannot be made", dir);
    goto done;
  }
  TRY_DONE(fill_directory(&s, files, err));
  TRY_DONE(check_opens(s.temporary, err));
  if (chmod(s.temporary, 0755) != 0 || rename(s.temporary, place) != 0) {
    st = fail_errno(err, errno, "%s: cannot be made", dir);
  }
done:
  if (st && made >= 0) tree_remove(s.temporary);
  if (made >= 0) close(made);
  arena_free(s.mem);
  return st;
}

/* ---------------------------------------------------------------- undoing */

static loci_status find_swaps(const checkpoint *c, const st_file *undo, const char *path,
                              swap *swaps, loci_err *err) {
  for (int64_t i = 0; i < st_count(undo); i++) {
    const st_tensor *old = st_at(undo, i);
    for (int64_t k = 0; k < c->files->n && !swaps[i].entry; k++) {
      const st_tensor *t = c->files->entries[k].tensor;
      bool same = strcmp(t->name, old->name) == 0 && t->dtype == old->dtype &&
                  t->bytes == old->bytes && c->files->entries[k].from >= c->files->main.shards &&
                  c->files->entries[k].from < c->files->main.shards + c->files->main.n;
      if (same) swaps[i] = (swap){&c->files->entries[k], old->data};
    }
    if (!swaps[i].entry) {
      return fail(err, LOCI_EFORMAT, "%s: the checkpoint has no tensor %.200s of this size", path,
                  old->name);
    }
  }
  return LOCI_OK;
}

static loci_status swap_file(const shard *from, const swap *swaps, int n, arena *mem,
                             const watch *w, loci_err *err) {
  char *temporary = arena_array(mem, (int64_t)strlen(from->path) + TEMPORARY_ROOM, char);
  if (!temporary) return fail_nomem(err, from->path);
  int fd = temporary_new(from->path, false, temporary);
  if (fd < 0) return cannot_write(from->path, err);
  loci_status st = write_swapped(from, fd, temporary, swaps, n, w, err);
  if (!st && rename(temporary, from->path) != 0) st = cannot_write(from->path, err);
  if (st) unlink(temporary);
  return st;
}

static loci_status put_back(const char *dir, const char *path, const st_file *undo, arena *mem,
                            const watch *w, loci_err *err) {
  checkpoint *c;
  int n = (int)st_count(undo);
  swap *swaps = arena_zarray(mem, n, swap);
  if (!swaps) return fail_nomem(err, dir);
  TRY(checkpoint_open(dir, &c, err));
  loci_status st = find_swaps(c, undo, path, swaps, err);
  for (int i = 0; i < n && !st; i++) {
    if (is_first_of_file(swaps, i)) st = swap_file(swaps[i].entry->from, swaps, n, mem, w, err);
  }
  checkpoint_close(c);
  return st;
}

static loci_status check_hash(const char *dir, const char *expected, const watch *w,
                              loci_err *err) {
  checkpoint *c;
  char hash[32];
  TRY(checkpoint_open(dir, &c, err));
  loci_status st = checkpoint_hash(c, w->progress, w->ctx, hash, err);
  checkpoint_close(c);
  if (st || strcmp(hash, expected) == 0) return st;
  return fail(err, LOCI_EVERIFY,
              "%s: the matrices of %s are in place again, but the weights have the hash %s instead "
              "of the source's %s: that file, or something else there, was changed",
              dir, CHECKPOINT_UNDO, hash, expected);
}

loci_status checkpoint_undo(const char *dir, const watch *w, loci_err *err) {
  st_file *undo = NULL;
  arena *mem = arena_new();
  char *path = mem ? path_join(mem, dir, CHECKPOINT_UNDO) : NULL;
  loci_status st = path ? LOCI_OK : fail_nomem(err, dir);
  if (!st && !file_exists(path)) {
    st = fail(err, LOCI_EINVAL, "%s: no edited checkpoint of loci: there is no " CHECKPOINT_UNDO,
              dir);
  }
  if (st) goto done;
  TRY_DONE(st_open(path, &undo, err));
  const char *hash = st_metadata(undo, "source_hash");
  if (!hash) {
    st = fail(err, LOCI_EFORMAT, "%s: has no source_hash", path);
    goto done;
  }
  TRY_DONE(put_back(dir, path, undo, mem, w, err));
  TRY_DONE(check_hash(dir, hash, w, err));
  if (unlink(path) != 0) st = cannot_write(path, err);
done:
  st_close(undo);
  arena_free(mem);
  return st;
}
