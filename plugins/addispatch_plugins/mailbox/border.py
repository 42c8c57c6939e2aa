"""Blocking work in a thread of its own, with a deadline (law 7). Used by ``poller``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from addispatch.sdk import in_thread
from addispatch_plugins.mailbox.session import MailboxTrouble

T = TypeVar("T")

#: How long a thread may take to end after it was told to, in seconds.
ABORT_WAIT_S = 2.0
#: Most threads that did not; with more nothing new is begun until one ends.
MAX_LEFT_BEHIND = 2


class Border:
    """Runs one piece of work at a time."""

    def __init__(self) -> None:
        self._left_behind: set[asyncio.Future[Any]] = set()

    @property
    def left_behind_count(self) -> int:
        """How many threads still hang."""
        self._left_behind = {work for work in self._left_behind if not work.done()}
        return len(self._left_behind)

    async def call(self, work: Callable[[], T], *, deadline_s: float, abort: Callable[[], None]) -> T:
        """Run ``work`` and return its result. After ``deadline_s``, or when cancelled, ``abort()`` must end its waits.

        Raises what the work raises, and ``MailboxTrouble`` when it is late.
        """
        if self.left_behind_count >= MAX_LEFT_BEHIND:
            raise MailboxTrouble(f"{self.left_behind_count} connections hang and do not end")
        done = in_thread(work, "mailbox")
        try:
            await asyncio.wait([done], timeout=deadline_s)
            if done.done():
                return done.result()
            abort()
            await asyncio.wait([done], timeout=ABORT_WAIT_S)
            raise MailboxTrouble(f"not done within {deadline_s:g} s")
        except asyncio.CancelledError:
            abort()
            raise
        finally:
            if not done.done():
                self._left_behind.add(done)
