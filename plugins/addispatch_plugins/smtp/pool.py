"""Connections kept for the next mail, and the mails that wait for one. Used by ``server``."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from addispatch_plugins.smtp.conversation import Conversation, Keeper
    from addispatch_plugins.smtp.errand import Errand

#: An idle connection is closed after this time. Servers and firewalls forget idle ones after a minute or more, some
#: without a word; a connection younger than this can be trusted, and MAIL is its check: no NOOP is needed.
IDLE_S = 30.0
#: A mail that left its envelope behind another one's content goes elsewhere if that takes longer and it can.
SLOW_S = 1.0


class Pool:
    """At most ``size`` conversations at once; the one used last is used first, so that the others may close.

    A mail takes one that is idle, or opens one, or waits. Who waits follows the next mail whose content leaves, or gets
    the next place for a connection.
    """

    def __init__(self, size: int, open_: Callable[[Keeper], Awaitable[Conversation]]) -> None:
        """``open_(keeper)`` opens a conversation."""
        self._size, self._open = size, open_
        self._open_ones: set[Conversation] = set()
        self._opening_count = 0
        self._idle: list[tuple[Conversation, float]] = []  # and since when; the oldest first
        self._waiting: deque[Errand] = deque()
        self._is_joined = False  # a mail may be waiting behind another one
        self._invited: set[Errand] = set()  # have a place, and their tasks are about to open a connection
        self._probes: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None  # one for all: a mail takes less time than setting one
        self._relief: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def idle_count(self) -> int:
        """Open connections waiting for a mail."""
        return len(self._idle)

    async def deliver(self, errand: Errand) -> None:
        """Hand over one mail.

        Raises ``Rejected``, ``Dropped``, ``TimeoutError`` after its deadline, or what opening a connection raises.
        """
        try:
            if self._idle:
                self._idle.pop()[0].begin(errand)
            elif self._has_place:
                self._opening_count += 1
                await self._open_for(errand)
            else:
                self._waiting.append(errand)
            while not await errand.done:
                errand.done = asyncio.get_running_loop().create_future()
                self._invited.discard(errand)
                await self._open_for(errand)
        except BaseException:
            self._leave(errand)
            raise

    async def probe(self) -> None:
        """Make sure that a connection can be had, as the next mail would, and leave it for that."""
        while not (self._idle or self._has_place):
            freed = asyncio.get_running_loop().create_future()
            self._probes.append(freed)
            await freed
        if not self._idle:
            self._opening_count += 1
            self.rests(await self._opened())

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
            self._close(conversation)

    # -- called by conversations -------------------------------------------------------------------------------------

    def next_mail(self) -> Errand | None:
        """Hand out the mail that waits longest: it follows another one."""
        errand = self._first_waiting() if self._waiting else None
        self._is_joined = self._is_joined or errand is not None
        return errand

    def rests(self, conversation: Conversation) -> None:
        """Use it for the next mail, or keep it."""
        if self._waiting and (errand := self._first_waiting()) is not None:
            conversation.begin(errand)
        elif self._closed:
            self._close(conversation)
        else:
            conversation.kept = True
            loop = asyncio.get_running_loop()
            self._idle.append((conversation, loop.time()))
            if self._timer is None:
                self._timer = loop.call_later(IDLE_S, self._close_old)
            if self._is_joined:
                self._relieve()
            if self._probes:
                self._wake_probes()

    def lost(self, conversation: Conversation, orphan: Errand | None) -> None:
        """Forget it; its place is for the mail that it did not hand over, or for the next one that waits."""
        self._open_ones.discard(conversation)
        self._idle = [entry for entry in self._idle if entry[0] is not conversation]
        if orphan is not None:
            # What died of a restart of the server did not die alone.
            self.close_idle()
            self._invite(orphan)
        else:
            self._use_places()

    def _first_waiting(self) -> Errand | None:
        while self._waiting:
            errand = self._waiting.popleft()
            if not errand.is_over:
                return errand
        return None

    # -- places ------------------------------------------------------------------------------------------------------

    @property
    def _has_place(self) -> bool:
        return len(self._open_ones) + self._opening_count < self._size

    def _invite(self, errand: Errand) -> None:
        """Let the mail's task open a connection."""
        self._opening_count += 1
        self._invited.add(errand)
        errand.done.set_result(False)

    def _use_places(self) -> None:
        """A place is free: who waits may open a connection, or who waits behind a slow mail."""
        while self._has_place and (errand := self._first_waiting()) is not None:
            self._invite(errand)
        self._relieve()
        self._wake_probes()

    async def _open_for(self, errand: Errand) -> None:
        async with asyncio.timeout_at(errand.deadline_at):
            conversation = await self._opened()
        conversation.begin(errand)

    async def _opened(self) -> Conversation:
        """Open a conversation in the place that was taken for it."""
        try:
            conversation = await self._open(self)
            self._open_ones.add(conversation)
        finally:
            self._opening_count -= 1
            self._use_places()
        return conversation

    def _leave(self, errand: Errand) -> None:
        """The mail was not taken, or nobody waits for it any more: free what it holds."""
        if errand.done.done() and not errand.done.cancelled():
            errand.done.exception()  # nobody else will look at it
        if errand in self._invited:
            self._invited.discard(errand)
            self._opening_count -= 1
            self._use_places()
        for conversation in tuple(self._open_ones):
            if conversation.carries(errand):
                conversation.give_up(errand)

    def _relieve(self) -> None:
        """Send a mail by another connection when it waits behind a slow one and a connection or a place is free."""
        if self._relief is not None:
            self._relief.cancel()
            self._relief = None
        while self._idle or self._has_place:
            behind = [one for one in self._open_ones if one.following is not None]
            if not behind:
                self._is_joined = False
                return
            slowest, loop = min(behind, key=lambda one: one.content_sent_at), asyncio.get_running_loop()
            if loop.time() < slowest.content_sent_at + SLOW_S:
                self._relief = loop.call_at(slowest.content_sent_at + SLOW_S, self._relieve)
                return
            errand = slowest.release()
            if errand is None or errand.is_over:
                continue
            if self._idle:
                self._idle.pop()[0].begin(errand)
            else:
                self._invite(errand)

    def _wake_probes(self) -> None:
        probes, self._probes = self._probes, []
        for probe in probes:
            if not probe.done():
                probe.set_result(None)

    # -- closing -----------------------------------------------------------------------------------------------------

    def _close(self, conversation: Conversation) -> None:
        self._open_ones.discard(conversation)
        conversation.close()

    def _close_old(self) -> None:
        """Close what has been idle for too long, and look again when the next one will have been."""
        loop, self._timer = asyncio.get_running_loop(), None
        before_s = loop.time() - IDLE_S
        while self._idle and self._idle[0][1] <= before_s:
            self._close(self._idle.pop(0)[0])
        if self._idle:
            self._timer = loop.call_at(self._idle[0][1] + IDLE_S, self._close_old)
