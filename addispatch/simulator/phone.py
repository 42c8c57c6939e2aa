"""A phone in somebody's pocket: shows SMS put together again, replies, rings.

Made by :meth:`Network.phone`; driven by tests, story tests and the demo.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from addispatch.simulator.pdu import Deliver, StatusReport
from addispatch.simulator.pdu_body import Body, join

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from addispatch.simulator.network import Network

#: Long messages with missing parts that a phone keeps; the oldest goes first.
MAX_INCOMPLETE = 50


@dataclass(frozen=True, slots=True)
class PhoneMessage:
    """An SMS as its reader sees it: ``at`` is the service centre's time, ``parts`` how many SMS it took."""

    text: str
    sender: str
    at: datetime
    parts: int = 1
    flash: bool = False


@dataclass(slots=True)
class PhoneCall:
    """A call to the phone; ``ended_at`` is None as long as it rings."""

    caller: str
    at: datetime
    ended_at: datetime | None = None


@dataclass(slots=True)
class _Waiter:
    """Somebody waits until ``look`` finds something."""

    look: Callable[[], bool]
    found: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Phone:
    """Receives, replies and rings. ``received`` keeps everything; ``expect`` takes each message once."""

    def __init__(self, network: Network, number: str, name: str = "") -> None:
        self.number, self.name = number, name
        self.received: list[PhoneMessage] = []
        self.calls: list[PhoneCall] = []
        self._network = network
        self._on = True
        self._unexpected: list[PhoneMessage] = []
        self._incomplete: dict[tuple[str, int, int], dict[int, Body]] = {}
        self._waiters: list[_Waiter] = []

    def __repr__(self) -> str:
        return f"Phone({self.number!r}, {self.name!r})"

    async def expect(self, fragment: str, timeout_s: float = 30.0) -> PhoneMessage:
        """Wait for a message with the fragment, not expected before; AssertionError says what came instead."""
        found: list[PhoneMessage] = []

        def look() -> bool:
            found.extend(message for message in self._unexpected if fragment in message.text)
            return bool(found)

        if not await self._wait(look, timeout_s):
            others = "; ".join(repr(message.text) for message in self._unexpected) or "nothing"
            raise AssertionError(f"{self}: no SMS with {fragment!r} within {timeout_s:g} s; received: {others}")
        self._unexpected.remove(found[0])
        return found[0]

    async def expect_call(self, timeout_s: float = 30.0) -> PhoneCall:
        """Wait until it rings."""
        if not await self._wait(lambda: any(call.ended_at is None for call in self.calls), timeout_s):
            raise AssertionError(f"{self}: no call within {timeout_s:g} s")
        return next(call for call in self.calls if call.ended_at is None)

    async def reply(self, text: str) -> None:
        """Answer the sender of the last message."""
        if not self.received:
            raise AssertionError(f"{self}: nobody wrote, so there is nobody to reply to")
        await self.send(self.received[-1].sender, text)

    async def send(self, to: str, text: str, *, flash: bool = False) -> None:
        """Send a text of any length."""
        self._network.write(self.number, to, text, flash=flash)

    async def hang_up(self) -> None:
        """Reject or end the call that rings."""
        for call in self.calls:
            if call.ended_at is None:
                call.ended_at = self._network.now()
                self._network.hang_up(self.number, call.caller)

    def switch_off(self) -> None:
        """Out of reach: the network keeps messages, calls fail."""
        self._on = False

    def switch_on(self) -> None:
        """Within reach again; what waited arrives."""
        self._on = True
        self._network.retry(self.number)

    def accept(self, message: Deliver | StatusReport) -> bool:
        """Take a message from the network; False when switched off."""
        if self._on and isinstance(message, Deliver):
            self._take(message)
        return self._on

    def ring(self, caller: str) -> bool:
        """Ring; False when switched off."""
        if self._on:
            call = PhoneCall(caller, self._network.now())
            self.calls.append(call)
            if self._network.on_ringing is not None:
                self._network.on_ringing(self, call)
            self._look()
        return self._on

    def hung_up(self, caller: str) -> None:
        """The caller gave up."""
        for call in self.calls:
            if call.caller == caller and call.ended_at is None:
                call.ended_at = self._network.now()

    def _take(self, message: Deliver) -> None:
        concat = message.body.concat
        parts = {1: message.body}
        if concat is not None:
            key = (message.sender, concat.reference, concat.count)
            parts = self._incomplete.setdefault(key, {})
            parts[concat.part] = message.body
            if len(parts) < concat.count:
                while len(self._incomplete) > MAX_INCOMPLETE:
                    del self._incomplete[next(iter(self._incomplete))]
                return
            del self._incomplete[key]
        shown = PhoneMessage(
            text=join([body for _part, body in sorted(parts.items())]),
            sender=message.sender,
            at=message.at,
            parts=len(parts),
            flash=message.body.flash,
        )
        self.received.append(shown)
        self._unexpected.append(shown)
        if self._network.on_delivered is not None:
            self._network.on_delivered(self, shown)
        self._look()

    async def _wait(self, look: Callable[[], bool], timeout_s: float) -> bool:
        if look():
            return True
        waiter = _Waiter(look)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                await waiter.found
        except TimeoutError:
            return False
        finally:
            self._waiters.remove(waiter)
        return True

    def _look(self) -> None:
        for waiter in self._waiters:
            if not waiter.found.done() and waiter.look():
                waiter.found.set_result(None)
