"""After a take-over people are told which number answers now (SPEC 8): replies go to the SIM that wrote.

Used by ``engine.joining`` when the other node, or its only modem, has died.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.domain.alarm import Priority
from addispatch.domain.case import CaseState, DeliveryKey, priority_of
from addispatch.domain.case_state import asks, policy_of
from addispatch.domain.delivery import Kind
from addispatch.domain.text import cut_to_segments
from addispatch.pipeline.ask import urgency_of
from addispatch.store import lookup
from addispatch.store.rows import NewDelivery

if TYPE_CHECKING:
    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Entry, Transaction

#: Put before the text.
NOW_FROM = "(now from this number) "
#: Levels of these texts: below all others, one for each take-over.
TAKEOVER_LEVEL = -20_000


def repeat_number(transaction: Transaction, desk: Desk, entry: Entry, now_ms: int) -> int:
    """Send each person of the current level who was texted and has not answered the text again, from this SIM."""
    case = entry.case
    if (
        entry.state[0] is not CaseState.OPEN
        or case.head is None
        or not case.head.needs_ack
        or "sms" not in desk.provided
    ):
        return 0
    policy, priority = policy_of(case), priority_of(case)
    is_wanted = policy.repeat_on_takeover
    if not (priority in (Priority.CRITICAL, Priority.HIGH) if is_wanted is None else is_wanted):
        return 0
    answered = {note.by for note in (*case.acks, *case.declines)}
    texted = {
        key
        for key, state in asks(case)
        if key.channel == "sms" and key[:2] == case.position and state.was_tried and key.recipient not in answered
    }
    level = TAKEOVER_LEVEL - case.owner.epoch
    rows: dict[str, NewDelivery] = {}
    for row in lookup.told(transaction, entry):
        if row.key not in texted or case.deliveries[row.key].is_pending:
            continue
        key = DeliveryKey(case.position.cycle, level, row.key.recipient, "sms", row.key.address)
        text = cut_to_segments(NOW_FROM + row.text, desk.max_segments)
        urgency = int(urgency_of(policy, priority))
        rows[row.key.address] = NewDelivery(key, row.recipient, text, urgency, now_ms, kind=Kind.ASK)
    fresh = [row for row in rows.values() if row.key not in case.deliveries]
    if fresh:
        transaction.add_deliveries(entry, fresh, now_ms)
    return len(fresh)
