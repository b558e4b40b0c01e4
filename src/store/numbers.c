/* Whether the numbers of another's store are such as a measurement gives, before they are copied
 * (see store.h).  A store of a hundred thousand examples has a gigabyte of them, so a row is read
 * by eye here: what is plainly right is not turned into numbers first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

/* No number of so many digits before its point, counted with its exponent, is beyond an f32. */
enum { SAFE_DIGITS = 37, MOST_POINTS = 1 << 20 };

static const char *digits_end(const char *s) { return s + strspn(s, "0123456789"); }

/* The end of a number in JSON, or of null, that is plainly in range; NULL: it has to be read. */
static const char *plain_number(const char *s) {
  if (strncmp(s, "null", 4) == 0) return s + 4;
  if (*s == '-') s++;
  const char *end = digits_end(s);
  long whole = end - s, power = 0;
  if (whole < 1 || (*s == '0' && whole > 1)) return NULL;
  if (*end == '.') {
    s = end + 1;
    end = digits_end(s);
    if (end == s) return NULL;
  }
  if (*end == 'e' || *end == 'E') {
    bool small = end[1] == '-';
    s = end + 1 + (end[1] == '-' || end[1] == '+');
    end = digits_end(s);
    if (end == s || end - s > 3) return NULL;
    for (; s < end; s++) power = 10 * power + (*s - '0');
    if (small) power = 0;
  }
  return whole + power <= SAFE_DIGITS ? end : NULL;
}

/* Whether the text is plainly a row of n numbers in range, as stores write it. */
static bool is_plain_row(const char *s, int64_t n) {
  if (!s || *s != '[') return false;
  for (int64_t i = 0; i < n; i++) {
    s = plain_number(s + 1);
    if (!s || *s != (i + 1 < n ? ',' : ']')) return false;
  }
  return s[1] == 0;
}

static loci_status check_row(const db_query *q, const char *where, double **room, loci_err *err) {
  const char *text = db_text(q, 0);
  int64_t n = db_int(q, 1);
  if (n < 1 || n > MOST_POINTS)
    return fail(err, LOCI_EFORMAT, "%s: a series that makes no sense", where);
  if (is_plain_row(text, n)) return LOCI_OK;
  if (!*room) *room = malloc(MOST_POINTS * sizeof **room);
  if (!*room) return fail_nomem(err, "reading a store");
  return store_numbers(text, where, *room, (int)n, err);
}

static loci_status check_rows(db_query *q, const char *where, loci_err *err) {
  double *room = NULL;
  bool row;
  loci_status st;
  while (!(st = db_step(q, &row, err)) && row) {
    st = check_row(q, where, &room, err);
    if (st) break;
  }
  free(room);
  return st;
}

/* Effects of a heat map: as many as its layers and tokens are is for whoever draws it. */
static loci_status check_maps(db_query *q, const char *where, loci_err *err) {
  bool row;
  loci_status st;
  while (!(st = db_step(q, &row, err)) && row) {
    size_t n;
    const unsigned char *bytes = db_bytes(q, 0, &n);
    float x = 0;
    for (size_t i = 0; i + sizeof x <= n && !isinf(x); i += sizeof x)
      memcpy(&x, bytes + i, sizeof x);
    if (!isinf(x)) continue;
    st = fail(err, LOCI_EFORMAT, "%s: a heat map has an infinite effect", where);
    break;
  }
  return st;
}

static loci_status check_seconds(db_query *q, const char *where, loci_err *err) {
  stat_running unused = {0};
  return store_mean(q, where, &unused, err);
}

loci_status store_check_numbers(db *d, const char *path, loci_err *err) {
  static const struct {
    const char *sql;
    loci_status (*check)(db_query *q, const char *where, loci_err *err);
  } all[] = {
      {"SELECT x, points FROM source.value JOIN source.series USING (series)", check_rows},
      {"SELECT seconds FROM source.result", check_seconds},
      {"SELECT ie FROM source.grid", check_maps},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    db_query *q;
    TRY(db_prepare(d, all[i].sql, &q, err));
    loci_status st = all[i].check(q, path, err);
    db_finish(q);
    TRY(st);
  }
  return LOCI_OK;
}
