"""Templates: both ways of rendering agree, nothing gets out of the sandbox, nothing runs for ever."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from addispatch.runtime.template import MAX_RESULT_CHARS, MAX_SOURCE_CHARS, Template, TemplateError

FIELDS: dict[str, Any] = {
    "text": "Pump failed", "n": 3, "f": 1.5, "yes": True, "none": None, "list": ["a", "b"], "big": "x" * 200_000, "many": ["y"] * 100_000,
    "payload": {"items": 5, "values": [1, {"deep": "end"}], "keys": None, "class": "c"}, "objects": [{"name": "a"}, {"name": "b"}],
}  # fmt: skip


def render(source: str) -> str:
    return Template(source).render(FIELDS)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("plain", "plain"), ("", ""), ("{{ text }}!", "Pump failed!"), ("{{text}}{{ n }}", "Pump failed3"), ("{{ payload.items }}", "5"),
        ("{{ payload.values.1.deep }}", "end"), ("{{ yes }}|{{ none }}|{{ f }}", "true||1.5"), ("{{ payload.keys }}", ""),
        ("{{ text | upper }}", "PUMP FAILED"), ("{{ n * 2 + 1 }}", "7"), ("{% if n > 2 %}high{% else %}low{% endif %}", "high"),
        ("{% for x in list %}{{ loop.index }}{{ x }}{% endfor %}", "1a2b"), ("{{ list | join(', ') }}", "a, b"), ("{{ missing | default('-') }}", "-"),
        ("{{ objects | join('+', attribute='name') }}", "a+b"), ("{{ [yes, none] | join('/') }}", "true/"), ("{{ text ~ n }}", "Pump failed3"),
        ("{{ text + '!' }}", "Pump failed!"), ("{{ text | replace('Pump', 'Fan') }}", "Fan failed"), ("{{ f | round | int }}", "2"),
        ("{{ payload['class'] }}", "c"), ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"), ("{{ payload.values[1].deep }}", "end"), ("a } b", "a } b"),
    ],
)  # fmt: skip
def test_rendering(source: str, result: str) -> None:
    assert render(source) == result


steps = st.sampled_from(
    [
        "text",
        "n",
        "yes",
        "none",
        "list",
        "payload",
        "items",
        "values",
        "keys",
        "get",
        "0",
        "1",
        "deep",
        "missing",
        "__class__",
        "upper",
        "pop",
    ]
)
paths = st.lists(steps, min_size=1, max_size=4).filter(lambda path: not path[0].isdigit()).map(".".join)


@given(st.lists(paths, max_size=3), st.text("ab \n.", max_size=5))
@example(["text.0"], "")
@example(["text.9"], "")
def test_the_fast_way_and_jinja_agree(names: list[str], literal: str) -> None:
    source = literal.join(f"{{{{ {name} }}}}" for name in names) + literal + "."

    def outcome(template: str) -> str | None:
        try:
            return Template(template).render(FIELDS)
        except TemplateError:
            return None

    assert outcome(source) == outcome("{# by jinja #}" + source)


@pytest.mark.parametrize(
    "source",
    ["{{ text }", "{{ }}", "{% for x in list %}", "{{ text | nofilter }}", "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}",
     "{% macro m() %}{% endmacro %}", "{% block b %}{% endblock %}", "{% call x() %}{% endcall %}", "{% for x in list recursive %}{% endfor %}",
     "{{ " + "-" * 3000 + "1 }}", "{{ " * 50, "{{ " + "[" * 1500 + "]" * 1500 + " }}", "x" * (MAX_SOURCE_CHARS + 1), "{% do list %}"],
)  # fmt: skip
def test_what_does_not_compile(source: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(source)
    assert str(caught.value)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ range(9) }}", "line 1: range: functions are not available in templates"), ("a\n{{ lipsum() }}", "line 2: lipsum: functions"),
        ("{{ namespace() }}", "namespace: functions"), ("{{ dict(a=1) }}", "dict: functions"), ("{{ text.upper() }}", "text.upper: functions"),
        ("{{ payload.get('items') }}", "payload.get: functions"), ("{{ list[0].append(1) }}", "list.0.append: functions"),
        ("{{ (text ~ n)() }}", "(…): functions"), ("{% for x in list %}{{ loop.cycle(1) }}{% endfor %}", "loop.cycle: functions"),
        ("{% if no %}{{ f(1) }}{% endif %}", "f: functions"), ("{{ text | default(f()) }}", "f: functions"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "functions"), ("{{ text.__class__ }}", "__class__: names like this"),
        ("{{ text.__class__ }}{# #}", "__class__: names like this"), ("{{ text['__class__'] }}", "__class__: names like this"),
        ("{{ payload.__init__.__globals__ }}", "__init__: names like this"), ("{{ __builtins__ }}", "__builtins__: names like this"),
        ("{{ _joined }}{# #}", "_joined is not available"), ("{% set _turn = 1 %}", "_turn is not available"),
        ("{{ 'x' * 3 }}", "* works on numbers only"), ("{{ n * 'x' }}", "* works on numbers only"), ("{{ '%s' % text }}", "% works on numbers only"),
        ("{{ 'a' + 1 }}", "+ works on numbers only"), ("{{ [1] * 3 }}", "* works on numbers only"), ("{{ [1] + list }}", "+ works on numbers only"),
        ("{{ 1 / 0 }}", "cannot be computed: division by zero"), ("{{ 9 ** 9 ** 9 }}", "power too large"), ("{{ (10 ** 60) ** 60 }}", "power too large"),
        ("{{ 1e999 * n }}", "number too large"), ("{{ 1e300 * 1e300 * n }}", "number too large"),
    ],
)  # fmt: skip
def test_what_can_never_be_rendered_is_refused_when_compiled(source: str, reason: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(source)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("plain", set()), ("{{ text }} {{ payload.items }} {{ payload.1 }}", {"text", "payload"}), ("{{ a | default(b) }}", {"a", "b"}),
        ("{% for x in list if x > t %}{{ loop.index }}{{ x }}{% else %}{{ e }}{% endfor %}", {"list", "t", "e"}),
        ("{% if a is defined %}{% set b = a ~ '!' %}{% endif %}{{ b }}", {"a"}), ("{{ payload['x'][n] }}{{ 'text' }}", {"payload", "n"}),
    ],
)  # fmt: skip
def test_names(source: str, names: set[str]) -> None:
    assert Template(source).names == names


@pytest.mark.parametrize(
    "source",
    ["{{ missing }}", "{{ missing }}{# #}", "{{ payload.missing }}", "{{ text.upper }}{# #}", "{{ self }}", "{{ cycler }}", "{{ n + text }}",
     "{{ list + list }}", "{{ _turn.left }}", "{{ text.encode }}", "{{ n.real }}{# #}", "{{ 1 / (n - 3) }}"],
)  # fmt: skip
def test_what_fails_when_rendered(source: str) -> None:
    template = Template(source)
    with pytest.raises(TemplateError):
        template.render(FIELDS)


@pytest.mark.parametrize(
    "source",
    ["{{ text * 999999999 }}", "{{ 9 ** 9 ** 9 }}", "{{ 2 ** 64 ** 2 }}", "{{ '%999999999d' % n }}", "{{ [1] * 999999999 }}",
     "{% for a in many %}{% endfor %}", "{% for a in list %}{% for b in many %}{% for c in many %}x{% endfor %}{% endfor %}{% endfor %}",
     "{{ big }}{# #}", "{{ big ~ big }}", "{{ big + big }}", "{{ big | replace('x', big) }}", "{{ big | replace('', big) }}", "{{ many | join(big) }}",
     "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}", "{{ (10 ** 60) ** 60 }}", "{% for a in list %}{{ big }}{% endfor %}"],
)  # fmt: skip
def test_what_would_run_or_grow_for_ever_fails_soon(source: str) -> None:
    began = time.perf_counter()
    with pytest.raises(TemplateError):
        Template(source).render(FIELDS)
    assert time.perf_counter() - began < 1


def test_a_long_field_is_cut_in_the_simple_way() -> None:
    assert len(render("{{ big }}")) == MAX_RESULT_CHARS


@given(st.text(max_size=40))
def test_no_source_does_anything_but_render_or_say_why(source: str) -> None:
    for template in (source, "{{ " + source + " }}", "{% " + source + " %}"):
        with suppress(TemplateError):
            assert isinstance(Template(template).render(FIELDS), str)


@given(st.text(max_size=40))
def test_what_is_in_a_field_is_never_a_template(value: str) -> None:
    for value_ in (value, "{{ text }}", "{% for %}"):
        assert Template("<{{ v }}>").render({"v": value_}) == f"<{value_}>"
        assert Template("<{{ v | trim(chars='') }}>").render({"v": value_}) == f"<{value_}>"
