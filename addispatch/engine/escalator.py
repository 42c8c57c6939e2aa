"""Fires what is due: sleeps until the next step of any case, or until a commit set an earlier one (law 2).

All state is in the ledger; this only asks it "what is due?". Made by ``engine.node``; the sweep looks, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from addispatch.domain.errors import StoreError
from addispatch.domain.events import SEVERE, Event, Said
from addispatch.engine.escalate import fire
from addispatch.store import lookup

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.pipeline.desk import Desk
    from addispatch.runtime.clock import Clock
    from addispatch.store.ledger import Ledger
    from addispatch.store.transaction import Transaction

log = logging.getLogger(__name__)

#: Most cases looked at in one go: intake must not wait for a thousand steps.
CHUNK = 50
#: A case whose step failed (a bug) is tried again after so long, and holds up no other.
AGAIN_MS = 60_000
LONGEST_SLEEP_S = 600.0


class Escalator:
    """``run`` is its life; ``look`` fires everything that is due now."""

    def __init__(self, ledger: Ledger, clock: Clock, desk: Callable[[], Desk], say: Callable[[Event], None]) -> None:
        self._ledger, self._clock, self._desk, self._say = ledger, clock, desk, say
        self._wake = asyncio.Event()
        self._looking = asyncio.Lock()
        self._asleep_until_ms = 0
        #: No step is taken: another node may be taking them.
        self.is_held = False

    def set_earlier(self, at_ms: int) -> None:
        """A commit set a step: look sooner, if it is the next one."""
        if at_ms < self._asleep_until_ms:
            self._wake.set()

    def hold(self, *, is_held: bool) -> None:
        """Take no step until further notice, or go on."""
        self.is_held = is_held
        self._wake.set()

    async def run(self) -> None:
        """Fire and sleep, for ever."""
        while True:
            # What is set from here on wakes: it may be committed behind our look.
            self._asleep_until_ms = 2**62
            self._wake.clear()
            next_ms = await self.look()
            now_ms = self._clock.now_ms()
            self._asleep_until_ms = next_ms if next_ms is not None else 2**62
            wait_s = LONGEST_SLEEP_S if next_ms is None else min((next_ms - now_ms) / 1000, LONGEST_SLEEP_S)
            if wait_s > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._wake.wait()

    async def look(self) -> int | None:
        """Fire every step that is due; returns when the next one is, None if there is none."""
        async with self._looking:
            while True:
                try:
                    fired_count, next_ms = await self._ledger.submit(self._fire_due)
                except StoreError:
                    raise
                except Exception:  # a supervision border: find out which case it is
                    log.exception("a step failed; each case is tried by itself")
                    if not await self._fire_each():
                        return self._clock.now_ms() + AGAIN_MS
                    continue
                if not fired_count:
                    return next_ms

    def _fire_due(self, transaction: Transaction) -> tuple[int, int | None]:
        """Fire the first ones that are due, in one transaction; returns how many, and when the next one is due."""
        due = self._due(transaction)
        for seq in due:
            fire(transaction, self._desk(), transaction.entry(seq), self._clock.now_ms())
        if transaction.paused_at_ms is not None or self.is_held:
            return 0, None
        return len(due), lookup.next_case_ms(transaction)

    def _due(self, transaction: Transaction) -> list[int]:
        if transaction.paused_at_ms is not None or self.is_held:
            return []
        return lookup.due_cases(transaction, self._clock.now_ms(), CHUNK)

    async def _fire_each(self) -> bool:
        """Fire each due case in a unit of its own; False if none could."""
        due = await self._ledger.submit(self._due)
        return any(await asyncio.gather(*(self._fire(seq) for seq in due)))

    async def _fire(self, seq: int) -> bool:
        def unit(transaction: Transaction) -> None:
            entry, now_ms = transaction.entry(seq), self._clock.now_ms()
            if entry.next_at_ms is not None and entry.next_at_ms <= now_ms and transaction.paused_at_ms is None:
                fire(transaction, self._desk(), entry, now_ms)

        def put_off(transaction: Transaction) -> None:
            lookup.put_off(transaction, seq, self._clock.now_ms() + AGAIN_MS)

        try:
            await self._ledger.submit(unit)
        except Exception as error:  # a supervision border: one case must not stop the others
            log.exception("a step of case %d failed", seq)
            self._say(Said(f"A step of an escalation failed and is tried again: {error}", SEVERE, "StepFailed"))
            with contextlib.suppress(Exception):
                await self._ledger.submit(put_off)
            return False
        return True
