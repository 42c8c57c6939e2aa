"""All deadlines of the ledger at once: moved when the clock is set, thawed after an emergency pause (SPEC 4, 5.7).

A deadline is a time in the ledger; that a machine's clock was set, or that nothing may leave for a while, moves them
all, so that whoever asks "what is due?" needs to know nothing of it. Used by ``engine.timekeeper``, ``engine.pause``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import sqlalchemy as sa

from addispatch.store import lookup, schema

if TYPE_CHECKING:
    from addispatch.store.transaction import Transaction

#: Name of the ``meta`` entry that relates the deadlines to a clock: boot id and offset (see ``runtime.clock``).
CLOCK = "clock"
#: The mark of an emergency pause: its JSON has ``at_ms`` and ``by``; empty when there is none.
PAUSE = "pause"

_c, _d = schema.cases.c, schema.deliveries.c


def shift(transaction: Transaction, by_ms: int) -> None:
    """Move every deadline, and the begin of a pause: the clock they were written by is set forward by so much."""
    if transaction.paused_at_ms is not None:
        transaction.paused_at_ms += by_ms
        known = pause_of({PAUSE: lookup.mark(transaction, PAUSE)}) or {}
        transaction.marks[PAUSE] = orjson.dumps({**known, "at_ms": transaction.paused_at_ms})
    _move(transaction, by_ms)


def thaw(transaction: Transaction, now_ms: int) -> None:
    """End a pause: move every deadline by the time it was frozen."""
    assert transaction.paused_at_ms is not None
    _move(transaction, now_ms - transaction.paused_at_ms)
    transaction.paused_at_ms = None
    transaction.marks[PAUSE] = b""


def _move(transaction: Transaction, by_ms: int) -> None:
    transaction.flush()
    for column, where in (
        (_c.next_at_ms, _c.next_at_ms.is_not(None)),
        (_c.close_at_ms, sa.and_(_c.close_at_ms.is_not(None), _c.state != "closed")),
        (_d.due_at_ms, _d.due_at_ms.is_not(None)),
        (_d.expires_at_ms, sa.and_(_d.expires_at_ms.is_not(None), _d.fact == 0)),
    ):
        transaction.connection.execute(sa.update(column.table).where(where).values({column.name: column + by_ms}))
    transaction.forget()
    transaction.next_at_ms = 0  # whoever sleeps until a deadline looks again


def known_clock(transaction: Transaction) -> tuple[str, int] | None:
    """Return boot id and offset of the clock the deadlines were written by."""
    found = transaction.connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.name == CLOCK)).scalar()
    if found is None:
        return None
    boot_id, offset_ms = orjson.loads(found)
    return str(boot_id), int(offset_ms)


def note_clock(transaction: Transaction, boot_id: str, offset_ms: int) -> None:
    """Note the clock the deadlines are written by from now on."""
    meta = schema.meta
    transaction.connection.execute(sa.delete(meta).where(meta.c.name == CLOCK))
    value = orjson.dumps([boot_id, offset_ms]).decode()
    transaction.connection.execute(sa.insert(meta).values(name=CLOCK, value=value))


def newest_ms(transaction: Transaction) -> int:
    """The time of the latest event: it cannot be earlier now."""
    query = sa.select(schema.events.c.at_ms).order_by(schema.events.c.seq.desc()).limit(1)
    return int(transaction.connection.execute(query).scalar() or 0)


def pause_of(marks: dict[str, bytes]) -> dict[str, object] | None:
    """Return the emergency pause in force: ``at_ms`` and ``by``; None if there is none."""
    value = marks.get(PAUSE)
    return orjson.loads(value) if value else None
