/* The nearest right word for a mistyped one. */
#ifndef LOCI_PROGRAMS_DID_YOU_MEAN_H
#define LOCI_PROGRAMS_DID_YOU_MEAN_H

/* One of words[0..n), or NULL when none is near. */
const char *did_you_mean(const char *typed, const char *const *words, int n);

#endif
