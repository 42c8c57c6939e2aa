"""One publish heard by both nodes is one alarm; two publishes heard by one node are two."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import now_ms, open_ledger

from addispatch.domain.errors import Refused
from addispatch.domain.result import CaseRef
from addispatch.pipeline import pairing
from addispatch.pipeline.pairing import ACTIVE_MS, Pairing
from addispatch.store.notes import Twin


def ref(name):
    return CaseRef(f"case {name}", None)


@pytest.fixture
def pairs():
    return Pairing()


def test_the_other_node_told_first(pairs):
    assert pairs.remote("hot", "theirs", ref("x"), 0) is None
    assert pairs.local("hot", "mine", 1) == ("theirs", (ref("x"),))
    assert pairs.local("hot", "mine 2", 2) is None, "the next one is another publish"


def test_this_node_heard_first(pairs):
    assert pairs.local("hot", "mine", 0) is None
    assert pairs.remote("hot", "theirs", ref("x"), 1) == "mine"
    assert pairs.remote("hot", "theirs 2", ref("y"), 2) is None


def test_two_by_the_same_node_do_not_pair(pairs):
    assert [pairs.local("hot", name, 0) for name in ("1", "2")] == [None, None]
    assert [pairs.remote("hot", name, ref(name), 1) for name in ("a", "b", "c")] == ["1", "2", None]


def test_other_words_do_not_pair(pairs):
    pairs.local("hot", "mine", 0)
    assert pairs.remote("cold", "theirs", ref("x"), 0) is None


def test_all_cases_of_an_alarm_have_the_same_mate(pairs):
    pairs.local("hot", "mine", 0)
    assert [pairs.remote("hot", "theirs", ref(n), 1) for n in "xy"] == ["mine", "mine"]
    assert pairs.remote("cold", "theirs 2", ref("x"), 0) is None
    assert pairs.remote("cold", "theirs 2", ref("y"), 0) is None
    assert pairs.local("cold", "mine 2", 1) == ("theirs 2", (ref("x"), ref("y")))


def test_what_is_heard_while_the_other_node_is_away_waits_for_it_and_then_the_usual_time(pairs):
    """Else a node that was away for an hour tells once more what its broker kept for it."""
    pairs.part()
    for number in range(3):
        pairs.local("hot", f"mine {number}", number)
    hour_ms = 3_600_000
    assert [pairs.heard(f"mine {number}", hour_ms) for number in range(3)] == ["hot"] * 3
    assert pairs.remote("hot", "theirs 0", ref("x"), hour_ms) == "mine 0"
    pairs.meet(hour_ms)
    assert pairs.remote("hot", "theirs 1", ref("y"), hour_ms + ACTIVE_MS) == "mine 1"
    assert pairs.remote("hot", "theirs 2", ref("z"), hour_ms + ACTIVE_MS + 1) is None


_STEPS = st.lists(st.tuples(st.booleans(), st.sampled_from("xyz"), st.integers(0, 3)), max_size=8)


def _does(pairs, steps, begin):
    return [
        pairs.local(what, f"mine {begin + number}", begin + number)
        if is_local
        else pairs.remote(what, f"theirs {other}", ref(str(begin + number)), begin + number)
        for number, (is_local, what, other) in enumerate(steps)
    ]


@given(_STEPS, _STEPS, _STEPS)
def test_what_a_transaction_did_that_was_undone_is_as_if_it_never_was(before, undone, after):
    """Its units come again, one by one, if one of them failed: else a copy finds no mate, and both are told."""
    one, other = Pairing(), Pairing()
    for pairs in (one, other):
        _does(pairs, before, 0)
        pairs.keep()
    _does(one, undone, 10)
    one.undo()
    assert vars(one) == vars(other)
    assert _does(one, after, 10) == _does(other, after, 10)


async def test_the_ledger_takes_back_what_its_units_did_before_it_tries_each_alone(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        pairs, gate = Pairing(), threading.Event()
        ledger.twin = Twin("s1", 0, now_ms, pairs)

        def fails(_tx):
            raise Refused("code", "is nobody's")

        units = (
            lambda _tx: gate.wait(5),  # what follows waits for it, and comes into one commit
            lambda _tx: pairs.remote("hot", "theirs", ref("x"), 0),
            lambda _tx: pairs.local("hot", "mine", 1),
            fails,
        )
        done = [ledger.submit(unit) for unit in units]
        gate.set()
        _, told, heard, failed = await asyncio.gather(*done, return_exceptions=True)
    assert isinstance(failed, Refused)
    assert (told, heard) == (None, ("theirs", (ref("x"),)))


@pytest.mark.parametrize(("window_ms", "is_mate"), [(ACTIVE_MS, False), (pairing.PASSIVE_MS, True)])
def test_a_copy_waits_so_long_and_no_longer(window_ms, is_mate):
    pairs = Pairing(window_ms)
    pairs.local("hot", "mine", 0)
    assert (pairs.remote("hot", "theirs", ref("x"), ACTIVE_MS + 1) == "mine") is is_mate
    pairs.remote("cold", "theirs 2", ref("x"), ACTIVE_MS)
    assert (pairs.local("cold", "mine", 2 * ACTIVE_MS + 2) is not None) is is_mate


def test_at_the_end_of_the_window_it_still_pairs(pairs):
    pairs.local("hot", "mine", 0)
    assert pairs.remote("hot", "theirs", ref("x"), ACTIVE_MS) == "mine"


def held(pairs):
    return len(pairs._order), len(pairs._cases), len(pairs._mates), sum(map(len, pairs._waiting.values()))


def test_nothing_is_kept_for_ever(pairs, monkeypatch):
    monkeypatch.setattr(pairing, "MAX_COUNT", 10)
    for n in range(50):
        pairs.local(f"l{n}", f"l{n}", n)
        pairs.remote(f"r{n}", f"r{n}", ref(n), n)
        pairs.local(f"b{n}", f"b{n}", n)
        pairs.remote(f"b{n}", f"c{n}", ref(n), n)
    assert max(held(pairs)) <= 12
    pairs.local("x", "x", 10 * ACTIVE_MS)
    assert held(pairs) == (1, 0, 0, 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from("ab")), max_size=12))
def test_each_copy_pairs_once_with_one_of_the_other_node(steps):
    pairs, mates = Pairing(), []
    for number, (is_local, word) in enumerate(steps):
        if is_local:
            found = pairs.local(word, f"l{number}", number)
            mates += [(f"l{number}", found[0])] if found else []
        else:
            found = pairs.remote(word, f"r{number}", ref(number), number)
            mates += [(found, f"r{number}")] if found else []
    counts = {w: [sum(s == (k, w) for s in steps) for k in (True, False)] for w in "ab"}
    assert len(mates) == sum(map(min, counts.values())), "as many as can"
    for one in zip(*mates, strict=True) if mates else ():
        assert len(set(one)) == len(one), "none twice"
    for mine, theirs in mates:
        assert steps[int(mine[1:])][1] == steps[int(theirs[1:])][1]
