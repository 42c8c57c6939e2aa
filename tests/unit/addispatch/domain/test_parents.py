"""Circles are found once, depths and ways up count each step."""

from __future__ import annotations

from addispatch.domain.parents import MAX_PARENTS, circles, depths, upward


def test_circles_are_found_once_and_what_leads_into_them_is_none() -> None:
    parents = {"in": "b", "a": "b", "b": "c", "c": "a", "self": "self", "x": "y"}
    assert [sorted(circle) for circle in circles(parents)] == [["a", "b", "c"], ["self"]]
    assert circles({"x": "y", "y": "z"}) == []


def test_depth_is_how_many_stand_before_it() -> None:
    assert depths({"c": "b", "b": "a", "d": "b", "self": "self", "s2": "self"}) == {
        "c": 2, "b": 1, "d": 2, "self": 0, "s2": 1,
    }  # fmt: skip


def test_thousands_in_a_row_or_a_circle_are_no_trouble() -> None:
    row = {str(n): str(n + 1) for n in range(5000)}
    assert depths(row)["0"] == 5000
    assert len(circles({**row, "5000": "0"})[0]) == 5001
    assert len(list(upward("0", row))) == MAX_PARENTS + 1
