"""Something of addispatch itself that people must hear of while it is bad: when it is told, and when its end is.

Pure. Used by ``engine.conditions``; the rules are those of SPEC 7 (system alerts).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

#: The same condition is told at most once in so long.
AGAIN_MS = 30 * 60_000
#: One that lasts is told again after ``AGAIN_MS``, then each time after four times as long, at most once a day.
GROWTH, LONGEST_MS = 4, 24 * 3_600_000


class Telling(StrEnum):
    """What there is to say."""

    BEGAN = "began"
    LASTS = "lasts"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. ``problem`` is empty when all is well; ``since_s`` is monotonic, ``told_at_ms`` is UTC.

    ``told_count`` counts the alerts since it was last told to be over: above 0, people believe it is bad.
    """

    problem: str = ""
    since_s: float = 0.0
    grace_s: float = 0.0
    told_at_ms: int | None = None
    told_count: int = 0
    told_problem: str = ""

    def reported(self, problem: str, grace_s: float, now_s: float) -> Condition:
        """How it stands after somebody looked; another problem with the same name is the same condition."""
        if bool(problem) != bool(self.problem):
            return replace(self, problem=problem, grace_s=grace_s, since_s=now_s)
        if problem == self.problem and grace_s == self.grace_s:
            return self
        return replace(self, problem=problem, grace_s=grace_s)

    def due(self, now_s: float, now_ms: int) -> Telling | None:
        """What is to be told now, if anything."""
        if not self.problem:
            return Telling.OVER if self.told_count else None
        if now_s - self.since_s < self.grace_s:
            return None
        if self.told_at_ms is not None and 0 <= now_ms - self.told_at_ms < self._pause_ms:
            return None
        return Telling.LASTS if self.told_count else Telling.BEGAN

    @property
    def _pause_ms(self) -> int:
        growth: int = GROWTH ** max(self.told_count - 1, 0)
        return min(AGAIN_MS * growth, LONGEST_MS)

    def told(self, telling: Telling, now_ms: int) -> Condition:
        """How it stands after that was told. The time of the last alert outlives the end: a flutter is told once."""
        if telling is Telling.OVER:
            return replace(self, told_count=0, told_problem="")
        return replace(self, told_at_ms=now_ms, told_count=self.told_count + 1, told_problem=self.problem)

    def is_bad(self, now_s: float) -> bool:
        """Whether it has been bad for longer than its grace time."""
        return bool(self.problem) and now_s - self.since_s >= self.grace_s
