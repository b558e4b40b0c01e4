/* Files (see file.h).  POSIX calls only. */
#include "base/file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/kind.h"
#include "base/tree.h"

/* "a%20b" as an address on the web means "a b".  False: nothing in it is meant so. */
static bool decode_address(const char *path, char *out, size_t size) {
  bool any = false;
  size_t n = 0;
  for (; *path && n + 1 < size; n++) {
    unsigned byte = 0;
    bool coded = path[0] == '%' && isxdigit((unsigned char)path[1]) &&
                 isxdigit((unsigned char)path[2]) && sscanf(path + 1, "%2x", &byte) == 1 && byte;
    out[n] = coded ? (char)byte : *path;
    path += coded ? 3 : 1;
    any |= coded;
  }
  out[n] = 0;
  return any && !*path;
}

/* A link may be there while what it points to is not, as in a cache that was tidied up; and a name
 * may be there that was taken from an address. */
loci_status file_absent(const char *path, int why, loci_err *err) {
  char to[256], name[4096];
  ssize_t n = why == ENOENT ? readlink(path, to, sizeof to - 1) : -1;
  if (n < 0 && why == ENOENT && decode_address(path, name, sizeof name) && file_exists(name))
    return fail(err, LOCI_EIO,
                "%s: not there, but \"%s\" is: %%20 and the like belong to addresses on the web; "
                "write the file's own name",
                path, name);
  if (n < 0 && why == ENOENT && strstr(path, "://"))
    return fail(err, LOCI_EIO, "%s: an address; nothing is downloaded, a file's path is wanted",
                path);
  if (n < 0) return fail_errno(err, why, "%s", path);
  to[n] = 0;
  return fail(err, LOCI_EIO, "%s: a link to %s, which is not there", path, to);
}

/* Opens a regular file for reading; directories, devices and pipes are refused by name. */
static loci_status open_regular(const char *path, int *fd, size_t *size, loci_err *err) {
  struct stat s;
  *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (*fd < 0) return file_absent(path, errno, err);
  if (fstat(*fd, &s) != 0 || !S_ISREG(s.st_mode)) {
    loci_status st = fail(err, LOCI_EIO, "%s: %s", path,
                          S_ISDIR(s.st_mode) ? "a directory, not a file" : "not a regular file");
    close(*fd);
    *fd = -1;
    return st;
  }
  *size = (size_t)s.st_size;
  return LOCI_OK;
}

loci_status file_map_open(const char *path, file_map *out, loci_err *err) {
  int fd;
  *out = (file_map){0};
  TRY(open_regular(path, &fd, &out->size, err));
  loci_status st = LOCI_OK;
  out->data = (const uint8_t *)""; /* so that its readers may add 0 to it */
  if (out->size > 0) {
    void *p = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
      st = fail_errno(err, errno, "%s: cannot be mapped", path);
      *out = (file_map){0};
    } else {
      out->data = p;
    }
  }
  close(fd);
  return st;
}

void file_map_close(file_map *map) {
  if (map->size > 0) munmap((void *)(uintptr_t)map->data, map->size);
  *map = (file_map){0};
}

static void advise(const file_map *map, size_t begin, size_t size, int advice) {
  if (begin >= map->size) return;
  if (size > map->size - begin) size = map->size - begin;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t from = begin / page * page;
  madvise((void *)((uintptr_t)map->data + from), size + (begin - from), advice);
}

void file_map_prefetch(const file_map *map, size_t begin, size_t size) {
  advise(map, begin, size, MADV_WILLNEED);
}
void file_map_release(const file_map *map, size_t begin, size_t size) {
  advise(map, begin, size, MADV_DONTNEED);
}

/* A step is read while the one before it is touched; the kernel reads no further ahead by itself.
 */
void file_map_read(const file_map *map, size_t begin, size_t size) {
  enum { STEP = 8 << 20 };
  if (begin >= map->size) return;
  if (size > map->size - begin) size = map->size - begin;
  size_t page = (size_t)sysconf(_SC_PAGESIZE), end = begin + size;
  const volatile uint8_t *bytes = map->data;
  file_map_prefetch(map, begin, STEP < size ? STEP : size);
  for (size_t at = begin; at < end;) {
    size_t next = end - at < STEP ? end : at + STEP;
    if (next < end) file_map_prefetch(map, next, end - next < STEP ? end - next : STEP);
    for (; at < next; at += page) (void)bytes[at];
    at = next;
  }
}

loci_status file_read(const char *path, size_t limit, char **out, size_t *size, loci_err *err) {
  int fd = -1;
  size_t n = 0, have = 0;
  *out = NULL;
  TRY(open_regular(path, &fd, &n, err));
  loci_status st = LOCI_OK;
  char *text = NULL;
  if (n > limit) {
    TRY_DONE(kind_refuse_file(path, "a file of this kind", err));
    st = fail(err, LOCI_EFORMAT, "%s: %zu bytes, at most %zu are accepted for a file of this kind",
              path, n, limit);
    goto done;
  }
  text = malloc(n + 1);
  if (!text) {
    st = fail_nomem(err, path);
    goto done;
  }
  while (have < n) {
    ssize_t got = read(fd, text + have, n - have);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      st = got < 0 ? fail_errno(err, errno, "%s", path)
                   : fail(err, LOCI_EIO, "%s: ended early", path);
      goto done;
    }
    have += (size_t)got;
  }
  text[n] = 0;
  *out = text;
  *size = n;
  text = NULL;
done:
  free(text);
  close(fd);
  return st;
}

/* Devices and pipes are written to as they are.  So is anything named under /dev, where a link such
 * as /dev/stdout may lead to a regular file, but must stay; /dev/shm is a folder like others. */
static bool is_special(const char *path) {
  struct stat s;
  if (strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0) return true;
  return stat(path, &s) == 0 && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode);
}

/* What a killed run left under this name is removed.  A living one holds a lock. */
static bool take_away(const char *name, bool directory) {
  int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat s;
  bool ours = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &s) == 0 &&
              s.st_uid == geteuid() && (directory ? S_ISDIR(s.st_mode) : S_ISREG(s.st_mode));
  if (ours && directory) tree_remove(name);
  if (ours && !directory) ours = unlink(name) == 0;
  if (fd >= 0) close(fd);
  return ours;
}

static int make_new(const char *name, bool directory) {
  if (!directory) return open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (mkdir(name, 0700) != 0) return -1;
  return open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int temporary_new(const char *path, bool directory, char *name) {
  struct stat s;
  for (int i = 0; i < 1000; i++) {
    snprintf(name, strlen(path) + TEMPORARY_ROOM, "%s.%d" TEMPORARY, path, i);
    int fd = make_new(name, directory);
    if (fd < 0 && errno != EEXIST) return -1;
    if (fd < 0 && (!take_away(name, directory) || (fd = make_new(name, directory)) < 0)) continue;
    (void)flock(fd, LOCK_EX); /* where the file system has locks */
    if (fstat(fd, &s) == 0 && s.st_nlink > 0) return fd;
    close(fd); /* another run took it for left behind */
  }
  errno = EEXIST;
  return -1;
}

struct out_file {
  FILE *file;
  int lock;               /* of the temporary, until it is renamed; -1: none */
  char *path, *temporary; /* temporary NULL: written to directly */
};

static loci_status cannot_write(const char *path, int why, loci_err *err) {
  return fail_errno(err, why, "%s: cannot be written", path);
}
#define cannot_write(...) failure_is((cannot_write)(__VA_ARGS__), LOCI_EIO)

/* Through a symbolic link, the file it leads to is replaced, not the link. */
static loci_status open_output(const char *path, out_file *o, loci_err *err) {
  bool special = is_special(path);
  char *real = special ? NULL : realpath(path, NULL);
  if (!special && !real && errno == ENOMEM) return fail_nomem(err, path);
  o->path = real ? real : strdup(path);
  if (!o->path) return fail_nomem(err, path);
  if (!special && !(o->temporary = malloc(strlen(o->path) + TEMPORARY_ROOM)))
    return fail_nomem(err, path);
  struct stat old;
  bool replaces = stat(o->path, &old) == 0;
  int fd = special ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
                   : temporary_new(o->path, false, o->temporary);
  if (fd < 0) {
    int why = errno;
    free(o->temporary); /* there is nothing to remove */
    o->temporary = NULL;
    return cannot_write(path, why, err);
  }
  if (!special && replaces) (void)fchmod(fd, old.st_mode & 0777); /* where the system allows it */
  if (!special) o->lock = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  o->file = fdopen(fd, "w");
  if (o->file) return LOCI_OK;
  close(fd);
  return fail_nomem(err, path);
}

loci_status out_file_open(const char *path, out_file **out, loci_err *err) {
  *out = NULL;
  out_file *o = calloc(1, sizeof *o);
  if (!o) return fail_nomem(err, path);
  o->lock = -1;
  loci_status st = open_output(path, o, err);
  if (st) {
    out_file_drop(o);
  } else {
    *out = o;
  }
  return st;
}

void out_file_drop(out_file *o) {
  if (!o) return;
  if (o->file) fclose(o->file);
  if (o->temporary) unlink(o->temporary);
  if (o->lock >= 0) close(o->lock);
  free(o->temporary);
  free(o->path);
  free(o);
}

loci_status out_file_write(out_file *o, const void *data, size_t size, loci_err *err) {
  if (size == 0 || fwrite(data, 1, size, o->file) == size) return LOCI_OK;
  return cannot_write(o->path, errno, err);
}

loci_status out_file_settle(out_file *o, loci_err *err) {
  if (fflush(o->file) == 0 && (!o->temporary || fdatasync(fileno(o->file)) == 0)) return LOCI_OK;
  return cannot_write(o->path, errno, err);
}

loci_status out_file_keep(out_file *o, loci_err *err) {
  int bad = fflush(o->file) || (o->temporary && fsync(fileno(o->file)));
  int why = errno;
  if (fclose(o->file) && !bad) {
    bad = 1;
    why = errno;
  }
  o->file = NULL;
  if (!bad && o->temporary && (bad = rename(o->temporary, o->path))) why = errno;
  loci_status st = bad ? cannot_write(o->path, why, err) : LOCI_OK;
  if (!bad) {
    free(o->temporary);
    o->temporary = NULL;
  }
  out_file_drop(o);
  return st;
}

loci_status file_write(const char *path, const void *data, size_t size, loci_err *err) {
  out_file *o;
  TRY(out_file_open(path, &o, err));
  loci_status st = out_file_write(o, data, size, err);
  if (!st) return out_file_keep(o, err);
  out_file_drop(o);
  return st;
}

/* A link to nowhere is there, and so is what may not be looked at: reading it says why it fails. */
bool file_exists(const char *path) {
  struct stat s;
  return lstat(path, &s) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool file_is_dir(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}
