"""What is remembered of a monitor: what fits into a mark, and which of two nodes' marks counts."""

from __future__ import annotations

import itertools
import json
import math

import pytest

from addispatch.domain.judgement import Change, Judged, Limit, State, Verdict
from addispatch.domain.monitor_memory import MAX_BYTES, Memory, joined, unpacked

HOT = frozenset({Limit.HI})
SEEN = Memory(
    number=7, is_lost=True, active=HOT, value=92.5, value_at_ms=1_764_000_000_000, problem="no answer within 5 s",
    read_at_ms=1_764_000_060_000, latency_ms=3.5, read_count=1000, ok_count=999,
)  # fmt: skip


def test_all_of_it_comes_back():
    assert unpacked(SEEN.packed) == SEEN
    for value in (None, 0, True, False, "running", -1.5e-300, 2**63):
        assert unpacked(Memory(value=value).packed).value == value
    assert isinstance(unpacked(Memory(value=True).packed).value, bool)


@pytest.mark.parametrize("text", ["x" * 500, "°" * 500, "\N{FIRE}" * 500, '"\\\n' * 200, "\ud800" * 100])
def test_long_texts_are_cut_so_that_a_mark_is_never_too_long(text: str):
    every = Memory(
        number=10**9, is_lost=True, active=frozenset(Limit), value=text, problem=text, value_at_ms=10**13, worst=Limit.STALE,
        read_at_ms=10**13, latency_ms=123456.7, read_count=10**10, ok_count=10**10,
    )  # fmt: skip
    assert len(every.packed) <= MAX_BYTES
    kept = unpacked(every.packed)
    assert (kept.number, kept.active, kept.ok_count) == (10**9, frozenset(Limit), 10**10)
    short = unpacked(Memory(value=text).packed).value
    assert isinstance(short, str)
    assert short
    assert text.startswith(short)
    assert unpacked(Memory(value=10**400).packed).value is None


@pytest.mark.parametrize("mark", [None, b"", b"{", b"[]", b"7", b'{"lost":1}', b'{"lost":0,"active":["x"]}'])
def test_of_what_nobody_can_read_nothing_is_remembered(mark: bytes | None):
    assert unpacked(mark) == Memory()


def test_what_an_older_version_wrote_is_read():
    assert unpacked(b'{"lost":true,"active":["hi"]}') == Memory(is_lost=True, active=HOT)


def test_judging_goes_on_with_alarms_and_value_and_without_delays():
    assert SEEN.state == State(
        value=92.5, problem="no answer within 5 s", is_lost=True, judged={Limit.HI: Judged(is_active=True)}
    )


def test_each_verdict_that_is_an_alarm_counts_and_the_first_of_two_is_remembered_alone():
    both = Memory(is_lost=True, active=HOT)
    calm = State(value=1)
    first = both.told_first(Verdict(Change.FOUND))
    assert (first.number, first.is_lost, first.active) == (1, False, HOT)
    assert first.told(Verdict(Change.CLEARED, Limit.HI), calm).active == frozenset()
    first = both.told_first(Verdict(Change.CLEARED, Limit.HI))
    assert (first.number, first.is_lost, first.active) == (1, True, frozenset())
    assert first.told(Verdict(Change.FOUND), calm).number == 2
    assert both.told(Verdict(Change.EASED, Limit.HI), calm).number == 0


def test_the_worst_that_was_told_is_known_until_the_next_alarm():
    def told(memory, change, limit, *active):
        verdict = Verdict(change, limit)
        return memory.is_worse(verdict), memory.told(verdict, State(judged=dict.fromkeys(active, Judged(True))))

    memory, seen = Memory(), []
    for change, limit, *active in (
        (Change.RAISED, Limit.HI, Limit.HI),
        (Change.RAISED, Limit.HIHI, Limit.HI, Limit.HIHI),
        (Change.EASED, Limit.HI, Limit.HI),
        (Change.LOST, None, Limit.HI),
        (Change.RAISED, Limit.HIHI, Limit.HI, Limit.HIHI),
        (Change.EASED, Limit.HI, Limit.HI),
        (Change.CLEARED, Limit.HI),
        (Change.RAISED, Limit.HI, Limit.HI),
        (Change.RAISED, Limit.HIHI, Limit.HI, Limit.HIHI),
    ):
        is_worse, memory = told(memory, change, limit, *active)
        memory = unpacked(memory.packed)
        if change is Change.RAISED:
            seen.append((limit, is_worse))
    assert seen == [
        (Limit.HI, False), (Limit.HIHI, True), (Limit.HIHI, False), (Limit.HI, False), (Limit.HIHI, True)
    ]  # fmt: skip
    assert unpacked(b'{"lost":false,"active":["hi"]}').is_worse(Verdict(Change.RAISED, Limit.HIHI)), (
        "older versions, too"
    )
    other = memory.told_first(Verdict(Change.CLEARED, Limit.HIHI))
    assert other.is_worse(Verdict(Change.RAISED, Limit.LO)), "the other side is news"


def test_of_two_nodes_marks_the_one_that_told_more_counts_then_the_one_that_read_last():
    told, read = Memory(number=2, read_at_ms=5), Memory(number=1, read_at_ms=9)
    assert joined(told.packed, read.packed) == told.packed
    later = Memory(number=2, read_at_ms=6, value=math.pi)
    marks = [told.packed, read.packed, later.packed, b"", b"?", json.dumps({"lost": 0, "active": []}).encode()]
    for a, b, c in itertools.product(marks, repeat=3):
        assert joined(a, b) == joined(b, a)
        assert joined(joined(a, b), c) == joined(a, joined(b, c))
        assert joined(a, a) == a
    assert joined(b"", told.packed) == told.packed
