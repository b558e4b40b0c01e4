/* For targets whose reader wants a file: the bytes under a name of this process's own, in memory
 * where the system has such a folder. */
#ifndef LOCI_FUZZ_FILE_H
#define LOCI_FUZZ_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Fails only where the machine does. */
static const char *fuzz_file(const uint8_t *bytes, size_t n, const char *ending) {
  static char path[64];
  const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  snprintf(path, sizeof path, "%s/loci-fuzz-%ld%s", folder, (long)getpid(), ending);
  FILE *f = fopen(path, "wb");
  if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) {
    perror(path);
    exit(1);
  }
  return path;
}

#endif
