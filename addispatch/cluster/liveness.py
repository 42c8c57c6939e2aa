"""Is the other node alive? Judged by its heartbeats on all paths, never by one broken broker (CLUSTER, TIMING).

Pure; times are seconds of a clock that never steps. Used by ``node``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The protocol's times in seconds."""

    hb_s: float = 0.25
    suspect_s: float = 1.0
    t_dead_s: float = 1.5
    t_settle_s: float = 2.5
    t_mirror_s: float = 0.5
    #: What the other node has not confirmed is asked for again after so long.
    resend_s: float = 0.5
    #: No verdict on a path in its first seconds: a broker that came back may still be sorting itself out.
    path_grace_s: float = 5.0
    #: A path that comes and goes excuses no longer silence than this.
    longest_grace_s: float = 15.0
    #: After a last will: silence of this length is the end.
    will_s: float = 0.3
    #: A loop that was late by more than this says nothing about others.
    lag_s: float = 0.5
    #: An entry is not handed over twice in this time.
    handover_s: float = 30.0

    @property
    def freeze_s(self) -> float:
        """A gap in our own running after which the other node may have taken over."""
        return 0.8 * self.t_dead_s


class Standing(StrEnum):
    """What is thought of the other node."""

    UNKNOWN = "unknown"
    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"


class Liveness:
    """Tell it of paths and heartbeats; ``look`` returns the verdict."""

    #: Up after so many heartbeats in a row.
    RUN_COUNT = 3

    def __init__(self, timing: Timing, now_s: float) -> None:
        self._timing = timing
        self._paths: dict[str, float] = {}
        self._began_s = self._heard_s = now_s
        self._number = -1
        self._run_count = 0
        self._will_s: float | None = None
        self.standing = Standing.UNKNOWN

    def path_up(self, path: str, now_s: float) -> None:
        """A broker can be reached now."""
        self._paths[path] = now_s

    def path_down(self, path: str) -> None:
        """A broker cannot be reached any more."""
        self._paths.pop(path, None)

    def restart(self) -> None:
        """The other node has started anew: its heartbeats are counted from the beginning."""
        self._number, self._run_count, self._will_s = -1, 0, None

    def beat(self, number: int, now_s: float) -> None:
        """A fresh heartbeat came; second copies by other paths and old ones change nothing."""
        if number <= self._number:
            return
        is_in_a_row = now_s - self._heard_s < self._timing.suspect_s
        self._run_count = self._run_count + 1 if is_in_a_row else 1
        self._number, self._heard_s, self._will_s = number, now_s, None

    def will(self, now_s: float) -> None:
        """A broker told that the other node's connection ended: a hint."""
        if self._will_s is None:
            self._will_s = now_s

    def excuse(self, gap_s: float) -> None:
        """We did not run for so long: that silence is our own."""
        self._heard_s += gap_s
        if self._will_s is not None:
            self._will_s += gap_s

    def silence_s(self, now_s: float) -> float:
        """How long nothing was heard."""
        return now_s - self._heard_s

    def look(self, now_s: float) -> Standing:
        """Judge."""
        silence_s, timing = now_s - self._heard_s, self._timing
        is_gone = self._will_s is not None and now_s - self._will_s >= timing.will_s
        if (silence_s >= timing.t_dead_s or is_gone) and self._may_judge(now_s, silence_s):
            self.standing, self._run_count = Standing.DOWN, 0
        elif self.standing in (Standing.UNKNOWN, Standing.DOWN):
            if self._run_count >= self.RUN_COUNT and silence_s < timing.suspect_s:
                self.standing = Standing.UP
        elif silence_s >= timing.suspect_s or self._will_s is not None:
            self.standing = Standing.SUSPECT
        else:
            self.standing = Standing.UP
        return self.standing

    def _may_judge(self, now_s: float, silence_s: float) -> bool:
        """Whether silence says anything: every path we have is older than its grace, or it lasts too long anyway."""
        if silence_s >= self._timing.longest_grace_s:
            return True
        return all(now_s - at_s >= self._timing.path_grace_s for at_s in (self._began_s, *self._paths.values()))
