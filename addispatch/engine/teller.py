"""Lets monitors tell what changed, a few at a time. Made by ``engine.monitoring``, used by ``engine.monitored``.

When a thousand devices go down at once, a thousand alarms handed over in one go would hold up the loop and fill the
ledger's queue; so the next one goes when one of those under way is on disk. The first come are the first told.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

#: So many are on their way to the ledger at once: enough for a disk that takes 50 ms for a commit, and so few that
#: making them takes the loop some milliseconds.
MAX_UNDER_WAY = 16


class Telling(Protocol):
    """Something with news."""

    def hand_over(self) -> asyncio.Future[Any]:
        """Hand over the oldest news; the answer is done when it is on disk, or when that failed."""


class Teller:
    """The queue of those who have something to tell."""

    def __init__(self) -> None:
        self._waiting: deque[Telling] = deque()
        self._under_way_count = 0

    def want(self, one: Telling) -> None:
        """Let it tell when it is its turn; often that is now. Each is here at most once."""
        self._waiting.append(one)
        self._go()

    @property
    def waiting_count(self) -> int:
        """Those whose turn has not come."""
        return len(self._waiting)

    def _go(self) -> None:
        while self._waiting and self._under_way_count < MAX_UNDER_WAY:
            future = self._waiting.popleft().hand_over()
            self._under_way_count += 1
            future.add_done_callback(self._done)

    def _done(self, _future: asyncio.Future[Any]) -> None:
        self._under_way_count -= 1
        self._go()
