"""What happens to a case in one ledger happens in the other: the case, its rows, what is left of its times."""

from __future__ import annotations

from itertools import count

import orjson
import pytest
from ledgers import new_case, new_delivery
from twins import open_twins, passes

from addispatch.domain.alarm import Priority
from addispatch.domain.case import (
    Case,
    CaseState,
    Clear,
    CloseReason,
    Closing,
    DeliveryKey,
    DeliveryState,
    Fact,
    Note,
    Owner,
    Phase,
    Position,
    Repeat,
)
from addispatch.domain.delivery import Kind
from addispatch.domain.ownership import passed_to
from addispatch.store import lookup, mirror, schema, waiting
from addispatch.store.rows import DeliveryChange

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with open_twins(tmp_path_factory.mktemp("twins")) as (a, b):
        yield a, b


@pytest.fixture
def twins(shared):
    """Each test has its own cases in them."""
    a, b = shared
    a.out.clear()
    b.out.clear()
    return shared


def sms(half, recipient="adam", **more):
    return new_delivery(recipient, "sms", **{"due_at_ms": half.now_ms(), "kind": Kind.ASK, **more})


NUMBERS = count(1)


def opens(half, *parts, code="A123", next_ms=60_000, owner=None, **head):
    """A case that asks, with two texts if nothing else is said; returns its id."""
    values = {"policy": "{}", "ack_required": True, "opened_at_ms": half.now_ms(), "priority": Priority.HIGH, **head}
    parts = parts or (sms(half), sms(half, "jane", due_at_ms=None, rung=1, expires_at_ms=half.now_ms() + HOUR_MS))
    case = new_case(parts, next(NUMBERS), **values)._replace(codes=frozenset({code}), owner=owner or Owner())
    half.does(lambda tx: tx.open_case(case, code, parts, half.now_ms(), half.now_ms() + next_ms))
    return case.id


def carry(one, other, *, order=1):
    """Carry everything over, in the order in which it was made or the other one."""
    records = [record for batch in one.out for record in batch][::order]
    one.out.clear()
    return other.takes(*records) if records else []


def same(a, b, ident):
    seen_a, seen_b = a.looks(ident), b.looks(ident)
    assert seen_a == seen_b
    return seen_a


KEY = DeliveryKey(0, 0, "adam", "sms", "adam@sms")
HELD = DeliveryKey(0, 0, "jane", "sms", "jane@sms")


def change(key=KEY, fact=Fact.NONE, attempt=0, phase=Phase.PENDING, **columns):
    def unit(half, ident):
        made = {n: half.now_ms() + v if n.endswith("_at_ms") else v for n, v in columns.items()}
        state = DeliveryState(fact, attempt, phase)
        half.on(ident, lambda tx, e: tx.change(e, key, DeliveryChange(state, **made), half.now_ms()))

    return unit


def joins(**parts):
    def unit(half, ident):
        half.on(ident, lambda tx, e: tx.join(e, Case(ident, **parts), half.now_ms()))

    return unit


def note(by="adam", text="on my way", at_ms=5):
    return frozenset({Note(at_ms, by, "sms", text, by.title())})


def claims(half, ident):
    claimed = half.does(lambda tx: tx.claim_due("sms", 900, half.now_ms()))
    assert [claim.key for claim in claimed if claim.case_id == ident] == [KEY]


def escalates(half, ident):
    def unit(tx, entry):
        tx.add_deliveries(entry, [sms(half, "bo", key=DeliveryKey(0, 1, "bo", "sms", "bo@sms"))], half.now_ms())
        tx.join(entry, Case(ident, position=Position(0, 1)), half.now_ms())
        tx.set_next(entry, half.now_ms() + 300_000)

    half.on(ident, unit)


def goes_on(half, ident):
    half.on(ident, lambda tx, e: tx.set_text(e, KEY, "hot (acknowledged by Jane 10:00)", Kind.PLAIN))


def takes_code(half, ident):
    half.on(ident, lambda tx, e: tx.add_alias(e, "N999"))
    joins(codes=frozenset({"N999"}))(half, ident)


def is_set_due(half, ident):
    half.on(ident, lambda tx, e: tx.set_due(e, HELD, half.now_ms()))


def other_step(half, ident):
    half.on(ident, lambda tx, e: tx.set_next(e, half.now_ms() + 5_000))


CHANGES = {
    "claimed": claims,
    "sent": change(fact=Fact.SENT, attempt=1, reference="17", carrier="sim1", sent_at_ms=-5),
    "delivered": change(
        fact=Fact.DELIVERED, attempt=1, reference="17", carrier="sim1", sent_at_ms=-9, delivered_at_ms=-1
    ),
    "failed": change(fact=Fact.FAILED, attempt=3, error="no such number", carrier="sim1"),
    "tried again later": change(attempt=1, error="no network", due_at_ms=30_000),
    "in doubt, repeated": change(attempt=1, error="ended", due_at_ms=0, repeat=True),
    "held in doubt": change(attempt=1, phase=Phase.SENDING, error="held: nobody knows"),
    "cancelled": change(fact=Fact.CANCELLED, error="cancelled by Jane"),
    "expired": change(fact=Fact.EXPIRED, error="not sent in its time"),
    "escalated": escalates,
    "another step": other_step,
    "acknowledged": joins(acks=note()),
    "declined": joins(declines=note("jane", "cannot")),
    "commented": joins(comments=note("jane", "5′ – späť\n😀")),
    "cleared": joins(clears=frozenset({Clear(7, "mqtt")})),
    "closed": joins(closings=frozenset({Closing(7, CloseReason.OPERATOR, "Jane")})),
    "raised again": joins(repeats={"s1": Repeat(2, 9, "hotter", 0)}),
    "got a further code": takes_code,
    "says something else": goes_on,
    "next rung": is_set_due,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_on_one_side_is_one_on_the_other(twins, name):
    a, b = twins
    ident = opens(a)
    carry(a, b)
    passes(1_000, a, b)
    CHANGES[name](a, ident)
    carry(a, b)
    seen = same(a, b, ident)
    assert b.out == [], "what came is not sent back"
    assert seen["case"].owner == Owner(0, 0, "s1")
    assert (a.mine(ident), b.mine(ident)) == ((1, {1}), (0, {0}))


@pytest.mark.parametrize("name", CHANGES)
def test_a_whole_record_makes_it_anew(twins, name):
    a, b = twins
    ident = opens(a)
    CHANGES[name](a, ident)
    passes(2_000, a, b)
    b.takes(a.whole(ident))
    same(a, b, ident)


@pytest.mark.parametrize("name", CHANGES)
def test_a_whole_record_mends_what_was_lost(twins, name):
    a, b = twins
    ident = opens(a)
    carry(a, b)
    CHANGES[name](a, ident)
    a.out.clear()
    passes(2_000, a, b)
    b.takes(a.whole(ident))
    same(a, b, ident)


def test_all_of_it_in_one_commit(twins):
    a, b = twins
    ident = opens(a)
    carry(a, b)
    sent = DeliveryChange(DeliveryState(Fact.SENT, 1), carrier="sim1", reference="17", sent_at_ms=a.now_ms() - 9)
    delivered = DeliveryChange(DeliveryState(Fact.DELIVERED, 1), delivered_at_ms=a.now_ms())

    def unit(tx, entry):
        tx.change(entry, KEY, sent, a.now_ms())
        tx.change(entry, KEY, delivered, a.now_ms())

    a.on(ident, unit)
    carry(a, b)
    same(a, b, ident)


@pytest.mark.parametrize("name", ["sent", "tried again later", "cancelled"])
def test_claimed_and_what_became_of_it_come_together(twins, name):
    a, b = twins
    ident = opens(a)
    carry(a, b)
    claims(a, ident)
    CHANGES[name](a, ident)
    carry(a, b)
    same(a, b, ident)
    again = opens(a)
    carry(a, b)
    change(attempt=1, error="no network", due_at_ms=0)(a, again)
    claims(a, again)
    carry(a, b)
    assert same(a, b, again)["deliveries"][KEY]["phase"] == Phase.SENDING


def test_a_message_that_is_made_and_sent_between_two_records(twins):
    a, b = twins
    ident = opens(a)
    carry(a, b)
    escalates(a, ident)
    key = DeliveryKey(0, 1, "bo", "sms", "bo@sms")
    change(key, Fact.SENT, 1, reference="18", carrier="sim1", sent_at_ms=-3, repeat=True)(a, ident)
    a.out.clear()
    b.takes(a.whole(ident))
    same(a, b, ident)


# -- what comes late, twice, or never ---------------------------------------------------------------------------------


def test_a_late_record_does_not_bring_back_an_earlier_step(twins):
    """No step early: the next step belongs to the place in the escalation it was told with."""
    a, b = twins
    ident = opens(a, next_ms=60_000)
    carry(a, b)
    a.on(ident, lambda tx, e: tx.set_next(e, a.now_ms() + 5_000))  # the clock of the first level starts
    escalates(a, ident)
    carry(a, b, order=-1)
    assert same(a, b, ident)["next"] == 300_000


def test_a_late_record_does_not_make_an_answered_case_escalate(twins):
    a, b = twins
    ident = opens(a)
    carry(a, b)
    a.on(ident, lambda tx, e: tx.set_next(e, a.now_ms() + 5_000))
    joins(acks=note())(a, ident)
    carry(a, b, order=-1)
    assert same(a, b, ident)["next"] is None


def test_a_late_record_does_not_hold_a_rung_again(twins):
    a, b = twins
    ident = opens(a)
    opening = a.out[-1][0]
    carry(a, b)
    is_set_due(a, ident)
    carry(a, b)
    b.takes(opening)
    assert same(a, b, ident)["deliveries"][HELD]["due_at_ms"] == 0


def test_what_one_gave_up_and_the_other_sent_is_sent_with_its_reference(twins):
    """Cut off from each other both tried: what is known of the text that left is known on both."""
    a, b = twins
    ident = opens(a)
    carry(a, b)
    joins(owner=Owner(1, 1, "s2"))(b, ident)
    b.out.clear()
    change(fact=Fact.SENT, attempt=1, reference="17", carrier="sim1", sent_at_ms=-5)(a, ident)
    change(fact=Fact.FAILED, attempt=2, error="no such number", carrier="sim2")(b, ident)
    from_a, from_b = a.whole(ident), b.whole(ident)
    a.takes(from_b)
    b.takes(from_a)
    for half in (a, b):
        row = half.looks(ident)["deliveries"][KEY]
        assert (row["fact"], row["attempt"]) == (Fact.SENT, 2)
        assert (row["carrier"], row["reference"], row["sent_at_ms"], row["error"]) == ("sim1", "17", -5, None)
    same(a, b, ident)


def test_two_heads_of_one_case_become_one(twins):
    """A source with ids told both nodes: each opened the case in its own words, at its own time."""
    a, b = twins
    parts = (sms(a),)
    case = new_case(parts, next(NUMBERS), policy="{}", ack_required=True, opened_at_ms=a.now_ms(), text="hot")
    for half, text, code in ((a, "hot", "A123"), (b, "hot indeed", "N123")):
        mine = case._replace(
            head=case.head._replace(text=text, opened_at_ms=a.now_ms()),
            owner=Owner(0, 0, "s1"),
            codes=frozenset({code}),
        )  # fmt: skip
        half.does(lambda tx, h=half, c=mine, code=code: tx.open_case(c, code, parts, h.now_ms()))
    assert a.digest(case.id) != b.digest(case.id)
    from_a, from_b = a.whole(case.id), b.whole(case.id)
    b.takes(from_a)
    a.takes(from_b)
    assert a.digest(case.id) == b.digest(case.id)
    assert len({half.looks(case.id)["case"].head for half in (a, b)}) == 1
    for half in (a, b):
        for code in ("A123", "N123"):
            found = half.does(lambda tx, code=code: lookup.with_code(tx, code, 0))
            assert case.id in {entry.case.id for entry in found}


def test_only_the_head_differs(twins):
    a, b = twins
    parts = (sms(a),)
    case = new_case(parts, next(NUMBERS), policy="{}", ack_required=True)._replace(owner=Owner(0, 0, "s1"))
    for half, at_ms in ((a, 1000), (b, 1001)):
        mine = case._replace(head=case.head._replace(opened_at_ms=at_ms))
        half.does(lambda tx, h=half, c=mine: tx.open_case(c, "A123", parts, h.now_ms()))
    assert b.digest(case.id) != a.digest(case.id)
    b.takes(a.whole(case.id))
    assert b.digest(case.id) == a.digest(case.id)


def test_a_case_is_over_here_too_when_its_last_message_came_with_the_record(twins):
    a, b = twins
    told = {"policy": "", "ack_required": False, "next_ms": 0}
    ident = opens(a, sms(a, kind=Kind.PLAIN), **told)
    carry(a, b)
    change(fact=Fact.FAILED, error="no such number")(a, ident)
    carry(a, b)
    assert a.looks(ident)["state"] == "closed"
    again = sms(a, "adam", key=KEY._replace(level=-2), state=DeliveryState(Fact.SENT, 1), due_at_ms=None)
    a.on(ident, lambda tx, e: (tx.add_deliveries(e, [again], a.now_ms()), tx.join(e, Case(ident), a.now_ms())))
    a.out.clear()
    b.takes(a.whole(ident))
    assert same(a, b, ident)["reason"] == CloseReason.SENT


# -- time -------------------------------------------------------------------------------------------------------------


def pauses(half):
    half.does(lambda tx: setattr(tx, "paused_at_ms", half.now_ms()))


def test_in_a_pause_deadlines_count_from_its_begin_on_both(twins):
    a, b = twins
    ident = opens(a)
    carry(a, b)
    for half in (a, b):
        pauses(half)
    try:
        passes(HOUR_MS, a, b)
        change(attempt=1, error="no network", due_at_ms=30_000)(a, ident)
        opened = opens(a)
        escalates(a, opened)
        carry(a, b)
        for one in (ident, opened):
            same(a, b, one)
        b.takes(a.whole(ident))
        same(a, b, ident)
        fresh = opens(a)
        a.out.clear()
        b.takes(a.whole(fresh))
        same(a, b, fresh)
    finally:
        for half in (a, b):
            half.does(lambda tx: setattr(tx, "paused_at_ms", None))


def closes_in(half, ident):
    half.on(ident, lambda tx, _e: tx.flush())
    (row,) = half._rows(schema.cases, schema.cases.c.id == bytes.fromhex(ident.replace("-", "")))
    return row["close_at_ms"] - half.now_ms()


def test_it_closes_by_time_no_earlier_on_the_other_side(twins):
    a, b = twins
    ident = opens(a, close_after_s=7200.0)
    passes(HOUR_MS, a, b)
    carry(a, b)
    assert closes_in(b, ident) >= closes_in(a, ident) > 0
    acked = opens(a, close_after_s=30.0, key="boiler")
    joins(acks=note())(a, acked)
    a.out.clear()
    passes(HOUR_MS, a, b)
    b.takes(a.whole(acked))
    assert closes_in(b, acked) == closes_in(a, acked) == 23 * HOUR_MS


# -- whose it is ------------------------------------------------------------------------------------------------------


def test_what_is_not_mine_is_not_claimed_and_does_not_end_here(twins):
    a, b = twins
    ident = opens(a, sms(a, expires_at_ms=a.now_ms() + 1), next_ms=1, close_after_s=0.001)
    carry(a, b)
    passes(10, a, b)

    def unit(tx):
        now_ms = b.now_ms()
        claimed = {claim.case_id for claim in tx.claim_due("sms", 900, now_ms)}
        overdue = {tx.entry(seq).case.id for seq, _, _ in waiting.overdue(tx, now_ms, 900)}
        unattended = {entry.case.id for entry in waiting.unattended(tx, now_ms, 900)}
        due = {tx.entry(seq).case.id for seq in lookup.due_cases(tx, now_ms, 900)}
        return claimed, overdue, unattended, due

    assert [ident in found for found in b.does(unit)] == [False] * 4
    assert b.does(lambda tx: tx.next_due_ms("sms")) is None
    b.on(ident, lambda tx, e: tx.join(e, passed_to(e.case, 1, "s2"), b.now_ms()))
    assert b.last.channels == {"sms"}, "the lane is woken"
    assert b.last.next_at_ms is not None, "and the escalator"
    assert b.mine(ident) == (1, {1})
    assert [ident in found for found in b.does(unit)] == [True, False, True, True]
    carry(b, a)
    assert a.last.yielded, "what was claimed before is given back"
    assert a.mine(ident) == (0, {0})
    same(a, b, ident)


def test_a_case_is_given_with_its_record(twins):
    a, b = twins
    ident = opens(a, owner=Owner(0, 1, "s2"))
    assert a.mine(ident) == (0, {0})
    (joined,) = carry(a, b)
    assert (joined.is_new, joined.before, b.mine(ident)) == (True, None, (1, {1}))
    b.on(ident, lambda tx, e: tx.join(e, passed_to(e.case, 0, "s1"), b.now_ms()))
    (joined,) = carry(b, a)
    assert (joined.is_given, joined.before) == (True, CaseState.OPEN)


def test_a_change_of_what_is_not_here_waits_for_the_whole(twins):
    a, b = twins
    ident = opens(a)
    a.out.clear()
    joins(acks=note())(a, ident)
    (joined,) = carry(a, b)
    assert (joined.entry, joined.theirs) == (None, a.digest(ident))
    assert b.does(lambda tx: mirror.by_ids(tx, [ident])) == {}


@pytest.mark.parametrize(
    "doc", [{"id": "x", "g": "1"}, {"id": 7, "g": "1"}, {"id": "00" * 16}, {"id": "00" * 16, "g": "x"}, 7, ["id"], "id"]
)
def test_what_cannot_be_read_is_a_named_error(twins, doc):
    with pytest.raises((ValueError, KeyError, TypeError)):
        twins[1].does(lambda tx: mirror.join_records(tx, [doc], 0))


def test_an_alarm_with_an_id_is_known_on_both(twins):
    a, b = twins
    ident = opens(a)
    alarm = a.on(ident, lambda _tx, e: e.case.head.alarm_id)
    a.does(lambda tx: tx.remember_alarm(alarm, a.now_ms(), '[["x","A123"]]'))
    b.takes(a.whole(ident))
    assert b.does(lambda tx: tx.known_alarm(alarm)) == '[["x","A123"]]'


def test_open_ends_are_what_the_other_one_may_lack(tmp_path):
    with open_twins(tmp_path) as (a, b):
        told = {"policy": "", "ack_required": False}
        first, second = opens(a, sms(a, kind=Kind.PLAIN), **told), opens(a)
        change(fact=Fact.SENT, attempt=1)(a, first)

        def ends(half, after=0):
            return [e.case.id for e in half.does(lambda tx: mirror.open_ends(tx, after, 9))]

        assert ends(a) == [first, second]
        assert ends(a, after=1) == [second]
        carry(a, b)
        assert ends(b) == [second], "what came from the other one is on both"
        a.does(lambda tx: mirror.note_mirrored(tx, [first]))
        assert ends(a) == [second]


def test_a_rank_stays_whatever_the_role_becomes(tmp_path):
    with open_twins(tmp_path) as (a, b):
        assert [a.does(lambda tx, r=role: mirror.rank_of(tx, r)) for role in ("master", "slave")] == [0, 0]
        assert [b.does(lambda tx, r=role: mirror.rank_of(tx, r)) for role in ("slave", "master")] == [1, 1]


def test_no_time_of_day_is_in_a_record(twins):
    """Wall clocks of two nodes are never compared: what is in the future or past travels as an age."""
    a, _b = twins
    ident = opens(a)
    change(attempt=1, due_at_ms=30_000, sent_at_ms=-3)(a, ident)
    for record in (*a.out[0], *a.out[1], a.whole(ident)):
        doc = orjson.loads(record)
        doc.get("h", {}).pop("opened_at_ms", None)
        assert str(a.now_ms())[:6] not in orjson.dumps(doc).decode()
