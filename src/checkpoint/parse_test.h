/* What tests of config.json share: parsing a text into an arena of the test. */
#ifndef LOCI_CHECKPOINT_PARSE_TEST_H
#define LOCI_CHECKPOINT_PARSE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "checkpoint/config.h"

#include <cmocka.h> /* last: its fail() is a macro */

/* Parses config and, if not NULL, generation; strings stay valid until the test's arena goes. */
static inline loci_status parse(arena *a, const char *config, const char *generation,
                                const char *dir, model_config *m, loci_err *err) {
  js_value *c = NULL, *g = NULL;
  assert_int_equal(js_parse(config, strlen(config), "text", &c, err), LOCI_OK);
  if (generation) {
    assert_int_equal(js_parse(generation, strlen(generation), "text", &g, err), LOCI_OK);
  }
  loci_status st = config_parse(c, g, dir, "config.json", a, m, err);
  js_free(c);
  js_free(g);
  return st;
}

static inline void expect(arena *a, const char *config, model_config *m) {
  loci_err err = {0};
  if (parse(a, config, NULL, NULL, m, &err)) fail_msg("%s: %s", config, err.msg);
}

static inline int make_arena(void **state) { return (*state = arena_new()) ? 0 : -1; }
static inline int drop_arena(void **state) {
  arena_free(*state);
  return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_arena, drop_arena)

#endif
