/* Saving an edited checkpoint, and taking the edit back, can be stopped soon, however large the
 * files are.  No clock is asked:
 * between two looks at its watch, so many bytes at most are hashed, rounded, written or waited for.
 * The calls that write and wait are this program's own, and count. */
#include "checkpoint/save.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tree.h"

#include <cmocka.h>

enum { PIECE = 17 << 20, HASHED = 8 << 20, ROUNDED = 1 << 18, INODES = 64 };

static char folder[] = "/dev/shm/loci-save-stop-XXXXXX";
static char source[80], target[80];

/* What happened since the last look. */
static int64_t written, waited, most_written, most_waited;
static int looks, stop_at, late; /* late: bytes written after the stop */
static double last_done;
static char last_stage[20];
static double most_hashed, most_rounded;

/* How much of each file is on the disk. */
static struct settled {
  ino_t inode;
  int64_t bytes;
} settled[INODES];
static int settled_count;

static void count_written(int64_t n) {
  written += n;
  if (written > most_written) most_written = written;
  if (stop_at && looks >= stop_at) late += n > 4096;
}

static void count_waited(int fd) {
  struct stat s;
  int i = 0;
  if (fstat(fd, &s) != 0) return;
  while (i < settled_count && settled[i].inode != s.st_ino) i++;
  if (i == settled_count && i < INODES - 1)
    settled[settled_count++] = (struct settled){.inode = s.st_ino};
  waited += s.st_size - settled[i].bytes;
  settled[i].bytes = s.st_size;
  if (waited > most_waited) most_waited = waited;
}

ssize_t write(int fd, const void *data, size_t n) {
  count_written((int64_t)n);
  return syscall(SYS_write, fd, data, n);
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
  count_written((int64_t)n);
  return syscall(SYS_pwrite64, fd, data, n, at);
}
int fsync(int fd) {
  count_waited(fd);
  return 0;
}
int fdatasync(int fd) { return fsync(fd); }

static bool look(void *ctx, const char *stage, double done, double total) {
  (void)ctx, (void)total;
  double more = strcmp(stage, last_stage) == 0 ? done - last_done : done;
  if (strcmp(stage, "hash") == 0 && more > most_hashed) most_hashed = more;
  if (strcmp(stage, "round") == 0 && more > most_rounded) most_rounded = more;
  snprintf(last_stage, sizeof last_stage, "%s", stage);
  last_done = done;
  written = waited = 0;
  return ++looks != stop_at;
}

static int make_source(void **state) {
  char command[300];
  (void)state;
  if (!mkdtemp(folder)) return -1;
  snprintf(source, sizeof source, "%s/source", folder);
  snprintf(target, sizeof target, "%s/edited", folder);
  snprintf(command, sizeof command,
           "%s tiny %s --dtype f32 --layers 1 --width 512 --inner 12288 >/dev/null",
           MAKE_CHECKPOINT, source);
  return system(command);
}

static int remove_source(void **state) {
  (void)state;
  tree_remove(folder);
  return 0;
}

static loci_status save(const checkpoint *c, int stop, loci_err *err) {
  const weight *w = &c->layers[0].down.w;
  float *values = calloc((size_t)(w->rows * w->cols), sizeof *values);
  new_values change = {.w = w, .values = values};
  watch follow = {look, NULL};
  saved_files files = {.mem = arena_new()};
  assert_non_null(files.mem);
  assert_non_null(values);
  assert_true(w->rows * w->cols * 4 > PIECE); /* else this tests nothing */
  looks = late = 0;
  stop_at = stop;
  settled_count = 0;
  loci_status st = checkpoint_save(c, target, &change, 1, "[]", &follow, &files, err);
  arena_free(files.mem);
  free(values);
  return st;
}

static checkpoint *open_source(void) {
  checkpoint *c;
  loci_err err;
  if (checkpoint_open(source, &c, &err)) fail_msg("%s", err.msg);
  return c;
}

/* No result, and no temporary beside it. */
static void assert_only_the_source(void) {
  char *name = strrchr(source, '/') + 1;
  DIR *d = opendir(folder);
  assert_non_null(d);
  for (const struct dirent *e; (e = readdir(d)) != NULL;)
    if (e->d_name[0] != '.') assert_string_equal(e->d_name, name);
  closedir(d);
}

static void little_happens_between_two_looks(void **state) {
  checkpoint *c = open_source();
  loci_err err;
  (void)state;
  if (save(c, 0, &err)) fail_msg("%s", err.msg);
  assert_in_range(most_hashed, 1, HASHED);
  assert_in_range(most_rounded, 1, ROUNDED);
  assert_in_range(most_written, 1, PIECE);
  assert_in_range(most_waited, 1, PIECE);
  tree_remove(target);
  checkpoint_close(c);
}

static void after_a_stop_nothing_is_written_and_nothing_left(void **state) {
  checkpoint *c = open_source();
  loci_err err;
  (void)state;
  if (save(c, 0, &err)) fail_msg("%s", err.msg);
  tree_remove(target);
  checkpoint_close(c);
  int all = looks;
  for (int i = 0; i < 12; i++) {
    c = open_source(); /* a checkpoint remembers its hash */
    int at = i == 11 ? all : 1 + all * i / 11;
    assert_int_equal(save(c, at, &err), LOCI_ECANCELLED);
    assert_int_equal(looks, at);
    assert_int_equal(late, 0);
    checkpoint_close(c);
    assert_only_the_source();
  }
}

static loci_status undo(int stop, loci_err *err) {
  watch follow = {look, NULL};
  looks = late = 0;
  stop_at = stop;
  settled_count = 0;
  return checkpoint_undo(target, &follow, err);
}

static void assert_no_temporary(void) {
  DIR *d = opendir(target);
  assert_non_null(d);
  for (const struct dirent *e; (e = readdir(d)) != NULL;) assert_null(strstr(e->d_name, TEMPORARY));
  closedir(d);
}

/* A stop leaves each file whole, and the next run finishes: the hash is the source's then. */
static void taking_an_edit_back_is_stopped_as_soon(void **state) {
  loci_err err;
  (void)state;
  int all = 0;
  for (int i = 0; i < 8; i++) {
    checkpoint *c = open_source();
    if (save(c, 0, &err)) fail_msg("%s", err.msg);
    checkpoint_close(c);
    most_hashed = 0;
    most_written = most_waited = 0;
    int at = i == 7 ? all : 1 + all * i / 7;
    if (i > 0) {
      assert_int_equal(undo(at, &err), LOCI_ECANCELLED);
      assert_int_equal(looks, at);
      assert_int_equal(late, 0);
      assert_no_temporary();
    }
    if (undo(0, &err)) fail_msg("%s", err.msg);
    if (i == 0) all = looks;
    assert_in_range(most_hashed, 1, HASHED);
    assert_in_range(most_written, 1, PIECE);
    assert_in_range(most_waited, 1, PIECE);
    assert_int_equal(undo(0, &err), LOCI_EINVAL); /* it is done */
    tree_remove(target);
  }
  assert_true(all > 20);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(little_happens_between_two_looks),
      cmocka_unit_test(after_a_stop_nothing_is_written_and_nothing_left),
      cmocka_unit_test(taking_an_edit_back_is_stopped_as_soon),
  };
  return cmocka_run_group_tests(tests, make_source, remove_source);
}
