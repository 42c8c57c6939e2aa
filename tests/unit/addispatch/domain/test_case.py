"""The case is a lattice: joins commute, associate, repeat without effect, and only grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from strategies import cases, keys, states

from addispatch.domain.alarm import Priority
from addispatch.domain.case import (
    Case,
    DeliveryKey,
    DeliveryState,
    Fact,
    Head,
    Phase,
    Repeat,
    last_text,
    merge,
    priority_of,
    raise_count,
    with_delivery,
)
from addispatch.domain.case_state import contacted, roll_call, state_of

KEY = DeliveryKey(0, 0, "adam", "sms", "+6591234567")
OTHER = DeliveryKey(0, 0, "jane", "email", "jane@example.com")
HEAD = Head(alarm_id="a", audience_id="g", audience="Ops", source="mqtt", text="hot", opened_at_ms=1)


def a_case(head: Head = HEAD, **parts) -> Case:
    return Case(id="c", head=head, **parts)


@given(cases, cases)
def test_merge_commutes(one, two):
    assert merge(one, two) == merge(two, one)


@given(cases, cases, cases)
def test_merge_associates(one, two, three):
    assert merge(merge(one, two), three) == merge(one, merge(two, three))


@given(cases, cases)
def test_merging_again_changes_nothing(one, two):
    joined = merge(one, two)
    assert merge(joined, two) == joined
    assert merge(joined, joined) == joined


@given(cases, cases)
def test_a_merge_only_grows(one, two):
    joined = merge(one, two)
    assert joined.owner >= one.owner
    assert joined.position >= one.position
    for name in ("codes", "acks", "declines", "comments", "clears", "closings"):
        assert getattr(joined, name) >= getattr(one, name)
    assert all(joined.deliveries[key] >= state for key, state in one.deliveries.items())
    assert all(joined.repeats[store] >= repeat for store, repeat in one.repeats.items())


@given(cases, cases)
def test_state_and_roll_call_follow_from_the_join_alone(one, two):
    here, there = merge(one, two), merge(two, one)
    assert state_of(here) == state_of(there)
    assert roll_call(here) == roll_call(there)
    assert contacted(here) == contacted(there)


@given(cases, keys, states)
def test_one_delivery_joins_as_a_delta_of_it_would(case, key, state):
    assert with_delivery(case, key, state) == merge(case, Case(id="case", deliveries={key: state}))


def test_two_different_cases_do_not_join():
    with pytest.raises(ValueError, match="different"):
        merge(Case(id="a"), Case(id="b"))


def test_later_knowledge_about_a_delivery_wins():
    sending = a_case(deliveries={KEY: DeliveryState(Fact.NONE, 0, Phase.SENDING)})
    retried = a_case(deliveries={KEY: DeliveryState(Fact.NONE, 1, Phase.PENDING)})
    sent = a_case(deliveries={KEY: DeliveryState(Fact.SENT, 0)})
    assert merge(sending, retried).deliveries[KEY].attempt == 1
    assert merge(retried, sent).deliveries[KEY].fact is Fact.SENT


def test_raises_of_both_nodes_count():
    repeats = {"s1": Repeat(2, 10, "hotter", 1), "s2": Repeat(1, 20, "hottest", 0)}
    case = a_case(repeats=repeats)
    assert raise_count(case) == 4
    assert last_text(case) == "hottest"
    assert (raise_count(a_case()), last_text(a_case())) == (1, "hot")


def test_the_most_urgent_raise_gives_the_priority():
    assert priority_of(a_case()) is Priority.MEDIUM
    repeats = {"s1": Repeat(1, 10, "low", 3), "s2": Repeat(1, 20, "fire", 0)}
    assert priority_of(a_case(repeats=repeats)) is Priority.CRITICAL


def test_the_head_of_the_node_that_opened_first_stays():
    late = a_case(HEAD._replace(opened_at_ms=2, text="later"))
    assert merge(late, a_case()).head == merge(a_case(), late).head == HEAD
    assert merge(Case(id="c"), late).head == late.head


@pytest.mark.parametrize(
    ("state", "tried", "pending"),
    [
        (DeliveryState(), False, True),
        (DeliveryState(Fact.NONE, 0, Phase.SENDING), True, False),
        (DeliveryState(Fact.NONE, 1), True, True),
        (DeliveryState(Fact.SENT), True, False),
        (DeliveryState(Fact.FAILED), False, False),
        (DeliveryState(Fact.CANCELLED, 2), True, False),
    ],
)
def test_who_may_have_got_it_and_what_waits(state, tried, pending):
    assert (state.was_tried, state.is_pending) == (tried, pending)
