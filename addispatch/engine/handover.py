"""What it means for a case that one of its messages went out, or will not: clocks start, levels are skipped (SPEC 5.1).

Called by ``engine.outcome`` in the ledger's transaction, for messages that belong to an escalation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.domain.addressbook import Audience
from addispatch.domain.case import NOTICE_CYCLE, CaseState, DeliveryKey, Fact, Position
from addispatch.domain.case_state import LOST, Answer, asks, everybody_declined, is_answered, policy_of, roll_call
from addispatch.domain.delivery import Kind
from addispatch.domain.escalation import is_ended, level_at, wait_s
from addispatch.domain.events import LevelUnreachable
from addispatch.engine.escalate import describe, is_waiting, reminder, same_people
from addispatch.engine.notices import late_comments, late_notice
from addispatch.pipeline import notice, shared
from addispatch.pipeline.alert import alert
from addispatch.pipeline.ask import ask, footnote, question_of, without_footnote
from addispatch.store import lookup

if TYPE_CHECKING:
    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Entry, Transaction


#: Levels of the texts that are tried by another channel because the network could not deliver the first one.
UNDELIVERED_LEVEL = -10_000


def sent(
    transaction: Transaction,
    desk: Desk,
    entry: Entry,
    key: DeliveryKey,
    recipient: str,
    now_ms: int,
    *,
    queued_at_ms: int,
) -> None:
    """A message went out (or may have): start the level's clock, or tell its reader that it is too late."""
    for other, their_key in shared.follow(transaction, entry, key, Fact.SENT, shared.SHARED, now_ms):
        _start_clock(transaction, desk, other, their_key, now_ms)
    news: list[notice.Notice] = []
    if policy_of(entry.case).notify_contacted and not policy_of(entry.case).is_recall:
        news += late_comments(entry, key.recipient, queued_at_ms)
    if entry.state[0] is not CaseState.OPEN and (late := late_notice(entry, key.recipient)) is not None:
        news.append(late)
    found = notice.way_to(desk, key.recipient) if key.channel == "voice" else None
    to = found or notice.Address(key.recipient, recipient, key.channel, key.address)
    for one in news if to.channel != "voice" else ():
        notice.send(transaction, entry, one, [to], set(), now_ms)
    _start_clock(transaction, desk, entry, key, now_ms)


def _start_clock(transaction: Transaction, desk: Desk, entry: Entry, key: DeliveryKey, now_ms: int) -> None:
    case, policy = entry.case, policy_of(entry.case)
    if entry.state[0] is not CaseState.OPEN or not (case.head and case.head.policy) or is_ended(policy, case.position):
        return
    if key[:2] == case.position and _sent_count(entry, case.position) == 1:
        due_ms = transaction.waits_from_ms(now_ms) + int(wait_s(policy, case.position) * 1000)
        if entry.next_at_ms is None or due_ms < entry.next_at_ms:
            transaction.set_next(entry, due_ms)
    if policy.is_recall:
        _remind_later(transaction, desk, entry, key, now_ms)


def _sent_count(entry: Entry, position: Position) -> int:
    return sum(1 for key, state in asks(entry.case) if key[:2] == position and state.fact >= Fact.SENT)


def _remind_later(transaction: Transaction, desk: Desk, entry: Entry, key: DeliveryKey, now_ms: int) -> None:
    """Queue the reminder that was put off because this text was still waiting when the others were reminded."""
    case, policy = entry.case, policy_of(entry.case)
    level = level_at(policy, case.position)
    if (
        (level is not None and not level.resend)
        or key[:2] >= case.position
        or is_waiting(case, key.recipient, key.channel)
    ):
        return
    if roll_call(case).answers.get(key.recipient) is not Answer.PENDING:
        return
    here = {(k.recipient, k.channel) for k, _ in asks(case) if k[:2] == case.position}
    if (key.recipient, key.channel) in here:
        return
    question = question_of(case, entry.code, now_ms)
    due_at_ms = now_ms + int(wait_s(policy, Position(case.position.cycle, max(case.position.level - 1, 0))) * 1000)
    for person in same_people(desk, lookup.told(transaction, entry)):
        if person.id == key.recipient:
            rows = reminder(question, desk, person, case.position, due_at_ms=due_at_ms)
            mine = [row for row in rows if row.key.channel == key.channel]
            transaction.add_deliveries(entry, mine, now_ms)


def goes_on(transaction: Transaction, desk: Desk, entry: Entry, key: DeliveryKey, text: str, now_ms: int) -> None:
    """A text that waits still goes out after the acknowledgement: without footnote, marked (SPEC 5.5)."""
    first = min(entry.case.acks)
    foot = footnote(question_of(entry.case, entry.code, now_ms), desk, key.channel, key.recipient)
    mark = f"(acknowledged by {first.name or first.by} {desk.clock_text(first.at_ms)})"
    transaction.set_text(entry, key, f"{without_footnote(text, foot)} {mark}", Kind.PLAIN)


def undelivered(transaction: Transaction, desk: Desk, entry: Entry, key: DeliveryKey, now_ms: int) -> None:
    """The network could not deliver a text: try the next channel of the same person, once (SPEC, Objects)."""
    case = entry.case
    if key.cycle == NOTICE_CYCLE or is_answered(case, key.recipient) or not (case.head and case.head.needs_ack):
        return
    _review_recall(transaction, entry, now_ms)
    mine = [(k, state) for k, state in asks(case) if k.recipient == key.recipient]
    used = {k.channel for k, state in mine if state.was_tried}
    again_level = UNDELIVERED_LEVEL - key.level
    person = desk.person(key.recipient)
    if person is None or len(used) > 1 or key.channel == "voice" or any(k.level == again_level for k, _ in mine):
        return
    at = Position(key.cycle, again_level)
    rows = ask(question_of(case, entry.code, now_ms), desk, Audience("", "", (person,)), at)
    others = [row for row in rows if row.key.channel not in used and row.state.fact is Fact.NONE]
    if others:
        first = others[0].key.channel
        again = [row._replace(due_at_ms=now_ms) for row in others if row.key.channel == first]
        transaction.add_deliveries(entry, again, now_ms)


def lost(transaction: Transaction, desk: Desk, entry: Entry, key: DeliveryKey, now_ms: int) -> bool:
    """A message will not go out: if the whole step reaches nobody, the next one is due now; True if that was told."""
    state = entry.case.deliveries[key]
    if state.fact in (Fact.FAILED, Fact.EXPIRED):
        for other, _ in shared.follow(transaction, entry, key, state.fact, shared.SHARED, now_ms):
            if other.seq != entry.seq:
                _review(transaction, desk, other, now_ms)
    elif state.fact is Fact.CANCELLED:
        shared.hand_on(transaction, entry, key, now_ms)
    return _review(transaction, desk, entry, now_ms)


def _review_recall(transaction: Transaction, entry: Entry, now_ms: int) -> None:
    """A recall that ends because the last one cannot be reached is reported."""
    if policy_of(entry.case).is_recall and entry.state[0] is not CaseState.OPEN and entry.next_at_ms is None:
        transaction.set_next(entry, transaction.waits_from_ms(now_ms))


def _review(transaction: Transaction, desk: Desk, entry: Entry, now_ms: int) -> bool:
    _review_recall(transaction, entry, now_ms)
    case, policy, head = entry.case, policy_of(entry.case), entry.case.head
    if entry.state[0] is not CaseState.OPEN or not (head and head.policy) or is_ended(policy, case.position):
        return False
    here = {key: state for key, state in asks(case) if key[:2] == case.position}
    if everybody_declined(case):
        transaction.set_next(entry, transaction.waits_from_ms(now_ms))
        return False
    if any(state.fact >= Fact.SENT or state.is_pending for state in here.values()):
        return False
    open_keys = {key for key, state in here.items() if state.fact not in LOST}
    if open_keys and open_keys - lookup.held(transaction, entry):
        return False
    now_due_ms = transaction.waits_from_ms(now_ms)
    if entry.next_at_ms is not None and entry.next_at_ms <= now_due_ms:
        return False
    transaction.set_next(entry, now_due_ms)
    why = "every message failed, expired or is held"
    transaction.event(now_ms, LevelUnreachable(entry.code or "", head.audience, describe(case.position), why), entry)
    text = f"Nobody was reached at {describe(case.position)} of {head.audience} ({entry.code}): {head.text}"
    alert(transaction, desk, text, now_ms, condition=f"unreachable {entry.case.id}")
    return True
