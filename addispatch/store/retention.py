"""Removes old rows, a few hundred at a time. Called by the housekeeping, in the ledger's transaction.

Rows are numbered in the order of time, so the old ones are at the front of each table: no index is needed, and a
ledger of a million finished cases costs no more to prune than a small one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from addispatch.store import schema

if TYPE_CHECKING:
    from addispatch.store.transaction import Transaction

#: Rows looked at in each table by one call.
CHUNK = 500


def prune(transaction: Transaction, before_ms: int, cursor: int) -> int | None:
    """Remove closed cases with their deliveries, and events, messages and alarm ids, older than ``before_ms``.

    ``cursor`` is 0 first, then what the last call returned; None means done. Open cases stay, however old.
    """
    transaction.flush()
    connection = transaction.connection
    more = _prune_flat(connection, schema.events, schema.events.c.at_ms, before_ms)
    more = _prune_flat(connection, schema.received, schema.received.c.received_at_ms, before_ms) or more
    alarms = schema.alarms.c
    old = sa.select(alarms.id).where(alarms.at_ms < before_ms).limit(CHUNK)
    more = connection.execute(sa.delete(schema.alarms).where(alarms.id.in_(old))).rowcount == CHUNK or more
    next_case = _prune_cases(connection, before_ms, cursor)
    if next_case is not None:
        return next_case
    return cursor if more else None


def prune_marks(transaction: Transaction, now_ms: int) -> list[str]:
    """Remove marks that ended: ``clear:`` (time, end), ``answered:``, ``alert:``, ``heard:`` (begin); names them."""
    table = schema.marks
    old: list[str] = []
    for prefix, place, after_ms in (
        ("clear:", 1, 0),
        ("answered:", 0, 3_600_000),
        ("alert:", 0, 1_800_000),
        ("heard:", 0, 86_400_000),
    ):
        query = sa.select(table.c.name, table.c.value).where(table.c.name >= prefix, table.c.name < prefix[:-1] + ";")
        rows = transaction.connection.execute(query).all()
        old += [name for name, value in rows if int(bytes(value).split()[place]) + after_ms < now_ms]
    if old:
        transaction.connection.execute(sa.delete(table).where(table.c.name.in_(old[:CHUNK])))
    return old[:CHUNK]


def _prune_cases(connection: sa.Connection, before_ms: int, cursor: int) -> int | None:
    c = schema.cases.c
    query = sa.select(c.seq, c.opened_at_ms, c.closed_at_ms).where(c.seq > cursor).order_by(c.seq).limit(CHUNK)
    rows = connection.execute(query).all()
    ended = [seq for seq, _, closed_at_ms in rows if closed_at_ms is not None and closed_at_ms < before_ms]
    if ended:
        d = schema.deliveries
        connection.execute(sa.delete(d).where(d.c.case_seq.in_(ended)))
        connection.execute(sa.delete(schema.cases).where(c.seq.in_(ended)))
    if len(rows) < CHUNK or rows[-1].opened_at_ms >= before_ms:
        return None
    return int(rows[-1].seq)


def _prune_flat(connection: sa.Connection, table: sa.Table, at: sa.Column[int], before_ms: int) -> bool:
    rows = connection.execute(sa.select(table.c.seq, at).order_by(table.c.seq).limit(CHUNK)).all()
    old = [seq for seq, at_ms in rows if at_ms < before_ms]
    if old:
        # By time, too: while the clock was wrong, young rows may have got old neighbours.
        connection.execute(sa.delete(table).where(table.c.seq <= old[-1], at < before_ms))
    return len(old) == CHUNK
