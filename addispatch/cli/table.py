"""Plain columns that fit a phone as well as a wide screen. Used by ``addispatch.cli.views``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.cli.text import colour, cut, fold, printable, terminal_columns, width, word_colour, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Where the last column has less room, a text that does not fit goes below its row: shortened, and whole.
LEAST_CUT, LEAST_WRAPPED = 24, 40
_GAP = 2


def show(titles: Sequence[str], rows: Iterable[Sequence[object]], *, nothing: str, whole: bool = False) -> None:
    """Print the rows under their titles, or ``nothing`` if there are none.

    The last column is the long one: on a terminal it is shortened, or if it must be seen ``whole``, wrapped.
    """
    cells = [[printable(value) for value in row] for row in rows]
    if not cells:
        print(colour(nothing, "dim"))
        return
    widths = [max(width(line[i]) for line in (list(titles), *cells)) for i in range(len(titles) - 1)]
    columns = terminal_columns()
    title = _join(titles, widths)
    print(colour(cut(title, columns) if columns else title, "bold"))
    before = sum(widths) + _GAP * len(widths)
    for line in cells:
        for part in (
            _fitted(line, widths, before, columns, whole=whole) if columns else [_join(line, widths, paint=True)]
        ):
            print(part)


def _fitted(line: list[str], widths: list[int], before: int, columns: int, *, whole: bool) -> list[str]:
    """Return the lines of one row on a terminal; ``before`` is where its last column begins."""
    head, last, room = line[:-1], line[-1], columns - before
    if width(last) <= max(room, 0):
        parts, below = [last], []
    elif whole and room >= LEAST_WRAPPED:
        first, *rest = wrap(last, room)
        parts, below = [first], [" " * before + part for part in rest]
    elif not whole and room >= LEAST_CUT:
        parts, below = [cut(last, room)], []
    else:
        parts, below = [], [" " * _GAP + part for part in wrap(last, max(columns - _GAP, 10))]
    return [fold(_join([*head, *parts], widths, paint=True)), *below]


def _join(line: Sequence[str], widths: list[int], *, paint: bool = False) -> str:
    parts = []
    for index, text in enumerate(line):
        space = " " * (widths[index] - width(text) + _GAP) if index < len(line) - 1 else ""
        name = word_colour(text) if paint else None
        parts.append((colour(text, name) if name else text) + space)
    return "".join(parts).rstrip()
