"""The chain of a policy: which step follows which, and how long after (SPEC 5.1). Used by ``engine.escalate``, ``why``.

A chain is the audience itself (level 0), then the levels. After the last one its own wait passes once more; then the
chain begins again for each ``repeat``; then it has ended, and only people move the case.
"""

from __future__ import annotations

from addispatch.domain.case import Position
from addispatch.domain.policy import FIRST_AFTER_MINUTES, Level, Policy


def end_of(policy: Policy) -> Position:
    """The position behind the last step."""
    return Position(policy.repeat + 1, 0)


def is_ended(policy: Policy, position: Position) -> bool:
    """Whether nobody further is asked."""
    return position >= end_of(policy)


def reached(policy: Policy, position: Position) -> Position:
    """The last step that was taken: after the end, that of the last level in the last round."""
    return Position(policy.repeat, len(policy.levels)) if is_ended(policy, position) else position


def following(policy: Policy, position: Position) -> Position:
    """The step after this one; perhaps the end."""
    cycle, level = position
    return Position(cycle, level + 1) if level < len(policy.levels) else Position(cycle + 1, 0)


def wait_s(policy: Policy, position: Position) -> float:
    """Seconds from the hand-over of this step's messages to the next step."""
    if not policy.levels:
        return FIRST_AFTER_MINUTES * 60
    return policy.levels[min(position.level, len(policy.levels) - 1)].after_minutes * 60


def level_at(policy: Policy, position: Position) -> Level | None:
    """The level of a step; None for the audience itself."""
    return policy.levels[position.level - 1] if position.level else None
