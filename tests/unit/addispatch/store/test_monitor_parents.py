"""Circles and chains that are too deep are said of what was entered; what was there before only in words."""

from __future__ import annotations

import pytest

from addispatch.domain.parents import MAX_PARENTS
from addispatch.store.directory_records import Record
from addispatch.store.monitor_parents import doubtful_parents, wrong_parents


def monitors(**parents: str) -> dict[str, Record]:
    return {name: Record(name, {"name": name, **({"parent": up} if up else {})}) for name, up in parents.items()}


def row(count: int) -> dict[str, Record]:
    return monitors(m0="", **{f"m{n}": f"m{n - 1}" for n in range(1, count)})


@pytest.mark.parametrize(
    ("parents", "entered", "found"),
    [
        ({"s": "s"}, {"s"}, [("s", "s -> s is a circle: a monitor cannot be behind itself")]),
        (
            {"p1": "p2", "p2": "p3", "p3": "p1"}, {"p3", "x"},
            [("p3", "p3 -> p1 -> p2 -> p3 is a circle: a monitor cannot be behind itself")],
        ),
        ({"p1": "p2", "p2": "p1", "x": ""}, {"x"}, []),
        ({"p1": "p2", "p2": ""}, {"p1", "p2"}, []),
        ({"p1": "gone"}, {"p1"}, []),
    ],
)  # fmt: skip
def test_circles(parents: dict[str, str], entered: set[str], found: list[tuple[str, str]]) -> None:
    assert list(wrong_parents(monitors(**parents), entered)) == found


def test_a_row_may_be_so_long_and_no_longer() -> None:
    assert list(wrong_parents(row(MAX_PARENTS + 1), row(99))) == []
    ((at, problem),) = wrong_parents(row(1500), row(1500))
    assert (at, problem) == ("m17", "'m17' would be behind 17 others in a row, more than 16")


def test_a_parent_put_on_top_makes_those_below_too_deep() -> None:
    top = {**row(MAX_PARENTS + 1), **monitors(top="", m0="top")}
    assert [at for at, _ in wrong_parents(top, {"m0"})] == ["m0"]


def test_what_was_too_deep_before_stays_and_nothing_more_comes_behind_it() -> None:
    old = row(30)
    assert list(wrong_parents({**old, **monitors(x="")}, {"x"})) == []
    assert [at for at, _ in wrong_parents({**old, **monitors(x="m29")}, {"x"})] == ["x"]


def test_what_an_older_version_took_is_said() -> None:
    assert list(doubtful_parents(monitors(a="b", b="a"))) == [
        "parent: a -> b -> a is a circle of monitors: their parents are ignored"
    ]
    (line,) = doubtful_parents(row(30))
    assert line == "parent: monitor 'm17' and 12 more behind more than 16 others in a row: only the nearest count"
    assert list(doubtful_parents(row(17))) == []
