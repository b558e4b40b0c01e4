/* SQL: the fence round SQLite.  Statements are prepared once, bound by number from 1, stepped row
 * by row; an error says the database's file and SQLite's own words.  Private to src/store.
 *
 * A database may come from somebody else.  It is data: its triggers and views are never run, and a
 * statement that takes more steps than so large a file can ask for is ended.
 *
 *   db_prepare(d, "SELECT id FROM example WHERE line > ?", &q, err)
 *   db_bind_int(q, 1, 10); while (!(st = db_step(q, &row, err)) && row) ... db_int(q, 0) ...
 *   db_finish(q) */
#ifndef LOCI_STORE_DB_H
#define LOCI_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct db db;
typedef struct db_query db_query;

typedef enum db_mode { DB_READ, DB_CREATE } db_mode;

/* Opens a file (DB_CREATE: makes it where there is none; ":memory:" works).  A reader waits up to
 * ten seconds for a writer's moment. */
loci_status db_open(const char *path, db_mode mode, db **out, loci_err *err);
void db_close(db *d);
const char *db_path(const db *d);

/* From now on [w] is told, once in 64 statements and steps and within long ones, that [done] of
 * [total] is done.  Where it stops one, that one is LOCI_ECANCELLED, and what ends the work after
 * it (a rollback) is let through.  Borrowed; NULL: nobody is told. */
void db_follow(db *d, const watch *w, const char *stage, double done, double total);

/* While [on], statements come from somebody: they may read, with functions that only compute, views
 * too (the schema has been compared by then), and a value has
 * at most 128 kB, a row 100 columns, and the watch is asked every thousand steps. */
loci_status db_restrict(db *d, bool on, loci_err *err);

/* Statements without results, separated by ";". */
loci_status db_exec(db *d, const char *sql, loci_err *err);
/* The first column of the first row; 0 where there is none. */
loci_status db_number(db *d, const char *sql, int64_t *out, loci_err *err);

/* One statement; more than that is refused. */
loci_status db_prepare(db *d, const char *sql, db_query **out, loci_err *err);
void db_finish(db_query *q);
/* A failure to bind (memory) shows at the next step. */
void db_bind_int(db_query *q, int at, int64_t x);
void db_bind_real(db_query *q, int at, double x);      /* NaN: NULL */
void db_bind_text(db_query *q, int at, const char *s); /* copied; NULL: NULL */
void db_bind_text_n(db_query *q, int at, const char *s, size_t n);
void db_bind_bytes(db_query *q, int at, const void *data, size_t n);
void db_bind_null(db_query *q, int at);
/* *row: there is one; without one the query is ready to be bound and run again. */
loci_status db_step(db_query *q, bool *row, loci_err *err);
/* A statement without rows. */
loci_status db_run(db_query *q, loci_err *err);
/* Back to the start before the last row was seen. */
void db_rewind(db_query *q);

typedef enum db_type { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BYTES } db_type;
int db_columns(const db_query *q);
const char *db_column_name(const db_query *q, int column); /* borrowed until db_finish; or NULL */
db_type db_type_of(const db_query *q, int column);

bool db_is_null(const db_query *q, int column);
int64_t db_int(const db_query *q, int column);
double db_real(const db_query *q, int column); /* NULL: NaN */
/* Borrowed until the next step; NULL where there is none, or one that has a NUL in it. */
const char *db_text(const db_query *q, int column);
const void *db_bytes(const db_query *q, int column, size_t *n);

/* The whole database as bytes of a file; db_free.  And such bytes as a further database of that
 * name, read only, until "DETACH DATABASE name"; they are borrowed until then. */
loci_status db_save_bytes(db *d, void **out, int64_t *size, loci_err *err);
void db_free(void *bytes);
loci_status db_attach_bytes(db *d, const char *name, const void *bytes, int64_t size,
                            loci_err *err);

int64_t db_last_id(const db *d); /* of the row inserted last */
int64_t db_changes(const db *d); /* rows the last statement changed */

#endif
