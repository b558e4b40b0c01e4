/* Blocks as a part of a page for a browser: texts, tables, figures as SVG within it, folds. Nothing
 * but what is said here becomes markup. */
#ifndef LOCI_SHOW_HTML_H
#define LOCI_SHOW_HTML_H

#include "show/bytes.h"
#include "show/view.h"

/* Appends to *out and remembers a failed allocation there. */
loci_status html_blocks(const views *v, bytes *out, loci_err *err);

#endif
