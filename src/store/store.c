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
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) return false;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      int why = errno;
      close(fd);
      errno = why;
      return false;
    }
    if (fstat(fd, &held) == 0 && lstat(path, &named) == 0 && held.st_ino == named.st_ino &&
        held.st_dev == named.st_dev) {
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
                       ? fail(err, LOCI_ESYSTEM, "%s: another loci is writing to this store", path)
                   : why == ENOENT
                       ? fail(err, LOCI_EIO, "%s: there is no directory to make it in", path)
                       : fail_errno(err, why, "%s", s->lock_path);
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

/* One of the schema's tables and views, and the text that SQLite keeps of it. */
typedef struct object {
  char name[16];
  const char *kind, *sql;
  size_t n;
  bool there;
} object;
enum { OBJECTS = 16 }; /* places; the schema has eight */

static int read_schema(object out[OBJECTS]) {
  int n = 0;
  for (const char *at = store_schema, *end; n < OBJECTS && (end = strstr(at, ";\n"));
       at = end + 2, n++) {
    out[n] = (object){.sql = at, .n = (size_t)(end - at)};
    out[n].kind = strncmp(at, "CREATE VIEW", 11) == 0 ? "view" : "table";
    sscanf(at, "CREATE %*s %15s", out[n].name);
  }
  return n;
}

static object *find_object(object *all, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (strcasecmp(all[i].name, name) == 0) return &all[i];
  return NULL;
}

static bool is_same(const object *o, const char *kind, const char *name, const char *sql) {
  return strcasecmp(kind, o->kind) == 0 && strcmp(name, o->name) == 0 && strlen(sql) == o->n &&
         memcmp(sql, o->sql, o->n) == 0;
}

/* What belongs to a store: the objects with the names of ours, and all that act on them.  Tables
 * and views beside them are their owner's business.  Names and kinds are compared as SQLite does,
 * for it takes an INDEX of the table VALUE as well. */
static loci_status check_object(const db_query *q, object *ours, int n, const char *path,
                                loci_err *err) {
  const char *column[4]; /* kind, name, table, SQL */
  for (int i = 0; i < 4; i++) {
    const char *text = db_text(q, i);
    if (!text && !db_is_null(q, i)) return fail_nomem(err, "opening a store");
    column[i] = text ? text : "";
  }
  object *o = find_object(ours, n, column[1]);
  bool acts = strcasecmp(column[0], "trigger") == 0 ||
              (strcasecmp(column[0], "index") == 0 && find_object(ours, n, column[2]));
  if (!o && !acts) return LOCI_OK;
  if (o && !acts && is_same(o, column[0], column[1], column[3])) {
    o->there = true;
    return LOCI_OK;
  }
  return fail(err, LOCI_EFORMAT,
              "%s: its tables are not those of a store: there is %.20s %.50s of %.50s: %.100s",
              path, column[0], column[1], column[2], column[3]);
}

/* A stranger's file may have any tables under our names, and more that acts when they are used.
 * Without SQL are the indexes of a table's own constraints: SQLite takes no others. */
static loci_status compare_objects(db *d, bool attached, const char *path, loci_err *err) {
  object ours[OBJECTS];
  db_query *q;
  bool row;
  int n = read_schema(ours);
  TRY(db_prepare(d,
                 attached ? "SELECT type, name, tbl_name, sql FROM source.sqlite_master"
                            " WHERE sql IS NOT NULL"
                          : "SELECT type, name, tbl_name, sql FROM main.sqlite_master"
                            " WHERE sql IS NOT NULL",
                 &q, err));
  loci_status st;
  while (!(st = db_step(q, &row, err)) && row)
    if ((st = check_object(q, ours, n, path, err))) break;
  db_finish(q);
  TRY(st);
  for (int i = 0; i < n; i++)
    if (!ours[i].there)
      return fail(err, LOCI_EFORMAT, "%s: its tables are not those of a store: there is no %s %s",
                  path, ours[i].kind, ours[i].name);
  return LOCI_OK;
}

static loci_status check_encoding(db *d, const char *path, loci_err *err) {
  db_query *q;
  bool row;
  TRY(db_prepare(d, "PRAGMA encoding", &q, err));
  loci_status st = db_step(q, &row, err);
  const char *form = !st && row ? db_text(q, 0) : NULL;
  if (!st && !form) st = fail_nomem(err, "opening a store");
  if (!st && form && strcmp(form, "UTF-8") != 0)
    st = fail(err, LOCI_EFORMAT, "%s: its text is %s, that of a store is UTF-8", path, form);
  db_finish(q);
  return st;
}

/* Whether it is a store that this program knows. */
loci_status store_check(db *d, bool attached, const char *path, loci_err *err) {
  int64_t application, version;
  TRY(db_number(d, attached ? "PRAGMA source.application_id" : "PRAGMA application_id",
                &application, err));
  TRY(db_number(d, attached ? "PRAGMA source.user_version" : "PRAGMA user_version", &version, err));
  struct stat about; /* of next to nothing SQLite says that it is an empty database */
  if (application != STORE_APPLICATION && stat(path, &about) == 0 &&
      (about.st_size < 100 || !S_ISREG(about.st_mode)))
    return fail(err, LOCI_EFORMAT, "%s: no store: %s", path,
                !S_ISREG(about.st_mode) ? "not a regular file"
                : about.st_size         ? "a file of a few bytes"
                                        : "an empty file");
  if (application != STORE_APPLICATION)
    return fail(err, LOCI_EFORMAT, "%s: is an SQLite file, but no store of loci", path);
  if (version != STORE_VERSION)
    return fail(err, LOCI_EUNSUPPORTED, "%s: a store of version %" PRId64 ", this program knows %d",
                path, version, STORE_VERSION);
  TRY(check_encoding(d, path, err));
  return compare_objects(d, attached, path, err);
}

/* An empty database gets its tables; any other must be a store. */
static loci_status check_tables(db *d, bool writes, loci_err *err) {
  int64_t tables;
  TRY(db_number(d, "SELECT count(*) FROM sqlite_master", &tables, err));
  return writes && tables == 0 ? create_tables(d, err) : store_check(d, false, db_path(d), err);
}

/* Locks and the journal go by the name: of a file with two of them, two writers would each lose
 * what the other one wrote. */
static loci_status check_names(const char *path, loci_err *err) {
  struct stat s;
  if (stat(path, &s) != 0 || !S_ISREG(s.st_mode) || s.st_nlink < 2) return LOCI_OK;
  return fail(
      err, LOCI_EUNSUPPORTED,
      "%s: the file has %ld names (hard links), a store that is written to has one: copy it", path,
      (long)s.st_nlink);
}

static loci_status open_store(loci_store *s, const char *path, bool writes, loci_err *err) {
  if (path && (!*path || strcmp(path, ":memory:") == 0))
    return fail(err, LOCI_EINVAL, "\"%s\": a store is a file", path); /* SQLite means others */
  if (path && strncmp(path, "file:", 5) == 0) /* SQLite would take it for an address */
    return fail(err, LOCI_EINVAL, "\"%s\": write ./%s for a file of this name", path, path);
  if (writes && path) TRY(check_names(path, err));
  if (writes && path) TRY(lock_store(s, path, err));
  s->writes = writes;
  TRY(db_open(path ? path : ":memory:", writes ? DB_CREATE : DB_READ, &s->d, err));
  TRY(check_tables(s->d, writes, err)); /* first: the journal's kind is written into the file */
  if (!writes) return LOCI_OK;
  return db_exec(s->d, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", err);
}

loci_status loci_store_open(const char *path, bool writes, loci_store **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  loci_store *s = calloc(1, sizeof *s);
  if (!s) return fail_nomem(err, "opening a store");
  loci_status st = LOCI_OK;
  if (!path) writes = true;
  if (!writes && access(path, F_OK) != 0) {
    st = fail_errno(err, errno, "%s", path);
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
