"""Last stage: turns a plan into cases and deliveries, in the ledger's transaction. Called by ``accept``.

Everything here runs in the writer's thread, inside one unit of work: what it reads (open cases of the key, an id seen
before) cannot change before it writes.
"""

from __future__ import annotations

import random
import secrets
from typing import TYPE_CHECKING, NamedTuple

import orjson

from addispatch.domain.alarm import Alarm, AlarmState
from addispatch.domain.case import (
    Case,
    CaseState,
    Clear,
    DeliveryKey,
    DeliveryState,
    Fact,
    Head,
    Repeat,
    last_text,
    priority_of,
    raise_count,
)
from addispatch.domain.codes import new_code
from addispatch.domain.delivery import queue_class
from addispatch.domain.events import (
    AlarmAccepted,
    AlarmAdded,
    AlarmCleared,
    AlarmReachesNobody,
    AudienceUnreachable,
    CaseClosed,
    DeliveryFailed,
    Event,
)
from addispatch.domain.ids import alarm_id, case_id, ordered_id
from addispatch.domain.result import Accepted, CaseRef
from addispatch.store.rows import NewDelivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from addispatch.domain.addressbook import Audience
    from addispatch.pipeline.route import Target
    from addispatch.store.transaction import Entry, Transaction

#: A code is not given out again for so long after its case closed.
CODE_REST_MS = 7 * 86_400_000


class Draft(NamedTuple):
    """One delivery as composed: whom, how, where, what; ``problem`` or ``filtered`` make it final at once."""

    recipient_id: str
    recipient: str
    channel: str
    address: str
    text: str
    subject: str
    rung: int = 0
    step_after_s: float | None = None
    problem: str = ""
    filtered: str = ""


class Order(NamedTuple):
    """All that is to be stored for one alarm."""

    alarm: Alarm
    drafts: Sequence[tuple[Target, Sequence[Draft]]]
    events: Sequence[Event]
    store_id: str
    fingerprint_number: int | None = None


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
    transaction.accepted.append(alarm.source)
    for event in order.events:
        transaction.event(now_ms, event)
    cleared = alarm.state is AlarmState.CLEARED
    refs = _clear(transaction, alarm, now_ms) if cleared else _raise(transaction, order, ident, now_ms)
    if alarm.id is not None:
        transaction.remember_alarm(ident, now_ms, orjson.dumps([(r.id, r.code) for r in refs]).decode())
    return Accepted(alarm_id=ident, cases=refs)


def _raise(transaction: Transaction, order: Order, ident: str, now_ms: int) -> tuple[CaseRef, ...]:
    opening = _Opening(transaction, order.alarm, ident, now_ms, others=reaches_anybody(order.drafts))
    refs: list[CaseRef] = []
    for target, drafts in order.drafts:
        key = order.alarm.key
        same = transaction.open_with_key(order.alarm.source, key, target.audience.id) if key else []
        if same:
            _add(transaction, same[0], order, drafts, opening.told, now_ms)
            refs.append(CaseRef(same[0].case.id, same[0].code))
        else:
            refs.append(opening.open(target.audience, drafts))
    return tuple(refs)


class _Opening:
    """Opens the cases of one alarm: they share a code, and nobody is told twice at one address."""

    def __init__(self, transaction: Transaction, alarm: Alarm, ident: str, now_ms: int, *, others: bool) -> None:
        """``others``: whether the alarm reaches anybody, in whichever of its audiences."""
        self._others = others
        self._transaction, self._alarm, self._ident, self._now_ms = transaction, alarm, ident, now_ms
        self.told: set[tuple[str, str]] = set()
        self._code: str | None = None

    def open(self, audience: Audience, drafts: Sequence[Draft]) -> CaseRef:
        """Open the case of one audience."""
        head = self._head(audience)
        code = self._shared_code() if head.needs_ack else None
        rows = new_deliveries(self._alarm, drafts, self.told, self._now_ms)
        case = Case(
            id=case_id(self._ident, audience.id),
            head=head,
            codes=frozenset((code,)) if code else frozenset(),
            deliveries={row.key: row.state for row in rows},
        )
        entry = self._transaction.open_case(case, code, rows, self._now_ms)
        self._tell(entry, audience, rows)
        return CaseRef(case.id, code)

    def _head(self, audience: Audience) -> Head:
        alarm, policy = self._alarm, audience.policy
        return Head(
            alarm_id=self._ident,
            audience_id=audience.id,
            audience=audience.name,
            source=alarm.source,
            text=alarm.text,
            opened_at_ms=self._now_ms,
            key=alarm.key or None,
            topic=alarm.topic,
            priority=alarm.priority,
            policy=orjson.dumps(policy).decode() if policy else "",
            ack_required=alarm.ack_required,
            close_on_clear=policy.close_on_clear if policy else True,
            close_after_s=policy.close_after_h * 3600 if policy else 72 * 3600,
        )

    def _shared_code(self) -> str:
        if self._code is None:
            since_ms = self._now_ms - CODE_REST_MS
            self._code = new_code(secrets.randbelow, lambda code: self._transaction.code_is_taken(code, since_ms))
        return self._code

    def _tell(self, entry: Entry, audience: Audience, rows: Sequence[NewDelivery]) -> None:
        alarm, note = self._alarm, self._transaction.event
        queued_count = 0
        is_told = False
        for row in rows:
            fact = row.state.fact
            if fact is Fact.NONE:
                queued_count += 1
            elif fact is Fact.FAILED:
                note(self._now_ms, DeliveryFailed(row.key.channel, row.recipient, row.error or ""), entry)
            is_told = is_told or fact in (Fact.NONE, Fact.FILTERED)
        note(self._now_ms, AlarmAccepted(alarm.source, alarm.text, audience.name, queued_count), entry)
        if not is_told:
            why = f"{audience.name} has nobody with a usable address."
            unreachable = AudienceUnreachable(alarm.source, audience.name)
            severe = AlarmReachesNobody(alarm.source, alarm.text, why)
            note(self._now_ms, unreachable if self._others else severe, entry)


def reaches_anybody(drafts: Sequence[tuple[Target, Sequence[Draft]]]) -> bool:
    """Whether any of the drafts has a way that can work."""
    for _, made in drafts:
        for draft in made:
            if not draft.problem:
                return True
    return False


def new_deliveries(
    alarm: Alarm, drafts: Sequence[Draft], told: set[tuple[str, str]], now_ms: int, level: int = 0
) -> list[NewDelivery]:
    """Make the rows: queued, held (a later rung of a ladder), or final already with the reason.

    ``told`` collects channel and address of everyone the alarm goes to.
    """
    expires_at_ms = now_ms + int(alarm.ttl_s * 1000) if alarm.ttl_s else None
    urgency = int(queue_class(alarm.priority))
    open_rungs: set[str] = set()
    rows: list[NewDelivery] = []
    for draft in drafts:
        key = DeliveryKey(0, level, draft.recipient_id, draft.channel, draft.address)
        fact, error = _final_already(draft, told)
        told.add((draft.channel, draft.address))
        due_at_ms = None if fact else now_ms
        if draft.rung and not fact and draft.recipient_id in open_rungs:
            due_at_ms = now_ms + int(draft.rung * draft.step_after_s * 1000) if draft.step_after_s else None
        if not fact:
            open_rungs.add(draft.recipient_id)
        rows.append(
            NewDelivery(
                key, draft.recipient, draft.text, draft.subject, urgency, draft.rung, DeliveryState(fact), due_at_ms,
                expires_at_ms, error,
            )
        )  # fmt: skip
    return rows


def _final_already(draft: Draft, told: set[tuple[str, str]]) -> tuple[Fact, str | None]:
    if draft.problem:
        return Fact.FAILED, draft.problem
    if draft.filtered:
        return Fact.FILTERED, draft.filtered
    if (draft.channel, draft.address) in told:
        return Fact.FILTERED, "told of the same alarm already, by another group or by name"
    return Fact.NONE, None


def _add(
    transaction: Transaction,
    entry: Entry,
    order: Order,
    drafts: Sequence[Draft],
    told: set[tuple[str, str]],
    now_ms: int,
) -> None:
    """Add a raise to the open case of its key: counted, and told again only if more urgent or after a long time."""
    case, alarm = entry.case, order.alarm
    head = case.head
    assert head is not None
    mine = case.repeats.get(order.store_id)
    told_rank = priority_of(case).rank
    rank = alarm.priority.rank
    # The most urgent one is remembered: a condition that goes up and down is not told each time it goes up.
    repeat = Repeat((mine.times if mine else 0) + 1, now_ms, alarm.text, min(rank, told_rank))
    delta = Case(id=case.id, repeats={order.store_id: repeat})
    times = raise_count(case) + 1
    if rank < told_rank or _renotify_is_due(transaction, entry, head, now_ms):
        rows = new_deliveries(alarm, drafts, told, now_ms, level=-times)
        transaction.add_deliveries(entry, rows, now_ms)
    transaction.join(entry, delta, now_ms)
    transaction.event(now_ms, AlarmAdded(alarm.key or "", head.audience, times), entry)


def _renotify_is_due(transaction: Transaction, entry: Entry, head: Head, now_ms: int) -> bool:
    """Whether the last message is so long ago that another one is due, however often it was raised in between."""
    after_s = orjson.loads(head.policy).get("renotify_after_s") if head.policy else None
    return after_s is not None and now_ms - transaction.last_queued_ms(entry) >= after_s * 1000


def _clear(transaction: Transaction, alarm: Alarm, now_ms: int) -> tuple[CaseRef, ...]:
    refs: list[CaseRef] = []
    closed_count = 0
    for entry in transaction.open_with_key(alarm.source, alarm.key or ""):
        delta = Case(id=entry.case.id, clears=frozenset((Clear(now_ms, alarm.source),)))
        changed = transaction.join(entry, delta, now_ms)
        refs.append(CaseRef(entry.case.id, entry.code))
        state, reason = entry.state
        if changed and state is CaseState.CLOSED and entry.case.head:
            closed_count += 1
            head = entry.case.head
            closed = CaseClosed(head.audience, last_text(entry.case), reason.value if reason else "")
            transaction.event(now_ms, closed, entry)
    transaction.event(now_ms, AlarmCleared(alarm.source, alarm.key or "", closed_count))
    return tuple(refs)
