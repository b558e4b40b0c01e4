/* Paths as texts (see path.h). */
#include "base/path.h"

#include <stdio.h>
#include <string.h>

#include "base/plain.h"

char *path_join(arena *a, const char *dir, const char *name) {
  size_t n = strlen(dir), m = strlen(name);
  char *p = arena_alloc(a, (int64_t)(n + m + 2), 1);
  if (!p) return NULL;
  snprintf(p, n + m + 2, "%s%s%s", dir, n == 0 || dir[n - 1] == '/' ? "" : "/", name);
  return p;
}

const char *path_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

bool path_ends_with(const char *path, const char *ending) {
  size_t n = strlen(path), m = strlen(ending);
  return n >= m && strcasecmp(path + n - m, ending) == 0;
}
