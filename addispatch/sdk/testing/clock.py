"""A clock that stands still until told otherwise. Used by tests in place of the system clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """A ``Clock`` moved by hand: ``forward`` lets time pass, ``step`` is somebody setting the machine's clock."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._monotonic_s = 1000.0

    def now(self) -> datetime:
        """Return the time, aware, UTC."""
        return self._now

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return round(self._now.timestamp() * 1000)

    def monotonic_s(self) -> float:
        """Seconds that passed, plus some."""
        return self._monotonic_s

    def forward(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Let time pass: both clocks move."""
        passed = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        self._now += passed
        self._monotonic_s += passed.total_seconds()

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back; intervals do not notice."""
        self._now += timedelta(seconds=seconds)
