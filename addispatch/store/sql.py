"""The few statements of the hot path, compiled once from the schema and run with plain tuples.

SQLAlchemy builds them (one definition of the tables, any database) but is not in the way of ten thousand rows a
second: they go to the driver's cursor on the connection's own transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import sqlalchemy as sa

from addispatch.domain.alarm import QueueClass
from addispatch.store import schema

Row = tuple[Any, ...]

#: What a claim reads: see ``transaction.Claim``.
CLAIM_COLUMNS = (
    "d.seq, d.case_seq, c.id, d.cycle, d.level, d.recipient_id, d.channel, d.address, d.recipient, d.text, d.subject,"
    " d.class, d.rung, d.attempt, d.repeat, d.carrier, d.expires_at_ms, c.priority, c.code, d.queued_at_ms, d.kind"
)

#: The queues of a channel: by class, and in each what was tried before (turn 0) before what is new.
_QUEUES = ", ".join(f"({int(queue_class)}, {turn})" for queue_class in QueueClass for turn in (0, 1))

CASE_COLUMNS = tuple(column.name for column in schema.cases.columns)
#: What rebuilds a case's deliveries.
DELIVERY_COLUMNS = ("seq", "cycle", "level", "recipient_id", "channel", "address", "fact", "attempt", "phase")


#: What the other node of a cluster is told of a delivery: see ``store.mirror``.
WHOLE_COLUMNS = (
    "cycle, level, recipient_id, channel, address, recipient, text, subject, class, rung, kind, due_at_ms,"
    " expires_at_ms, queued_at_ms, error, carrier, reference, sent_at_ms, delivered_at_ms, repeat"
)


class Statement:
    """A statement text and the order of its parameters for one dialect."""

    def __init__(self, statement: sa.sql.expression.UpdateBase | sa.TextClause, dialect: sa.Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self.names: tuple[str, ...] = tuple(compiled.positiontup or compiled.params)
        self._named = not compiled.positional

    def run(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Run for many rows, each in the order of ``names``."""
        cursor = connection.connection.cursor()
        cursor.executemany(self.text, [self._values(row) for row in rows] if self._named else rows)
        cursor.close()

    def read(self, connection: sa.Connection, *values: Any) -> list[Row]:
        """Run once and return the rows."""
        cursor = connection.connection.cursor()
        cursor.execute(self.text, self._values(values) if self._named else values)
        rows: list[Row] = list(cursor.fetchall())
        cursor.close()
        return rows

    def _values(self, row: Row) -> Any:
        return dict(zip(self.names, row, strict=True))


class Insert(Statement):
    """An insert of whole rows.

    Many rows go into one execution each: the driver gives the interpreter away and takes it back for each, which costs
    a third of an insert's time, and more when the loop waits to take it.
    """

    TOGETHER = 32

    def __init__(self, table: sa.Table, dialect: sa.Dialect) -> None:
        super().__init__(sa.insert(table), dialect)
        _, values, row = self.text.rpartition("VALUES ")
        self._together = self.text + f", {row}" * (self.TOGETHER - 1) if values and not self._named else ""

    def run(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Run for many rows, each in the order of ``names``."""
        whole_count = len(rows) - len(rows) % self.TOGETHER if self._together else 0
        if whole_count:
            cursor = connection.connection.cursor()
            for at in range(0, whole_count, self.TOGETHER):
                cursor.execute(self._together, tuple(chain.from_iterable(rows[at : at + self.TOGETHER])))
            cursor.close()
            rows = rows[whole_count:]
        if rows:
            super().run(connection, rows)


class Statements:
    """All hot statements for one engine."""

    def __init__(self, dialect: sa.Dialect) -> None:
        def make(text: str) -> Statement:
            return Statement(sa.text(text), dialect)

        self.insert_case = Insert(schema.cases, dialect)
        self.insert_delivery = Insert(schema.deliveries, dialect)
        self.insert_event = Insert(schema.events, dialect)
        self.insert_alarm = Statement(sa.insert(schema.alarms), dialect)
        self.put_intake = make(
            "INSERT INTO intake (slot, at_ms, path, fingerprint) VALUES (:slot, :at_ms, :path, :fingerprint)"
            " ON CONFLICT (slot) DO UPDATE SET at_ms=excluded.at_ms, path=excluded.path,"
            " fingerprint=excluded.fingerprint"
        )
        self.put_mark = make(
            "INSERT INTO marks (name, value) VALUES (:name, :value)"
            " ON CONFLICT (name) DO UPDATE SET value=excluded.value"
        )
        self.change_delivery = make(
            "UPDATE deliveries SET fact=:fact, attempt=:attempt, phase=:phase, turn=0, due_at_ms=:due, error=:error,"
            " carrier=COALESCE(:carrier, carrier), reference=COALESCE(:reference, reference),"
            " sent_at_ms=COALESCE(:sent, sent_at_ms), delivered_at_ms=COALESCE(:delivered, delivered_at_ms),"
            # Once repeated, always a repeat: a report or the next try says nothing about it.
            " repeat=CASE WHEN repeat > 0 THEN repeat ELSE :repeat END WHERE seq=:seq"
        )
        self.claim = make("UPDATE deliveries SET phase=1 WHERE seq=:seq")
        self.change_case_mine = make("UPDATE cases SET mine=:mine WHERE seq=:seq")
        self.change_deliveries_mine = make("UPDATE deliveries SET mine=:mine WHERE case_seq=:seq")
        self.change_unmirrored = make("UPDATE cases SET unmirrored=:unmirrored WHERE seq=:seq")
        self.put_alias = make("INSERT INTO aliases (code, case_seq) VALUES (:code, :seq) ON CONFLICT DO NOTHING")
        # It runs behind what became of the message in the same transaction, and does not undo that.
        self.mark_sending = make(
            "UPDATE deliveries SET attempt=:attempt, phase=1 WHERE seq=:seq AND fact=0 AND attempt<=:known"
        )
        self.change_state = make("UPDATE cases SET state=:state, reason=:reason, closed_at_ms=:closed WHERE seq=:seq")
        self.change_next = make("UPDATE cases SET next_at_ms=:next WHERE seq=:seq")
        self.change_close = make("UPDATE cases SET close_at_ms=:close WHERE seq=:seq")
        self.change_text = make("UPDATE deliveries SET text=:text, kind=:kind WHERE seq=:seq")
        self.change_extra = make("UPDATE cases SET extra=:extra, code=:code WHERE seq=:seq")
        self.due = make(
            f"SELECT {CLAIM_COLUMNS} FROM deliveries d JOIN cases c ON c.seq = d.case_seq"  # noqa: S608 - constants
            " WHERE d.mine=1 AND d.channel=:channel AND d.class=:class AND d.turn=:turn AND d.due_at_ms<=:now"
            " AND d.phase=0"
            " ORDER BY d.due_at_ms, d.seq LIMIT :most"
        )
        self.case = make(f"SELECT {', '.join(CASE_COLUMNS)} FROM cases WHERE seq=:seq")  # noqa: S608 - constants
        self.case_seq = make("SELECT seq FROM cases WHERE id=:id")
        self.alarm = make("SELECT cases FROM alarms WHERE id=:id")
        self.whole = make(f"SELECT {WHOLE_COLUMNS} FROM deliveries WHERE case_seq=:seq ORDER BY seq")  # noqa: S608
        self.deliveries = make(f"SELECT {', '.join(DELIVERY_COLUMNS)} FROM deliveries WHERE case_seq=:seq")  # noqa: S608
        # The first of each queue of a channel: one statement, because most queues are empty and each statement costs.
        self.heads = make(
            f"WITH q(class, turn) AS (VALUES {_QUEUES}), c(channel) AS (SELECT CAST(:channel AS TEXT))"  # noqa: S608
            " SELECT q.class, q.turn, (SELECT d.due_at_ms FROM deliveries d WHERE d.mine=1 AND d.channel=c.channel"
            " AND d.class=q.class AND d.turn=q.turn AND d.due_at_ms IS NOT NULL AND d.phase=0"
            " ORDER BY d.due_at_ms LIMIT 1) FROM q, c"
        )
