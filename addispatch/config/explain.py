"""Turns pydantic's errors into lines a user can act on: where, what is wrong, did you mean.

Called by ``config.loading`` for the core's tables, by ``addispatch.host`` for those of the plugins, and by
``addispatch.http`` for parameters.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from addispatch.config.paths import join
from addispatch.domain.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

#: Most options a hint lists when no name is near.
MAX_LISTED = 12

_WORD = re.compile(r"[A-Za-z_]\w*")
_WHOLE, _NUMBER, _TEXT = "must be a whole number", "must be a number", "must be text in quotes"
_LIST, _TABLE, _SWITCH = "must be a list in [ ]", "must be a table", "must be true or false"
_MANY = {"entries": "entries", "characters": "characters"}
#: What pydantic calls a mistake, and what we say; ``{names}`` come from the error's context.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is no option here",
    "int_type": _WHOLE, "int_parsing": _WHOLE, "int_from_float": _WHOLE, "int_parsing_size": _WHOLE,
    "float_type": _NUMBER, "float_parsing": _NUMBER, "finite_number": _NUMBER, "decimal_type": _NUMBER,
    "string_type": _TEXT, "path_type": _TEXT, "url_type": _TEXT, "bytes_type": _TEXT,
    "bool_type": _SWITCH, "bool_parsing": _SWITCH,
    "list_type": _LIST, "tuple_type": _LIST, "set_type": _LIST, "frozen_set_type": _LIST,
    "dict_type": _TABLE, "model_type": _TABLE, "model_attributes_type": _TABLE, "mapping_type": _TABLE,
    "literal_error": "must be {expected}", "enum": "must be {expected}",
    "greater_than": "must be more than {gt}", "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}", "less_than_equal": "must be at most {le}",
    "string_too_short": "needs at least {min_length} {characters}",
    "string_too_long": "may have at most {max_length} {characters}",
    "too_short": "needs at least {min_length} {entries}", "too_long": "may have at most {max_length} {entries}",
    "string_pattern_mismatch": "does not have the form {pattern}",
    "value_error": "{error}", "assertion_error": "{error}",
    "url_parsing": "is no URL: {error}", "url_scheme": "must begin with {expected_schemes}",
}  # fmt: skip


def explain(
    error: ValidationError, model: type[BaseModel], data: Mapping[str, Any], prefix: str = ""
) -> list[ConfigError]:
    """Say each mistake pydantic found in ``data`` once; ``prefix`` is put before the paths (``plugin.mqtt``)."""
    said: dict[str, ConfigError] = {}
    for item in error.errors(include_url=False):
        path = _path(item, data, prefix)
        problem, hint = in_words(item), _hint(item, model)
        if not path:
            path, problem = _field_of(problem, model)
        if path in said:  # the members of a union each complain about the same value
            problem, hint = _either(said[path].problem, problem), said[path].hint or hint
        said[path] = ConfigError(path, problem, hint)
    return list(said.values())


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return ``did you mean "topic"?``, or the options if none is near; empty if there are none."""
    names = sorted(options)
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    if near:
        return f'did you mean "{by_lower[near[0]]}"?'
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"there are: {', '.join(names[:MAX_LISTED])}{more}" if names else ""


def _path(item: ErrorDetails, data: Any, prefix: str) -> str:
    """Name the place as the user wrote it: steps that pydantic adds for members of unions are left out."""
    path, here, loc = prefix, data, item["loc"]
    for index, part in enumerate(loc):
        is_missing = item["type"] == "missing" and index == len(loc) - 1
        if isinstance(part, int):
            path = join(path, part)
            here = here[part] if isinstance(here, list) and part < len(here) else None
        elif is_missing or (isinstance(here, Mapping) and part in here):
            path = join(path, part)
            here = here.get(part) if isinstance(here, Mapping) else None
    return path


def _field_of(problem: str, model: type[BaseModel]) -> tuple[str, str]:
    """Name the field that a mistake of a whole entry is about: the first one its words name. And the words."""
    options = _options(model, ())
    first, separator, rest = problem.partition(": ")
    if separator and first in options:
        return first, rest
    return next((word for word in _WORD.findall(problem) if word in options), ""), problem


def in_words(item: ErrorDetails) -> str:
    """Say what is wrong, without saying where."""
    words = _WORDS.get(item["type"])
    if words is None:
        return item["msg"][:1].lower() + item["msg"][1:]
    context = {name: f"{value:g}" if isinstance(value, float) else value for name, value in item.get("ctx", {}).items()}
    is_one = 1 in (context.get("min_length"), context.get("max_length"))
    context |= {"entries": "entry", "characters": "character"} if is_one else _MANY
    return words.format_map(context)


def _hint(item: ErrorDetails, model: type[BaseModel]) -> str:
    if item["type"] == "extra_forbidden":
        return did_you_mean(str(item["loc"][-1]), _options(model, item["loc"][:-1]))
    if item["type"] in ("literal_error", "enum") and isinstance(item["input"], str):
        hint = did_you_mean(item["input"], item["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", "))
        return hint if hint.startswith("did") else ""
    return ""


def _either(one: str, other: str) -> str:
    if one == other or not other.startswith("must be ") or not one.startswith("must be "):
        return one
    return f"{one} or {other.removeprefix('must be ')}"


def _options(model: type[BaseModel], loc: tuple[str | int, ...]) -> set[str]:
    """Return the option names of the table at ``loc``."""
    here: list[Any] = [model]
    for part in loc:
        here = [inner for annotation in here for inner in _inside(annotation, part)]
    return {
        field.alias or name
        for annotation in here
        for member in _members(annotation)
        if _is_model(member)
        for name, field in member.model_fields.items()
    }


def _inside(annotation: Any, part: str | int) -> Iterator[Any]:
    """Yield the annotations one step further in; a step that names a member of a union stays where it is."""
    for member in _members(annotation):
        arguments = get_args(member)
        if _is_model(member):
            fields = {field.alias or name: field.annotation for name, field in member.model_fields.items()}
            yield fields.get(str(part), member)
        elif isinstance(part, int) and arguments:
            yield arguments[0]
        elif isinstance(get_origin(member), type) and issubclass(get_origin(member) or object, Mapping):
            yield arguments[1]


def _members(annotation: Any) -> Iterator[Any]:
    """Yield what may stand there: the members of a union, without ``Annotated``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
