"""One node sends for a case; passing it on beats everything before, and what was under way becomes due again."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases

from addispatch.domain.case import Case, DeliveryKey, DeliveryState, Fact, Owner, Phase, merge
from addispatch.domain.ownership import in_doubt, is_mine, is_under_way, passed_to, rendezvous

few = settings(max_examples=20, deadline=None)
KEY = DeliveryKey(0, 0, "adam", "sms", "+6591234567")


@few
@given(cases, st.integers(0, 1), st.sampled_from(["s1", "s2", "s3"]))
def test_who_it_is_passed_to_owns_it(case, rank, store):
    after = merge(case, passed_to(case, rank, store))
    assert after.owner == Owner(case.owner.epoch + 1, rank, store)
    assert is_mine(after, store)
    assert after._replace(owner=case.owner) == case, "nothing else changes"


@few
@given(cases, st.sampled_from(["s1", "s2"]), st.sampled_from(["s1", "s2"]))
def test_of_two_who_take_it_one_wins_on_both_sides(case, one, two):
    mine, theirs = passed_to(case, 0, one), passed_to(case, 1, two)
    owners = {merge(merge(case, a), b).owner for a, b in ((mine, theirs), (theirs, mine))}
    assert owners == {Owner(case.owner.epoch + 1, 1, two)}


def test_a_case_from_before_the_cluster_is_everybodys():
    assert is_mine(Case("c"), "s1")
    assert not is_mine(Case("c", owner=Owner(0, 0, "s2")), "s1")


@few
@given(cases)
def test_in_doubt_takes_nothing_out_of_the_world(case):
    after = merge(case, in_doubt(case))
    assert not is_under_way(after)
    for key, state in case.deliveries.items():
        was_sending = state.fact is Fact.NONE and state.phase is Phase.SENDING
        expected = DeliveryState(Fact.NONE, state.attempt + 1) if was_sending else state.join(state)
        assert after.deliveries[key] == expected


def test_only_what_has_no_fact_yet_is_under_way():
    def has(fact, phase):
        return is_under_way(Case("c", deliveries={KEY: DeliveryState(fact, 1, phase)}))

    assert has(Fact.NONE, Phase.SENDING)
    assert not has(Fact.NONE, Phase.PENDING)
    assert not has(Fact.SENT, Phase.SENDING)


def test_both_nodes_pick_the_same_one_and_each_about_half():
    picks = [rendezvous(f"alarm {n}", ("a", "b")) for n in range(1000)]
    assert picks == [rendezvous(f"alarm {n}", ["b", "a"]) for n in range(1000)]
    assert 400 < Counter(picks)["a"] < 600
    assert rendezvous("alarm", ["a"]) == "a"
