"""Text templates: Jinja2 in a sandbox with hard limits. Used by the pipeline (compose) and by source plugins.

Plain ``{{ name }}`` and ``{{ a.b }}`` templates, nearly all of them in practice, are compiled to look-ups (a fifth of
the cost); everything else goes to Jinja2's immutable sandbox with a budget, because a template that runs for ever
would hold up every alarm behind it. What can be known to fail is refused when a template is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from addispatch.domain.errors import AddispatchError

#: Longest template source and longest result, in characters.
MAX_SOURCE_CHARS = 4_000
MAX_RESULT_CHARS = 16_000

_SIMPLE = re.compile(r"\{\{\s*([A-Za-z_]\w*(?:\.\w+)*)\s*\}\}")
_DUNDER = re.compile(r"__\w*__")


class TemplateError(AddispatchError):
    """A template does not compile, or fails or exceeds its limits when rendered."""


def show(value: Any) -> Any:
    """Show JSON values as people write them: true, not True; nothing for null."""
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return value


def check_name(name: str) -> None:
    """Refuse the inner names of Python objects."""
    if _DUNDER.fullmatch(name):
        raise TemplateError(f"{name}: names like this are not available in templates")


def lookup(fields: Any, path: tuple[str, ...]) -> Any:
    """Follow a dotted name through mappings, lists and the letters of a text, as Jinja does.

    Attributes of other objects are never read.
    """
    value: Any = fields
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, Sequence) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise TemplateError(f"{'.'.join(path)!r} is not in the message")
    return value


class Template:
    """A compiled template. Immutable, cheap to render, safe with any field values.

    ``names`` are the fields it may ask for: of ``a.b.c`` the ``a``.
    """

    __slots__ = ("_render", "names", "source")

    def __init__(self, source: str) -> None:
        """Compile; raises ``TemplateError`` with the reason, and with the line where that helps."""
        if len(source) > MAX_SOURCE_CHARS:
            raise TemplateError(f"template longer than {MAX_SOURCE_CHARS} characters")
        self.source = source
        pieces = _SIMPLE.split(source)
        if not any(mark in literal for literal in pieces[0::2] for mark in ("{{", "{%", "{#", "}}", "%}")):
            self._render, self.names = _compile_simple(pieces)
        else:
            from addispatch.runtime.sandbox import compile_jinja  # noqa: PLC0415 - see there

            self._render, self.names = compile_jinja(source)

    def render(self, fields: Mapping[str, Any]) -> str:
        """Fill in the fields; raises ``TemplateError`` if one is missing or a limit is reached."""
        return self._render(fields)


_Compiled = tuple[Callable[[Mapping[str, Any]], str], frozenset[str]]


def _compile_simple(pieces: list[str]) -> _Compiled:
    if len(pieces) == 1:
        literal = pieces[0]
        return lambda _fields: literal, frozenset()
    literals = pieces[0::2]
    paths = [tuple(name.split(".")) for name in pieces[1::2]]
    for path in paths:
        for step in path:
            check_name(step)
    parts = list(zip(paths, literals[1:], strict=True))

    def render(fields: Mapping[str, Any]) -> str:
        out = [literals[0]]
        for path, literal in parts:
            # What nearly all names lead to, texts and whole numbers in plain dictionaries, without the care of lookup.
            value: Any = fields
            for step in path:
                value = value.get(step) if type(value) is dict else None
            if type(value) is int:
                value = str(value)
            elif type(value) is not str:
                value = str(show(lookup(fields, path)))
            out += value, literal
        text = "".join(out)
        return text if len(text) <= MAX_RESULT_CHARS else text[:MAX_RESULT_CHARS]

    return render, frozenset(path[0] for path in paths)
