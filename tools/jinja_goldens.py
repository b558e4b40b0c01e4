#!/usr/bin/env python3
"""Writes tests/golden/jinja/cases.json: templates that use each part of the language, and what jinja2 makes of them;
and the texts of tests/golden/tokenizers/templates/cases.json, prompts of whole directories.

    python3 tools/jinja_goldens.py        needs jinja2 3.1.6; run by hand when a case is added

The environment is that of transformers' apply_chat_template; the day is 2026-01-31, noon.  A case that jinja2 refuses
has "error": true."""
import datetime, json, os
import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

DAY = datetime.datetime(2026, 1, 31, 12, 0, 0)
QUESTION = "  Who was Ludwig's \"teacher\"? <b>\u00dc\u00df</b>\n"
GIVEN = {
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION},
                 {"role": "assistant", "content": "Neefe."},
                 {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "And here?"}]}],
    "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True, "tools": None,
    "n": 7, "x": 2.5, "words": ["pear", "Apple", "fig", "apple"], "nested": {"a": {"b": [1, {"c": "deep"}]}},
    "rows": [{"k": "b", "v": 2}, {"k": "a", "v": 10}, {"k": "c"}], "text": "one two  three\nfour", "empty": "",
}

CASES = {
    "white space": [
        "a\n{% if true %}\n  b\n{% endif %}\nc\n", "  {% if true %}x{% endif %}  \n y", "a {%- if true -%} b {%- endif -%} c",
        "a\n  {{- 'b' -}}\n  c", "a\n  {%+ if true %}b{% endif +%}\n c", "x{# note #}\ny\n  {# - #}\nz", "a {#- b -#} c", "a\r\nb\rc\r\n",
        "{% raw %}{{ a }}{% b %}{% endraw %}", "a {%- raw -%} {{ b }} {%- endraw -%} c", "  {% raw %}\n x {% endraw %}\n", "a\n\n", "\n{% set a = 1 %}\n{{ a }}",
        "{% for m in [1,2] %}\n  {{ m }}\n{% endfor %}\n", "\t{% if 1 %}\n\tq\n\t{% endif %}", "{{ 'a' }}\n{{ 'b' }}\n", "{% if true %} {% endif %}\u3000{%- if true %}{% endif %}",
    ],
    "literals": [
        "{{ 1 }} {{ 1_000 }} {{ 2.50 }} {{ 1e3 }} {{ 1.5e-7 }} {{ 1e22 }} {{ 0.1 }} {{ -3 }} {{ +2 }}", "{{ 'it''s' }} {{ \"a\\n\\t\\\\b\\x41\\u00fc\\U0001F600\\101\\q\" }}",
        "{{ 'a' 'b' \"c\" }}", "{{ [1, 'a', none, true, 2.0, [], {}, (), (1,), (1, 2)] }}", "{{ {'a': 1, 2: 'b', 'c': {'d': [none]}} }}",
        "{{ True }} {{ False }} {{ None }} {{ true }} {{ none }}", "{{ 1, 2 }}", "{{ {'it\\'s': \"say \\\"a'b\\\"\"} }}", "{{ ['\\n\\x07\u200b\u00e9\\\\'] }}",
    ],
    "operators": [
        "{{ 1 + 2 * 3 - 4 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}",
        "{{ 'a' + 'b' ~ 1 ~ none ~ [2] }}", "{{ 'ab' * 3 }} {{ [1] * 2 }} {{ 2 * 'x' }}", "{{ 1 ~ 2 + 3 }}", "{{ 1 ~ 2 * 3 }}", "{{ [1] + [2] }} {{ (1,) + (2,) }}",
        "{{ 1 == 1.0 }} {{ 1 == true }} {{ '1' == 1 }} {{ none == undef }} {{ undef == undef }} {{ [1] == [1.0] }} {{ {'a': 1} == {'a': 1} }}",
        "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 2 >= 2 }} {{ 1 != 2 }}",
        "{{ 'a' in 'cat' }} {{ 1 in [1] }} {{ 'a' in nested }} {{ 'z' not in 'cat' }} {{ 'x' in undef }} {{ not 1 in [1] }}",
        "{{ 0 or 'b' }} {{ 'a' and 0 }} {{ not '' }} {{ not not 1 }} {{ '' or none or [] }}", "{{ 'y' if n > 5 else 'n' }} {{ 'y' if n < 5 }}|", "{{ 1 if 0 else 2 if 0 else 3 }}",
        "{{ -n|abs }} {{ (-n)|abs }} {{ 2 + 3|float }}", "{{ 2 + 3|string }}", "{{ 5 + '5' }}", "{{ 'a' - 1 }}", "{{ 1 / 0 }}", "{{ undef + 'a' }}", "{{ undef ~ 'a' }}", "{{ '%s is %d, %r, %.2f%%' % ('a', 3, 'b', 1.5) }}",
        "{{ 'a' < 1 }}", "{{ 1 in 5 }}", "{{ x ** 2 }} {{ 10 ** 3 }}", "{{ true + true }}", "{{ 'b' if false }}",
        "{{ 3 // 0.1 }} {{ x // x % -1 }} {{ 7.5 % 0.1 }} {{ -1 % 2.5 }} {{ 0.0 // -3 }}", "{{ 2.0 ** 5000 }}", "{{ 'a' % 1 }}", "{{ 'a' % [1] }}", "{{ [] in nested }}", "{{ ([1],) in nested }}", "{{ range(2) + [1] }}", "{{ [1] == range(2) }} {{ range(2) == range(0, 2) }}",
    ],
    "members": [
        "{{ nested.a.b[1].c }} {{ nested['a']['b'][0] }} {{ nested.a.b.0 }} {{ nested['a'].b[-1]['c'] }}", "{{ undef }}|{{ nested.zz }}|{{ words[9] }}|{{ none.a }}|{{ n.real2 }}|{{ 'a'.zz }}",
        "{{ undef.a }}", "{{ nested.zz.y }}", "{{ nested['zz']['y'] }}", "{{ messages[0].role }} {{ messages[-1].content[1]['text'] }}", "{{ nested.items()|list }}",
        "{{ text[1:3] }} {{ text[::-1] }} {{ text[-4:] }} {{ text[:3] }} {{ words[1:] }} {{ words[::2] }} {{ words[::-1] }} {{ words[5:2] }} {{ (1,2,3)[1:] }} {{ words[-1:-3:-1] }}",
        "{{ '\u00fc\u65e5x'[1] }} {{ '\u00fc\u65e5x'[-1] }} {{ '\u00fc\u65e5x'[1:] }}", "{{ text[0] }}{{ text[n] }}", "{{ none[1:] }}", "{{ words[1:2:0] }}", "{{ 'abc'['upper']() }}", "{{ words['count']('fig') }}",
        "{{ nested.__class__ }}", "{{ ''.__class__ }}|",
        "{{ nested[1:] }}", "{{ x[1:] }}", "{{ n[:1] }}", "{{ undef[1:] }}", "{{ nested[words] }}|{{ nested[none] }}|",
    ],
    "if": [
        "{% if n == 7 %}a{% elif n == 8 %}b{% else %}c{% endif %}", "{% if 0 %}a{% elif n == 7 %}b{% elif 1 %}x{% else %}c{% endif %}", "{% if 0 %}a{% else %}{% if 1 %}b{% endif %}c{% endif %}",
        "{% if undef %}a{% endif %}b{% if not undef %}c{% endif %}", "{% if n is defined and n > 1 and (x or y) %}z{% endif %}", "{% if 0 %}{{ undef.a.b }}{% else %}ok{% endif %}", "{% if true %}{% set q = 1 %}{% endif %}{{ q }}",
    ],
    "for": [
        "{% for w in words %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ w }};{% endfor %}",
        "{% for k, v in nested.items() %}{{ k }}={{ v }}{% endfor %}", "{% for w in words if w != 'fig' %}{{ loop.index }}/{{ loop.length }}{{ w }} {% else %}none{% endfor %}",
        "{% for w in [] %}a{% else %}empty{% endfor %}", "{% for w in words %}{% if loop.index == 2 %}{% continue %}{% endif %}{% if loop.index == 4 %}{% break %}{% endif %}{{ w }}{% endfor %}",
        "{% for w in words %}{{ loop.previtem }}<{{ w }}>{{ loop.nextitem }} {% endfor %}", "{% for w in words %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}",
        "{% set t = 0 %}{% for i in range(3) %}{% set t = t + i %}{{ t }}{% endfor %}={{ t }}", "{% for i in range(2, 8, 3) %}{{ i }}{% endfor %}{% for i in range(3, 0, -1) %}{{ i }}{% endfor %}",
        "{% for c in 'a\u00fcb' %}{{ c }}.{% endfor %}{% for k in nested %}{{ k }}{% endfor %}{% for u in undef %}x{% endfor %}", "{% for a, b in [(1, 2), (3, 4)] %}{{ a }}{{ b }}{% endfor %}", "{% for (a, b) in [[1, 2]] %}{{ a ~ b }}{% endfor %}",
        "{% for i in [1, 2] %}{% for j in [1, 2] %}{{ loop.index }}{{ loop.depth }}{% endfor %}{{ loop.index }}{% endfor %}", "{% for w in words %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{% endfor %}",
        "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for i in none %}{% endfor %}", "{% for i in 5 %}{% endfor %}", "{% for i in range(200000) %}{% endfor %}", "{% break %}", "{% for loop in [1] %}{% endfor %}",
        "{% for m in messages %}{% if m.content is string %}{{ m.role|upper }}: {{ m.content }}{% else %}{% for p in m.content %}{% if p.type == 'image' %}<image>{% else %}{{ p.text }}{% endif %}{% endfor %}{% endif %}{{ eos_token }}{% endfor %}",
        "{% for i in [1, 2, 3] if i > 1 and i < 3 %}{{ i }}{% endfor %}",
        "{% for i in [1] %}{% break %}{% else %}e{% endfor %}", "{% for i in [1, 2] %}{% continue %}{% else %}e{% endfor %}", "{% for i in [1, 2] %}{% if i == 2 %}{% break %}{% endif %}{% else %}e{% endfor %}", "{% for i in words|select %}{{ loop.index }}{{ loop.last }}{% endfor %}", "{% for a, in [1] %}{% endfor %}", "{% for a, in [(1,)] %}{{ a }}{% endfor %}", "{% for (a,) in [(1,)] %}{{ a }}{% endfor %}", "{% set (a,) = [1] %}{{ a }}", "{% set a = 1, %}{{ a }}",
    ],
    "set": [
        "{% set a = 1 %}{% set b = a + 1 %}{{ a }}{{ b }}", "{% set a, b = 1, 'c' %}{{ a }}{{ b }}", "{% set a %}x {{ n }} y{% endset %}[{{ a }}]", "{% set a | upper | trim %}  x {{ n }} {% endset %}[{{ a }}]",
        "{% set ns = namespace(i=0, l=[]) %}{% for w in words %}{% set ns.i = ns.i + 1 %}{% endfor %}{{ ns.i }}", "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns.c is defined }}", "{% set d.x = 1 %}", "{% set nested.x = 1 %}",
        "{% set messages = messages[1:] %}{{ messages|length }}", "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% set a = [1, 2] %}{% set a = a + [3] %}{{ a }}",
        "{% filter upper %}a{{ n }}b{% endfilter %}", "{% filter replace('a', 'b')|upper %}aac{% endfilter %}", "{% generation %}a{{ n }}{% endgeneration %}",
        "{% set a, = [1] %}", "{% filter length %}a{% endfilter %}", "{% set a|length %}ab{% endset %}{{ a + 1 }}",
    ],
    "macros": [
        "{% macro m(a, b='d', c=none) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(c=3, a=1) }}", "{% macro m(a) %}{% if a > 0 %}{{ a }}{{ m(a - 1) }}{% endif %}{% endmacro %}{{ m(3) }}",
        "{% set g = 'q' %}{% macro m() %}{{ g }}{% endmacro %}{% set g = 'r' %}{{ m() }}", "{% macro m(a, b=a ~ 'x') %}{{ b }}{% endmacro %}{{ m('c') }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}", "{% macro m(x) %}<{{ caller() }}{{ x }}>{% endmacro %}{% call m(1) %}in{{ n }}{% endcall %}",
        "{% macro m() %}{{ caller('a', 2) }}{% endmacro %}{% call(p, q) m() %}{{ q }}{{ p }}{% endcall %}", "{% macro m(*a) %}{% endmacro %}", "{% macro m(a) -%}\n  {{ a }}\n{%- endmacro %}{{ m('x') + m('y') }}", "{% macro m() %}a{% endmacro %}{{ m()|upper ~ 'b' }}",
        "{% macro m(a) %}{% set n = a %}{{ n }}{% endmacro %}{{ m(1) }}{{ n }}", "{{ undefined_macro(1) }}", "{% macro m(l) %}{% for i in l %}{{ m(i) if i is iterable else i }}{% endfor %}{% endmacro %}{{ m([1, [2, [3]]]) }}",
        "{% macro m(d) %}{{ d.a }}{% endmacro %}{{ m({'a': 5}) }}{{ m(**{'d': {'a': 6}}) }}{{ m(*[{'a': 7}]) }}",
        "{% macro m(a=1, b) %}{% endmacro %}", "{% macro m(a, a) %}{% endmacro %}", "{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}", "{% macro m() %}x{% endmacro %}{{ m(caller=1) }}", "{% macro m() %}{{ kwargs }}{% endmacro %}{{ m(1) }}", "{% macro m() %}{{ varargs }}{% endmacro %}{{ m(k=1) }}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}", "{% macro m(b) %}{% set b = 2 %}{{ b }}{% endmacro %}{{ m(1) }}",
    ],
    "filters": [
        "{{ -3|abs }} {{ 'abc'|capitalize }} {{ 'ABC dEF'|capitalize }} {{ words|count }} {{ undef|default('d') }} {{ ''|default('e', true) }} {{ ''|d('e') }} {{ none|default('n') }} {{ undef|default }}|",
        "{{ {'b': 1, 'A': 3, 'a': 2}|dictsort }} {{ {'b': 1, 'a': 2}|dictsort(by='value') }} {{ {'b': 1, 'a': 2}|dictsort(reverse=true) }} {{ {'b': 1, 'B': 2}|dictsort(true) }}",
        "{{ '<a & \"b\">'|e }} {{ '<'|escape|e }}", "{{ words|first }} {{ words|last }} {{ []|first }}| {{ 'abc'|first }} {{ 'abc'|last }}", "{{ '3.7'|float }} {{ 'x'|float }} {{ 'x'|float(1.5) }} {{ 3|float }} {{ '42'|int }} {{ '3.9'|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ 3.9|int }} {{ -3.9|int }} {{ ' 7 '|int }}",
        "{{ text|indent }} {{ text|indent(2, true) }} {{ 'a\\n\\nb\\n'|indent(2) }}| {{ 'a\\n\\nb'|indent(width=1, blank=true) }} {{ 'a\\nb'|indent('> ') }}", "{{ nested|items|list }} {{ undef|items|list }}",
        "{{ words|join }} {{ words|join(', ') }} {{ rows|join('+', attribute='k') }} {{ [1, none, 2.5]|join('-') }} {{ 'abc'|join('.') }}", "{{ 'abc'|length }} {{ words|length }} {{ nested|length }} {{ undef|length }} {{ '\u00fc\u65e5'|length }}",
        "{{ 'abc'|list }} {{ {'a': 1}|list }} {{ (1, 2)|list }}", "{{ 'A\u00dc\u00df'|lower }} {{ 'a\u00fc\u00df'|upper }}", "{{ words|map('upper')|list }} {{ rows|map(attribute='k')|list }} {{ rows|map(attribute='v', default=0)|list }} {{ rows|map(attribute='k')|join('/') }} {{ words|map('replace', 'a', 'o')|list }} {{ none|map('upper')|list }}",
        "{{ [3, 1, 2]|max }} {{ [3, 1, 2]|min }} {{ words|max }} {{ words|min }} {{ rows[:2]|max(attribute='v') }} {{ []|max }}|", "{{ [0, 1, '', 'a', none]|reject|list }} {{ [0, 1, '', 'a']|select|list }} {{ [1, 2, 3]|select('odd')|list }} {{ [1, 2, 3]|reject('eq', 2)|list }} {{ [1, 2, 3]|select('>', 1)|list }} {{ ['a', 1]|select('string')|list }}",
        "{{ rows|selectattr('v')|map(attribute='k')|list }} {{ rows|rejectattr('v', 'defined')|list }} {{ rows|selectattr('k', 'equalto', 'a')|list }} {{ rows|selectattr('v', 'defined')|selectattr('v', '>', 5)|list }} {{ messages|selectattr('role', 'ne', 'user')|map(attribute='content')|list }} {{ rows|selectattr('k', 'in', ['a', 'c'])|list|length }}",
        "{{ 'aXbX'|replace('X', '-') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ 'ab'|replace('', '.') }} {{ 12|replace('1', 'x') }}", "{{ words|reverse|list }} {{ 'abc'|reverse }}", "{{ 2.567|round(2) }} {{ 2.5|round }} {{ 3.5|round }} {{ 2.1|round(0, 'ceil') }} {{ 2.9|round(method='floor') }} {{ 7|round }}",
        "{{ '<a>'|safe }} {{ '<a>'|safe ~ '<b>' }} {{ '<a>' + '<b>'|safe }} {{ ('<a>'|safe)|upper + '<' }} {{ '<'|safe|string ~ '<' }}", "{{ words|sort }} {{ words|sort(reverse=true) }} {{ words|sort(case_sensitive=true) }} {{ rows[:2]|sort(attribute='v') }} {{ rows|sort(attribute='k', reverse=true)|map(attribute='k')|list }} {{ [3, 1, 2]|sort }}", "{{ [1, 'a']|sort }}",
        "{{ 5|string + 'a' }} {{ none|string }} {{ [1]|string }} {{ 1.0|string }}", "{{ [1, 2, 3]|sum }} {{ rows[:2]|sum(attribute='v') }} {{ [1]|sum(start=5) }} {{ []|sum }}", "[{{ '  a b \\n'|trim }}] [{{ 'xxaxx'|trim('x') }}] [{{ '\u00a0\u3000a\\x1f'|trim }}]", "{{ words|unique|list }} {{ words|unique(true)|list }} {{ rows|unique(attribute='k')|list|length }}",
        "{{ words|upper }}", "{{ none|upper }} {{ undef|upper }}| {{ 5|lower }}", "{{ n|nosuchfilter }}", "{% if false %}{{ n|nosuchfilter }}{% endif %}ok", "{% if true %}{{ n|nosuchfilter }}{% endif %}ok", "{% if false %}{% for i in [1] %}{{ i|nosuchfilter }}{% endfor %}{% endif %}", "{{ 'a' if true else n|nosuchfilter }}", "{% if n is nosuchtest %}{% endif %}", "{{ n is nosuchtest }}",
        "{{ 5|length }}", "{{ none|list }}", "{{ none|join }}", "{{ 5|first }}", "{{ nested|first }}", "{{ 'a'|replace }}", "{{ 'a'|upper(1) }}", "{{ rows|map('nosuch')|list }}", "{{ undef|int }}", "{{ 'a,b'|attr('upper')() }}|{{ nested|attr('a') }}|",
        "{{ 'yes' if []|select else 'no' }} {{ 'yes' if {}.items() else 'no' }} {{ 'yes' if words|map('upper') }}", "{% set g = words|map('upper') %}{{ g|first }} {{ g|join }} {{ g|list }}|", "{{ words|select|length }}", "{{ words|select|last }}", "{{ words|select|tojson }}", "{{ (words|select)[0] }}|{{ nested.items()[0] }}|{{ nested.keys()|length }}", "{{ nested.keys() + [1] }}", "{{ words|select|reverse|first }} {{ words|reverse|first }}", "{{ words|reverse|length }}", "{{ words|reverse|reverse }}", "{{ [[1], [1]]|unique|list }}", "{{ undef|indent }}", "{{ 5|indent }}", "{{ undef|float }}", "{{ undef|dictsort }}", "{{ rows|sort(attribute='z')|length }} {{ [undef, undef]|sort }}", "{{ nested.get([1]) }}",
    ],
    "tojson": [
        "{{ nested|tojson }} {{ words|tojson }} {{ QUESTION|default('<\u00fc>\"\\n\\x01/\\\\')|tojson }}", "{{ nested|tojson(indent=2) }}", "{{ {'b': 1, 'a': [1, {}, []]}|tojson(sort_keys=true) }} {{ [1, 2]|tojson(separators=(',', ':')) }}", "{{ '\u00fc\U0001F600'|tojson(ensure_ascii=true) }} {{ '<>&\\''|tojson }}",
        "{{ [1.0, 1e100, 0.1, -0.0, none, true]|tojson }} {{ {1: 2, none: 3, true: 4}|tojson }}", "{{ undef|tojson }}", "{{ [undef]|tojson }}", "{{ []|tojson(indent=4) }}{{ {'a': [1]}|tojson(indent=4) }}", "{{ messages|tojson }}", "{{ namespace(a=1)|tojson }}",
    ],
    "tests": [
        "{{ n is defined }} {{ undef is defined }} {{ undef is undefined }} {{ none is none }} {{ n is not none }} {{ true is boolean }} {{ 1 is boolean }} {{ false is false }} {{ 0 is false }} {{ true is true }}", "{{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ 1 is number }} {{ true is number }} {{ 'a' is number }}",
        "{{ 'a' is string }} {{ 1 is string }} {{ nested is mapping }} {{ words is mapping }} {{ words is sequence }} {{ 'a' is sequence }} {{ nested is sequence }} {{ 1 is sequence }} {{ words is iterable }} {{ 'a' is iterable }} {{ 1 is iterable }} {{ undef is iterable }} {{ none is iterable }}",
        "{{ 4 is even }} {{ 3 is odd }} {{ -3 is odd }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }}", "{{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'aB' is lower }} {{ '1' is lower }}", "{{ 1 is in [1, 2] }} {{ 1 is not in [2] }} {{ 'a' is in 'abc' }}", "{{ 1 is eq 1 }} {{ 1 is equalto(1) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge 2 }} {{ 3 is gt 2 }} {{ 1 is le 1 }}",
        "{{ range is callable }} {{ n is callable }}", "{{ n is defined and n is not string }}", "{{ n is not defined or n == 7 }}", "{{ not n is defined }}", "{{ 'a'|upper is upper }}", "{{ none is sameas none }}", "{{ 'a' is even }}", "{{ '<'|safe is escaped }}",
        "{{ 1 is sameas true }} {{ 1 is sameas 1.0 }} {{ words is sameas words }} {{ [1] is sameas [1] }}", "{{ 2.0 is even }} {{ 2.5 is divisibleby 0.5 }} {{ 2.5 is odd }}", "{{ range(2) is sequence }} {{ nested.items() is sequence }} {{ words|select is sequence }} {{ words|select is iterable }} {{ nested.values() is iterable }}",
    ],
    "methods": [
        "{{ 'a,b,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a b c'.split(none, 1) }} {{ 'a b c'.split(maxsplit=1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a</think>b'.split('</think>')[-1] }}", "{{ 'abc'.split('') }}", "{{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b c '.rsplit(none, 1) }} {{ 'a b'.rsplit() }}",
        "[{{ ' a '.strip() }}] [{{ ' a '.lstrip() }}] [{{ ' a '.rstrip() }}] [{{ 'xyaxy'.strip('yx') }}] [{{ '\\n\\na\\n'.lstrip('\\n') }}] [{{ 'a..'.rstrip('.') }}]", "{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith('bc') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.startswith('') }}",
        "{{ 'abc'.upper() }} {{ 'ABC'.lower() }} {{ 'aBC'.capitalize() }}", "{{ 'aXbX'.replace('X', '') }} {{ 'aXbX'.replace('X', 'y', 1) }}", "{{ 'abcabc'.find('c') }} {{ 'abc'.find('z') }} {{ 'abcabc'.rfind('c') }} {{ '\u00fcb'.find('b') }} {{ 'abcabc'.count('bc') }} {{ 'abc'.index('b') }}", "{{ 'abc'.index('z') }}",
        "{{ ', '.join(['a', 'b']) }} {{ ''.join(words) }}", "{{ ', '.join([1]) }}", "{{ '12'.isdigit() }} {{ 'a1'.isdigit() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalnum() }} {{ ' '.isspace() }} {{ ''.isalpha() }} {{ 'AB'.isupper() }} {{ 'ab1'.islower() }}", "{{ '\u00bd'.isnumeric() }} {{ '\u00bd'.isdigit() }} {{ '\u0663'.isdecimal() }} {{ '\u01c5'.isupper() }} {{ '\u03d2'.isupper() }} {{ '\u0138'.islower() }}", "{{ 'a\\nb\\r\\nc'.splitlines() }} {{ 'a\\nb\\n'.splitlines(true) }}",
        "{{ 'prefix'.removeprefix('pre') }} {{ 'prefix'.removesuffix('fix') }} {{ 'a'.removeprefix('b') }}", "{{ nested.get('a') }} {{ nested.get('z') }} {{ nested.get('z', 'd') }} {{ nested.keys()|list }} {{ nested.values()|list }}",
        "{{ words.index('fig') }} {{ words.count('fig') }}", "{{ words.append('x') }}", "{{ words.pop() }}", "{{ nested.update({'b': 1}) }}", "{{ nested.pop('a') }}", "{{ 'a'.nosuch() }}", "{% set _ = words.append(1) %}", "{{ {'get': 1}.get('get') }} {{ {'items': 1}['items'] }}",
    ],
    "functions": [
        "{{ range(3)|list }} {{ dict(a=1, b='c') }} {{ dict([('a', 1)]) }}", "{{ raise_exception('no ' ~ n) }}", "{{ strftime_now('%d %B %Y, %A %b %a %y-%m-%d %H:%M:%S %I %p %j %-d %-m %%') }}", "{{ strftime_now('%Y-%m-%d') }}", "{{ namespace(a=1).a }}", "{{ range(1, 10, 4)|list }}",
    ],
    "refused": [
        "{{ a", "{% if %}", "{% if x %}", "{% endfor %}", "{% nosuch %}", "{{ 'a }}", "{{ a b }}", "{{ (1 }}", "{{ 1) }}", "{# a", "{% raw %}", "{{ }}", "{{ a. }}", "{{ a[ }}", "{% for x y %}", "{% set %}", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}",
        "{% do x %}", "{{ 'a' is string is string }}", "{{ ! }}", "{{ a ? b }}", "{% macro %}{% endmacro %}", "{{ {[]: 1} }}", "{{ [1, 2 }}", "{% for i in [1] %}{% endif %}", "{{ [] is }}", "{{ a | }}", "{% else %}",
    ],
}

# whole chat templates of our own, in the manners of real ones
CHATS = [
    "{{ bos_token }}{% for message in messages %}{% if message['content'] is string %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' + '\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    """{%- if messages[0]['role'] == 'system' -%}
    {%- set system = messages[0]['content'] | trim + '\\n\\n' -%}
    {%- set rest = messages[1:] -%}
{%- else -%}
    {%- set system = '' -%}
    {%- set rest = messages -%}
{%- endif -%}
{%- for message in rest -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception('roles must alternate') }}
    {%- endif -%}
    {%- if message.content is string -%}
        {%- set content = message.content -%}
    {%- else -%}
        {%- set ns = namespace(text='') -%}
        {%- for part in message.content -%}
            {%- set ns.text = ns.text + ('<image>' if part.type == 'image' else part['text']) -%}
        {%- endfor -%}
        {%- set content = ns.text -%}
    {%- endif -%}
    {%- if message['role'] == 'user' -%}
        {{ (system if loop.first else '') + 'USER: ' + content | trim + ' ' }}
    {%- else -%}
        {{ 'ASSISTANT: ' + content.split('</think>')[-1].lstrip('\\n') + eos_token }}
    {%- endif -%}
{%- endfor -%}
{{ 'ASSISTANT:' if add_generation_prompt }}""",
    """{%- macro render(message, last=false) -%}
  {%- set role = {'user': 'U', 'assistant': 'A'}.get(message.role, message.role | upper) -%}
  <{{ role }}>
  {%- if message.content is string %}{{ message.content }}
  {%- elif message.content is iterable %}
    {%- for part in message.content if part.type in ['image', 'text'] -%}
      {{ '[IMG]' if part.type == 'image' else part.text | trim }}{{ '|' if not loop.last }}
    {%- endfor %}
  {%- endif -%}
  </{{ role }}>{{ '' if last else '\\n' }}
{%- endmacro -%}
Today is {{ strftime_now('%d %b %Y') }}.
{% if tools %}{{ tools | tojson(indent=2) }}{% endif -%}
{% for message in messages %}
{{- render(message, last=loop.last) }}
{%- endfor %}

{% if add_generation_prompt %}<A>{% endif %}
""",
]


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("render"), [], [], body).set_lineno(line)

    def render(self, caller):
        return caller()


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    e = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    e.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    e.globals["raise_exception"] = refuse
    e.globals["strftime_now"] = DAY.strftime
    return e


def case(part, template):
    try:
        return {"part": part, "template": template, "text": environment().from_string(template).render(**GIVEN)}
    except Exception:
        return {"part": part, "template": template, "error": True}


def chat_template(folder):
    for name in ["chat_template.jinja", "chat_template.json", "processor_config.json", "tokenizer_config.json"]:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            text = open(path, encoding="utf-8", newline="").read()
            text = text if name.endswith(".jinja") else json.loads(text).get("chat_template")
            if isinstance(text, list):
                text = next(t["template"] for t in text if t["name"] == "default")
            if text:
                return text


def prompts(folder):
    path = os.path.join(folder, "cases.json")
    rows = json.load(open(path))
    for row in rows:
        row.pop("name", None)
        row.setdefault("question", "Who is the director of this film?")
        template = environment().from_string(chat_template(os.path.join(folder, row["dir"])))
        parts = [{"type": "image"}] * bool(row.get("has_image")) + [{"type": "text", "text": row["question"]}]
        for content in [parts] if row.get("has_image") else [row["question"], parts]:
            text = template.render(messages=[{"role": "user", "content": content}], add_generation_prompt=True,
                                   bos_token="<s>", eos_token="</s>", tools=None, documents=None)
            if text.count(row["question"]) == 1:
                break
        row["text"] = text
    with open(path, "w") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    return len(rows)


if __name__ == "__main__":
    cases = [case(part, t) for part, templates in CASES.items() for t in templates] + [case("chats", t) for t in CHATS]
    golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/golden")
    with open(os.path.join(golden, "jinja/cases.json"), "w") as f:
        f.write('{"given": ' + json.dumps(GIVEN) + ',\n "cases": [\n' + ",\n".join(json.dumps(c) for c in cases) + "]}\n")
    print(f"{len(cases)} cases, {sum('error' in c for c in cases)} of them refused")
    print(f"{prompts(os.path.join(golden, 'tokenizers/templates'))} prompts")
