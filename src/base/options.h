/* How a call takes its options: the one place that knows structs of other sizes.
 *
 * A struct of options begins with its size, as the program that fills it was compiled.  The copy
 * taken here has this library's size, and what the program did not know is 0, the default.  A
 * struct that is longer comes from a program for a later library: what is set there and unknown
 * here is refused, since leaving it out would give other numbers than those asked for. */
#ifndef LOCI_BASE_OPTIONS_H
#define LOCI_BASE_OPTIONS_H

#include "base/status.h"

/* [given] into *own; NULL: all defaults.  *own has its size set. */
#define options_take(type, own, given, err)                                                        \
  options_copy((1 ? (own) : (type *)0), sizeof(type), (1 ? (given) : (const type *)0), #type, err)
loci_status options_copy(void *own, size_t size, const void *given, const char *type,
                         loci_err *err);

#endif
