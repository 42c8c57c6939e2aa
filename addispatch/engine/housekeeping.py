"""What the ticks do: sweep, expiry, retention, the alive stamp, the watchdog. Wired to the ``Ticker`` by the app."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from addispatch.domain.case import Case, CloseReason, Closing, last_text
from addispatch.domain.events import CaseClosed
from addispatch.engine.outcome import expire
from addispatch.runtime import sdnotify
from addispatch.store.retention import prune

if TYPE_CHECKING:
    from addispatch.engine.dispatch import Dispatcher
    from addispatch.runtime.clock import Clock
    from addispatch.store.ledger import Ledger
    from addispatch.store.transaction import Transaction

#: Most rows one unit of housekeeping touches: intake must not wait for it.
CHUNK = 200


class Housekeeping:
    """The periodic duties of a node."""

    def __init__(self, ledger: Ledger, clock: Clock, dispatcher: Dispatcher, data_dir: Path) -> None:
        self._ledger, self._clock, self._dispatcher = ledger, clock, dispatcher
        self._alive = data_dir / "alive"
        self.retention_days = 90

    async def stamp(self) -> None:
        """Note that we live: after a crash its age tells what the broker may redeliver. Not synced, on purpose."""
        await asyncio.to_thread(_touch, self._alive)

    async def sweep(self) -> None:
        """Look at everything that should have been looked at: the safety net under the lanes' own timers."""
        self._dispatcher.poke_all()
        while await self._ledger.submit(self._expire) == CHUNK:
            pass
        while await self._ledger.submit(self._close) == CHUNK:
            pass

    async def retain(self) -> None:
        """Remove what is older than the retention time, a little at a time."""
        before_ms = self._clock.now_ms() - self.retention_days * 86_400_000
        cursor: int | None = 0
        while cursor is not None:
            start = cursor
            cursor = await self._ledger.submit(lambda transaction: prune(transaction, before_ms, start))  # noqa: B023
            await asyncio.sleep(0.01)

    async def watchdog(self) -> None:
        """Feed systemd's watchdog, once loop and ledger have both moved."""
        await self._ledger.submit(lambda _transaction: None)
        sdnotify.watchdog()

    def _expire(self, transaction: Transaction) -> int:
        now_ms = self._clock.now_ms()
        found = transaction.overdue(now_ms, CHUNK)
        for case_seq, key, recipient in found:
            expire(transaction, transaction.entry(case_seq), key, recipient, now_ms)
        return len(found)

    def _close(self, transaction: Transaction) -> int:
        now_ms = self._clock.now_ms()
        found = transaction.unattended(now_ms, CHUNK)
        for entry in found:
            delta = Case(id=entry.case.id, closings=frozenset((Closing(now_ms, CloseReason.EXPIRED),)))
            transaction.join(entry, delta, now_ms)
            head = entry.case.head
            if head is not None:
                closed = CaseClosed(head.audience, last_text(entry.case), "nobody acknowledged")
                transaction.event(now_ms, closed, entry)
        return len(found)


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except FileNotFoundError:
        path.touch(mode=0o600)


def alive_at_ms(data_dir: Path) -> int:
    """When the last process was seen alive, or 0."""
    try:
        return int((data_dir / "alive").stat().st_mtime * 1000)
    except OSError:
        return 0
