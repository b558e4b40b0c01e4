/* Reads a template's tokens as a tree (jinja_parser.h): statements, and the whole. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_parser.h"
#include "text/jinja_state.h"

/* ---------------------------------------------------------------- tokens and nodes */

/* ---------------------------------------------------------------- statements */

static jnode *statement(parser *p);

/* Text, values and statements up to {% one of the words, which stays; words end in NULL. */
static void body(parser *p, jnode **tail, const char *const *until) {
  if (!jp_enter(p)) return;
  while (!p->st) {
    const jtoken *t = jp_peek(p);
    if (t->kind == JT_DATA) {
      jnode *n = jp_node(p, JN_DATA);
      jp_set_text(n, t->s, t->n);
      jp_append(&tail, n);
      jp_step(p);
    } else if (t->kind == JT_OPEN) {
      jp_step(p);
      jnode *n = jp_node(p, JN_OUTPUT);
      n->a = jp_tuple(p, true);
      jp_need(p, JT_CLOSE, "}}");
      jp_append(&tail, n);
    } else if (t->kind == JT_BEGIN) {
      bool ends = false;
      for (int i = 0; until && until[i]; i++) ends = ends || jp_token_is(t + 1, until[i]);
      jp_step(p);
      if (ends) break;
      jnode *n = statement(p);
      if (n != &p->spare) jp_append(&tail, n);
    } else {
      if (until) jp_unexpected(p, until[0]);
      break;
    }
  }
  p->depth--;
}

#define BODY(p, tail, ...) body(p, tail, (const char *const[]){__VA_ARGS__, NULL})

static void end_tag(parser *p) { jp_need(p, JT_FINISH, "%}"); }

/* The body, and its {% endNAME %}. */
static void closed_body(parser *p, jnode *n, const char *end) {
  end_tag(p);
  BODY(p, &n->kids, end);
  jp_step(p);
  end_tag(p);
}

static jnode *condition(parser *p) {
  jnode *n = jp_node(p, JN_IF), *first = n;
  for (;;) {
    n->a = jp_tuple(p, false);
    end_tag(p);
    BODY(p, &n->kids, "elif", "else", "endif");
    if (!jp_take_name(p, "elif")) break;
    n->others = jp_node(p, JN_IF);
    n = n->others;
    n->op = 'e';
  }
  if (jp_take_name(p, "else")) {
    end_tag(p);
    BODY(p, &n->others, "endif");
  }
  jp_step(p);
  end_tag(p);
  return first;
}

static jnode *target(parser *p, bool spaces);

static jnode *one_target(parser *p, bool spaces) {
  if (jp_take_op(p, '(')) {
    if (!jp_enter(p)) return &p->spare;
    jnode *inner = target(p, false);
    p->depth--;
    jp_need_op(p, ')', "a closing bracket");
    return inner;
  }
  jnode *n = jp_node(p, JN_NAME);
  n->name = jp_need_name(p, "a name to set");
  if (spaces && jp_take_op(p, '.')) {
    jnode *member = jp_node(p, JN_ATTRIBUTE);
    member->a = n;
    member->name = jp_need_name(p, "a name after the dot");
    return member;
  }
  if (strcmp(n->name, "loop") == 0) jp_stop(p, LOCI_EFORMAT, "\"loop\" cannot be set");
  return n;
}

/* A name, or several; [spaces]: or a member of a namespace. */
static jnode *target(parser *p, bool spaces) {
  jnode *first = one_target(p, spaces);
  if (!jp_is_op(p, ',')) return first;
  jnode *list = jp_node(p, JN_TUPLE), **tail = &list->kids;
  jp_append(&tail, first);
  while (jp_take_op(p, ',') && !jp_is_op(p, ')')) jp_append(&tail, one_target(p, spaces));
  return list;
}

static jnode *loop(parser *p) {
  jnode *n = jp_node(p, JN_FOR), *names = target(p, false);
  if (!jp_take_name(p, "in")) jp_unexpected(p, "\"in\"");
  n->b = jp_tuple(p, false);
  if (jp_take_name(p, "if")) n->c = jp_expression(p, true);
  if (jp_is_name(p, "recursive"))
    jp_stop(p, LOCI_EUNSUPPORTED, "recursive loops are not supported");
  n->a = names;
  end_tag(p);
  p->loops++;
  BODY(p, &n->kids, "else", "endfor");
  p->loops--;
  if (jp_take_name(p, "else")) {
    end_tag(p);
    BODY(p, &n->others, "endfor");
  }
  jp_step(p);
  end_tag(p);
  return n;
}

static jnode *setting(parser *p) {
  jnode *n = jp_node(p, JN_SET);
  n->a = target(p, true);
  if (jp_take_op(p, '=')) {
    n->b = jp_tuple(p, true);
    end_tag(p);
    return n;
  }
  n->kind = JN_SET_BLOCK;
  while (jp_take_op(p, '|')) n->b = jp_filter(p, n->b);
  int loops = p->loops;
  closed_body(p, n, "endset");
  p->loops = loops;
  return n;
}

static void parameters(parser *p, jnode *n) {
  jnode **tail = &n->others;
  int count = 0;
  bool defaults = false;
  jp_need_op(p, '(', "an opening bracket");
  while (!p->st && !jp_take_op(p, ')')) {
    if (count) jp_need_op(p, ',', "a comma");
    jnode *parameter = jp_node(p, JN_PARAMETER);
    parameter->name = jp_need_name(p, "the name of a parameter");
    if (jp_take_op(p, '=')) {
      parameter->a = jp_expression(p, true);
      defaults = true;
    } else if (defaults) {
      jp_stop(p, LOCI_EFORMAT, "a parameter without a default after one that has it");
    }
    for (const jnode *k = n->others; k; k = k->next) {
      if (!strcmp(k->name, parameter->name)) jp_stop(p, LOCI_EFORMAT, "two parameters of a name");
    }
    jp_append(&tail, parameter);
    if (++count > JARGS_MOST) jp_stop(p, LOCI_EUNSUPPORTED, "more than %d parameters", JARGS_MOST);
  }
}

/* A body that no loop outside can be left from. */
static void own_body(parser *p, jnode *n, const char *end) {
  int loops = p->loops, named = p->named;
  p->loops = p->named = 0;
  closed_body(p, n, end);
  n->op = p->named;
  p->loops = loops;
  p->named |= named;
}

static jnode *macro(parser *p) {
  jnode *n = jp_node(p, JN_MACRO);
  n->name = jp_need_name(p, "the name of the macro");
  parameters(p, n);
  own_body(p, n, "endmacro");
  return n;
}

static jnode *call_block(parser *p) {
  jnode *n = jp_node(p, JN_CALL_BLOCK);
  n->name = "caller";
  if (jp_is_op(p, '(')) parameters(p, n);
  n->a = jp_expression(p, true);
  if (n->a->kind != JN_CALL) jp_stop(p, LOCI_EFORMAT, "{%% call %%} without a call");
  own_body(p, n, "endcall");
  return n;
}

static jnode *filter_block(parser *p) {
  jnode *n = jp_node(p, JN_FILTER_BLOCK);
  n->b = jp_filter(p, NULL);
  while (jp_take_op(p, '|')) n->b = jp_filter(p, n->b);
  closed_body(p, n, "endfilter");
  return n;
}

static jnode *with(parser *p) {
  jnode *n = jp_node(p, JN_WITH), **tail = &n->others;
  while (!p->st && jp_peek(p)->kind != JT_FINISH) {
    if (n->others) jp_need_op(p, ',', "a comma");
    jnode *set = jp_node(p, JN_SET);
    set->a = target(p, false);
    jp_need_op(p, '=', "=");
    set->b = jp_expression(p, true);
    jp_append(&tail, set);
  }
  closed_body(p, n, "endwith");
  return n;
}

static jnode *jump(parser *p, jnode_kind kind) {
  jnode *n = jp_node(p, kind);
  if (p->loops == 0) jp_stop(p, LOCI_EFORMAT, "\"break\" or \"continue\" outside a loop");
  end_tag(p);
  return n;
}

/* {% block name %}, {% generation %}: their body. */
static jnode *plain_block(parser *p, const char *end) {
  jnode *n = jp_node(p, JN_WITH);
  own_body(p, n, end);
  return n;
}

static jnode *statement(parser *p) {
  const jtoken *t = jp_peek(p);
  if (jp_take_name(p, "if")) return condition(p);
  if (jp_take_name(p, "for")) return loop(p);
  if (jp_take_name(p, "set")) return setting(p);
  if (jp_take_name(p, "macro")) return macro(p);
  if (jp_take_name(p, "call")) return call_block(p);
  if (jp_take_name(p, "filter")) return filter_block(p);
  if (jp_take_name(p, "with")) return with(p);
  if (jp_take_name(p, "break")) return jump(p, JN_BREAK);
  if (jp_take_name(p, "continue")) return jump(p, JN_CONTINUE);
  if (jp_take_name(p, "generation")) return plain_block(p, "endgeneration");
  if (t->kind != JT_NAME) {
    jp_unexpected(p, "the name of a statement");
  } else {
    int n = t->n > 40 ? 40 : (int)t->n;
    jp_stop(p, LOCI_EUNSUPPORTED, "the statement \"%.*s\" is not supported here", n, t->s);
  }
  return &p->spare;
}

/* ---------------------------------------------------------------- names that must be known */

/* As jinja2: an unknown filter is an error before anything runs, but directly in the branch of an
 * if, where it is one when it is reached.  Goes through the tree; its depth is bounded here. */
static void check_names(parser *p, const jnode *n, bool soft, int depth) {
  if (depth > JINJA_DEPTH_MOST)
    jp_stop(p, LOCI_EFORMAT, "nested more than %d deep", JINJA_DEPTH_MOST);
  for (; n && !p->st; n = n->next) {
    bool inner = soft || n->kind == JN_CHOICE || n->kind == JN_IF;
    if (n->kind == JN_FOR || n->kind == JN_MACRO || n->kind == JN_CALL_BLOCK ||
        n->kind == JN_SET_BLOCK || n->kind == JN_FILTER_BLOCK || n->kind == JN_WITH) {
      inner = false;
    }
    if ((n->kind == JN_FILTER || n->kind == JN_TEST) && !n->call && !soft) {
      p->st = fail(p->err, LOCI_EUNSUPPORTED, "%s: line %d: no %s \"%.80s\"", p->t->name, n->line,
                   n->kind == JN_FILTER ? "filter" : "test", n->name);
      return;
    }
    const jnode *const parts[] = {n->a, n->b, n->c, n->kids, n->others};
    for (int i = 0; i < 5; i++) {
      bool outside = (n->kind == JN_FOR && i == 1) || (n->kind == JN_CALL_BLOCK && i == 0);
      check_names(p, parts[i], outside ? soft : inner, depth + 1);
    }
  }
}

/* ---------------------------------------------------------------- the whole template */

/* Line breaks as \n, the last one left out, as jinja2 reads a source. */
static char *clean(const char *s, size_t *n, arena *mem) {
  char *out = arena_array(mem, (int64_t)*n + 1, char);
  size_t m = 0;
  for (size_t i = 0; out && i < *n; i++) {
    if (s[i] == '\r' && i + 1 < *n && s[i + 1] == '\n') continue;
    out[m++] = s[i] == '\r' ? '\n' : s[i];
  }
  if (m && out && out[m - 1] == '\n') m--;
  if (out) out[m] = '\0';
  *n = m;
  return out;
}

static loci_status parse(jinja *t, const char *text, size_t n, const char *name, loci_err *err) {
  jtokens tokens;
  parser p = {.t = t, .tokens = &tokens, .err = err};
  t->name = arena_strdup(t->mem, name);
  if (!t->name) return fail_nomem(err, "reading a template");
  if (n > JINJA_TEMPLATE_MOST) {
    return fail(err, LOCI_EFORMAT, "%s: a template of %zu bytes; the limit is %d", name, n,
                JINJA_TEMPLATE_MOST);
  }
  if (!utf8_is_valid(text, n)) return fail(err, LOCI_EFORMAT, "%s: it is not UTF-8", name);
  char *source = clean(text, &n, t->mem);
  if (!source) return fail_nomem(err, "reading a template");
  TRY(jinja_tokens(source, n, name, t->mem, &tokens, err));
  body(&p, &t->body, NULL);
  if (!p.st) check_names(&p, t->body, false, 0);
  return p.st;
}

loci_status jinja_parse(const char *text, size_t n, const char *name, jinja **out, loci_err *err) {
  *out = NULL;
  arena *mem = arena_new();
  jinja *t = mem ? arena_zarray(mem, 1, jinja) : NULL;
  if (!t) {
    arena_free(mem);
    return fail_nomem(err, "reading a template");
  }
  t->mem = mem;
  loci_status st = parse(t, text, n, name, err);
  if (st) {
    jinja_free(t);
    return st;
  }
  *out = t;
  return LOCI_OK;
}

void jinja_free(jinja *t) {
  if (t) arena_free(t->mem);
}
