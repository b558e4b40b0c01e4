/* The expressions of a template (jinja_parser.h), by recursive descent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_parser.h"

static jnode *unary(parser *p, bool filters);

/* ---------------------------------------------------------------- constants */

/* The code after \x, \u, \U or of up to three octal digits. */
static size_t escape_code(const char *s, size_t n, char kind, uint32_t *out) {
  int base = kind ? 16 : 8;
  size_t most = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 3, k = 0;
  *out = 0;
  for (; k < most && k < n; k++) {
    char c = s[k];
    int d = c >= '0' && c <= '9'                 ? c - '0'
            : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 87
                                                 : 16;
    if (d >= base) break;
    *out = *out * (uint32_t)base + (uint32_t)d;
  }
  return !kind || k == most ? k : 0;
}

/* What an escape at s (after its \) stands for, at out; the bytes read, 0: it is wrong. */
static size_t unescape_one(const char *s, size_t n, char *out, size_t *m) {
  static const char letters[] = "abfnrtv\\'\"", as[] = "\a\b\f\n\r\t\v\\'\"";
  const char *letter = *s ? strchr(letters, *s) : NULL;
  uint32_t c;
  if (*s == '\n') return 1;
  if (letter) {
    out[(*m)++] = as[letter - letters];
    return 1;
  }
  if (*s == 'N') return 0;
  bool coded = *s == 'x' || *s == 'u' || *s == 'U', octal = *s >= '0' && *s <= '7';
  if (!coded && !octal) {
    out[(*m)++] = '\\';
    out[(*m)++] = *s;
    return 1;
  }
  size_t k = escape_code(s + coded, n - coded, coded ? *s : '\0', &c);
  if (k == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return 0;
  *m += (size_t)utf8_encode(c, out + *m);
  return k + coded;
}

/* String literals that stand beside each other are one. */
static jnode *string(parser *p) {
  jnode *n = jp_node(p, JN_CONST);
  size_t room = 1, m = 0;
  for (size_t i = p->at; p->tokens->at[i].kind == JT_STRING; i++)
    room += 2 * p->tokens->at[i].n + 4;
  char *out = p->st ? NULL : arena_array(p->t->mem, (int64_t)room, char);
  if (!out && !p->st) p->st = fail_nomem(p->err, "reading a template");
  for (const jtoken *t; out && (t = jp_peek(p))->kind == JT_STRING; jp_step(p)) {
    for (size_t i = 0; i < t->n;) {
      if (t->s[i] != '\\' || i + 1 == t->n) {
        out[m++] = t->s[i++];
        continue;
      }
      size_t k = unescape_one(t->s + i + 1, t->n - i - 1, out, &m);
      if (k == 0) {
        jp_stop(p, LOCI_EUNSUPPORTED, "an escape in a string that is not read: \\%c", t->s[i + 1]);
        return n;
      }
      i += 1 + k;
    }
  }
  jp_set_text(n, out ? out : "", m);
  n->value = jv_of_text(&n->text);
  return n;
}

/* Through JSON: strtod's decimal point is the locale's. */
static double real_of(parser *p, const char *digits) {
  char text[72];
  js_value *v = NULL;
  double x = 0;
  snprintf(text, sizeof text, "[%s]", digits);
  if (!p->st) p->st = js_parse(text, strlen(text), p->t->name, &v, p->err);
  js_real_of(js_at(v, 0), &x);
  js_free(v);
  return x;
}

static jnode *number(parser *p) {
  const jtoken *t = jp_peek(p);
  jnode *n = jp_node(p, JN_CONST);
  char text[64];
  size_t m = 0;
  for (size_t i = 0; i < t->n && m + 1 < sizeof text; i++) {
    if (t->s[i] != '_') text[m++] = t->s[i];
  }
  text[m] = '\0';
  errno = 0;
  if (t->kind == JT_REAL) {
    n->value = jv_real(real_of(p, text));
  } else {
    n->value = jv_int(strtoll(text, NULL, 10));
    if (errno || m + 1 == sizeof text) jp_stop(p, LOCI_EUNSUPPORTED, "an int of more than 64 bits");
  }
  jp_step(p);
  return n;
}

/* ---------------------------------------------------------------- lists and calls */

/* Expressions up to [close], a comma between them. */
static void items(parser *p, jnode *n, int close, bool pairs) {
  jnode **tail = &n->kids;
  while (!p->st && !jp_take_op(p, close)) {
    if (n->kids) jp_need_op(p, ',', "a comma");
    if (jp_take_op(p, close)) break;
    jp_append(&tail, jp_expression(p, true));
    if (!pairs) continue;
    jp_need_op(p, ':', "a colon");
    jp_append(&tail, jp_expression(p, true));
  }
}

/* a, b, c without brackets around; one expression alone is itself. */
jnode *jp_tuple(parser *p, bool choice) {
  jnode *first = jp_expression(p, choice);
  if (!jp_is_op(p, ',')) return first;
  jnode *n = jp_node(p, JN_TUPLE), **tail = &n->kids;
  jp_append(&tail, first);
  while (jp_take_op(p, ',')) {
    const jtoken *t = jp_peek(p);
    if (t->kind == JT_CLOSE || t->kind == JT_FINISH || jp_is_op(p, ')')) break;
    jp_append(&tail, jp_expression(p, choice));
  }
  return n;
}

static jnode *brackets(parser *p) {
  if (jp_take_op(p, '[')) {
    jnode *n = jp_node(p, JN_LIST);
    items(p, n, ']', false);
    return n;
  }
  if (jp_take_op(p, '{')) {
    jnode *n = jp_node(p, JN_DICT);
    items(p, n, '}', true);
    return n;
  }
  jp_need_op(p, '(', "a value");
  if (jp_take_op(p, ')')) return jp_node(p, JN_TUPLE);
  jnode *n = jp_tuple(p, true);
  jp_need_op(p, ')', "a closing bracket");
  return n;
}

/* (a, b, name=c, *d, **e) */
static void arguments(parser *p, jnode *n) {
  jnode **tail = &n->kids;
  int count = 0;
  jp_need_op(p, '(', "an opening bracket");
  while (!p->st && !jp_take_op(p, ')')) {
    if (count) jp_need_op(p, ',', "a comma");
    if (jp_take_op(p, ')')) break;
    jnode *arg = jp_node(p, JN_ARG);
    const jtoken *t = jp_peek(p);
    if (jp_take_op(p, '*')) {
      arg->op = '*';
    } else if (jp_take_op(p, OP2('*', '*'))) {
      arg->op = OP2('*', '*');
    } else if (t->kind == JT_NAME && t[1].kind == JT_OP && t[1].op == '=') {
      arg->name = jp_need_name(p, "a name");
      jp_step(p);
    }
    arg->a = jp_expression(p, true);
    jp_append(&tail, arg);
    if (++count > JARGS_MOST) jp_stop(p, LOCI_EUNSUPPORTED, "more than %d arguments", JARGS_MOST);
  }
}

/* ---------------------------------------------------------------- after a value */

/* [index] or [from:to:step] */
static jnode *subscript(parser *p, jnode *of) {
  jnode *n = jp_node(p, JN_ITEM), *slice = jp_node(p, JN_SLICE), **tail = &slice->kids;
  bool sliced = false;
  n->a = slice->a = of;
  for (int i = 0; i < 3; i++) {
    jnode *part =
        jp_is_op(p, ':') || jp_is_op(p, ']') ? jp_node(p, JN_ABSENT) : jp_expression(p, true);
    jp_append(&tail, part);
    if (i == 0) n->b = part;
    if (!jp_take_op(p, ':')) break;
    sliced = true;
  }
  if (jp_is_op(p, ',')) jp_stop(p, LOCI_EUNSUPPORTED, "several subscripts in one pair of brackets");
  if (!sliced && n->b->kind == JN_ABSENT) jp_unexpected(p, "a subscript");
  jp_need_op(p, ']', "a closing bracket");
  return sliced ? slice : n;
}

static jnode *call(parser *p, jnode *of) {
  jnode *n = jp_node(p, JN_CALL);
  n->a = of;
  arguments(p, n);
  return n;
}

static jnode *postfix(parser *p, jnode *of) {
  while (!p->st) {
    if (jp_take_op(p, '.')) {
      const jtoken *t = jp_peek(p);
      jnode *n = jp_node(p, t->kind == JT_INT ? JN_ITEM : JN_ATTRIBUTE);
      n->a = of;
      if (t->kind == JT_INT) {
        n->b = number(p);
      } else {
        n->name = jp_need_name(p, "a name after the dot");
      }
      of = n;
    } else if (jp_take_op(p, '[')) {
      of = subscript(p, of);
    } else if (jp_is_op(p, '(')) {
      of = call(p, of);
    } else {
      break;
    }
  }
  return of;
}

static jnode *primary(parser *p) {
  static const struct {
    const char *name;
    jvalue v;
  } words[] = {{"true", {.kind = JK_BOOL, .b = true}},
               {"True", {.kind = JK_BOOL, .b = true}},
               {"false", {.kind = JK_BOOL}},
               {"False", {.kind = JK_BOOL}},
               {"none", {.kind = JK_NONE}},
               {"None", {.kind = JK_NONE}}};
  const jtoken *t = jp_peek(p);
  if (t->kind == JT_STRING) return string(p);
  if (t->kind == JT_INT || t->kind == JT_REAL) return number(p);
  if (t->kind != JT_NAME) return brackets(p);
  jnode *n = jp_node(p, JN_NAME);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (!jp_token_is(t, words[i].name)) continue;
    n->kind = JN_CONST;
    n->value = words[i].v;
    jp_step(p);
    return n;
  }
  n->name = jp_need_name(p, "a value");
  if (!strcmp(n->name, "varargs")) p->named |= JM_VARARGS;
  if (!strcmp(n->name, "kwargs")) p->named |= JM_KWARGS;
  if (!strcmp(n->name, "caller")) p->named |= JM_CALLER;
  return n;
}

static const char *dotted_name(parser *p) {
  const char *name = jp_need_name(p, "a name");
  if (jp_is_op(p, '.')) jp_stop(p, LOCI_EUNSUPPORTED, "a filter or test with a dot in its name");
  return name;
}

jnode *jp_filter(parser *p, jnode *of) {
  jnode *n = jp_node(p, JN_FILTER);
  n->a = of;
  n->name = dotted_name(p);
  n->call = jcall_filter(n->name);
  if (jp_is_op(p, '(')) arguments(p, n);
  return n;
}

/* is NAME, is not NAME, is NAME(args), is NAME argument */
static jnode *test(parser *p, jnode *of) {
  bool negated = jp_take_name(p, "not");
  jnode *n = jp_node(p, JN_TEST);
  n->a = of;
  n->name = dotted_name(p);
  n->call = jcall_test(n->name);
  const jtoken *t = jp_peek(p);
  bool value = t->kind == JT_NAME || t->kind == JT_STRING || t->kind == JT_INT ||
               t->kind == JT_REAL || jp_is_op(p, '[') || jp_is_op(p, '{');
  if (jp_is_op(p, '(')) {
    arguments(p, n);
  } else if (jp_is_name(p, "is")) {
    jp_stop(p, LOCI_EFORMAT, "one \"is\" after another");
  } else if (value && !jp_is_name(p, "else") && !jp_is_name(p, "or") && !jp_is_name(p, "and")) {
    n->kids = jp_node(p, JN_ARG);
    if (jp_enter(p)) {
      n->kids->a = postfix(p, primary(p));
      p->depth--;
    }
  }
  if (!negated) return n;
  jnode *not = jp_node(p, JN_NOT);
  not ->a = n;
  return not ;
}

static jnode *filters(parser *p, jnode *of) {
  while (!p->st) {
    if (jp_take_op(p, '|')) {
      of = jp_filter(p, of);
    } else if (jp_take_name(p, "is")) {
      of = test(p, of);
    } else if (jp_is_op(p, '(')) {
      of = call(p, of);
    } else {
      break;
    }
  }
  return of;
}

/* ---------------------------------------------------------------- operators */

static jnode *unary(parser *p, bool with_filters) {
  jnode *n;
  if (!jp_enter(p)) return &p->spare;
  if (jp_is_op(p, '-') || jp_is_op(p, '+')) {
    n = jp_node(p, JN_SIGN);
    n->op = jp_peek(p)->op;
    jp_step(p);
    n->a = unary(p, false);
  } else {
    n = postfix(p, primary(p));
  }
  if (with_filters) n = filters(p, n);
  p->depth--;
  return n;
}

/* One level of operators that go from left to right, and those that bind closer below it. */
static jnode *binary(parser *p, int level) {
  static const int ops[][4] = {{'+', '-'}, {'~'}, {'*', '/', OP2('/', '/'), '%'}, {OP2('*', '*')}};
  if (level == 4) return unary(p, true);
  jnode *left = binary(p, level + 1);
  for (int i = 0; i < 4 && ops[level][i] && !p->st;) {
    int op = ops[level][i];
    if (!jp_is_op(p, op)) {
      i++;
      continue;
    }
    jnode *n = jp_node(p, op == '~' ? JN_CONCAT : JN_BINARY), **tail = &n->kids;
    n->op = op;
    if (op == '~') {
      jp_append(&tail, left);
      while (jp_take_op(p, op)) jp_append(&tail, binary(p, level + 1));
    } else {
      jp_step(p);
      n->a = left;
      n->b = binary(p, level + 1);
    }
    left = n;
    i = 0;
  }
  return left;
}

static jnode *comparison(parser *p) {
  static const int ops[] = {OP2('=', '='), OP2('!', '='), '<', OP2('<', '='), '>', OP2('>', '=')};
  jnode *first = binary(p, 0), *n = NULL, **tail = NULL;
  while (!p->st) {
    const jtoken *t = jp_peek(p);
    int op = 0;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) op = jp_is_op(p, ops[i]) ? ops[i] : op;
    if (jp_is_name(p, "in")) op = 'i';
    if (jp_is_name(p, "not") && jp_token_is(t + 1, "in")) op = 'n';
    if (!op) break;
    jp_step(p);
    if (op == 'n') jp_step(p);
    if (!n) {
      n = jp_node(p, JN_COMPARE);
      n->a = first;
      tail = &n->kids;
    }
    jnode *operand = jp_node(p, JN_OPERAND);
    operand->op = op;
    operand->a = binary(p, 0);
    jp_append(&tail, operand);
  }
  return n ? n : first;
}

static jnode *negation(parser *p) {
  if (!jp_is_name(p, "not")) return comparison(p);
  jnode *n = jp_node(p, JN_NOT);
  if (!jp_enter(p)) return n;
  jp_step(p);
  n->a = negation(p);
  p->depth--;
  return n;
}

static jnode *conjunction(parser *p) {
  jnode *left = negation(p);
  while (jp_take_name(p, "and")) {
    jnode *n = jp_node(p, JN_AND);
    n->a = left;
    n->b = negation(p);
    left = n;
  }
  return left;
}

/* [choice]: may be a if b else c */
jnode *jp_expression(parser *p, bool choice) {
  if (!jp_enter(p)) return &p->spare;
  jnode *left = conjunction(p);
  while (jp_take_name(p, "or")) {
    jnode *n = jp_node(p, JN_OR);
    n->a = left;
    n->b = conjunction(p);
    left = n;
  }
  while (choice && jp_take_name(p, "if")) {
    jnode *n = jp_node(p, JN_CHOICE);
    n->b = left;
    n->a = jp_expression(p, false);
    n->c = jp_take_name(p, "else") ? jp_expression(p, true) : NULL;
    left = n;
  }
  p->depth--;
  return left;
}
