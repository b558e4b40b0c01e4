/* Models that may be opened (see models.h).
 *
 *   --root DIR, LOCI_MODELS -> folders below with config.json and weights, GGUF files -> names
 *
 * A folder that is a model is not looked into any further; others down to four levels, which
 * reaches the snapshots of Hugging Face's cache. */
#include "models.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

enum { MOST_MODELS = 256, MOST_FOLDERS = 4096, DEEPEST = 4 };

typedef struct found_model {
  char *name, *path;
  dev_t device; /* with its number: which file or folder it is, whatever way leads there */
  ino_t number;
} found_model;

struct models {
  pthread_mutex_t lock;
  found_model all[MOST_MODELS]; /* the first is that of -m */
  int count, folders;           /* folders: looked into so far */
  int open;                     /* which is */
  loci_model *model;
  loci_model_opts opened;
};

static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), m = strlen(end);
  return n > m && strcmp(s + n - m, end) == 0;
}

/* What is named like another, or is another by another way, is left out. */
static void add(models *x, const char *name, const char *path) {
  struct stat s;
  if (x->count == MOST_MODELS || stat(path, &s) != 0) return;
  for (int i = 0; i < x->count; i++)
    if (strcmp(x->all[i].name, name) == 0 ||
        (x->all[i].device == s.st_dev && x->all[i].number == s.st_ino))
      return;
  found_model m = {strdup(name), strdup(path), s.st_dev, s.st_ino};
  if (m.name && m.path) {
    x->all[x->count++] = m;
  } else {
    free(m.name);
    free(m.path);
  }
}

static bool is_model(const char *folder) {
  bool config = false, weights = false;
  DIR *d = opendir(folder);
  for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
    config |= strcmp(e->d_name, "config.json") == 0;
    weights |= strcmp(e->d_name, "model.safetensors") == 0 ||
               strcmp(e->d_name, "model.safetensors.index.json") == 0;
  }
  if (d) closedir(d);
  return config && weights;
}

static void look_into(models *x, const char *folder, size_t root, int depth) {
  char path[LOCI_PATH_SIZE];
  struct stat s;
  DIR *d = x->folders++ < MOST_FOLDERS ? opendir(folder) : NULL;
  for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
    int n = snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    if (e->d_name[0] == '.' || n >= (int)sizeof path || stat(path, &s) != 0) continue;
    bool is_gguf = S_ISREG(s.st_mode) && ends_with(path, ".gguf") && !strstr(e->d_name, "mmproj");
    if (is_gguf || (S_ISDIR(s.st_mode) && is_model(path))) {
      add(x, path + root, path);
    } else if (S_ISDIR(s.st_mode) && depth < DEEPEST) {
      look_into(x, path, root, depth + 1);
    }
  }
  if (d) closedir(d);
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const found_model *)a)->name, ((const found_model *)b)->name);
}

/* Names are what stands behind the root. */
static bool look_below(models *x, const char *root, loci_err *err) {
  DIR *d = opendir(root);
  if (!d) {
    cli_fail(err, LOCI_EIO, "%s: %s", root, strerror(errno));
    return false;
  }
  closedir(d);
  look_into(x, root, strlen(root) + 1, 1);
  return true;
}

/* As models are looked up by name: what is no folder is passed over. */
static void look_at_variable(models *x) {
  const char *list = getenv("LOCI_MODELS");
  char root[LOCI_PATH_SIZE];
  while (list && *list) {
    size_t n = strcspn(list, ":");
    if (n > 0 && n < sizeof root) {
      memcpy(root, list, n);
      root[n] = 0;
      look_into(x, root, n + 1, 1);
    }
    list += n + (list[n] == ':');
  }
}

models *models_new(const models_opts *o, loci_err *err) {
  models *x = calloc(1, sizeof *x);
  if (!x) {
    loci_model_close(o->model);
    cli_fail(err, LOCI_ENOMEM, "out of memory");
    return NULL;
  }
  pthread_mutex_init(&x->lock, NULL);
  x->model = o->model;
  x->opened = o->opened;
  const char *slash = strrchr(o->name, '/');
  add(x, slash && slash[1] ? slash + 1 : o->name, o->path);
  bool good = x->count == 1;
  if (!good) cli_fail(err, LOCI_ENOMEM, "out of memory");
  for (int i = 0; good && i < o->root_count; i++) good = look_below(x, o->roots[i], err);
  if (!good) {
    models_free(x);
    return NULL;
  }
  look_at_variable(x);
  qsort(x->all + 1, (size_t)x->count - 1, sizeof *x->all, by_name);
  return x;
}

void models_free(models *x) {
  if (!x) return;
  loci_model_close(x->model);
  for (int i = 0; i < x->count; i++) {
    free(x->all[i].name);
    free(x->all[i].path);
  }
  pthread_mutex_destroy(&x->lock);
  free(x);
}

void models_put(models *x, FILE *f) {
  if (!x) {
    fputs("null,\"models\":[]", f);
    return;
  }
  pthread_mutex_lock(&x->lock);
  const loci_model_info *i = loci_model_get_info(x->model);
  fprintf(f, "{\"id\":%d,\"version\":\"%s\",\"path\":", x->open + 1, loci_version());
  put_json_string(f, i->path);
  fputs(",\"dtype\":", f);
  put_json_string(f, i->dtype ? i->dtype : "");
  fprintf(f, ",\"layers\":%d,\"image_rows\":%d},\"models\":[", i->layers, i->image_rows);
  for (int k = 0; k < x->count; k++) {
    if (k) fputc(',', f);
    put_json_string(f, x->all[k].name);
  }
  fputs("]", f);
  pthread_mutex_unlock(&x->lock);
}

/* Opening reads headers alone; the lock keeps two from opening at once. */
board_answer models_open(models *x, int id, board *b, gallery *pictures) {
  board_answer a = {.status = 404, .code = "model", .message = "there is no such model here"};
  loci_err err = {0};
  loci_model *m = NULL;
  if (id < 1 || id > x->count) return a;
  pthread_mutex_lock(&x->lock);
  const char *path = x->all[id - 1].path;
  loci_model_opts o = x->opened;
  if (id > 1) o.mmproj = NULL;
  if (loci_model_open(path, &o, &m, &err)) {
    a.status = err.code == LOCI_ENOMEM ? 507 : 422;
    snprintf(a.message, sizeof a.message, "%s", err.msg);
  } else {
    a = board_take_model(b, m, &o);
  }
  if (a.code[0]) {
    loci_model_close(m);
  } else {
    gallery_process(pictures, o.mmproj ? o.mmproj : path, o.max_pixels);
    loci_model_close(x->model);
    x->model = m;
    x->open = id - 1;
  }
  pthread_mutex_unlock(&x->lock);
  return a;
}
