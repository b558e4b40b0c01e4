/* Templates: what jinja2 makes of tests/golden/jinja (tools/jinja_goldens.py), where the bytes of
 * a text came from, and templates that are up to no good. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja.h"
#include "text/jinja_given_test.h"
#include "text/jinja_state.h"
#include "text/golden_test.h"

static const jinja_day DAY = {2026, 1, 31};

typedef struct rendering {
  jinja *t;
  jrun *r;
  const jtext *text;
  loci_status st;
  loci_err err;
} rendering;

/* [question]: its text is marked as coming from 1 */
static rendering render(const char *template, size_t n, const char *question) {
  rendering x = {.st = LOCI_OK};
  x.st = jinja_parse(template, n, "t", &x.t, &x.err);
  if (!x.st) x.st = jinja_begin(x.t, DAY, &x.r, &x.err);
  if (!x.st && question) jinja_give(x.r, "q", jv_marked(x.r, question, strlen(question), 1));
  if (!x.st) x.st = jinja_render(x.r, &x.text, &x.err);
  return x;
}

static void end(rendering *x) {
  jinja_end(x->r);
  jinja_free(x->t);
}

static void templates_render_as_jinja2_renders_them(void **s) {
  (void)s;
  js_value *root;
  loci_err err;
  assert_ok(js_parse_file(LOCI_SOURCE_DIR "/tests/golden/jinja/cases.json", 1 << 20, &root, &err),
            err);
  const js_value *cases = js_get(root, "cases"), *given = js_get(root, "given");
  assert_true(js_count(cases) > 250);
  for (int64_t i = 0; i < js_count(cases); i++) {
    const js_value *c = js_at(cases, i);
    size_t n, want_n = 0;
    const char *template = js_text_of(js_get(c, "template"), &n);
    const char *want = js_text_of(js_get(c, "text"), &want_n);
    const jtext *text = NULL;
    jrun *r = NULL;
    jinja *t;
    loci_status st = jinja_parse(template, n, "t", &t, &err);
    if (!st) st = jinja_begin(t, DAY, &r, &err);
    if (!st) given_json(r, given);
    if (!st) st = jinja_render(r, &text, &err);
    if (want) {
      if (st) print_error("%s\n  %s\n", template, err.msg);
      assert_int_equal(st, LOCI_OK);
      assert(text);
      if (text->n != want_n || memcmp(text->s, want, want_n) != 0) {
        print_error("%s\n  gives %s\n  not   %s\n", template, text->s, want);
      }
      assert_int_equal(text->n, want_n);
      assert_memory_equal(text->s, want, want_n);
    } else {
      if (!st && text) print_error("%s\n  gives %s\n", template, text->s);
      assert_int_not_equal(st, LOCI_OK);
      assert_memory_equal(err.msg, "t: ", 3);
    }
    jinja_end(r);
    jinja_free(t);
  }
  js_free(root);
}

/* Every marked byte is that of the question it says it is; [marked] are found altogether. */
static void keeps(const char *template, const char *question, const char *text, int marked) {
  rendering x = render(template, strlen(template), question);
  assert_ok(x.st, x.err);
  assert_string_equal(x.text->s, text);
  int count = 0;
  for (int i = 0; i < x.text->mark_count; i++) {
    const jmark *m = &x.text->marks[i];
    assert_int_equal(m->source, 1);
    assert_true(m->begin < m->end && m->end <= x.text->n);
    assert_true(i == 0 || x.text->marks[i - 1].end <= m->begin);
    assert_memory_equal(x.text->s + m->begin, question + m->from, m->end - m->begin);
    count += (int)(m->end - m->begin);
  }
  assert_int_equal(count, marked);
  end(&x);
}

static void a_text_knows_which_bytes_are_the_users(void **s) {
  (void)s;
  keeps("Who? {{ q }}!", "Who?", "Who? Who?!", 4);
  keeps("{{ 'a' + q + 'b' + q }}", "x", "axbx", 2);
  keeps("{{ 'a' ~ q ~ 1 }}", "xy", "axy1", 2);
  keeps("{{ q|trim }} {{ q.strip() }}", "  x y ", "x y x y", 6);
  keeps("{{ q[1:] }}{{ q[-1] }}{{ q[::-1] }}", "abc", "bcccba", 6);
  keeps("{{ q.split(' ')|join('+') }}", "a bc", "a+bc", 3);
  keeps("{{ q|replace('b', 'XX') }}", "abc", "aXXc", 2);
  keeps("{% set x %}<{{ q }}>{% endset %}{{ x }}", "ab", "<ab>", 2);
  keeps("{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m(q) }}", "ab", "[ab]", 2);
  keeps("{% set n = namespace(t='') %}{% for c in q %}{% set n.t = n.t + c %}{% endfor %}{{ n.t }}",
        "aüb", "aüb", 4);
  keeps("{{ [q, 'x'] }} {{ q|tojson }}", "a\"b", "['a\"b', 'x'] \"a\\\"b\"", 5);
  keeps("{{ q|upper }}{{ q|length }}{{ q == 'ab' }}", "ab", "AB2True", 0);
  keeps("{{ q|indent(1) }}", "a\nb", "a\n b", 2);
  keeps("{{ '%s' % q }}{{ ', '.join([q]) }}", "ab", "abab", 4);
}

/* It ends with a sentence, by a limit on what it may read, nest or run. */
static void ends(const char *template, size_t n, const char *sentence) {
  rendering x = render(template, n, "question");
  assert_int_not_equal(x.st, LOCI_OK);
  if (!strstr(x.err.msg, sentence)) print_error("%s\n", x.err.msg);
  assert_non_null(strstr(x.err.msg, sentence));
  end(&x);
}

static void ends_short(const char *template, const char *sentence) {
  ends(template, strlen(template), sentence);
}

static char *repeat(char *at, const char *part, size_t times) {
  for (size_t k = strlen(part); times > 0; times--, at += k) memcpy(at, part, k);
  return at;
}

/* head open open .. mid close close .. tail */
static void ends_nested(const char *head, const char *open, const char *mid, const char *close,
                        const char *tail, size_t times, const char *sentence) {
  char *text = malloc(times * (strlen(open) + strlen(close)) + 1000), *at = text;
  assert_non_null(text);
  at = repeat(at, head, 1);
  at = repeat(at, open, times);
  at = repeat(at, mid, 1);
  at = repeat(at, close, times);
  at = repeat(at, tail, 1);
  ends(text, (size_t)(at - text), sentence);
  free(text);
}

static void hostile_templates_end_with_a_sentence(void **s) {
  (void)s;
  const char *loop = "{% for a in [1,2] %}", *closed = "{% endfor %}", *deep = "nested more than";
  ends_nested("", loop, "x", closed, "", (10 << 20) / 32, "bytes; the limit is");
  ends_nested("", loop, "x", closed, "", 8000, deep);
  ends_nested("", loop, "x", "", "", 12000, deep);
  ends_nested("", loop, "{% set b = 1 %}", closed, "", 90, "runs too long");
  ends_nested("", "{% if a %}", "x", "{% endif %}", "", 8000, deep);
  ends_nested("{{ ", "(", "1", ")", " }}", 99999, deep);
  ends_nested("{{ ", "[", "1", "]", " }}", 99999, deep);
  ends_nested("{{ ", "{1: ", "1", "}", " }}", 40000, deep);
  ends_nested("{{ ", "-", "1", "", " }}", 99999, deep);
  ends_nested("{{ ", "not ", "1", "", " }}", 50000, deep);
  ends_nested("{{ ", "1+", "1", "", " }}", 99999, deep);
  ends_nested("{{ a", ".a", "", "", " }}", 99999, deep);
  ends_nested("{{ a", "[a", "", "]", " }}", 50000, deep);
  ends_nested("{{ a", "|trim", "", "", " }}", 40000, deep);
  ends_nested("{{ ", "a if a else ", "a", "", " }}", 20000, deep);
  ends_nested("{{ a", " is b", "", "", " }}", 20000, "\"is\" after another");
  ends_nested("{{ ", "m(", "", ")", " }}", 50000, deep);
  ends_nested("{% macro m(", "a,", "a", "", ") %}{% endmacro %}", 999, "parameters");
  ends_nested("{{ m(", "a,", "a", "", ") }}", 999, "arguments");
  ends_nested("", "{# ", "", "", "", 80000, "without its #}");
  ends_nested("{% raw %}", "{% ", "", "", "", 80000, "without its {% endraw %}");
  ends_nested("{{ '", "\\", "", "", "", 200000, "closing quote");
  ends_short("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
             "runs too long");
  ends_short("{% for a in range(99999) %}{{ 'long text' * 1000 }}{% endfor %}", "4194304 bytes");
  ends_short("{{ 'abcdefgh' * 999999999 }}", "4194304 bytes");
  ends_short("{{ [1] * 999999999 }}", "the template");
  ends_short("{% set n = namespace(t='ab') %}{% for a in range(99) %}{% set n.t = n.t + n.t %}"
             "{% endfor %}",
             "4194304 bytes");
  ends_short("{% set n = namespace(t=[1]) %}{% for a in range(99) %}{% set n.t = n.t + n.t %}"
             "{% endfor %}",
             "the template");
  ends_short("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "deep");
  ends_short("{% set n = namespace() %}{% set n.n = n %}{{ n }}", "deep");
  ends_short("{% set n = namespace() %}{% set n.l = [n] %}{{ n.l == n.l }}{{ n.l|string }}",
             "deep");
  ends_short("{{ 9223372036854775807 + 1 }}", "64 bits");
  ends_short("{{ 99999999999999999999 }}", "64 bits");
  ends_short("{{ 3 ** 99 }}", "64 bits");
  ends_short("{{ (0 - 9223372036854775807 - 1) // -1 }}", "64 bits");
  ends_short("{{ '\\x00' }}", "NUL");
  ends_short("{{ '\\ud800' }}", "escape");
  ends_short("a\xff", "UTF-8");
  ends_short("{{ strftime_now('%Q') }}", "format");
  ends_nested("{% set ", "a", "", "", " = 1 %}", 1000, "a name of");
  ends_short("{% set t = 'a' * 4000000 %}{{ t.find('a' * 2000000 + 'b') }}", "runs too long");
  ends_short("{% set t = 'a' * 4000000 %}{{ t.rfind('b' + 'a' * 2000000) }}", "runs too long");
}

static size_t steps_of(const char *template) {
  rendering x = render(template, strlen(template), NULL);
  assert_ok(x.st, x.err);
  size_t steps = x.r->steps;
  end(&x);
  return steps;
}

/* A text that grows piece by piece takes steps by its length, not by the square of it. */
static void many_small_additions_are_cheap(void **s) {
  (void)s;
  size_t steps[2];
  for (int i = 0; i < 2; i++) {
    char template[200];
    snprintf(template, sizeof template,
             "{%% set n = namespace(t='') %%}{%% for i in range(%d) %%}"
             "{%% set n.t = n.t + 'abc' %%}{%% endfor %%}{{ n.t|length }}",
             20000 << i);
    steps[i] = steps_of(template);
  }
  assert_true(steps[1] < 2 * steps[0] + steps[0] / 10);
}

/* What goes through a long text or list costs steps, however little comes of it: or a template
 * could do so a million times. */
static const char *const passes[] = {"'b' in t",
                                     "t.find('b')",
                                     "t.rfind('b')",
                                     "t.count('b')",
                                     "t == u",
                                     "t < u",
                                     "t.startswith(u)",
                                     "t.endswith(u)",
                                     "t.split('b')",
                                     "t.rsplit('b')",
                                     "t.split()",
                                     "t.rsplit(none, 1)",
                                     "t|upper",
                                     "t|e",
                                     "t.splitlines()",
                                     "w|trim",
                                     "w.lstrip()",
                                     "w|int",
                                     "t.rstrip('ab')",
                                     "t.replace('b', 'c')",
                                     "t.isalpha()",
                                     "t is lower",
                                     "t|tojson",
                                     "[t]|string",
                                     "'%s' % t",
                                     "t|list|length",
                                     "t.removeprefix(u)",
                                     "t[::-1]",
                                     "l == k",
                                     "l < k",
                                     "1 in l",
                                     "l|sum",
                                     "l|join",
                                     "l|max",
                                     "l|select|first",
                                     "l|reject('none')|first",
                                     "l|map('string')",
                                     "l|reverse|first",
                                     "l|tojson",
                                     "l|string",
                                     "l|sort",
                                     "l + l",
                                     "l[1:]",
                                     "l.count(1)",
                                     "l.index(1)",
                                     "(l, 0) == (k, 0)"};

static void whatever_goes_through_a_long_value_is_charged(void **s) {
  (void)s;
  static const char head[] = "{% set t = 'a' * 40000 %}{% set u = 'a' * 40000 %}"
                             "{% set w = ' ' * 40000 %}{% set l = [0] * 40000 %}"
                             "{% set k = [0] * 40000 %}";
  size_t given = steps_of(head);
  for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
    char template[400];
    bool fails = strstr(passes[i], "index") != NULL;
    snprintf(template, sizeof template, "%s{%% if %s %%}{%% endif %%}", head, passes[i]);
    rendering x = render(template, strlen(template), NULL);
    assert_int_equal(x.st != LOCI_OK, fails);
    if (x.r->steps < given + 40000 / 64) print_error("%s\n", passes[i]);
    assert_true(x.r->steps >= given + 40000 / 64);
    end(&x);
  }
}

static void a_sentence_names_the_line_and_what_is_wrong(void **s) {
  (void)s;
  ends_short("a\n{{ nosuch.b }}", "t: line 2: \"nosuch\" is undefined");
  ends_short("\n\n{% include 'x' %}", "t: line 3: the statement \"include\" is not supported here");
  ends_short("{{ 'a'.zfill(3) }}",
             "t: line 1: \"zfill\" is undefined or not supported, and called");
  ends_short("{{ 1 }}\n{{ 1 | nosuch }}", "t: line 2: no filter \"nosuch\"");
  ends_short("{{ raise_exception('Only user and assistant!') }}", "Only user and assistant!");
  ends_short("{{ [1].append(2) }}", "t: line 1: it changes a list, which transformers");
  ends_short("{% for i in [1] %}\n{% endif %}", "t: line 2: ");
}

static void whether_a_text_depends_on_the_day_is_known(void **s) {
  (void)s;
  rendering x = render("{{ 1 }}", 7, NULL);
  assert_false(jinja_asked_day(x.r));
  end(&x);
  x = render("{{ strftime_now('%d') }}", 24, NULL);
  assert_string_equal(x.text->s, "31");
  assert_true(jinja_asked_day(x.r));
  end(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(templates_render_as_jinja2_renders_them),
      cmocka_unit_test(a_text_knows_which_bytes_are_the_users),
      cmocka_unit_test(hostile_templates_end_with_a_sentence),
      cmocka_unit_test(many_small_additions_are_cheap),
      cmocka_unit_test(whatever_goes_through_a_long_value_is_charged),
      cmocka_unit_test(a_sentence_names_the_line_and_what_is_wrong),
      cmocka_unit_test(whether_a_text_depends_on_the_day_is_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
