"""Connections kept for the next mail. Used by ``server``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from addispatch_plugins.smtp.conversation import Conversation

#: An idle connection is closed after this time. Servers and firewalls forget idle ones after a minute or more, some
#: without a word; a connection younger than this can be trusted, and MAIL is its check: no NOOP is needed.
IDLE_S = 30.0


class Pool:
    """At most ``size`` conversations at once; the one used last is used first, so that the others may close."""

    def __init__(self, size: int, open_: Callable[[Callable[[Conversation], None]], Awaitable[Conversation]]) -> None:
        """``open_(on_lost)`` opens a conversation."""
        self._open = open_
        self._slots = asyncio.Semaphore(size)
        self._idle: list[tuple[Conversation, float]] = []  # and since when; the oldest first
        self._timer: asyncio.TimerHandle | None = None  # one for all: a mail takes less time than setting one
        self._closed = False

    @property
    def idle_count(self) -> int:
        """Open connections waiting for a mail."""
        return len(self._idle)

    async def take(self) -> Conversation:
        """Return a conversation, opening one if none is idle; ``give_back`` it in any case."""
        await self._slots.acquire()
        if self._idle:
            return self._idle.pop()[0]
        try:
            return await self._open(self._forget)
        except BaseException:
            self._slots.release()
            raise

    async def replace(self, broken: Conversation) -> Conversation:
        """Return a newly opened conversation for one that turned out to be dead."""
        self.give_back(broken)
        # What died of a restart of the server did not die alone.
        self.close_idle()
        return await self.take()

    def give_back(self, conversation: Conversation) -> None:
        """Keep it if the next mail can go over it; close it otherwise."""
        self._slots.release()
        if conversation.ready and not self._closed:
            conversation.kept = True
            loop = asyncio.get_running_loop()
            self._idle.append((conversation, loop.time()))
            if self._timer is None:
                self._timer = loop.call_later(IDLE_S, self._close_old)
        else:
            conversation.close()

    def close(self) -> None:
        """Close what is idle now, and what is in use when it comes back."""
        self._closed = True
        self.close_idle()

    def close_idle(self) -> None:
        """Close what is idle now."""
        idle, self._idle = self._idle, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for conversation, _ in idle:
            conversation.close()

    def _close_old(self) -> None:
        """Close what has been idle for too long, and look again when the next one will have been."""
        loop, self._timer = asyncio.get_running_loop(), None
        before_s = loop.time() - IDLE_S
        while self._idle and self._idle[0][1] <= before_s:
            self._idle.pop(0)[0].close()
        if self._idle:
            self._timer = loop.call_at(self._idle[0][1] + IDLE_S, self._close_old)

    def _forget(self, lost: Conversation) -> None:
        """Called when a connection is gone."""
        self._idle = [entry for entry in self._idle if entry[0] is not lost]
