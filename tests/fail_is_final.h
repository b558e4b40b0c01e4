/* Put before every test by the build (-include).  cmocka's fail() does not return, and does not say
 * so; compilers and the analyzer then warn of values that a failed test would have left unset. */
#ifndef LOCI_TESTS_FAIL_IS_FINAL_H
#define LOCI_TESTS_FAIL_IS_FINAL_H

/* NOLINTNEXTLINE(bugprone-reserved-identifier): cmocka's name */
void _fail(const char *file, int line) __attribute__((noreturn));

#endif
