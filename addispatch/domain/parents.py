"""Who is behind whom: circles and depths among the parents of monitors. Pure.

Used by ``store.directory_change``, ``store.directory_book`` and ``engine.monitoring``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

#: Most monitors one behind the other that one may be behind: each reading that fails looks at all of them.
MAX_PARENTS = 16


def circles(parents: Mapping[str, str]) -> list[list[str]]:
    """Return each circle once; ``parents`` gives the parent of each that has one. Each step is made once."""
    found, done = list[list[str]](), set[str]()
    for start in parents:
        path, places, one = list[str](), dict[str, int](), start
        while one in parents and one not in done and one not in places:
            places[one] = len(path)
            path.append(one)
            one = parents[one]
        if one in places:
            found.append(path[places[one] :])
        done.update(path)
    return found


def depths(parents: Mapping[str, str]) -> dict[str, int]:
    """Return how many each is behind, one behind the other; who is in a circle counts as the first."""
    known = {one: 0 for circle in circles(parents) for one in circle}
    for start in parents:
        path, one = list[str](), start
        while one in parents and one not in known:
            path.append(one)
            one = parents[one]
        depth = known.get(one, 0)
        for each in reversed(path):
            depth += 1
            known[each] = depth
    return known


def upward(ident: str, parents: Mapping[str, str]) -> Iterator[str]:
    """Yield it, its parent, and so on; at most ``MAX_PARENTS`` of these."""
    yield ident
    for _ in range(MAX_PARENTS):
        if ident not in parents:
            return
        ident = parents[ident]
        yield ident
