"""Numbers that keep sending wrong codes: counted, then not listened to for a while (SPEC 5.3). Kept by ``engine``.

A lock-out only makes the codes of a number count for nothing: links, mail tokens and the console still acknowledge, so
it can cause more alerts, never fewer. Clearing one is storing ``Lockout()``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

#: So many wrong codes …
MAX_FAILURES_COUNT = 5
#: … within this time lock a number …
WINDOW_MS = 3_600_000
#: … for so long.
LOCK_MS = 3_600_000
#: What ``value`` takes at most.
MAX_VALUE_BYTES = 256
#: A lock-out that begins within this time after the beginning of the one before holds until an operator clears it.
AGAIN_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Lockout:
    """What is known about one number. All times in ms since 1970, UTC.

    ``failed_at_ms`` are the wrong codes of the last hour, ``locked_at_ms`` is when the last lock-out began. Times count
    by their distance from now, before or after: a clock set back a little frees nobody, and one set back far locks
    nobody for years.
    """

    failed_at_ms: tuple[int, ...] = ()
    locked_at_ms: int | None = None
    is_for_good: bool = False

    @classmethod
    def parse(cls, value: bytes) -> Lockout:
        """Return what ``value`` wrote; bytes that are no such value count as nothing failed yet."""
        try:
            data = json.loads(value[: MAX_VALUE_BYTES + 1])
            failed = tuple(_time(at) for at in data.get("failed", ()))[-MAX_FAILURES_COUNT:]
            locked = data.get("locked")
            return cls(failed, None if locked is None else _time(locked), data.get("good") is True)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return cls()

    @property
    def value(self) -> bytes:
        """For the ledger: JSON, at most ``MAX_VALUE_BYTES`` for times of 64 bits."""
        data: dict[str, object] = {}
        if self.failed_at_ms:
            data["failed"] = self.failed_at_ms
        if self.locked_at_ms is not None:
            data["locked"] = self.locked_at_ms
        if self.is_for_good:
            data["good"] = True
        return json.dumps(data, separators=(",", ":")).encode()

    @property
    def why(self) -> str:
        """Why the last lock-out began, for people; empty if there was none."""
        if self.is_for_good:
            return f"locked a second time within {AGAIN_MS // 3_600_000} hours"
        if self.locked_at_ms is None:
            return ""
        return f"{MAX_FAILURES_COUNT} wrong codes within {WINDOW_MS // 60_000} minutes"

    def is_locked(self, now_ms: int) -> bool:
        """Whether codes of this number count for nothing."""
        return self.is_for_good or _is_near(self.locked_at_ms, now_ms, LOCK_MS)

    def until_ms(self, now_ms: int) -> int | None:
        """When it ends: ``now_ms`` if it is not locked, None if only an operator ends it."""
        if self.is_for_good:
            return None
        return self.locked_at_ms + LOCK_MS if self.locked_at_ms is not None and self.is_locked(now_ms) else now_ms

    def failed(self, now_ms: int) -> tuple[Lockout, bool]:
        """Count a wrong code; True if this one locks the number now. While it is locked, nothing is counted."""
        if self.is_locked(now_ms):
            return self, False
        recent = (*(at for at in self.failed_at_ms if _is_near(at, now_ms, WINDOW_MS)), now_ms)
        if len(recent) < MAX_FAILURES_COUNT:
            return Lockout(recent, self.locked_at_ms), False
        return Lockout((), now_ms, _is_near(self.locked_at_ms, now_ms, AGAIN_MS)), True


def _is_near(at_ms: int | None, now_ms: int, span_ms: int) -> bool:
    return at_ms is not None and abs(now_ms - at_ms) < span_ms


def _time(at_ms: object) -> int:
    if not isinstance(at_ms, int) or at_ms.bit_length() > 63:
        raise TypeError("no time")
    return at_ms
