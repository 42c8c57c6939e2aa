"""Messages people sent to us and delivery reports of the network: stored, then told. Called by the core's context."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from addispatch.domain.case import DeliveryState, Fact
from addispatch.domain.events import DeliveryReported, MessageReceived
from addispatch.engine import handover
from addispatch.engine.replies import Replies
from addispatch.pipeline.check import clean_text
from addispatch.store import lookup
from addispatch.store.rows import DeliveryChange

if TYPE_CHECKING:
    from addispatch.domain.message import DeliveryReport, Incoming
    from addispatch.pipeline.desk import Desk
    from addispatch.runtime.clock import Clock
    from addispatch.store.ledger import Ledger
    from addispatch.store.transaction import Transaction

#: A report matches what was sent within three days: networks try that long, and references count only to 255.
REPORT_WINDOW_MS = 3 * 86_400_000


def received(ledger: Ledger, clock: Clock, message: Incoming, desk: Callable[[], Desk]) -> asyncio.Future[None]:
    """Store a message and do what it says, in one transaction; the same reference counts once."""
    values = {
        "reference": message.reference,
        "channel": message.channel,
        "sender": message.sender,
        "text": clean_text(message.text),
        "received_at_ms": int(message.received_at.timestamp() * 1000),
        "carrier": message.by,
    }

    def unit(transaction: Transaction) -> None:
        if transaction.add_received(values):
            event = MessageReceived(message.channel, message.sender, str(values["text"]))
            transaction.event(clock.now_ms(), event)
            Replies(transaction, desk(), message, clock.now_ms()).take()

    return ledger.submit(unit)


def reported(ledger: Ledger, clock: Clock, report: DeliveryReport, desk: Callable[[], Desk]) -> asyncio.Future[None]:
    """Join a delivery report into the delivery it belongs to; one that belongs to none is dropped."""

    def unit(transaction: Transaction) -> None:
        now_ms = clock.now_ms()
        since_ms = now_ms - REPORT_WINDOW_MS
        found = lookup.sent_with(
            transaction, report.channel, report.address, report.reference, by=report.by, since_ms=since_ms
        )
        if found is None:
            return
        case_seq, key, recipient = found
        entry = transaction.entry(case_seq)
        fact = Fact.DELIVERED if report.delivered else Fact.UNDELIVERED
        change = DeliveryChange(
            state=DeliveryState(fact, entry.case.deliveries[key].attempt),
            error=None if report.delivered else report.reason or "not delivered",
            delivered_at_ms=int(report.at.timestamp() * 1000) if report.delivered else None,
        )
        if change.state <= entry.case.deliveries[key]:
            return
        transaction.change(entry, key, change, now_ms)
        event = DeliveryReported(report.channel, recipient, report.delivered, report.reason)
        transaction.event(now_ms, event, entry)
        if not report.delivered:
            handover.undelivered(transaction, desk(), entry, key, now_ms)

    return ledger.submit(unit)
