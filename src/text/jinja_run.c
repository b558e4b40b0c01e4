/* Runs a template's tree (jinja.h): statements write to the run's text, expressions give values.
 *
 * Scopes are Jinja's: the body of a loop, each time, and that of a macro, a block with a filter or
 * a {% with %} have one of their own; an if has none. */
#include <math.h>
#include <string.h>

#include "text/jinja_state.h"
#include "text/jinja_syntax.h"

static jvalue eval(jrun *r, const jnode *n);
static void run_body(jrun *r, const jnode *n);

/* ---------------------------------------------------------------- names */

static jvar *find_here(jrun *r, const jscope *s, const char *name) {
  for (jvar *v = s->vars; v && jrun_step(r, 1); v = v->next) {
    if (v->name == name || strcmp(v->name, name) == 0) return v;
  }
  return NULL;
}

static jvalue lookup(jrun *r, const char *name) {
  for (const jscope *s = r->scope; s; s = s->parent) {
    const jvar *v = find_here(r, s, name);
    if (v) return v->v;
  }
  const jcall *f = jcall_function(name);
  return f ? (jvalue){.kind = JK_FUNCTION, .call = f} : jv_undefined(name);
}

static void set_name(jrun *r, const char *name, jvalue v) {
  jvar *var = find_here(r, r->scope, name);
  if (!var) {
    var = jrun_alloc(r, 1, sizeof *var);
    if (!var) return;
    *var = (jvar){.name = name, .next = r->scope->vars};
    r->scope->vars = var;
  }
  var->v = v;
}

static void set_target(jrun *r, const jnode *target, jvalue v) {
  if (target->kind == JN_NAME) {
    set_name(r, target->name, v);
  } else if (target->kind == JN_ATTRIBUTE) {
    jvalue space = lookup(r, target->a->name);
    if (space.kind == JK_SPACE) {
      jv_set(r, space, target->name, v);
    } else {
      jrun_stop(r, LOCI_EFORMAT, "\"%.80s\" is no namespace, its members cannot be set",
                target->a->name);
    }
  } else {
    jvalue items = jv_items(r, v);
    int64_t i = 0, count = r->st ? 0 : items.list->count;
    const jnode *t = target->kids;
    for (; t && i < count && !r->st; t = t->next) set_target(r, t, items.list->at[i++]);
    if (t || i < count)
      jrun_stop(r, LOCI_EFORMAT, "a %s of %lld for names that are %s", jv_kind_name(v),
                (long long)count, t ? "more" : "fewer");
  }
}

/* ---------------------------------------------------------------- operators */

static jvalue eval_comparison(jrun *r, const jnode *n) {
  jvalue left = eval(r, n->a);
  for (const jnode *k = n->kids; k; k = k->next) {
    jvalue right = eval(r, k->a);
    if (r->st || !jv_by_order(r, k->op, left, right)) return jv_bool(false);
    left = right;
  }
  return jv_bool(true);
}

/* a ~ b: str(a) + str(b) */
static jvalue eval_concat(jrun *r, const jnode *n) {
  jbuild out = {.r = r};
  for (const jnode *k = n->kids; k && !r->st; k = k->next) jb_add(&out, jv_str(r, eval(r, k)));
  return jv_of_text(jb_text(&out));
}

static jvalue eval_sign(jrun *r, const jnode *n) {
  jvalue v = eval(r, n->a);
  int64_t i;
  if (jv_whole(v, &i)) {
    if (n->op == '-' && i == INT64_MIN) return jrun_stop(r, LOCI_EUNSUPPORTED, "too large an int");
    return jv_int(n->op == '-' ? -i : i);
  }
  if (v.kind == JK_REAL) return jv_real(n->op == '-' ? -v.x : v.x);
  return jrun_stop(r, LOCI_EFORMAT, "a %s has no sign", jv_kind_name(v));
}

/* ---------------------------------------------------------------- literals */

static jvalue eval_list(jrun *r, const jnode *n) {
  jvalue out = jv_list(r, n->kind == JN_LIST ? JK_LIST : JK_TUPLE);
  for (const jnode *k = n->kids; k && !r->st; k = k->next) jv_push(r, out, eval(r, k));
  return out;
}

static jvalue eval_dict(jrun *r, const jnode *n) {
  jvalue out = jv_dict(r, JK_DICT);
  for (const jnode *k = n->kids; k && k->next && !r->st; k = k->next->next) {
    jvalue key = eval(r, k);
    jv_put(r, out, key, eval(r, k->next));
  }
  return out;
}

static jvalue eval_slice(jrun *r, const jnode *n) {
  jvalue of = eval(r, n->a), parts[3];
  const jvalue *given[3] = {NULL, NULL, NULL};
  int i = 0;
  for (const jnode *k = n->kids; k; k = k->next, i++) {
    if (k->kind == JN_ABSENT) continue;
    parts[i] = eval(r, k);
    given[i] = &parts[i];
  }
  /* jinja2 works out constants beforehand, and takes what goes wrong there for nothing */
  if (n->a->kind == JN_CONST && of.kind != JK_TEXT) return jv_undefined(NULL);
  return r->st ? jv_undefined(NULL) : jv_slice(r, of, given[0], given[1], given[2]);
}

/* ---------------------------------------------------------------- calls */

/* Evaluated arguments, and their names or NULL. */
typedef struct arguments {
  jvalue *at;
  const char **names;
  int count, room;
} arguments;

static void add_argument(jrun *r, arguments *a, const char *name, jvalue v) {
  if (a->count == a->room) {
    jrun_stop(r, LOCI_EUNSUPPORTED, "a call with more than %d arguments", JARGS_MOST);
    return;
  }
  a->names[a->count] = name;
  a->at[a->count++] = v;
}

static void spread(jrun *r, arguments *a, jvalue v, bool members) {
  jvalue items = members && v.kind != JK_DICT
                     ? jrun_stop(r, LOCI_EFORMAT, "** takes a dict, not a %s", jv_kind_name(v))
                     : jv_items(r, v);
  for (int64_t i = 0; !r->st && i < items.list->count; i++) {
    jvalue key = items.list->at[i];
    bool found;
    if (!members) {
      add_argument(r, a, NULL, key);
    } else if (key.kind == JK_TEXT) {
      jbuild name = {.r = r};
      jb_add(&name, key.text);
      jb_put(&name, "", 1);
      if (!r->st) add_argument(r, a, name.s, jv_get(r, v, key, &found));
    }
  }
}

/* [more]: room for others beside them. */
static jargs eval_arguments(jrun *r, const jnode *kids, int more, arguments *out) {
  *out = (arguments){.room = more};
  for (const jnode *k = kids; k; k = k->next) out->room = k->op ? JARGS_MOST : out->room + 1;
  if (out->room > JARGS_MOST) out->room = JARGS_MOST;
  if (out->room) {
    out->at = jrun_alloc(r, (size_t)out->room, sizeof *out->at);
    out->names = jrun_alloc(r, (size_t)out->room, sizeof *out->names);
  }
  for (const jnode *k = kids; k && !r->st; k = k->next) {
    jvalue v = eval(r, k->a);
    if (k->op) {
      spread(r, out, v, k->op != '*');
    } else if (!r->st) {
      add_argument(r, out, k->name, v);
    }
  }
  return (jargs){.at = out->at, .names = out->names, .count = out->count};
}

/* A filter or a test, or what a value calls. */
static jvalue call_with(jrun *r, const jnode *n, const jcall *call, jvalue callee) {
  arguments a;
  jargs args = eval_arguments(r, n->kids, 0, &a);
  r->line = n->line;
  if (r->st) return jv_undefined(NULL);
  return call ? jcall_run(r, call, callee, &args) : jrun_call(r, callee, &args);
}

static jvalue eval_call(jrun *r, const jnode *n) {
  jvalue callee = eval(r, n->a);
  return r->st ? callee : call_with(r, n, NULL, callee);
}

static jvalue eval_filter(jrun *r, const jnode *n, jvalue of) {
  if (n->call) return call_with(r, n, n->call, of);
  return jrun_stop(r, LOCI_EUNSUPPORTED, "no %s \"%.80s\"",
                   n->kind == JN_FILTER ? "filter" : "test", n->name);
}

/* ---------------------------------------------------------------- expressions */

static jvalue eval_deeper(jrun *r, const jnode *n) {
  jvalue v;
  switch (n->kind) {
    case JN_LIST:
    case JN_TUPLE: return eval_list(r, n);
    case JN_DICT: return eval_dict(r, n);
    case JN_ATTRIBUTE: return jv_attribute(r, eval(r, n->a), n->name);
    case JN_ITEM: v = eval(r, n->a); return jv_subscript(r, v, eval(r, n->b));
    case JN_SLICE: return eval_slice(r, n);
    case JN_CALL: return eval_call(r, n);
    case JN_FILTER:
    case JN_TEST: return eval_filter(r, n, n->a ? eval(r, n->a) : r->block);
    case JN_BINARY: v = eval(r, n->a); return jv_calculate(r, n->op, v, eval(r, n->b));
    case JN_NOT: return jv_bool(!jv_truth(eval(r, n->a)));
    case JN_SIGN: return eval_sign(r, n);
    case JN_AND: v = eval(r, n->a); return jv_truth(v) ? eval(r, n->b) : v;
    case JN_OR: v = eval(r, n->a); return jv_truth(v) ? v : eval(r, n->b);
    case JN_COMPARE: return eval_comparison(r, n);
    case JN_CHOICE:
      if (jv_truth(eval(r, n->a))) return eval(r, n->b);
      return n->c ? eval(r, n->c) : jv_undefined(NULL);
    case JN_CONCAT: return eval_concat(r, n);
    default: return jv_undefined(NULL);
  }
}

static jvalue eval(jrun *r, const jnode *n) {
  if (!jrun_step(r, 1)) return jv_undefined(NULL);
  if (n->kind == JN_CONST) return n->value;
  if (n->kind == JN_NAME) return lookup(r, n->name);
  if (!jrun_deeper(r)) return jv_undefined(NULL);
  jvalue v = eval_deeper(r, n);
  jrun_back(r);
  return r->st ? jv_undefined(NULL) : v;
}

/* ---------------------------------------------------------------- macros */

static jscope *push_scope(jrun *r, jscope *s, jscope *parent) {
  jscope *was = r->scope;
  *s = (jscope){.parent = parent};
  r->scope = s;
  return was;
}

/* A scope that a macro made inside it may outlive. */
static jscope *new_scope(jrun *r, jscope *parent) {
  jscope *s = jrun_alloc(r, 1, sizeof *s);
  if (!s) return NULL;
  push_scope(r, s, parent);
  return s;
}

/* The text that a body writes. */
static jvalue captured(jrun *r, const jnode *kids) {
  jbuild was = r->out;
  r->out = (jbuild){.r = r};
  run_body(r, kids);
  jvalue v = jv_of_text(jb_text(&r->out));
  r->out = was;
  return v;
}

/* Parameters in their order; what is left over goes to varargs and kwargs, if the macro has an eye
 * on them. */
static void bind(jrun *r, const jnode *n, jargs *a) {
  int place = 0;
  for (const jnode *k = n->others; k && !r->st; k = k->next, place++) {
    const jvalue *v = jarg(a, place, k->name);
    set_name(r, k->name, v ? *v : k->a ? eval(r, k->a) : jv_undefined(k->name));
  }
  jvalue more = jv_list(r, JK_TUPLE), named = jv_dict(r, JK_DICT);
  const jvalue *caller = n->op & JM_CALLER ? jarg(a, -1, "caller") : NULL;
  for (int i = 0; i < a->count && !r->st; i++) {
    bool by_name = a->names && a->names[i];
    if (a->used >> i & 1) continue;
    if (!(n->op & (by_name ? JM_KWARGS : JM_VARARGS))) {
      jrun_stop(r, LOCI_EFORMAT, "the macro \"%.80s\" takes other arguments", n->name);
    } else if (by_name) {
      jv_set(r, named, a->names[i], a->at[i]);
    } else {
      jv_push(r, more, a->at[i]);
    }
  }
  if (n->op & JM_CALLER) set_name(r, "caller", caller ? *caller : jv_undefined("caller"));
  if (n->op & JM_VARARGS) set_name(r, "varargs", more);
  if (n->op & JM_KWARGS) set_name(r, "kwargs", named);
}

static jvalue call_macro(jrun *r, const jmacro *m, jargs *a) {
  jscope *was = r->scope;
  if (!jrun_deeper(r)) return jv_undefined(NULL);
  jvalue v = jv_undefined(NULL);
  if (new_scope(r, m->scope)) {
    bind(r, m->node, a);
    v = captured(r, m->node->kids);
    r->flow = FLOW_ON;
  }
  r->scope = was;
  jrun_back(r);
  return v;
}

jvalue jrun_call(jrun *r, jvalue callee, jargs *a) {
  switch (callee.kind) {
    case JK_MACRO: return call_macro(r, callee.macro, a);
    case JK_FUNCTION: return jcall_run(r, callee.call, jv_none(), a);
    case JK_METHOD: return jcall_run(r, callee.method->call, callee.method->self, a);
    case JK_UNDEFINED:
      return jrun_stop(r, LOCI_EFORMAT, "\"%.80s\" is undefined or not supported, and called",
                       callee.name ? callee.name : "what is called");
    default: return jrun_stop(r, LOCI_EFORMAT, "a %s cannot be called", jv_kind_name(callee));
  }
}

static jvalue new_macro(jrun *r, const jnode *n) {
  jmacro *m = jrun_alloc(r, 1, sizeof *m);
  if (!m) return jv_undefined(NULL);
  *m = (jmacro){n, r->scope};
  return (jvalue){.kind = JK_MACRO, .macro = m};
}

/* What a block makes is not turned into a text. */
static void put_text(jrun *r, jvalue v) {
  if (v.kind == JK_TEXT) {
    jb_add(&r->out, v.text);
  } else {
    jrun_stop(r, LOCI_EFORMAT, "a block makes a %s, where a str is expected", jv_kind_name(v));
  }
}

static void run_call_block(jrun *r, const jnode *n) {
  jvalue callee = eval(r, n->a->a), caller = new_macro(r, n);
  arguments a;
  jargs args = eval_arguments(r, n->a->kids, 1, &a);
  if (r->st) return;
  add_argument(r, &a, "caller", caller);
  args.count = a.count;
  put_text(r, jrun_call(r, callee, &args));
}

/* ---------------------------------------------------------------- statements */

/* The items that pass "for .. if". */
static jvalue chosen(jrun *r, const jnode *n, jvalue items) {
  jvalue out = jv_list(r, JK_LIST);
  jscope *was = r->scope;
  for (int64_t i = 0; !r->st && i < items.list->count; i++) {
    if (!new_scope(r, was)) break;
    set_target(r, n->a, items.list->at[i]);
    if (jv_truth(eval(r, n->c))) jv_push(r, out, items.list->at[i]);
  }
  r->scope = was;
  return out;
}

static void run_loop(jrun *r, const jnode *n) {
  jvalue items = jv_items(r, eval(r, n->b));
  jscope *was = r->scope;
  jloop *loop = jrun_alloc(r, 1, sizeof *loop);
  bool ended = false;
  if (loop && n->c) items = chosen(r, n, items);
  if (r->st || !loop) return;
  *loop = (jloop){.items = items.list};
  for (; loop->at < items.list->count && !r->st && r->flow != FLOW_BREAK; loop->at++) {
    if (!new_scope(r, was)) break;
    set_name(r, "loop", (jvalue){.kind = JK_LOOP, .loop = loop});
    set_target(r, n->a, items.list->at[loop->at]);
    run_body(r, n->kids);
    ended = ended || r->flow == FLOW_ON;
    if (r->flow == FLOW_CONTINUE) r->flow = FLOW_ON;
  }
  r->flow = FLOW_ON;
  r->scope = was;
  if (ended || !n->others || !new_scope(r, was)) return; /* as jinja2: no body came to its end */
  run_body(r, n->others);
  r->scope = was;
}

static void run_if(jrun *r, const jnode *n) {
  while (n->kind == JN_IF) {
    if (jv_truth(eval(r, n->a))) {
      run_body(r, n->kids);
      return;
    }
    if (r->st || !n->others) return;
    if (n->others->kind != JN_IF || !n->others->op) break;
    n = n->others;
  }
  run_body(r, n->others);
}

/* A captured body, through its filters. */
static jvalue filtered_body(jrun *r, const jnode *n) {
  jscope *was = r->scope;
  if (!new_scope(r, was)) return jv_undefined(NULL);
  r->block = captured(r, n->kids);
  r->scope = was;
  return n->b ? eval(r, n->b) : r->block;
}

static void run_with(jrun *r, const jnode *n) {
  jscope *was = r->scope, *inner = new_scope(r, was);
  for (const jnode *k = n->others; inner && k && !r->st; k = k->next) {
    r->scope = was;
    jvalue v = eval(r, k->b);
    r->scope = inner;
    set_target(r, k->a, v);
  }
  run_body(r, n->kids);
  r->scope = was;
}

static void run_statement(jrun *r, const jnode *n) {
  r->line = n->line;
  switch (n->kind) {
    case JN_DATA: jb_add(&r->out, &n->text); break;
    case JN_OUTPUT: jb_add(&r->out, jv_str(r, eval(r, n->a))); break;
    case JN_IF: run_if(r, n); break;
    case JN_FOR: run_loop(r, n); break;
    case JN_SET: set_target(r, n->a, eval(r, n->b)); break;
    case JN_SET_BLOCK: set_target(r, n->a, filtered_body(r, n)); break;
    case JN_FILTER_BLOCK: put_text(r, filtered_body(r, n)); break;
    case JN_MACRO: set_name(r, n->name, new_macro(r, n)); break;
    case JN_CALL_BLOCK: run_call_block(r, n); break;
    case JN_WITH: run_with(r, n); break;
    case JN_BREAK: r->flow = FLOW_BREAK; break;
    case JN_CONTINUE: r->flow = FLOW_CONTINUE; break;
    default: break;
  }
}

static void run_body(jrun *r, const jnode *n) {
  if (!jrun_deeper(r)) return;
  for (; n && jrun_step(r, 1) && r->flow == FLOW_ON; n = n->next) run_statement(r, n);
  jrun_back(r);
}

/* ---------------------------------------------------------------- the whole */

loci_status jinja_begin(const jinja *t, jinja_day day, jrun **out, loci_err *err) {
  *out = NULL;
  arena *mem = arena_new();
  jrun *r = mem ? arena_zarray(mem, 1, jrun) : NULL;
  if (!r) {
    arena_free(mem);
    return fail_nomem(err, "running a template");
  }
  r->t = t;
  r->mem = mem;
  r->day = day;
  r->scope = &r->given;
  r->out.r = r;
  *out = r;
  return LOCI_OK;
}

void jinja_give(jrun *r, const char *name, jvalue v) { set_name(r, name, v); }

loci_status jinja_render(jrun *r, const jtext **out, loci_err *err) {
  *out = NULL;
  if (!r->st) run_body(r, r->t->body);
  jb_put(&r->out, "", 1);
  jtext *t = jb_text(&r->out);
  if (t && memchr(t->s, '\0', t->n) != t->s + t->n - 1) {
    r->line = 0;
    jrun_stop(r, LOCI_EFORMAT, "it writes a NUL character");
  }
  if (r->st == LOCI_ENOMEM) return fail_nomem(err, "running a template");
  if (r->st) return fail(err, r->st, "%s: %s", r->t->name, r->kept.msg);
  if (!t) return fail_nomem(err, "running a template");
  t->n--;
  *out = t;
  return LOCI_OK;
}

bool jinja_asked_day(const jrun *r) { return r->asked_day; }

void jinja_end(jrun *r) {
  if (r) arena_free(r->mem);
}
