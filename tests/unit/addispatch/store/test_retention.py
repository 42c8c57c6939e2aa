"""Old rows go, a little at a time; open cases and young rows stay, whatever the clock did."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from ledgers import new_case, new_delivery, open_ledger

from addispatch.domain.case import DeliveryState, Fact
from addispatch.domain.events import Said
from addispatch.store import retention, schema
from addispatch.store.retention import prune

DAY = 86_400_000
NOW = 1_767_268_800_000
BEFORE = NOW - 90 * DAY
OLD, YOUNG = BEFORE - DAY, NOW


@pytest.fixture
async def ledger(tmp_path, monkeypatch):
    monkeypatch.setattr(retention, "CHUNK", 4)
    async with open_ledger(tmp_path) as ledger:
        yield ledger


async def add(ledger, at_ms, number, *, is_open=False):
    state = DeliveryState() if is_open else DeliveryState(Fact.SENT)
    part = new_delivery(state=state, due_at_ms=None)
    case = new_case([part], number, opened_at_ms=at_ms, text=f"c{number}")
    await ledger.submit(lambda tx: tx.open_case(case, None, [part], at_ms))


async def prune_all(ledger, before_ms=BEFORE):
    calls, cursor = 0, 0
    while cursor is not None:
        cursor = await ledger.submit(lambda tx, start=cursor: prune(tx, before_ms, start))
        calls += 1
        assert calls < 100
    return calls


async def column(ledger, column):
    return list(await ledger.read(lambda c: c.execute(sa.select(column).order_by(column)).scalars().all()))


async def test_closed_cases_go_with_their_deliveries_a_few_at_a_time(ledger):
    for number in range(1, 11):
        await add(ledger, OLD, number)
    for number in range(11, 14):
        await add(ledger, YOUNG, number)
    assert await prune_all(ledger) >= 3
    assert await column(ledger, schema.cases.c.seq) == [11, 12, 13]
    assert await column(ledger, schema.deliveries.c.case_seq) == [11, 12, 13]


async def test_open_cases_stay_however_old(ledger):
    for number in range(1, 10):
        await add(ledger, OLD, number, is_open=number in (2, 9))
    await prune_all(ledger)
    assert await column(ledger, schema.cases.c.seq) == [2, 9]
    assert len(await column(ledger, schema.deliveries.c.seq)) == 2


async def test_a_case_is_as_old_as_its_closing(ledger):
    await add(ledger, OLD, 1, is_open=True)
    await ledger.submit(
        lambda tx: tx.connection.execute(sa.update(schema.cases).values(closed_at_ms=YOUNG, state="closed"))
    )
    await prune_all(ledger)
    assert await column(ledger, schema.cases.c.seq) == [1]


async def test_events_messages_and_alarm_ids(ledger):
    def fill(tx):
        for number in range(22):
            at_ms = OLD if number < 15 else YOUNG
            tx.event(at_ms, Said(f"e{number:02}"))
            tx.remember_alarm(f"{number:032x}", at_ms, "[]")
            tx.add_received(
                {
                    "reference": f"r{number:02}", "channel": "sms", "sender": "x", "text": "t", "received_at_ms": at_ms,
                    "carrier": "",
                }
            )  # fmt: skip

    await ledger.submit(fill)
    await prune_all(ledger)
    assert await column(ledger, schema.events.c.text) == [f"e{n:02}" for n in range(15, 22)]
    assert await column(ledger, schema.received.c.reference) == [f"r{n:02}" for n in range(15, 22)]
    assert len(await column(ledger, schema.alarms.c.id)) == 7


async def test_young_rows_before_an_old_one_stay(ledger):
    """A machine without a battery starts in 1970 until somebody tells it the time."""

    def fill(tx):
        for text, at_ms in (("a", YOUNG), ("b", YOUNG), ("stepped", 1000), ("c", YOUNG)):
            tx.event(at_ms, Said(text))

    await ledger.submit(fill)
    await prune_all(ledger)
    assert await column(ledger, schema.events.c.text) == ["a", "b", "c"]


async def test_an_empty_ledger_is_done_at_once(ledger):
    assert await prune_all(ledger) == 1
