"""What the ticks do: sweep, expiry, retention, the alive stamp, the watchdog. Wired to the ``Ticker`` by the app."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from addispatch.domain.case import CaseState, CloseReason
from addispatch.domain.errors import StoreError
from addispatch.domain.events import SEVERE, Said
from addispatch.engine.closing import end
from addispatch.engine.outcome import expire
from addispatch.pipeline.alert import alert
from addispatch.runtime import sdnotify
from addispatch.store import waiting
from addispatch.store.retention import prune, prune_marks

if TYPE_CHECKING:
    from addispatch.engine.dispatch import Dispatcher
    from addispatch.engine.escalator import Escalator
    from addispatch.pipeline.desk import Desk
    from addispatch.runtime.clock import Clock
    from addispatch.store.ledger import Ledger
    from addispatch.store.transaction import Transaction

#: Most rows one unit of housekeeping touches: intake must not wait for it.
CHUNK = 200
#: Most texts one alert about messages that are too old shows.
MOST_TEXTS = 5


class Housekeeping:
    """The periodic duties of a node."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        dispatcher: Dispatcher,
        escalator: Escalator,
        desk: Callable[[], Desk],
        data_dir: Path,
    ) -> None:
        self._escalator, self._desk = escalator, desk
        self._ledger, self._clock, self._dispatcher = ledger, clock, dispatcher
        self._alive = data_dir / "alive"
        self.retention_days = 90

    async def stamp(self) -> None:
        """Note that we live: after a crash its age tells what the broker may redeliver. Not synced, on purpose."""
        await asyncio.to_thread(_touch, self._alive)

    async def sweep(self) -> None:
        """Look at everything that should have been looked at: the safety net under the lanes' own timers."""
        self._dispatcher.poke_all()
        await self._escalator.look()
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
        now_ms = self._clock.now_ms()
        for name in await self._ledger.submit(lambda transaction: prune_marks(transaction, now_ms)):
            self._ledger.marks.pop(name, None)

    async def watchdog(self) -> None:
        """Feed systemd's watchdog, once loop and ledger have both moved; no restart makes room on a disk."""
        try:
            await self._ledger.submit(lambda _transaction: None)
        except StoreError:
            if not self._ledger.intake_problem:
                raise
        sdnotify.watchdog()

    def _expire(self, transaction: Transaction) -> int:
        if transaction.paused_at_ms is not None or self._escalator.is_held:  # time stands still
            return 0
        now_ms = self._clock.now_ms()
        found = waiting.overdue(transaction, now_ms, CHUNK)
        for case_seq, key, recipient in found:
            expire(transaction, transaction.entry(case_seq), key, recipient, now_ms, self._desk)
        return len(found)

    async def give_up_old(self, max_age_h: float) -> None:
        """In a cluster: what could not be sent for a day is not news any more (CLUSTER, PURGE); tell of it once."""
        before_ms = self._clock.now_ms() - int(max_age_h * 3_600_000)
        await self._ledger.submit(lambda transaction: self._expire_old(transaction, before_ms))

    def _expire_old(self, transaction: Transaction, before_ms: int) -> None:
        if transaction.paused_at_ms is not None or self._escalator.is_held:
            return
        now_ms, texts = self._clock.now_ms(), dict[str, None]()
        found = waiting.older(transaction, before_ms, CHUNK)
        for case_seq, key, recipient in found:
            entry = transaction.entry(case_seq)
            expire(transaction, entry, key, recipient, now_ms, self._desk)
            texts[entry.case.head.text if entry.case.head else ""] = None
        if found:
            shown = "; ".join(list(texts)[:MOST_TEXTS])
            more = f" and {len(texts) - MOST_TEXTS} more" if len(texts) > MOST_TEXTS else ""
            text = f"{len(found)} message(s) could not be sent for too long and are given up: {shown}{more}"
            transaction.event(now_ms, Said(text, SEVERE, "TooOld"))
            alert(transaction, self._desk(), text, now_ms)

    def _close(self, transaction: Transaction) -> int:
        if transaction.paused_at_ms is not None or self._escalator.is_held:
            return 0
        now_ms = self._clock.now_ms()
        found = waiting.unattended(transaction, now_ms, CHUNK)
        for entry in found:
            is_acknowledged = entry.state[0] is CaseState.ACKNOWLEDGED
            reason = CloseReason.ACKNOWLEDGED if is_acknowledged else CloseReason.EXPIRED
            why = "acknowledged, did not return to normal" if is_acknowledged else "nobody acknowledged"
            end(transaction, entry, reason, "its case was closed", why, now_ms)
        return len(found)


def _touch(path: Path) -> None:
    with contextlib.suppress(OSError):  # full or read-only: the disk's own tick tells of it
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
