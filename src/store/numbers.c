/* The numbers of a store, read fast where they stand as stores write them (see numbers.h).  A store
 * of a hundred thousand examples has a gigabyte of them, so a row is read by eye here. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/numbers.h"

loci_status store_no_measurement(const char *where, const char *quantity, double x, loci_err *err) {
  return fail(err, LOCI_EFORMAT, "%s: has the number %g%s%.60s, which no measurement gives", where,
              x, quantity[0] ? " as " : "", quantity);
}

static bool is_number(const db_query *q, int column) {
  db_type type = db_type_of(q, column);
  return type == DB_INT || type == DB_REAL;
}

static bool is_in_range(double x) { return fabs(x) <= (double)FLT_MAX; }

loci_status store_real(const db_query *q, int column, const char *where, const char *quantity,
                       stat_range range, double *out, loci_err *err) {
  *out = (double)NAN;
  if (!db_is_null(q, column) && !is_number(q, column))
    return fail(err, LOCI_EFORMAT, "%s: has \"%.20s\" as %.60s, which is no number", where,
                db_text(q, column), quantity);
  *out = db_real(q, column);
  if (isnan(*out) || (is_in_range(*out) && stat_is_of(range, *out))) return LOCI_OK;
  return store_no_measurement(where, quantity, *out, err);
}

loci_status store_mean(db_query *q, const char *where, const char *quantity, stat_running *mean,
                       loci_err *err) {
  stat_range range = average_range(quantity);
  double x;
  bool row;
  for (;;) {
    TRY(db_step(q, &row, err));
    if (!row) return LOCI_OK;
    TRY(store_real(q, 0, where, quantity, range, &x, err));
    stat_running_add(mean, x);
  }
}

loci_status store_line(const db_query *q, int column, const char *where, int64_t *out,
                       loci_err *err) {
  bool number = is_number(q, column);
  *out = db_int(q, column);
  if (number && *out >= 1) return LOCI_OK;
  const char *text = db_text(q, column);
  return fail(err, LOCI_EFORMAT, "%s: has an example of line %.20s: lines are counted from 1",
              where, text ? text : "");
}

loci_status store_verdict(const db_query *q, int column, const char *where, int *out,
                          loci_err *err) {
  const char *text = db_text(q, column);
  bool yes = text && strcmp(text, "1") == 0, no = text && strcmp(text, "0") == 0;
  *out = yes ? 1 : no ? 0 : -1;
  if (db_is_null(q, column) || yes || no) return LOCI_OK;
  return fail(err, LOCI_EFORMAT, "%s: has an answer that is neither right (1) nor wrong (0): %.20s",
              where, text ? text : "");
}

float store_effect(const unsigned char *bytes, size_t at) {
  const unsigned char *b = bytes + 4 * at;
  uint32_t bits = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

loci_status store_effects(const unsigned char *bytes, size_t size, const char *where,
                          loci_err *err) {
  for (size_t i = 0; i < size / 4; i++) {
    double x = (double)store_effect(bytes, i);
    if (!stat_is_of(stat_change, x))
      return store_no_measurement(where, "an effect of a heat map", x, err);
  }
  return LOCI_OK;
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
  return beyond != 0 ? store_no_measurement(where, "", beyond, err) : LOCI_OK;
}
