/* Shared pieces of JSON results (see json_parts.h), and their line breaks: jansson writes either
 * one line or one line per number; a grid wants one line per layer.  So the compact text is broken
 * here: an object is broken between its members if it holds arrays of arrays, an array if it holds
 * arrays or objects. */
#include "show/json_parts.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show/bytes.h"

js_value *json_result(const char *command) {
  js_value *o = js_object();
  char format[64];
  snprintf(format, sizeof format, "loci.%s/1", command);
  js_put(&o, "format", js_text(format));
  js_put(&o, "version", js_text(LOCI_VERSION));
  return o;
}

static js_value *json_token(const loci_token *t, int pos) {
  js_value *o = js_object(), *range = js_array();
  js_put(&o, "pos", js_int(pos));
  js_put(&o, "id", js_int(t->id));
  js_put(&o, "text", js_text(t->text));
  js_put(&o, "role", js_text(loci_role_name(t->role)));
  js_push(&range, js_int(t->bytes[0]));
  js_push(&range, js_int(t->bytes[1]));
  js_put(&o, "bytes", range);
  return o;
}

static js_value *json_image(const loci_prompt_info *p) {
  if (p->image_first < 0) return js_null();
  js_value *o = js_object();
  js_put(&o, "first", js_int(p->image_first));
  js_put(&o, "count", js_int(p->image_count));
  js_put(&o, "rows", js_int(p->image_rows));
  js_put(&o, "cols", js_int(p->image_cols));
  return o;
}

js_value *json_prompt(const loci_prompt_info *p) {
  js_value *o = js_object(), *tokens = js_array();
  js_put(&o, "text", js_text(p->text));
  for (int i = 0; i < p->length; i++) js_push(&tokens, json_token(&p->tokens[i], i));
  js_put(&o, "tokens", tokens);
  js_put(&o, "image", json_image(p));
  return o;
}

js_value *json_constraints(const loci_prompt_info *p) {
  js_value *a = js_array();
  for (int i = 0; i < p->constraint_count; i++) {
    const loci_constraint *c = &p->constraints[i];
    js_value *o = js_object();
    js_put(&o, "text", js_text(c->text));
    js_put(&o, "kind", js_text(c->kind));
    js_put(&o, "first", js_int(c->first));
    js_put(&o, "count", js_int(c->count));
    js_push(&a, o);
  }
  return a;
}

js_value *json_candidate(const loci_candidate *c) {
  js_value *o = js_object();
  js_put(&o, "id", js_int(c->id));
  js_put(&o, "text", js_text(c->text));
  js_put(&o, "p", js_real(c->p));
  return o;
}

js_value *json_top(const loci_candidate *top, int count) {
  js_value *a = js_array();
  for (int i = 0; i < count && top[i].text; i++) js_push(&a, json_candidate(&top[i]));
  return a;
}

/* ---------------------------------------------------------------- what a result is about */

/* [{"file", "method", "layer", "rank", "norm", "requests": [{"question", "target"}]}] */
static js_value *json_edits(const loci_model_info *m) {
  js_value *a = js_array();
  for (int i = 0; i < m->edit_count; i++) {
    const loci_applied_edit *e = &m->edits[i];
    js_value *o = js_object(), *requests = js_array();
    js_put(&o, "file", js_text(e->file));
    js_put(&o, "method", js_text(e->method));
    js_put(&o, "layer", js_int(e->layer));
    js_put(&o, "rank", js_int(e->rank));
    js_put(&o, "norm", js_real(e->norm));
    for (int k = 0; k < e->request_count; k++) {
      js_value *r = js_object();
      js_put(&r, "question", js_text(e->questions[k]));
      js_put(&r, "target", js_text(e->targets[k]));
      js_push(&requests, r);
    }
    js_put(&o, "requests", requests);
    js_push(&a, o);
  }
  return a;
}

js_value *json_model(const loci_model_info *m, const char *hash) {
  js_value *o = js_object();
  js_put(&o, "path", js_text(m->path));
  js_put(&o, "family", js_text(m->family));
  js_put(&o, "layers", js_int(m->layers));
  js_put(&o, "width", js_int(m->width));
  js_put(&o, "heads", js_int(m->heads));
  js_put(&o, "kv_heads", js_int(m->kv_heads));
  js_put(&o, "dtype", js_text(m->dtype));
  js_put(&o, "hash", js_text(hash && hash[0] ? hash : NULL));
  if (m->edit_count > 0) js_put(&o, "edits", json_edits(m));
  return o;
}

void json_put_request(js_value **to, const loci_result *r) {
  js_value *v = NULL;
  if (!r->request || js_parse(r->request, strlen(r->request), "request", &v, NULL)) v = js_null();
  js_put(to, "request", v);
  js_put(to, "command", js_text(r->command && *r->command ? r->command : NULL));
}

js_value *json_target(const int *ids, int count, const char *text, bool given) {
  js_value *o = js_object();
  js_put(&o, "ids", js_ints(ids, count));
  js_put(&o, "text", js_text(text));
  js_put(&o, "given", js_bool(given));
  return o;
}

js_value *json_outcome(const loci_outcome *r, bool whole, bool kl) {
  js_value *o = js_object();
  js_put(&o, "p", js_real(r->m.p));
  js_put(&o, "logp", js_real(r->m.logp));
  if (whole) {
    js_put(&o, "p_first", js_real(r->m.p_first));
    js_put(&o, "logp_first", js_real(r->m.logp_first));
  }
  js_put(&o, "logit_diff", js_real(r->m.logit_diff));
  if (kl) js_put(&o, "kl", js_real(r->m.kl));
  js_put(&o, "top", json_top(r->top, LOCI_TOP));
  return o;
}

static js_value *json_spent(const loci_spent *s) {
  js_value *o = js_object();
  js_put(&o, "read", js_real(s->read));
  js_put(&o, "convert", js_real(s->convert));
  js_put(&o, "product", js_real(s->product));
  js_put(&o, "attention", js_real(s->attention));
  js_put(&o, "head", js_real(s->head));
  js_put(&o, "other", js_real(s->other));
  return o;
}

js_value *json_cost(const loci_cost *c) {
  js_value *o = js_object();
  js_put(&o, "seconds", js_real(c->seconds));
  js_put(&o, "rows", js_int(c->rows));
  js_put(&o, "formula", js_int(c->formula));
  js_put(&o, "flop", js_real(c->flop));
  js_put(&o, "flop_per_s", js_real(c->seconds > 0 ? c->flop / c->seconds : (double)NAN));
  js_put(&o, "naive_flop", js_real(c->naive_flop));
  if (c->spent.product > 0) js_put(&o, "spent", json_spent(&c->spent));
  return o;
}

/* ---------------------------------------------------------------- line breaks */

enum { DEPTH = 16 }; /* results are not nested deeper */

/* The index behind the string that begins at s[i]. */
static size_t skip_string(const char *s, size_t i) {
  for (i++; s[i] != '"'; i++) {
    if (s[i] == '\\') i++;
  }
  return i + 1;
}

/* height[k]: how many levels lie in the k-th bracket of s, itself included (1: only numbers). */
static void measure_heights(const char *s, uint8_t *height) {
  size_t open[DEPTH] = {0}, brackets = 0;
  int depth = 0;
  for (size_t i = 0; s[i];) {
    if (s[i] == '"') {
      i = skip_string(s, i);
      continue;
    }
    if (s[i] == '[' || s[i] == '{') {
      assert(depth < DEPTH);
      open[depth++] = brackets;
      height[brackets++] = 1;
    } else if (s[i] == ']' || s[i] == '}') {
      depth--;
      uint8_t above = (uint8_t)(height[open[depth]] + 1);
      if (depth > 0 && height[open[depth - 1]] < above) height[open[depth - 1]] = above;
    }
    i++;
  }
}

static void break_lines(const char *s, const uint8_t *height, bytes *out) {
  bool broken[DEPTH + 1] = {false};
  size_t brackets = 0, from = 0;
  int depth = 0;
  for (size_t i = 0; s[i];) {
    if (s[i] == '"') {
      i = skip_string(s, i);
      continue;
    }
    char c = s[i++];
    if (c == '[' || c == '{') {
      broken[++depth] = height[brackets++] >= (c == '[' ? 2 : 3);
    }
    if (c == ']' || c == '}') depth--;
    if (depth > 0 && broken[depth] && (c == ',' || c == '[')) {
      bytes_add(out, s + from, i - from);
      bytes_text(out, "\n");
      bytes_repeat(out, " ", depth);
      from = i;
    }
  }
  bytes_text(out, s + from);
}

static size_t count_brackets(const char *s) {
  size_t n = 0;
  for (; *s; s++) n += *s == '[' || *s == '{';
  return n; /* those within strings only make it larger */
}

loci_status json_print_lines(js_value *v, char **out, loci_err *err) {
  char *compact = NULL;
  bytes text = {0};
  *out = NULL;
  TRY(js_print(v, false, &compact, err));
  loci_status st = LOCI_OK;
  uint8_t *height = calloc(count_brackets(compact) + 1, 1);
  if (!height) {
    st = fail_nomem(err, "writing JSON");
    goto done;
  }
  measure_heights(compact, height);
  break_lines(compact, height, &text);
  st = bytes_take(&text, out, NULL, err);
done:
  free(height);
  free(compact);
  return st;
}
