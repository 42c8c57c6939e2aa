"""When a modem is asked for what it received, and what becomes of trouble with that. Used by the actor.

Polling finds everything; what the modem announces by itself only makes the next poll come sooner.
Times are those of the event loop, in seconds.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from addispatch.sdk import Severity
from addispatch_plugins.modem.inbox import Inbox
from addispatch_plugins.modem.link import RefusedError
from addispatch_plugins.modem.memory import Memory

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.modem.link import Link

#: After a hint the modem is asked at once, but not more often than this, whatever it announces.
HINT_PAUSE_S = 0.5
#: When something came the next poll follows so soon, for there may be more; texts get their turn in between.
MORE_S = 1.0


class Reception:
    """One modem's inbox and the memory it lies in. ``problem`` says why it cannot be read, if so."""

    def __init__(self, context: Context, name: str, poll_s: float) -> None:
        self.at_s = 0.0
        self.problem = ""
        self.memory = Memory(context, name)
        self._inbox = Inbox(context, name)
        self._context, self._name, self._poll_s = context, name, poll_s
        self._polled_s = 0.0

    def hinted(self) -> None:
        """Poll soon: the modem announced something."""
        self.at_s = min(self.at_s, self._polled_s + HINT_PAUSE_S)

    async def poll(self, link: Link, modem_id: str) -> None:
        """Take in what came; a modem whose memory cannot be read goes on sending."""
        loop, problem = asyncio.get_running_loop(), ""
        self._polled_s = loop.time()
        self.at_s = self._polled_s + self._poll_s  # before, so that a hint that comes meanwhile counts
        try:
            if await self._inbox.poll(link, modem_id):
                self.at_s = min(self.at_s, loop.time() + MORE_S)
        except RefusedError as error:
            problem = str(error)
        text = f"odem {self._name} cannot read the messages it received: {problem}" if problem else ""
        if problem and problem != self.problem:
            self._context.event(f"M{text}", severity=Severity.WARNING, kind="modem_inbox", modem=self._name)
        self._context.condition(f"modem {self._name} inbox", text and f"m{text}")
        self.problem = problem

    async def look_at_memory(self, link: Link) -> None:
        """See how full it is, and make room if need be."""
        if await self.memory.look(link, self._inbox):
            self.at_s = 0  # what the network kept back comes now, and what announced it was read away
