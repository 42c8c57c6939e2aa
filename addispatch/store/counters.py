"""The numbers of the next rows of a ledger. Made by ``ledger``, used by ``transaction``."""

from __future__ import annotations

import sqlalchemy as sa

from addispatch.store import schema


class Counters:
    """Numbers of the next rows. One writer, so they live in memory and continue from the tables at start."""

    def __init__(self, connection: sa.Connection) -> None:
        def last(table: sa.Table) -> int:
            return int(connection.execute(sa.select(sa.func.max(table.c.seq))).scalar() or 0)

        self.case = last(schema.cases)
        self.delivery = last(schema.deliveries)
        self.event = last(schema.events)
        self.received = last(schema.received)
        #: Since when an emergency pause is in force; see ``engine.pause``.
        self.paused_at_ms: int | None = None
