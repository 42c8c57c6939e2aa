"""The time-out of mails under way. Used by ``server``.

A timer for each mail costs a twentieth of sending it. All mails of a server have the same time, so the oldest is always
the first whose time is up, and one timer does for all.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from addispatch_plugins.smtp.errand import Errand


class Deadlines:
    """Ends errands with ``TimeoutError`` at their ``deadline_at``; add them in the order of that."""

    def __init__(self) -> None:
        self._errands: dict[Errand, None] = {}  # a dict keeps the order, and forgets in the middle at once
        self._timer: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        """Mails that are watched."""
        return len(self._errands)

    def add(self, errand: Errand) -> None:
        """Watch it until it is removed."""
        self._errands[errand] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(errand.deadline_at, self._look)

    def remove(self, errand: Errand) -> None:
        """Forget it. The timer stays, for the next one."""
        self._errands.pop(errand, None)

    def _look(self) -> None:
        """End those whose time is up, and look again when it will be for the next one."""
        loop, self._timer = asyncio.get_running_loop(), None
        for errand in list(self._errands):
            if errand.deadline_at > loop.time():
                self._timer = loop.call_at(errand.deadline_at, self._look)
                return
            del self._errands[errand]
            errand.end(TimeoutError())
