"""Time, injected: domain and engine never ask the system clock themselves."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Two clocks: ``now`` for people and records, ``monotonic_s`` for intervals."""

    def now(self) -> datetime:
        """Return the time, aware, UTC."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC: the form the ledger stores."""

    def monotonic_s(self) -> float:
        """Seconds since some moment; never steps."""


class SteadyClock(Clock, Protocol):
    """A clock whose ``now`` never jumps by itself, so that no deadline comes early or late (SPEC 5.7).

    When somebody sets the machine's clock, ``drift_ms`` tells, and ``adopt`` follows: ``engine.timekeeper`` does that
    together with moving all deadlines.
    """

    boot_id: str
    """Names the machine's start: within one, ``offset_ms`` relates the two clocks."""

    @property
    def offset_ms(self) -> int:
        """``now_ms`` minus the milliseconds since the machine's start, sleep included."""

    def drift_ms(self) -> int:
        """How far the machine's clock is ahead of ``now_ms``."""

    def adopt(self, drift_ms: int) -> None:
        """Move ``now`` by that much."""


class SystemClock:
    """The machine's clock, held steady by its boot-time clock (CLOCK_BOOTTIME, which goes on while it sleeps)."""

    def __init__(self) -> None:
        self.boot_id = _boot_id()
        self._offset_ms = _wall_ms() - _boot_ms()

    @property
    def offset_ms(self) -> int:
        """``now_ms`` minus the milliseconds since the machine's start."""
        return self._offset_ms

    def now(self) -> datetime:
        """Return the time, aware, UTC."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return _boot_ms() + self._offset_ms

    def monotonic_s(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    def drift_ms(self) -> int:
        """How far the machine's clock is ahead."""
        return _wall_ms() - self.now_ms()

    def adopt(self, drift_ms: int) -> None:
        """Follow the machine's clock."""
        self._offset_ms += drift_ms


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _boot_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""  # unknown: each start of ours counts as one of the machine
