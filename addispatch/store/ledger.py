"""The ledger: all alarms, cases, deliveries and events, durable. One writer thread commits in groups (law 8).

The loop submits units of work (functions of a ``Transaction``) and gets futures; everything waiting when the writer
is free goes into one transaction and one fsync. A future resolves only after the commit. Opened by the app.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from addispatch.domain.errors import AddispatchError, StoreError
from addispatch.store import schema
from addispatch.store.connect import make_engine, open_checked
from addispatch.store.deadlines import pause_of
from addispatch.store.sql import Statements
from addispatch.store.transaction import Counters, Entry, Told, Transaction

log = logging.getLogger(__name__)

T = TypeVar("T")


class Turn(IntEnum):
    """When a unit has its turn in a transaction.

    Outcomes go first: in a storm, what is sent must not queue behind what comes in. Claims go last: they take what the
    same transaction has queued.
    """

    FIRST = 0
    USUAL = 1
    LAST = 2


Unit = Callable[[Transaction], T]

#: Most usual units in one transaction: keeps a commit, and so the wait of the last one in it, short.
MAX_BATCH = 250
#: Most units waiting; beyond it new ones are refused, and sources keep what they have.
MAX_WAITING = 50_000


class Ledger:
    """An open ledger.

    Called in the loop after each commit: ``on_events`` with its events, ``on_commit`` with its duration in seconds, the
    number of its units and the sources of the alarms it took, and ``on_work`` with what it set going, if anything
    (``channels``, ``next_at_ms``, ``answered``).
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.engine: sa.Engine = make_engine(url, folder)
        self.notes: list[str] = []
        self.marks: dict[str, bytes] = {}
        self.on_events: Callable[[list[Told]], None] | None = None
        self.on_commit: Callable[[float, int, list[str]], None] | None = None
        self.on_work: Callable[[Transaction], None] | None = None
        self.problem = ""
        self._waiting: dict[Turn, deque[tuple[Unit[Any], asyncio.Future[Any]]]] = {turn: deque() for turn in Turn}
        self._wake = threading.Event()
        self._stopping = False
        self._cache: dict[int, Entry] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        """Check, migrate and start the writer; a corrupt file is set aside and told of in ``notes``."""
        self._loop = asyncio.get_running_loop()
        self.notes = await asyncio.to_thread(open_checked, self.engine)
        self._statements = Statements(self.engine.dialect)
        await asyncio.to_thread(self._load)
        self._thread = threading.Thread(target=self._write, name="ledger", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Commit what waits and close."""
        if self._thread is not None:
            self._stopping = True
            self._wake.set()
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        self.engine.dispose()

    def submit(self, unit: Unit[T], turn: Turn = Turn.USUAL) -> asyncio.Future[T]:
        """Run ``unit`` in one of the next transactions; the future resolves after the commit.

        Fails with what the unit raised (its changes are undone, others' are not), or ``StoreError``.
        """
        assert self._loop is not None
        future: asyncio.Future[T] = self._loop.create_future()
        waiting = self._waiting[turn]
        if self._stopping or len(waiting) >= MAX_WAITING:
            future.set_exception(StoreError("the ledger is closing" if self._stopping else "the ledger is too slow"))
            future.exception()  # callers that only wait for success need not see "never retrieved"
            return future
        waiting.append((unit, cast("asyncio.Future[Any]", future)))
        if not self._wake.is_set():  # setting it takes a lock
            self._wake.set()
        return future

    async def read(self, query: Callable[[sa.Connection], T]) -> T:
        """Run a reading function in a thread of its own; it sees the last commit."""
        try:
            return await asyncio.to_thread(self._read, query)
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(f"the ledger cannot be read: {_reason(error)}") from error

    def _read(self, query: Callable[[sa.Connection], T]) -> T:
        with self.engine.connect() as connection:
            return query(connection)

    @property
    def waiting_count(self) -> int:
        """Usual units (alarms and the like) not yet committed."""
        return len(self._waiting[Turn.USUAL])

    # -- the writer thread ---------------------------------------------------------------------------------------

    def _load(self) -> None:
        with self.engine.connect() as connection:
            self._counters = Counters(connection)
            self.marks = {name: bytes(value) for name, value in connection.execute(sa.select(schema.marks))}
        if pause := pause_of(self.marks):
            self._counters.paused_at_ms = int(str(pause["at_ms"]))

    def _write(self) -> None:
        with self.engine.connect() as connection:
            while True:
                self._wake.wait()
                self._wake.clear()
                while batch := self._next_batch():
                    self._commit_batch(connection, batch)
                if self._stopping:
                    return

    def _next_batch(self) -> list[tuple[Unit[Any], asyncio.Future[Any]]]:
        batch = []
        for waiting in self._waiting.values():
            batch += [waiting.popleft() for _ in range(min(len(waiting), MAX_BATCH))]
        return batch

    def _commit_batch(self, connection: sa.Connection, batch: list[tuple[Unit[Any], asyncio.Future[Any]]]) -> None:
        began_s = time.perf_counter()
        try:
            results, transaction = self._transact(connection, [unit for unit, _ in batch])
        except Exception as error:
            if self._is_disk_trouble(error):
                self._tell(self._fail, batch, StoreError(f"the ledger cannot be written: {_reason(error)}"))
            elif len(batch) == 1:
                if not isinstance(error, AddispatchError):
                    log.exception("a unit of work failed")
                self._tell(self._fail, batch, error, still_well=True)
            else:
                # One unit's failure must not undo its neighbours'.
                for single in batch:
                    self._commit_batch(connection, [single])
        else:
            self._tell(self._succeed, batch, results, transaction, time.perf_counter() - began_s)

    def _is_disk_trouble(self, error: Exception) -> bool:
        """Whether the database itself failed, and not what one unit asked of it (a duplicate, a value of no type)."""
        dbapi = self.engine.dialect.loaded_dbapi
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        return isinstance(cause, dbapi.Error) and not isinstance(
            cause, (dbapi.IntegrityError, dbapi.DataError, dbapi.ProgrammingError, dbapi.InterfaceError)
        )

    def _transact(self, connection: sa.Connection, units: list[Unit[Any]]) -> tuple[list[Any], Transaction]:
        try:
            with connection.begin():
                transaction = Transaction(connection, self._statements, self._counters, self._cache)
                results = [unit(transaction) for unit in units]
                transaction.finish()
            self._counters.paused_at_ms = transaction.paused_at_ms
        except BaseException:
            self._cache.clear()  # entries in it may hold what was undone
            raise
        return results, transaction

    def _tell(self, answer: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(lambda: answer(*args, **kwargs))
        except RuntimeError:
            log.warning("the loop ended before the ledger")

    # -- back in the loop ----------------------------------------------------------------------------------------

    def _succeed(
        self,
        batch: list[tuple[Unit[Any], asyncio.Future[Any]]],
        results: list[Any],
        transaction: Transaction,
        took_s: float,
    ) -> None:
        self.problem = ""
        self.marks.update(transaction.marks)
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
        if self.on_commit is not None:
            self.on_commit(took_s, len(batch), transaction.accepted)
        has_work = transaction.channels or transaction.answered or transaction.next_at_ms is not None
        if has_work and self.on_work is not None:
            self.on_work(transaction)
        if transaction.told and self.on_events is not None:
            self.on_events(transaction.told)

    def _fail(
        self, batch: list[tuple[Unit[Any], asyncio.Future[Any]]], error: Exception, *, still_well: bool = False
    ) -> None:
        if not still_well:
            if not self.problem:
                log.error("%s", error)
            self.problem = str(error)
        for _, future in batch:
            if not future.done():
                future.set_exception(error)
                future.exception()  # callers that only wait for success need not see "never retrieved"


def _reason(error: Exception) -> str:
    return str(error.orig) if isinstance(error, sa.exc.DBAPIError) and error.orig else str(error)
