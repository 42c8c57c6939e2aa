"""Judges what a monitor reads: limits with hysteresis and delays, bits, rate of change, stale values, lost contact.

Pure: ``judge(spec, state, reading, now_s)`` returns the next state and what changed. The words are those of ISA-18.2:
deadband, on-delay, off-delay, suppression. Used by ``engine.monitoring``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.alarm import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping


class Limit(StrEnum):
    """What can be wrong with a value, the worst first."""

    HIHI = "hihi"
    LOLO = "lolo"
    HI = "hi"
    LO = "lo"
    ON = "on"
    """A bit or a truth value is as it should not be."""
    RATE = "rate"
    """It changes too fast."""
    STALE = "stale"
    """It has not changed for too long."""


_RANK = {limit: rank for rank, limit in enumerate(Limit)}
#: The limits of a level, from above; the others (rate, a bit, stale) are rules of their own.
LEVELS = (Limit.HIHI, Limit.HI, Limit.LO, Limit.LOLO)
_HIGH = frozenset({Limit.HIHI, Limit.HI})
_LOW = frozenset({Limit.LOLO, Limit.LO})

Value = float | bool | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a monitor's readings are judged. Times in seconds; ``None`` turns a limit off.

    ``retries`` failed readings in a row are forgiven; the next one is a loss of contact. ``alarm_on`` is the value of a
    bit that is an alarm. ``rate`` is the most a value may change in a second.
    """

    limits: Mapping[Limit, float] = field(default_factory=dict)
    alarm_on: bool | None = None
    rate: float | None = None
    stale_after_s: float | None = None
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    retries: int = 2
    priority: Priority = Priority.HIGH
    priorities: Mapping[Limit, Priority] = field(default_factory=dict)
    watched: frozenset[Limit] = field(init=False, repr=False, compare=False)
    """The limits there are."""

    def __post_init__(self) -> None:
        others = {Limit.ON: self.alarm_on, Limit.RATE: self.rate, Limit.STALE: self.stale_after_s}
        watched = frozenset((*self.limits, *(limit for limit, value in others.items() if value is not None)))
        object.__setattr__(self, "watched", watched)

    def priority_of(self, limit: Limit) -> Priority:
        """The priority of an alarm of that limit."""
        return self.priorities.get(limit, self.priority)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a probe saw: a value (None if it only looks whether somebody is there), or why it saw nothing."""

    value: Value | None = None
    problem: str = ""
    latency_s: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One limit: whether it is an alarm, and since when the value has been saying otherwise (None: it does not)."""

    is_active: bool = False
    differs_since_s: float | None = None


_CALM = Judged()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of a monitor. Times are seconds of one clock that does not step; ``is_lost`` is lost contact."""

    value: Value | None = None
    value_at_s: float | None = None
    changed_at_s: float | None = None
    problem: str = ""
    failed_count: int = 0
    is_lost: bool = False
    judged: Mapping[Limit, Judged] = field(default_factory=dict)

    @property
    def active(self) -> Limit | None:
        """The worst limit that is an alarm."""
        return min((limit for limit, one in self.judged.items() if one.is_active), key=_RANK.__getitem__, default=None)


class Change(StrEnum):
    """What became of it."""

    LOST = "lost"
    FOUND = "found"
    RAISED = "raised"
    """An alarm, or a worse one of the same side."""
    EASED = "eased"
    """Still an alarm, and not as bad as before: no news for people."""
    CLEARED = "cleared"


class Verdict(NamedTuple):
    """A change and the limit it is about (None for contact)."""

    change: Change
    limit: Limit | None = None


def judge(
    rules: Rules, state: State, reading: Reading, now_s: float, *, suppressed: bool = False
) -> tuple[State, list[Verdict]]:
    """Take in a reading. While ``suppressed`` (maintenance, parent down) no alarm begins or ends; delays start anew."""
    problem = reading.problem or _unusable(reading.value)
    if problem:
        return _failed(rules, state, problem, suppressed=suppressed)
    is_new = reading.value != state.value
    changed_at_s = now_s if is_new or state.changed_at_s is None else state.changed_at_s
    is_found = state.is_lost and not suppressed
    truths = _truths(rules, state, reading.value, now_s, changed_at_s)
    judged = _judged(rules, state.judged, truths, now_s, suppressed=suppressed)
    # Not ``replace``, which takes as long as all the rest: this runs for each reading.
    after = State(
        value=reading.value,
        value_at_s=now_s,
        changed_at_s=changed_at_s,
        is_lost=state.is_lost and not is_found,
        judged=judged,
    )
    found = [Verdict(Change.FOUND)] if is_found else []
    return after, found if judged is state.judged else found + _verdicts(state.active, after.active)


def _judged(
    rules: Rules, before: Mapping[Limit, Judged], truths: Mapping[Limit, bool], now_s: float, *, suppressed: bool
) -> Mapping[Limit, Judged]:
    """All limits after a reading; the same mapping if nothing became of it, as nearly always."""
    changed: dict[Limit, Judged] = {}
    for limit, is_true in truths.items():
        one = before.get(limit, _CALM)
        after = _next(rules, one, is_true=is_true, now_s=now_s, suppressed=suppressed)
        if after is not one:
            changed[limit] = after
    # What this value says nothing about (a text where a number was, the first reading of a rate) stays as it is.
    if before.keys() <= rules.watched:
        return {**before, **changed} if changed else before
    return {limit: one for limit, one in before.items() if limit in rules.watched} | changed


def _failed(rules: Rules, state: State, problem: str, *, suppressed: bool) -> tuple[State, list[Verdict]]:
    """Nothing is known of the value: its alarms stay as they are, and no delay runs on."""
    waiting = {limit: replace(one, differs_since_s=None) for limit, one in state.judged.items()}
    failed_count = 0 if suppressed else state.failed_count + 1
    after = replace(state, problem=problem, failed_count=failed_count, judged=waiting)
    if after.is_lost or failed_count <= rules.retries or suppressed:
        return after, []
    return replace(after, is_lost=True), [Verdict(Change.LOST)]


def _unusable(value: Value | None) -> str:
    if isinstance(value, float) and not isfinite(value):
        return "the value is not a number" if value != value else "the value is infinite"  # noqa: PLR0124 - NaN
    return ""


def _truths(
    rules: Rules, state: State, value: Value | None, now_s: float, changed_at_s: float | None
) -> dict[Limit, bool]:
    """Which limits the value violates; one that is an alarm stays violated within the deadband."""
    truths: dict[Limit, bool] = {}
    if rules.alarm_on is not None and value is not None:
        truths[Limit.ON] = bool(value) is rules.alarm_on
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        for limit, at in rules.limits.items():
            band = rules.deadband if state.judged.get(limit, _CALM).is_active else 0.0
            truths[limit] = _is_beyond(limit, value, at, band)
        before = state.value
        if rules.rate is not None and isinstance(before, (int, float)) and state.value_at_s is not None:
            passed_s = now_s - state.value_at_s
            truths[Limit.RATE] = passed_s > 0 and abs(value - before) / passed_s > rules.rate
    if rules.stale_after_s is not None and changed_at_s is not None:
        truths[Limit.STALE] = now_s - changed_at_s >= rules.stale_after_s
    return truths


def _next(rules: Rules, one: Judged, *, is_true: bool, now_s: float, suppressed: bool) -> Judged:
    """One limit after a reading: it changes when the value has said so for the whole delay."""
    if is_true == one.is_active or suppressed:
        return replace(one, differs_since_s=None) if one.differs_since_s is not None else one
    since_s = one.differs_since_s if one.differs_since_s is not None else now_s
    delay_s = rules.on_delay_s if is_true else rules.off_delay_s
    if now_s - since_s >= delay_s:
        return Judged(is_active=is_true)
    return replace(one, differs_since_s=since_s)


def _verdicts(before: Limit | None, after: Limit | None) -> list[Verdict]:
    if before is after:
        return []
    if after is None:
        return [Verdict(Change.CLEARED, before)]
    if before is None:
        return [Verdict(Change.RAISED, after)]
    if _side(before) != _side(after):
        # Too hot and then too cold is the end of one alarm and the begin of another.
        return [Verdict(Change.CLEARED, before), Verdict(Change.RAISED, after)]
    return [Verdict(Change.RAISED if _RANK[after] < _RANK[before] else Change.EASED, after)]


def is_worse(limit: Limit, than: Limit) -> bool:
    """Whether who was told of one limit does not know of the other yet: it is worse, or something else."""
    return _side(limit) != _side(than) or _RANK[limit] < _RANK[than]


def would_hold(before: Rules | None, after: Rules, limit: Limit, value: Value | None) -> bool:
    """Whether an alarm that ended by the rules ``after`` would go on by others, by which it was raised."""
    if before is None or limit not in after.watched:
        return limit not in after.watched
    if limit is Limit.ON:
        return bool(value) is before.alarm_on
    if limit in before.limits and isinstance(value, (int, float)):
        at, band = before.limits[limit], before.deadband
        return _is_beyond(limit, value, at, band)
    return (before.rate, before.stale_after_s) != (after.rate, after.stale_after_s)


def _is_beyond(limit: Limit, value: float, at: float, band: float) -> bool:
    return value >= at - band if limit in _HIGH else value <= at + band


def _side(limit: Limit) -> str:
    return "high" if limit in _HIGH else "low" if limit in _LOW else limit.value
