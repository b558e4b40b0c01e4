/* loci, continued: the names that users type.  Part of loci.h, whose rules hold here. */
#ifndef LOCI_NAMES_H
#define LOCI_NAMES_H

#ifndef LOCI_H
#error "include loci.h, which includes this"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- 19. names */

/* The lists of names that calls take as text, or number by an enum in the list's order. */
typedef enum loci_names {
  LOCI_NAMES_SITE,
  LOCI_NAMES_GROUP, /* of positions: "constraint-last" */
  LOCI_NAMES_ROLE,
  LOCI_NAMES_CORRUPTION, /* "noise", as in "noise:3" */
  LOCI_NAMES_METRIC,
  LOCI_NAMES_DIRECTION,
  LOCI_NAMES_METHOD, /* of edits */
  LOCI_NAMES_STUDY,  /* what a store's run measures */
  LOCI_NAMES_CHOICE, /* how questions with options are asked */
  LOCI_NAMES_PRECISION,
  LOCI_NAMES_TEMPLATE, /* of prompts; "auto", the model's own, is none of them */
  LOCI_NAMES_PRESET,   /* published settings of edits */
  LOCI_NAMES_LISTS
} loci_names;

/* The i-th name of a list, and what it means in one line, of a site with its axes at the end,
 * "(pos width)"; NULL after the last. */
LOCI_API const char *loci_name(loci_names list, int i);
LOCI_API const char *loci_name_meaning(loci_names list, int i);
/* The index of a name; an unknown one is LOCI_EINVAL, and the sentence names the nearest or all. */
LOCI_CHECK loci_status loci_name_find(loci_names list, const char *name, int *out, loci_err *err);
/* The one of n words that was probably meant, or NULL when none is near. */
LOCI_API const char *loci_name_near(const char *typed, const char *const *words, int n);

#ifdef __cplusplus
}
#endif
#endif
