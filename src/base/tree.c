/* Copying directories (see tree.h). */
#include "base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* What is written goes to the disk a piece at a time, for an fsync of gigabytes cannot be stopped.
 */
enum { SYNCED_AT_ONCE = 16 << 20, BUFFER = 1 << 20, LINKED_FROM = 1 << 20, MAX_NESTING = 16 };

static loci_status cannot(const char *path, const char *what, loci_err *err) {
  return fail_errno(err, errno, "%s: cannot be %s", path, what);
}

/* What ended a copy. */
typedef enum copied { COPIED, READING, WRITING, STOPPED } copied;

static copied copy_bytes(int in, int out, char *buffer, const watch *w) {
  for (int64_t written = 0;;) {
    if (watch_stops(w, "copy", 0, 1)) return STOPPED;
    ssize_t n = read(in, buffer, BUFFER);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0 ? COPIED : READING;
    for (ssize_t at = 0; at < n;) {
      ssize_t k = write(out, buffer + at, (size_t)(n - at));
      if (k < 0 && errno == EINTR) continue;
      if (k <= 0) return WRITING;
      at += k;
    }
    written += n;
    if (written % SYNCED_AT_ONCE < n && fdatasync(out) != 0) return WRITING;
  }
}

loci_status tree_copy_into(const char *from, int out, const char *to, const watch *w,
                           loci_err *err) {
  loci_status st = LOCI_OK;
  int in = open(from, O_RDONLY | O_CLOEXEC);
  char *buffer = malloc(BUFFER);
  if (!buffer) st = fail_nomem(err, from);
  if (!st && in < 0) st = cannot(from, "read", err);
  copied end = st ? COPIED : copy_bytes(in, out, buffer, w);
  if (end == STOPPED) st = fail(err, LOCI_ECANCELLED, "cancelled while copying");
  if (end == READING) st = cannot(from, "read", err);
  if (end == WRITING) st = cannot(to, "written", err);
  if (in >= 0) close(in);
  free(buffer);
  return st;
}

loci_status tree_copy_file(const char *from, const char *to, const watch *w, loci_err *err) {
  int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (out < 0) return cannot(to, "written", err);
  loci_status st = tree_copy_into(from, out, to, w, err);
  if (!st && fsync(out) != 0) st = cannot(to, "written", err);
  if (close(out) != 0 && !st) st = cannot(to, "written", err);
  if (st) unlink(to);
  return st;
}

typedef struct clone {
  const char *const *without;
  const watch *w;
  tree_counts *counts;
  arena *mem;
} clone;

static loci_status clone_file(const clone *c, const char *from, const char *to, int64_t size,
                              loci_err *err) {
  if (size >= LINKED_FROM && linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0) {
    c->counts->linked++;
    return LOCI_OK;
  }
  TRY(tree_copy_file(from, to, c->w, err));
  c->counts->copied++;
  return LOCI_OK;
}

static bool is_left_out(const clone *c, const char *name, const char *relative) {
  if (name[0] == '.') return true;
  for (int i = 0; c->without[i]; i++) {
    if (strcmp(c->without[i], relative) == 0) return true;
  }
  return false;
}

static loci_status clone_dir(const clone *c, const char *from, const char *to, const char *relative,
                             int nesting, loci_err *err);

static loci_status clone_entry(const clone *c, const char *from, const char *to, const char *name,
                               const char *relative, int nesting, loci_err *err) {
  struct stat s;
  char *source = path_join(c->mem, from, name), *place = path_join(c->mem, to, name);
  char *within = path_join(c->mem, relative, name);
  if (!source || !place || !within) return fail_nomem(err, from);
  if (is_left_out(c, name, within)) return LOCI_OK;
  if (stat(source, &s) != 0) return cannot(source, "read", err);
  if (S_ISREG(s.st_mode)) return clone_file(c, source, place, s.st_size, err);
  if (!S_ISDIR(s.st_mode)) return LOCI_OK; /* pipes and the like */
  if (mkdir(place, 0777) != 0) return cannot(place, "made", err);
  return clone_dir(c, source, place, within, nesting + 1, err);
}

static loci_status clone_dir(const clone *c, const char *from, const char *to, const char *relative,
                             int nesting, loci_err *err) {
  if (nesting > MAX_NESTING) {
    return fail(err, LOCI_EUNSUPPORTED, "%s: more than %d directories within each other", from,
                MAX_NESTING);
  }
  DIR *dir = opendir(from);
  if (!dir) return cannot(from, "read", err);
  loci_status st = LOCI_OK;
  const struct dirent *e;
  while (!st && (e = readdir(dir)) != NULL) {
    if (e->d_name[0] == '.') continue;
    st = clone_entry(c, from, to, e->d_name, relative, nesting, err);
  }
  closedir(dir);
  return st;
}

loci_status tree_clone(const char *from, const char *to, const char *const *without, const watch *w,
                       tree_counts *counts, loci_err *err) {
  clone c = {.without = without, .w = w, .counts = counts, .mem = arena_new()};
  *counts = (tree_counts){0};
  if (!c.mem) return fail_nomem(err, from);
  loci_status st = clone_dir(&c, from, to, "", 0, err);
  arena_free(c.mem);
  return st;
}

static void remove_at(int parent, const char *name, int nesting) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  const struct dirent *e;
  if (!dir && fd >= 0) close(fd);
  while (dir && (e = readdir(dir)) != NULL) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    if (unlinkat(fd, e->d_name, 0) != 0 && nesting < MAX_NESTING) {
      remove_at(fd, e->d_name, nesting + 1);
    }
  }
  if (dir) closedir(dir);
  unlinkat(parent, name, AT_REMOVEDIR);
}

void tree_remove(const char *dir) { remove_at(AT_FDCWD, dir, 0); }
