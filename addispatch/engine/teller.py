"""Lets monitors tell what changed, a few at a time. Made by ``engine.monitoring``, used by ``engine.monitored``.

When a thousand devices go down at once, a thousand alarms handed over in one go would hold up the loop and fill the
ledger's queue; so the next one goes when one of those under way is on disk, and there is a pause after some of them.
The first come are the first told.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial
from typing import Any, Protocol

log = logging.getLogger(__name__)

#: So many may go in a second, however long each is on its way: a thousand within 4 s.
RATE = 250
#: So many are on their way at least, and at most: with a quick disk and an idle loop few do, and take the loop some
#: milliseconds; when each waits long for a busy processor or a slow disk, few would be too slow.
FEWEST, MOST = 16, 250
#: So many are handed over in one go, and so long it takes until the next may: each costs the loop some tenths of a
#: millisecond and the ledger's writer a whole one, while the loop is busy with what went down.
CHUNK_COUNT = 5
PAUSE_S = CHUNK_COUNT / RATE


class Telling(Protocol):
    """Something with news."""

    def hand_over(self) -> asyncio.Future[Any]:
        """Hand over the oldest news; the answer is done when it is on disk, or when that failed."""


class Teller:
    """The queue of those who have something to tell."""

    def __init__(self) -> None:
        self._waiting: deque[Telling] = deque()
        self._under_way_count, self._limit = 0, FEWEST
        #: How many more may go now, and when the next of them may.
        self._chunk = CHUNK_COUNT
        self._next_turn: asyncio.TimerHandle | None = None

    def want(self, one: Telling) -> None:
        """Let it tell when it is its turn; often that is now. Each is here at most once."""
        self._waiting.append(one)
        self._go()

    @property
    def waiting_count(self) -> int:
        """Those whose turn has not come."""
        return len(self._waiting)

    def _go(self) -> None:
        while self._waiting and self._under_way_count < self._limit and self._chunk:
            self._chunk -= 1
            if self._next_turn is None:
                self._next_turn = asyncio.get_running_loop().call_later(PAUSE_S, self._turn)
            try:
                future = self._waiting.popleft().hand_over()
            except Exception:
                # A supervision border: who cannot tell tries again at its next reading, and keeps nobody waiting.
                log.exception("a change of a monitor could not be told")
                continue
            self._under_way_count += 1
            future.add_done_callback(partial(self._done, future.get_loop().time()))

    def _turn(self) -> None:
        self._chunk, self._next_turn = CHUNK_COUNT, None
        self._go()

    def _done(self, began_s: float, future: asyncio.Future[Any]) -> None:
        self._under_way_count -= 1
        took_s = future.get_loop().time() - began_s
        self._limit = min(MOST, max(FEWEST, int(RATE * took_s)))
        self._go()
