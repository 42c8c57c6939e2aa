"""How readings are judged: limits, hysteresis, delays, lost contact; and that nothing flutters."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.alarm import Priority
from addispatch.domain.judgement import (
    Change,
    Judged,
    Limit,
    Reading,
    Rules,
    State,
    Verdict,
    is_worse,
    judge,
    would_hold,
)  # fmt: skip

HOT = Rules(limits={Limit.HI: 80.0, Limit.HIHI: 90.0, Limit.LO: 10.0, Limit.LOLO: 5.0}, deadband=2.0)


def run(rules, values, *, every_s=1.0, state=None, suppressed=()):
    """Feed values (None: failed), one each second; returns the state and ``(second, change, limit)``."""
    state, seen = state or State(), []
    for index, value in enumerate(values):
        reading = Reading(problem="no answer") if value is None else Reading(value)
        state, verdicts = judge(rules, state, reading, index * every_s, suppressed=index in suppressed)
        seen += [(index, str(v.change), v.limit and str(v.limit)) for v in verdicts]
    return state, seen


def test_over_and_back_within_the_deadband_is_one_alarm():
    assert run(HOT, [79, 80, 79, 78.1, 80, 78, 77.9, 60])[1] == [(1, "raised", "hi"), (6, "cleared", "hi")]


def test_worse_is_told_and_better_is_not():
    assert run(HOT, [85, 95, 85, 95, 85, 50])[1] == [
        (0, "raised", "hi"), (1, "raised", "hihi"), (2, "eased", "hi"), (3, "raised", "hihi"), (4, "eased", "hi"),
        (5, "cleared", "hi"),
    ]  # fmt: skip


def test_from_too_hot_to_too_cold_is_an_end_and_a_begin():
    assert run(HOT, [95, 3])[1] == [(0, "raised", "hihi"), (1, "cleared", "hihi"), (1, "raised", "lolo")]


def test_an_alarm_waits_for_its_delay_and_so_does_its_end():
    rules = Rules(limits={Limit.HI: 80.0}, on_delay_s=3, off_delay_s=2)
    assert run(rules, [81] * 6 + [70] * 6)[1] == [(3, "raised", "hi"), (8, "cleared", "hi")]
    assert run(rules, [81, 81, 70, 81, 81, 70])[1] == []
    assert run(rules, [81] * 4 + [70, 81] * 5)[1] == [(3, "raised", "hi")]


def test_contact_is_lost_after_the_retries_and_found_at_once():
    rules = Rules(limits={Limit.HI: 80.0}, retries=2)
    state, seen = run(rules, [50, None, None, 50, None, None, None, None, 50])
    assert seen == [(6, "lost", None), (8, "found", None)]
    assert (state.is_lost, state.failed_count, state.problem) == (False, 0, "")


def test_lost_contact_leaves_the_value_s_alarm_as_it_was():
    rules = Rules(limits={Limit.HI: 80.0}, retries=0)
    assert run(rules, [85, None, 85, None, 70])[1] == [
        (0, "raised", "hi"), (1, "lost", None), (2, "found", None), (3, "lost", None), (4, "found", None),
        (4, "cleared", "hi"),
    ]  # fmt: skip


def test_a_delay_does_not_run_on_while_nothing_is_known():
    rules = Rules(limits={Limit.HI: 80.0}, on_delay_s=3)
    assert run(rules, [81, 81, None, 81, 81, 81, 81])[1] == [(6, "raised", "hi")]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_a_failed_reading(value):
    state, seen = run(Rules(limits={Limit.HI: 80.0}, retries=0), [value])
    assert seen == [(0, "lost", None)]
    assert state.value is None
    assert state.problem.startswith("the value is")


def test_a_register_that_changes_its_type_neither_raises_nor_clears():
    state, seen = run(HOT, [85, "text", True, 85])
    assert seen == [(0, "raised", "hi")]
    assert state.active is Limit.HI


def test_a_bit():
    assert run(Rules(alarm_on=True), [False, True, True, False])[1] == [(1, "raised", "on"), (3, "cleared", "on")]
    assert run(Rules(alarm_on=False), [1, 0, 1])[1] == [(1, "raised", "on"), (2, "cleared", "on")]


def test_a_value_that_changes_too_fast():
    assert run(Rules(rate=5.0), [0, 4, 10, 14, 10])[1] == [(2, "raised", "rate"), (3, "cleared", "rate")]


def test_a_value_that_does_not_change_at_all():
    assert run(Rules(stale_after_s=3), [7, 7, 7, 7, 7, 8])[1] == [(3, "raised", "stale"), (5, "cleared", "stale")]


def test_in_maintenance_nothing_begins_or_ends_and_what_is_true_afterwards_counts_from_then():
    rules = Rules(limits={Limit.HI: 80.0}, on_delay_s=2, retries=0)
    assert run(rules, [81, 81, 81, 81, 81, 81, 81], suppressed={0, 1, 2})[1] == [(5, "raised", "hi")]
    assert run(rules, [81, 81, 81, 70, 70, 81], suppressed={3, 4})[1] == [(2, "raised", "hi")]
    assert run(rules, [None, None, 50], suppressed={0, 1})[1] == []
    assert run(rules, [50, None, 50, 50], suppressed={2})[1] == [(1, "lost", None), (3, "found", None)]


def test_a_limit_that_is_taken_away_ends_its_alarm():
    state, _ = run(HOT, [85])
    _, verdicts = judge(Rules(limits={Limit.LO: 10.0}), state, Reading(85), 1)
    assert verdicts == [Verdict(Change.CLEARED, Limit.HI)]


def test_worse_is_what_people_do_not_know_yet():
    news = {
        (limit, than) for limit in (Limit.HIHI, Limit.HI, Limit.LO) for than in (Limit.HIHI, Limit.HI, Limit.LO)
        if is_worse(limit, than)
    }  # fmt: skip
    assert news == {
        (Limit.HIHI, Limit.HI), (Limit.HIHI, Limit.LO), (Limit.HI, Limit.LO), (Limit.LO, Limit.HI), (Limit.LO, Limit.HIHI)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "limit", "value", "held"),
    [
        (None, HOT, Limit.HI, 20, False),
        (None, Rules(), Limit.HI, 85, True),
        (HOT, Rules(limits={Limit.HI: 200.0}), Limit.HI, 85, True),
        (HOT, Rules(limits={Limit.HI: 200.0}), Limit.HI, 79, True),
        (HOT, Rules(limits={Limit.HI: 200.0}), Limit.HI, 20, False),
        (HOT, Rules(limits={Limit.LO: 1.0}), Limit.LO, 11, True),
        (HOT, Rules(limits={Limit.LO: 1.0}), Limit.LO, 50, False),
        (Rules(alarm_on=True), Rules(alarm_on=False), Limit.ON, True, True),
        (Rules(alarm_on=True), Rules(alarm_on=True, retries=7), Limit.ON, False, False),
        (Rules(rate=5.0), Rules(rate=9.0), Limit.RATE, 3, True),
        (Rules(rate=5.0), Rules(rate=5.0, retries=7), Limit.RATE, 3, False),
    ],
)
def test_whether_an_alarm_ends_because_its_rules_are_others(before, after, limit, value, held):
    assert would_hold(before, after, limit, value) is held


def test_priorities_of_single_limits():
    rules = Rules(priority=Priority.LOW, priorities={Limit.HIHI: Priority.CRITICAL})
    assert (rules.priority_of(Limit.HIHI), rules.priority_of(Limit.HI)) == (Priority.CRITICAL, Priority.LOW)


VALUES = st.one_of(st.none(), st.floats(), st.booleans(), st.text(max_size=2), st.integers(-5, 100))
RULES = st.builds(
    Rules,
    limits=st.dictionaries(st.sampled_from([Limit.HIHI, Limit.HI, Limit.LO, Limit.LOLO]), st.floats(-50, 150)),
    alarm_on=st.sampled_from([None, True, False]),
    rate=st.sampled_from([None, 3.0]),
    stale_after_s=st.sampled_from([None, 2.0]),
    deadband=st.floats(0, 5),
    on_delay_s=st.integers(0, 4),
    off_delay_s=st.integers(0, 4),
    retries=st.integers(0, 3),
)


@given(RULES, st.lists(VALUES, max_size=40), st.sets(st.integers(0, 39)))
def test_whatever_is_read_begins_and_ends_alternate_and_nothing_changes_in_maintenance(rules, values, suppressed):
    state, seen = run(rules, values, suppressed=suppressed)
    contact = [change for _, change, limit in seen if limit is None]
    assert contact == ["lost", "found"] * (len(contact) // 2) + ["lost"] * (len(contact) % 2)
    is_alarm = False
    for second, change, limit in seen:
        assert second not in suppressed
        if limit is None:
            continue
        assert change == "raised" if not is_alarm else True, seen
        is_alarm = change != "cleared"
    assert is_alarm == (state.active is not None)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.integers(1, 5))
def test_no_alarm_is_early(values, delay_s):
    rules = Rules(limits={Limit.HI: 80.0}, on_delay_s=delay_s)
    for second, change, _ in run(rules, values)[1]:
        if change == "raised":
            assert all(value >= 80 for value in values[second - delay_s : second + 1])


def test_the_state_of_a_limit_is_plain():
    assert Judged() == Judged(is_active=False, differs_since_s=None)
