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
    """Move every deadline: the clock they were written by is set forward by so much."""
    _move(transaction, sa.literal(by_ms), sa.literal(by_ms), sa.literal(by_ms))
    if (since_ms := transaction.paused_at_ms) is not None:  # or the step would count as time spent in the pause
        transaction.paused_at_ms = since_ms + by_ms
        pause = orjson.loads(lookup.mark(transaction, PAUSE) or b"{}")
        transaction.marks[PAUSE] = orjson.dumps({**pause, "at_ms": since_ms + by_ms})


def thaw(transaction: Transaction, since_ms: int, now_ms: int) -> None:
    """Move every deadline by the time it was frozen: since the pause began, or since it was made within the pause.

    Steps of escalations count from the pause's begin even if they were set within it: ``waits_from_ms`` sees to that.
    """

    def frozen(made: sa.Column[int]) -> sa.ColumnElement[int]:
        # What seems to be made after now was made before the clock was set back.
        return now_ms - sa.case((made > now_ms, now_ms), (made > since_ms, made), else_=sa.literal(since_ms))

    _move(transaction, sa.literal(now_ms - since_ms), frozen(_c.opened_at_ms), frozen(_d.queued_at_ms))


def _move(
    transaction: Transaction,
    steps: sa.ColumnElement[int],
    cases: sa.ColumnElement[int],
    deliveries: sa.ColumnElement[int],
) -> None:
    transaction.flush()
    run = transaction.connection.execute
    for column, by, where in (
        (_c.next_at_ms, steps, _c.next_at_ms.is_not(None)),
        (_c.close_at_ms, cases, sa.and_(_c.close_at_ms.is_not(None), _c.state != "closed")),
        (_d.due_at_ms, deliveries, _d.due_at_ms.is_not(None)),
        (_d.expires_at_ms, deliveries, sa.and_(_d.expires_at_ms.is_not(None), _d.fact == 0)),
    ):
        run(sa.update(column.table).where(where).values({column.name: column + by}))
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
