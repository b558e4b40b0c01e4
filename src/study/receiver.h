/* The receiver of a path: what alone sees the values that a trace restores.  Private to src/study.
 */
#ifndef LOCI_STUDY_RECEIVER_H
#define LOCI_STUDY_RECEIVER_H

#include "model/model.h"

/* "5.3.q": an input of head 3 of layer 5; "logits". */
typedef struct receiver {
  loci_site site;  /* Q, K, V; LOGITS */
  int layer, head; /* head: of the site, which of k and v is the group's; -1: logits */
} receiver;
/* [c] NULL: no model is known yet, and any layer and head will do. */
loci_status receiver_read(const char *text, const decoder_config *c, receiver *out, loci_err *err);

#endif
