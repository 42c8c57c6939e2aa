"""Retention: removes what is old and over, keeps what is open or young, a little at a time."""

from __future__ import annotations

from ledgers import new_delivery, now_ms, open_case, open_ledger

from addispatch.domain.case import DeliveryState, Fact
from addispatch.domain.events import Said
from addispatch.store import retention
from addispatch.store.retention import prune

OLD_MS, NEW_MS = 1_000_000, 9_000_000
SENT = DeliveryState(Fact.SENT)


async def fill(ledger, numbers, at_ms, **head):
    for number in numbers:
        part = new_delivery(state=SENT) if not head else new_delivery()
        await open_case(ledger, part, number=number, opened_at_ms=at_ms, **head)
    await ledger.submit(
        lambda tx: tx.connection.exec_driver_sql(
            f"UPDATE cases SET closed_at_ms={at_ms} WHERE closed_at_ms > {now_ms() - 60_000}"
        )
    )


async def prune_all(ledger):
    cursor, turns = 0, 0
    while cursor is not None:
        cursor = await ledger.submit(lambda tx, start=cursor: prune(tx, (OLD_MS + NEW_MS) // 2, start))
        turns += 1
        assert turns < 50
    return turns


async def counts(ledger):
    tables = ("cases", "deliveries", "events", "received", "alarms")
    return await ledger.read(lambda c: {t: c.exec_driver_sql(f"SELECT count(*) FROM {t}").scalar() for t in tables})


async def test_old_closed_cases_go_with_their_deliveries_young_ones_stay(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await fill(ledger, range(5), OLD_MS)
        await fill(ledger, range(5, 8), NEW_MS)
        await prune_all(ledger)
        left = await counts(ledger)
        assert (left["cases"], left["deliveries"]) == (3, 3)


async def test_an_open_case_stays_however_old(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await fill(ledger, range(3), OLD_MS, ack_required=True)
        await prune_all(ledger)
        assert (await counts(ledger))["cases"] == 3


async def test_many_go_in_small_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(retention, "CHUNK", 10)
    async with open_ledger(tmp_path) as ledger:
        await fill(ledger, range(35), OLD_MS)
        await fill(ledger, range(35, 37), NEW_MS)
        assert await prune_all(ledger) >= 4
        assert (await counts(ledger))["cases"] == 2


async def test_events_messages_and_alarm_ids_go_too(tmp_path):
    async with open_ledger(tmp_path) as ledger:

        def unit(tx):
            for number, at_ms in enumerate((OLD_MS, OLD_MS, NEW_MS)):
                tx.event(at_ms, Said(f"event {number}"))
                tx.remember_alarm(f"{number:032x}", at_ms, "[]")
                message = {"reference": str(number), "channel": "sms", "sender": "+65", "text": "ok", "carrier": ""}
                tx.add_received({**message, "received_at_ms": at_ms})

        await ledger.submit(unit)
        await prune_all(ledger)
        left = await counts(ledger)
        assert (left["events"], left["received"], left["alarms"]) == (1, 1, 1)
