"""Which modems a number goes by, and which numbers nothing goes to. Pure; used by the configuration and the fleet.

A prefix is the beginning of a number as it is dialled: ``+65``, ``+4917``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import AfterValidator

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

#: Most prefixes in one list.
MAX_PREFIXES = 100


def _is_prefix(text: str) -> str:
    if not re.fullmatch(r"\+?[0-9]{1,14}", text):
        raise ValueError(f"{text[:20]!r} is no prefix of a number; write it like +65")
    return text


Prefix = Annotated[str, AfterValidator(_is_prefix)]


def matching(number: str, prefixes: Iterable[str]) -> int:
    """Length of the longest prefix that fits; 0 if none does."""
    return max((len(prefix) for prefix in prefixes if number.startswith(prefix)), default=0)


def groups(number: str, modems: Iterable[tuple[T, tuple[str, ...]]]) -> list[list[T]]:
    """Return the modems in groups, the one to use first comes first.

    Longest matching prefix, shorter ones, modems without prefixes; and at last those for other numbers, for a text that
    costs more is better than none.
    """
    found: dict[tuple[int, int], list[T]] = {}
    for modem, prefixes in modems:
        length = matching(number, prefixes)
        rank = 0 if length else 1 if not prefixes else 2
        found.setdefault((rank, -length), []).append(modem)
    return [found[key] for key in sorted(found)]
