"""What follows from each receipt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.domain.alarm import Priority, QueueClass
from addispatch.domain.case import DeliveryState, Fact, Phase
from addispatch.domain.delivery import RetryRules, queue_class, settle
from addispatch.domain.receipt import InDoubt, Permanent, Sent, Temporary

RULES = RetryRules(first_s=2, longest_s=60, max_attempts=4)


def after(receipt, *, attempt=0, repeated=False, priority=Priority.HIGH, rules=RULES, jitter=0.5):
    state = DeliveryState(Fact.NONE, attempt, Phase.SENDING)
    return settle(state, receipt, rules=rules, priority=priority, repeated=repeated, jitter=jitter)


def test_sent_is_final_with_its_reference():
    outcome = after(Sent("17", by="sim1"), attempt=2)
    assert outcome.state == DeliveryState(Fact.SENT, 2)
    assert (outcome.reference, outcome.by, outcome.due_in_s) == ("17", "sim1", None)


def test_permanent_fails_at_once():
    outcome = after(Permanent("no such number"))
    assert (outcome.state.fact, outcome.error) == (Fact.FAILED, "no such number")


def test_temporary_waits_longer_each_time_up_to_a_limit():
    rules = RetryRules(first_s=2, longest_s=10, max_attempts=99)
    waits = [after(Temporary("busy"), attempt=n, rules=rules).due_in_s for n in range(5)]
    assert waits == [2, 4, 8, 10, 10]


def test_a_channel_may_ask_for_a_longer_wait():
    assert after(Temporary("greylisted", 300)).due_in_s == 300


def test_it_goes_at_once_where_another_carrier_can_take_it():
    outcome = after(Temporary("no network", by="sim1", other=True), attempt=1)
    assert (outcome.due_in_s, outcome.by, outcome.state) == (0.0, "sim1", DeliveryState(Fact.NONE, 2))
    assert after(Temporary("no network", 30, other=True)).due_in_s == 30
    assert after(Temporary("no network", other=True), attempt=3).state.fact is Fact.FAILED


def test_temporary_gives_up_after_the_last_attempt():
    outcome = after(Temporary("busy"), attempt=3)
    assert outcome.state == DeliveryState(Fact.FAILED, 3)
    assert "4 attempts: busy" in outcome.error


def test_in_doubt_is_repeated_once_and_marked():
    outcome = after(InDoubt("no answer"))
    assert outcome.state == DeliveryState(Fact.NONE, 1)
    assert (outcome.repeat, outcome.due_in_s, outcome.in_doubt) == (True, 0.0, True)


def test_in_doubt_after_the_repeat_is_not_sent_a_third_time():
    outcome = after(InDoubt("no answer"), attempt=1, repeated=True)
    assert outcome.state.fact is Fact.FAILED
    assert outcome.due_in_s is None


def test_a_priority_can_hold_what_is_in_doubt():
    rules = RetryRules(resend_in_doubt={Priority.LOW: False})
    outcome = after(InDoubt("no answer"), priority=Priority.LOW, rules=rules)
    assert outcome.state == DeliveryState(Fact.NONE, 0, Phase.SENDING)
    assert outcome.due_in_s is None
    assert after(InDoubt("no answer"), priority=Priority.HIGH, rules=rules).repeat


@given(
    st.sampled_from([Sent(), Permanent("x"), Temporary("x"), Temporary("x", other=True), InDoubt("x")]),
    st.integers(0, 5),
    st.booleans(),
    st.sampled_from(Priority),
    st.floats(0, 1),
)
def test_an_outcome_is_never_older_than_what_is_known(receipt, attempt, repeated, priority, jitter):
    before = DeliveryState(Fact.NONE, attempt, Phase.SENDING)
    outcome = settle(before, receipt, rules=RULES, priority=priority, repeated=repeated, jitter=jitter)
    assert outcome.state >= before
    is_waiting = outcome.state.fact is Fact.NONE and outcome.state.phase is Phase.PENDING
    assert is_waiting == (outcome.due_in_s is not None)


@pytest.mark.parametrize(
    ("priority", "expected"), [(Priority.CRITICAL, QueueClass.EMERGENCY), (Priority.LOW, QueueClass.ALARM)]
)
def test_critical_alarms_go_first(priority, expected):
    assert queue_class(priority) is expected
