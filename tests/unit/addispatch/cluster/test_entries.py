"""What is remembered of entries: only what is open or not known to be on both nodes."""

from __future__ import annotations

import pytest

from addispatch.cluster.entries import Entries
from addispatch.cluster.events import Change
from addispatch.domain.case import Owner

MINE, THEIRS = Owner(0, 0, "s1"), Owner(0, 1, "s2")


@pytest.fixture
def entries():
    return Entries("s1")


def change(digest=1, owner=MINE, *, is_open=True, under_way=False):
    return Change("e", digest, owner, is_open, frozenset({"sms"}), under_way)


def know(entries, digest):
    return entries.theirs("e", entries.get("e"), digest)


def test_an_entry_is_clean_when_the_other_node_has_exactly_this(entries):
    row = entries.put(change(5))
    assert (row.is_clean, list(entries.unclean)) == (False, ["e"])
    assert not know(entries, 5), "it is open: to be remembered"
    assert (row.is_clean, list(entries.unclean)) == (True, [])
    entries.put(change(6))
    assert (row.is_clean, list(entries.unclean)) == (False, ["e"])


def test_a_closed_one_is_forgotten_once_it_is_on_both(entries):
    entries.put(change(5, is_open=False))
    assert not know(entries, 4)
    assert know(entries, 5)
    assert (len(entries), entries.get("e"), entries.unclean) == (0, None, {})


def test_whose_it_is_is_looked_up_by_the_store(entries):
    entries.put(change(owner=THEIRS))
    assert (list(entries.foreign), list(entries.mine())) == (["e"], [])
    entries.put(change(owner=Owner(1, 0, "s1")))
    assert (list(entries.foreign), [ident for ident, _ in entries.mine()]) == ([], ["e"])
    entries.put(change(is_open=False))
    assert list(entries.mine()) == []


def test_what_is_under_way_for_long_is_in_doubt_once_in_that_time(entries):
    entries.put(change(under_way=True))
    assert [entries.in_doubt(at_s, 5.0) for at_s in (100.0, 104.9, 105.0, 109.9, 110.0)] == [[], [], ["e"], [], ["e"]]
    entries.put(change(2))
    entries.put(change(3, under_way=True))
    assert [entries.in_doubt(at_s, 5.0) for at_s in (111.0, 115.9)] == [[], []], "another one: it counts anew"


@pytest.mark.parametrize("other", [change(owner=THEIRS, under_way=True), change(is_open=False, under_way=True)])
def test_only_of_our_open_ones_is_anything_in_doubt(entries, other):
    entries.put(change(under_way=True))
    entries.put(other)
    entries.in_doubt(0.0, 5.0)
    assert entries.in_doubt(99.0, 5.0) == []


def test_after_a_start_nothing_is_known_to_be_there(entries):
    row = entries.put(change(5))
    know(entries, 5)
    row.spoke_s = 77.0
    entries.forget_theirs()
    assert (row.is_clean, row.spoke_s, list(entries.unclean)) == (False, float("-inf"), ["e"])
