/* Files, with everything a path can lead to. */
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/loci-file-test-XXXXXX";
static char at_buffer[4][512];

/* A path in the test's own folder; good for three more calls. */
static const char *at(const char *name) {
  static int turn;
  char *p = at_buffer[turn++ % 4];
  snprintf(p, sizeof at_buffer[0], "%s/%s", dir, name);
  return p;
}

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(dir) ? 0 : -1;
}

static int empty_folder(void **state) {
  (void)state;
  DIR *d = opendir(dir);
  for (struct dirent *e; d && (e = readdir(d)) != NULL;) remove(at(e->d_name));
  if (d) closedir(d);
  return 0;
}

static int remove_folder(void **state) {
  empty_folder(state);
  return rmdir(dir);
}

static int files_in_folder(void) {
  int n = 0;
  DIR *d = opendir(dir);
  for (struct dirent *e; d && (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
  if (d) closedir(d);
  return n;
}

static void put(const char *name, const char *text) {
  loci_err err = {LOCI_OK, ""};
  if (file_write(at(name), text, strlen(text), &err)) fail_msg("%s", err.msg);
}

static void expect_text(const char *name, const char *expected) {
  char *text;
  size_t n;
  loci_err err = {LOCI_OK, ""};
  if (file_read(at(name), 1000, &text, &n, &err)) fail_msg("%s", err.msg);
  assert_int_equal(n, strlen(expected));
  assert_string_equal(text, expected);
  free(text);
}

static void what_is_written_is_read_back(void **state) {
  (void)state;
  put("a.txt", "one");
  expect_text("a.txt", "one");
  put("a.txt", "two, longer");
  expect_text("a.txt", "two, longer");
  put("a.txt", "");
  expect_text("a.txt", "");
  assert_int_equal(files_in_folder(), 1);
}

static void a_map_shows_the_bytes_and_takes_advice(void **state) {
  (void)state;
  put("m", "0123456789");
  file_map map;
  assert_int_equal(file_map_open(at("m"), &map, NULL), LOCI_OK);
  assert_int_equal(map.size, 10);
  assert_memory_equal(map.data, "0123456789", 10);
  file_map_prefetch(&map, 2, 3);
  file_map_prefetch(&map, 0, SIZE_MAX);
  file_map_prefetch(&map, 11, 1);
  file_map_release(&map, 9, SIZE_MAX);
  assert_memory_equal(map.data, "0123456789", 10);
  file_map_close(&map);
  assert_null(map.data);
  file_map_close(&map);
}

static void an_empty_file_maps_to_nothing(void **state) {
  (void)state;
  put("empty", "");
  file_map map;
  assert_int_equal(file_map_open(at("empty"), &map, NULL), LOCI_OK);
  assert_non_null(map.data); /* a reader's first and last byte are computed from it */
  assert_int_equal(map.size, 0);
  file_map_prefetch(&map, 0, 1);
  file_map_close(&map);
}

static void expect_unreadable(const char *path, const char *why) {
  char *text = (char *)1;
  size_t n;
  file_map map;
  loci_err err = {LOCI_OK, ""};
  assert_int_equal(file_read(path, 1000, &text, &n, &err), LOCI_EIO);
  assert_null(text);
  assert_non_null(strstr(err.msg, why));
  assert_non_null(strstr(err.msg, path));
  assert_int_equal(file_map_open(path, &map, &err), LOCI_EIO);
  assert_null(map.data);
  assert_non_null(strstr(err.msg, why));
}

static void what_is_no_regular_file_is_not_read(void **state) {
  (void)state;
  assert_int_equal(mkfifo(at("fifo"), 0600), 0);
  expect_unreadable(at("fifo"), "not a regular file"); /* and does not wait for a writer */
  expect_unreadable(dir, "a directory, not a file");
  assert_int_equal(symlink("../blobs/ab12", at("link")), 0);
  expect_unreadable(at("link"), "a link to ../blobs/ab12, which is not there");
  expect_unreadable("https://loci.invalid/a.png", "an address; nothing is downloaded");
  expect_unreadable("/dev/null", "not a regular file");
  expect_unreadable(at("absent"), "No such file");
  expect_unreadable("", "No such file");
  assert_int_equal(symlink(at("loop"), at("loop")), 0);
  expect_unreadable(at("loop"), strerror(ELOOP));
}

static void a_file_above_the_limit_is_refused_with_both_sizes(void **state) {
  (void)state;
  put("big", "0123456789");
  char *text;
  size_t n;
  loci_err err = {LOCI_OK, ""};
  assert_int_equal(file_read(at("big"), 9, &text, &n, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "10 bytes, at most 9"));
  assert_null(text);
  assert_int_equal(file_read(at("big"), 10, &text, &n, &err), LOCI_OK);
  free(text);
}

static void expect_unwritable(const char *path) {
  loci_err err = {LOCI_OK, ""};
  int before = files_in_folder();
  bool full = strcmp(path, "/dev/full") == 0; /* the machine's trouble, not the file's */
  assert_int_equal(file_write(path, "x", 1, &err), full ? LOCI_ESYSTEM : LOCI_EIO);
  assert_non_null(strstr(err.msg, path));
  assert_non_null(strstr(err.msg, "cannot be written: "));
  assert_null(strstr(err.msg, "Success"));
  assert_int_equal(files_in_folder(), before);
}

static void an_unwritable_path_is_an_error_and_leaves_nothing(void **state) {
  (void)state;
  put("file", "x");
  expect_unwritable(at("absent/file"));
  expect_unwritable(at("file/below"));
  expect_unwritable(dir);
  expect_unwritable("");
  expect_unwritable("/dev/full");
  expect_unwritable("/dev/absent");
  if (geteuid() != 0) {
    assert_int_equal(chmod(dir, 0500), 0);
    expect_unwritable(at("new"));
    assert_int_equal(chmod(dir, 0700), 0);
  }
}

static void a_link_stays_a_link_and_leads_to_the_new_file(void **state) {
  (void)state;
  put("real", "old");
  assert_int_equal(symlink("real", at("link")), 0);
  put("link", "new");
  struct stat s;
  assert_int_equal(lstat(at("link"), &s), 0);
  assert_true(S_ISLNK(s.st_mode));
  expect_text("real", "new");
}

static void a_replaced_file_keeps_its_mode_and_a_new_one_obeys_the_umask(void **state) {
  (void)state;
  struct stat s;
  put("secret", "old");
  assert_int_equal(chmod(at("secret"), 0600), 0);
  put("secret", "new");
  assert_int_equal(stat(at("secret"), &s), 0);
  assert_int_equal(s.st_mode & 0777, 0600);
  mode_t mask = umask(027);
  put("fresh", "x");
  umask(mask);
  assert_int_equal(stat(at("fresh"), &s), 0);
  assert_int_equal(s.st_mode & 0777, 0640);
}

static void a_pipe_is_written_to_and_stays_a_pipe(void **state) {
  (void)state;
  assert_int_equal(mkfifo(at("pipe"), 0600), 0);
  int fd = open(at("pipe"), O_RDONLY | O_NONBLOCK);
  assert_true(fd >= 0);
  put("pipe", "through");
  char text[16] = "";
  assert_int_equal(read(fd, text, sizeof text - 1), 7);
  assert_string_equal(text, "through");
  close(fd);
  struct stat s;
  assert_int_equal(stat(at("pipe"), &s), 0);
  assert_true(S_ISFIFO(s.st_mode));
}

/* /dev/stdout leads to a regular file after "> file": the link in /dev must not be replaced. */
static void standard_output_is_written_to_where_it_goes(void **state) {
  (void)state;
  int saved = dup(STDOUT_FILENO), fd = open(at("redirected"), O_CREAT | O_WRONLY, 0600);
  assert_true(saved >= 0 && fd >= 0);
  fflush(stdout);
  assert_true(dup2(fd, STDOUT_FILENO) >= 0);
  loci_status first = file_write("/dev/stdout", "one ", 4, NULL);
  loci_status second = file_write("/dev/stdout", "two", 3, NULL);
  assert_true(dup2(saved, STDOUT_FILENO) >= 0);
  close(saved);
  close(fd);
  assert_int_equal(first, LOCI_OK);
  assert_int_equal(second, LOCI_OK);
  expect_text("redirected", "one two");
  struct stat s;
  assert_int_equal(lstat("/dev/stdout", &s), 0);
  assert_true(S_ISLNK(s.st_mode));
}

static void existence_and_kind_are_told(void **state) {
  (void)state;
  put("f", "x");
  assert_true(file_exists(at("f")));
  assert_false(file_exists(at("g")));
  assert_true(file_exists(dir));
  assert_int_equal(symlink("nowhere", at("dangling")), 0);
  assert_true(file_exists(at("dangling"))); /* a checkpoint whose file was lost, not one without */
  assert_false(file_exists(at("f/below")));
  assert_true(file_is_dir(dir));
  assert_false(file_is_dir(at("f")));
  assert_false(file_is_dir(at("g")));
}

static void paths_are_joined_split_and_matched(void **state) {
  (void)state;
  arena *a = arena_new();
  assert_string_equal(path_join(a, "dir", "name"), "dir/name");
  assert_string_equal(path_join(a, "dir/", "name"), "dir/name");
  assert_string_equal(path_join(a, "/", "name"), "/name");
  assert_string_equal(path_join(a, "", "name"), "name");
  arena_free(a);
  assert_string_equal(path_base("/a/b.c"), "b.c");
  assert_string_equal(path_base("b.c"), "b.c");
  assert_string_equal(path_base("a/"), "");
  assert_true(path_ends_with("a.JSON", ".json"));
  assert_true(path_ends_with(".json", ".json"));
  assert_false(path_ends_with("json", ".json"));
  assert_false(path_ends_with("a.json.gz", ".json"));
}

#define file_test(f) cmocka_unit_test_teardown(f, empty_folder)

static void a_file_in_pieces_stands_when_it_is_kept(void **state) {
  (void)state;
  const char *path = at("pieces");
  char *text;
  size_t n;
  out_file *o;
  for (int keep = 0; keep < 2; keep++) {
    assert_int_equal(out_file_open(path, &o, NULL), LOCI_OK);
    assert_int_equal(out_file_write(o, "one ", 4, NULL), LOCI_OK);
    assert_int_equal(out_file_write(o, "two", 3, NULL), LOCI_OK);
    assert_false(file_exists(path));
    if (keep) {
      assert_int_equal(out_file_keep(o, NULL), LOCI_OK);
    } else {
      out_file_drop(o);
    }
  }
  assert_int_equal(file_read(path, 100, &text, &n, NULL), LOCI_OK);
  assert_string_equal(text, "one two");
  free(text);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      file_test(what_is_written_is_read_back),
      file_test(a_map_shows_the_bytes_and_takes_advice),
      file_test(an_empty_file_maps_to_nothing),
      file_test(what_is_no_regular_file_is_not_read),
      file_test(a_file_above_the_limit_is_refused_with_both_sizes),
      file_test(an_unwritable_path_is_an_error_and_leaves_nothing),
      file_test(a_link_stays_a_link_and_leads_to_the_new_file),
      file_test(a_replaced_file_keeps_its_mode_and_a_new_one_obeys_the_umask),
      file_test(a_pipe_is_written_to_and_stays_a_pipe),
      file_test(standard_output_is_written_to_where_it_goes),
      file_test(a_file_in_pieces_stands_when_it_is_kept),
      file_test(existence_and_kind_are_told),
      file_test(paths_are_joined_split_and_matched),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
