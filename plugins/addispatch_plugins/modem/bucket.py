"""How fast one SIM may send: a token bucket counted in parts, with a reserve for emergencies. Pure; used by ``budget``.

Times are monotonic, in seconds.
"""

from __future__ import annotations


class Bucket:
    """``burst`` parts at once, then ``rate_per_minute``; as much again is the reserve that only emergencies use.

    A text with more parts than ``burst`` may go when the bucket is full, and is paid off afterwards; so may an
    emergency with more than twice as many when the reserve is full, too. In any stretch of t minutes ordinary texts
    thus make at most ``burst + rate_per_minute * t`` parts, together with emergencies ``burst`` more; a text longer
    than ``burst`` exceeds that by its difference. A rate of 0 is none: everything may go.
    """

    def __init__(self, rate_per_minute: float, burst: int, now_s: float) -> None:
        self.level = self.reserve = float(burst)
        self._rate_s, self._burst = rate_per_minute / 60, burst
        self._at_s = now_s

    @property
    def is_off(self) -> bool:
        """Whether nothing is counted."""
        return self._rate_s == 0

    def restore(self, level: float, reserve: float, passed_s: float, now_s: float) -> None:
        """Go on where an earlier process stopped ``passed_s`` ago; a clock that was set back is no time passed."""
        self.level, self.reserve = min(level, self._burst), min(max(reserve, 0.0), self._burst)
        self._at_s = now_s - max(passed_s, 0.0)
        self.refill(now_s)

    def refill(self, now_s: float) -> None:
        """Add what came in since the last look: to the reserve first."""
        came = max(now_s - self._at_s, 0.0) * self._rate_s
        self._at_s = max(self._at_s, now_s)
        to_reserve = min(came, self._burst - self.reserve)
        self.reserve += to_reserve
        self.level = min(self.level + came - to_reserve, self._burst)

    def wait_s(self, parts: int, *, urgent: bool, now_s: float) -> float:
        """Return how long a text of so many parts has to wait if nothing else is sent; 0: it may go."""
        if self.is_off or parts == 0:
            return 0.0
        needed = min(parts, self._burst)
        if self.level >= needed:
            return 0.0
        self.refill(now_s)
        if urgent:
            missing = min(parts, 2 * self._burst) - self.level - self.reserve
            if parts <= self._burst:
                missing = min(missing, parts - self.reserve)
        else:
            missing = needed - self.level
            if missing > 0:
                missing += self._burst - self.reserve
        # What rounding leaves is not worth a wait: the sleeper would wake a nanosecond early for ever.
        return missing / self._rate_s if missing > 1e-6 else 0.0

    def take(self, parts: int, *, urgent: bool, now_s: float) -> None:
        """Count a text that goes now; an emergency uses the reserve for what is missing."""
        if self.is_off:
            return
        self.refill(now_s)
        from_reserve = min(max(parts - max(self.level, 0.0), 0.0), self.reserve) if urgent else 0.0
        self.reserve -= from_reserve
        self.level -= parts - from_reserve

    def give_back(self, parts: int, now_s: float) -> None:
        """So many parts of what was taken did not go; ordinary texts get them, whoever had taken them."""
        self.refill(now_s)
        self.level = min(self.level + parts, self._burst)
