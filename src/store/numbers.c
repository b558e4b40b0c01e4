/* The numbers of a store, read fast where they stand as stores write them; and whether those of
 * another's store are such as a measurement gives, before they are copied (see store.h).  A store
 * of a hundred thousand examples has a gigabyte of them, so a row is read by eye here. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

/* ---------------------------------------------------------------- reading */

static loci_status no_measurement(const char *where, double x, loci_err *err) {
  return fail(err, LOCI_EFORMAT, "%s: has the number %g, which no measurement gives", where, x);
}

static bool is_in_range(double x) { return fabs(x) <= (double)FLT_MAX; }

loci_status store_real(const db_query *q, int column, const char *where, double *out,
                       loci_err *err) {
  *out = db_real(q, column);
  if (isnan(*out) || is_in_range(*out)) return LOCI_OK;
  return no_measurement(where, *out, err);
}

loci_status store_mean(db_query *q, const char *where, stat_running *mean, loci_err *err) {
  double x;
  bool row;
  for (;;) {
    TRY(db_step(q, &row, err));
    if (!row) return LOCI_OK;
    TRY(store_real(q, 0, where, &x, err));
    stat_running_add(mean, x);
  }
}

/* More digits, as 17 of them tell a double: their integer and the power of ten are exact in 64
 * bits, and so is the one rounding of a product or quotient but for its last bits.  Where these lie
 * on a tie of the double they may have been rounded onto it: false, and another has to decide. */
static bool round_twice(int64_t digits, int power, double *out) {
#if LDBL_MANT_DIG == 64
  long double tens = 1;
  uint64_t bits;
  if (power < -27 || power > 27) return false;
  for (int i = 0; i < (power < 0 ? -power : power); i++) tens *= 10;
  long double x = power < 0 ? (long double)digits / tens : (long double)digits * tens;
  memcpy(&bits, &x, sizeof bits);
  *out = (double)x;
  return (bits & 0x7FF) != 0x400;
#else
  (void)digits, (void)power, (void)out;
  return false;
#endif
}

/* A number of at most 15 digits times a power of ten up to 22 is one correctly rounded product or
 * quotient (Clinger 1990); the end of it, or NULL: another kind of number. */
static const char *exact_number(const char *s, double *out) {
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  enum { FEW = 15, MOST = 18 };
  bool minus = *s == '-', small;
  int64_t digits = 0;
  int count = 0, power = 0, exponent = 0;
  s += minus;
  if (*s == '0' && s[1] >= '0' && s[1] <= '9') return NULL;
  const char *begin = s;
  for (; *s >= '0' && *s <= '9' && count <= MOST; s++)
    digits = count < MOST ? 10 * digits + (*s - '0') : digits, count += digits > 0;
  if (s == begin || count > MOST) return NULL;
  if (*s == '.') {
    begin = ++s;
    for (; *s >= '0' && *s <= '9' && count <= MOST; s++, power--)
      digits = count < MOST ? 10 * digits + (*s - '0') : digits, count += digits > 0;
    if (s == begin || count > MOST) return NULL;
  }
  if (*s == 'e' || *s == 'E') {
    small = s[1] == '-';
    s += 1 + (s[1] == '-' || s[1] == '+');
    begin = s;
    for (; *s >= '0' && *s <= '9' && s - begin < 4; s++) exponent = 10 * exponent + (*s - '0');
    if (s == begin) return NULL;
    power += small ? -exponent : exponent;
  }
  if (count <= FEW && power >= -22 && power <= 22) {
    *out = power < 0 ? (double)digits / powers[-power] : (double)digits * powers[power];
  } else if (!round_twice(digits, power, out)) {
    return NULL;
  }
  if (minus) *out = -*out;
  return s;
}

bool store_plain_row(const char *json, double *out, int n) {
  const char *s = json;
  if (*s != '[' || n < 1) return false;
  for (int i = 0; i < n; i++) {
    if (strncmp(++s, "null", 4) == 0) {
      out[i] = (double)NAN;
      s += 4;
    } else if (!(s = exact_number(s, &out[i])) || fabs(out[i]) > (double)FLT_MAX) {
      return false;
    }
    if (*s != (i + 1 < n ? ',' : ']')) return false;
  }
  return s[1] == 0;
}

loci_status store_numbers(const char *json, const char *where, double *out, int n, loci_err *err) {
  js_value *v;
  if (!json) return fail(err, LOCI_EFORMAT, "%s: a row of numbers is missing", where);
  if (store_plain_row(json, out, n)) return LOCI_OK;
  TRY(js_parse(json, strlen(json), where, &v, err));
  bool good = js_kind_of(v) == JS_ARRAY && js_count(v) == n;
  double beyond = 0;
  for (int i = 0; good && i < n; i++) {
    out[i] = (double)NAN;
    good = js_real_of(js_at(v, i), &out[i]) || js_kind_of(js_at(v, i)) == JS_NULL;
    if (!isnan(out[i]) && !is_in_range(out[i])) beyond = out[i];
  }
  js_free(v);
  if (!good) return fail(err, LOCI_EFORMAT, "%s: a row of numbers is not %d numbers", where, n);
  return beyond != 0 ? no_measurement(where, beyond, err) : LOCI_OK;
}

/* ---------------------------------------------------------------- checking */

/* No number of so many digits before its point, counted with its exponent, is beyond an f32. */
enum { SAFE_DIGITS = 37, MOST_POINTS = 1 << 20 };

/* What is plainly right is not turned into numbers first. */
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
