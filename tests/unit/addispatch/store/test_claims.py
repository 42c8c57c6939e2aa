"""What is new in a transaction is claimed before it is inserted, and just as if it had been."""

from __future__ import annotations

import pytest
from ledgers import new_case, new_delivery, open_case, open_ledger
from twins import open_twins

from addispatch.domain.alarm import Priority, QueueClass
from addispatch.domain.case import DeliveryState, Fact, Phase
from addispatch.domain.delivery import Kind
from addispatch.store.claims import first_class, queued
from addispatch.store.rows import DeliveryChange, delivery_row
from addispatch.store.transaction import Transaction

AT_MS = 1000


def opened(tx: Transaction, *parts, number=1, code=None, **head):
    return tx.open_case(new_case(parts, number, **head), code, parts, AT_MS)


def part(who="adam", **changes):
    return new_delivery(who, **{"due_at_ms": AT_MS, **changes})


async def rows(ledger):
    return (await ledger.read(lambda c: c.exec_driver_sql("SELECT text, phase FROM deliveries ORDER BY seq"))).all()


@pytest.mark.parametrize("flushed", [False, True])
async def test_a_claim_is_the_same_from_the_row_and_from_the_table(tmp_path, flushed):
    async with open_ledger(tmp_path) as ledger:
        state = DeliveryState(Fact.NONE, 2)
        asked = part(text="Pump", subject="!", rung=3, state=state, expires_at_ms=9000, kind=int(Kind.ASK))

        def unit(tx):
            entry = opened(tx, asked, code="A12", priority=Priority.HIGH)
            if flushed:
                tx.flush()
            (claim,) = tx.claim_due("log", 9, AT_MS)
            assert entry.case.deliveries[asked.key] == DeliveryState(Fact.NONE, 2, Phase.SENDING)
            return claim, entry.case.id

        claim, case_id = await ledger.submit(unit)
        assert claim._replace(case_id="") == (
            1, 1, "", asked.key, "Adam", "Pump", "!", QueueClass.ALARM, 3, DeliveryState(Fact.NONE, 2, Phase.SENDING),
            False, "", 9000, Priority.HIGH, "A12", AT_MS, Kind.ASK,
        )  # fmt: skip
        assert claim.case_id == case_id
        assert await rows(ledger) == [("Pump", 1)]
        assert await ledger.submit(lambda tx: tx.claim_due("log", 9, AT_MS)) == []


async def test_what_waits_goes_before_what_is_new_and_urgent_before_both(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await ledger.submit(lambda tx: opened(tx, part(text="old"), part("old", text="old report", queue_class=3)).seq)

        def unit(tx):
            late = part("jane", text="new later", due_at_ms=AT_MS - 1)
            opened(tx, part(text="new"), late, part("bo", text="new urgent", queue_class=0), number=2)
            first = [claim.text for claim in tx.claim_due("log", 3, AT_MS)]
            return first, tx.next_due_ms("log"), [claim.text for claim in tx.claim_due("log", 9, AT_MS)]

        assert await ledger.submit(unit) == (["new urgent", "old", "new later"], AT_MS, ["new", "old report"])
        assert {phase for _, phase in await rows(ledger)} == {1}


async def test_emergencies_may_go_beyond_the_window(tmp_path):
    async with open_ledger(tmp_path) as ledger:

        def unit(tx):
            opened(tx, *(part(f"r{n}", queue_class=n % 2) for n in range(6)))
            return [claim.queue_class for claim in tx.claim_due("log", 1, AT_MS, 2)]

        assert await ledger.submit(unit) == [0, 0]


async def test_other_channels_and_later_times_are_left(tmp_path):
    async with open_ledger(tmp_path) as ledger:

        def unit(tx):
            opened(tx, part(channel="sms"), part("jane", due_at_ms=AT_MS + 5), part("bo", due_at_ms=None))
            return tx.claim_due("log", 9, AT_MS), tx.next_due_ms("log"), tx.next_due_ms("email")

        assert await ledger.submit(unit) == ([], AT_MS + 5, None)
        (claim,) = await ledger.submit(lambda tx: tx.claim_due("log", 9, AT_MS + 5))
        assert claim.recipient == "Jane"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_becomes_of_a_new_delivery_in_its_transaction_counts(tmp_path, when):
    async with open_ledger(tmp_path) as ledger:

        def unit(tx):
            entry = opened(tx, part(text="cancelled"), part("jane", text="changed"))
            claims = [] if when == "before" else tx.claim_due("log", 9, AT_MS)
            tx.change(entry, part().key, DeliveryChange(DeliveryState(Fact.CANCELLED)), AT_MS)
            tx.set_text(entry, part("jane").key, "changed to this", Kind.PLAIN)
            return [claim.text for claim in claims or tx.claim_due("log", 9, AT_MS)]

        claimed = await ledger.submit(unit)
        assert claimed == (["changed to this"] if when == "before" else ["cancelled", "changed"])
        assert await rows(ledger) == [("cancelled", 0), ("changed to this", 1)]


async def test_in_a_pause_only_what_is_said_about_it_leaves(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, part(text="queued"), number=9)

        def unit(tx):
            opened(tx, part(text="alarm"), part("jane", text="paused", queue_class=int(QueueClass.PAUSE)))
            tx.paused_at_ms = AT_MS
            return [claim.text for claim in tx.claim_due("log", 9, AT_MS)], tx.next_due_ms("log")

        assert await ledger.submit(unit) == (["paused"], None)
    assert (first_class(None), first_class(0)) == (0, int(QueueClass.PAUSE))


def test_with_another_node_each_is_claimed_once_though_cases_are_read_in_between(tmp_path):
    with open_twins(tmp_path) as (a, _):
        a.does(lambda tx: opened(tx, part(text="queued")))
        a.does(lambda tx: tx.forget())

        def unit(tx):
            opened(tx, part(text="new"), number=2)
            return [claim.text for claim in tx.claim_due("log", 9, AT_MS)]

        assert sorted(a.does(unit) + a.does(lambda tx: [c.text for c in tx.claim_due("log", 9, AT_MS)])) == [
            "new",
            "queued",
        ]


def test_rows_of_the_other_node_are_not_queued():
    made = [delivery_row(n, 1, part(queue_class=n), AT_MS, mine=int(n != 2)) for n in range(4)]
    assert list(queued(made, "log", 1)) == [(1, 1, AT_MS), (3, 3, AT_MS)]
