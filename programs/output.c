/* Results, failures and exit codes.
 *
 * Standard output carries the result alone, standard error everything else. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

loci_status cli_fail(loci_err *err, loci_status code, const char *format, ...) {
  char text[sizeof err->msg]; /* an argument may be err->msg itself */
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  err->code = code;
  memcpy(err->msg, text, sizeof text);
  return code;
}

/* The sentence on standard error, and as an object on standard output with --json. */
static void say(cli *c) {
  if (c->host) return; /* which finds it in c->err */
  terminal_progress_end(&c->term);
  fputs("loci: ", stderr);
  put_text(stderr, c->err.msg, c->term.utf8);
  fputc('\n', stderr);
  if (!c->json) return;
  printf("{\"error\":{\"code\":");
  put_json_string(stdout, loci_status_name(c->err.code));
  printf(",\"message\":");
  put_json_string(stdout, c->err.msg);
  printf("}}\n");
}

/* The name beside [path], which is not there, that was probably meant; "" if there is none. */
static void near_path(const char *path, char out[LOCI_PATH_SIZE]) {
  enum { MOST = 512 };
  const char *slash = strrchr(path, '/');
  char folder[LOCI_PATH_SIZE], *names[MOST];
  int n = 0, before = slash ? (int)(slash - path) + 1 : 0;
  snprintf(folder, sizeof folder, "%.*s", before ? before : 1, before ? path : ".");
  DIR *d = opendir(folder);
  out[0] = 0;
  for (struct dirent *e; d && n < MOST && (e = readdir(d)) != NULL;)
    if (e->d_name[0] != '.' && strcmp(e->d_name, path + before) != 0 &&
        (names[n] = strdup(e->d_name)) != NULL)
      n++;
  if (d) closedir(d);
  const char *near = loci_name_near(path + before, (const char *const *)names, n);
  if (near) snprintf(out, LOCI_PATH_SIZE, "%.*s%s", before, path, near);
  for (int i = 0; i < n; i++) free(names[i]);
}

/* A failure about a file that an argument names and that is not there names the nearest one. */
static void suggest_path(cli *c) {
  char near[LOCI_PATH_SIZE];
  int options = c->args.given_count, all = options + c->args.rest_count;
  for (int i = 0; i < all && c->err.code == LOCI_EIO; i++) {
    const option *o = i < options ? option_get(c->args.given[i].id) : NULL;
    const char *path = o ? c->args.given[i].value : c->args.rest[i - options];
    bool file = !o || (o->takes && (!strcmp(o->takes, "file") || !strcmp(o->takes, "dir")));
    if (!file || !*path || access(path, F_OK) == 0 || !strstr(c->err.msg, path)) continue;
    near_path(path, near);
    size_t n = strlen(c->err.msg);
    if (*near) snprintf(c->err.msg + n, sizeof c->err.msg - n, "; did you mean %.200s?", near);
    return;
  }
}

int cli_failed(cli *c) {
  suggest_path(c);
  int number = terminal_signal();
  say(c);
  return c->err.code == LOCI_ECANCELLED && number ? 128 + number : EXIT_FAILED;
}

/* The first example of the command, or where to find one. */
static void show_example(const cli *c) {
  if (c->host) return;
  if (!c->command) {
    fputs("'loci help' lists the commands\n", stderr);
    return;
  }
  int n = (int)strcspn(c->command->examples, "\n");
  fprintf(stderr, "example: %.*s\n'loci help %s' says more\n", n, c->command->examples,
          c->command->name);
}

int cli_usage(cli *c, const char *format, ...) {
  char text[sizeof c->err.msg];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  cli_fail(&c->err, LOCI_EINVAL, "%s", text);
  say(c);
  show_example(c);
  return EXIT_USAGE;
}

int cli_bad_value(cli *c, option_id id, const char *wanted) {
  return cli_usage(c, "--%s wants %s, not \"%.80s\"", option_get(id)->name, wanted,
                   args_get(&c->args, id));
}

bool cli_ends_with(const char *path, const char *ending) {
  size_t n = strlen(path), k = strlen(ending);
  return n > k && strcasecmp(path + n - k, ending) == 0;
}

static bool has_listed_ending(const char *path, const char *endings) {
  char ending[32];
  while (*endings) {
    size_t n = strcspn(endings, " ");
    snprintf(ending, sizeof ending, "%.*s", (int)n, endings);
    if (cli_ends_with(path, ending)) return true;
    endings += n;
    endings += *endings == ' ';
  }
  return false;
}

bool cli_is_same_file(const char *a, const char *b) {
  struct stat s, t;
  return a && b && stat(a, &s) == 0 && stat(b, &t) == 0 && s.st_dev == t.st_dev &&
         s.st_ino == t.st_ino;
}

/* Whether a file that some option names is [path]. */
static bool is_named(const char *path, const args *a) {
  const char *corrupt = args_get(a, OPT_CORRUPT);
  for (int i = 0; i < a->given_count; i++) {
    const char *takes = option_get(a->given[i].id)->takes;
    bool file = takes && strcmp(takes, "file") == 0 && a->given[i].id != OPT_OUT;
    if (file && cli_is_same_file(path, a->given[i].value)) return true;
  }
  return corrupt && strncmp(corrupt, "image:", 6) == 0 && cli_is_same_file(path, corrupt + 6);
}

/* A result must not take the place of what it is made from. */
static loci_status check_inputs(const char *path, const char *directory, const args *a,
                                loci_err *err) {
  char model[LOCI_PATH_SIZE];
  loci_err ignored;
  const char *name = args_get(a, OPT_MODEL);
  if (cli_is_same_file(path, args_get(a, OPT_IMAGE)))
    return cli_fail(err, LOCI_EINVAL, "%.300s: is the picture this is about", path);
  bool made_from = is_named(path, a);
  for (int i = 0; i < a->rest_count; i++) made_from |= cli_is_same_file(path, a->rest[i]);
  if (made_from) return cli_fail(err, LOCI_EINVAL, "%.300s: is the file this is made from", path);
  bool exists = access(path, F_OK) == 0;
  if (exists && name && !loci_model_find(name, model, &ignored) &&
      cli_is_same_file(directory, model))
    return cli_fail(err, LOCI_EINVAL, "%.300s: is a file of the checkpoint", path);
  return LOCI_OK;
}

/* The directory must take a new file; what stands at the place already must not be a directory. */
static loci_status check_place(const char *path, const args *a, loci_err *err) {
  char directory[LOCI_PATH_SIZE];
  struct stat s;
  const char *slash = strrchr(path, '/');
  bool there = stat(path, &s) == 0;
  if (there && S_ISDIR(s.st_mode)) return cli_fail(err, LOCI_EIO, "%.300s: is a directory", path);
  if (!there && lstat(path, &s) == 0)
    return cli_fail(err, LOCI_EIO, "%.300s: is a link that leads to no file", path);
  if (strlen(path) >= sizeof directory) return cli_fail(err, LOCI_EIO, "output path is too long");
  int n = slash && slash > path ? (int)(slash - path) : 1;
  snprintf(directory, sizeof directory, "%.*s", n, slash ? path : ".");
  if (stat(directory, &s) != 0 || !S_ISDIR(s.st_mode))
    return cli_fail(err, LOCI_EIO, "%.300s: there is no directory %.100s to write it to", path,
                    directory);
  if (access(directory, W_OK | X_OK) != 0)
    return cli_fail(err, LOCI_EIO, "%.300s: cannot be written: %s", path, strerror(errno));
  return check_inputs(path, directory, a, err);
}

/* Of two outputs in one place the second would take the place of the first. */
static loci_status check_others(const args *a, int at, loci_err *err) {
  const char *path = args_at(a, OPT_OUT, at);
  char *real = realpath(path, NULL);
  bool same = false;
  for (int i = 0; i < at && !same; i++) {
    char *other = realpath(args_at(a, OPT_OUT, i), NULL);
    same = (real && other && strcmp(real, other) == 0) || strcmp(path, args_at(a, OPT_OUT, i)) == 0;
    free(other);
  }
  free(real);
  if (same) return cli_fail(err, LOCI_EINVAL, "%.300s: two outputs would be this one file", path);
  return LOCI_OK;
}

int cli_check_outputs(cli *c) {
  const char *path;
  if (!c->command->endings) return EXIT_DONE; /* a directory: the library looks at it */
  for (int i = 0; (path = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (!has_listed_ending(path, c->command->endings))
      return cli_usage(c, "-o %.200s: %s writes files that end in %s", path, c->command->name,
                       c->command->endings);
  for (int i = 0; (path = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (check_place(path, &c->args, &c->err) || check_others(&c->args, i, &c->err))
      return cli_failed(c);
  return EXIT_DONE;
}

int cli_write_json(cli *c, const loci_result *r) {
  int code = EXIT_DONE;
  const char *path;
  char *json = NULL;
  if ((c->host || c->json) && loci_json(r, &json, &c->err)) return cli_failed(c);
  if (c->host) {
    c->host->take(c->host->ctx, json);
    return EXIT_DONE;
  }
  for (int i = 0; !code && (path = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (cli_ends_with(path, ".json") && loci_write(r, path, NULL, &c->err)) code = cli_failed(c);
  if (!code && json) printf("%s\n", json);
  loci_text_free(json);
  return code;
}

void cli_say_written(cli *c, const char *path) {
  if (c->json) return;
  fputs("wrote ", stdout);
  put_text(stdout, path, c->term.utf8);
  fputc('\n', stdout);
}

static void show(cli *c, char *text) {
  const char *out;
  fputs(text, stdout);
  if (c->json) putchar('\n');
  loci_text_free(text);
  for (int i = 0; (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++) cli_say_written(c, out);
}

int cli_show_result(cli *c, const loci_result *r, const loci_draw_opts *how) {
  loci_draw_opts usual = cli_draw_opts(c);
  const char *out;
  char *text = NULL;
  if (!how) how = &usual;
  for (int i = 0; (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (!cli_ends_with(out, ".jsonl") && loci_write(r, out, how, &c->err)) return cli_failed(c);
  if (c->json ? loci_json(r, &text, &c->err) : loci_draw(r, how, &text, &c->err))
    return cli_failed(c);
  if (c->host) {
    c->host->take(c->host->ctx, text);
    return EXIT_DONE;
  }
  show(c, text);
  return EXIT_DONE;
}

loci_draw_opts cli_draw_opts(const cli *c) {
  loci_draw_opts o = c->look;
  o.size = sizeof o;
  o.color = c->term.color;
  o.columns = c->term.columns;
  o.ascii = !c->term.utf8;
  o.unwrapped = c->term.wrap > c->term.columns;
  return o;
}

bool cli_no_hash(const cli *c) { return !c->json && !args_has(&c->args, OPT_OUT); }

int cli_finish(cli *c, int code) {
  bool bad = ferror(stdout) != 0;
  errno = 0;
  if (fflush(stdout) != 0) bad = true;
  int why = errno;
  terminal_progress_end(&c->term);
  /* whoever reads has seen enough; an earlier write may have been the one that failed */
  struct pollfd reader = {STDOUT_FILENO, POLLOUT, 0};
  bool gone = why == EPIPE || (poll(&reader, 1, 0) == 1 && reader.revents & POLLERR);
  if (!bad || gone) return code;
  fprintf(stderr, "loci: standard output: %s\n", why ? strerror(why) : "could not be written");
  return code ? code : EXIT_FAILED;
}
