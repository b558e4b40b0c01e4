/* Reading and running a template when memory runs out, one allocation at a time. */
#include "failing_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text/jinja.h"

/* Chunks are large: what is written goes over several of them. */
static const char TEMPLATE[] =
    "{% macro m(a, b=1.5) %}[{{ a|trim ~ b }}]{% endmacro %}"
    "{% set n = namespace(t='', l=[]) %}{% for w in q.split(' ') if w %}"
    "{% set n.t = n.t + m(w) %}{% set n.l = n.l + [w, {'k': w}] %}{% endfor %}"
    "{{ n.t * 3000 }}{{ n.l|tojson }}{{ n.l|sort(attribute='k')|list if false else n.l }}"
    "{% filter upper %}{{ q|indent|replace('a', 'bb') }}{% endfilter %}{{ strftime_now('%d') }}"
    "{{ {'a': [1, 2, 3]|map('string')|join(',')} }}{{ 'x' * 70000 }}";

static loci_status render(void *ctx, loci_err *err) {
  jinja *t;
  jrun *r = NULL;
  const jtext *text;
  (void)ctx;
  loci_status st = jinja_parse(TEMPLATE, strlen(TEMPLATE), "t", &t, err);
  if (!st) st = jinja_begin(t, (jinja_day){2026, 1, 1}, &r, err);
  if (!st) jinja_give(r, "q", jv_marked(r, "who was that", 12, 1));
  if (!st) st = jinja_render(r, &text, err);
  jinja_end(r);
  jinja_free(t);
  return st;
}

static void running_out_of_memory_is_said(void **state) {
  (void)state;
  assert_true(failing_malloc_run(render, NULL) > 10);
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(running_out_of_memory_is_said)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
