"""Opens ledgers and makes cases in them, for tests of store, pipeline and engine."""

from __future__ import annotations

import contextlib
import time

from addispatch.domain.case import Case, DeliveryKey, DeliveryState, Head
from addispatch.domain.ids import case_id, ordered_id
from addispatch.store.ledger import Ledger
from addispatch.store.rows import NewDelivery


@contextlib.asynccontextmanager
async def open_ledger(folder, url="sqlite:///ledger.db"):
    ledger = Ledger(url, folder)
    await ledger.open()
    try:
        yield ledger
    finally:
        await ledger.close()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def new_delivery(recipient="adam", channel="log", **changes) -> NewDelivery:
    values = {
        "key": DeliveryKey(0, 0, recipient, channel, f"{recipient}@{channel}"),
        "recipient": recipient.title(),
        "text": "hot",
        "subject": "",
        "queue_class": 1,
        "rung": 0,
        "state": DeliveryState(),
        "due_at_ms": now_ms(),
        "expires_at_ms": None,
        "error": None,
    }
    return NewDelivery(**{**values, **changes})


def new_case(deliveries, number=1, **head) -> Case:
    values = {"audience_id": "ops", "audience": "Ops", "source": "mqtt", "text": "hot", "opened_at_ms": now_ms()}
    alarm = ordered_id(now_ms(), number)
    return Case(
        id=case_id(alarm, "ops"),
        head=Head(**{"alarm_id": alarm, **values, **head}),
        deliveries={d.key: d.state for d in deliveries},
    )


async def open_case(ledger, *deliveries, number=1, code=None, **head) -> Case:
    case = new_case(deliveries, number, **head)
    await ledger.submit(lambda tx: tx.open_case(case, code, deliveries, now_ms()))
    return case
