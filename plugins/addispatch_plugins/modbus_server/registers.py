"""The node's state as numbers: input registers and discrete inputs. Pure; made by ``watcher``, read by ``device``.

The table for people is in README.md; addresses are 0-based. Numbers too great for a register stop at 65,535.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

#: Changes when a register gets another meaning.
MAP_VERSION = 1
MOST = 0xFFFF
MODEM_BASE, MODEM_SIZE, MAX_MODEMS = 32, 4, 8
INPUT_COUNT = MODEM_BASE + MODEM_SIZE * MAX_MODEMS
DISCRETE_COUNT = 16
MAX_CHANNELS = 16
#: Signal that is not known (3GPP TS 27.007, 8.5).
NO_SIGNAL = 99

_CODE = re.compile(r"([A-Z]{1,2})([0-9]{1,9})")
_PRIORITIES = {"critical": 1, "high": 2, "medium": 3, "low": 4}
_MODEM_STATES = {
    "absent": 1, "probing": 2, "initialising": 3, "sim_check": 4, "online": 5, "degraded": 6, "broken": 7,
}  # fmt: skip

Doc = dict[str, Any]


class NodeState(IntEnum):
    """Register 2."""

    UNKNOWN = 0
    RUNNING = 1
    WARNING = 2
    PAUSED = 3


@dataclass(frozen=True, slots=True)
class Code:
    """A code as numbers: ``A012`` is the letters 65, the number 12 and 3 digits."""

    letters: int = 0
    number: int = 0
    digits: int = 0

    @property
    def words(self) -> tuple[int, int, int, int]:
        """Letters, number (high word, low word), digits: registers 8 to 11, and the holding registers 0 to 3."""
        return self.letters, self.number >> 16, self.number & MOST, self.digits

    @classmethod
    def of(cls, text: str | None) -> Code:
        """Read a code; one that is none has only zeros."""
        match = _CODE.fullmatch(text or "")
        if match is None:
            return cls()
        return cls(int.from_bytes(match[1].encode(), "big"), int(match[2]), len(match[2]))

    @classmethod
    def from_words(cls, words: tuple[int, ...]) -> Code:
        """Undo ``words``."""
        letters, high, low, digits = words
        return cls(letters, high << 16 | low, digits)

    def __str__(self) -> str:
        """The code as people write it; empty if these numbers are none. Without digits it has three or more."""
        raw = self.letters.to_bytes(2, "big").lstrip(b"\0")
        text = f"{raw.decode('ascii', 'replace').upper()}{self.number:0{min(self.digits or 3, 9)}d}"
        return text if _CODE.fullmatch(text) else ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is shown until the next one is made."""

    inputs: tuple[int, ...] = (MAP_VERSION, *(0 for _ in range(INPUT_COUNT - 1)))
    discrete: tuple[int, ...] = (0,) * DISCRETE_COUNT


def picture(status: Doc, newest: Doc | None, waiting: Doc | None, *, heartbeat: int, alarm_age_s: float) -> Picture:
    """Put the state together.

    ``newest`` is the case that was opened last, ``alarm_age_s`` ago; ``waiting`` the newest one that waits for an
    acknowledgement.
    """
    cases, queue = status.get("cases", {}), status.get("queue", {})
    channels = sorted(status.get("channels", ()), key=lambda doc: str(doc["name"]))[:MAX_CHANNELS]
    modems = sorted(status.get("modems", ()), key=lambda doc: str(doc["name"]))
    is_paused, is_warned = bool(status.get("paused")), bool(status.get("warnings"))
    state = NodeState.PAUSED if is_paused else NodeState.WARNING if is_warned else NodeState.RUNNING
    up = [bool(doc.get("up")) for doc in channels]
    unacknowledged = cases.get("unacknowledged", 0)
    still_open = cases.get("open", 0) + cases.get("acknowledged", 0)
    words = [
        MAP_VERSION,
        heartbeat & MOST,
        state,
        int(is_paused),
        _word(still_open),
        _word(unacknowledged),
        _word(sum(queue.values())),
        _PRIORITIES.get(str(newest.get("priority")), 0) if newest else 0,
        *Code.of(waiting.get("code") if waiting else None).words,
        _word(alarm_age_s) if newest else MOST,
        len(channels),
        sum(1 << number for number, is_up in enumerate(up) if is_up),
        min(len(modems), MAX_MODEMS),
    ]
    words += [0] * (MODEM_BASE - len(words))
    for modem in modems[:MAX_MODEMS]:
        words += [_MODEM_STATES.get(str(modem.get("state")), 0), _signal(modem.get("signal")), 0, 0]
    words += [0] * (INPUT_COUNT - len(words))
    bits = [state is NodeState.RUNNING, is_warned, is_paused, still_open > 0, unacknowledged > 0, not all(up)]
    discrete = [int(bit) for bit in bits] + [0] * (DISCRETE_COUNT - len(bits))
    return Picture(tuple(words), tuple(discrete))


def _word(value: float) -> int:
    return max(0, min(MOST, int(value)))


def _signal(text: Any) -> int:
    """Return the CSQ (0 to 31) of a signal such as ``13(Poor)``."""
    match = re.match(r"\d{1,2}", str(text))
    return int(match[0]) if match else NO_SIGNAL
