/* Looking up a model by name (see model_path.h).
 *
 * The Hugging Face cache keeps org/name as HUB/models--org--name/snapshots/REVISION; refs/main
 * names the revision that was fetched last under that name.  Without it the newest snapshot counts.
 * HUB is $HF_HUB_CACHE, or $HF_HOME/hub, or $XDG_CACHE_HOME/huggingface/hub, or
 * ~/.cache/huggingface/hub. */
#include "model_path.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

__attribute__((format(printf, 2, 3))) static bool join(char out[PATH_SIZE], const char *format,
                                                       ...) {
  va_list list;
  va_start(list, format);
  int n = vsnprintf(out, PATH_SIZE, format, list);
  va_end(list);
  return n >= 0 && n < PATH_SIZE;
}

static bool is_directory(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static const char *env(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static bool in_loci_models(const char *name, char out[PATH_SIZE]) {
  const char *list = env("LOCI_MODELS");
  while (list) {
    size_t n = strcspn(list, ":");
    if (n > 0 && join(out, "%.*s/%s", (int)n, list, name) && is_directory(out)) return true;
    list = list[n] ? list + n + 1 : NULL;
  }
  return false;
}

static bool hub_directory(char out[PATH_SIZE]) {
  if (env("HF_HUB_CACHE")) return join(out, "%s", env("HF_HUB_CACHE"));
  if (env("HF_HOME")) return join(out, "%s/hub", env("HF_HOME"));
  if (env("XDG_CACHE_HOME")) return join(out, "%s/huggingface/hub", env("XDG_CACHE_HOME"));
  return env("HOME") && join(out, "%s/.cache/huggingface/hub", env("HOME"));
}

static bool snapshot_of_main(const char *repository, char out[PATH_SIZE]) {
  char path[PATH_SIZE], revision[128] = "";
  if (!join(path, "%s/refs/main", repository)) return false;
  FILE *f = fopen(path, "r");
  if (!f) return false;
  bool read = fgets(revision, sizeof revision, f) != NULL;
  fclose(f);
  revision[strcspn(revision, " \t\r\n")] = 0;
  if (!read || !*revision || strchr(revision, '/') || revision[0] == '.') return false;
  return join(out, "%s/snapshots/%s", repository, revision) && is_directory(out);
}

static bool newest_snapshot(const char *repository, char out[PATH_SIZE]) {
  char folder[PATH_SIZE], path[PATH_SIZE];
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

static bool in_hub(const char *name, char out[PATH_SIZE]) {
  char hub[PATH_SIZE], repository[PATH_SIZE];
  const char *slash = strchr(name, '/');
  if (name[0] == '.' || name[0] == '/' || (slash && (strchr(slash + 1, '/') || !slash[1])))
    return false;
  if (!hub_directory(hub)) return false;
  int org = slash ? (int)(slash - name) : 0;
  bool fits = slash ? join(repository, "%s/models--%.*s--%s", hub, org, name, slash + 1)
                    : join(repository, "%s/models--%s", hub, name);
  return fits && (snapshot_of_main(repository, out) || newest_snapshot(repository, out));
}

loci_status model_path_find(const char *name, char out[PATH_SIZE], loci_err *err) {
  char hub[PATH_SIZE];
  struct stat s;
  bool exists = stat(name, &s) == 0;
  int why = exists ? 0 : errno;
  bool by_path = name[0] == '/' || name[0] == '.';
  if (exists && S_ISDIR(s.st_mode)) {
    if (join(out, "%s", name)) return LOCI_OK;
    return cli_fail(err, LOCI_EINVAL, "the model's path is longer than %d bytes", PATH_SIZE - 1);
  }
  if (!by_path && (in_loci_models(name, out) || in_hub(name, out))) return LOCI_OK;
  out[0] = 0;
  if (exists)
    return cli_fail(err, LOCI_EIO, "%s: not a directory; a model is a directory with config.json",
                    name);
  if (by_path || why == EACCES) return cli_fail(err, LOCI_EIO, "%s: %s", name, strerror(why));
  const char *models = env("LOCI_MODELS");
  if (!hub_directory(hub)) join(hub, "no HOME");
  return cli_fail(err, LOCI_EIO,
                  "no model \"%.100s\": no directory of this name, not in LOCI_MODELS (%.120s), "
                  "not in the Hugging "
                  "Face cache (%.120s); nothing is downloaded",
                  name, models ? models : "not set", hub);
}
