/* Pictures in memory (see gallery.h). */
#define _GNU_SOURCE /* memfd_create */
#include "gallery.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli.h"

enum { MOST = 16 };

typedef struct picture {
  char id[PICTURE_ID];
  int fd;
} picture;

struct gallery {
  pthread_mutex_t lock;
  char processor[LOCI_PATH_SIZE];
  int64_t max_pixels;
  picture at[MOST]; /* the oldest first */
  int count;
};

gallery *gallery_new(const char *processor, int64_t max_pixels) {
  gallery *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  pthread_mutex_init(&p->lock, NULL);
  snprintf(p->processor, sizeof p->processor, "%s", processor);
  p->max_pixels = max_pixels;
  return p;
}

void gallery_free(gallery *p) {
  if (!p) return;
  for (int i = 0; i < p->count; i++) close(p->at[i].fd);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

/* FNV-1a: the name tells pictures of one user apart, and protects from nothing. */
static void name_bytes(const unsigned char *s, size_t n, char id[PICTURE_ID]) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++) h = (h ^ s[i]) * 0x100000001b3u;
  snprintf(id, PICTURE_ID, "p%016" PRIx64, h);
}

static void path_of(int fd, char path[PICTURE_PATH]) {
  snprintf(path, PICTURE_PATH, "/proc/self/fd/%d", fd);
}

int gallery_file(const char *bytes, size_t size, char path[PICTURE_PATH]) {
  int fd = memfd_create("page", MFD_CLOEXEC);
  for (size_t done = 0; fd >= 0 && done < size;) {
    ssize_t n = write(fd, bytes + done, size - done);
    if (n <= 0) {
      close(fd);
      return -1;
    }
    done += (size_t)n;
  }
  path_of(fd, path);
  return fd;
}

static picture *find(gallery *p, const char *id) {
  for (int i = 0; i < p->count; i++)
    if (strcmp(p->at[i].id, id) == 0) return &p->at[i];
  return NULL;
}

/* Under the lock. */
static void put(gallery *p, const char *id, int fd) {
  if (p->count == MOST) {
    close(p->at[0].fd);
    memmove(p->at, p->at + 1, (MOST - 1) * sizeof *p->at);
    p->count--;
  }
  picture *x = &p->at[p->count++];
  memcpy(x->id, id, sizeof x->id);
  x->fd = fd;
}

/* The path of a descriptor in a sentence says nothing to a reader. */
static void say_picture(loci_err *err, const char *path) {
  size_t n = strlen(path);
  if (strncmp(err->msg, path, n) != 0) return;
  char rest[sizeof err->msg];
  snprintf(rest, sizeof rest, "%s", err->msg + n);
  snprintf(err->msg, sizeof err->msg, "the picture%.400s", rest);
}

loci_status gallery_add(gallery *p, const void *bytes, size_t size, char id[PICTURE_ID],
                        loci_err *err) {
  char path[PICTURE_PATH];
  loci_image *image = NULL;
  name_bytes(bytes, size, id);
  pthread_mutex_lock(&p->lock);
  bool known = find(p, id) != NULL;
  pthread_mutex_unlock(&p->lock);
  if (known) return LOCI_OK;
  int fd = gallery_file(bytes, size, path);
  if (fd < 0) return cli_fail(err, LOCI_ENOMEM, "no room for the picture");
  loci_status st = loci_image_read(p->processor, path, p->max_pixels, &image, err); /* is it one? */
  loci_free(image);
  if (st) {
    say_picture(err, path);
    close(fd);
    return st;
  }
  pthread_mutex_lock(&p->lock);
  if (find(p, id)) {
    close(fd);
  } else {
    put(p, id, fd);
  }
  pthread_mutex_unlock(&p->lock);
  return LOCI_OK;
}

loci_status gallery_add_file(gallery *p, const char *path, char id[PICTURE_ID], loci_err *err) {
  FILE *f = fopen(path, "rb");
  if (!f) return cli_fail(err, LOCI_EIO, "%s: %s", path, strerror(errno));
  char *bytes = malloc(PICTURE_BYTES + 1);
  size_t n = bytes ? fread(bytes, 1, PICTURE_BYTES + 1, f) : 0;
  fclose(f);
  loci_status st = !bytes              ? cli_fail(err, LOCI_ENOMEM, "no room for the picture")
                   : n > PICTURE_BYTES ? cli_fail(err, LOCI_EINVAL, "%s: more than %d MB", path,
                                                  PICTURE_BYTES >> 20)
                                       : gallery_add(p, bytes, n, id, err);
  free(bytes);
  return st;
}

int gallery_open(gallery *p, const char *id, char path[PICTURE_PATH]) {
  pthread_mutex_lock(&p->lock);
  const picture *x = find(p, id);
  int fd = x ? fcntl(x->fd, F_DUPFD_CLOEXEC, 3) : -1;
  pthread_mutex_unlock(&p->lock);
  if (fd >= 0) path_of(fd, path);
  return fd;
}
