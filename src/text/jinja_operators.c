/* What a template's operators make of two values (jinja_ops.h): as Python's do, with whole numbers
 * of 64 bits. */
#include <math.h>
#include <string.h>

#include "text/jinja_state.h"
#include "text/jinja_syntax.h"

jvalue jv_add(jrun *r, jvalue a, jvalue b) {
  if (a.kind == JK_TEXT && b.kind == JK_TEXT) {
    const jtext *x = b.safe && !a.safe ? jt_escape(r, a.text) : a.text;
    const jtext *y = a.safe && !b.safe ? jt_escape(r, b.text) : b.text;
    if (r->st) return jv_undefined(NULL);
    jvalue v = jv_of_text(jt_concat(r, x, y));
    v.safe = a.safe || b.safe;
    return v;
  }
  if (jv_is_list(a) && a.kind == b.kind) {
    jvalue out = jv_list(r, a.kind);
    for (int64_t i = 0; i < a.list->count && !r->st; i++) jv_push(r, out, a.list->at[i]);
    for (int64_t i = 0; i < b.list->count && !r->st; i++) jv_push(r, out, b.list->at[i]);
    return out;
  }
  int64_t i, k;
  if (jv_whole(a, &i) && jv_whole(b, &k)) {
    if (!__builtin_add_overflow(i, k, &i)) return jv_int(i);
    return jrun_stop(r, LOCI_EUNSUPPORTED, "an int of more than 64 bits");
  }
  if (jv_is_number(a) && jv_is_number(b)) return jv_real(jv_number(a) + jv_number(b));
  if (a.kind == JK_UNDEFINED || b.kind == JK_UNDEFINED) {
    const char *name = a.kind == JK_UNDEFINED ? a.name : b.name;
    return jrun_stop(r, LOCI_EFORMAT, "\"%.80s\" is undefined", name ? name : "a part of a +");
  }
  return jrun_stop(r, LOCI_EFORMAT, "%s + %s does not go", jv_kind_name(a), jv_kind_name(b));
}

/* a * b for a text or a list and a count. */
static jvalue repeat(jrun *r, jvalue v, int64_t times) {
  jbuild text = {.r = r};
  jvalue out = v.kind == JK_TEXT ? v : jv_list(r, v.kind);
  for (int64_t i = 0; i < times && !r->st && jv_truth(v); i++) {
    if (v.kind == JK_TEXT) {
      jb_add(&text, v.text);
    } else {
      for (int64_t k = 0; k < v.list->count && !r->st; k++) jv_push(r, out, v.list->at[k]);
    }
    jrun_step(r, 1);
  }
  return v.kind == JK_TEXT ? jv_of_text(jb_text(&text)) : out;
}

jvalue jv_times(jrun *r, jvalue a, jvalue b) {
  int64_t i, k;
  if (jv_whole(a, &i) && jv_whole(b, &k)) {
    if (!__builtin_mul_overflow(i, k, &i)) return jv_int(i);
    return jrun_stop(r, LOCI_EUNSUPPORTED, "an int of more than 64 bits");
  }
  if (jv_is_number(a) && jv_is_number(b)) return jv_real(jv_number(a) * jv_number(b));
  if ((a.kind == JK_TEXT || jv_is_list(a)) && jv_whole(b, &k)) return repeat(r, a, k);
  if ((b.kind == JK_TEXT || jv_is_list(b)) && jv_whole(a, &k)) return repeat(r, b, k);
  return jrun_stop(r, LOCI_EFORMAT, "%s * %s does not go", jv_kind_name(a), jv_kind_name(b));
}

static jvalue divide_whole(jrun *r, int64_t a, int64_t b, int op) {
  if (b == -1) {
    if (a == INT64_MIN) return jrun_stop(r, LOCI_EUNSUPPORTED, "an int of more than 64 bits");
    return jv_int(op == '%' ? 0 : -a);
  }
  int64_t q = a / b, rest = a % b;
  if (rest && (rest < 0) != (b < 0)) { /* towards minus infinity, as Python */
    rest += b;
    q--;
  }
  return jv_int(op == '%' ? rest : q);
}

jvalue jv_divide(jrun *r, jvalue a, jvalue b, int op) {
  int64_t i, k;
  if (!jv_is_number(a) || !jv_is_number(b)) {
    return jrun_stop(r, LOCI_EFORMAT, "%s and %s cannot be divided", jv_kind_name(a),
                     jv_kind_name(b));
  }
  double x = jv_number(a), y = jv_number(b);
  if (y == 0) return jrun_stop(r, LOCI_EFORMAT, "a division by zero");
  if (jv_whole(a, &i) && jv_whole(b, &k)) return divide_whole(r, i, k, op);
  double rest = fmod(x, y), q = (x - rest) / y; /* as CPython's float_divmod */
  if (rest != 0 && (rest < 0) != (y < 0)) {
    rest += y;
    q--;
  }
  if (op == '%') return jv_real(rest != 0 ? rest : copysign(0, y));
  return jv_real(q == 0 ? copysign(0, x / y) : q - floor(q) > 0.5 ? floor(q) + 1 : floor(q));
}

static jvalue power(jrun *r, int64_t a, int64_t b) {
  int64_t out = 1;
  for (bool odd; b > 0; b /= 2) {
    odd = b % 2;
    if ((odd && __builtin_mul_overflow(out, a, &out)) ||
        (b > 1 && __builtin_mul_overflow(a, a, &a))) {
      return jrun_stop(r, LOCI_EUNSUPPORTED, "an int of more than 64 bits");
    }
  }
  return jv_int(out);
}

jvalue jv_calculate(jrun *r, int op, jvalue a, jvalue b) {
  int64_t i, k;
  if (op == '+') return jv_add(r, a, b);
  if (op == '*') return jv_times(r, a, b);
  if (op == '%' && a.kind == JK_TEXT) return jv_format(r, a.text, b);
  if (!jv_is_number(a) || !jv_is_number(b)) {
    return jrun_stop(r, LOCI_EFORMAT, "%s %s %s does not go", jv_kind_name(a),
                     op == '-'   ? "-"
                     : op == '/' ? "/"
                     : op == '%' ? "%"
                                 : "//",
                     jv_kind_name(b));
  }
  bool whole = jv_whole(a, &i) && jv_whole(b, &k);
  double x = jv_number(a), y = jv_number(b);
  if (op == '-') {
    if (!whole) return jv_real(x - y);
    if (!__builtin_sub_overflow(i, k, &i)) return jv_int(i);
    return jrun_stop(r, LOCI_EUNSUPPORTED, "an int of more than 64 bits");
  }
  if (op == OP2('*', '*')) {
    if (whole && k >= 0) return power(r, i, k);
    if (isfinite(x) && isfinite(y) && !isfinite(x = pow(x, y))) {
      return jrun_stop(r, LOCI_EUNSUPPORTED, "a power that is no real number, or too large a one");
    }
    return jv_real(x);
  }
  if (op != '/') return jv_divide(r, a, b, op);
  return y == 0 ? jrun_stop(r, LOCI_EFORMAT, "a division by zero") : jv_real(x / y);
}

bool jv_by_order(jrun *r, int op, jvalue a, jvalue b) {
  switch (op) {
    case OP2('=', '='): return jv_equal(r, a, b);
    case OP2('!', '='): return !jv_equal(r, a, b);
    case 'i': return jv_contains(r, b, a);
    case 'n': return !jv_contains(r, b, a);
    case '<': return jv_compare(r, a, b) < 0;
    case OP2('<', '='): return jv_compare(r, a, b) <= 0;
    case '>': return jv_compare(r, a, b) > 0;
    default: return jv_compare(r, a, b) >= 0;
  }
}
