/* Names that users type: one table for each list (loci_names.def, loci_sites.def), finding them,
 * and the nearest one when they are mistyped.  The public half is in loci.h. */
#ifndef LOCI_BASE_NAMES_H
#define LOCI_BASE_NAMES_H

#include <stddef.h>

#include "base/status.h"
#include "loci.h"

/* Index of the name nearest to [given] among n names, or -1 when none is near. */
int nearest_name(const char *given, const char *const *names, int n);
/* loci_name_find for given[0..n). */
loci_status name_find(loci_names list, const char *given, size_t n, int *out, loci_err *err);
/* The site that TransformerLens calls [name], or the name itself; one that would be mistaken is
 * LOCI_EINVAL. */
loci_status hook_site(const char *name, const char **site, loci_err *err);
/* For sentences: "unknown" of what is none. */
const char *site_name(loci_site site);
const char *role_name(loci_role role);

#endif
