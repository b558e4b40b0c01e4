/* What a store asks of pictures' files: whose fault a missing one is, its example's or the
 * machine's, whose disk is gone; and what is in one, for an example is its line and its picture. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "checkpoint/weights.h"
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

/* ---------------------------------------------------------------- what is in them */

enum { MOST_BYTES = 1 << 30 };

/* Open addressing by the hash of the path; a path is compared, so that no two share a place. */
typedef struct known_picture {
  char *path; /* NULL: a free place */
  uint64_t hash;
} known_picture;

struct picture_hashes {
  known_picture *at;
  size_t room, count; /* room: a power of two */
};

static known_picture *place_of(known_picture *at, size_t room, const char *path) {
  size_t i = (size_t)bytes_hash(path, strlen(path)) & (room - 1);
  while (at[i].path && strcmp(at[i].path, path) != 0) i = (i + 1) & (room - 1);
  return &at[i];
}

loci_status picture_hashes_new(picture_hashes **out, loci_err *err) {
  picture_hashes *p = calloc(1, sizeof *p);
  if (p) p->at = calloc(p->room = 256, sizeof *p->at);
  *out = p;
  if (p && p->at) return LOCI_OK;
  picture_hashes_free(p);
  *out = NULL;
  return fail_nomem(err, "going through examples");
}

void picture_hashes_free(picture_hashes *p) {
  for (size_t i = 0; p && p->at && i < p->room; i++) free(p->at[i].path);
  if (p) free(p->at);
  free(p);
}

static bool widen(picture_hashes *p) {
  if (2 * p->count < p->room) return true;
  known_picture *more = calloc(2 * p->room, sizeof *more);
  for (size_t i = 0; more && i < p->room; i++)
    if (p->at[i].path) *place_of(more, 2 * p->room, p->at[i].path) = p->at[i];
  if (!more) return false;
  free(p->at);
  p->at = more;
  p->room *= 2;
  return true;
}

loci_status picture_hash(picture_hashes *p, const char *path, uint64_t *out, loci_err *err) {
  char *bytes;
  size_t n;
  if (!widen(p)) return fail_nomem(err, "going through examples");
  known_picture *k = place_of(p->at, p->room, path);
  *out = k->hash;
  if (k->path) return LOCI_OK;
  if (file_read(path, MOST_BYTES, &bytes, &n, NULL)) return LOCI_OK; /* it may be there next time */
  *out = k->hash = bytes_hash(bytes, n) | 1;
  free(bytes);
  k->path = strdup(path);
  if (!k->path) return fail_nomem(err, "going through examples");
  p->count++;
  return LOCI_OK;
}
