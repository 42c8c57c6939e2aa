"""Two copies of a case have equal digests exactly when they are equal, whatever way each of them came about."""

from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases, heads, keys, states

from addispatch.domain.alarm import BY_RANK
from addispatch.domain.case import (
    Case,
    Clear,
    CloseReason,
    Closing,
    Head,
    Note,
    Owner,
    Position,
    Repeat,
    merge,
    with_delivery,
)
from addispatch.domain.digest import combine, delivery_hash, digest, rest_hash
from addispatch.store.notes import head_doc
from addispatch.store.rows import extra_doc, with_extra

few = settings(max_examples=20, deadline=None)


def through_json(value):
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_SUBCLASS, default=list))


@few
@given(st.lists(cases, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_joins_does_not_matter(parts, random):
    def joined(order):
        case = Case("case")
        for part in order:
            case = merge(case, part)
        return digest(case)

    shuffled = parts * 2
    random.shuffle(shuffled)
    assert joined(parts) == joined(shuffled)


@few
@given(cases, cases)
def test_both_sides_agree_after_they_told_each_other(mine, theirs):
    assert digest(merge(mine, theirs)) == digest(merge(theirs, mine))


@few
@given(cases, cases)
def test_what_differs_has_another_digest(one, two):
    assert (digest(one) == digest(two)) is (one == two)


@few
@given(cases, keys, states)
def test_a_delivery_costs_its_own_hashes(case, key, state):
    known = case.deliveries.get(key)
    after = with_delivery(case, key, state)
    share = sum(delivery_hash(k, s) for k, s in case.deliveries.items())
    share += delivery_hash(key, after.deliveries[key]) - (delivery_hash(key, known) if known is not None else 0)
    assert combine(rest_hash(case), share) == digest(after)


@few
@given(cases)
def test_a_record_keeps_it(case):
    copy = with_extra(Case(case.id), through_json(extra_doc(case)))._replace(deliveries=case.deliveries)
    if case.head is not None:
        doc = through_json(head_doc(case.head))
        copy = copy._replace(head=Head(**{**doc, "priority": BY_RANK[doc["priority"]]}))
    assert digest(copy) == digest(case)


@few
@given(heads)
def test_whole_seconds_are_the_same_however_they_are_written(head):
    whole = head._replace(close_after_s=60)
    assert digest(Case("case", whole)) == digest(Case("case", whole._replace(close_after_s=60.0)))


def test_it_is_never_zero_which_says_that_nothing_is_there():
    assert digest(Case("case")) == combine(0, 0) == combine(1 << 63, 1 << 63) == 1


def test_a_text_of_two_lone_halves_has_one():
    assert digest(Case("case", codes=frozenset({"\ud800"}))) != digest(Case("case", codes=frozenset({"\udfff"})))


def test_an_owner_without_a_store_counts_if_it_has_an_epoch():
    assert digest(Case("case", owner=Owner(1))) != digest(Case("case"))


PARTS = {
    "owner": Owner(1, 0, "s1"),
    "position": Position(0, 1),
    "codes": frozenset({"A123"}),
    "acks": frozenset({Note(1, "adam", "sms")}),
    "declines": frozenset({Note(1, "adam", "sms")}),
    "comments": frozenset({Note(1, "adam", "sms")}),
    "clears": frozenset({Clear(1, "mqtt")}),
    "closings": frozenset({Closing(1, CloseReason.OPERATOR)}),
    "repeats": {"s1": Repeat(1, 1, "hot", 1)},
}


def test_every_part_counts_and_each_as_what_it_is():
    found = {digest(Case("case", **{name: value})) for name, value in PARTS.items()}
    assert found.isdisjoint({digest(Case("case"))})
    assert len(found) == len(PARTS)
    assert {*PARTS, "id", "head", "deliveries"} == {*Case._fields}
