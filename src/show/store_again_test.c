/* The command that measures a run again means the same paths to a shell, whatever is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show/study_parts.h"

#include <cmocka.h>

/* The words that a shell makes of the command, with a 1 byte behind each. */
static void words_of(const char *command, char *out, size_t size) {
  char name[] = "/tmp/loci-again-XXXXXX", run[80];
  int fd = mkstemp(name);
  FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
  assert_non_null(f);
  fprintf(f, "loci() { printf '%%s\\001' \"$@\"; }\n%s\n", command);
  assert_int_equal(fclose(f), 0);
  snprintf(run, sizeof run, "sh %s", name);
  FILE *shell = popen(run, "r"); /* NOLINT(cert-env33-c): how a shell reads it is what is asked */
  assert_non_null(shell);
  size_t n = fread(out, 1, size - 1, shell);
  out[n] = 0;
  assert_int_equal(pclose(shell), 0);
  remove(name);
}

static void any_path_survives_a_shell(void **state) {
  static const char *const paths[] = {
      "plain.jsonl", "two words", "it's",      "'",        "''",    "$HOME/`id`/$(id)",
      "a\"b\\c",     "-m",        "--limit=1", "~",        "*",     "a;b&c|d>e<f",
      "#x",          "!x",        "new\nline", "\xC3\xA9", "{a,b}", "[ab]",
      "\t",          "a=b"};
  (void)state;
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    loci_run_info r = {.settings = "{\"what\":\"trace\",\"corrupt\":\"replace:it's $x\"}"};
    char words[600], want[600];
    const char *front = paths[i][0] == '-' ? "./" : "";
    bytes b = {0};
    loci_err err;
    r.data = r.model.path = paths[i];
    if (store_again(&r, &b, &err)) fail_msg("%s", err.msg);
    assert_false(b.failed);
    char *command = strndup(b.data, b.size);
    assert_non_null(command);
    words_of(command, words, sizeof words);
    snprintf(
        want, sizeof want,
        "study\1run\1%s%s\1-m\1%s%s\1--store\1NEW.db\1--what\1trace\1--corrupt\1replace:it's $x\1",
        front, paths[i], front, paths[i]);
    assert_string_equal(words, want);
    free(command);
    bytes_clear(&b);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(any_path_survives_a_shell)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
