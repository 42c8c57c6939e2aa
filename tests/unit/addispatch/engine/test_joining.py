"""What the cluster does to cases: a join and what follows from it, taking over, handing over, doubt, whole records."""

from __future__ import annotations

import pytest
from duet import RULES, open_duet
from pipelines import group
from rooms import PHONE_ADAM, PHONE_BO, PHONE_JANE, usual

from addispatch.domain.alarm import AlarmState, Priority
from addispatch.domain.case import Case, CaseState, CloseReason, Fact, Note, Owner, Phase
from addispatch.domain.receipt import Sent
from addispatch.engine import joining
from addispatch.store import lookup


def ops(**options):
    return (PHONE_ADAM, PHONE_JANE, PHONE_BO, usual(**options), group("Ops", "Adam", "Jane", policy="usual"))


@pytest.fixture
async def duet(tmp_path):
    async with open_duet(tmp_path, *ops()) as duet:
        yield duet


async def acks(room, who="adam"):
    note = frozenset({Note(room.now_ms, who, "sms", "on my way", who.title())})
    await room.on(1, lambda tx, e: tx.join(e, Case(e.case.id, acks=note), room.now_ms))


async def half_told(duet):
    """Adam has the text, Jane's waits."""
    await duet.a.accept("hot", to=("Ops",))
    (claim,) = await duet.a.unit(lambda tx: tx.claim_due("sms", 1, duet.a.now_ms))
    await duet.a.records(claim, Sent(reference="1"))
    await duet.carry()
    return claim.recipient


# -- an answer on the other node --------------------------------------------------------------------------------------


async def test_what_waits_is_taken_back_when_the_other_node_heard_the_answer(duet):
    told = await half_told(duet)
    await acks(duet.b, told.lower())
    await duet.carry()
    assert (await duet.a.entry()).state[0] is not CaseState.OPEN
    assert await duet.a.sends("sms") == []
    assert {d["error"] for d in await duet.a.deliveries() if d["state"] == "cancelled"} == {f"acknowledged by {told}"}
    await duet.alike()


async def test_who_was_told_hears_of_the_answer_once(duet):
    await duet.a.accept("hot", to=("Ops",))
    await duet.a.sends("sms")
    await duet.carry()
    await acks(duet.b)
    await duet.carry()
    await acks(duet.b)
    await duet.carry()
    texts = await duet.a.sends("sms") + await duet.b.sends("sms")
    assert [text.split(" (")[0] for text in texts] == ["Jane: Acknowledged by Adam: on my way"]
    await duet.carry()
    await duet.alike()


async def test_with_continue_unsent_it_still_goes_out_marked(tmp_path):
    async with open_duet(tmp_path, *ops(continue_unsent=True)) as duet:
        told = await half_told(duet)
        await acks(duet.b, told.lower())
        await duet.carry()
        await duet.carry()
        (text,) = [text for text in await duet.a.sends("sms") if "Acknowledged by" not in text]
        assert f"(acknowledged by {told}" in text
        assert text.count("acknowledged by") == 1
        assert "Reply" not in text, "without the footnote"


async def test_the_other_nodes_case_is_not_answered_for_here(duet):
    told = await half_told(duet)
    await acks(duet.a, told.lower())
    await duet.carry()
    assert await duet.b.sends("sms") == []
    assert await duet.b.lines("DeliveryCancelled") == []


# -- a condition that is over -----------------------------------------------------------------------------------------


async def test_a_case_is_over_if_this_node_heard_the_clear_after_it(duet):
    await duet.a.accept("hot", to=("Ops",), key="boiler")
    duet.a.clock.forward(seconds=5)
    await duet.b.accept("", to=("Ops",), key="boiler", state=AlarmState.CLEARED)
    await duet.carry()
    await duet.alike()
    assert {case["state"] for room in (duet.a, duet.b) for case in await room.cases()} == {"closed"}
    assert await duet.a.sends("sms") == []


async def test_not_if_the_clear_was_before_it(duet):
    await duet.b.accept("", to=("Ops",), key="boiler", state=AlarmState.CLEARED)
    duet.a.clock.forward(seconds=5)
    await duet.a.accept("hot", to=("Ops",), key="boiler")
    await duet.carry()
    assert {case["state"] for room in (duet.a, duet.b) for case in await room.cases()} == {"open"}


# -- one publish, two nodes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
async def test_what_both_heard_is_one_case(duet, together):
    for room in (duet.a, duet.b):
        await room.accept("hot", to=("Ops",), path="broker", fingerprint=b"f" * 16, is_shared=True)
        if not together:
            await duet.carry()
    await duet.carry()
    await duet.alike()
    for room in (duet.a, duet.b):
        assert len([case for case in await room.cases() if case["reason"] != CloseReason.MERGED]) == 1
    assert len(await duet.a.sends("sms") + await duet.b.sends("sms")) == 2


# -- whose it is ------------------------------------------------------------------------------------------------------


async def test_what_is_claimed_when_the_other_node_is_back_stays_its_own(duet):
    await duet.a.accept("hot", to=("Ops",), priority=Priority.MEDIUM)
    await duet.carry()
    assert await duet.claims_all(duet.b, lambda: "s1") == 0
    assert await duet.claims_all(duet.b, lambda: None) == 0, "nobody knows whether it is there"
    assert await duet.b.claims("sms") == []
    assert await duet.claims_all(duet.b) == 1


async def test_a_claim_sends_what_waits_and_repeats_what_is_in_doubt_marked(duet):
    await duet.a.accept("hot", to=("Ops",), priority=Priority.MEDIUM)
    (claim,) = await duet.a.unit(lambda tx: tx.claim_due("sms", 1, duet.a.now_ms))
    await duet.carry()
    assert await duet.b.claims("sms") == [], "it is the other one's"
    assert await duet.claims_all(duet.b) == 1
    assert await duet.claims_all(duet.b) == 0, "once"
    assert (await duet.b.entry()).case.owner == Owner(1, 1, "s2")
    assert await duet.b.lines("TookOver") == ["Took over 1 case(s): node-x is not there"]
    duet.b.clock.forward(minutes=1)
    claims = await duet.b.claims("sms")
    assert {(one.recipient, one.repeat, one.state.attempt) for one in claims} == {
        (claim.recipient, True, 1), *((who, False, 0) for who in {"Adam", "Jane"} - {claim.recipient}),
    }  # fmt: skip


async def test_an_urgent_case_that_is_taken_over_says_from_which_number(duet):
    await duet.a.accept("hot", to=("Ops",), priority=Priority.HIGH)
    await duet.a.sends("sms")
    await duet.carry()
    await duet.claims_all(duet.b)
    assert [text[: len("Adam: (now from this")] for text in await duet.b.sends("sms")] == [
        "Adam: (now from this", "Jane: (now from this",
    ]  # fmt: skip


@pytest.mark.parametrize(("peer_has_sms", "count"), [(False, 2), (True, 0)])
async def test_so_does_one_that_is_given_by_a_node_without_modem(duet, peer_has_sms, count):
    await duet.a.accept("hot", to=("Ops",), priority=Priority.HIGH)
    await duet.a.sends("sms")
    await duet.carry()
    await duet.gives_all(duet.a)
    await duet.carry(peer_has_sms=peer_has_sms)
    assert len(await duet.b.sends("sms")) == count


async def test_what_is_under_way_is_not_handed_over(duet):
    await duet.a.accept("hot", to=("Ops",))
    (adams, janes) = await duet.a.claims("sms")
    assert await duet.gives_all(duet.a) == 0
    for claim in (adams, janes):
        await duet.a.records(claim, Sent(reference="1"))
    assert await duet.gives_all(duet.a) == 1
    assert await duet.a.lines("HandedOver") == ["Handed over 1 case(s): node-x can send them"]
    assert await duet.gives_all(duet.a) == 0, "it is the other one's now"
    await duet.carry()
    await duet.alike()
    assert (await duet.b.entry()).mine


async def test_doubt_leaves_alone_what_a_lane_holds(duet):
    await duet.a.accept("hot", to=("Ops",))
    adams, janes = await duet.a.claims("sms")
    ids = await duet.ids(duet.a)
    desk = lambda: duet.a.desk  # noqa: E731

    def doubt(held):
        return duet.a.unit(lambda tx: joining.doubt(tx, desk, RULES, ids, lambda: held, duet.a.now_ms))

    await doubt({adams.seq})
    states = await duet.a.states()
    assert states[adams.key].phase is Phase.SENDING
    assert (states[janes.key].phase, states[janes.key].attempt) == (Phase.PENDING, 1)
    await duet.carry()
    await duet.gives_all(duet.a)


# -- what is asked for ------------------------------------------------------------------------------------------------


async def test_whole_records_and_digests_are_read_for_the_other_node(duet):
    await duet.a.accept("hot", to=("Ops",))
    (ident,) = await duet.ids(duet.a)
    nobody = "00000000-0000-5000-8000-000000000000"
    duet.reports.clear()
    await duet.a.unit(lambda tx: joining.look(tx, {ident: 5, nobody: 6}))
    (looked,) = duet.reports
    assert looked.theirs == {ident: 5, nobody: 6}
    assert {change.id: bool(change.digest) for change in looked.changes} == {ident: True, nobody: False}
    await duet.a.unit(lambda tx: joining.fetch(tx, [ident, nobody], duet.a.now_ms))
    (change,) = duet.reports[1].changes
    await duet.hears(duet.b, [change.record])
    await duet.alike()
    merged = duet.reports[-1]
    assert (merged.theirs, merged.changes[0].digest) == ({ident: change.digest}, change.digest)


async def test_what_is_from_before_the_cluster_is_adopted(duet):
    twin, duet.a.ledger.twin = duet.a.ledger.twin, None
    await duet.a.accept("hot", to=("Ops",))
    duet.a.ledger.twin = twin
    assert (await duet.a.entry()).case.owner == Owner()
    for count in (1, 0):
        assert await duet.a.unit(lambda tx: joining.adopt(tx, duet.a.now_ms)) == count
    assert (await duet.a.entry()).case.owner == Owner(1, 0, "s1")


async def test_what_monitors_saw_is_told_to_a_node_that_comes_and_not_sent_back(duet):
    await duet.a.unit(lambda tx: tx.marks.update({f"monitor:m{n}": b"\xff%d" % n for n in range(60)}))
    duet.said["s1"].clear()
    await duet.a.unit(joining.share_marks)
    assert [len(batch) for batch in duet.said["s1"]] == [2], "in records of a bounded size"
    await duet.carry()
    assert duet.said["s2"] == []
    assert await duet.b.unit(lambda tx: lookup.mark(tx, "monitor:m59")) == b"\xff59"


async def test_a_record_that_cannot_be_read_changes_nothing(duet):
    await duet.a.accept("hot", to=("Ops",))
    (records,) = duet.said["s1"]
    with pytest.raises((ValueError, KeyError)):
        await duet.hears(duet.b, [*records, b'{"id":"no id","g":"1"}'])
    assert await duet.b.cases() == []
    await duet.hears(duet.b, records)
    assert {state.fact for state in (await duet.b.states()).values()} == {Fact.NONE}
