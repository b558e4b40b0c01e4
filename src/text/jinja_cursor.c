/* A parser's place among the tokens of a template (see jinja_parser.h): what stands there, a step
 * further, and the sentence about what should have stood there. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja_parser.h"

const jtoken *jp_peek(const parser *p) {
  return &p->tokens->at[p->st ? p->tokens->count - 1 : p->at];
}

void jp_stop(parser *p, loci_status code, const char *format, ...) {
  char text[256];
  if (p->st) return;
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  p->st = fail(p->err, code, "%s: line %d: %s", p->t->name, jp_peek(p)->line, text);
}

void jp_unexpected(parser *p, const char *expected) {
  const jtoken *t = jp_peek(p);
  int n = t->n > 40 ? 40 : (int)t->n;
  if (t->kind == JT_END) {
    jp_stop(p, LOCI_EFORMAT, "the template ends where %s is expected", expected);
  } else {
    jp_stop(p, LOCI_EFORMAT, "\"%.*s\" where %s is expected", n, t->s, expected);
  }
}

jnode *jp_node(parser *p, jnode_kind kind) {
  jnode *n = p->st ? NULL : arena_zarray(p->t->mem, 1, jnode);
  if (!n && !p->st) p->st = fail_nomem(p->err, "reading a template");
  if (!n) n = &p->spare;
  *n = (jnode){.kind = kind, .line = jp_peek(p)->line};
  return n;
}

void jp_step(parser *p) {
  if (!p->st && jp_peek(p)->kind != JT_END) p->at++;
}

bool jp_is_op(const parser *p, int op) {
  const jtoken *t = jp_peek(p);
  return t->kind == JT_OP && t->op == op;
}

bool jp_take_op(parser *p, int op) {
  bool is = jp_is_op(p, op);
  if (is) jp_step(p);
  return is;
}

bool jp_token_is(const jtoken *t, const char *name) {
  return t->kind == JT_NAME && t->n == strlen(name) && memcmp(t->s, name, t->n) == 0;
}

bool jp_is_name(const parser *p, const char *name) { return jp_token_is(jp_peek(p), name); }

bool jp_take_name(parser *p, const char *name) {
  bool is = jp_is_name(p, name);
  if (is) jp_step(p);
  return is;
}

void jp_need_op(parser *p, int op, const char *what) {
  if (!jp_take_op(p, op)) jp_unexpected(p, what);
}

void jp_need(parser *p, jtoken_kind kind, const char *what) {
  if (jp_peek(p)->kind != kind) jp_unexpected(p, what);
  jp_step(p);
}

static const char *copy(parser *p, const char *s, size_t n) {
  char *text = p->st ? NULL : arena_strndup(p->t->mem, s, n);
  if (!text && !p->st) p->st = fail_nomem(p->err, "reading a template");
  return text ? text : "";
}

const char *jp_need_name(parser *p, const char *what) {
  const jtoken *t = jp_peek(p);
  if (t->kind != JT_NAME) jp_unexpected(p, what);
  if (t->n > NAME_MOST) jp_stop(p, LOCI_EFORMAT, "a name of %zu bytes", t->n);
  const char *name = copy(p, t->s, t->kind == JT_NAME ? t->n : 0);
  jp_step(p);
  return name;
}

void jp_append(jnode ***tail, jnode *n) {
  **tail = n;
  *tail = &n->next;
}

/* Every way back to itself of the grammar goes through here. */
bool jp_enter(parser *p) {
  if (p->depth >= NEST_MOST) jp_stop(p, LOCI_EFORMAT, "nested more than %d deep", NEST_MOST);
  if (p->st) return false;
  p->depth++;
  return true;
}

/* Counted now: a tree that is run by several at once is only read. */
void jp_set_text(jnode *n, const char *s, size_t size) {
  n->text = (jtext){.s = s, .n = size};
  for (size_t i = 0; i < size; i++) n->text.length += ((uint8_t)s[i] & 0xC0) != 0x80;
}
