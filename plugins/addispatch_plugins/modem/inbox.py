"""Messages and delivery reports that came in: put together, handed over, and only then deleted. Used by the actor."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from addispatch.sdk import DeliveryReport, Incoming, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from addispatch.sdk import Context

CHANNEL = "sms"
#: How long the missing parts of a long message are waited for.
PARTS_WAIT_S = 600.0
#: How long a poll waits for the ledger; what is not durable by then stays in the modem until a later poll.
COMMIT_WAIT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One SMS or delivery report in the modem's memory, as the child describes it (``sent_at``: ISO 8601 or empty)."""

    location: int
    report: bool
    number: str
    text: str
    sent_at: str
    group: int
    part: int
    parts: int
    reference: int
    status: int


@dataclass(slots=True)
class Message:
    """A message of one or more parts; ``locations`` are all to delete, repeated parts included."""

    parts: dict[int, Entry] = field(default_factory=dict)
    locations: list[int] = field(default_factory=list)

    @property
    def first(self) -> Entry:
        """The part with the lowest number that is there."""
        return self.parts[min(self.parts)]

    @property
    def complete(self) -> bool:
        """Whether all parts are there."""
        return len(self.parts) >= self.first.parts

    @property
    def text(self) -> str:
        """The text; ``[...]`` stands for missing parts, and a note at the end says so."""
        if self.complete:
            return "".join(self.parts[number].text for number in sorted(self.parts))
        count = self.first.parts
        shown = "".join(self.parts[n].text if n in self.parts else "[...]" for n in range(1, count + 1))
        return f"{shown} (incomplete: {len(self.parts)} of {count} parts came)"

    def reference(self, modem_id: str) -> str:
        """Return the same reference for the same message, whenever it is read: SIM, sender, time, text."""
        parts = "\0".join(f"{part.part}/{part.parts}:{part.text}" for _n, part in sorted(self.parts.items()))
        content = f"{modem_id}\0{self.first.number}\0{self.first.sent_at}\0{parts}"
        return hashlib.sha256(content.encode()).hexdigest()[:32]


def put_together(entries: Iterable[Entry]) -> list[Message]:
    """Group the parts of messages.

    The 8-bit number of a group is used again soon, so a part that is there twice with another text starts another
    message; with the same text and time it is the network's repetition.
    """
    messages: list[Message] = []
    open_groups: dict[tuple[str, int, int], list[Message]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.sent_at, entry.location)):
        group = open_groups.setdefault((entry.number, entry.group, entry.parts), []) if entry.parts > 1 else []
        for message in group:
            same = message.parts.get(entry.part)
            if same is None or (same.text, same.sent_at) == (entry.text, entry.sent_at):
                message.parts.setdefault(entry.part, entry)
                message.locations.append(entry.location)
                break
        else:
            message = Message({entry.part: entry}, [entry.location])
            messages.append(message)
            group.append(message)
    return messages


class Reader(Protocol):
    """Reads and deletes entries; the actor's view of the child."""

    async def read(self) -> tuple[list[dict[str, Any]], list[int]]:
        """Return all entries, and the locations of those that cannot be decoded."""

    async def delete(self, locations: list[int]) -> None:
        """Remove entries."""


class Inbox:
    """One modem's inbox between polls: what is being committed, and since when parts are missing."""

    def __init__(self, context: Context, modem: str) -> None:
        self._context = context
        self._modem = modem
        self._handed: dict[str, asyncio.Future[None]] = {}
        self._incomplete_since_s: dict[tuple[str, int, int], float] = {}
        #: Where entries lie that gammu cannot decode, and since when, by the monotonic clock in seconds.
        self.unreadable: dict[int, float] = {}

    async def poll(self, reader: Reader, modem_id: str) -> bool:
        """Read, hand over what is complete, wait a moment for the ledger, delete what is durable.

        Returns whether something was deleted: there may be more behind it.
        """
        raw, unreadable = await reader.read()
        self._tell_unreadable(unreadable)
        entries = [Entry(**entry) for entry in raw]
        locations: dict[str, list[int]] = {}
        for message in self._ready(put_together(entry for entry in entries if not entry.report)):
            reference = message.reference(modem_id)
            locations.setdefault(reference, []).extend(message.locations)
            if reference not in self._handed:
                self._handed[reference] = self._context.received(self._incoming(message, reference))
        for entry in (entry for entry in entries if entry.report):
            reference = f"report:{entry.number}:{entry.reference}:{entry.sent_at}:{entry.status}"
            locations.setdefault(reference, []).append(entry.location)
            if reference not in self._handed and (report := self._report(entry)):
                self._handed[reference] = self._context.reported(report)
        # Committed and gone from the modem, or gone by another hand: nothing to wait for any more.
        self._handed = {reference: future for reference, future in self._handed.items() if reference in locations}
        durable = await self._durable(locations)
        await reader.delete(durable)
        return bool(durable)

    def _tell_unreadable(self, locations: list[int]) -> None:
        """Say once of each message that nobody can read it; it stays until room is needed."""
        for location in sorted(set(locations) - self.unreadable.keys()):
            text = f"Modem {self._modem} holds a message that cannot be read, in memory slot {location}"
            self._context.event(text, severity=Severity.WARNING, kind="modem_inbox", modem=self._modem)
        now_s = self._context.clock.monotonic_s()
        self.unreadable = {location: self.unreadable.get(location, now_s) for location in locations}

    async def _durable(self, locations: dict[str, list[int]]) -> list[int]:
        waiting = [future for future in self._handed.values() if not future.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=COMMIT_WAIT_S)
        durable: list[int] = []
        for reference, places in locations.items():
            future = self._handed.get(reference)
            if future is None:
                durable += places
            elif future.done():
                # Whatever became of it, it is asked again at the next poll if it is still there.
                del self._handed[reference]
                if problem := future.exception():
                    self._context.log.warning("%s: a message stays in the modem: %s", self._modem, problem)
                else:
                    durable += places
        return durable

    def _ready(self, messages: list[Message]) -> list[Message]:
        """Return what is complete or has waited long enough."""
        now_s = self._context.clock.monotonic_s()
        since: dict[tuple[str, int, int], float] = {}
        ready: list[Message] = []
        for message in messages:
            key = (message.first.number, message.first.group, message.first.parts)
            if not message.complete:
                since[key] = self._incomplete_since_s.get(key, now_s)
            if message.complete or now_s - since[key] >= PARTS_WAIT_S:
                ready.append(message)
        self._incomplete_since_s = since
        return ready

    def _incoming(self, message: Message, reference: str) -> Incoming:
        return Incoming(
            channel=CHANNEL,
            sender=message.first.number,
            text=message.text,
            received_at=self._context.clock.now(),
            reference=reference,
            by=self._modem,
        )

    def _report(self, entry: Entry) -> DeliveryReport | None:
        """TP-ST of 3GPP TS 23.040 9.2.3.15; None while the service centre neither delivered nor gave up."""
        delivered, tries_on = entry.status == 0, 0 < entry.status < 0x40
        if tries_on:
            return None
        return DeliveryReport(
            channel=CHANNEL,
            address=entry.number,
            reference=str(entry.reference),
            delivered=delivered,
            at=self._context.clock.now(),
            reason="" if delivered else f"the network could not deliver it (status {entry.status})",
            by=self._modem,
        )
