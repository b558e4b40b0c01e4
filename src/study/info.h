/* loci_info_new without the hash, which reads all weights. */
#ifndef LOCI_STUDY_INFO_H
#define LOCI_STUDY_INFO_H

#include "base/status.h"

/* [no_hash]: the hash is the one that is known already, or "". */
loci_status info_new(const loci_model *model, bool no_hash, const watch *w, loci_info **out,
                     loci_err *err);

#endif
