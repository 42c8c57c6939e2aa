"""What would happen minute by minute if nobody answered: the timeline of ``why``. Called by ``engine.operations``.

It walks the chain of each policy as ``engine.escalate`` does, with hand-overs that take no time, and sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from addispatch.domain.case import Position
from addispatch.domain.escalation import end_of, following, level_at, wait_s
from addispatch.engine.escalate import describe
from addispatch.pipeline.alert import alerted
from addispatch.pipeline.enqueue import exempt_word
from addispatch.pipeline.reach import ways
from addispatch.pipeline.route import Target

if TYPE_CHECKING:
    from addispatch.domain.addressbook import Audience
    from addispatch.domain.alarm import Alarm
    from addispatch.domain.policy import Policy
    from addispatch.pipeline.desk import Desk

#: Most steps of one audience that are told: ten levels and some rounds.
MOST_STEPS = 60


class Step(NamedTuple):
    """One step of one audience's escalation."""

    at: datetime
    audience: str
    what: str
    who: tuple[str, ...]
    problem: str = ""

    def document(self) -> dict[str, Any]:
        """The step for the API."""
        return {
            "at": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            "audience": self.audience,
            "step": self.what,
            "who": list(self.who),
            "problem": self.problem or None,
        }


def forecast(alarm: Alarm, targets: Iterable[Target], desk: Desk, at: datetime) -> list[Step]:
    """Return the steps of all audiences in the order of time, if nobody acknowledges."""
    steps: list[Step] = []
    for target in targets:
        audience = target.audience
        steps.append(_told(audience, desk, at, "told at once", channels=target.channels))
        if audience.policy is not None and not exempt_word(alarm, audience):
            steps += _chain(audience, audience.policy, desk, at)
    return sorted(steps, key=lambda step: step.at)


def _chain(audience: Audience, policy: Policy, desk: Desk, at: datetime) -> list[Step]:
    steps: list[Step] = []
    position = Position()
    if not any(not way.problem for way in ways(Target(audience), desk.provided, refuses=desk.refuses)):
        wait = 0.0
    else:
        wait = wait_s(policy, position)
    while len(steps) < MOST_STEPS:
        at += timedelta(seconds=wait)
        position = following(policy, position)
        if position >= end_of(policy):
            names = tuple(told.name for told in alerted(desk))
            what = "everybody was asked: final report" if policy.is_recall else "everybody was asked: system alert"
            problem = "" if names or policy.is_recall else "nobody is named in system_alert_to"
            steps.append(Step(at, audience.name, what, names, problem))
            return steps
        step = _step(audience, policy, desk, at, position)
        steps.append(step)
        wait = 0.0 if step.problem else wait_s(policy, position)
    return steps


def _step(audience: Audience, policy: Policy, desk: Desk, at: datetime, position: Position) -> Step:
    level, name = level_at(policy, position), describe(position)
    if level is None:
        return _told(audience, desk, at, name)
    found: list[Step] = []
    if level.resend:
        found.append(_told(audience, desk, at, "reminded" if policy.is_recall else "told again"))
    for idents, channels, what in ((level.to, (), "told"), (level.call, ("voice",), "called")):
        for ident in idents:
            target = desk.directory.audience(ident)
            found += [_told(target, desk, at, what, channels=channels)] if target else []
    who = tuple(dict.fromkeys(f"{one} ({step.what})" for step in found for one in step.who))
    return Step(at, audience.name, name, who, "" if who else "nobody can be reached: the next step follows at once")


def _told(audience: Audience, desk: Desk, at: datetime, what: str, *, channels: tuple[str, ...] = ()) -> Step:
    found = [
        way for way in ways(Target(audience, channels=channels), desk.provided, refuses=desk.refuses) if not way.problem
    ]
    names: dict[str, list[str]] = {}
    for way in found:
        names.setdefault(way.recipient.name, []).append(way.channel)
    who = tuple(f"{name} by {' and '.join(dict.fromkeys(used))}" for name, used in names.items())
    return Step(at, audience.name, what, who, "" if who else "nobody can be reached")
