"""Who waits until the other node holds an alarm: answered when it has all of it, once, or when the time is over."""

from __future__ import annotations

import pytest

from addispatch.cluster.waits import Waits


@pytest.fixture
def waits():
    return Waits()


def test_it_waits_for_all_of_its_entries(waits):
    waits.add(7, 1.0, {"e": 1, "f": 2})
    assert [waits.held("e", 1, 1), waits.held("f", 9, 2), waits.held("f", 2, 2)] == [[], [], [7]]
    assert (waits.held("f", 2, 2), waits.all()) == ([], [])


def test_a_later_state_than_the_one_it_waits_for_will_do_if_it_is_ours(waits):
    waits.add(7, 1.0, {"e": 1})
    assert waits.held("e", 5, None) == []
    assert waits.held("e", 5, 5) == [7]


def test_several_wait_for_one_entry(waits):
    for token in (7, 8):
        waits.add(token, 1.0, {"e": 1})
    assert sorted(waits.held("e", 1, 1)) == [7, 8]


def test_whose_time_is_over_waits_no_more(waits):
    waits.add(7, 1.0, {"e": 1})
    waits.add(8, 2.0, {"e": 1})
    assert (waits.overdue(0.9), waits.overdue(1.0), waits.all()) == ([], [7], [7, 8])
    waits.end(7)
    assert waits.held("e", 1, 1) == [8]
