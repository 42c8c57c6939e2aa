"""What one modem has to do: texts and calls, and which comes next. Used by the actor.

Times are those of the event loop, in seconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from addispatch.sdk import Delivery, Receipt

VOICE = "voice"
#: Pause between two rings of one call.
RING_PAUSE_S = 3.0
#: Texts go before a call that is due, but not for longer than this: a storm of them must not silence the phone.
GIVE_WAY_S = 60.0
#: A call keeps a modem as long as so many texts.
CALL_WEIGHT = 20


@dataclass(slots=True, eq=False)
class Job:
    """A delivery and who waits for its receipt. Of a call: how many rings are left, when the next is due."""

    delivery: Delivery
    done: asyncio.Future[Receipt] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    rings_left: int = 1
    flash: bool = False
    has_rung: bool = False
    due_s: float = 0.0

    @property
    def is_call(self) -> bool:
        """Whether it is a call and not a text."""
        return self.delivery.channel == VOICE

    def answer(self, receipt: Receipt) -> None:
        """Say what became of it, unless the core has given it up."""
        if not self.done.done():
            self.done.set_result(receipt)


class Jobs:
    """The queue. A job stays in it until it is removed, so that it shows what is under way."""

    def __init__(self) -> None:
        self._texts: deque[Job] = deque()
        self._calls: deque[Job] = deque()

    def __len__(self) -> int:
        return len(self._texts) + len(self._calls)

    @property
    def pending(self) -> list[asyncio.Future[Receipt]]:
        """The receipts that are waited for."""
        return [job.done for job in (*self._texts, *self._calls)]

    @property
    def calls(self) -> list[Job]:
        """The calls."""
        return list(self._calls)

    @property
    def load(self) -> int:
        """How much there is to do, for comparing modems."""
        return len(self._texts) + CALL_WEIGHT * len(self._calls)

    def add(self, job: Job) -> None:
        """Put it at the end of its queue."""
        (self._calls if job.is_call else self._texts).append(job)

    def next(self, now_s: float) -> Job | None:
        """Return what to do now: texts in order but emergencies first, calls when no text waits or they gave way."""
        call = min(self._calls, key=lambda job: job.due_s, default=None)
        if call is not None and call.due_s > now_s:
            call = None
        if self._texts and (call is None or now_s - call.due_s < GIVE_WAY_S):
            return min(self._texts, key=lambda job: job.delivery.queue_class)
        return call

    def next_due_s(self) -> float:
        """When the next call is due; for ever away if there is none."""
        return min((job.due_s for job in self._calls), default=float("inf"))

    def remove(self, job: Job) -> None:
        """Take it out."""
        (self._calls if job.is_call else self._texts).remove(job)

    def take_all(self) -> list[Job]:
        """Take everything out."""
        jobs = [*self._texts, *self._calls]
        self._texts.clear()
        self._calls.clear()
        return jobs
