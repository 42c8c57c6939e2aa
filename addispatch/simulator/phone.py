"""A phone in somebody's pocket: shows SMS put together again, replies, rings.

Made by :meth:`Network.phone`; driven by tests, story tests and the demo.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from addispatch.simulator.call import Progress, WhenCalled
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


@dataclass(slots=True, eq=False)
class PhoneCall:
    """A call to the phone; ``ended_at`` is None as long as it rings or people talk."""

    caller: str
    began_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def duration_s(self) -> float | None:
        """From the first ring to the end; None before it."""
        return (self.ended_at - self.began_at).total_seconds() if self.ended_at else None


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
        self._when_called, self._reacts_after_s = WhenCalled.RING, 0.0
        self._unexpected: list[PhoneMessage] = []
        self._unexpected_calls: list[PhoneCall] = []
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
        """Wait until it rings; each call is expected once, also one that is over by now."""
        if not await self._wait(lambda: bool(self._unexpected_calls), timeout_s):
            raise AssertionError(f"{self}: no call within {timeout_s:g} s")
        return self._unexpected_calls.pop(0)

    async def expect_end(self, call: PhoneCall, timeout_s: float = 30.0) -> None:
        """Wait until the call is over."""
        if not await self._wait(lambda: call.ended_at is not None, timeout_s):
            raise AssertionError(f"{self}: the call from {call.caller} is not over within {timeout_s:g} s")

    async def reply(self, text: str) -> None:
        """Answer the sender of the last message."""
        if not self.received:
            raise AssertionError(f"{self}: nobody wrote, so there is nobody to reply to")
        await self.send(self.received[-1].sender, text)

    async def send(self, to: str, text: str, *, flash: bool = False) -> None:
        """Send a text of any length."""
        self._network.write(self.number, to, text, flash=flash)

    async def hang_up(self) -> None:
        """End the call that rings or is talked on."""
        self._end(Progress.NO_CARRIER)

    def when_called(self, what: str, after_s: float = 0.0) -> None:
        """Do one of :class:`WhenCalled` from now on, so long after the first ring. Raises ``ValueError`` for others."""
        self._when_called, self._reacts_after_s = WhenCalled(what), after_s

    def switch_off(self) -> None:
        """Out of reach: the network keeps messages, calls fail."""
        self._end(Progress.NO_CARRIER)
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

    def ring(self, caller: str) -> Progress:
        """Ring, or say why not."""
        if not self._on:
            return Progress.NO_CARRIER
        if self._when_called is WhenCalled.BUSY or self._current is not None:
            return Progress.BUSY
        call = PhoneCall(caller, self._network.now())
        self.calls.append(call)
        self._unexpected_calls.append(call)
        if self._when_called is not WhenCalled.RING:
            asyncio.get_running_loop().call_later(self._reacts_after_s, self._react, call, self._when_called)
        if self._network.on_ringing is not None:
            self._network.on_ringing(self, call)
        self._look()
        return Progress.ALERTING

    def call_progress(self, other: str, progress: Progress) -> None:
        """The caller gave up, or the network did."""
        call = self._current
        if call is not None and call.caller == other and progress.ends:
            call.ended_at = self._network.now()
            self._look()

    @property
    def _current(self) -> PhoneCall | None:
        return next((call for call in self.calls if call.ended_at is None), None)

    def _react(self, call: PhoneCall, what: WhenCalled) -> None:
        if call.ended_at is not None:
            return
        if what is WhenCalled.ANSWER:
            call.answered_at = self._network.now()
            self._network.tell(self.number, call.caller, Progress.ANSWERED)
        else:
            self._end(Progress.BUSY)  # what networks say of a call that is declined

    def _end(self, progress: Progress) -> None:
        if call := self._current:
            call.ended_at = self._network.now()
            self._network.tell(self.number, call.caller, progress)
            self._look()

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
