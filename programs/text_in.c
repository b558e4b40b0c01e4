/* Lines of a text (see text_in.h). */
#include "text_in.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

/* A signal that ends a wait, as of a pipe, is somebody's wish, not the file's fault. */
static loci_status refused(const char *path, loci_err *err) {
  if (errno == EINTR)
    return cli_fail(err, LOCI_ECANCELLED, "cancelled while waiting for %.300s", path);
  return cli_fail(err, LOCI_EIO, "%.300s: %s", path, strerror(errno));
}

FILE *text_in_open(const char *path, loci_err *err) {
  struct stat about;
  FILE *in = fopen(path, "re");
  if (!in) {
    refused(path, err);
    return NULL;
  }
  if (fstat(fileno(in), &about) == 0 && S_ISDIR(about.st_mode)) {
    fclose(in);
    cli_fail(err, LOCI_EIO, "%.300s: a directory, not a file", path);
    return NULL;
  }
  return in;
}

/* getline would fill the memory from a file without any line's end. */
loci_status text_in_line(FILE *in, const char *name, long long number, char *line, size_t most,
                         size_t *size, loci_err *err) {
  int ch = 0;
  size_t n = 0;
  *size = 0;
  while (ch != '\n' && (ch = getc_unlocked(in)) != EOF) {
    if (n == most)
      return cli_fail(err, LOCI_EFORMAT, "%.200s, line %lld: is longer than %zu kB", name, number,
                      most >> 10);
    line[n++] = (char)ch;
  }
  if (ferror(in)) return refused(name, err);
  line[n] = 0;
  *size = n;
  return LOCI_OK;
}
