"""What a transaction notes for the other node: a record for each case it changed, and none for what came from there.

The last test plays whole histories: both change their copies, records are lost, doubled and late; whole records then
make the two equal.
"""

from __future__ import annotations

from itertools import count

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledgers import new_case, new_delivery
from strategies import notes as said
from twins import open_twins, passes

from addispatch.domain.case import (
    Case,
    Clear,
    CloseReason,
    Closing,
    DeliveryKey,
    DeliveryState,
    Fact,
    Owner,
    Phase,
    Position,
    Repeat,
)
from addispatch.domain.delivery import Kind
from addispatch.domain.ownership import passed_to
from addispatch.store.notes import SHARED_MARKS, change_of, digest_of
from addispatch.store.rows import DeliveryChange

NUMBERS = count(1)
PEOPLE = ("adam", "jane", "bo")


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    with open_twins(tmp_path_factory.mktemp("twins")) as (a, b):
        yield a, b


@pytest.fixture(autouse=True)
def _empty(twins):
    for half in twins:
        half.out.clear()


def key(who, level=0):
    return DeliveryKey(0, level, who, "sms", f"{who}@sms")


def opens(half):
    parts = [
        new_delivery(who, "sms", due_at_ms=half.now_ms() if who == "adam" else None, rung=rung, kind=Kind.ASK)
        for rung, who in enumerate(PEOPLE)
    ]
    case = new_case(
        parts, next(NUMBERS), policy="{}", ack_required=True, opened_at_ms=half.now_ms(), key=f"boiler {next(NUMBERS)}"
    )._replace(codes=frozenset({"A123"}))
    half.does(lambda tx: tx.open_case(case, "A123", parts, half.now_ms(), half.now_ms() + 60_000))
    return case.id


def docs(half):
    found = [orjson.loads(record) for records in half.out for record in records]
    half.out.clear()
    return found


def test_a_record_says_what_changed_and_no_more(twins):
    a, _ = twins
    ident = opens(a)
    (opened,) = docs(a)
    assert opened.keys() == {"id", "g", "h", "age", "close", "x", "code", "p", "n", "d"}
    a.on(ident, lambda tx, e: tx.set_next(e, a.now_ms() + 7))
    assert [doc.keys() - {"id", "g"} for doc in docs(a)] == [{"n", "p", "d"}]
    a.on(ident, lambda tx, e: tx.set_text(e, key("jane"), "cold", Kind.PLAIN))
    (changed,) = docs(a)
    assert changed["d"] == [{"k": list(key("jane")), "t": ["cold", int(Kind.PLAIN)], "s": [0, 0, 0]}]
    assert changed["g"] == str(a.digest(ident))


def test_nothing_is_said_of_what_did_not_change(twins):
    a, _ = twins
    ident = opens(a)
    a.out.clear()
    a.on(ident, lambda tx, e: tx.join(e, Case(ident, codes=frozenset({"A123"})), a.now_ms()))
    a.on(ident, lambda tx, e: tx.set_next(e, e.next_at_ms))
    assert a.out == []


def test_all_units_of_a_commit_make_one_record(twins):
    a, _ = twins
    ident = opens(a)
    a.out.clear()

    def unit(tx, entry):
        tx.join(entry, Case(ident, declines=frozenset()), a.now_ms())
        tx.set_next(entry, a.now_ms() + 9)
        tx.change(entry, key("adam"), DeliveryChange(DeliveryState(Fact.FAILED, 1), error="no"), a.now_ms())
        tx.flush()
        tx.forget()  # the case is read anew in the same transaction
        tx.set_due(tx.entry(entry.seq), key("jane"), a.now_ms())

    a.on(ident, unit)
    (doc,) = docs(a)
    assert doc["n"] == 9
    assert [one["k"][2] for one in doc["d"]] == ["adam", "jane"]


def test_what_comes_from_the_other_node_is_not_sent_back(twins):
    a, b = twins
    ident = opens(a)
    b.takes(*a.out[0])
    assert b.out == []
    (change,) = b.last.changes
    assert (change.id, change.record, change.digest) == (ident, None, a.digest(ident))


def test_a_change_tells_the_rules_what_they_decide_by(twins):
    a, _ = twins
    ident = opens(a)

    def seen():
        return a.on(ident, lambda _tx, e: change_of(e, None))

    assert (seen().owner, seen().is_open, seen().under_way) == (Owner(0, 0, "s1"), True, False)
    assert seen().needs == {"sms"}
    a.does(lambda tx: tx.claim_due("sms", 900, a.now_ms()))
    assert seen().under_way
    for who in PEOPLE:
        change = DeliveryChange(DeliveryState(Fact.SENT, 1))
        a.on(ident, lambda tx, e, who=who, change=change: tx.change(e, key(who), change, a.now_ms()))
    assert (seen().needs, seen().under_way, seen().is_open) == (frozenset(), False, True)
    closed = frozenset({Closing(1, CloseReason.OPERATOR)})
    a.on(ident, lambda tx, e: tx.join(e, Case(ident, closings=closed), a.now_ms()))
    assert not seen().is_open


def test_a_closed_case_with_a_notice_that_waits_is_an_open_end(twins):
    a, _ = twins
    ident = opens(a)
    notice = new_delivery("adam", "email", key=DeliveryKey(-1, 5, "adam", "email", "x"), kind=Kind.NOTICE)

    def unit(tx, entry):
        for who in PEOPLE:
            tx.change(entry, key(who), DeliveryChange(DeliveryState(Fact.CANCELLED)), a.now_ms())
        tx.join(entry, Case(ident, closings=frozenset({Closing(1, CloseReason.OPERATOR)})), a.now_ms())
        tx.add_deliveries(entry, [notice], a.now_ms())
        return change_of(entry, None)

    change = a.on(ident, unit)
    assert (change.is_open, change.needs) == (True, {"email"})


def test_only_the_marks_of_monitors_are_shared_and_not_sent_back(twins):
    a, _ = twins
    a.does(lambda tx: tx.marks.update({f"{SHARED_MARKS}x": b"\xff", "mqtt": b"1"}))
    assert a.last.notes.extras == [{"marks": {"monitor:x": "/w=="}}]

    def told(tx):
        tx.notes.told.add("monitor:x")
        tx.marks["monitor:x"] = b"2"

    a.does(told)
    assert a.last.notes.extras == []


def test_without_a_twin_nothing_is_noted(tmp_path):
    with open_twins(tmp_path) as (a, _b):
        a.ledger.twin = None
        opens(a)
        assert (a.last.notes, a.last.changes, a.out) == (None, [], [])


# -- whole histories --------------------------------------------------------------------------------------------------

who = st.sampled_from(PEOPLE)
states = st.builds(DeliveryState, st.sampled_from(Fact), st.integers(0, 3), st.sampled_from(Phase))


def _state(half, ident, one, state):
    state = state if state.fact is Fact.NONE else state._replace(phase=Phase.PENDING)
    change = DeliveryChange(
        state,
        due_at_ms=half.now_ms() + 9_000 if state.is_pending else None,
        reference=f"{half.store}-{state.attempt}" if state.fact is Fact.SENT else None,
        sent_at_ms=half.now_ms() if state.fact is Fact.SENT else None,
    )
    half.on(ident, lambda tx, e: tx.change(e, key(one), change, half.now_ms()))


def _joins(name, value):
    def step(half, ident, *_):
        half.on(ident, lambda tx, e: tx.join(e, Case(ident, **{name: value}), half.now_ms()))

    return step


def _escalates(half, ident, one, _state):
    def unit(tx, entry):
        level = entry.case.position.level + 1
        tx.add_deliveries(entry, [new_delivery(one, "sms", key=key(one, level), kind=Kind.ASK)], half.now_ms())
        tx.join(entry, Case(ident, position=Position(0, level)), half.now_ms())
        if entry.next_at_ms is not None:
            tx.set_next(entry, half.now_ms() + 300_000)

    half.on(ident, unit)


def _due(half, ident, one, _state):
    def unit(tx, entry):
        if entry.mine and entry.case.deliveries[key(one)].is_pending:
            tx.set_due(entry, key(one), half.now_ms())

    half.on(ident, unit)


def _takes(half, ident, *_):
    half.on(ident, lambda tx, e: e.mine or tx.join(e, passed_to(e.case, half.rank, half.store), half.now_ms()))


STEPS = st.sampled_from([_state, _state, _state, _escalates, _due, _takes]) | st.one_of(
    said.map(lambda one: _joins("acks", frozenset({one}))),
    said.map(lambda one: _joins("comments", frozenset({one}))),
    said.map(lambda one: _joins("declines", frozenset({one}))),
    st.integers(0, 9).map(lambda at: _joins("clears", frozenset({Clear(at, "mqtt")}))),
    st.integers(1, 3).map(lambda n: _joins("repeats", {"s1": Repeat(n, n, "hotter", 1)})),
    st.just(_joins("closings", frozenset({Closing(3, CloseReason.OPERATOR)}))),
)
#: What, on which side, about whom, and how often the record of it comes over: 0 is lost; late ones come at the end.
histories = st.lists(
    st.tuples(STEPS, st.booleans(), who, states, st.sampled_from([0, 1, 1, 2]), st.booleans()), max_size=7
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories)
def test_two_copies_become_equal_whatever_was_lost_doubled_or_late(twins, history):
    a, b = twins
    ident = opens(a)
    b.takes(*a.out.pop())
    late = []
    for step, is_a, one, state, times, is_late in history:
        half, other = (a, b) if is_a else (b, a)
        passes(10, a, b)
        step(half, ident, one, state)
        for _ in range(len(half.out)):
            for record in half.out.pop(0) * times:
                late.append((other, record)) if is_late else other.takes(record)
        for each in (a, b):
            each.digest(ident)  # is that of the rows at every moment
    for other, record in reversed(late):
        other.takes(record)
    for _ in range(2):
        from_a, from_b = a.whole(ident), b.whole(ident)
        a.takes(from_b)
        b.takes(from_a)
    seen_a, seen_b = a.looks(ident), b.looks(ident)
    assert a.digest(ident) == b.digest(ident)
    for name in ("case", "state", "reason"):
        assert seen_a[name] == seen_b[name]
    assert a.mine(ident)[0] + b.mine(ident)[0] == 1
    assert a.on(ident, lambda _tx, e: digest_of(e)) == a.digest(ident)
    owner, other = (seen_a, seen_b) if a.mine(ident)[0] else (seen_b, seen_a)
    if owner["next"] is not None:
        assert other["next"] is not None
        assert other["next"] >= owner["next"], "no step is earlier on the other side"
    for one, row in owner["deliveries"].items():
        copy = other["deliveries"][one]
        assert (copy["text"], copy["kind"]) == (row["text"], row["kind"])
        if row["fact"] == Fact.NONE and row["due_at_ms"] is not None:
            assert copy["due_at_ms"] is not None
            assert copy["due_at_ms"] >= row["due_at_ms"], "nor a message"
        if row["fact"] == Fact.SENT:
            assert (copy["reference"] is None) is (row["reference"] is None)
