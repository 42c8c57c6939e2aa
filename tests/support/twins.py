"""Two ledgers on disk that mirror each other by hand: what one changed is a record, and the test carries it over.

    with open_twins(tmp_path) as (a, b):
        a.does(lambda tx: tx.open_case(case, "A123", parts, a.now_ms()))
        b.takes(*a.out.pop(0))
        assert a.looks(case.id) == b.looks(case.id)

No thread, no loop: a unit of work is one transaction, done when ``does`` returns. The clocks go the same way but do not
show the same time, for two nodes never compare theirs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa

from addispatch.cluster import wire
from addispatch.cluster.messages import State
from addispatch.domain.case import Case
from addispatch.domain.digest import digest
from addispatch.pipeline.pairing import Pairing
from addispatch.store import lookup, mirror, schema
from addispatch.store.connect import open_checked
from addispatch.store.ledger import Ledger
from addispatch.store.mirror import Joined
from addispatch.store.notes import Doc, Twin, digest_of
from addispatch.store.sql import Statements
from addispatch.store.transaction import Entry, Transaction

T = TypeVar("T")
#: When both began, by the clock of the first.
BEGIN_MS = 1_700_000_000_000
#: The other one's clock is wrong by this.
SKEW_MS = -7_200_000

_TIMES = ("due_at_ms", "expires_at_ms", "sent_at_ms", "delivered_at_ms")
_SAME = (
    "recipient", "text", "subject", "class", "rung", "kind", "fact", "attempt", "phase", "repeat", "error", "carrier",
    "reference",
)  # fmt: skip


class Half:
    """One of the two."""

    def __init__(self, folder: Path, store: str, rank: int, skew_ms: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        self.store, self.rank, self._skew_ms, self.elapsed_ms = store, rank, skew_ms, 0
        self.ledger = Ledger("sqlite:///ledger.db", folder)
        open_checked(self.ledger.engine)
        self.ledger._statements = Statements(self.ledger.engine.dialect)
        self.ledger._load()
        self.ledger.twin = Twin(store, rank, self.now_ms, Pairing())
        self.connection = self.ledger.engine.connect()
        self.connection.connection.driver_connection.execute("PRAGMA synchronous=OFF")  # nobody cuts the power here
        #: Records that were not carried over yet, a list for each transaction.
        self.out: list[list[bytes]] = []
        self.last: Transaction

    def close(self) -> None:
        self.connection.close()
        self.ledger.engine.dispose()

    def now_ms(self) -> int:
        return BEGIN_MS + self._skew_ms + self.elapsed_ms

    def does(self, unit: Callable[[Transaction], T]) -> T:
        """Run a unit of work; what it changed is put into ``out``."""
        (result,), self.last = self.ledger._transact(self.connection, [unit])
        if records := [change.record for change in self.last.changes if change.record is not None]:
            self.out.append(records)
        return result

    def on(self, ident: str, unit: Callable[[Transaction, Entry], T]) -> T:
        """Run a unit of work on a case."""

        def work(tx: Transaction) -> T:
            entry = lookup.by_id(tx, ident)
            assert entry is not None
            return unit(tx, entry)

        return self.does(work)

    def takes(self, *records: bytes) -> list[Joined]:
        """Join records of the other one, as they come off the wire."""
        docs: list[Doc] = []
        for _, body in wire.encode(State(records)):
            docs += orjson.loads(body)["e"]
        return self.does(lambda tx: mirror.join_records(tx, docs, self.now_ms()))

    def whole(self, ident: str) -> bytes:
        """The record of all of a case."""
        return self.on(ident, lambda tx, entry: mirror.whole(tx, entry, self.now_ms()))

    def digest(self, ident: str) -> int:
        """As it is told to the other one: kept up to date with each change. It is that of what the rows say."""

        def work(tx: Transaction, entry: Entry) -> tuple[int, Case]:
            kept = digest_of(entry)
            tx.flush()
            tx._cache.pop(entry.seq, None)
            anew = tx.entry(entry.seq).case
            tx._cache.pop(entry.seq, None)
            tx._keep(entry)  # with what it knows of its digest
            assert anew == entry.case, "the rows say something else"
            return kept, anew

        kept, case = self.on(ident, work)
        assert kept == digest(case), "the digest is out of step with the rows"
        return kept

    def looks(self, ident: str) -> dict[str, Any]:
        """A case as its rows have it, its times as they are from now."""
        seq = self.on(ident, lambda _tx, entry: entry.seq)
        case = self._rows(schema.cases, schema.cases.c.seq == seq)[0]
        seen: dict[str, Any] = {"case": self.on(ident, lambda _tx, entry: entry.case), "digest": self.digest(ident)}
        seen |= {name: case[name] for name in ("code", "state", "reason")}
        seen["next"] = self._from_now(case["next_at_ms"])
        seen["aliases"] = sorted(row["code"] for row in self._rows(schema.aliases, schema.aliases.c.case_seq == seq))
        seen["deliveries"] = {
            tuple(row[name] for name in ("cycle", "level", "recipient_id", "channel", "address")): (
                {name: row[name] for name in _SAME} | {name: self._from_now(row[name]) for name in _TIMES}
            )
            for row in self._rows(schema.deliveries, schema.deliveries.c.case_seq == seq)
        }
        return seen

    def mine(self, ident: str) -> tuple[int, set[int]]:
        """Whether the case and its deliveries are this one's to send, by the rows."""
        seq = self.on(ident, lambda _tx, entry: entry.seq)
        (case,) = self._rows(schema.cases, schema.cases.c.seq == seq)
        return case["mine"], {row["mine"] for row in self._rows(schema.deliveries, schema.deliveries.c.case_seq == seq)}

    def _from_now(self, at_ms: int | None) -> int | None:
        return None if at_ms is None else at_ms - self.now_ms()

    def _rows(self, table: sa.Table, where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
        return self.ledger._read(lambda c: [dict(row._mapping) for row in c.execute(sa.select(table).where(where))])


def passes(ms: int, *halves: Half) -> None:
    """Let time go by."""
    for half in halves:
        half.elapsed_ms += ms


@contextlib.contextmanager
def open_twins(folder: Path) -> Iterator[tuple[Half, Half]]:
    a, b = Half(folder / "a", "s1", 0), Half(folder / "b", "s2", 1, SKEW_MS)
    try:
        yield a, b
    finally:
        a.close()
        b.close()
