/* Allocation calls that refuse the nth (see failing_malloc.h). */
#include "failing_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int left = -1; /* allocations until the refused one; negative: none is refused */
static int made;

static bool refused(void) {
  made++;
  if (left < 0 || left-- > 0) return false;
  left = -1;
  errno = ENOMEM;
  return true;
}

/* The linker turns each call of x into __wrap_x, and __real_x into x.  Those names belong to the
 * implementation, and
 * --wrap is part of it. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
#define WRAP(type, name, parameters, arguments)                                                    \
  type __real_##name parameters;                                                                   \
  type __wrap_##name parameters;                                                                   \
  type __wrap_##name parameters { return refused() ? NULL : __real_##name arguments; }

WRAP(void *, malloc, (size_t n), (n))
WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *p, size_t n), (p, n))
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size))
WRAP(void *, aligned_alloc, (size_t alignment, size_t n), (alignment, n))
WRAP(char *, strdup, (const char *s), (s))
WRAP(char *, strndup, (const char *s, size_t n), (s, n))

int __real_posix_memalign(void **out, size_t alignment, size_t n);
int __wrap_posix_memalign(void **out, size_t alignment, size_t n);
int __wrap_posix_memalign(void **out, size_t alignment, size_t n) {
  return refused() ? ENOMEM : __real_posix_memalign(out, alignment, n);
}

/* Files are written hundreds of times here, and none needs to outlive a power cut. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd) {
  (void)fd;
  return 0;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static void plain_free(void *p) { free(p); }

static int run(scenario_fn scenario, void *ctx) {
  for (int nth = 0;; nth++) {
    loci_err err = {.code = LOCI_OK, .msg = ""};
    made = 0;
    left = nth;
    loci_status st = scenario(ctx, &err);
    bool all_granted = left >= 0;
    left = -1;
    if (all_granted) {
      if (st != LOCI_OK) fail_msg("nothing was refused, and yet: %s", err.msg);
      return made;
    }
    if (st != LOCI_OK && st != LOCI_ENOMEM) {
      fail_msg("allocation %d refused: got \"%s\" (%s) instead of an out-of-memory status", nth + 1,
               loci_status_name(st), err.msg);
    }
    if (st != LOCI_OK && (err.code != st || err.msg[0] == 0)) {
      fail_msg("allocation %d refused: the error does not say so", nth + 1);
    }
  }
}

int failing_malloc_run(scenario_fn scenario, void *ctx) { return run(scenario, ctx); }

int failing_malloc_run_without_json(scenario_fn scenario, void *ctx) {
  json_malloc_t own_malloc;
  json_free_t own_free;
  json_get_alloc_funcs(&own_malloc, &own_free);
  json_set_alloc_funcs(__real_malloc, plain_free);
  int n = run(scenario, ctx);
  json_set_alloc_funcs(own_malloc, own_free);
  return n;
}
