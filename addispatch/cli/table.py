"""Plain columns that fit a phone as well as a wide screen. Used by ``addispatch.cli.views``."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from addispatch.cli.text import colour, cut, is_terminal, printable, width, word_colour, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The last column needs so many columns beside the others; otherwise it goes on a line of its own.
LEAST_LAST = 24
_GAP = 2


def show(titles: Sequence[str], rows: Iterable[Sequence[object]], *, nothing: str) -> None:
    """Print the rows under their titles, or ``nothing`` if there are none.

    The last column is the long one: on a terminal it is shortened, or on a narrow one wrapped below its row.
    """
    cells = [[printable(value) for value in row] for row in rows]
    if not cells:
        print(colour(nothing, "dim"))
        return
    widths = [max(width(line[i]) for line in (list(titles), *cells)) for i in range(len(titles) - 1)]
    before = sum(widths) + _GAP * len(widths)
    columns = shutil.get_terminal_size().columns if is_terminal() else 0
    room = columns - before if columns else 0
    if columns and room < LEAST_LAST:
        _show_stacked(titles, cells, widths, columns)
        return
    print(colour(_join(titles, widths), "bold"))
    for line in cells:
        last = cut(line[-1], room) if room else line[-1]
        print(_join([*line[:-1], last], widths, paint=True))


def _show_stacked(titles: Sequence[str], cells: list[list[str]], widths: list[int], columns: int) -> None:
    print(colour(cut(_join(titles[:-1], widths), columns), "bold"))
    for line in cells:
        print(_join(line[:-1], widths, paint=True))
        for part in wrap(line[-1], max(columns - _GAP, 10)) if line[-1] else ():
            print(" " * _GAP + part)


def _join(line: Sequence[str], widths: list[int], *, paint: bool = False) -> str:
    parts = []
    for index, text in enumerate(line):
        space = " " * (widths[index] - width(text) + _GAP) if index < len(line) - 1 else ""
        name = word_colour(text) if paint else None
        parts.append((colour(text, name) if name else text) + space)
    return "".join(parts).rstrip()
