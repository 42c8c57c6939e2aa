"""What ``addispatch doctor`` finds out about the directory: who could not be told. Used by ``engine.doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.pipeline.alert import alerted
from addispatch.pipeline.reach import ways
from addispatch.pipeline.route import Target
from addispatch.sdk.protocols import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from addispatch.domain.addressbook import Audience
    from addispatch.domain.policy import Level, Policy
    from addispatch.pipeline.desk import Desk

#: Most names in one finding.
MOST_NAMES = 5


def people(desk: Desk) -> list[Finding]:
    """Look at everybody who may have to be told."""
    return [system_alerts(desk), recipients(desk), *refused(desk), *groups(desk), *policies(desk)]


def system_alerts(desk: Desk) -> Finding:
    """Whether anybody hears of trouble with addispatch itself."""
    what, audiences = "system alerts", alerted(desk)
    if not audiences:
        advice = 'name recipients or groups in directory.toml: [settings] system_alert_to = ["…"]'
        return Finding(what, problem="system_alert_to is empty: nobody hears of trouble", advice=advice)
    told = [
        f"{way.recipient.name} by {way.channel}"
        for audience in audiences
        for way in ways(Target(audience), desk.provided, refuses=desk.refuses)
        if not way.problem
    ]
    if not told:
        problem = f"{_names(audience.name for audience in audiences)} cannot be reached"
        return Finding(what, problem=problem, advice="give them an address of a channel that is configured")
    return Finding(what, _names(dict.fromkeys(told)))


def recipients(desk: Desk) -> Finding:
    """Whether each recipient can be reached by some channel."""
    what, everybody = "recipients", [who for who in desk.directory.recipients.values() if who.enabled]
    if not everybody:
        advice = "write directory.toml or 'addispatch directory import F'"
        return Finding(what, problem="there is nobody: no alarm would be told", advice=advice)
    lost = [who.name for who in everybody if not _is_reached(desk.directory.audience(who.id), desk)]
    if lost:
        channels = ", ".join(sorted(desk.provided)) or "none"
        advice = f"give them a number or address of a channel that is configured ({channels})"
        return Finding(
            what, problem=f"{len(lost)} of {len(everybody)} cannot be reached: {_names(lost)}", advice=advice
        )
    return Finding(what, f"{len(everybody)}, each can be reached")


def refused(desk: Desk) -> list[Finding]:
    """Numbers and addresses that a channel of this node will never take."""
    found = {
        f"{who.name}: {why}": None
        for who in desk.directory.recipients.values()
        if who.enabled
        for channel in sorted(desk.provided)
        for address in who.addresses(channel)
        if (why := desk.refuses(channel, address))
    }
    if not found:
        return []
    advice = "mend the number or address, or let the plugin take it"
    return [Finding("addresses", problem=f"nothing goes to {_names(found)}", advice=advice)]


def groups(desk: Desk) -> list[Finding]:
    """Whether each group has somebody who can be reached."""
    lost = [
        one.name for one in desk.directory.groups.values() if not _is_reached(desk.directory.audience(one.id), desk)
    ]
    if lost:
        return [Finding("groups", problem=f"nobody in {_names(lost)} can be reached", advice="add members who can")]
    count = len(desk.directory.groups)
    return [Finding("groups", f"{count}, each reaches somebody")] if count else []


def policies(desk: Desk) -> list[Finding]:
    """Whether each level of each policy reaches somebody."""
    found = [finding for policy in desk.directory.policies.values() for finding in _levels(policy, desk)]
    if found:
        return found
    count = len(desk.directory.policies)
    return [Finding("policies", f"{count}, each level reaches somebody")] if count else []


def _levels(policy: Policy, desk: Desk) -> list[Finding]:
    found = []
    for number, level in enumerate(policy.levels, 1):
        if level.resend or (why := _unreached(level, desk)) is None:
            continue
        what = f"policy {policy.name}, level {number}"
        advice = "give it a target that can be reached; escalation goes on to the next level at once"
        found.append(Finding(what, problem=f"reaches nobody: {why}", advice=advice))
    return found


def _unreached(level: Level, desk: Desk) -> str | None:
    """Why a level reaches nobody; None if it reaches somebody."""
    reasons: list[str] = []
    for idents, channels in ((level.to, ()), (level.call, ("voice",))):
        for ident in idents:
            audience = desk.directory.audience(ident)
            if audience is None:
                reasons.append("somebody who is not there any more")
                continue
            found = ways(Target(audience, channels=channels), desk.provided, refuses=desk.refuses)
            if any(not way.problem for way in found):
                return None
            reasons.append(f"{audience.name} ({found[0].problem if found else _without(ident, desk)})")
    return _names(reasons) or "it has no target"


def _without(ident: str, desk: Desk) -> str:
    """Why there is no way at all to an audience."""
    person, audience = desk.directory.recipients.get(ident), desk.directory.audience(ident)
    if person is not None and not person.enabled:
        return "is disabled"
    return "has no number or address" if audience is not None and audience.recipients else "has nobody who is enabled"


def _is_reached(audience: Audience | None, desk: Desk) -> bool:
    return audience is not None and any(
        not way.problem for way in ways(Target(audience), desk.provided, refuses=desk.refuses)
    )


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - MOST_NAMES
    return ", ".join(listed[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
