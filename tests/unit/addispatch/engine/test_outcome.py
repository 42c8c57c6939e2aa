"""What is stored of an outcome: each fact with its event, ladders, expiry, and what a crash interrupted."""

from __future__ import annotations

import pytest
from ledgers import new_delivery, now_ms, open_case, open_ledger
from pipelines import desk

from addispatch.domain.alarm import Priority
from addispatch.domain.case import Case, CloseReason, Closing, DeliveryKey, DeliveryState, Fact, Phase
from addispatch.domain.delivery import Outcome, RetryRules, give_back, settle
from addispatch.domain.receipt import InDoubt, Permanent, Sent, Temporary
from addispatch.engine.outcome import expire, record, recover
from addispatch.store import queries

RULES = RetryRules()
HOLDING = RetryRules(resend_in_doubt=dict.fromkeys(Priority, False))


def rung(number: int, channel: str, **changes):
    due = {"due_at_ms": None} if number else {}
    return new_delivery("adam", channel, rung=number, **{**due, **changes})


async def claim(ledger, channel="log"):
    return (await ledger.submit(lambda tx: tx.claim_due(channel, 9, now_ms())))[0]


async def end(ledger, receipt, channel="log", rules=RULES):
    """Claim one and record what the channel said."""
    one = await claim(ledger, channel)

    def unit(tx):
        outcome = settle(one.state, receipt, rules=rules, priority=one.priority, repeated=one.repeat, jitter=0.5)
        record(tx, one, outcome, now_ms(), desk)

    await ledger.submit(unit)


async def deliveries(ledger):
    return (await ledger.read(lambda c: queries.deliveries(c, None, 50, None)))["deliveries"][::-1]


async def states(ledger):
    return [d["state"] for d in await deliveries(ledger)]


async def events(ledger):
    found = (await ledger.read(lambda c: queries.events(c, 50, None, None)))["events"][::-1]
    return [(e["kind"], e["text"]) for e in found]


async def test_what_was_given_back_before_it_began_was_not_tried(tmp_path):
    """Its case went to the other node, or there is a pause: ``not sent yet: `` without a reason says nothing."""
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery(due_at_ms=now_ms() - 1))
        one = await claim(ledger)
        outcome = give_back(one.state, repeated=one.repeat)
        await ledger.submit(lambda tx: record(tx, one, outcome, now_ms(), desk))
        assert not [text for kind, text in await events(ledger) if "not sent yet" in text]
        assert await states(ledger) == ["queued"]


@pytest.mark.parametrize("is_sent", [False, True])
async def test_what_is_in_doubt_goes_on_in_the_case_that_stays_alone(tmp_path, is_sent):
    """Both nodes had opened it; the one that was killed was sending for the copy that was merged."""
    async with open_ledger(tmp_path) as ledger:
        goes = await open_case(ledger, new_delivery(due_at_ms=now_ms() - 1), number=1)
        one = await claim(ledger)
        stays = await open_case(ledger, new_delivery(due_at_ms=now_ms() - 1), number=2)
        if is_sent:
            await end(ledger, Sent())

        def unit(tx):
            tx.join(
                tx.entry(one.case_seq),
                Case(goes.id, closings=frozenset({Closing(now_ms(), CloseReason.MERGED, stays.id)})),
                now_ms(),
            )
            return recover(tx, RULES, now_ms(), desk, case_seq=one.case_seq)

        assert await ledger.submit(unit) == 1
        assert await states(ledger) == ["cancelled", "sent" if is_sent else "queued"]


@pytest.mark.parametrize(
    ("receipt", "state", "kinds"),
    [
        (Sent(), "sent", ["DeliverySent"]),
        (Temporary("busy"), "queued", ["DeliveryRetried"]),
        (Permanent("no"), "failed", ["AlarmReachesNobody", "DeliveryFailed"]),
        (InDoubt("silence"), "queued", ["DeliveryInDoubt"]),
    ],
)
async def test_each_receipt_is_a_state_and_an_event(tmp_path, receipt, state, kinds):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery())
        await end(ledger, receipt)
        assert await states(ledger) == [state]
        assert [kind for kind, _ in await events(ledger)] == kinds


async def test_nobody_told_is_said_only_when_the_last_one_failed(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery("adam"), new_delivery("jane", "sms"))
        await end(ledger, Permanent("no"))
        assert "AlarmReachesNobody" not in dict(await events(ledger))
        await end(ledger, Permanent("no"), "sms")
        assert dict(await events(ledger))["AlarmReachesNobody"] == (
            "NOBODY TOLD about the alarm from mqtt: hot. Every message to Ops failed."
        )


async def test_success_drops_the_rungs_above_of_the_same_person_only(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, rung(0, "log"), rung(1, "sms"), rung(2, "email"), new_delivery("jane", "email"))
        await end(ledger, Sent())
        assert await states(ledger) == ["sent", "cancelled", "cancelled", "queued"]


async def test_failure_lets_the_whole_next_rung_go_and_no_further(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        second = rung(1, "sms", key=DeliveryKey(0, 0, "adam", "sms", "other"))
        await open_case(ledger, rung(0, "log"), rung(1, "sms"), second, rung(2, "email"))
        await end(ledger, Permanent("no"))
        assert await states(ledger) == ["failed", "queued", "queued", "held"]


async def test_a_temporary_failure_lets_nothing_go(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, rung(0, "log"), rung(1, "sms"))
        await end(ledger, Temporary("busy"))
        assert await states(ledger) == ["queued", "held"]


async def test_expired(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        part = new_delivery()
        await open_case(ledger, part)
        await ledger.submit(lambda tx: expire(tx, tx.entry(1), part.key, "Adam", now_ms(), desk))
        assert await states(ledger) == ["expired"]
        assert dict(await events(ledger))["DeliveryExpired"] == "log to Adam expired before it could be sent"


async def test_news_that_comes_late_does_not_undo_better_news(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery())
        one = await claim(ledger)
        sent = Outcome(DeliveryState(Fact.SENT, 0), by="sim1")
        late = Outcome(DeliveryState(Fact.NONE, 1), due_in_s=0.0, error="busy")
        await ledger.submit(lambda tx: record(tx, one, sent, now_ms(), desk))
        await ledger.submit(lambda tx: record(tx, one, late, now_ms(), desk))
        assert await states(ledger) == ["sent"]


async def interrupt(folder, *parts, **head):
    async with open_ledger(folder) as ledger:
        await open_case(ledger, *parts, **head)
        await claim(ledger)


async def test_what_was_interrupted_is_repeated(tmp_path):
    await interrupt(tmp_path, new_delivery())
    async with open_ledger(tmp_path) as ledger:
        counted, woken = await ledger.submit(lambda tx: (recover(tx, RULES, now_ms(), desk), set(tx.channels)))
        assert (counted, woken) == (1, {"log"}), "at a take-over a lane may be asleep"
        one = await claim(ledger)
        assert (one.repeat, one.state) == (True, DeliveryState(Fact.NONE, 1, Phase.SENDING))
        assert (await events(ledger))[0] == (
            "DeliveryInDoubt",
            "log to Adam: in doubt: the daemon ended while it was being sent",
        )


async def test_what_is_held_is_told_once_and_goes_when_the_rules_change(tmp_path):
    await interrupt(tmp_path, new_delivery())
    for expected in (1, 0):
        async with open_ledger(tmp_path) as ledger:
            assert await ledger.submit(lambda tx: recover(tx, HOLDING, now_ms(), desk)) == expected
            assert await states(ledger) == ["in_doubt"]
            assert len(await events(ledger)) == 1
    async with open_ledger(tmp_path) as ledger:
        assert await ledger.submit(lambda tx: recover(tx, RULES, now_ms(), desk)) == 1
        assert await states(ledger) == ["queued"]


async def test_a_clean_ledger_has_nothing_to_recover(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery())
        assert await ledger.submit(lambda tx: recover(tx, RULES, now_ms(), desk)) == 0
