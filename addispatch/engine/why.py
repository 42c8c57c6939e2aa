"""Says in words what would happen to an alarm, and why. Called by ``engine.operations`` for the dry run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from addispatch.domain.text import segment_count

if TYPE_CHECKING:
    from addispatch.domain.alarm import Alarm
    from addispatch.pipeline.draft import Draft
    from addispatch.pipeline.route import Plan, Target

#: How a target came into the plan, by the name the router gave it.
_BECAUSE = {"to": "named by the alarm itself", "fallback": "because nobody else would be reached"}


def why_lines(alarm: Alarm, plan: Plan, drafts: Sequence[tuple[Target, Sequence[Draft]]]) -> list[str]:
    """One sentence per decision, in the order they are taken."""
    where = f"{alarm.source} {alarm.topic}".strip()
    lines = [f"A {alarm.priority} alarm from {where}: {alarm.text}"]
    lines += [event.line for event in plan.events]
    for target, made in drafts:
        because = _BECAUSE.get(target.route, f"by route {target.route}")
        usable = sum(1 for draft in made if not (draft.problem or draft.filtered))
        lines.append(f"It goes to {target.audience.name}, {because}: {usable} message(s).")
        if target.template:
            lines.append(f"The text is made by the template {target.template}.")
        policy = target.audience.policy
        if policy is not None:
            lines.append(f"Somebody must acknowledge: {target.audience.name} has the policy {policy.name}.")
        elif alarm.ack_required:
            lines.append("Somebody must acknowledge: the alarm asks for it.")
        for draft in made:
            if problem := draft.problem or draft.filtered:
                lines.append(f"{draft.recipient} is not told by {draft.channel}: {problem}.")
    return lines


def why_doc(target: Target, draft: Draft) -> dict[str, Any]:
    """One delivery of the plan."""
    return {
        "audience": target.audience.name,
        "route": target.route,
        "recipient": draft.recipient,
        "channel": draft.channel,
        "to": draft.address,
        "text": draft.text,
        "segments": segment_count(draft.text) if draft.channel == "sms" else None,
        "when": _when(draft),
        "problem": draft.problem or draft.filtered or None,
    }


def _when(draft: Draft) -> str:
    if draft.rung == 0:
        return "at once"
    if draft.step_after_s:
        return f"after {draft.rung * draft.step_after_s:.0f} s, or when the way before it fails"
    return "when the way before it fails"
