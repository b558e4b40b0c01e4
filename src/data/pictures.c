/* Pictures by name (see pictures.h).  The folder is listed once, when the first name is not found
 * as it stands. */
#include "data/pictures.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "data/choice.h"
#include "data/literal.h"

enum { DEEPEST = 8 };

typedef struct picture {
  const char *key;  /* the plain form of the name */
  const char *path; /* below the folder */
  int64_t number;   /* that its name ends in, in twelve digits as COCO has them; -1: none */
} picture;

typedef struct folder_read {
  dev_t device;
  ino_t inode;
  const struct folder_read *before;
} folder_read;

struct pictures {
  arena *mem;
  const folder_read *folders; /* that were read */
  const char *folder;         /* as it can be opened from here */
  const char *prefix;         /* the folder as examples name it */
  picture *list, *numbered;   /* numbered: those with a number, by it */
  int64_t count, room, number_count;
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
  free(p->numbered);
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

/* "COCO_val2014_000000262148.jpg" is 262148; -1 where no twelve digits stand before the ending. */
static int64_t coco_number(const char *path) {
  const char *base = path_base(path);
  size_t n = strcspn(base, "."), digits = 0;
  while (digits < n && base[n - 1 - digits] >= '0' && base[n - 1 - digits] <= '9') digits++;
  return digits == 12 ? strtoll(base + n - 12, NULL, 10) : -1;
}

static loci_status list_one(pictures *p, const char *path, loci_err *err) {
  if (p->count == p->room) {
    int64_t room = p->room ? 2 * p->room : 256;
    picture *more = realloc(p->list, (size_t)room * sizeof *more);
    if (!more) return no_memory(err);
    p->list = more;
    p->room = room;
  }
  picture one = {plain_form(p->mem, path_base(path)), path, coco_number(path)};
  if (!one.key) return no_memory(err);
  p->list[p->count++] = one;
  return LOCI_OK;
}

/* Whether a folder was not read yet: links may lead to one on many ways, and back. */
static loci_status is_new_folder(pictures *p, const struct stat *s, bool *out, loci_err *err) {
  for (const folder_read *f = p->folders; f; f = f->before) {
    *out = f->device != s->st_dev || f->inode != s->st_ino;
    if (!*out) return LOCI_OK;
  }
  folder_read *f = arena_array(p->mem, 1, folder_read);
  if (!f) return no_memory(err);
  *f = (folder_read){s->st_dev, s->st_ino, p->folders};
  p->folders = f;
  *out = true;
  return LOCI_OK;
}

/* The pictures of a folder and those below it; a folder that cannot be read has none. */
static loci_status list_folder(pictures *p, const char *below, int depth, loci_err *err) {
  struct stat s;
  struct dirent *e;
  char *folder = path_join(p->mem, p->folder, below);
  if (!folder) return no_memory(err);
  DIR *dir = opendir(folder);
  bool new = true;
  loci_status st = LOCI_OK;
  if (dir && fstat(dirfd(dir), &s) == 0) st = is_new_folder(p, &s, &new, err);
  while (!st && new &&dir && (e = readdir(dir)) != NULL) {
    if (e->d_name[0] == '.') continue;
    char *path = path_join(p->mem, below, e->d_name), *whole = path_join(p->mem, folder, e->d_name);
    if (!path || !whole) {
      st = no_memory(err);
    } else if (stat(whole, &s) != 0) { /* a link to nothing */
    } else if (S_ISREG(s.st_mode) && is_picture(e->d_name)) {
      st = list_one(p, path, err);
    } else if (depth < DEEPEST && S_ISDIR(s.st_mode)) {
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

static int compare_numbers(const void *a, const void *b) {
  const picture *x = a, *y = b;
  if (x->number != y->number) return x->number < y->number ? -1 : 1;
  return strcmp(x->path, y->path);
}

static loci_status list_numbers(pictures *p, loci_err *err) {
  p->numbered = malloc((size_t)p->count * sizeof *p->numbered + 1);
  if (!p->numbered) return no_memory(err);
  for (int64_t i = 0; i < p->count; i++) {
    if (p->list[i].number >= 0) p->numbered[p->number_count++] = p->list[i];
  }
  if (p->number_count > 0) {
    qsort(p->numbered, (size_t)p->number_count, sizeof *p->numbered, compare_numbers);
  }
  return LOCI_OK;
}

static loci_status list_all(pictures *p, loci_err *err) {
  if (p->listed) return LOCI_OK;
  TRY(list_folder(p, "", 0, err));
  if (p->count > 0) qsort(p->list, (size_t)p->count, sizeof *p->list, compare);
  p->listed = true;
  return list_numbers(p, err);
}

/* The first file whose plain name is [key]; NULL: none. */
static const char *listed(const pictures *p, const char *key) {
  picture wanted = {key, "", -1};
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

/* The number that a name is: "262148", or "262148.0" as tables of floats have it; -1: it is none.
 */
static int64_t number_of(const char *name) {
  size_t n = strspn(name, "0123456789"), point = n;
  if (n == 0 || n > 12) return -1;
  if (name[point] == '.') point += 1 + strspn(name + point + 1, "0");
  return name[point] && !is_picture(name) ? -1 : strtoll(name, NULL, 10);
}

/* The first picture of that number. */
static loci_status try_number(pictures *p, const char *name, const char **found, loci_err *err) {
  int64_t number = number_of(name), from = 0;
  if (number < 0) return LOCI_OK;
  TRY(list_all(p, err));
  for (int64_t to = p->number_count; from < to;) {
    int64_t middle = from + (to - from) / 2;
    if (p->numbered[middle].number < number) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  if (from < p->number_count && p->numbered[from].number == number) *found = p->numbered[from].path;
  return LOCI_OK;
}

static int hex_digit(char c) {
  return c >= '0' && c <= '9'                     ? c - '0'
         : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                  : -1;
}

/* A name as other systems write it: "C:\\imgs\\pic.png" and "sub\\pic.png" with /, of an address
 * "https://host/a%20b.png?x=1" the path without what is after ? and #.  In the arena. */
static char *local_form(arena *mem, const char *name) {
  char *s = arena_strdup(mem, name), *to = s;
  if (!s) return NULL;
  const char *scheme = strstr(s, "://"), *from = s;
  bool address = scheme && scheme - s <= 8 && scheme > s;
  if (address) {
    s[strcspn(s, "?#")] = 0;
    from = scheme + 3;
    from += strcspn(from, "/"); /* the host */
  } else if (((s[0] | 0x20) >= 'a' && (s[0] | 0x20) <= 'z') && s[1] == ':' && strchr("\\/", s[2]) &&
             s[2]) {
    from = s + 2;
  }
  for (; *from; from++) {
    bool escape = address && from[0] == '%' && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0;
    char c = escape ? (char)(16 * hex_digit(from[1]) + hex_digit(from[2])) : from[0];
    *to++ = c == '\\' ? '/' : c ? c : '_';
    from += 2 * escape;
  }
  *to = 0;
  return s;
}

static loci_status find_as(pictures *p, const char *name, arena *mem, const char **found,
                           loci_err *err) {
  if (is_below(name)) TRY(try_name(p, name, mem, found, err));
  if (!*found && *path_base(name)) TRY(try_name(p, path_base(name), mem, found, err));
  if (!*found) TRY(try_number(p, path_base(name), found, err));
  return *found ? LOCI_OK : try_listed(p, name, mem, found, err);
}

loci_status pictures_find(pictures *p, const char *name, arena *mem, const char **path, bool *there,
                          loci_err *err) {
  const char *found = NULL;
  while (strncmp(name, "./", 2) == 0) name += 2;
  char *local = local_form(mem, name);
  if (!local) return no_memory(err);
  TRY(find_as(p, name, mem, &found, err));
  if (!found && strcmp(local, name) != 0) TRY(find_as(p, local, mem, &found, err));
  *there = found != NULL;
  *path = path_join(mem, p->prefix, found ? found : is_below(name) ? name : path_base(name));
  return *path ? LOCI_OK : no_memory(err);
}

loci_status pictures_cell(const char *text, arena *mem, const char **out, loci_err *err) {
  const char *const *items;
  const char *json;
  char *name = arena_strdup(mem, text + strspn(text, " \t"));
  int count = 0;
  loci_err own = {0};
  js_value *v = NULL;
  *out = name;
  if (!name) return no_memory(err);
  for (size_t n = strlen(name); n > 0 && strchr(" \t", name[n - 1]); n--) name[n - 1] = 0;
  if (*name != '[' && *name != '{') return LOCI_OK;
  loci_status st = choice_list(name, mem, &items, &count, &own);
  if (!st && count == 1) *out = items[0];
  if (!st || !status_is_own(st)) return st ? pass_on(&own, err) : LOCI_OK;
  st = literal_to_json(name, mem, &json, &own);
  if (!st) st = js_parse(json, strlen(json), "a cell", &v, &own);
  const char *path = js_text_of(js_get(v, "path"), NULL);
  if (path) *out = arena_strdup(mem, path);
  js_free(v);
  return st && !status_is_own(st) ? pass_on(&own, err) : *out ? LOCI_OK : no_memory(err);
}
