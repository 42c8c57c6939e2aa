"""What keeps strangers from costing much: how many bad envelopes are opened, how often people hear of them. Pure.

Called by ``cluster.link``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: How often one reason is told, in seconds.
TELL_EVERY_S = 60.0


class Allowance:
    """So many a second, and as many at once (a token bucket)."""

    def __init__(self, per_s: float, monotonic_s: Callable[[], float]) -> None:
        self._per_s = self._left = per_s
        self._monotonic_s = monotonic_s
        self._at_s = monotonic_s()

    def is_left(self) -> bool:
        """Tell whether one more may be spent."""
        now_s = self._monotonic_s()
        self._left = min(self._left + (now_s - self._at_s) * self._per_s, self._per_s)
        self._at_s = now_s
        return self._left >= 1

    def spend(self) -> None:
        """Take one."""
        self._left -= 1


class Complaints:
    """Tells of a reason at once, then for a minute only counts."""

    def __init__(self, tell: Callable[[str, str, int], None], monotonic_s: Callable[[], float]) -> None:
        """``tell(reason, path, count)``: ``count`` since it was last told."""
        self._tell, self._monotonic_s = tell, monotonic_s
        self._told_s: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def add(self, reason: str, path: str) -> None:
        """Note one more."""
        count = self._untold.get(reason, 0) + 1
        now_s = self._monotonic_s()
        if reason in self._told_s and now_s - self._told_s[reason] < TELL_EVERY_S:
            self._untold[reason] = count
            return
        self._told_s[reason] = now_s
        self._untold[reason] = 0
        self._tell(reason, path, count)
