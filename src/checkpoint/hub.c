/* Looking up a model by name (see hub.h; loci_model_find).
 *
 * The Hugging Face cache keeps org/name as HUB/models--org--name/snapshots/REVISION; refs/main
 * names the revision that was fetched last under that name.  Without it the newest snapshot counts.
 * HUB is $HF_HUB_CACHE, or its old name $HUGGINGFACE_HUB_CACHE, or $HF_HOME/hub, or
 * $XDG_CACHE_HOME/huggingface/hub, or ~/.cache/huggingface/hub; a ~ in front is the home directory
 * and $NAME in it a variable's value, as huggingface_hub reads it.  $TRANSFORMERS_CACHE, of old,
 * is looked into before. */
#include "checkpoint/hub.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/kind.h"
#include "checkpoint/gguf.h"

__attribute__((format(printf, 2, 3))) static bool join(char out[LOCI_PATH_SIZE], const char *format,
                                                       ...) {
  va_list list;
  va_start(list, format);
  int n = vsnprintf(out, LOCI_PATH_SIZE, format, list);
  va_end(list);
  return n >= 0 && n < LOCI_PATH_SIZE;
}

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789"

static const char *env(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

/* Puts a variable's value where [text] has $NAME or ${NAME}; what is not set stays. */
static bool expand(const char *text, char out[LOCI_PATH_SIZE]) {
  size_t at = 0;
  while (*text) {
    char name[64] = "";
    bool braces = text[0] == '$' && text[1] == '{';
    const char *from = text + 1 + braces;
    size_t n = text[0] == '$' ? strspn(from, NAME_LETTERS) : 0;
    if (n > 0 && n < sizeof name) memcpy(name, from, n);
    bool is_name = *name && (!braces || from[n] == '}');
    const char *value = is_name ? getenv(name) : NULL;
    size_t more = value ? strlen(value) : 1;
    if (at + more >= LOCI_PATH_SIZE) return false;
    memcpy(out + at, value ? value : text, more);
    at += more;
    text = value ? from + n + braces : text + 1;
  }
  out[at] = 0;
  return true;
}

/* The directory of a variable with [below] after it; false: it is not set, or too long. */
static bool under(const char *variable, const char *below, char out[LOCI_PATH_SIZE]) {
  const char *value = env(variable), *home = env("HOME");
  if (!value) return false;
  bool at_home = home && value[0] == '~' && (value[1] == '/' || !value[1]);
  char text[LOCI_PATH_SIZE];
  return join(text, "%s%s%s", at_home ? home : "", value + at_home, below) && expand(text, out);
}

bool hub_directory(char out[LOCI_PATH_SIZE]) {
  static const char *const places[][2] = {{"HF_HUB_CACHE", ""},
                                          {"HUGGINGFACE_HUB_CACHE", ""},
                                          {"HF_HOME", "/hub"},
                                          {"XDG_CACHE_HOME", "/huggingface/hub"},
                                          {"HOME", "/.cache/huggingface/hub"}};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    if (env(places[i][0])) return under(places[i][0], places[i][1], out);
  }
  return false;
}

static bool snapshot_of_main(const char *repository, char out[LOCI_PATH_SIZE]) {
  char path[LOCI_PATH_SIZE], revision[128] = "";
  struct stat about; /* opening a pipe waits for who writes to it */
  if (!join(path, "%s/refs/main", repository)) return false;
  if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) return false;
  FILE *f = fopen(path, "re");
  if (!f) return false;
  bool read = fgets(revision, sizeof revision, f) != NULL;
  fclose(f);
  revision[strcspn(revision, " \t\r\n")] = 0;
  if (!read || !*revision || strchr(revision, '/') || revision[0] == '.') return false;
  return join(out, "%s/snapshots/%s", repository, revision) && file_is_dir(out);
}

static bool newest_snapshot(const char *repository, char out[LOCI_PATH_SIZE]) {
  char folder[LOCI_PATH_SIZE], path[LOCI_PATH_SIZE];
  struct stat s;
  struct timespec newest = {0, 0};
  bool found = false;
  if (!join(folder, "%s/snapshots", repository)) return false;
  DIR *dir = opendir(folder);
  if (!dir) return false;
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (e->d_name[0] == '.' || !join(path, "%s/%s", folder, e->d_name)) continue;
    if (stat(path, &s) != 0 || !S_ISDIR(s.st_mode)) continue;
    bool newer = s.st_mtim.tv_sec > newest.tv_sec ||
                 (s.st_mtim.tv_sec == newest.tv_sec && s.st_mtim.tv_nsec > newest.tv_nsec);
    if (found && !newer) continue;
    newest = s.st_mtim;
    memcpy(out, path, sizeof path);
    found = true;
  }
  closedir(dir);
  return found;
}

static bool find_in(const char *hub, const char *name, char out[LOCI_PATH_SIZE]) {
  char repository[LOCI_PATH_SIZE];
  const char *slash = strchr(name, '/');
  int org = slash ? (int)(slash - name) : 0;
  bool fits = slash ? join(repository, "%s/models--%.*s--%s", hub, org, name, slash + 1)
                    : join(repository, "%s/models--%s", hub, name);
  return fits && (snapshot_of_main(repository, out) || newest_snapshot(repository, out));
}

bool hub_find(const char *name, char out[LOCI_PATH_SIZE]) {
  char hub[LOCI_PATH_SIZE];
  const char *slash = strchr(name, '/');
  if (name[0] == '.' || name[0] == '/' || (slash && (strchr(slash + 1, '/') || !slash[1])))
    return false;
  if (under("TRANSFORMERS_CACHE", "", hub) && find_in(hub, name, out)) return true;
  return hub_directory(hub) && find_in(hub, name, out);
}

static bool in_loci_models(const char *name, char out[LOCI_PATH_SIZE]) {
  const char *list = env("LOCI_MODELS");
  while (list) {
    size_t n = strcspn(list, ":");
    if (n > 0 && join(out, "%.*s/%s", (int)n, list, name) && file_is_dir(out)) return true;
    list = list[n] ? list + n + 1 : NULL;
  }
  return false;
}

/* The repository that a name means, OWNER/NAME, without what a page's address has before and behind
 * it; "": none. */
static void repository_of(const char *name, char out[LOCI_PATH_SIZE]) {
  static const char *const before[] = {"https://", "http://", "www.", "huggingface.co/",
                                       "hf.co/",   "hf://",   "hf:"};
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  out[0] = 0;
  for (size_t i = 0; i < sizeof before / sizeof *before; i++)
    if (strncmp(name, before[i], strlen(before[i])) == 0) name += strlen(before[i]);
  size_t owner = strspn(name, letters), own = 0;
  if (owner > 0 && name[owner] == '/') own = strspn(name + owner + 1, letters);
  const char *end = name + owner + 1 + own;
  bool ends = own > 0 && (!*end || strcmp(end, "/") == 0 || strncmp(end, "/tree/", 6) == 0);
  if (ends) join(out, "%.*s", (int)(end - name), name);
}

loci_status loci_model_find(const char *name, char out[LOCI_PATH_SIZE], loci_err *err) {
  char hub[LOCI_PATH_SIZE];
  struct stat s;
  bool exists = stat(name, &s) == 0;
  int why = exists ? 0 : errno;
  bool by_path = name[0] == '/' || name[0] == '.';
  if (exists && (S_ISDIR(s.st_mode) || gguf_is(name))) {
    if (join(out, "%s", name)) return LOCI_OK;
    return fail(err, LOCI_EINVAL, "the model's path is longer than %d bytes", LOCI_PATH_SIZE - 1);
  }
  if (!by_path && (in_loci_models(name, out) || hub_find(name, out))) return LOCI_OK;
  out[0] = 0;
  if (exists) {
    TRY(kind_refuse_file(name, "a model's directory", err));
    return fail(err, LOCI_EIO, "%s: not a directory; a model is a directory with config.json",
                name);
  }
  if (by_path || why == EACCES || (why == ENOENT && file_exists(name)))
    return file_absent(name, why, err); /* a link to nothing exists itself */
  const char *models = env("LOCI_MODELS");
  if (!hub_directory(hub)) join(hub, "no HOME");
  char id[LOCI_PATH_SIZE];
  repository_of(name, id);
  bool other = *id && strcmp(id, name) != 0;
  return fail(err, LOCI_EIO,
              "no model \"%.100s\": no directory of this name, not in LOCI_MODELS (%.120s), not in "
              "the Hugging Face cache (%.120s); nothing is downloaded%s%.100s%s%.100s",
              name, models ? models : "not set", hub, *id ? "; to fetch it: hf download " : "", id,
              other ? ", and its name here is " : "", other ? id : "");
}
