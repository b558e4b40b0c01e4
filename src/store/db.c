/* SQLite (see db.h).  This file is the only one that includes its header. */
#include "store/db.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kind.h"

enum { BUSY_MS = 10000, LIMITS = 3 };

struct db {
  sqlite3 *handle;
  char *path;
  int64_t steps;      /* of the statement at hand, in units of STEPS */
  const watch *watch; /* NULL: nobody is told */
  const char *stage;
  double done, total;
  int64_t calls;     /* since the watch began */
  bool stopped;      /* by the watch, the statement at hand */
  int usual[LIMITS]; /* before db_restrict */
};

enum { CALLS_BETWEEN = 64 }; /* two looks at the watch */

/* Whoever stopped once is not asked again, so that what was begun can be ended. */
static bool stops(db *d) {
  d->stopped = watch_stops(d->watch, d->stage, d->done, d->total);
  if (d->stopped) d->watch = NULL;
  return d->stopped;
}

static loci_status begin_statement(db *d, loci_err *err) {
  d->stopped = false;
  if (!d->watch || d->calls++ % CALLS_BETWEEN != 0 || !stops(d)) return LOCI_OK;
  return fail(err, LOCI_ECANCELLED, "stopped");
}

struct db_query {
  db *of;
  sqlite3_stmt *statement;
  int bad; /* an error of a bind, told at the next step */
};

/* The machine's trouble, a file that cannot be opened, or one that is no such database. */
static loci_status status_of(int code) {
  switch (code & 0xff) {
    case SQLITE_NOMEM: return LOCI_ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOLFS: return LOCI_ESYSTEM;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY: return LOCI_EIO;
    case SQLITE_MISUSE:
    case SQLITE_INTERNAL: return LOCI_EVERIFY;
    default: return LOCI_EFORMAT;
  }
}

static loci_status(failed)(const db *d, int code, loci_err *err) {
  if ((code & 0xff) == SQLITE_NOMEM) return fail_nomem(err, "using a store");
  if (code == SQLITE_CANTOPEN && d->handle && sqlite3_system_errno(d->handle))
    return fail_errno(err, sqlite3_system_errno(d->handle), "%s", d->path);
  if (code == SQLITE_INTERRUPT && d->stopped) return fail(err, LOCI_ECANCELLED, "stopped");
  if (code == SQLITE_INTERRUPT)
    return fail(err, LOCI_EFORMAT, "%s: is damaged: it never comes to an end", d->path);
  if (code == SQLITE_AUTH)
    return fail(err, LOCI_EINVAL, "a statement may only read, with functions that compute (%s)",
                sqlite3_errmsg(d->handle));
  if ((code & 0xff) == SQLITE_NOTADB) TRY(kind_refuse_file(d->path, "a store", err));
  const char *why = d->handle ? sqlite3_errmsg(d->handle) : sqlite3_errstr(code);
  return fail(err, status_of(code), "%s: %s", d->path, why);
}
#define failed(d, code, err) failure_is((failed)(d, code, err), LOCI_EIO) /* see base/status.h */

/* ---------------------------------------------------------------- the file */

void db_close(db *d) {
  if (!d) return;
  sqlite3_close_v2(d->handle);
  free(d->path);
  free(d);
}

const char *db_path(const db *d) { return d->path; }

/* No table of a store is so short that a statement over it takes more steps than this for each of
 * its bytes; a damaged tree of pages that leads back to itself has no end. */
enum { STEPS = 1 << 20, LEAST_STEPS = 256 /* STEPS */, STEPS_FOR_BYTE = 64 };

static int count_steps(void *of) {
  db *d = of;
  int64_t pages = 0, most = LEAST_STEPS;
  if (stops(d)) return true;
  if (++d->steps <= LEAST_STEPS) return 0;
  /* attached files count, whatever they are: merging reads two */
  for (int i = 0; sqlite3_db_name(d->handle, i); i++) {
    sqlite3_file *file = NULL;
    const char *name = sqlite3_db_name(d->handle, i);
    if (sqlite3_file_control(d->handle, name, SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK)
      continue;
    sqlite3_int64 size = 0;
    if (file && file->pMethods && file->pMethods->xFileSize(file, &size) == SQLITE_OK)
      pages += size;
  }
  most += pages * STEPS_FOR_BYTE / STEPS;
  return d->steps > most;
}

/* A file from somebody else is data. */
static int harden(db *d) {
  static const struct {
    int what, on;
  } settings[] = {{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
                  {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}, {SQLITE_DBCONFIG_DEFENSIVE, 1},
                  {SQLITE_DBCONFIG_DQS_DML, 0},        {SQLITE_DBCONFIG_DQS_DDL, 0}};
  sqlite3_progress_handler(d->handle, STEPS, count_steps, d);
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    int code = sqlite3_db_config(d->handle, settings[i].what, settings[i].on, NULL);
    if (code != SQLITE_OK) return code;
  }
  return sqlite3_busy_timeout(d->handle, BUSY_MS);
}

loci_status db_open(const char *path, db_mode mode, db **out, loci_err *err) {
  /* A reader opens for writing, too, where it may: so the last one takes the journal away. */
  int flags = SQLITE_OPEN_READWRITE | (mode == DB_CREATE ? SQLITE_OPEN_CREATE : 0);
  *out = NULL;
  db *d = calloc(1, sizeof *d);
  if (!d) return fail_nomem(err, "opening a store");
  loci_status st = LOCI_OK;
  d->path = strdup(path);
  if (!d->path) {
    st = fail_nomem(err, "opening a store");
    goto done;
  }
  int code = sqlite3_open_v2(path, &d->handle, flags, NULL);
  if (code == SQLITE_OK) code = harden(d);
  if (code != SQLITE_OK) {
    st = failed(d, code, err);
    goto done;
  }
  if (mode == DB_READ) TRY_DONE(db_exec(d, "PRAGMA query_only = ON", err));
  *out = d;
  d = NULL;
done:
  db_close(d);
  return st;
}

void db_follow(db *d, const watch *w, const char *stage, double done, double total) {
  if (w != d->watch) d->calls = 0;
  d->watch = w;
  d->stage = stage;
  d->done = done;
  d->total = total;
}

/* ---------------------------------------------------------------- statements of others */

/* What only computes; load_extension, readfile and whatever a build adds are not among them, nor
 * what may compute for minutes without a step that the watch sees: printf('%.2000000000c'), trim of
 * a long text by many characters. */
static bool is_harmless(const char *function) {
  static const char names[] =
      " -> ->> abs avg ceil coalesce count date datetime dense_rank exp first_value floor"
      " glob group_concat hex ifnull iif instr json json_array json_array_length json_each"
      " json_extract json_group_array json_group_object json_object json_quote json_type lag"
      " last_value lead length like ln log log10 log2 lower max min mod nth_value ntile"
      " nullif percent_rank pow power quote rank replace round row_number sign sqrt"
      " strftime substr substring sum total typeof unicode upper ";
  char word[40];
  int n = snprintf(word, sizeof word, " %s ", function);
  for (char *c = word; *c; c++)
    if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 'a' - 'A');
  return n > 2 && n < (int)sizeof word && !strchr(function, ' ') && strstr(names, word);
}

static int may(void *ctx, int action, const char *a, const char *b, const char *c, const char *d) {
  (void)ctx, (void)a, (void)c, (void)d;
  bool good = action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_RECURSIVE ||
              (action == SQLITE_FUNCTION && b && is_harmless(b));
  return good ? SQLITE_OK : SQLITE_DENY;
}

static int ask_watch(void *of) { return stops(of); }

/* Within a statement the watch is asked often: a second is a second. */
loci_status db_restrict(db *d, bool on, loci_err *err) {
  enum { MOST_BYTES = 1 << 17, MOST_PATTERN = 100, MOST_COLUMNS = 100, SOON = 1000 };
  static const struct {
    int what, most;
  } limits[] = {{SQLITE_LIMIT_LENGTH, MOST_BYTES},
                {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, MOST_PATTERN},
                {SQLITE_LIMIT_COLUMN, MOST_COLUMNS}};
  for (int i = 0; i < LIMITS; i++) {
    int was = sqlite3_limit(d->handle, limits[i].what, on ? limits[i].most : d->usual[i]);
    if (on) d->usual[i] = was;
  }
  if (on) sqlite3_progress_handler(d->handle, SOON, ask_watch, d);
  if (!on) sqlite3_progress_handler(d->handle, STEPS, count_steps, d);
  int code = sqlite3_db_config(d->handle, SQLITE_DBCONFIG_ENABLE_VIEW, (int)on, NULL);
  if (code == SQLITE_OK) code = sqlite3_set_authorizer(d->handle, on ? may : NULL, d);
  return code == SQLITE_OK ? LOCI_OK : failed(d, code, err);
}

/* ---------------------------------------------------------------- statements */

loci_status db_exec(db *d, const char *sql, loci_err *err) {
  d->steps = 0;
  TRY(begin_statement(d, err));
  int code = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
  return code == SQLITE_OK ? LOCI_OK : failed(d, code, err);
}

loci_status db_number(db *d, const char *sql, int64_t *out, loci_err *err) {
  db_query *q;
  bool row;
  TRY(db_prepare(d, sql, &q, err));
  loci_status st = db_step(q, &row, err);
  *out = !st && row ? db_int(q, 0) : 0;
  db_finish(q);
  return st;
}

int64_t db_last_id(const db *d) { return sqlite3_last_insert_rowid(d->handle); }
int64_t db_changes(const db *d) { return sqlite3_changes64(d->handle); }

loci_status db_prepare(db *d, const char *sql, db_query **out, loci_err *err) {
  *out = NULL;
  db_query *q = calloc(1, sizeof *q);
  if (!q) return fail_nomem(err, "using a store");
  q->of = d;
  const char *rest = "";
  int code = sqlite3_prepare_v2(d->handle, sql, -1, &q->statement, &rest);
  if (code != SQLITE_OK) {
    free(q);
    return failed(d, code, err);
  }
  if (!q->statement || rest[strspn(rest, " \t\r\n;")]) {
    db_finish(q);
    return fail(err, LOCI_EINVAL, "expected one SQL statement");
  }
  *out = q;
  return LOCI_OK;
}

int db_columns(const db_query *q) { return sqlite3_column_count(q->statement); }
const char *db_column_name(const db_query *q, int column) {
  return sqlite3_column_name(q->statement, column);
}

db_type db_type_of(const db_query *q, int column) {
  switch (sqlite3_column_type(q->statement, column)) {
    case SQLITE_INTEGER: return DB_INT;
    case SQLITE_FLOAT: return DB_REAL;
    case SQLITE_TEXT: return DB_TEXT;
    case SQLITE_BLOB: return DB_BYTES;
    default: return DB_NULL;
  }
}

void db_finish(db_query *q) {
  if (!q) return;
  sqlite3_finalize(q->statement);
  free(q);
}

static void remember(db_query *q, int code) {
  if (code != SQLITE_OK) q->bad = code;
}

void db_bind_int(db_query *q, int at, int64_t x) {
  remember(q, sqlite3_bind_int64(q->statement, at, x));
}

void db_bind_real(db_query *q, int at, double x) {
  remember(q, isnan(x) ? sqlite3_bind_null(q->statement, at)
                       : sqlite3_bind_double(q->statement, at, x));
}

void db_bind_text_n(db_query *q, int at, const char *s, size_t n) {
  remember(q, sqlite3_bind_text64(q->statement, at, s, n, SQLITE_TRANSIENT, SQLITE_UTF8));
}

void db_bind_text(db_query *q, int at, const char *s) {
  if (s) {
    db_bind_text_n(q, at, s, strlen(s));
  } else {
    db_bind_null(q, at);
  }
}

void db_bind_bytes(db_query *q, int at, const void *data, size_t n) {
  remember(q, sqlite3_bind_blob64(q->statement, at, data, n, SQLITE_TRANSIENT));
}

void db_bind_null(db_query *q, int at) { remember(q, sqlite3_bind_null(q->statement, at)); }

void db_rewind(db_query *q) { sqlite3_reset(q->statement); }

loci_status db_step(db_query *q, bool *row, loci_err *err) {
  *row = false;
  if (!sqlite3_stmt_busy(q->statement)) q->of->steps = 0;
  TRY(begin_statement(q->of, err));
  plain_locale l = plain_enter(); /* SQLite's JSON may read numbers as the locale writes them */
  int code = q->bad ? q->bad : sqlite3_step(q->statement);
  plain_leave(l);
  q->bad = 0;
  if (code == SQLITE_ROW) {
    *row = true;
    return LOCI_OK;
  }
  loci_status st = code == SQLITE_DONE ? LOCI_OK : failed(q->of, code, err);
  sqlite3_reset(q->statement);
  return st;
}

loci_status db_run(db_query *q, loci_err *err) {
  bool row;
  loci_status st = db_step(q, &row, err);
  if (row) db_rewind(q);
  return st;
}

/* ---------------------------------------------------------------- columns */

bool db_is_null(const db_query *q, int column) {
  return sqlite3_column_type(q->statement, column) == SQLITE_NULL;
}

int64_t db_int(const db_query *q, int column) { return sqlite3_column_int64(q->statement, column); }

double db_real(const db_query *q, int column) {
  return db_is_null(q, column) ? (double)NAN : sqlite3_column_double(q->statement, column);
}

const char *db_text(const db_query *q, int column) {
  const char *text = (const char *)sqlite3_column_text(q->statement, column);
  size_t n = (size_t)sqlite3_column_bytes(q->statement, column);
  return text && strlen(text) == n ? text : NULL; /* what follows a NUL would be passed over */
}

const void *db_bytes(const db_query *q, int column, size_t *n) {
  const void *data = sqlite3_column_blob(q->statement, column);
  *n = (size_t)sqlite3_column_bytes(q->statement, column);
  return data;
}

/* ---------------------------------------------------------------- bytes */

loci_status db_save_bytes(db *d, void **out, int64_t *size, loci_err *err) {
  sqlite3_int64 n = 0;
  *out = sqlite3_serialize(d->handle, "main", &n, 0);
  *size = n;
  return *out ? LOCI_OK : fail_nomem(err, "handing rows over");
}

void db_free(void *bytes) { sqlite3_free(bytes); }

loci_status db_attach_bytes(db *d, const char *name, const void *bytes, int64_t size,
                            loci_err *err) {
  db_query *q;
  TRY(db_prepare(d, "ATTACH DATABASE ':memory:' AS ?", &q, err));
  db_bind_text(q, 1, name);
  loci_status st = db_run(q, err);
  db_finish(q);
  TRY(st);
  int code = sqlite3_deserialize(d->handle, name, (unsigned char *)(uintptr_t)bytes, size, size,
                                 SQLITE_DESERIALIZE_READONLY);
  return code == SQLITE_OK ? LOCI_OK : failed(d, code, err);
}
