"""A clock that stands still until told otherwise. Used by tests in place of the system clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """A ``SteadyClock`` moved by hand: ``forward`` lets time pass, ``step`` is somebody setting the machine's clock.

    After a ``step`` ``now`` goes on as before until the node adopts the drift. ``boots`` is a restart of the machine.
    """

    def __init__(self, now: datetime = START) -> None:
        self.boot_id = "boot 1"
        self._now = now
        self._drift = timedelta()
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

    @property
    def offset_ms(self) -> int:
        """``now_ms`` minus the milliseconds since the machine's start."""
        return self.now_ms() - round(self._monotonic_s * 1000)

    def drift_ms(self) -> int:
        """How far the machine's clock was set away from ``now``."""
        return round(self._drift.total_seconds() * 1000)

    def adopt(self, drift_ms: int) -> None:
        """Follow the machine's clock."""
        moved = timedelta(milliseconds=drift_ms)
        self._now += moved
        self._drift -= moved

    def forward(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Let time pass: both clocks move."""
        passed = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        self._now += passed
        self._monotonic_s += passed.total_seconds()

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back; intervals do not notice."""
        self._drift += timedelta(seconds=seconds)

    def boots(self, *, wrong_by_s: float = 0) -> None:
        """Restart the machine; its clock then starts away from the truth by ``wrong_by_s``. Only while no node runs."""
        self.boot_id = f"{self.boot_id}+"
        self._now += self._drift + timedelta(seconds=wrong_by_s)
        self._drift = timedelta()
        self._monotonic_s = 1000.0
