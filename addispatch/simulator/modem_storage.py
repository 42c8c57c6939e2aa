"""Where a modem keeps received SMS and delivery reports: numbered slots, from 1, of a small memory.

Used by the modem (incoming) and the SMS commands (list, read, delete).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from addispatch.simulator.pdu import Deliver, StatusReport

UNREAD, READ = 0, 1


@dataclass(slots=True)
class Slot:
    """A stored message; ``status`` is the ``<stat>`` of 3GPP TS 27.005."""

    message: Deliver | StatusReport
    status: int = UNREAD


class Storage:
    """One memory (``SM`` on the SIM, ``ME`` in the device)."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.slots: dict[int, Slot] = {}

    @property
    def full(self) -> bool:
        """Whether nothing more fits."""
        return len(self.slots) >= self.capacity

    def add(self, message: Deliver | StatusReport) -> int:
        """Store in the lowest free slot and give its number."""
        index = next(number for number in range(1, self.capacity + 1) if number not in self.slots)
        self.slots[index] = Slot(message)
        return index
