"""Templates that need more than look-ups: Jinja2 in a sandbox with hard limits. Used by ``template``, when one does.

A module of its own because most sites need none of it, and Jinja2 takes its time to be imported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import LoopContext, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from addispatch.runtime.template import MAX_RESULT_CHARS, TemplateError, check_name, lookup, show

#: Most loop turns in one rendering.
MAX_TURNS = 1_000

_FILTERS = (
    "abs", "capitalize", "d", "default", "dictsort", "escape", "first", "float", "int", "items", "join", "last",
    "length", "list", "lower", "max", "min", "replace", "reverse", "round", "sort", "string", "sum", "title", "trim",
    "truncate", "unique", "upper",
)  # fmt: skip
_FORBIDDEN = (
    nodes.Macro, nodes.CallBlock, nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block,
)  # fmt: skip


#: Names the limits need for themselves.
_OURS = ("_turn", "_joined")


class _Budget:
    """Counts loop turns of one rendering."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_TURNS

    def __call__(self) -> str:
        self.left -= 1
        if self.left < 0:
            raise SecurityError(f"more than {MAX_TURNS} loop turns")
        return ""


def _joined(*parts: Any) -> str:
    """Concatenate (the ``~`` operator) within the length limit."""
    text = str_join(parts)
    if len(text) > MAX_RESULT_CHARS:
        raise SecurityError(f"text longer than {MAX_RESULT_CHARS} characters")
    return text


def _replace(text: Any, old: Any, new: Any) -> str:
    """Replace within the length limit, which is checked before anything long is built."""
    whole, wanted, other = str(text), str(old), str(new)
    if len(whole) + whole.count(wanted) * len(other) > MAX_RESULT_CHARS:
        raise SecurityError(f"text longer than {MAX_RESULT_CHARS} characters")
    return whole.replace(wanted, other)


def _join(values: Iterable[Any], separator: str = "", attribute: str = "") -> str:
    """Join within the length limit; ``attribute`` names the field of each value to take."""
    path = tuple(attribute.split(".")) if attribute else ()
    parts = [str(show(lookup(value, path))) for value in values]
    if sum(map(len, parts)) + len(parts) * len(separator) > MAX_RESULT_CHARS:
        raise SecurityError(f"text longer than {MAX_RESULT_CHARS} characters")
    return separator.join(parts)


class _Limiter(NodeTransformer):
    """Adds the turn counter to every loop, guards ``~``, computes constants and refuses what has no use in an alarm."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - the visitor's naming
        if node.recursive:
            raise TemplateError("recursive loops are not allowed")
        count = nodes.Output([nodes.Call(nodes.Name("_turn", "load"), [], [], None, None)])
        node.body.insert(0, count)
        return self.generic_visit(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - the visitor's naming
        self.generic_visit(node)
        return nodes.Call(nodes.Name("_joined", "load"), list(node.nodes), [], None, None)

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        if isinstance(node, _FORBIDDEN):
            raise TemplateError(f"{type(node).__name__.lower()} is not allowed in a template")
        visited = super().generic_visit(node, *args, **kwargs)
        return _computed(node) if isinstance(node, nodes.BinExpr) and node.operator in _ARITHMETIC else visited


_ARITHMETIC = ("+", "-", "*", "/", "//", "%", "**")
_NO_NUMBERS = (nodes.List, nodes.Tuple, nodes.Dict)


def _computed(node: nodes.BinExpr) -> nodes.Node:
    """Compute two constants; refuse one that is known to be none of the operator's."""
    left, right = node.left, node.right
    if isinstance(left, nodes.Const) and isinstance(right, nodes.Const):
        value = _ENV.call_binop(None, node.operator, left.value, right.value)
        _check_number(value)
        return nodes.Const(value, lineno=node.lineno)
    good = (int, float, str) if node.operator == "+" else (int, float)
    for side in (left, right):
        if isinstance(side, _NO_NUMBERS) or (isinstance(side, nodes.Const) and not isinstance(side.value, good)):
            raise SecurityError(f"{node.operator} works on numbers only")
    return node


def _check_number(value: Any) -> None:
    """Refuse infinity: Jinja2 would write it as a name into the code it makes."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SecurityError("number too large")


def _check(tree: nodes.Template) -> None:
    """Refuse what can never be rendered: calls (nothing can be called), inner names of Python and of ours."""
    for call in tree.find_all(nodes.Call):
        raise TemplateError(f"line {call.lineno}: {_spelled(call.node)}: functions are not available in templates")
    for name in tree.find_all(nodes.Name):
        if name.name in _OURS:
            raise TemplateError(f"line {name.lineno}: {name.name} is not available in templates")
    for node in tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem)):
        check_name(_last(node))
    for constant in tree.find_all(nodes.Const):
        _check_number(constant.value)


def _last(node: nodes.Node) -> str:
    """Return the last name of ``a.b`` or ``a['b']``, empty if it is not written there."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return str(node.arg.value)
    return ""


def _spelled(node: nodes.Node) -> str:
    """Return how a name was written, as far as it is one."""
    before = f"{_spelled(node.node)}." if isinstance(node, (nodes.Getattr, nodes.Getitem)) else ""
    return f"{before}{_last(node) or '(…)'}"


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox with arithmetic that cannot build huge values."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return _joined(left, right)
        if not (isinstance(left, (int, float)) and isinstance(right, (int, float))):
            raise SecurityError(f"{operator} works on numbers only")
        if operator == "**" and (abs(right) > 64 or abs(left) > 1e6):
            raise SecurityError("power too large")
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > 4096:
            raise SecurityError("number too large")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        # A field called "values" or "items" is meant, never the method of that name.
        if isinstance(obj, LoopContext):
            return super().getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        try:
            return obj[argument]
        except (AttributeError, TypeError, LookupError):
            return self.undefined(obj=obj, name=argument)

    def is_safe_callable(self, obj: Any) -> bool:
        # Methods of strings and lists can build huge values (format, ljust, center); filters cover what is needed.
        return isinstance(obj, _Budget) or obj is _joined


def _environment() -> _Sandbox:
    env = _Sandbox(undefined=StrictUndefined, autoescape=False, finalize=show)
    env.filters = {name: env.filters[name] for name in _FILTERS}
    env.filters["replace"] = _replace
    env.filters["join"] = _join
    env.globals.clear()
    env.globals["_joined"] = _joined
    return env


_ENV = _environment()


def compile_jinja(source: str) -> tuple[Callable[[Mapping[str, Any]], str], frozenset[str]]:
    """Return what renders the template, and the fields it may ask for; raises ``TemplateError``."""
    try:
        tree = _ENV.parse(source)
        _check(tree)
        made_here = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
        # Of a tree of its own: the search changes it.
        names = frozenset(find_undeclared_variables(_ENV.parse(source)) - made_here)
        _Limiter().visit(tree)
        template = _ENV.from_string(tree)
    except JinjaError as error:
        line = getattr(error, "lineno", None)
        raise TemplateError(f"line {line}: {error}" if line else str(error)) from None
    except (ArithmeticError, TypeError, ValueError) as error:
        raise TemplateError(f"a constant cannot be computed: {error}") from None
    except RecursionError:
        raise TemplateError("nested too deeply") from None

    def render(fields: Mapping[str, Any]) -> str:
        try:
            return _collect(template.generate({**fields, "_turn": _Budget()}))
        except (
            JinjaError,
            ArithmeticError,
            TypeError,
            ValueError,
            LookupError,
            AttributeError,
            RecursionError,
        ) as error:
            raise TemplateError(str(error) or type(error).__name__) from None

    return render, names


def _collect(pieces: Iterator[str]) -> str:
    out: list[str] = []
    left = MAX_RESULT_CHARS
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise TemplateError(f"result longer than {MAX_RESULT_CHARS} characters")
        out.append(piece)
    return "".join(out)
