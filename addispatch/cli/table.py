"""Plain columns that fit a phone as well as a wide screen. Used by ``addispatch.cli.views``."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from addispatch.cli.text import colour, cut, printable, terminal_columns, width, word_colour, wrap

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

#: Where the last column has less room, a text that does not fit goes below its row: shortened, and whole.
LEAST_CUT, LEAST_WRAPPED = 24, 40
#: No other column is made narrower: a phone number in brackets stays in one piece.
LEAST_OTHER = 14
_GAP = 2


def show(
    titles: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    nothing: str,
    whole: bool = False,
    unbroken: Collection[int] = (),
) -> None:
    """Print the rows under their titles, or ``nothing`` if there are none.

    The last column is the long one: on a terminal it is shortened, or if it must be seen ``whole``, wrapped. Words of
    the columns ``unbroken`` (addresses) are not broken: where there is no room for that, each row becomes some lines.
    """
    cells = [[printable(value) for value in row] for row in rows]
    if not cells:
        print(colour(nothing, "dim"))
        return
    columns = terminal_columns()
    widths = [max(width(line[i]) for line in (list(titles), *cells)) for i in range(len(titles) - 1)]
    if columns:
        least = [max(width(title), LEAST_OTHER) for title in titles[:-1]]
        for index in unbroken:
            least[index] = max(least[index], *(_widest_word(line[index]) for line in cells))
        _narrow(widths, least, columns - (width(titles[-1]) if whole else LEAST_CUT))
        if unbroken and sum(widths) + _GAP * (len(widths) - 1) > columns:
            _stack(titles, cells, columns, unbroken)
            return
    title = _join(titles, widths)
    if columns and width(title) > columns:
        title = cut(_join([*titles[:-1], ""], widths), columns)
    print(colour(title, "bold"))
    for line in cells:
        for part in _fitted(line, widths, columns, whole=whole) if columns else [_join(line, widths, paint=True)]:
            print(part)


def _widest_word(text: str) -> int:
    return max((width(word) for word in text.split()), default=0)


def _stack(titles: Sequence[str], cells: list[list[str]], columns: int, unbroken: Collection[int]) -> None:
    """Print each row as some lines: the short columns, then each address and the long column below, all of it."""
    for line in cells:
        below = [line[index] for index in unbroken] + [line[-1]]
        short = [
            f"{titles[index].lower()}: {text}" if text.isdigit() else text
            for index, text in enumerate(line[:-1])
            if index not in unbroken
        ]
        for first in wrap(" ".join(short), columns):
            words = first.split(" ")
            print(" ".join(colour(word, name) if (name := word_colour(word)) else word for word in words))
        for text in below:
            for part in wrap(text, max(columns - _GAP, 10)):
                print(" " * _GAP + part)


def _narrow(widths: list[int], least: list[int], room: int) -> None:
    """Take from the widest columns until all but the last fit, so that one long address does not misplace them all."""
    while (excess := sum(widths) + _GAP * len(widths) - room) > 0:
        widest = widths.index(max(widths))
        narrower = max(widths[widest] - excess, least[widest])
        if narrower >= widths[widest]:
            return
        widths[widest] = narrower


def _fitted(line: list[str], widths: list[int], columns: int, *, whole: bool) -> list[str]:
    """Return the lines of one row on a terminal."""
    last, room = line[-1], columns - sum(widths) - _GAP * len(widths)
    inside, below = [last], []
    if width(last) > max(room, 0):
        if whole and room >= LEAST_WRAPPED:
            inside = wrap(last, room)
        elif not whole and room >= LEAST_CUT:
            inside = [cut(last, room)]
        else:
            inside, below = [], wrap(last, max(columns - _GAP, 10))
    cells = [wrap(text, columns_count) for text, columns_count in zip(line, widths, strict=False)]
    parts = zip_longest(*cells, inside, fillvalue="")
    return [_join(part, widths, paint=True) for part in parts] + [" " * _GAP + part for part in below]


def _join(line: Sequence[str], widths: list[int], *, paint: bool = False) -> str:
    parts = []
    for index, text in enumerate(line):
        space = " " * (widths[index] - width(text) + _GAP) if index < len(line) - 1 else ""
        name = word_colour(text) if paint else None
        parts.append((colour(text, name) if name else text) + space)
    return "".join(parts).rstrip()
