"""The few statements of the hot path, compiled once from the schema and run with plain tuples.

SQLAlchemy builds them (one definition of the tables, any database) but is not in the way of ten thousand rows a
second: they go to the driver's cursor on the connection's own transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from addispatch.store import schema

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPICursor

Row = tuple[Any, ...]

#: What a claim reads: see ``transaction.Claim``.
CLAIM_COLUMNS = (
    "d.seq, d.case_seq, c.id, d.cycle, d.level, d.recipient_id, d.channel, d.address, d.recipient, d.text, d.subject,"
    " d.class, d.rung, d.attempt, d.repeat, d.carrier, d.expires_at_ms, c.priority, c.code, d.queued_at_ms, d.kind"
)

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

    def run(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Run for many rows, each in the order of ``names``."""
        cursor.executemany(self.text, [self._values(row) for row in rows] if self._named else rows)

    def read(self, cursor: DBAPICursor, *values: Any) -> list[Row]:
        """Run once and return the rows."""
        cursor.execute(self.text, self._values(values) if self._named else values)
        return list(cursor.fetchall())

    def _values(self, row: Row) -> Any:
        return dict(zip(self.names, row, strict=True))


class Insert(Statement):
    """An insert of whole rows, perhaps with what to do about a row that is there already.

    Many rows go into one execution each: the driver gives the interpreter away and takes it back for each, which costs
    a third of an insert's time, and more when the loop waits to take it.
    """

    #: How many at once, the most first; what is left goes one by one.
    TOGETHER = (32, 8)

    def __init__(self, statement: sa.sql.expression.UpdateBase | sa.TextClause, dialect: sa.Dialect) -> None:
        super().__init__(statement, dialect)
        head, values, rest = self.text.partition("VALUES ")
        row, conflict, action = rest.partition(" ON CONFLICT")
        self._together: dict[int, str] = {}
        if values and not self._named:
            for count in self.TOGETHER:
                self._together[count] = f"{head}{values}{', '.join([row] * count)}{conflict}{action}"

    def run(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Run for many rows, each in the order of ``names``."""
        at = 0
        for count, text in self._together.items():
            while len(rows) - at >= count:
                cursor.execute(text, tuple(chain.from_iterable(rows[at : at + count])))
                at += count
        if at < len(rows):
            super().run(cursor, rows[at:])


class Change(Statement):
    """An update of rows by their number, which is the last parameter.

    Neighbours that get the same values, nearly all in a storm, share an execution, for the reason of ``Insert``.
    """

    TOGETHER = 16
    #: Fewer equal ones are not worth it.
    LEAST = 4

    def __init__(self, text: str, dialect: sa.Dialect) -> None:
        super().__init__(sa.text(f"{text} WHERE seq=:seq"), dialect)
        numbers = ", ".join("?" * self.TOGETHER)
        self._together = "" if self._named else f"{self.text.removesuffix('=?')} IN ({numbers})"

    def run(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Run for many rows, each in the order of ``names``; of two for one number the later one counts."""
        if not self._together or len(rows) < self.LEAST:
            super().run(cursor, rows)
            return
        for values, equal in groupby(rows, _but_last):
            numbers = [row[-1] for row in equal]
            if len(numbers) < self.LEAST:
                cursor.executemany(self.text, [(*values, number) for number in numbers])
                continue
            # Filled up with the last one: changing it twice to the same changes nothing.
            numbers += numbers[-1:] * (-len(numbers) % self.TOGETHER)
            for at in range(0, len(numbers), self.TOGETHER):
                cursor.execute(self._together, (*values, *numbers[at : at + self.TOGETHER]))


def _but_last(row: Row) -> Row:
    return row[:-1]


class Statements:
    """All hot statements for one engine."""

    def __init__(self, dialect: sa.Dialect) -> None:
        def put(text: str) -> Insert:
            return Insert(sa.text(text), dialect)

        self.insert_case = Insert(sa.insert(schema.cases), dialect)
        self.insert_delivery = Insert(sa.insert(schema.deliveries), dialect)
        self.insert_event = Insert(sa.insert(schema.events), dialect)
        self.insert_alarm = Insert(sa.insert(schema.alarms), dialect)
        self.put_intake = put(
            "INSERT INTO intake (slot, at_ms, path, fingerprint) VALUES (:slot, :at_ms, :path, :fingerprint)"
            " ON CONFLICT (slot) DO UPDATE SET at_ms=excluded.at_ms, path=excluded.path,"
            " fingerprint=excluded.fingerprint"
        )
        self.put_mark = put(
            "INSERT INTO marks (name, value) VALUES (:name, :value)"
            " ON CONFLICT (name) DO UPDATE SET value=excluded.value"
        )
        self._make_changes(dialect)
        self._make_reads(dialect)
        #: In which order they run. Inserts go first: later statements may change the rows they made.
        self.order: tuple[Statement, ...] = (
            self.insert_case, self.insert_delivery, self.claim, self.change_delivery, self.change_state,
            self.change_extra, self.change_next, self.change_close, self.change_text, self.insert_alarm,
            self.put_intake, self.put_alias, self.mark_sending, self.change_case_mine, self.change_deliveries_mine,
            self.change_unmirrored,
        )  # fmt: skip
        #: Without the new deliveries, which a claim takes in their rows.
        self.order_but_new = tuple(statement for statement in self.order if statement is not self.insert_delivery)

    def _make_changes(self, dialect: sa.Dialect) -> None:
        def make(text: str) -> Statement:
            return Statement(sa.text(text), dialect)

        def change(text: str) -> Change:
            return Change(text, dialect)

        self.change_delivery = change(
            "UPDATE deliveries SET fact=:fact, attempt=:attempt, phase=:phase, turn=0, due_at_ms=:due, error=:error,"
            " carrier=COALESCE(:carrier, carrier), reference=COALESCE(:reference, reference),"
            " sent_at_ms=COALESCE(:sent, sent_at_ms), delivered_at_ms=COALESCE(:delivered, delivered_at_ms),"
            # Once repeated, always a repeat: a report or the next try says nothing about it.
            " repeat=CASE WHEN repeat > 0 THEN repeat ELSE :repeat END"
        )
        self.claim = change("UPDATE deliveries SET phase=1")
        self.change_case_mine = change("UPDATE cases SET mine=:mine")
        self.change_deliveries_mine = make("UPDATE deliveries SET mine=:mine WHERE case_seq=:seq")
        self.change_unmirrored = change("UPDATE cases SET unmirrored=:unmirrored")
        self.put_alias = make("INSERT INTO aliases (code, case_seq) VALUES (:code, :seq) ON CONFLICT DO NOTHING")
        # It runs behind what became of the message in the same transaction, and does not undo that.
        self.mark_sending = make(
            "UPDATE deliveries SET attempt=:attempt, phase=1 WHERE seq=:seq AND fact=0 AND attempt<=:known"
        )
        self.change_state = change("UPDATE cases SET state=:state, reason=:reason, closed_at_ms=:closed")
        self.change_next = change("UPDATE cases SET next_at_ms=:next")
        self.change_close = change("UPDATE cases SET close_at_ms=:close")
        self.change_text = change("UPDATE deliveries SET text=:text, kind=:kind")
        self.change_extra = change("UPDATE cases SET extra=:extra, code=:code")

    def _make_reads(self, dialect: sa.Dialect) -> None:
        def make(text: str) -> Statement:
            return Statement(sa.text(text), dialect)

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
        # The first of a channel's next queue that is not empty.
        self.next_head = make(
            "SELECT class, turn, due_at_ms FROM deliveries WHERE mine=1 AND channel=:channel"
            " AND (class, turn) > (:class, :turn) AND due_at_ms IS NOT NULL AND phase=0"
            " ORDER BY class, turn, due_at_ms LIMIT 1"
        )
