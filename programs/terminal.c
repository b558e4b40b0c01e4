/* The terminal (see terminal.h).  The user's locale is asked for its character set only: the
 * program itself stays in the C locale, or in C.UTF-8 for the widths of characters, so that a
 * Turkish locale cannot change what a name means. */
#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "text_out.h"
#include "values.h"

static volatile sig_atomic_t caught;

static void on_signal(int number) { caught = number; }

/* Several threads may come here at once: the first one says it and ends all of them. */
static void end_with(const char *text) {
  static atomic_flag said = ATOMIC_FLAG_INIT;
  while (atomic_flag_test_and_set(&said)) pause();
  if (write(STDERR_FILENO, text, strlen(text)) < 0) _exit(1);
  _exit(1);
}

/* A page of a mapped file that is not there any more: it was cut short, or its disk is gone. */
static void on_lost_page(int number) {
  (void)number;
  end_with("loci: a file that is open (a checkpoint?) was cut short, or cannot be read any more\n");
}

/* Some libraries end the program where memory runs out. */
static void on_abort(int number) {
  (void)number;
  end_with("loci: a library that loci uses gave up; the usual reason is too little memory\n");
}

void terminal_catch_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = (int)SA_RESETHAND; /* a second Ctrl-C ends the program at once */
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  if (signal(SIGHUP, SIG_IGN) != SIG_IGN) sigaction(SIGHUP, &action, NULL); /* but under nohup */
  action.sa_flags = 0; /* these come in several threads at once, and each must find the handler */
  action.sa_handler = on_lost_page;
  sigaction(SIGBUS, &action, NULL);
  action.sa_handler = on_abort;
  sigaction(SIGABRT, &action, NULL);
  action.sa_handler = SIG_IGN; /* a closed pipe is an error of write(), with a sentence */
  sigaction(SIGPIPE, &action, NULL);
  sigaction(SIGXFSZ, &action, NULL); /* and so is a file that may not grow */
}

int terminal_signal(void) { return caught; }

static const char *env(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static bool is_utf8_name(const char *s) {
  for (; s && *s; s++)
    if (strncasecmp(s, "utf-8", 5) == 0 || strncasecmp(s, "utf8", 4) == 0) return true;
  return false;
}

/* A locale that is named but not installed still says what the terminal shows. */
static bool wants_utf8(void) {
  locale_t user = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
  if (user) {
    bool yes = is_utf8_name(nl_langinfo_l(CODESET, user));
    freelocale(user);
    return yes;
  }
  const char *name = env("LC_ALL");
  if (!name) name = env("LC_CTYPE");
  if (!name) name = env("LANG");
  return is_utf8_name(name);
}

static loci_color color_of_terminal(color_when when) {
  const char *depth = env("COLORTERM"), *name = env("TERM");
  bool forced = when == COLOR_ALWAYS;
  if (when == COLOR_NEVER) return LOCI_COLOR_NONE;
  if (!forced && (env("NO_COLOR") || !isatty(STDOUT_FILENO))) return LOCI_COLOR_NONE;
  if (depth && (strcmp(depth, "truecolor") == 0 || strcmp(depth, "24bit") == 0))
    return LOCI_COLOR_TRUE;
  return forced || (name && strstr(name, "256color")) ? LOCI_COLOR_256 : LOCI_COLOR_NONE;
}

static int columns_of_terminal(void) {
  struct winsize size;
  int columns;
  if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  if (env("COLUMNS") && value_int(env("COLUMNS"), 1, 10000, &columns)) return columns;
  return 80;
}

void terminal_init(terminal *t, color_when when, bool no_progress) {
  const char *name = env("TERM");
  memset(t, 0, sizeof *t);
  t->utf8 = wants_utf8() && setlocale(LC_CTYPE, "C.UTF-8") != NULL;
  t->color = color_of_terminal(when);
  t->columns = columns_of_terminal();
  if (t->columns < 20) t->columns = 20;
  t->is_terminal = isatty(STDOUT_FILENO) != 0;
  t->wrap = t->is_terminal || env("COLUMNS") ? t->columns : 1 << 20;
  t->progress = !no_progress && isatty(STDERR_FILENO) && name && strcmp(name, "dumb") != 0;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* "walk 42 %, 1:05 left", ten times a second at most. */
static void draw(terminal *t, const char *stage, double done, double total) {
  double time = now();
  if (strncmp(stage, t->stage, sizeof t->stage - 1) != 0) {
    snprintf(t->stage, sizeof t->stage, "%s", stage);
    t->started = time;
    t->drawn = 0;
  }
  if (time - t->drawn < 0.1) return;
  t->drawn = time;
  double share = total > 0 ? done / total : 0, spent = time - t->started;
  fputs("\r\033[K", stderr);
  if (t->found[0]) {
    put_text(stderr, t->found, t->utf8);
    fputs("  ", stderr);
  }
  put_text(stderr, t->stage, t->utf8);
  fprintf(stderr, " %.0f %%", 100 * (share > 1 ? 1 : share));
  if (share > 0.01 && share < 1 && spent > 2) {
    double left = spent / share * (1 - share);
    if (left < 3.6e6) fprintf(stderr, ", %d:%02d left", (int)left / 60, (int)left % 60);
  }
  fflush(stderr);
}

bool terminal_progress(void *ctx, const char *stage, double done, double total) {
  terminal *t = ctx;
  if (t->host) return t->host(t->host_ctx, stage, done, total);
  if (t->progress) draw(t, stage, done, total);
  return caught == 0;
}

void terminal_line(terminal *t, const char *text) {
  double time = now();
  if (!t->progress || time - t->drawn < 0.1) return;
  t->drawn = time;
  snprintf(t->stage, sizeof t->stage, "line"); /* something is drawn */
  fputs("\r\033[K", stderr);
  put_cell(stderr, text, t->columns - 1, t->utf8);
  fflush(stderr);
}

void terminal_progress_end(terminal *t) {
  if (t->progress && t->stage[0]) fputs("\r\033[K", stderr);
  t->stage[0] = t->found[0] = 0;
}
