"""Who waits for the other node's copy is answered when it holds all of it, or when its time is over."""

from __future__ import annotations

from addispatch.cluster.waits import Waits


def test_it_ends_when_the_other_node_holds_every_entry_in_that_state():
    waits = Waits()
    waits.add(1, 10.0, {"a": 5, "b": 6})
    assert waits.held("a", 4, 9) == []
    assert waits.held("a", 5, 9) == []
    assert waits.held("b", 6, 9) == [1]
    assert waits.all() == []


def test_the_state_it_has_by_now_will_do():
    waits = Waits()
    waits.add(1, 10.0, {"a": 5})
    assert waits.held("a", 9, 9) == [1]


def test_several_may_wait_for_one_entry():
    waits = Waits()
    waits.add(1, 10.0, {"a": 5})
    waits.add(2, 11.0, {"a": 6})
    assert waits.held("a", 5, None) == [1]
    assert waits.all() == [2]


def test_whose_time_is_over():
    waits = Waits()
    waits.add(1, 10.0, {"a": 5})
    waits.add(2, 11.0, {"a": 5})
    assert waits.overdue(9.9) == []
    assert waits.overdue(10.0) == [1]
    waits.end(1)
    assert waits.held("a", 5, None) == [2], "the other one still waits"
