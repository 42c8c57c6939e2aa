"""Maintenance windows: when a monitor is looked at and raises nothing. Pure; used by monitors and their checks.

Written as ``22:00-06:00`` (every day), ``Sat 22:00-Sun 06:00`` (every week) or ``2026-12-01 08:00-2026-12-01 12:00``
(once), in the node's time zone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = r"([01]\d|2[0-3]|24):([0-5]\d)"
_DAILY = re.compile(rf"{_TIME}\s*-\s*{_TIME}")
_WEEKLY = re.compile(rf"([a-z]{{3}})\s+{_TIME}\s*-\s*([a-z]{{3}})\s+{_TIME}")
_ONCE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d)\s*-\s*(\d{4}-\d\d-\d\d \d\d:\d\d)")
DAY, WEEK = 1440, 7 * 1440


@dataclass(frozen=True, slots=True)
class Window:
    """A span that comes again every ``period`` minutes (0: once, ``begins`` and ``ends`` are times then)."""

    period: int
    begin: int = 0
    end: int = 0
    begins: datetime | None = None
    ends: datetime | None = None

    def covers(self, local: datetime) -> bool:
        """Whether a local time (its zone is ignored) is within."""
        local = local.replace(tzinfo=None)
        if self.begins is not None and self.ends is not None:
            return self.begins <= local < self.ends
        minute = local.hour * 60 + local.minute + (local.weekday() * DAY if self.period == WEEK else 0)
        return (minute - self.begin) % self.period < (self.end - self.begin) % self.period


def parse_window(text: str) -> Window:
    """Read a window; raises ``ValueError`` with one line about what is wrong."""
    plain = text.strip().casefold()
    if match := _ONCE.fullmatch(plain):
        begins, ends = datetime.fromisoformat(match[1]), datetime.fromisoformat(match[2])
        if ends <= begins:
            raise ValueError("ends before it begins")
        return Window(0, begins=begins, ends=ends)
    if match := _DAILY.fullmatch(plain):
        return _again(DAY, _minute(match[1], match[2]), _minute(match[3], match[4]))
    if (match := _WEEKLY.fullmatch(plain)) and match[1] in _DAYS and match[4] in _DAYS:
        begin = _DAYS.index(match[1]) * DAY + _minute(match[2], match[3])
        return _again(WEEK, begin, _DAYS.index(match[4]) * DAY + _minute(match[5], match[6]))
    raise ValueError("is no window: write 22:00-06:00, Sat 22:00-Sun 06:00 or 2026-12-01 08:00-2026-12-01 12:00")


def _minute(hours: str, minutes: str) -> int:
    return int(hours) * 60 + int(minutes)


def _again(period: int, begin: int, end: int) -> Window:
    if (end - begin) % period == 0:
        raise ValueError("is empty: begin and end are the same")
    return Window(period, begin % period, end % period)
