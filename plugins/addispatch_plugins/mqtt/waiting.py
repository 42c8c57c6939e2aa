"""Alarms the ledger could not store: kept, tried again, and never acknowledged before they are stored.

The link reads no more than its bound while they wait, so this cannot grow; when the disk recovers, they go first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from addispatch.sdk import Severity

if TYPE_CHECKING:
    from addispatch.sdk import Alarm, Context
    from addispatch.sdk.mqtt import Message
    from addispatch_plugins.mqtt.door import Door

#: First and longest pause before they are tried again, in seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0


@dataclass(slots=True)
class _Kept:
    door: Door
    message: Message
    alarm: Alarm

    def repeats(self, door: Door, message: Message) -> bool:
        """Whether a message is this one, delivered again by the broker on a later connection."""
        mine = self.message
        return self.door is door and mine.token == message.token and mine.connection != message.connection


class Waiting:
    """The queue of one intake. ``retry(door, message, alarm)`` hands an alarm over again."""

    def __init__(self, context: Context, retry: Callable[[Door, Message, Alarm], None]) -> None:
        #: Why alarms cannot be stored; empty while they can.
        self.trouble = ""
        self._context, self._retry = context, retry
        self._kept: deque[_Kept] = deque()
        self._since_s, self._waited_count = 0.0, 0
        self._pause_s = FIRST_PAUSE_S
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def add(self, door: Door, message: Message, alarm: Alarm, error: BaseException) -> None:
        """Keep an alarm that could not be stored."""
        if not self.trouble:
            self.trouble = str(error) or type(error).__name__
            self._since_s, self._waited_count = self._context.clock.monotonic_s(), 0
            text = f"Alarms cannot be stored: {error}. They wait here and at the broker."
            self._context.event(text, severity=Severity.SEVERE, kind="intake_waiting")
        if not self.adopt(door, message):
            self._kept.append(_Kept(door, message, alarm))
            # They come back from each try; none leaves before storing works again.
            self._waited_count = max(self._waited_count, len(self._kept))
        if self._timer is None and not self._stopped:
            self._timer = asyncio.get_running_loop().call_later(self._pause_s, self._again)
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    def adopt(self, door: Door, message: Message) -> bool:
        """Whether the message is a copy of one that waits; the later connection's is the one to acknowledge."""
        for kept in self._kept:
            if kept.repeats(door, message):
                older, newer = sorted((kept.message, message), key=lambda item: item.connection)
                kept.message = newer
                door.link.acknowledge(older)
                return True
        return False

    def recovered(self) -> None:
        """Tell that storing works again; what still waits follows at once.

        The event tells all there was: the one about the beginning is lost where the events cannot be stored either.
        """
        self.trouble = ""
        self._pause_s = FIRST_PAUSE_S
        lasted = _span(self._context.clock.monotonic_s() - self._since_s)
        text = (
            f"Alarms can be stored again; for {lasted} they could not, {self._waited_count} of them had to wait here."
        )
        self._context.event(text, severity=Severity.WARNING, kind="intake_recovered")
        self._again()

    def stop(self) -> None:
        """Try nothing any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._stopped:
            return
        kept, self._kept = self._kept, deque()
        for item in kept:
            self._retry(item.door, item.message, item.alarm)


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
