#include "checkpoint/tower.h"

#include <stdbool.h>
#include <string.h>

#include "base/file.h"
#include "checkpoint/hub.h"

/* A path that stays inside the checkpoint: relative, and no ".." in it. */
static bool stays_inside(const char *path) {
  if (path[0] == '/' || path[0] == 0) return false;
  for (const char *p = path; p; p = strchr(p, '/')) {
    if (*p == '/') p++;
    if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == 0)) return false;
  }
  return true;
}

/* The last part of a path that names a tower: directories above it may hold "sig" by chance, and
 * below it there may be a snapshot's hash. */
static loci_status telling_part(arena *a, const char *path, const char **out, loci_err *err) {
  size_t end = strlen(path);
  *out = path;
  while (end > 0) {
    size_t start = end;
    while (start > 0 && path[start - 1] != '/') start--;
    const char *part = arena_strndup(a, path + start, end - start);
    if (!part) return fail_nomem(err, "mm_vision_tower");
    if (strstr(part, "clip") || strstr(part, "sig")) {
      *out = part;
      return LOCI_OK;
    }
    end = start > 0 ? start - 1 : 0;
  }
  return LOCI_OK;
}

loci_status tower_resolve(arena *a, const char *dir, const char *value, tower_ref *out,
                          loci_err *err) {
  *out = (tower_ref){.name = value};
  if (!stays_inside(value)) return telling_part(a, value, &out->name, err);
  if (!dir) return LOCI_OK;
  while (strncmp(value, "./", 2) == 0) value += 2;
  const char *path = path_join(a, dir, value);
  if (!path) return fail_nomem(err, "mm_vision_tower");
  if (file_is_dir(path)) out->dir = path;
  char cached[LOCI_PATH_SIZE];
  if (out->dir || !strchr(value, '/') || !hub_find(value, cached)) return LOCI_OK;
  out->dir = arena_strdup(a, cached);
  return out->dir ? LOCI_OK : fail_nomem(err, "mm_vision_tower");
}
