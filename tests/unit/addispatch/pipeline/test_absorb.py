"""Two cases about the same thing become one on both nodes: codes, answers and contacts of both count."""

from __future__ import annotations

import pytest
from duet import open_duet
from pipelines import group
from rooms import PHONE_ADAM, PHONE_BO, PHONE_JANE, usual

from addispatch.domain.case import Case, CaseState, CloseReason, DeliveryState, Fact, Note
from addispatch.domain.receipt import Sent
from addispatch.pipeline.absorb import absorb, forward
from addispatch.pipeline.withdraw import withdraw
from addispatch.store import lookup
from addispatch.store.rows import DeliveryChange

OPS = (PHONE_ADAM, PHONE_JANE, PHONE_BO, usual(), group("Ops", "Adam", "Jane", policy="usual"))


@pytest.fixture
async def duet(tmp_path):
    async with open_duet(tmp_path, *OPS) as duet:
        yield duet


async def both_raise(duet):
    """Each node heard of the boiler while it could not hear the other one."""
    for room in (duet.a, duet.b):
        await room.accept("hot", key="boiler", to=("Ops",))


async def living(room):
    return [case for case in await room.cases() if case["state"] != "closed"]


async def test_the_same_one_stays_on_both_with_both_codes(duet):
    await both_raise(duet)
    codes = {case["code"] for room in (duet.a, duet.b) for case in await room.cases()}
    await duet.carry()
    await duet.alike()
    (one,), (other,) = [await living(room) for room in (duet.a, duet.b)]
    assert one["id"] == other["id"] == min(await duet.ids(duet.a))
    for room in (duet.a, duet.b):
        for code in codes:
            found = await room.unit(lambda tx, code=code: [e.case.id for e in lookup.with_code(tx, code, 2**62)])
            assert one["id"] in found, "people may answer by either code"
        gone = next(case for case in await room.cases() if case["id"] != one["id"])
        entry = await room.unit(lambda tx, ident=gone["id"]: lookup.by_id(tx, ident))
        assert entry.state == (CaseState.CLOSED, CloseReason.MERGED)


async def test_nobody_is_asked_twice(duet):
    await both_raise(duet)
    await duet.carry()
    texts = [await room.sends("sms") for room in (duet.a, duet.b)]
    assert sorted(len(one) for one in texts) == [0, 2]


async def test_whoever_was_asked_by_the_one_that_goes_is_not_asked_again(duet):
    await both_raise(duet)
    await duet.a.sends("sms")
    await duet.b.sends("sms")
    await duet.carry()
    await duet.alike()
    ident = (await living(duet.a))[0]["id"]
    for room in (duet.a, duet.b):
        entry = await room.unit(lambda tx, ident=ident: lookup.by_id(tx, ident))
        assert {key.recipient for key, state in entry.case.deliveries.items() if state.was_tried} == {"adam", "jane"}
        assert await room.sends("sms") == []


async def test_an_answer_to_the_one_that_goes_is_an_answer_to_the_one_that_stays(duet):
    await both_raise(duet)
    for room in (duet.a, duet.b):
        await room.sends("sms")
        note = Note(room.now_ms, "adam", "sms", "on my way", "Adam")
        await room.on(1, lambda tx, e, n=note, r=room: tx.join(e, Case(e.case.id, acks=frozenset({n})), r.now_ms))
    await duet.carry()
    for case in (await duet.alike()).values():
        assert case.acks
    assert [await living(room) for room in (duet.a, duet.b)] == [
        await living(duet.a), await living(duet.b),
    ]  # fmt: skip


@pytest.mark.parametrize("stays", [True, False])
async def test_what_waits_is_not_sent_once_the_other_copy_is_acknowledged(duet, stays):
    """Whichever stays: an answer that came with the merge takes back what was to be asked (I4)."""
    await both_raise(duet)
    ids = [(await duet.ids(room))[0] for room in (duet.a, duet.b)]
    answered = duet.a if (ids[0] < ids[1]) is stays else duet.b
    (claim,) = await answered.unit(lambda tx: tx.claim_due("sms", 1, answered.now_ms))
    await answered.records(claim, Sent(reference="1"))
    note = Note(answered.now_ms, claim.key.recipient, "sms", "", claim.recipient)

    def answer(tx, entry):
        tx.join(entry, Case(entry.case.id, acks=frozenset({note})), answered.now_ms)
        withdraw(tx, entry, "acknowledged", answered.now_ms)

    await answered.on(1, answer)
    await duet.carry()
    await duet.alike()
    for room in (duet.a, duet.b):
        assert [text for text in await room.sends("sms") if "cknowledged by" not in text] == []


async def test_what_was_under_way_when_its_case_went_counts_in_the_other_one(duet):
    await both_raise(duet)
    await duet.carry()
    room = duet.a
    stays, goes = sorted(await duet.ids(room))

    def unit(tx):
        one, other = lookup.by_id(tx, stays), lookup.by_id(tx, goes)
        key = next(key for key in other.case.deliveries if key in one.case.deliveries)
        change = DeliveryChange(DeliveryState(Fact.SENT, 1), reference="17")
        forward(tx, other, key, change, room.now_ms)
        forward(tx, one, key, change, room.now_ms)
        return lookup.by_id(tx, stays).case.deliveries[key]

    assert await room.unit(unit) == DeliveryState(Fact.SENT, 1)


async def test_what_the_other_node_had_in_hand_when_its_case_went_is_not_sent_again(duet):
    """It sent before it heard that its case is one with the other's, as at every restart of a node under load."""
    await both_raise(duet)
    ids = {room.ledger.twin.store: (await duet.ids(room))[0] for room in (duet.a, duet.b)}
    goes, stays = (duet.b, duet.a) if ids["s1"] < ids["s2"] else (duet.a, duet.b)
    (claim,) = await goes.unit(lambda tx: tx.claim_due("sms", 1, goes.now_ms))
    said, duet.said[goes.ledger.twin.store] = duet.said[goes.ledger.twin.store], []
    await duet.hears(stays, [one for some in said for one in some])
    await goes.records(claim, Sent(reference="17"))
    await duet.carry()
    cases = await duet.alike()
    assert cases[min(ids.values())].deliveries[claim.key].fact is Fact.SENT
    left = [await room.sends("sms") for room in (stays, goes)]
    assert [len(one) for one in left] == [1, 0], "only the other one of the group is asked yet"


async def test_contacts_that_the_other_case_does_not_have_are_taken_over(duet):
    room = duet.a
    await room.accept("hot", to=("Ops",))
    await room.accept("hot", to=("Bo",), ack_required=True)
    for claim in await room.claims("sms"):
        await room.records(claim, Sent(reference=claim.recipient))

    def unit(tx):
        absorb(tx, tx.entry(1), tx.entry(2), room.now_ms)
        return {key.recipient: state.fact for key, state in tx.entry(1).case.deliveries.items()}

    assert await room.unit(unit) == {"adam": Fact.SENT, "jane": Fact.SENT, "bo": Fact.SENT}
    assert await room.lines("CaseMerged") == [
        f"{(await room.cases())[1]['code']} is the same as {(await room.cases())[0]['code']}: merged"
    ]
