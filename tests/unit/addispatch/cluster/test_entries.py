"""What a node remembers of each entry: what is not on both nodes, what is sent for by others, what is under way."""

from __future__ import annotations

from addispatch.cluster.entries import Entries
from addispatch.cluster.events import Change
from addispatch.domain.case import Owner

MINE, THEIRS = Owner(0, 0, "mine"), Owner(0, 1, "theirs")


def change(digest: int, *, owner: Owner = MINE, is_open: bool = True, under_way: bool = False) -> Change:
    return Change("a", digest, owner, is_open, under_way=under_way)


def test_clean_is_what_the_other_node_has_exactly() -> None:
    entries = Entries("mine")
    row = entries.put(change(1))
    assert "a" in entries.unclean
    assert not entries.theirs("a", row, 2)
    assert "a" in entries.unclean
    assert not entries.theirs("a", row, 1)
    assert not entries.unclean
    entries.put(change(3))
    assert "a" in entries.unclean


def test_what_is_closed_and_on_both_nodes_is_forgotten() -> None:
    entries = Entries("mine")
    row = entries.put(change(1, is_open=False))
    assert entries.theirs("a", row, 1)
    assert len(entries) == 0
    row = entries.put(change(2))
    entries.theirs("a", row, 3)
    entries.put(change(3, is_open=False))
    assert entries.get("a") is None


def test_after_a_new_start_nothing_is_known_to_be_there() -> None:
    entries = Entries("mine")
    entries.theirs("a", entries.put(change(1)), 1)
    entries.forget_theirs()
    assert "a" in entries.unclean


def test_mine_and_foreign() -> None:
    entries = Entries("mine")
    entries.put(change(1, owner=THEIRS))
    assert list(entries.foreign) == ["a"]
    assert not list(entries.mine())
    entries.put(change(2))
    assert not entries.foreign
    assert [ident for ident, _ in entries.mine()] == ["a"]
    entries.put(change(3, owner=THEIRS, is_open=False))
    assert not entries.foreign


def test_what_is_under_way_for_long_is_doubted_again_and_again() -> None:
    entries = Entries("mine")
    entries.put(change(1, under_way=True))
    assert entries.in_doubt(0.0, 5.0) == []
    assert entries.in_doubt(4.9, 5.0) == []
    assert entries.in_doubt(5.0, 5.0) == ["a"]
    assert entries.in_doubt(5.1, 5.0) == []
    assert entries.in_doubt(10.1, 5.0) == ["a"]


def test_what_ends_or_goes_away_is_not_doubted() -> None:
    entries = Entries("mine")
    for ended in (change(2), change(2, owner=THEIRS, under_way=True), change(2, is_open=False, under_way=True)):
        entries.put(change(1, under_way=True))
        entries.in_doubt(0.0, 5.0)
        entries.put(ended)
        assert entries.in_doubt(9.0, 5.0) == []
