"""The ledger: all alarms, cases, deliveries and events, durable. One writer thread commits in groups (law 8).

The loop submits units of work (functions of a ``Transaction``) and gets futures; everything waiting when the writer
is free goes into one transaction and one fsync. A future resolves only after the commit. Opened by the app.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import sqlalchemy as sa

from addispatch.domain.errors import AddispatchError, StoreError
from addispatch.store import schema
from addispatch.store.checkpoint import Checkpoints
from addispatch.store.connect import make_engine, open_checked
from addispatch.store.counters import Counters
from addispatch.store.deadlines import pause_of
from addispatch.store.notes import Twin
from addispatch.store.sql import Statements
from addispatch.store.transaction import Entry, Told, Transaction
from addispatch.store.trouble import Trouble, trouble_of

log = logging.getLogger(__name__)

T = TypeVar("T")


class Turn(IntEnum):
    """When a unit has its turn in a transaction.

    Outcomes go first: in a storm, what is sent must not queue behind what comes in. Claims go last: they take what the
    same transaction has queued. New alarms are units of their own kind because they alone are refused while the disk
    is short of room: whoever brings one keeps it, and what is left of the room is for those that were taken.
    """

    FIRST = 0
    INTAKE = 1
    USUAL = 2
    LAST = 3


#: So many failed writes in a row are put down to a lack of room that is known of; the next one is a broken disk.
MOST_SHORT_COUNT = 100

Unit = Callable[[Transaction], T]


class _Job(NamedTuple):
    """A unit that waits, and who waits for it."""

    unit: Unit[Any]
    future: asyncio.Future[Any]
    turn: Turn


#: Most units of one turn in one transaction: keeps a commit, and so the wait of the last one in it, short.
MAX_BATCH = 250
#: Most units of one turn waiting; beyond it new ones are refused, and sources keep what they have.
MAX_WAITING = 50_000


class Ledger:
    """An open ledger.

    Called in the loop after each commit: ``on_work`` with what it set going, if anything (``channels``, ``next_at_ms``,
    ``answered``); a little later ``on_commit`` with its duration in seconds, the number of its units and the sources of
    the alarms it took, and ``on_events`` with its events. Called in the writer's thread when a write failed:
    ``make_room`` for want of room, returns whether there is more now; ``on_broken`` because of the disk itself, with a
    sentence. The app ends the process there, for nobody knows what an fsync that failed has left on the disk.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.engine: sa.Engine = make_engine(url, folder)
        #: Where its files are.
        self.folder = Path(self.engine.url.database).parent if self.engine.url.database else folder
        self.notes: list[str] = []
        self.marks: dict[str, bytes] = {}
        self.on_events: Callable[[list[Told]], None] | None = None
        self.on_commit: Callable[[float, int, list[str]], None] | None = None
        self.on_work: Callable[[Transaction], None] | None = None
        #: The other ledger this one is mirrored in, and who is told of what changed, before those who wait; or None.
        self.twin: Twin | None = None
        self.on_changes: Callable[[Transaction], None] | None = None
        self.make_room: Callable[[], bool] | None = None
        self.on_broken: Callable[[str], None] | None = None
        self.problem = ""
        #: Why new alarms are refused, or empty. Set here when there was no room; set and cleared by ``engine.disk``.
        self.intake_problem = ""
        self._short_count = 0
        self._waiting: dict[Turn, deque[_Job]] = {turn: deque() for turn in Turn}
        self._checkpoints, self._checkpoint_problem = Checkpoints(self.engine), ""
        # Held while the writer has nothing to do. A bare lock: an event costs as much as the rows of a small commit.
        self._asleep = threading.Lock()
        self._asleep.acquire()
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
            self._wake()
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        self._checkpoints.close()
        self.engine.dispose()

    def submit(self, unit: Unit[T], turn: Turn = Turn.USUAL) -> asyncio.Future[T]:
        """Run ``unit`` in one of the next transactions; the future resolves after the commit.

        Fails with what the unit raised (its changes are undone, others' are not), or ``StoreError``.
        """
        assert self._loop is not None
        future: asyncio.Future[T] = self._loop.create_future()
        if problem := self._refusal(turn):
            future.set_exception(StoreError(problem))
            future.exception()  # callers that only wait for success need not see "never retrieved"
            return future
        self._waiting[turn].append(_Job(unit, cast("asyncio.Future[Any]", future), turn))
        self._wake()
        return future

    def _wake(self) -> None:
        """Let the writer look. In the loop alone: two callers might both find it asleep."""
        if self._asleep.locked():
            self._asleep.release()

    def _refusal(self, turn: Turn) -> str:
        if self._stopping:
            return "the ledger is closing"
        if len(self._waiting[turn]) >= MAX_WAITING:
            return "the ledger is too slow"
        return self.intake_problem if turn is Turn.INTAKE else ""

    async def read(self, query: Callable[[sa.Connection], T]) -> T:
        """Run a reading function in a thread of its own; it sees the last commit."""
        try:
            return await asyncio.to_thread(self._read, query)
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(f"the ledger cannot be read: {_cause(error)}") from error

    def _read(self, query: Callable[[sa.Connection], T]) -> T:
        with self.engine.connect() as connection:
            return query(connection)

    @property
    def is_paused(self) -> bool:
        """Whether an emergency pause is in force."""
        return pause_of(self.marks) is not None

    @property
    def waiting_count(self) -> int:
        """Units that may queue something to send and are not yet committed: alarms, answers and the like."""
        return len(self._waiting[Turn.INTAKE]) + len(self._waiting[Turn.USUAL])

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
                self._asleep.acquire()
                while batch := self._next_batch():
                    self._commit_batch(connection, batch)
                    if self._checkpoints.is_due():
                        self._checkpoint(connection)
                if self._stopping:
                    return

    def _next_batch(self) -> list[_Job]:
        batch: list[_Job] = []
        for turn, waiting in self._waiting.items():
            if turn is Turn.INTAKE and self.intake_problem:
                self._refuse_intake([waiting.popleft() for _ in range(len(waiting))])
            else:
                batch += [waiting.popleft() for _ in range(min(len(waiting), MAX_BATCH))]
        return batch

    def _refuse_intake(self, jobs: list[_Job]) -> None:
        if jobs:
            self._tell(self._fail, jobs, StoreError(self.intake_problem), still_well=True)

    def _commit_batch(self, connection: sa.Connection, batch: list[_Job]) -> None:
        began_s, changes_before = time.perf_counter(), _changes(connection)
        try:
            results, transaction = self._transact(connection, [job.unit for job in batch])
        except Exception as error:
            if self._is_disk_trouble(error):
                self._on_disk_trouble(connection, batch, error)
            elif len(batch) == 1:
                if not isinstance(error, AddispatchError):
                    log.exception("a unit of work failed")
                self._tell(self._fail, batch, error, still_well=True)
            else:
                # One unit's failure must not undo its neighbours'.
                for single in batch:
                    self._commit_batch(connection, [single])
        else:
            took_s, has_written = time.perf_counter() - began_s, _changes(connection) != changes_before
            self._short_count = 0 if has_written else self._short_count
            self._tell(self._succeed, batch, results, transaction, took_s, has_written=has_written)

    def _on_disk_trouble(self, connection: sa.Connection, batch: list[_Job], error: Exception) -> None:
        self._short_count += bool(self.intake_problem)
        is_short = 0 < self._short_count <= MOST_SHORT_COUNT
        trouble, reason = trouble_of(_cause(error), self.folder, is_short=is_short)
        problem = f"the ledger cannot be written: {reason}"
        if trouble is Trouble.BROKEN and self.on_broken is not None:
            self.on_broken(problem)
        has_more = False
        if trouble is Trouble.NO_ROOM and self.make_room is not None:
            has_more = self.make_room()
            self.intake_problem = (
                f"the disk of {self.folder} cannot be written ({reason}): new alarms are refused until it can"
            )
            self._refuse_intake([job for job in batch if job.turn is Turn.INTAKE])
        rest = [job for job in batch if not (self.intake_problem and job.turn is Turn.INTAKE)]
        if rest and (has_more or len(rest) < len(batch)):
            self._commit_batch(connection, rest)
        elif rest:
            self._tell(self._fail, rest, StoreError(problem))

    def _checkpoint(self, connection: sa.Connection) -> None:
        try:
            self._checkpoints.run(connection)
        except sqlite3.Error as error:  # what is committed is safe in the log
            self._on_disk_trouble(connection, [], error)
            if str(error) != self._checkpoint_problem:
                log.error("the ledger's write-ahead log cannot be moved into it: %s", error)  # noqa: TRY400 - one line
            self._checkpoint_problem = str(error)
        else:
            self._checkpoint_problem = ""

    def _is_disk_trouble(self, error: Exception) -> bool:
        """Whether the database itself failed, and not what one unit asked of it (a duplicate, a value of no type)."""
        dbapi, cause = self.engine.dialect.loaded_dbapi, _cause(error)
        return isinstance(cause, dbapi.Error) and not isinstance(
            cause, (dbapi.IntegrityError, dbapi.DataError, dbapi.ProgrammingError, dbapi.InterfaceError)
        )

    def _transact(self, connection: sa.Connection, units: list[Unit[Any]]) -> tuple[list[Any], Transaction]:
        try:
            with connection.begin():
                transaction = Transaction(connection, self._statements, self._counters, self._cache, self.twin)
                try:
                    results = [unit(transaction) for unit in units]
                    transaction.finish()
                finally:
                    transaction.release()
            self._counters.paused_at_ms = transaction.paused_at_ms
        except BaseException:
            self._cache.clear()  # entries in it may hold what was undone
            if self.twin is not None:
                self.twin.pairing.undo()
            raise
        if self.twin is not None:
            self.twin.pairing.keep()
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
        batch: list[_Job],
        results: list[Any],
        transaction: Transaction,
        took_s: float,
        *,
        has_written: bool,
    ) -> None:
        if has_written:  # one that only looked says nothing about the disk
            self.problem = ""
        self.marks.update(transaction.marks)
        has_news = transaction.changes or transaction.reports or (transaction.notes and transaction.notes.extras)
        if self.on_changes is not None and has_news:
            self.on_changes(transaction)
        # Claims first: what goes out waits neither for answers nor for what is told of it.
        for job, result in sorted(zip(batch, results, strict=True), key=_is_no_claim):
            if not job.future.done():
                job.future.set_result(result)
        has_work = (
            transaction.channels or transaction.answered or transaction.yielded or transaction.next_at_ms is not None
        )
        if has_work and self.on_work is not None:
            self.on_work(transaction)
        assert self._loop is not None
        # In the turn after the next one: by then a channel has what was claimed.
        self._loop.call_soon(self._loop.call_soon, self._report, transaction, took_s, len(batch))

    def _report(self, transaction: Transaction, took_s: float, units_count: int) -> None:
        if self.on_commit is not None:
            self.on_commit(took_s, units_count, transaction.accepted)
        if transaction.told and self.on_events is not None:
            self.on_events(transaction.told)

    def _fail(self, batch: list[_Job], error: Exception, *, still_well: bool = False) -> None:
        if not still_well:
            if not self.problem:
                log.error("%s", error)
            self.problem = str(error)
        for job in batch:
            if not job.future.done():
                job.future.set_exception(error)
                job.future.exception()  # callers that only wait for success need not see "never retrieved"


def _is_no_claim(one: tuple[_Job, Any]) -> bool:
    return one[0].turn is not Turn.LAST


def _cause(error: Exception) -> BaseException:
    return error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error


def _changes(connection: sa.Connection) -> object:
    """Rows changed so far on the connection; never the same twice where the driver does not count."""
    return getattr(connection.connection.driver_connection, "total_changes", object())
