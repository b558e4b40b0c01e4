/* Exports (see export.h).  The library writes files by their ending, so it gets a folder that
 * nobody else can enter, in memory where the system has one there, for as long as the writing
 * takes. */
#define _GNU_SOURCE
#include "export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *export_read(const char *path, size_t *size) {
  FILE *f = fopen(path, "rb");
  char *bytes = NULL;
  if (!f) return NULL;
  long n = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
  if (n >= 0 && fseek(f, 0, SEEK_SET) == 0) bytes = malloc((size_t)n + 1);
  if (bytes && fread(bytes, 1, (size_t)n, f) != (size_t)n) {
    free(bytes);
    bytes = NULL;
  }
  fclose(f);
  *size = (size_t)n;
  return bytes;
}

char *export_file(export_fn *write, const void *ctx, const char *ending, size_t *size) {
  char folder[64], path[128];
  snprintf(folder, sizeof folder, "%s/loci-XXXXXX",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  if (!mkdtemp(folder)) return NULL;
  snprintf(path, sizeof path, "%s/result.%.15s", folder, ending);
  char *bytes = write(ctx, path) ? NULL : export_read(path, size);
  unlink(path);
  rmdir(folder);
  return bytes;
}

static loci_status write_result(const void *ctx, const char *path) {
  return loci_write(ctx, path, NULL, NULL);
}

char *export_result(const loci_result *r, const char *ending, size_t *size) {
  return export_file(write_result, r, ending, size);
}
