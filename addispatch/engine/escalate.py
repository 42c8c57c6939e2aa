"""Takes the next step of a case's escalation, in the ledger's transaction (SPEC 5.1, 5.2). By ``engine.escalator``.

A step resolves its targets now, stores the messages, moves the position and sets when the next one is due: counted from
the hand-over (``engine.handover`` sets it anew then), or from the longest wait for that.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from addispatch.domain.addressbook import Audience, Recipient
from addispatch.domain.case import Case, CaseState, CloseReason, Closing, DeliveryKey, Position
from addispatch.domain.case_state import LOST, Answer, asks, contacted, policy_of, roll_call
from addispatch.domain.delivery import Kind
from addispatch.domain.escalation import end_of, following, is_ended, level_at, wait_s
from addispatch.domain.events import SEVERE, WARNING, CaseClosed, CaseEscalated, ChainEnded, LevelUnreachable, Said
from addispatch.engine.report import report, summary
from addispatch.pipeline.alert import alert
from addispatch.pipeline.ask import Question, ask, once_each, question_of, reachable
from addispatch.pipeline.shared import SHARED
from addispatch.store import lookup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from addispatch.domain.policy import Policy
    from addispatch.pipeline.desk import Desk
    from addispatch.store.lookup import Told
    from addispatch.store.rows import NewDelivery
    from addispatch.store.transaction import Entry, Transaction

#: Most names of missing people one message lists.
MOST_NAMES = 12


def fire(transaction: Transaction, desk: Desk, entry: Entry, now_ms: int) -> None:
    """Take the step that is due, or send the report of a recall that has ended."""
    case, policy = entry.case, policy_of(entry.case)
    transaction.set_next(entry, None)
    if case.head is None or not case.head.policy:
        return
    if entry.state[0] is not CaseState.OPEN or is_ended(policy, case.position):
        if policy.is_recall:
            report(transaction, desk, entry, now_ms)
        return
    at = following(policy, case.position)
    if at.level == 0 and case.position.cycle >= policy.repeat:
        _end(transaction, desk, entry, now_ms)
    else:
        _step(transaction, desk, entry, at, now_ms)


def _step(transaction: Transaction, desk: Desk, entry: Entry, at: Position, now_ms: int) -> None:
    policy, head = policy_of(entry.case), entry.case.head
    assert head is not None
    why = _why(entry.case)
    rows, gone_count = _messages(transaction, desk, entry, at, now_ms)
    if rows:
        rows = _told_once(transaction, entry, rows, at)
        transaction.add_deliveries(entry, rows, now_ms)
    transaction.join(entry, Case(id=entry.case.id, position=at), now_ms)
    name = describe(at)
    can_go = reachable(rows) or (policy.is_recall and any(s.is_pending for _, s in asks(entry.case)))
    base_ms = transaction.waits_from_ms(now_ms)
    if can_go:
        wait_ms = int((policy.max_send_wait_s + wait_s(policy, at)) * 1000)
        transaction.set_next(entry, base_ms + wait_ms)
    else:
        transaction.set_next(entry, base_ms)
    count = sum(1 for row in rows if row.due_at_ms is not None)
    transaction.event(now_ms, CaseEscalated(entry.code or "", head.audience, name, count, why), entry)
    if gone_count:
        gone = f"{entry.code} for {head.audience}: {gone_count} of the recipients or groups of {name} no longer exist"
        transaction.event(now_ms, Said(gone, WARNING, "TargetGone"), entry)
    if not can_go:
        reason = "none of its people can be told" if rows else "it names nobody"
        transaction.event(now_ms, LevelUnreachable(entry.code or "", head.audience, name, reason), entry)
        text = f"Nobody is reached at {name} of {head.audience} ({entry.code}): {head.text}"
        alert(transaction, desk, text, now_ms, condition=f"unreachable {entry.case.id}")


def _told_once(transaction: Transaction, entry: Entry, rows: list[NewDelivery], at: Position) -> list[NewDelivery]:
    """Let what another case of the same alarm tells the same address at the same level share that message."""
    told: set[tuple[str, str]] = set()
    for other in lookup.of_alarm(transaction, entry)[1:]:
        for key, state in asks(other.case):
            if key[:2] == at and state.fact not in LOST:
                told.add((key.channel, key.address))
    return [
        row._replace(due_at_ms=None, error=SHARED) if row.due_at_ms and row.key[3:] in told else row for row in rows
    ]


def describe(at: Position) -> str:
    """Name a step for people."""
    step = f"level {at.level}" if at.level else "the first recipients"
    return f"{step}, round {at.cycle + 1}" if at.cycle else step


def _why(case: Case) -> str:
    here = [(key.recipient, state) for key, state in asks(case) if key[:2] == case.position]
    if here and all(state.fact in LOST for _, state in here):
        return "nobody could be reached"
    declined = {note.by for note in case.declines}
    asked = {who for who, state in here if state.was_tried}
    return "everybody declined" if asked and asked <= declined else "nobody acknowledged"


def _messages(
    transaction: Transaction, desk: Desk, entry: Entry, at: Position, now_ms: int
) -> tuple[list[NewDelivery], int]:
    """Make the messages of a step; also how many of its targets are gone."""
    question, policy = question_of(entry.case, entry.code, now_ms), policy_of(entry.case)
    level = level_at(policy, at)
    rows: list[NewDelivery] = []
    if level is None or level.resend:
        told = lookup.told(transaction, entry)
        rows += _reminders(question, desk, entry, told, at) if policy.is_recall else _again(question, desk, told, at)
    if level is None:
        return once_each(rows), 0
    gone_count = 0
    for idents, is_call in ((level.to, False), (level.call, True)):
        for ident in idents:
            audience = desk.directory.audience(ident)
            if audience is None:
                gone_count += 1
            else:
                rows += _to_level(question, desk, entry.case, audience, at, call=is_call)
    return once_each(rows), gone_count


def _to_level(
    question: Question, desk: Desk, case: Case, audience: Audience, at: Position, *, call: bool
) -> list[NewDelivery]:
    if call or not question.policy.is_recall:
        return ask(question, desk, audience, at, opening=_opening(question), call=call)
    # Supervisors of a recall are told who is missing; they are not asked themselves.
    silent = question._replace(policy=_without_footnote(question))
    rows = ask(silent, desk, audience, at, opening=_missing(case, desk))
    return [row._replace(kind=Kind.PLAIN) for row in rows]


def _without_footnote(question: Question) -> Policy:
    return dataclasses.replace(question.policy, footnote="", append_link=False)


def _opening(question: Question) -> str:
    open_s = max(0, (question.now_ms - question.head.opened_at_ms) / 1000)
    since = f"{open_s:.0f} s" if open_s < 60 else f"{open_s / 60:.0f} min"
    return f"Unacknowledged for {since}: "


def _missing(case: Case, desk: Desk) -> str:
    answers = roll_call(case).answers
    if not answers:
        return f"{case.head.audience if case.head else 'The group'} has nobody in it to ask. "
    missing = [who for who, answer in answers.items() if answer in (Answer.PENDING, Answer.UNDELIVERABLE)]
    names = [person.name if (person := desk.person(who)) else who for who in missing[:MOST_NAMES]]
    more = f" and {len(missing) - MOST_NAMES} more" if len(missing) > MOST_NAMES else ""
    return f"Missing {len(missing)} of {len(answers)}: {', '.join(names)}{more}. "


def _again(question: Question, desk: Desk, told: list[Told], at: Position) -> list[NewDelivery]:
    """The same recipients again: everybody of the audience."""
    people = same_people(desk, told)
    return ask(question, desk, Audience("", "", people), at, opening=_opening(question))


def _reminders(question: Question, desk: Desk, entry: Entry, told: list[Told], at: Position) -> list[NewDelivery]:
    """Remind who is missing, each by his own clock: from his own hand-over, and not while an earlier text waits."""
    answers = roll_call(entry.case).answers
    wait_ms = int(wait_s(question.policy, Position(at.cycle, max(at.level - 1, 0))) * 1000)
    rows: list[NewDelivery] = []
    for person in same_people(desk, told):
        if answers.get(person.id) not in (Answer.PENDING, Answer.UNDELIVERABLE):
            continue
        asked = [row for row in told if row.key.recipient == person.id and row.kind is not Kind.NOTICE]
        # What was noted as sent later than now, by a clock that was set back since, says nothing.
        times_ms = [row.sent_at_ms for row in asked if row.sent_at_ms is not None and row.sent_at_ms <= question.now_ms]
        sent_ms = max(times_ms, default=0)
        due_at_ms = max(question.now_ms, sent_ms + wait_ms)
        made = reminder(question, desk, person, at, due_at_ms=due_at_ms)
        rows += [row for row in made if not is_waiting(entry.case, person.id, row.key.channel)]
    return rows


def reminder(question: Question, desk: Desk, person: Recipient, at: Position, *, due_at_ms: int) -> list[NewDelivery]:
    """Make one person's reminder of a recall."""
    rows = ask(question, desk, Audience("", "", (person,)), at, opening="Reminder: ")
    return [row._replace(due_at_ms=max(row.due_at_ms, due_at_ms)) if row.due_at_ms else row for row in rows]


def is_waiting(case: Case, recipient_id: str, channel: str) -> bool:
    """Whether a message that asks somebody by a channel is not out yet."""
    return any(k.recipient == recipient_id and k.channel == channel and state.fact == 0 for k, state in asks(case))


def same_people(desk: Desk, told: Iterable[Told]) -> tuple[Recipient, ...]:
    """Return those asked at level 0: as the address book has them now, or as they were reached then."""
    found: dict[str, Recipient] = {}
    for row in told:
        if row.key.cycle < 0 or row.key.level != 0:
            continue
        person = desk.person(row.key.recipient)
        if person is not None:
            if person.enabled:
                found[person.id] = person
            continue
        known = found.get(row.key.recipient) or Recipient(id=row.key.recipient, name=row.recipient)
        found[row.key.recipient] = _with_address(known, row.key)
    return tuple(found.values())


def _with_address(person: Recipient, key: DeliveryKey) -> Recipient:
    channels = tuple(dict.fromkeys((*person.channels, key.channel)))
    person = dataclasses.replace(person, channels=channels)
    if key.channel == "sms":
        return dataclasses.replace(person, sms=key.address)
    if key.channel == "email":
        return dataclasses.replace(person, email=(*person.email, key.address))
    if key.channel == "chat":
        return dataclasses.replace(person, chat=(*person.chat, key.address))
    return person


def _end(transaction: Transaction, desk: Desk, entry: Entry, now_ms: int) -> None:
    """Everybody was asked: a severe alert, and from now on only people move the case."""
    policy, head = policy_of(entry.case), entry.case.head
    assert head is not None
    transaction.join(entry, Case(id=entry.case.id, position=end_of(policy)), now_ms)
    if policy.is_recall:
        found = roll_call(entry.case)
        text = f"Recall {entry.code} for {head.audience} is at its end: {summary(found)}"
        transaction.event(now_ms, Said(text, SEVERE, "ChainEnded"), entry)
        report(transaction, desk, entry, now_ms)
        if not found.answers:  # nobody is pending, and nobody will ever answer
            closing = Closing(now_ms, CloseReason.FAILED)
            transaction.join(entry, Case(id=entry.case.id, closings=frozenset((closing,))), now_ms)
            transaction.event(now_ms, CaseClosed(head.audience, head.text, "there was nobody to ask"), entry)
        return
    transaction.event(now_ms, ChainEnded(entry.code or "", head.audience, head.text), entry)
    told_count = len(contacted(entry.case))
    text = f"Nobody acknowledged {entry.code} for {head.audience} ({told_count} told, all levels): {head.text}"
    alert(transaction, desk, text, now_ms, subject=f"Nobody acknowledged {entry.code}")
