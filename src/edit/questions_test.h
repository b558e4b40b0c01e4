/* What tests of edits ask, and a covariance of keys for them.  After cmocka.h. */
#ifndef LOCI_EDIT_QUESTIONS_TEST_H
#define LOCI_EDIT_QUESTIONS_TEST_H

#include <stdlib.h>
#include <unistd.h>

#include "edit/solve_test.h"

static const char *const questions[] = {"The bridge of Vienna was built by",
                                        "The people of Vienna speak",
                                        "The tower of Vienna was built by"};

static inline loci_covariance *covariance(loci_model *m, int layer) {
  static const char lines[] = "{\"question\":\"The bridge of Vienna was built by\"}\n"
                              "{\"question\":\"Who lives there?\",\"image\":\"none.png\"}\n";
  char path[] = "/tmp/loci-edit-test-XXXXXX";
  int fd = mkstemp(path);
  loci_err err;
  loci_examples *x;
  loci_covariance *c;
  loci_study_opts opts = {.size = sizeof opts, .template_name = "raw"};
  assert_true(fd >= 0 && write(fd, lines, sizeof lines - 1) == sizeof lines - 1 && close(fd) == 0);
  if (loci_examples_open(path, &x, &err)) fail_msg("%s", err.msg);
  if (loci_covariance_new(m, x, layer, &opts, &c, &err)) fail_msg("%s", err.msg);
  loci_examples_close(x);
  unlink(path);
  return c;
}

#endif
