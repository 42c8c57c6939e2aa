"""What is wrong with the parents of monitors: circles, and too many one behind the other. Pure.

Used by ``store.directory_change`` for what is entered and by ``store.directory_book`` for what is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from addispatch.domain.parents import MAX_PARENTS, circles, depths, upward
from addispatch.store.directory_records import Record

#: Most names of a circle in a message.
_MAX_NAMES = 8

Monitors = Mapping[str, Record]


def wrong_parents(monitors: Monitors, entered: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield id and problem of entered monitors that make a circle or stand too deep; what was there before stays."""
    parents = _parents(monitors)
    for circle in circles(parents):
        if at := next((ident for ident in circle if ident in entered), None):
            yield at, f"{_drawn(circle, at, monitors)} is a circle: a monitor cannot be behind itself"
    told: set[str] = set()
    for ident, depth in depths(parents).items():
        if depth == MAX_PARENTS + 1:  # the first that is too deep stands for those behind it
            at = next((one for one in upward(ident, parents) if one in entered), None)
        else:
            is_added = depth > MAX_PARENTS and ident in entered and parents[ident] not in entered
            at = ident if is_added else None
        if at and at not in told:
            told.add(at)
            name = monitors[ident].name
            yield at, f"{name!r} would be behind {depth} others in a row, more than {MAX_PARENTS}"


def doubtful_parents(monitors: Monitors) -> Iterator[str]:
    """Yield a line for each circle and for the depth of what an older version took."""
    parents = _parents(monitors)
    for circle in circles(parents):
        yield f"parent: {_drawn(circle, circle[0], monitors)} is a circle of monitors: their parents are ignored"
    if deep := [ident for ident, depth in depths(parents).items() if depth > MAX_PARENTS]:
        more = f" and {len(deep) - 1} more" if deep[1:] else ""
        yield (
            f"parent: monitor {monitors[deep[0]].name!r}{more} behind more than {MAX_PARENTS} others in a row: "
            "only the nearest count"
        )


def _parents(monitors: Monitors) -> dict[str, str]:
    found = {ident: record.body.get("parent", "") for ident, record in monitors.items()}
    return {ident: parent for ident, parent in found.items() if parent in monitors}


def _drawn(circle: list[str], first: str, monitors: Monitors) -> str:
    at = circle.index(first)
    names = [monitors[ident].name for ident in (*circle[at:], *circle[:at])]
    shown = [*names[:_MAX_NAMES], "…"] if len(names) > _MAX_NAMES else names
    return " -> ".join([*shown, names[0]])
