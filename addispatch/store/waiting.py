"""What waits in the ledger, and for what: read in a transaction by ``engine`` and ``pipeline``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from addispatch.domain.case import DeliveryKey
from addispatch.domain.delivery import Kind
from addispatch.store import schema
from addispatch.store.held import HELD

if TYPE_CHECKING:
    from addispatch.store.transaction import Entry, Transaction

_KINDS = tuple(Kind)


class Interrupted(NamedTuple):
    """A delivery whose sending was begun and not settled by the last process."""

    case_seq: int
    key: DeliveryKey
    recipient: str
    rung: int
    repeat: bool
    error: str
    kind: Kind
    seq: int


def last_queued_ms(transaction: Transaction, entry: Entry) -> int:
    """When the case's latest message was queued; its opening if it has none."""
    transaction.flush()
    d = schema.deliveries.c
    found = transaction.connection.execute(
        sa.select(sa.func.max(d.queued_at_ms)).where(d.case_seq == entry.seq)
    ).scalar()
    return int(found) if found is not None else entry.case.head.opened_at_ms if entry.case.head else 0


def waiting_rungs(
    transaction: Transaction, case_seq: int, recipient_id: str, other_than: int
) -> list[tuple[DeliveryKey, int]]:
    """Return key and rung of a recipient's deliveries on other rungs of his ladder that are not under way."""
    transaction.flush()
    d = schema.deliveries.c
    query = (
        sa.select(d.cycle, d.level, d.recipient_id, d.channel, d.address, d.rung)
        .where(d.case_seq == case_seq, d.recipient_id == recipient_id, d.fact == 0, d.phase == 0)
        .where(d.rung != other_than, d.kind != int(Kind.NOTICE))
        .order_by(d.rung)
    )
    return [(DeliveryKey(*row[:5]), row[5]) for row in transaction.connection.execute(query)]


def interrupted(transaction: Transaction, case_seq: int | None = None) -> list[Interrupted]:
    """Return the deliveries of own cases, or of one case, that are being sent or held in doubt.

    At the start and at a take-over nobody can be sending them any more. What a restore holds is an operator's matter.
    """
    transaction.flush()
    d = schema.deliveries.c
    query = sa.select(
        d.case_seq,
        d.cycle,
        d.level,
        d.recipient_id,
        d.channel,
        d.address,
        d.recipient,
        d.rung,
        d.repeat,
        d.error,
        d.kind,
        d.seq,
    ).where(d.phase == 1, d.fact == 0, d.mine == 1 if case_seq is None else d.case_seq == case_seq)
    query = query.where(sa.or_(d.error.is_(None), d.error != HELD))
    # Two queries, because each has its index.
    rows = [
        *transaction.connection.execute(query.where(d.due_at_ms.is_not(None)).order_by(d.seq)),
        *transaction.connection.execute(query.where(d.due_at_ms.is_(None)).order_by(d.seq)),
    ]
    return [
        Interrupted(
            row[0], DeliveryKey(*row[1:6]), row[6], row[7], bool(row[8]), row[9] or "", _KINDS[row[10]], row[11]
        )
        for row in rows
    ]


def overdue(transaction: Transaction, now_ms: int, most: int) -> list[tuple[int, DeliveryKey, str]]:
    """Return case, key and recipient of waiting deliveries whose time to live is over."""
    transaction.flush()
    d = schema.deliveries.c
    query = (
        sa.select(d.case_seq, d.cycle, d.level, d.recipient_id, d.channel, d.address, d.recipient)
        .where(d.mine == 1, d.expires_at_ms <= now_ms, d.expires_at_ms.is_not(None), d.fact == 0, d.phase == 0)
        .limit(most)
    )
    return [(row[0], DeliveryKey(*row[1:6]), row[6]) for row in transaction.connection.execute(query)]


def older(transaction: Transaction, before_ms: int, most: int) -> list[tuple[int, DeliveryKey, str]]:
    """Return case, key and recipient of own queued deliveries of cases opened before a time."""
    transaction.flush()
    c, d = schema.cases.c, schema.deliveries.c
    query = (
        sa.select(d.case_seq, d.cycle, d.level, d.recipient_id, d.channel, d.address, d.recipient)
        .join(schema.cases, c.seq == d.case_seq)
        .where(d.mine == 1, d.due_at_ms.is_not(None), d.fact == 0, d.phase == 0, c.opened_at_ms < before_ms)
        .limit(most)
    )
    return [(row[0], DeliveryKey(*row[1:6]), row[6]) for row in transaction.connection.execute(query)]


def unattended(transaction: Transaction, now_ms: int, most: int) -> list[Entry]:
    """Return open cases nobody acknowledged in their time."""
    transaction.flush()
    c = schema.cases.c
    query = sa.select(c.seq).where(
        c.mine == 1, c.close_at_ms <= now_ms, c.close_at_ms.is_not(None), c.state != "closed"
    )
    return [transaction.entry(seq) for seq in transaction.connection.execute(query.limit(most)).scalars().all()]
