"""Last stage: turns a plan into cases and deliveries, in the ledger's transaction. Called by ``accept``.

Everything here runs in the writer's thread, inside one unit of work: what it reads (open cases of the key, an id seen
before) cannot change before it writes.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import orjson

from addispatch.domain.alarm import Alarm, AlarmState, Priority
from addispatch.domain.case import Case, Clear, Head, Owner, Repeat, priority_of, raise_count
from addispatch.domain.case_state import policy_of
from addispatch.domain.events import AlarmAdded, AlarmExempt, AlarmOpenedClosed, Event
from addispatch.domain.exempt import exempt_keyword
from addispatch.domain.ids import alarm_id, ordered_id
from addispatch.domain.monitor import SOURCE as MONITOR
from addispatch.domain.result import Accepted, CaseRef
from addispatch.pipeline.clear import clear, cleared_after
from addispatch.pipeline.draft import Draft, new_deliveries, reaches_anybody
from addispatch.pipeline.open import Opening
from addispatch.store.held import mark_of
from addispatch.store.waiting import last_queued_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from addispatch.domain.addressbook import Audience
    from addispatch.pipeline.desk import Desk
    from addispatch.pipeline.route import Target
    from addispatch.store.transaction import Entry, Transaction


class Order(NamedTuple):
    """All that is to be stored for one alarm."""

    alarm: Alarm
    drafts: Sequence[tuple[Target, Sequence[Draft]]]
    events: Sequence[Event]
    store_id: str
    desk: Desk
    fingerprint_number: int | None = None
    #: Which node sends; None without a cluster.
    owner: Owner | None = None


def store(transaction: Transaction, order: Order, now_ms: int) -> Accepted:
    """Store an alarm: open cases, add to open ones, or close what it clears."""
    alarm = order.alarm
    if alarm.mark is not None:
        transaction.marks[alarm.mark.name] = alarm.mark.value
    if alarm.id is not None:
        ident = alarm_id(alarm.source, alarm.id)
        if (known := transaction.known_alarm(ident)) is not None:
            refs = tuple(CaseRef(case, code) for case, code in orjson.loads(known))
            return Accepted(alarm_id=ident, cases=refs, duplicate=True)
    else:
        ident = ordered_id(now_ms, random.getrandbits(74))
    if order.fingerprint_number is not None and alarm.fingerprint is not None:
        transaction.remember_intake(order.fingerprint_number, now_ms, alarm.path, alarm.fingerprint)
        if (
            alarm.is_shared
            and alarm.state is AlarmState.RAISED
            and (copy := _copy(transaction, alarm.fingerprint, ident, now_ms))
        ):
            return copy
    transaction.accepted.append(alarm.source)
    for event in order.events:
        transaction.event(now_ms, event)
    if alarm.state is AlarmState.CLEARED:
        words = alarm.text if alarm.source == MONITOR else ""  # others clear by a bare word, or by the alarm's text
        refs = clear(transaction, order.desk, alarm.source, alarm.key or "", alarm.ts, now_ms, words=words)
    else:
        refs = _raise(transaction, order, ident, now_ms)
    if alarm.id is not None:
        transaction.remember_alarm(ident, now_ms, orjson.dumps([(r.id, r.code) for r in refs]).decode())
    return Accepted(alarm_id=ident, cases=refs)


def _copy(transaction: Transaction, fingerprint: bytes, ident: str, now_ms: int) -> Accepted | None:
    """In a cluster: the answer for a publish that the other node heard, too, and told us of first."""
    notes = transaction.notes
    if notes is None:
        return None
    known = notes.twin.pairing.local(fingerprint.hex(), ident, now_ms)
    if known is None:
        notes.arrival(ident, fingerprint.hex())
        return None
    return Accepted(alarm_id=known[0], cases=known[1], duplicate=True)


def _raise(transaction: Transaction, order: Order, ident: str, now_ms: int) -> tuple[CaseRef, ...]:
    alarm, desk = order.alarm, order.desk
    opening = Opening(
        transaction, alarm, ident, desk, now_ms, others=reaches_anybody(order.drafts), owner=order.owner or Owner()
    )
    cleared = _cleared_after(transaction, alarm, now_ms)
    if cleared is not None:
        transaction.event(now_ms, AlarmOpenedClosed(alarm.source, alarm.key or ""))
    refs: dict[str, CaseRef] = {}
    # Those who ask go first: a message that serves several audiences must have the code.
    for target, drafts in sorted(order.drafts, key=lambda one: one[0].audience.policy is None):
        policy = target.audience.policy
        if cleared is not None and (policy is None or policy.close_on_clear):
            refs[target.audience.id] = opening.open_closed(target, cleared)
            continue
        word = exempt_word(alarm, target.audience)
        if word:
            transaction.event(now_ms, AlarmExempt(alarm.text, word))
            if alarm.key and target.audience.policy and target.audience.policy.keyword_clears:
                clear(transaction, desk, alarm.source, alarm.key, alarm.ts, now_ms, audience_id=target.audience.id)
        same = transaction.open_with_key(alarm.source, alarm.key, target.audience.id) if alarm.key and not word else []
        # Of one that is held since a restore nobody hears: this raise must be told.
        same = [entry for entry in same if mark_of(transaction, entry) is None]
        if same:
            _add(transaction, same[0], order, drafts, opening.told, now_ms)
            refs[target.audience.id] = CaseRef(same[0].case.id, same[0].code)
        else:
            refs[target.audience.id] = opening.open(target, drafts, exempt=word)
    return tuple(refs[target.audience.id] for target, _ in order.drafts)


def _cleared_after(transaction: Transaction, alarm: Alarm, now_ms: int) -> Clear | None:
    """Return the clear that overtook this raise, if any.

    Monitors hand over one change after the other, so none overtakes, and what one reading ends and begins has one time.
    """
    if not alarm.key or alarm.ts is None or alarm.source == MONITOR:
        return None
    return cleared_after(transaction, alarm.source, alarm.key, alarm.ts, now_ms)


def exempt_word(alarm: Alarm, audience: Audience) -> str:
    """Return the word because of which nobody in the audience need acknowledge the alarm (SPEC 5.6)."""
    policy = audience.policy
    if policy is None or alarm.is_stated or alarm.ack_required or alarm.priority is Priority.CRITICAL:
        return ""
    return exempt_keyword(alarm.text, policy.exempt_keywords)


def _add(
    transaction: Transaction,
    entry: Entry,
    order: Order,
    drafts: Sequence[Draft],
    told: set[tuple[str, str]],
    now_ms: int,
) -> None:
    """Add a raise to the open case of its key: counted, and told again only if worse or after a long time."""
    case, alarm = entry.case, order.alarm
    head = case.head
    assert head is not None
    mine = case.repeats.get(order.store_id)
    told_rank = priority_of(case).rank
    rank = alarm.priority.rank
    # The most urgent one is remembered: a condition that goes up and down is not told each time it goes up.
    # Later than the clears that are known, whatever the clock of the node that heard them said.
    at_ms = max(now_ms, *(one.at_ms + 1 for one in case.clears)) if case.clears else now_ms
    repeat = Repeat((mine.times if mine else 0) + 1, at_ms, alarm.text, min(rank, told_rank))
    delta = Case(id=case.id, repeats={order.store_id: repeat})
    times = raise_count(case) + 1
    if rank < told_rank or alarm.is_worse or _renotify_is_due(transaction, entry, head, now_ms):
        rows = new_deliveries(alarm, drafts, told, now_ms, desk=order.desk, case=case, code=entry.code, level=-times)
        transaction.add_deliveries(entry, rows, now_ms)
    transaction.join(entry, delta, now_ms)
    transaction.event(now_ms, AlarmAdded(alarm.key or "", head.audience, times), entry)


def _renotify_is_due(transaction: Transaction, entry: Entry, head: Head, now_ms: int) -> bool:
    """Whether the last message is so long ago that another one is due, however often it was raised in between."""
    after_s = policy_of(entry.case).renotify_after_s if head.policy else None
    return after_s is not None and now_ms - last_queued_ms(transaction, entry) >= after_s * 1000
