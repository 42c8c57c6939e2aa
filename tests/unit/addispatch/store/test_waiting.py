"""What waits: interrupted by an end of the process, too old to be sent, unattended; of the other node's cases nothing."""

from __future__ import annotations

from ledgers import new_case, new_delivery, now_ms, open_case, open_ledger

from addispatch.domain.case import DeliveryKey, DeliveryState, Fact, Owner, Phase
from addispatch.domain.delivery import Kind
from addispatch.pipeline.pairing import Pairing
from addispatch.store import waiting
from addispatch.store.notes import Twin
from addispatch.store.rows import DeliveryChange

POLICY = {"policy": "{}", "ack_required": True}


async def test_what_was_claimed_is_interrupted_after_a_restart(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery())
        await ledger.submit(lambda tx: tx.claim_due("log", 1, now_ms()))
    async with open_ledger(tmp_path) as ledger:
        found = await ledger.submit(waiting.interrupted)
        assert [(one.key.recipient, one.recipient, one.repeat) for one in found] == [("adam", "Adam", False)]


async def test_a_case_is_unattended_when_its_time_is_over(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery(), opened_at_ms=1000, close_after_s=1.0, **POLICY)
        await open_case(ledger, new_delivery(), number=2, opened_at_ms=1000, close_after_s=1.0)
        found = lambda at_ms: ledger.submit(lambda tx: [e.seq for e in waiting.unattended(tx, at_ms, 9)])  # noqa: E731
        assert [await found(1999), await found(2000)] == [[], [1]], "what asks nobody ends by itself"
        await ledger.submit(lambda tx: tx.set_close(tx.entry(1), 5000))
        assert [await found(4999), await found(5000)] == [[], [1]]


async def test_the_kind_of_what_was_interrupted_is_known(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery(kind=Kind.ASK), **POLICY)
        await ledger.submit(lambda tx: tx.claim_due("log", 1, now_ms()) and None)
        (one,) = await ledger.submit(waiting.interrupted)
        assert one.kind is Kind.ASK


async def open_foreign(ledger, *parts, number=1, **head):
    """A case the other node sends for."""
    ledger.twin = Twin("s1", 0, now_ms, Pairing())
    case = new_case(parts, number, **head)._replace(owner=Owner(0, 1, "s2"))
    await ledger.submit(lambda tx: tx.open_case(case, None, parts, now_ms()))


async def test_the_other_nodes_cases_do_not_end_here(tmp_path):
    late = new_delivery(expires_at_ms=1)
    sending = new_delivery("jane", state=DeliveryState(Fact.NONE, 0, Phase.SENDING))
    async with open_ledger(tmp_path) as ledger:
        await open_foreign(ledger, late, sending, opened_at_ms=1000, close_after_s=1.0, **POLICY)

        def unit(tx):
            return waiting.overdue(tx, now_ms(), 9), waiting.unattended(tx, now_ms(), 9), waiting.interrupted(tx)

        assert await ledger.submit(unit) == ([], [], [])
        assert len(await ledger.submit(lambda tx: waiting.interrupted(tx, 1))) == 1, "unless it is asked about"


async def test_what_is_over_its_time_is_told_with_whom_it_was_for(tmp_path):
    late, fresh = new_delivery(expires_at_ms=1000), new_delivery("jane", expires_at_ms=1001)
    sending = new_delivery("bo", expires_at_ms=1000, state=DeliveryState(Fact.NONE, 0, Phase.SENDING))
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, late, fresh, sending)
        assert await ledger.submit(lambda tx: waiting.overdue(tx, 1000, 9)) == [(1, late.key, "Adam")]
        assert len(await ledger.submit(lambda tx: waiting.overdue(tx, 1001, 1))) == 1


async def test_the_other_rungs_of_a_ladder_wait_in_their_order(tmp_path):
    rungs = [new_delivery("adam", name, rung=rung) for name, rung in (("sms", 0), ("voice", 2), ("email", 1))]
    others = [new_delivery("jane", "sms", rung=1), new_delivery("adam", "log", rung=3, kind=Kind.NOTICE)]
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, *rungs, *others)
        found = await ledger.submit(lambda tx: waiting.waiting_rungs(tx, 1, "adam", other_than=0))
        assert [(key.channel, rung) for key, rung in found] == [("email", 1), ("voice", 2)]


async def test_a_case_without_messages_was_queued_when_it_opened(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, opened_at_ms=1234, **POLICY)
        assert await ledger.submit(lambda tx: waiting.last_queued_ms(tx, tx.entry(1))) == 1234


async def test_held_in_doubt_is_interrupted_too_and_tells_why(tmp_path):
    part = new_delivery()
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, part)
        change = DeliveryChange(DeliveryState(Fact.NONE, 1, Phase.SENDING), error="held: nobody knows", repeat=True)
        await ledger.submit(lambda tx: tx.change(tx.entry(1), part.key, change, now_ms()))
        (one,) = await ledger.submit(waiting.interrupted)
        assert (one.key, one.error, one.repeat, one.seq) == (part.key, "held: nobody knows", True, 1)
        assert isinstance(one.key, DeliveryKey)
