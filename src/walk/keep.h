/* The clean run of a prompt, kept (loci_prompt_keep): what it computed before the positions that a
 * measurement looks at is not computed again.
 *
 * Kept are its keys and values.  A run that begins after them has every number of one that begins
 * at position 0, bit for bit: rows of a product, of a norm and of attention do not depend on the
 * others beside them, and walk_beside sees to it that few rows are multiplied as many are.  It
 * begins before rows that see one another, or after them: of a prompt whose rows all do nothing is
 * used. */
#ifndef LOCI_WALK_KEEP_H
#define LOCI_WALK_KEEP_H

#include "model/prompt.h"
#include "walk/walk.h"

typedef struct kept_run kept_run;
/* A run that one measurement keeps for itself, beside what the prompt may keep: empty, until the
 * first keep_root that is given it has run. */
loci_status keep_new(const loci_prompt *p, kept_run **out, loci_err *err);
void keep_free(kept_run *k);
/* Whether what the prompt keeps is used: where it is not, all is measured as of a fresh prompt. */
bool keep_is_used(const loci_prompt *p);
/* Bytes of such a one. */
int64_t keep_bytes(const loci_prompt *p);
/* Whether [p] could keep a run in [bytes], and would use it. */
bool keep_fits(const loci_prompt *p, int64_t bytes);
/* The clean run as a stream of [w], over input rows that begin with the prompt's: for
 * measurements that look at no position before [first].  A root, or after what is kept, in [own]
 * (NULL: none) before the prompt.  *from: the first position it computes. */
loci_status keep_root(walk *w, const loci_prompt *p, kept_run *own, input rows, int first, int *out,
                      int *from, loci_err *err);
/* Fills an empty cache with what is kept of the first [first] positions at most, by the walk that
 * reads it; how many. */
int keep_copy(const walk *w, const loci_prompt *p, int first, kv_cache *to);
/* Keeps so many positions of a cache, of as many or more: what is run next continues there. */
void kv_cache_cut(kv_cache *c, int length);
/* Says that a layer has that many rows more than the streams do, in a cache: so few rows are
 * multiplied as many are, and round as these do (keep.h). */
void walk_beside(walk *w, int rows);
/* Says that so many rows of every layer and of the head stand in other walks: runs that are spread
 * over several walks round as those of one. */
void walk_apart(walk *w, int64_t rows);

#endif
