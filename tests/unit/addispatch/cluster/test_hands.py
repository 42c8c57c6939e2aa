"""Which entries change hands: by the words of CLAIM, HANDOVER and FAILBACK."""

from __future__ import annotations

import pytest

from addispatch.cluster.entries import Row
from addispatch.cluster.events import Change
from addispatch.cluster.hands import (
    AGAIN_S,
    CLAIM_COUNT,
    LEAVING_S,
    SECOND_S,
    Claims,
    Terms,
    opens_there,
    to_claim,
    to_give,
)
from addispatch.domain.case import Owner

SMS = frozenset({"sms"})


def row(store="mine", *, needs=SMS, under_way=False, is_clean=True):
    made = Row(Change("id", 7, Owner(1, 0, store), True, needs, under_way))
    made.theirs = 7 if is_clean else None
    return made


def terms(**more):
    return Terms(**{"down": set(), "up": {"sms"}, "all": False, "leaving": False, "unmirrored": False} | more)


def test_of_what_both_hear_each_opens_half_and_they_agree():
    names = [f"alarm {number}" for number in range(50)]
    here = [opens_there(one, ("a", "b"), ("master", "slave"), is_passive=False, is_known=True) for one in names]
    there = [opens_there(one, ("b", "a"), ("slave", "master"), is_passive=False, is_known=True) for one in names]
    assert here == [not one for one in there]
    assert 10 < sum(here) < 40


@pytest.mark.parametrize("passive", [False, True])
def test_whom_the_other_node_does_not_count_on_yet_leaves_to_it_what_both_hear_and_nothing_else(passive):
    def opens(shared):
        return opens_there(shared, ("a", "b"), ("master", "slave"), is_passive=passive, is_known=False)

    assert all(opens(f"alarm {number}") for number in range(20))
    assert not opens("")


def test_what_nobody_has_is_claimed_once_in_a_while():
    rows = {"gone": row("gone"), "theirs": row("theirs")}
    assert to_claim(rows, "theirs", 100.0, 0.0, 9) == ["gone"]
    assert to_claim(rows, "theirs", 100.0 + AGAIN_S / 2, 0.0, 9) == []
    assert to_claim(rows, "theirs", 100.0 + AGAIN_S, 0.0, 9) == ["gone"]


def test_the_second_node_waits_before_it_claims():
    rows = {"gone": row("gone")}
    assert to_claim(rows, "theirs", 100.0, 2.0, 9) == []
    assert to_claim(rows, "theirs", 101.9, 2.0, 9) == []
    assert to_claim(rows, "theirs", 102.0, 2.0, 9) == ["gone"]


def test_no_more_is_claimed_at_once_than_asked_for():
    assert len(to_claim({str(number): row("gone") for number in range(9)}, "", 1.0, 0.0, 4)) == 4


@pytest.mark.parametrize(
    ("entry", "given", "is_given"),
    [
        ({}, {}, False),
        ({}, {"down": {"sms"}}, True),
        ({}, {"down": {"email"}}, False),
        ({}, {"all": True}, True),
        ({}, {"down": {"sms"}, "up": set()}, False),
        ({"under_way": True}, {"down": {"sms"}}, False),
        ({"is_clean": False}, {"down": {"sms"}}, False),
        ({"is_clean": False}, {"down": {"sms"}, "unmirrored": True}, True),
        ({}, {"leaving": True, "up": set()}, True),
        ({"under_way": True}, {"leaving": True}, False),
    ],
)
def test_what_is_handed_over(entry, given, is_given):
    assert to_give([("id", row(**entry))], terms(**given), 100.0, 30.0, 9) == (["id"] if is_given else [])


def test_nothing_is_handed_over_twice_within_the_pause_except_by_who_leaves():
    one = row()
    assert to_give([("id", one)], terms(all=True), 100.0, 30.0, 9) == ["id"]
    assert to_give([("id", one)], terms(all=True), 129.0, 30.0, 9) == []
    assert to_give([("id", one)], terms(leaving=True), 129.0, 30.0, 9) == ["id"]
    assert to_give([("id", one)], terms(leaving=True), 129.0 + LEAVING_S / 2, 30.0, 9) == [], "it is on its way"
    assert to_give([("id", one)], terms(leaving=True), 129.0 + LEAVING_S, 30.0, 9) == ["id"]


def test_some_are_claimed_at_a_time_and_the_next_when_those_are_no_others_any_more():
    rows, claims = {str(number): row("gone") for number in range(CLAIM_COUNT + 1)}, Claims()
    some = claims.due(rows, "", 100.0, is_second=True)
    assert len(some) == CLAIM_COUNT
    assert claims.due(rows, "", 101.0, is_second=True) == []
    left = {ident: one for ident, one in rows.items() if ident not in some}
    assert claims.due(left, "", 101.0, is_second=True) == list(left)


def test_what_came_of_a_claim_is_not_waited_for_without_end():
    rows, claims = {"e": row("gone")}, Claims()
    assert claims.due(rows, "", 100.0, is_second=False) == ["e"]
    assert claims.due(rows, "", 100.0 + AGAIN_S, is_second=False) == ["e"]


def test_nothing_is_claimed_without_a_verdict_and_the_second_waits_while_the_other_one_is_there():
    rows = {"e": row("gone"), "f": row("theirs")}
    assert Claims().due(rows, None, 100.0, is_second=False) == []
    assert Claims().due(rows, "theirs", 100.0, is_second=False) == ["e"]
    rows, second = {"e": row("gone"), "f": row("theirs")}, Claims()
    assert second.due(rows, "theirs", 100.0, is_second=True) == []
    assert second.due(rows, "theirs", 100.0 + SECOND_S, is_second=True) == ["e"]
