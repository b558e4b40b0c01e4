/* The fence round SQLite in a library without it (LOCI_STORE=OFF): nothing can be opened, so
 * nothing else is ever called. */
#include "store/db.h"

static loci_status no_stores(loci_err *err) {
  return fail(err, LOCI_EUNSUPPORTED, "this loci was built without stores (LOCI_STORE)");
}

loci_status db_open(const char *path, db_mode mode, db **out, loci_err *err) {
  (void)path, (void)mode;
  *out = NULL;
  return no_stores(err);
}
void db_close(db *d) { (void)d; }
const char *db_path(const db *d) {
  (void)d;
  return "";
}

void db_follow(db *d, const watch *w, const char *stage, double done, double total) {
  (void)d, (void)w, (void)stage, (void)done, (void)total;
}
loci_status db_restrict(db *d, bool on, loci_err *err) {
  (void)d, (void)on;
  return no_stores(err);
}
loci_status db_exec(db *d, const char *sql, loci_err *err) {
  (void)d, (void)sql;
  return no_stores(err);
}
loci_status db_number(db *d, const char *sql, int64_t *out, loci_err *err) {
  (void)d, (void)sql, (void)out;
  return no_stores(err);
}

loci_status db_prepare(db *d, const char *sql, db_query **out, loci_err *err) {
  (void)d, (void)sql;
  *out = NULL;
  return no_stores(err);
}
void db_finish(db_query *q) { (void)q; }
void db_bind_int(db_query *q, int at, int64_t x) { (void)q, (void)at, (void)x; }
void db_bind_real(db_query *q, int at, double x) { (void)q, (void)at, (void)x; }
void db_bind_text(db_query *q, int at, const char *s) { (void)q, (void)at, (void)s; }
void db_bind_text_n(db_query *q, int at, const char *s, size_t n) {
  (void)q, (void)at, (void)s, (void)n;
}
void db_bind_bytes(db_query *q, int at, const void *data, size_t n) {
  (void)q, (void)at, (void)data, (void)n;
}
void db_bind_null(db_query *q, int at) { (void)q, (void)at; }
loci_status db_step(db_query *q, bool *row, loci_err *err) {
  (void)q;
  *row = false;
  return no_stores(err);
}
loci_status db_run(db_query *q, loci_err *err) {
  (void)q;
  return no_stores(err);
}
void db_rewind(db_query *q) { (void)q; }

int db_columns(const db_query *q) {
  (void)q;
  return 0;
}
const char *db_column_name(const db_query *q, int column) {
  (void)q, (void)column;
  return NULL;
}
db_type db_type_of(const db_query *q, int column) {
  (void)q, (void)column;
  return DB_NULL;
}
bool db_is_null(const db_query *q, int column) {
  (void)q, (void)column;
  return true;
}
int64_t db_int(const db_query *q, int column) {
  (void)q, (void)column;
  return 0;
}
double db_real(const db_query *q, int column) {
  (void)q, (void)column;
  return 0;
}
const char *db_text(const db_query *q, int column) {
  (void)q, (void)column;
  return NULL;
}
const void *db_bytes(const db_query *q, int column, size_t *n) {
  (void)q, (void)column;
  *n = 0;
  return NULL;
}

loci_status db_save_bytes(db *d, void **out, int64_t *size, loci_err *err) {
  (void)d, (void)size;
  *out = NULL;
  return no_stores(err);
}
void db_free(void *bytes) { (void)bytes; }
loci_status db_attach_bytes(db *d, const char *name, const void *bytes, int64_t size,
                            loci_err *err) {
  (void)d, (void)name, (void)bytes, (void)size;
  return no_stores(err);
}

int64_t db_last_id(const db *d) {
  (void)d;
  return 0;
}
int64_t db_changes(const db *d) {
  (void)d;
  return 0;
}
