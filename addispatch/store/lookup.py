"""How acknowledging and escalation find cases, in the ledger's transaction. Used by ``pipeline`` and ``engine``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from addispatch.domain.alarm import QueueClass
from addispatch.domain.case import DeliveryKey, Fact
from addispatch.domain.delivery import Kind
from addispatch.store import schema

if TYPE_CHECKING:
    from addispatch.store.transaction import Entry, Transaction

#: Most cases one answer can be about: more than anybody has open, and a bound for what one message costs.
MOST_CASES = 200

_c, _d = schema.cases.c, schema.deliveries.c


class Told(NamedTuple):
    """A delivery of a case as its row has it."""

    key: DeliveryKey
    recipient: str
    sent_at_ms: int | None
    text: str
    rung: int
    kind: Kind


def mark(transaction: Transaction, name: str) -> bytes:
    """Return a mark, those of this transaction included; empty if there is none."""
    if name in transaction.marks:
        return transaction.marks[name]
    table = schema.marks
    found = transaction.connection.execute(sa.select(table.c.value).where(table.c.name == name)).scalar()
    return bytes(found) if found is not None else b""


def marks_named(transaction: Transaction, prefix: str) -> dict[str, bytes]:
    """Return the marks whose names begin so."""
    table = schema.marks
    query = sa.select(table.c.name, table.c.value).where(table.c.name >= prefix, table.c.name < prefix[:-1] + ";")
    return {name: bytes(value) for name, value in transaction.connection.execute(query)}


def by_id(transaction: Transaction, case_id: str) -> Entry | None:
    """Return a case by its id, or None."""
    seq = transaction.seq_of(case_id)
    return transaction.entry(seq) if seq is not None else None


def sent_with(
    transaction: Transaction, channel: str, address: str, reference: str, *, by: str, since_ms: int
) -> tuple[int, DeliveryKey, str] | None:
    """Return the case, key and recipient of what was last sent to an address under a reference.

    ``by`` names the modem or server that carried it; empty: any. Each modem counts its references from 0 to 255 and
    then uses them again: of several the one sent last is meant, whenever it was queued.
    """
    transaction.flush()
    query = sa.select(_d.case_seq, _d.cycle, _d.level, _d.recipient_id, _d.channel, _d.address, _d.recipient).where(
        _d.channel == channel,
        _d.address == address,
        _d.reference == reference,
        _d.reference.is_not(None),
        _d.sent_at_ms >= since_ms,
    )
    if by:
        query = query.where(_d.carrier == by)
    row = transaction.connection.execute(query.order_by(_d.sent_at_ms.desc(), _d.seq.desc()).limit(1)).first()
    return (row[0], DeliveryKey(*row[1:6]), row[6]) if row else None


def with_code(transaction: Transaction, code: str, since_ms: int) -> list[Entry]:
    """Return the cases of a code that are not closed, or closed after ``since_ms``; the newest first."""
    transaction.flush()
    query = (
        sa.select(_c.seq)
        .where(sa.or_(sa.and_(_c.code == code, _c.code.is_not(None)), _c.seq.in_(_aliased(code))))
        .where(sa.or_(_c.state != "closed", _c.closed_at_ms >= since_ms))
        .order_by(_c.seq.desc())
        .limit(MOST_CASES)
    )
    return [transaction.entry(seq) for seq in transaction.connection.execute(query).scalars().all()]


def code_is_taken(transaction: Transaction, code: str, since_ms: int) -> bool:
    """Whether an open case has the code, or one that closed after ``since_ms``."""
    transaction.flush()
    closed_before = sa.and_(_c.state == "closed", _c.closed_at_ms < since_ms)
    query = sa.select(_c.seq).where(_c.code == code, _c.code.is_not(None), sa.not_(closed_before)).limit(1)
    return transaction.connection.execute(query).first() is not None


def _aliased(code: str) -> sa.Select[tuple[int]]:
    return sa.select(schema.aliases.c.case_seq).where(schema.aliases.c.code == code)


def of_alarm(transaction: Transaction, entry: Entry) -> list[Entry]:
    """Return the cases of the same alarm, this one first: they share the code."""
    head = entry.case.head
    if entry.code is None or head is None:
        return [entry]
    siblings = with_code(transaction, entry.code, since_ms=head.opened_at_ms)
    return [
        entry,
        *(e for e in siblings if e.seq != entry.seq and e.case.head and e.case.head.alarm_id == head.alarm_id),
    ]


def asked_at(transaction: Transaction, addresses: set[str]) -> list[Entry]:
    """Return the cases nobody acknowledged yet that asked somebody at one of the addresses; the oldest first."""
    transaction.flush()
    query = (
        sa.select(_c.seq)
        .join(schema.deliveries, _d.case_seq == _c.seq)
        .where(_d.kind == int(Kind.ASK), _d.address.in_(addresses), _c.state == "open")
        .distinct()
        .order_by(_c.seq)
        .limit(MOST_CASES)
    )
    return [transaction.entry(seq) for seq in transaction.connection.execute(query).scalars().all()]


def due_cases(transaction: Transaction, now_ms: int, most: int) -> list[int]:
    """Return the row numbers of cases whose next step is due, the longest due first."""
    transaction.flush()
    query = (
        sa.select(_c.seq)
        .where(_c.mine == 1, _c.next_at_ms <= now_ms, _c.next_at_ms.is_not(None))
        .order_by(_c.next_at_ms, _c.seq)
        .limit(most)
    )
    return list(transaction.connection.execute(query).scalars().all())


def put_off(transaction: Transaction, seq: int, at_ms: int) -> None:
    """Set when a case's next step is due without reading the case: something is wrong with it."""
    transaction.flush()
    transaction.connection.execute(sa.update(schema.cases).where(_c.seq == seq).values(next_at_ms=at_ms))
    transaction.forget()


def next_case_ms(transaction: Transaction) -> int | None:
    """Return when the next step of any case is due."""
    transaction.flush()
    query = sa.select(_c.next_at_ms).where(_c.mine == 1, _c.next_at_ms.is_not(None)).order_by(_c.next_at_ms).limit(1)
    found = transaction.connection.execute(query).scalar()
    return int(found) if found is not None else None


def told(transaction: Transaction, entry: Entry) -> list[Told]:
    """Return the case's deliveries in the order in which they were made."""
    transaction.flush()
    query = (
        sa.select(
            _d.cycle, _d.level, _d.recipient_id, _d.channel, _d.address, _d.recipient, _d.sent_at_ms, _d.text, _d.rung,
            _d.kind,
        )
        .where(_d.case_seq == entry.seq)
        .order_by(_d.seq)
    )  # fmt: skip
    rows = transaction.connection.execute(query).all()
    return [Told(DeliveryKey(*row[:5]), row[5], row[6], row[7], row[8], Kind(row[9])) for row in rows]


def unsent(
    transaction: Transaction, before_seq: int, most: int, queue_class: QueueClass | None = None
) -> list[tuple[int, int, DeliveryKey]]:
    """Return row number, case and key of deliveries that are queued or held, the newest first, below a row number.

    Those of one class, if it is named.
    """
    transaction.flush()
    query = (
        sa.select(_d.seq, _d.case_seq, _d.cycle, _d.level, _d.recipient_id, _d.channel, _d.address)
        .join(schema.cases, _c.seq == _d.case_seq)
        .where(_d.fact == int(Fact.NONE), _d.phase == 0, _d.seq < before_seq)
        .order_by(_d.seq.desc())
        .limit(most)
    )
    if queue_class is not None:
        query = query.where(_d["class"] == int(queue_class))
    rows = transaction.connection.execute(query).all()
    return [(row[0], row[1], DeliveryKey(*row[2:])) for row in rows]


def waiting_count(transaction: Transaction) -> int:
    """Return how many deliveries wait for their turn."""
    transaction.flush()
    query = sa.select(sa.func.count()).where(
        _d.mine == 1, _d.due_at_ms.is_not(None), _d.phase == 0, _d["class"] != int(QueueClass.PAUSE)
    )
    return int(transaction.connection.execute(query).scalar_one())


def held(transaction: Transaction, entry: Entry) -> set[DeliveryKey]:
    """Return the case's deliveries that are in doubt and wait for an operator."""
    transaction.flush()
    query = sa.select(_d.cycle, _d.level, _d.recipient_id, _d.channel, _d.address).where(
        _d.case_seq == entry.seq, _d.fact == int(Fact.NONE), _d.phase == 1, _d.due_at_ms.is_(None)
    )
    return {DeliveryKey(*row) for row in transaction.connection.execute(query)}


def last_asked(transaction: Transaction, address: str) -> list[Entry]:
    """Return the latest case that asked somebody at an address, in a list; none if it never was."""
    transaction.flush()
    query = sa.select(sa.func.max(_d.case_seq)).where(_d.kind == int(Kind.ASK), _d.address == address)
    seq = transaction.connection.execute(query).scalar()
    return [transaction.entry(seq)] if seq is not None else []
