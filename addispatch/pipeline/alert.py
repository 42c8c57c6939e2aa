"""System alerts: what is wrong with addispatch itself, or that nobody answers, told to the system-alert recipients.

A system alert is a plain case: it has no policy, so it never escalates itself. Used by ``open`` and the engine's units.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from addispatch.domain.alarm import Priority, QueueClass
from addispatch.domain.case import PAUSE_CYCLE, Case, DeliveryKey, Head
from addispatch.domain.ids import case_id, ordered_id
from addispatch.domain.text import fit_sms
from addispatch.pipeline.reach import Way, ways
from addispatch.pipeline.route import Target
from addispatch.store import lookup
from addispatch.store.rows import NewDelivery

if TYPE_CHECKING:
    from addispatch.domain.addressbook import Audience
    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Transaction

#: What the cases of system alerts name as their source.
SOURCE = "addispatch"
#: The same condition is told once in so long (SPEC 7); marks remember when.
AGAIN_MS, MARK = 30 * 60_000, "alert:"


def alert(
    transaction: Transaction,
    desk: Desk,
    text: str,
    now_ms: int,
    *,
    subject: str = "",
    condition: str = "",
    avoid: frozenset[str] = frozenset(),
) -> int:
    """Tell the system-alert recipients, of the same condition once in a while; returns how many messages are queued."""
    if condition:
        known = lookup.mark(transaction, f"{MARK}{condition}")
        if known and 0 <= now_ms - int(known) < AGAIN_MS:
            return 0
        transaction.marks[f"{MARK}{condition}"] = str(now_ms).encode()
    return tell(transaction, desk, alerted(desk), text, now_ms, subject=subject, avoid=avoid)


def alerted(desk: Desk) -> list[Audience]:
    """Who is told of trouble with addispatch itself."""
    found = (desk.directory.audience(ident) for ident in desk.directory.settings.system_alert_to)
    return [audience for audience in found if audience]


def tell(
    transaction: Transaction,
    desk: Desk,
    audiences: list[Audience],
    text: str,
    now_ms: int,
    *,
    subject: str = "",
    urgency: QueueClass = QueueClass.ALARM,
    channels: tuple[str, ...] = (),
    avoid: frozenset[str] = frozenset(),
) -> int:
    """Send a text to audiences, each address once, in a case of their own that ends when it is sent.

    ``channels`` narrows the ways; an audience without any of them is left out. Channels to ``avoid`` are used for those
    only who have no other.
    """
    ident = ordered_id(now_ms, random.getrandbits(74))
    told: set[tuple[str, str]] = set()
    count = 0
    for audience in audiences:
        rows = []
        found = ways(Target(audience, channels=channels), desk.provided, refuses=desk.refuses)
        spared = {way.recipient.id for way in found if way.channel not in avoid and not way.problem}
        for way in found:
            if way.channel in avoid and way.recipient.id in spared:
                continue
            if (way.channel, way.address) not in told:
                told.add((way.channel, way.address))
                rows.append(_row(way, text, subject, urgency, desk.max_segments, now_ms))
        if not rows:
            continue
        head = Head(
            alarm_id=ident,
            audience_id=audience.id,
            audience=audience.name,
            source=SOURCE,
            text=text,
            opened_at_ms=now_ms,
            priority=Priority.HIGH,
        )
        case = Case(id=case_id(ident, audience.id), head=head, deliveries={row.key: row.state for row in rows})
        transaction.open_case(case, None, rows, now_ms)
        transaction.channels.update(row.key.channel for row in rows)
        count += sum(1 for row in rows if row.due_at_ms is not None)
    return count


def _row(way: Way, text: str, subject: str, urgency: QueueClass, most_segments: int, now_ms: int) -> NewDelivery:
    who, is_sms = way.recipient, way.channel == "sms"
    cycle = PAUSE_CYCLE if urgency is QueueClass.PAUSE else 0
    return NewDelivery(
        key=DeliveryKey(cycle, 0, who.id, way.channel, way.address),
        recipient=who.name,
        text=fit_sms(text, most_segments) if is_sms else text,
        subject="" if is_sms else subject or " ".join(text.split())[:78],
        queue_class=int(urgency),
        due_at_ms=now_ms,
    ).unless(way.problem)
