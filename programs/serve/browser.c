/* The user's browser (see browser.h). */
#include "browser.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct browser {
  char path[PATH_MAX];
};

static bool is_set(const char *name) {
  const char *value = getenv(name);
  return value && *value;
}

/* Closes the file. */
static bool write_page(int fd, const char *address) {
  FILE *f = fdopen(fd, "w");
  if (!f) close(fd);
  if (!f) return false;
  fprintf(f, "<!doctype html><meta http-equiv=\"refresh\" content=\"0;url=%s\">\n", address);
  return fclose(f) == 0;
}

/* Started twice removed, so that nobody has to wait for it. */
static bool start(const char *path) {
  pid_t child = fork();
  if (child < 0) return false;
  if (child > 0) return waitpid(child, NULL, 0) == child;
  if (fork() != 0) _exit(0);
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; null >= 0 && fd < 3; fd++) dup2(null, fd);
  execlp("xdg-open", "xdg-open", path, (char *)NULL);
  _exit(127);
}

browser *browser_open(const char *address) {
  if (!is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY")) return NULL;
  browser *b = malloc(sizeof *b);
  const char *dir = is_set("XDG_RUNTIME_DIR") ? getenv("XDG_RUNTIME_DIR") : "/tmp";
  if (!b) return NULL;
  snprintf(b->path, sizeof b->path, "%.*s/loci-XXXXXX.html", PATH_MAX - 32, dir);
  int fd = mkstemps(b->path, 5); /* mode 0600 */
  if (fd >= 0 && write_page(fd, address) && start(b->path)) return b;
  if (fd >= 0) unlink(b->path);
  free(b);
  return NULL;
}

void browser_forget(browser *b) {
  if (b) unlink(b->path);
  free(b);
}
