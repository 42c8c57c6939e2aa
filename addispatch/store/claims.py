"""What a channel is given to send: a delivery's row as a claim, and the queues of rows not yet inserted.

Used by ``transaction``; ``engine.dispatch`` hands claims to the channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from addispatch.domain.alarm import BY_RANK, Priority, QueueClass
from addispatch.domain.case import DeliveryKey, DeliveryState, Fact, Phase
from addispatch.domain.delivery import Kind
from addispatch.store import schema

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPICursor

    from addispatch.store.sql import Statement
    from addispatch.store.transaction import Entry

Row = tuple[Any, ...]
#: Class, turn (0: tried before; 1: new) and first due time (ms) of one of a channel's queues.
QueueHead = tuple[int, int, int]

_CLASSES = tuple(QueueClass)
_KINDS = tuple(Kind)
_NAMES = [column.name for column in schema.deliveries.columns]
_CHANNEL, _CLASS, _PHASE, _DUE, _MINE = (
    _NAMES.index(name) for name in ("channel", "class", "phase", "due_at_ms", "mine")
)


def first_class(paused_at_ms: int | None) -> int:
    """Return the first class of which anything may leave: in an emergency pause that is the last one."""
    return int(QueueClass.EMERGENCY if paused_at_ms is None else QueueClass.PAUSE)


class Claim(NamedTuple):
    """A delivery claimed for sending, with what its channel needs."""

    seq: int
    case_seq: int
    case_id: str
    key: DeliveryKey
    recipient: str
    text: str
    subject: str
    queue_class: QueueClass
    rung: int
    state: DeliveryState
    repeat: bool
    carrier: str
    expires_at_ms: int | None
    priority: Priority
    code: str
    queued_at_ms: int
    kind: Kind


def read_claim(row: Sequence[Any], case_id: str) -> Claim:
    """Read a row in the order of ``sql.CLAIM_COLUMNS``."""
    (
        seq, case_seq, _, cycle, level, recipient_id, channel, address, recipient, text, subject, class_, rung, attempt,
        repeat, carrier, expires_at_ms, priority, code, queued, kind,
    ) = row  # fmt: skip
    return Claim(
        seq, case_seq, case_id, DeliveryKey(cycle, level, recipient_id, channel, address), recipient, text,
        subject, _CLASSES[class_], rung, DeliveryState(Fact.NONE, attempt, Phase.SENDING), bool(repeat), carrier or "",
        expires_at_ms, BY_RANK[priority], code or "", queued, _KINDS[kind],
    )  # fmt: skip


def claim_new(row: Row, entry: Entry) -> tuple[Claim, Row]:
    """Claim a delivery of ``entry`` before its row, in the order of ``schema.deliveries``, is inserted.

    Returns the claim, and the row as it is to be inserted.
    """
    (
        seq, case_seq, cycle, level, recipient_id, recipient, channel, address, text, subject, class_, _, rung, _,
        attempt, _, repeat, _, expires_at_ms, queued_at_ms, _, _, _, _, _, kind, _,
    ) = row  # fmt: skip
    case = entry.case
    assert case.head is not None
    claim = Claim(
        seq, case_seq, case.id, DeliveryKey(cycle, level, recipient_id, channel, address), recipient, text, subject,
        _CLASSES[class_], rung, DeliveryState(Fact.NONE, attempt, Phase.SENDING), bool(repeat), "", expires_at_ms,
        case.head.priority, entry.code or "", queued_at_ms, _KINDS[kind],
    )  # fmt: skip
    return claim, (*row[:_PHASE], int(Phase.SENDING), *row[_PHASE + 1 :])


def queued(rows: Sequence[Row], channel: str, first: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yield place, class and due time (ms) of the rows that wait for a channel, in the order they came.

    Classes before ``first`` are left out.
    """
    for at, row in enumerate(rows):
        if (
            row[_CHANNEL] == channel
            and row[_DUE] is not None
            and not row[_PHASE]
            and row[_MINE]
            and row[_CLASS] >= first
        ):
            yield at, row[_CLASS], row[_DUE]


def read_heads(next_head: Statement, cursor: DBAPICursor, channel: str, first: int) -> Iterator[QueueHead]:
    """Yield the heads of a channel's queues that are not empty, from class ``first`` on, in the order they leave."""
    last = (first - 1, 1)
    while rows := next_head.read(cursor, channel, *last):
        queue_class, turn, due_at_ms = rows[0]
        yield queue_class, turn, due_at_ms
        last = (queue_class, turn)
