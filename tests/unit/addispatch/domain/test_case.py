"""The case is a lattice: joins commute, associate, repeat without effect, and only grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from strategies import cases, keys, states

from addispatch.domain.case import (
    Case,
    CaseState,
    Clear,
    CloseReason,
    Closing,
    DeliveryKey,
    DeliveryState,
    Fact,
    Head,
    Note,
    Phase,
    Repeat,
    last_text,
    merge,
    raise_count,
    with_delivery,
)
from addispatch.domain.case_state import state_of

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
    assert joined.acks >= one.acks
    assert all(joined.deliveries[key] >= state for key, state in one.deliveries.items())
    assert all(joined.repeats[store] >= repeat for store, repeat in one.repeats.items())


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


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ((Fact.SENT, Fact.FAILED), CloseReason.SENT),
        ((Fact.DELIVERED,), CloseReason.SENT),
        ((Fact.UNDELIVERED,), CloseReason.SENT),
        ((Fact.FAILED, Fact.EXPIRED), CloseReason.FAILED),
        ((Fact.EXPIRED,), CloseReason.EXPIRED),
        ((Fact.CANCELLED, Fact.FAILED), CloseReason.CANCELLED),
        ((Fact.FILTERED, Fact.FAILED), CloseReason.FILTERED),
    ],
)
def test_a_case_without_policy_closes_when_all_deliveries_are_final(facts, reason):
    deliveries = {KEY._replace(recipient=str(n)): DeliveryState(fact) for n, fact in enumerate(facts)}
    assert state_of(a_case(deliveries=deliveries)) == (CaseState.CLOSED, reason)


def test_a_case_with_a_waiting_delivery_is_open():
    deliveries = {KEY: DeliveryState(Fact.SENT), OTHER: DeliveryState()}
    assert state_of(a_case(deliveries=deliveries)) == (CaseState.OPEN, None)


def test_a_case_without_any_delivery_is_closed_as_failed():
    assert state_of(a_case()) == (CaseState.CLOSED, CloseReason.FAILED)


def test_a_case_that_needs_an_acknowledgement_stays_open_when_all_is_sent():
    head = HEAD._replace(ack_required=True)
    assert state_of(a_case(head, deliveries={KEY: DeliveryState(Fact.SENT)})) == (CaseState.OPEN, None)


def test_an_acknowledgement_closes_a_case_without_key_only():
    ack = frozenset({Note(5, "adam", "sms")})
    plain, keyed = HEAD._replace(policy="{}"), HEAD._replace(policy="{}", key="boiler")
    assert state_of(a_case(plain, acks=ack)) == (CaseState.CLOSED, CloseReason.ACKNOWLEDGED)
    assert state_of(a_case(keyed, acks=ack)) == (CaseState.ACKNOWLEDGED, None)


def test_a_clear_closes_unless_the_plant_latches():
    clear = frozenset({Clear(5, "mqtt")})
    usual = HEAD._replace(policy="{}", key="boiler")
    latching = usual._replace(close_on_clear=False)
    assert state_of(a_case(usual, clears=clear)) == (CaseState.CLOSED, CloseReason.CLEARED)
    assert state_of(a_case(latching, clears=clear)) == (CaseState.OPEN, None)
    acked = frozenset({Note(6, "adam", "sms")})
    assert state_of(a_case(latching, clears=clear, acks=acked)) == (CaseState.CLOSED, CloseReason.CLEARED)


def test_the_earliest_closing_names_the_reason():
    closings = frozenset({Closing(9, CloseReason.EXPIRED), Closing(3, CloseReason.OPERATOR, "jane")})
    assert state_of(a_case(closings=closings)) == (CaseState.CLOSED, CloseReason.OPERATOR)


def test_raises_of_both_nodes_count():
    repeats = {"s1": Repeat(2, 10, "hotter", 1), "s2": Repeat(1, 20, "hottest", 0)}
    case = a_case(repeats=repeats)
    assert raise_count(case) == 4
    assert last_text(case) == "hottest"
    assert (raise_count(a_case()), last_text(a_case())) == (1, "hot")
