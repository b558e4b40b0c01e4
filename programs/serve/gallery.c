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
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

typedef struct picture {
  char id[PICTURE_ID];
  int fd;
  size_t size;
} picture;

static const size_t MOST_BYTES = (size_t)256 << 20; /* of all */

struct gallery {
  pthread_mutex_t lock;
  char processor[LOCI_PATH_SIZE];
  int64_t max_pixels;
  picture at[MOST_PICTURES]; /* the oldest first */
  int count;
};

gallery *gallery_new(const char *processor, int64_t max_pixels) {
  gallery *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  pthread_mutex_init(&p->lock, NULL);
  gallery_process(p, processor, max_pixels);
  return p;
}

void gallery_process(gallery *p, const char *processor, int64_t max_pixels) {
  pthread_mutex_lock(&p->lock);
  snprintf(p->processor, sizeof p->processor, "%s", processor);
  p->max_pixels = max_pixels;
  pthread_mutex_unlock(&p->lock);
}

void gallery_free(gallery *p) {
  if (!p) return;
  for (int i = 0; i < p->count; i++) close(p->at[i].fd);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

/* FNV-1a: the name tells pictures of one user apart, and protects from nothing. */
void gallery_name(const void *bytes, size_t n, char id[PICTURE_ID]) {
  const unsigned char *s = bytes;
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
static void put(gallery *p, const char *id, int fd, size_t size) {
  size_t sum = size;
  for (int i = 0; i < p->count; i++) sum += p->at[i].size;
  while (p->count == MOST_PICTURES || (p->count > 0 && sum > MOST_BYTES)) {
    sum -= p->at[0].size;
    close(p->at[0].fd);
    memmove(p->at, p->at + 1, (size_t)--p->count * sizeof *p->at);
  }
  picture *x = &p->at[p->count++];
  memcpy(x->id, id, sizeof x->id);
  x->fd = fd;
  x->size = size;
}

void gallery_say(loci_err *err, const char *path, const char *what) {
  size_t n = strlen(path);
  if (strncmp(err->msg, path, n) != 0) return;
  char rest[sizeof err->msg];
  snprintf(rest, sizeof rest, "%s", err->msg + n);
  snprintf(err->msg, sizeof err->msg, "%s%.400s", what, rest);
}

loci_status gallery_add(gallery *p, const void *bytes, size_t size, char id[PICTURE_ID],
                        loci_err *err) {
  char path[PICTURE_PATH], processor[LOCI_PATH_SIZE];
  loci_image *image = NULL;
  gallery_name(bytes, size, id);
  pthread_mutex_lock(&p->lock);
  bool known = find(p, id) != NULL;
  int64_t max_pixels = p->max_pixels;
  memcpy(processor, p->processor, sizeof processor);
  pthread_mutex_unlock(&p->lock);
  if (known) return LOCI_OK;
  int fd = gallery_file(bytes, size, path);
  if (fd < 0) return cli_fail(err, LOCI_ENOMEM, "no room for the picture");
  loci_status st = loci_image_read(processor, path, max_pixels, &image, err); /* is it one? */
  loci_free(image);
  if (st) {
    gallery_say(err, path, "the picture");
    close(fd);
    return st;
  }
  pthread_mutex_lock(&p->lock);
  if (find(p, id)) {
    close(fd);
  } else {
    put(p, id, fd, size);
  }
  pthread_mutex_unlock(&p->lock);
  return LOCI_OK;
}

loci_status gallery_add_file(gallery *p, const char *path, char id[PICTURE_ID], loci_err *err) {
  struct stat about; /* opening a pipe waits for who writes to it */
  if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
    return cli_fail(err, LOCI_EIO, "%s: not a regular file", path);
  FILE *f = fopen(path, "re");
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
