"""The simulated mobile network: carries SMS and calls between modems and phones; keeps what cannot arrive yet.

Made by tests, the demo and ``addispatch sim modem``. Lives in one asyncio loop; nothing here is thread-safe.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from addispatch.runtime.clock import Clock, SystemClock
from addispatch.simulator.call import Progress
from addispatch.simulator.pdu import Deliver, StatusReport, Submit
from addispatch.simulator.pdu_body import bodies
from addispatch.simulator.phone import Phone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from addispatch.simulator.phone import PhoneCall, PhoneMessage

#: Messages kept for a station that cannot take them; the oldest go first.
MAX_WAITING = 1000


class Station(Protocol):
    """A modem or phone as the network sees it."""

    @property
    def number(self) -> str:
        """Its number in international form."""

    def accept(self, message: Deliver | StatusReport) -> bool:
        """Take the message; False when switched off, out of the network or full: the network then keeps it."""

    def ring(self, caller: str) -> Progress:
        """Start to ring (``ALERTING``), or say why not."""

    def call_progress(self, other: str, progress: Progress) -> None:
        """Take note of what became of the call with ``other``."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    message: Deliver | StatusReport
    #: Who wants to know that it arrived.
    report_to: str = ""
    reference: int = 0


class Network:
    """One operator with a service centre. Every number exists: one that is written to becomes a :meth:`phone`."""

    def __init__(
        self,
        operator: str = "Singtel",
        *,
        operator_code: str = "52501",
        country_code: str = "65",
        smsc: str = "+6596197777",
        delay_s: float = 0.0,
        call_setup_s: float = 0.0,
        ring_limit_s: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        """``delay_s`` is the time each message takes; ``operator_code`` is MCC and MNC.

        ``call_setup_s`` passes between dialling and ringing; after ``ring_limit_s`` of ringing a call is given up.
        """
        self.operator, self.operator_code, self.smsc = operator, operator_code, smsc
        self.delay_s, self.call_setup_s, self.ring_limit_s = delay_s, call_setup_s, ring_limit_s
        #: Called when a phone shows a message, and when it starts to ring.
        self.on_delivered: Callable[[Phone, PhoneMessage], None] | None = None
        self.on_ringing: Callable[[Phone, PhoneCall], None] | None = None
        self._country_code = country_code
        self._concat_reference = 0
        self._clock = clock or SystemClock()
        self._stations: dict[str, Station] = {}
        #: What happens next to each call that is not answered yet, by caller and called.
        self._calls: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._waiting: defaultdict[str, deque[_Waiting]] = defaultdict(lambda: deque(maxlen=MAX_WAITING))

    def now(self) -> datetime:
        """The time of the service centre."""
        return self._clock.now()

    def number(self, written: str) -> str:
        """International form of a number as people write it; short codes and names stay as they are."""
        if written.startswith("00"):
            return "+" + written[2:]
        if written.startswith("+") or not written.isdigit() or len(written) < 7:
            return written
        return f"+{self._country_code}{written}"

    def phone(self, number: str, name: str = "") -> Phone:
        """The phone with that number; made if there is none. Raises ``ValueError`` for the number of a modem."""
        number = self.number(number)
        station = self._stations.get(number)
        if station is None:
            station = self._stations[number] = Phone(self, number, name)
        if not isinstance(station, Phone):
            raise ValueError(f"number: {number} is a modem's")  # noqa: TRY004 - the number is wrong, not a type
        if name:
            station.name = name
        return station

    def attach(self, station: Station) -> None:
        """Let a modem in. Raises ``ValueError`` when its number is taken."""
        if self._stations.setdefault(station.number, station) is not station:
            raise ValueError(f"number: {station.number} is taken")

    def detach(self, station: Station) -> None:
        """Forget a modem; what waits for it goes to whoever gets the number next."""
        if self._stations.get(station.number) is station:
            del self._stations[station.number]

    def submit(self, sender: str, message: Submit) -> None:
        """Take a message; it arrives ``delay_s`` later, after the current callback at the soonest."""
        deliver = Deliver(sender, message.body, self.now())
        self._post(message.to, _Waiting(deliver, sender if message.wants_report else "", message.reference))

    def write(self, sender: str, to: str, text: str, *, flash: bool = False) -> None:
        """Send a text of any length as a phone does. Raises ``PduError`` over 255 parts."""
        self._concat_reference += 1
        for body in bodies(text, self._concat_reference, flash=flash):
            self.submit(self.number(sender), Submit(to, body))

    def call(self, caller: str, to: str) -> None:
        """Put a call through; ``caller`` is told how it goes on, after the current callback at the soonest."""
        caller, to = self.number(caller), self.number(to)
        loop = asyncio.get_running_loop()
        self._calls[caller, to] = loop.call_later(self.call_setup_s, self._ring, caller, to)

    def tell(self, who: str, other: str, progress: Progress) -> None:
        """Tell ``other`` what ``who`` did with their call: answered, declined, hung up."""
        who, other = self.number(who), self.number(other)
        for pair in ((who, other), (other, who)):
            if pair in self._calls:
                self._calls.pop(pair).cancel()
        self._station(other).call_progress(who, progress)

    def hang_up(self, who: str, other: str) -> None:
        """End the call that ``who`` had with ``other``."""
        self.tell(who, other, Progress.NO_CARRIER)

    def retry(self, number: str) -> None:
        """A station can take messages again: bring what waits, oldest first."""
        asyncio.get_running_loop().call_soon(self._bring, self.number(number))

    def waiting_count(self, number: str) -> int:
        """How many messages wait for that number."""
        return len(self._waiting[self.number(number)])

    def _ring(self, caller: str, to: str) -> None:
        del self._calls[caller, to]
        progress = self._station(to).ring(caller)
        if progress is Progress.ALERTING:
            loop = asyncio.get_running_loop()
            self._calls[caller, to] = loop.call_later(self.ring_limit_s, self._give_up, caller, to)
        self._station(caller).call_progress(to, progress)

    def _give_up(self, caller: str, to: str) -> None:
        self._station(to).call_progress(caller, Progress.NO_CARRIER)
        self.tell(to, caller, Progress.NO_ANSWER)

    def _station(self, number: str) -> Station:
        return self._stations.get(self.number(number)) or self.phone(number)

    def _post(self, to: str, item: _Waiting) -> None:
        number = self.number(to)
        loop = asyncio.get_running_loop()
        if self.delay_s:
            loop.call_later(self.delay_s, self._arrive, number, item)
        else:
            loop.call_soon(self._arrive, number, item)

    def _arrive(self, number: str, item: _Waiting) -> None:
        self._waiting[number].append(item)
        self._bring(number)

    def _bring(self, number: str) -> None:
        waiting, station = self._waiting[number], self._station(number)
        while waiting and station.accept(waiting[0].message):
            item = waiting.popleft()
            if item.report_to and isinstance(item.message, Deliver):
                report = StatusReport(item.reference, number, item.message.at, self.now())
                self._post(item.report_to, _Waiting(report))
