/* Pictures by name (see pictures.h).  The folder is listed once, when the first name is not found
 * as it stands. */
#include "data/pictures.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"

enum { DEEPEST = 8 };

typedef struct picture {
  const char *key;  /* the plain form of the name */
  const char *path; /* below the folder */
} picture;

struct pictures {
  arena *mem;
  const char *folder; /* as it can be opened from here */
  const char *prefix; /* the folder as examples name it */
  picture *list;
  int64_t count, room;
  bool listed;
};

static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp", ".JPG", ".JPEG", ".PNG"};

static loci_status no_memory(loci_err *err) { return fail_nomem(err, "looking for pictures"); }

/* [folder] seen from the folder of [out]: what is below it, else the absolute path. */
static char *prefix_of(arena *mem, const char *folder, const char *out) {
  char *below = NULL, *to = realpath(folder, NULL);
  size_t n = (size_t)(path_base(out) - out);
  char *from = arena_strndup(mem, n ? out : ".", n ? n : 1),
       *base = from ? realpath(from, NULL) : NULL;
  if (to && base) {
    size_t k = strcmp(base, "/") == 0 ? 0 : strlen(base);
    bool inside = strncmp(to, base, k) == 0 && (to[k] == '/' || to[k] == 0);
    below = arena_strdup(mem, !inside ? to : to[k] ? to + k + 1 : "");
  }
  free(to);
  free(base);
  return below;
}

loci_status pictures_open(const char *folder, const char *out, pictures **p, loci_err *err) {
  *p = NULL;
  if (!file_is_dir(folder)) return fail(err, LOCI_EIO, "%s: there is no such folder", folder);
  pictures *made = calloc(1, sizeof *made);
  if (!made) return no_memory(err);
  made->mem = arena_new();
  if (made->mem) {
    made->folder = arena_strdup(made->mem, folder);
    made->prefix = prefix_of(made->mem, folder, out);
  }
  if (!made->folder || !made->prefix) {
    pictures_close(made);
    return no_memory(err);
  }
  *p = made;
  return LOCI_OK;
}

void pictures_close(pictures *p) {
  if (!p) return;
  arena_free(p->mem);
  free(p->list);
  free(p);
}

/* Whether the name stays below the folder. */
static bool is_below(const char *name) {
  if (name[0] == '/') return false;
  for (const char *part = name; *part; part += strcspn(part, "/"), part += *part == '/') {
    if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == 0)) return false;
  }
  return true;
}

static bool is_picture(const char *name) {
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    if (path_ends_with(name, endings[i])) return true;
  }
  return false;
}

/* Lower case, without an ending, and one _ for each run of what is neither letter nor digit; bytes
 * beyond ASCII stay. */
static char *plain_form(arena *mem, const char *name) {
  size_t n = strlen(name), m = 0;
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    if (!path_ends_with(name, endings[i])) continue;
    n -= strlen(endings[i]);
    break;
  }
  char *s = arena_alloc(mem, (int64_t)n + 1, 1);
  if (!s) return NULL;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)name[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || c >= 0x80) {
      s[m++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    } else if (m > 0 && s[m - 1] != '_') {
      s[m++] = '_';
    }
  }
  while (m > 0 && s[m - 1] == '_') m--;
  s[m] = 0;
  return s;
}

static loci_status list_one(pictures *p, const char *path, loci_err *err) {
  if (p->count == p->room) {
    int64_t room = p->room ? 2 * p->room : 256;
    picture *more = realloc(p->list, (size_t)room * sizeof *more);
    if (!more) return no_memory(err);
    p->list = more;
    p->room = room;
  }
  picture one = {plain_form(p->mem, path_base(path)), path};
  if (!one.key) return no_memory(err);
  p->list[p->count++] = one;
  return LOCI_OK;
}

/* The pictures of a folder and those below it; a folder that cannot be read has none. */
static loci_status list_folder(pictures *p, const char *below, int depth, loci_err *err) {
  struct stat s;
  struct dirent *e;
  char *folder = path_join(p->mem, p->folder, below);
  if (!folder) return no_memory(err);
  DIR *dir = opendir(folder);
  loci_status st = LOCI_OK;
  while (!st && dir && (e = readdir(dir)) != NULL) {
    if (e->d_name[0] == '.') continue;
    char *path = path_join(p->mem, below, e->d_name), *whole = path_join(p->mem, folder, e->d_name);
    if (!path || !whole) {
      st = no_memory(err);
    } else if (is_picture(e->d_name)) {
      st = list_one(p, path, err);
    } else if (depth < DEEPEST && stat(whole, &s) == 0 && S_ISDIR(s.st_mode)) {
      st = list_folder(p, path, depth + 1, err);
    }
  }
  if (dir) closedir(dir);
  return st;
}

static int compare(const void *a, const void *b) {
  const picture *x = a, *y = b;
  int order = strcmp(x->key, y->key);
  return order ? order : strcmp(x->path, y->path);
}

static loci_status list_all(pictures *p, loci_err *err) {
  if (p->listed) return LOCI_OK;
  TRY(list_folder(p, "", 0, err));
  if (p->count > 0) qsort(p->list, (size_t)p->count, sizeof *p->list, compare);
  p->listed = true;
  return LOCI_OK;
}

/* The first file whose plain name is [key]; NULL: none. */
static const char *listed(const pictures *p, const char *key) {
  picture wanted = {key, ""};
  int64_t from = 0, to = p->count;
  while (from < to) {
    int64_t middle = from + (to - from) / 2;
    if (compare(&p->list[middle], &wanted) < 0) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from < p->count && strcmp(p->list[from].key, key) == 0 ? p->list[from].path : NULL;
}

static bool is_file(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

/* The name as it stands, with and without an ending. */
static loci_status try_name(const pictures *p, const char *name, arena *mem, const char **found,
                            loci_err *err) {
  char *whole = path_join(mem, p->folder, name);
  if (!whole) return no_memory(err);
  if (is_picture(name)) {
    if (is_file(whole)) *found = name;
    return LOCI_OK;
  }
  size_t n = strlen(name), m = strlen(whole);
  char *with = arena_alloc(mem, (int64_t)n + 8, 1), *path = arena_alloc(mem, (int64_t)m + 8, 1);
  if (!with || !path) return no_memory(err);
  for (size_t i = 0; !*found && i < sizeof endings / sizeof endings[0]; i++) {
    snprintf(path, m + 8, "%s%s", whole, endings[i]);
    snprintf(with, n + 8, "%s%s", name, endings[i]);
    if (is_file(path)) *found = with;
  }
  return LOCI_OK;
}

static loci_status try_listed(pictures *p, const char *name, arena *mem, const char **found,
                              loci_err *err) {
  TRY(list_all(p, err));
  char *whole = plain_form(mem, name), *base = plain_form(mem, path_base(name));
  if (!whole || !base) return no_memory(err);
  *found = listed(p, base);
  if (!*found) *found = listed(p, whole); /* "AC/DC" in the file "AC_DC.jpg" */
  return LOCI_OK;
}

loci_status pictures_find(pictures *p, const char *name, arena *mem, const char **path, bool *there,
                          loci_err *err) {
  const char *found = NULL;
  while (strncmp(name, "./", 2) == 0) name += 2;
  if (is_below(name)) TRY(try_name(p, name, mem, &found, err));
  if (!found && *path_base(name)) TRY(try_name(p, path_base(name), mem, &found, err));
  if (!found) TRY(try_listed(p, name, mem, &found, err));
  *there = found != NULL;
  *path = path_join(mem, p->prefix, found ? found : is_below(name) ? name : path_base(name));
  return *path ? LOCI_OK : no_memory(err);
}
