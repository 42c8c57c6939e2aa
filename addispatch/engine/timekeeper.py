"""Keeps deadlines right whatever happens to the machine's clock (SPEC 5.7). Made by ``engine.node``; a tick checks.

In the same boot the boot-time clock decides: when somebody sets the clock, all deadlines move with it, in one
transaction with the node's own time, so that nothing comes early, late or twice. After a reboot UTC decides, unless it
is older than the newest event: then what was left of each interval starts anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.domain.events import INFO, WARNING, Event, Said
from addispatch.store import deadlines

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.runtime.clock import SteadyClock
    from addispatch.store.ledger import Ledger
    from addispatch.store.transaction import Transaction

#: A difference this small is the ordinary correction of a clock; it is followed once it has grown.
STEP_MS = 2000
#: From here on it is worth a line in the event log.
TELL_MS = 10_000


class Timekeeper:
    """``begin`` when the ledger is open, ``check`` each second."""

    def __init__(self, ledger: Ledger, clock: SteadyClock, say: Callable[[Event], None]) -> None:
        self._ledger, self._clock, self._say = ledger, clock, say

    async def begin(self) -> None:
        """Relate the deadlines of the last process to this one's clock."""
        await self._ledger.submit(self._align)

    def _align(self, transaction: Transaction) -> None:
        clock = self._clock
        known = deadlines.known_clock(transaction)
        now_ms, newest_ms = clock.now_ms(), deadlines.newest_ms(transaction)
        if known is not None and clock.boot_id and known[0] == clock.boot_id:
            moved_ms = clock.offset_ms - known[1]
            if moved_ms:
                deadlines.shift(transaction, moved_ms)
        elif now_ms < newest_ms - STEP_MS:
            deadlines.shift(transaction, now_ms - newest_ms)
            text = (
                f"clock untrusted: it is {(newest_ms - now_ms) / 1000:.0f} s older than the newest event."
                " What was left of each waiting time starts anew. Set the clock."
            )
            transaction.event(now_ms, Said(text, WARNING, "ClockUntrusted"))
        deadlines.note_clock(transaction, clock.boot_id, clock.offset_ms)

    def _use(self, offset_ms: int) -> None:
        self._clock.adopt(offset_ms - self._clock.offset_ms)

    async def check(self) -> None:
        """Follow the machine's clock if it was set: a tick."""
        drift_ms = self._clock.drift_ms()
        if abs(drift_ms) < STEP_MS:
            return

        before_ms = self._clock.offset_ms

        def follow(transaction: Transaction) -> None:
            deadlines.shift(transaction, drift_ms)
            deadlines.note_clock(transaction, self._clock.boot_id, before_ms + drift_ms)
            # Here and not later: the next unit in this thread must see times and deadlines agree.
            self._use(before_ms + drift_ms)

        try:
            await self._ledger.submit(follow)
        except Exception:
            self._use(before_ms)
            raise
        if abs(drift_ms) >= TELL_MS:
            way = "forward" if drift_ms > 0 else "back"
            text = f"The clock was set {way} by {abs(drift_ms) / 1000:.0f} s; all waiting times stay as they were"
            self._say(Said(text, WARNING if drift_ms < 0 else INFO, "ClockSet"))
