"""Unsolicited lines without end, as some firmware sends them. Part of :class:`SimulatedModem`."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: What sticks say all day long; none of it is an answer to anything, and libGammu knows it.
LINES = ("^RSSI: 18", "+CREG: 1", "^BOOT: 15634,0,0,0,75")


class Chatter:
    """Says ``per_s`` lines a second while that is above 0; set it in the running loop."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lines = itertools.cycle(LINES)
        self._per_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def per_s(self) -> float:
        """Lines a second; 0 for silence."""
        return self._per_s

    @per_s.setter
    def per_s(self, value: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._per_s = value
        if value > 0:
            self._next()

    def use(self, *lines: str) -> None:
        """Say these from now on; without any those of ``LINES``."""
        self._lines = itertools.cycle(lines or LINES)

    def _next(self) -> None:
        self._say(next(self._lines))
        self._timer = asyncio.get_running_loop().call_later(1 / self._per_s, self._next)
