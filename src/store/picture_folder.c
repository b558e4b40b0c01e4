/* Whose fault a missing picture is: its example's, or the machine's, whose disk is gone. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "store/store.h"

/* A picture that an example before this one was measured with, of the same folder; NULL: none. */
static loci_status find_neighbour(const loci_store *store, const char *image, char **out,
                                  loci_err *err) {
  db_query *q;
  bool row;
  *out = NULL;
  TRY(db_prepare(store->d,
                 "SELECT image FROM result JOIN example USING (example) WHERE dropped IS NULL"
                 " AND substr(image, 1, length(?1)) = ?1 LIMIT 1",
                 &q, err));
  db_bind_text_n(q, 1, image, (size_t)(path_base(image) - image));
  loci_status st = db_step(q, &row, err);
  if (!st && row && !(*out = strdup(db_text(q, 0)))) st = fail_nomem(err, "going through examples");
  db_finish(q);
  return st;
}

loci_status store_check_folder(const loci_store *store, const loci_example *e, loci_err *err) {
  char *other;
  if (!e || !e->image || file_exists(e->image)) return LOCI_OK;
  TRY(find_neighbour(store, e->image, &other, err));
  loci_status st = LOCI_OK;
  if (other && !file_exists(other))
    st = fail(err, LOCI_ESYSTEM, "%s: is not there, and %s neither, which was: is a disk missing?",
              e->image, path_base(other));
  free(other);
  return st;
}
