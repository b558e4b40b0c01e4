/* What those who browse a store may ask for besides its examples (see loci_store_browse). */
#ifndef LOCI_STORE_ASKED_H
#define LOCI_STORE_ASKED_H

#include "base/json.h"
#include "store/store.h"

/* One SELECT of somebody's: "columns", "rows", "more" into the object *to (select.c). */
loci_status store_select(loci_store *s, const char *sql, js_value **to, loci_err *err);

/* "scores" of a run's single numbers into *to (auroc.c). */
loci_status store_auroc(loci_store *s, int64_t run, const watch *w, js_value **to, loci_err *err);

#endif
