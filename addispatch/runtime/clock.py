"""Time, injected: domain and engine never ask the system clock themselves."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Two clocks: ``now`` for people and records, ``monotonic_s`` for intervals."""

    def now(self) -> datetime:
        """Return the time, aware, UTC."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC: the form the ledger stores."""

    def monotonic_s(self) -> float:
        """Seconds since some moment; never steps."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time, aware, UTC."""
        return datetime.now(UTC)

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()
