/* Arguments of calls (jinja_ops.h): taken by place or by name, and each of them looked at. */
#include <string.h>

#include "text/jinja_state.h"

const jvalue *jarg(jargs *a, int place, const char *name) {
  int seen = 0;
  for (int i = 0; i < a->count; i++) {
    bool by_name = a->names && a->names[i];
    bool is = by_name ? name && strcmp(a->names[i], name) == 0 : seen++ == place;
    if (!is || (a->used >> i & 1)) continue;
    a->used |= (uint64_t)1 << i;
    return &a->at[i];
  }
  return NULL;
}

const jtext *jarg_text(jrun *r, jargs *a, int place, const char *name) {
  const jvalue *v = jarg(a, place, name);
  if (!v || v->kind == JK_NONE) return NULL;
  if (v->kind == JK_TEXT) return v->text;
  jrun_stop(r, LOCI_EFORMAT, "a %s where a str is expected", jv_kind_name(*v));
  return NULL;
}

const jtext *jarg_need(jrun *r, jargs *a, int place, const char *name) {
  const jtext *t = jarg_text(r, a, place, name);
  if (!t) jrun_stop(r, LOCI_EFORMAT, "an argument is missing");
  return t;
}

int64_t jarg_int(jrun *r, jargs *a, int place, const char *name, int64_t fallback) {
  const jvalue *v = jarg(a, place, name);
  int64_t i = fallback;
  if (v && v->kind != JK_NONE && !jv_whole(*v, &i)) {
    jrun_stop(r, LOCI_EFORMAT, "a %s where an int is expected", jv_kind_name(*v));
  }
  return i;
}

jvalue jcall_run(jrun *r, const jcall *c, jvalue self, jargs *a) {
  jvalue v = c->run(r, self, a);
  uint64_t all = a->count == JARGS_MOST ? UINT64_MAX : ((uint64_t)1 << a->count) - 1;
  if (!r->st && a->used != all) {
    return jrun_stop(r, LOCI_EFORMAT, "%s: an argument that it does not take", c->name);
  }
  return v;
}

const jcall *jcall_find(const jcall *list, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(list[i].name, name) == 0) return &list[i];
  }
  return NULL;
}
