"""When a condition is told: after its grace time, ever more rarely while it lasts, and when it is over."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.condition import AGAIN_MS, LONGEST_MS, Condition, Telling


def bad(grace_s=60.0, now_s=0.0):
    return Condition().reported("no modem", grace_s, now_s)


def test_it_is_told_after_its_grace_time_and_not_before():
    assert bad().due(59.9, 59_900) is None
    assert not bad().is_bad(59.9)
    assert bad().due(60, 60_000) is Telling.BEGAN
    assert bad().is_bad(60)


def test_one_that_passes_within_its_grace_time_is_never_told():
    assert bad().reported("", 60, 30).due(1000, 1_000_000) is None


def test_it_is_told_again_after_half_an_hour_and_then_ever_more_rarely():
    condition, now_ms, waits = bad(0), 1_000_000, []
    for _ in range(6):
        condition = condition.told(Telling.BEGAN, now_ms)
        wait_ms = next(w for w in (AGAIN_MS, 4 * AGAIN_MS, 16 * AGAIN_MS, LONGEST_MS) if condition.due(9e9, now_ms + w))
        assert condition.due(9e9, now_ms + wait_ms - 1) is None
        waits.append(wait_ms)
        now_ms += wait_ms
    assert waits == [AGAIN_MS, 4 * AGAIN_MS, 16 * AGAIN_MS, LONGEST_MS, LONGEST_MS, LONGEST_MS]


def test_its_end_is_told_once_and_only_if_its_beginning_was():
    told = bad(0).told(Telling.BEGAN, 0)
    over = told.reported("", 60, 5)
    assert over.due(5, 5000) is Telling.OVER
    assert over.told(Telling.OVER, 5000).due(6, 6000) is None
    assert bad(60).reported("", 60, 5).due(100, 100_000) is None


def test_a_flutter_is_told_once_in_half_an_hour():
    condition, tellings = Condition(), []
    for minute in range(60):
        condition = condition.reported("down" if minute % 2 == 0 else "", 0, minute * 60.0)
        if telling := condition.due(minute * 60.0, minute * 60_000):
            tellings.append((minute, telling))
            condition = condition.told(telling, minute * 60_000)
    assert tellings == [(0, Telling.BEGAN), (1, Telling.OVER), (30, Telling.BEGAN), (31, Telling.OVER)]


def test_another_problem_of_the_same_name_does_not_start_its_grace_time_anew():
    assert bad().reported("no SIM", 60, 50).due(60, 60_000) is Telling.BEGAN


def test_a_clock_set_back_does_not_silence_it():
    told = bad(0).told(Telling.BEGAN, 10_000_000)
    assert told.due(5, 9_000_000) is Telling.LASTS


@given(st.lists(st.tuples(st.integers(1, 4000), st.booleans()), max_size=60))
def test_alerts_of_one_condition_are_half_an_hour_apart_and_beginnings_and_ends_alternate(steps):
    condition, now_s, alerts, spoken = Condition(), 0, [], []
    for wait_s, is_bad in steps:
        now_s += wait_s
        condition = condition.reported("down" if is_bad else "", 60, now_s)
        if telling := condition.due(now_s, now_s * 1000):
            condition = condition.told(telling, now_s * 1000)
            spoken.append(telling)
            if telling is not Telling.OVER:
                alerts.append(now_s)
    assert all(b - a >= AGAIN_MS / 1000 for a, b in itertools.pairwise(alerts))
    for before, after in zip([Telling.OVER, *spoken], spoken, strict=False):
        assert (after is Telling.BEGAN) == (before is Telling.OVER)
