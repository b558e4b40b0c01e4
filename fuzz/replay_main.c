/* Runs a fuzz target over files, in builds without libFuzzer: every file named, and every file of a
 * directory named, is given to LLVMFuzzerTestOneInput once.  So a corpus is a plain test with any
 * compiler.  Fails when it found no file, since a test of nothing should not pass. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, size_t size) {
  /* Exactly [size] bytes, so that the address sanitizer sees a read past the end. */
  uint8_t *data = malloc(size ? size : 1);
  FILE *f = fopen(path, "rb");
  if (!data || !f || fread(data, 1, size, f) != size) {
    fprintf(stderr, "%s: cannot be read\n", path);
    exit(1);
  }
  fclose(f);
  LLVMFuzzerTestOneInput(data, size);
  free(data);
  return 1;
}

static int replay(const char *path) {
  struct stat s;
  if (stat(path, &s) != 0) {
    perror(path);
    exit(1);
  }
  if (!S_ISDIR(s.st_mode)) return replay_file(path, (size_t)s.st_size);
  int count = 0;
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
    char inner[4096];
    int n = snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
    if (n < 0 || (size_t)n >= sizeof inner || e->d_name[0] == '.') continue;
    count += replay(inner);
  }
  if (dir) closedir(dir);
  return count;
}

int main(int argc, char **argv) {
  int count = 0;
  for (int i = 1; i < argc; i++) count += replay(argv[i]);
  printf("%d inputs\n", count);
  return count > 0 ? 0 : 1;
}
