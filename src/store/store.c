/* Opening a store (see store.h): its version, its one writer, its journal.
 *
 * WAL: readers see the last whole transaction and never wait for the writer.  synchronous=FULL: a
 * committed example survives a power cut, at the price of one fsync an example. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/schema.h"

/* ---------------------------------------------------------------- the writers' lock */

/* Locks the file and sees that it is still the one of that name: the last writer takes its lock
 * file away. */
static bool lock_file(const char *path, int *out) {
  for (;;) {
    struct stat held, named;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      int why = errno;
      close(fd);
      errno = why;
      return false;
    }
    if (fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino) {
      *out = fd;
      return true;
    }
    close(fd);
  }
}

/* Beside the file itself, not beside a link to it. */
static loci_status name_lock(loci_store *s, const char *path, loci_err *err) {
  char *real = realpath(path, NULL); /* NULL: it is still to be made */
  const char *base = real ? real : path;
  size_t n = strlen(base) + sizeof "-writer";
  s->lock_path = malloc(n);
  if (s->lock_path) snprintf(s->lock_path, n, "%s-writer", base);
  free(real);
  return s->lock_path ? LOCI_OK : fail_nomem(err, "opening a store");
}

static loci_status lock_store(loci_store *s, const char *path, loci_err *err) {
  TRY(name_lock(s, path, err));
  if (lock_file(s->lock_path, &s->lock)) return LOCI_OK;
  int why = errno;
  loci_status st = why == EWOULDBLOCK
                       ? fail(err, LOCI_EIO, "%s: another loci is writing to this store", path)
                       : fail(err, LOCI_EIO, "%s: %s", s->lock_path, strerror(why));
  free(s->lock_path);
  s->lock_path = NULL;
  return st;
}

/* ---------------------------------------------------------------- open and close */

static loci_status create_tables(db *d, loci_err *err) {
  char sql[96];
  TRY(db_exec(d, "BEGIN IMMEDIATE", err));
  TRY(db_exec(d, store_schema, err));
  snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
           STORE_APPLICATION, STORE_VERSION);
  return db_exec(d, sql, err);
}

/* An empty database gets its tables; any other must be a store. */
static loci_status check_tables(db *d, bool writes, loci_err *err) {
  int64_t application, version, tables;
  TRY(db_number(d, "PRAGMA application_id", &application, err));
  TRY(db_number(d, "PRAGMA user_version", &version, err));
  TRY(db_number(d, "SELECT count(*) FROM sqlite_master", &tables, err));
  if (writes && tables == 0) return create_tables(d, err);
  if (application != STORE_APPLICATION)
    return fail(err, LOCI_EFORMAT, "%s: is an SQLite file, but no store of loci", db_path(d));
  if (version == STORE_VERSION) return LOCI_OK;
  return fail(err, LOCI_EUNSUPPORTED, "%s: a store of version %" PRId64 ", this program knows %d",
              db_path(d), version, STORE_VERSION);
}

static loci_status open_store(loci_store *s, const char *path, bool writes, loci_err *err) {
  if (path && (!*path || strcmp(path, ":memory:") == 0))
    return fail(err, LOCI_EINVAL, "\"%s\": a store is a file", path); /* SQLite means others */
  if (path && strncmp(path, "file:", 5) == 0) /* SQLite would take it for an address */
    return fail(err, LOCI_EINVAL, "\"%s\": write ./%s for a file of this name", path, path);
  if (writes && path) TRY(lock_store(s, path, err));
  s->writes = writes;
  TRY(db_open(path ? path : ":memory:", writes ? DB_CREATE : DB_READ, &s->d, err));
  TRY(check_tables(s->d, writes, err)); /* first: the journal's kind is written into the file */
  if (!writes) return LOCI_OK;
  return db_exec(s->d, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", err);
}

loci_status loci_store_open(const char *path, bool writes, loci_store **out, loci_err *err) {
  *out = NULL;
  loci_store *s = calloc(1, sizeof *s);
  if (!s) return fail_nomem(err, "opening a store");
  loci_status st = LOCI_OK;
  if (!path) writes = true;
  if (!writes && access(path, F_OK) != 0) {
    st = fail(err, LOCI_EIO, "%s: %s", path, strerror(errno));
    goto done;
  }
  TRY_DONE(open_store(s, path, writes, err));
  *out = s;
  s = NULL;
done:
  loci_store_close(s);
  return st;
}

void loci_store_close(loci_store *s) {
  if (!s) return;
  db_close(s->d);
  if (s->lock_path) {
    unlink(s->lock_path);
    close(s->lock);
  }
  free(s->lock_path);
  free(s);
}

/* ---------------------------------------------------------------- reading */

static loci_status check_run(loci_store *s, int64_t run, loci_err *err) {
  db_query *q;
  bool row = true;
  TRY(db_prepare(s->d, "SELECT 1 FROM run WHERE run = ?1 OR ?1 = 0", &q, err));
  db_bind_int(q, 1, run);
  loci_status st = db_step(q, &row, err);
  db_finish(q);
  if (st || row) return st;
  if (!run) return fail(err, LOCI_EINVAL, "%s: there is no run in it", db_path(s->d));
  return fail(err, LOCI_EINVAL, "%s: there is no run %" PRId64 " in it", db_path(s->d), run);
}

loci_status store_begin_reading(loci_store *s, int64_t run, loci_err *err) {
  TRY(db_exec(s->d, "BEGIN", err));
  loci_status st = check_run(s, run, err);
  return st ? store_end_reading(s, st, err) : LOCI_OK;
}

loci_status store_end_reading(loci_store *s, loci_status st, loci_err *err) {
  loci_status end = db_exec(s->d, "COMMIT", st ? NULL : err);
  return st ? st : end;
}
