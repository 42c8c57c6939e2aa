"""What a payload says, whatever it is: bytes from anybody, never trusted. Used by the intake for each message."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import orjson

#: Larger payloads are refused unread.
MAX_PAYLOAD_BYTES = 256 * 1024
#: JSON nested deeper than this is taken as text.
MAX_DEPTH = 20

Kind = Literal["auto", "json", "text", "number"]


@dataclass(slots=True)
class Payload:
    """A payload read.

    ``text`` is all of it as text; ``value`` what it means: the JSON value, the number or the text itself.
    ``problem`` says why it is not what was expected; then ``value`` is the text. ``replaced``: it was no UTF-8.
    """

    text: str
    value: Any
    number: int | float | None = None
    problem: str = ""
    replaced: bool = False


def read(raw: bytes, kind: Kind) -> Payload:
    """Read a payload; never raises."""
    replaced = False
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text, replaced = raw.decode(errors="replace"), True
    if text[:1] == "\ufeff":
        text = text[1:]
    payload = Payload(text, text, replaced=replaced)
    if kind == "text":
        return payload
    # An object or array is JSON in auto too; a bare word, number or quoted text is text, as people send it.
    if kind == "json" or (kind == "auto" and text.lstrip()[:1] in ("{", "[")):
        try:
            payload.value = _json(text)
        except ValueError as error:
            payload.problem = f"the payload is no good JSON: {error}"
    else:
        payload.number = number = _number(text)
        if number is None and kind == "number":
            payload.problem = "the payload is no number"
    if type(payload.value) in (int, float):
        payload.number = payload.value
    return payload


def _json(text: str) -> Any:
    """Parse; raises ``ValueError`` for what is no JSON (NaN is none) or too deep."""
    value = orjson.loads(text)
    # Each level takes a bracket: few brackets cannot be deep. orjson itself stops at 1024 levels.
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    return value


def _is_deeper(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        return depth == 0 or any(_is_deeper(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return depth == 0 or any(_is_deeper(item, depth - 1) for item in value)
    return False


def _number(text: str) -> int | float | None:
    """Read a number as PLCs write it; Python's extras (``1_0``, ``nan``, ``inf``) are none."""
    if len(text) > 40 or text.strip()[:1] not in tuple("+-.0123456789") or "_" in text:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
