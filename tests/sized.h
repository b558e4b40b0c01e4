/* Options in tests, with the size that a program sets: SIZED(loci_edit_settings, .steps = 3). */
#ifndef LOCI_TESTS_SIZED_H
#define LOCI_TESTS_SIZED_H

#define SIZED(type, ...)                                                                           \
  &(type) { .size = sizeof(type), __VA_ARGS__ }

#endif
