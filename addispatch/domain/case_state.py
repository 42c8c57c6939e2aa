"""What follows from a case: its state, and who answered what. Derived each time, never stored as truth (SPEC, Objects).

Used by the store for its views and by everything that acts on a case. In a recall it counts who answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from addispatch.domain.case import (
    NOTICE_CYCLE,
    Case,
    CaseState,
    CloseReason,
    DeliveryKey,
    DeliveryState,
    Fact,
    Note,
)
from addispatch.domain.policy import Policy, read_policy

#: How long a case with a key stays acknowledged without returning to normal (SPEC, Objects), in milliseconds.
KEPT_ACKNOWLEDGED_MS = 24 * 3_600_000
#: Facts of a message that nobody got and nobody will get.
LOST = frozenset({Fact.EXPIRED, Fact.FAILED, Fact.FILTERED, Fact.CANCELLED})


class Answer(StrEnum):
    """What a person of a recall has answered so far."""

    ACKED = "acked"
    DECLINED = "declined"
    PENDING = "pending"
    UNDELIVERABLE = "undeliverable"


class RollCall(NamedTuple):
    """The answer of each member by recipient id, in the order in which they were asked, and the note it came with."""

    answers: dict[str, Answer]
    notes: dict[str, Note]

    def count(self, answer: Answer) -> int:
        """How many members answered so."""
        return sum(1 for found in self.answers.values() if found is answer)


def policy_of(case: Case) -> Policy:
    """The policy frozen into the case; without one the defaults."""
    return read_policy(case.head.policy if case.head else "")


def asks(case: Case) -> Iterator[tuple[DeliveryKey, DeliveryState]]:
    """Yield the messages that tell the alarm; not the answers and notices."""
    return ((key, state) for key, state in case.deliveries.items() if key.cycle != NOTICE_CYCLE)


def contacted(case: Case) -> set[str]:
    """Ids of the recipients who may know of the case: some message to them reached a channel."""
    return {key.recipient for key, state in asks(case) if state.was_tried}


def is_cleared(case: Case) -> bool:
    """Whether the condition is back to normal: a clear from before the last raise says nothing any more."""
    if not case.clears:
        return False
    last_ms = max((repeat.at_ms for repeat in case.repeats.values()), default=0)
    return max(clear.at_ms for clear in case.clears) >= last_ms


def everybody_declined(case: Case) -> bool:
    """Whether everybody who was asked at this level declined, and nobody is still to be asked at it (SPEC 5.1)."""
    here = [(key, state) for key, state in asks(case) if key[:2] == case.position]
    declined = {note.by for note in case.declines}
    asked = {key.recipient for key, state in here if state.was_tried and state.fact not in LOST}
    return bool(asked) and asked <= declined and not any(state.is_pending for _, state in here)


def is_answered(case: Case, recipient_id: str) -> bool:
    """Whether asking somebody would be too late: acknowledged, cleared or closed; in a recall, answered by himself.

    With ``continue_unsent`` what was queued still goes out after an acknowledgement.
    """
    if case.head is None or not case.head.needs_ack:
        return False
    policy = policy_of(case)
    if policy.is_recall and any(note.by == recipient_id for note in (*case.acks, *case.declines)):
        return not policy.continue_unsent
    state, reason = state_of(case)
    if state is CaseState.OPEN:
        return False
    return not policy.continue_unsent or reason not in (None, CloseReason.ACKNOWLEDGED)


def state_of(case: Case) -> tuple[CaseState, CloseReason | None]:
    """Derive the state and, for a closed case, the reason."""
    head = case.head
    if head is None:
        return CaseState.OPEN, None
    if case.closings:
        return CaseState.CLOSED, min(case.closings).reason
    if not head.needs_ack:
        return _state_of_told(case)
    is_acknowledged = _is_acknowledged(case)
    if is_cleared(case) and (is_acknowledged or head.close_on_clear):
        return CaseState.CLOSED, CloseReason.CLEARED
    if is_acknowledged:
        return (CaseState.ACKNOWLEDGED, None) if head.key else (CaseState.CLOSED, CloseReason.ACKNOWLEDGED)
    if not case.acks and _is_cancelled(case):
        return CaseState.CLOSED, CloseReason.CANCELLED
    return CaseState.OPEN, None


def _state_of_told(case: Case) -> tuple[CaseState, CloseReason | None]:
    """The state of a case nobody need acknowledge: it ends when everybody is told."""
    if is_cleared(case):
        return CaseState.CLOSED, CloseReason.CLEARED
    for key, state in case.deliveries.items():
        if not state.fact and key.cycle != NOTICE_CYCLE:
            return CaseState.OPEN, None
    return CaseState.CLOSED, _reason_when_final(case)


def _reason_when_final(case: Case) -> CloseReason:
    facts = set()
    for _, state in asks(case):
        if state.fact >= Fact.SENT:
            return CloseReason.EXEMPT if case.head and case.head.exempt else CloseReason.SENT
        facts.add(state.fact)
    for fact, reason in (
        (Fact.FILTERED, CloseReason.FILTERED),
        (Fact.CANCELLED, CloseReason.CANCELLED),
        (Fact.FAILED, CloseReason.FAILED),
        (Fact.EXPIRED, CloseReason.EXPIRED),
    ):
        if fact in facts:
            return reason
    return CloseReason.FAILED


def _is_acknowledged(case: Case) -> bool:
    if not policy_of(case).is_recall:
        return bool(case.acks)
    answers = roll_call(case).answers.values()
    if not answers:  # a recall of nobody: whoever takes it up does so for all
        return bool(case.acks)
    return Answer.PENDING not in answers and (Answer.ACKED in answers or Answer.DECLINED in answers)


def _is_cancelled(case: Case) -> bool:
    """Whether an operator took back everything before anybody was contacted."""
    is_cancelled = False
    for _, state in asks(case):
        if state.fact not in LOST or state.was_tried:
            return False
        is_cancelled |= state.fact is Fact.CANCELLED
    return is_cancelled


def roll_call(case: Case) -> RollCall:
    """What each member of the audience answered: those asked at level 0; supervisors are none.

    The last word of a person counts, and in doubt the NO.
    """
    given = [(note.at_ms, 0, Answer.ACKED, note) for note in case.acks]
    given += [(note.at_ms, 1, Answer.DECLINED, note) for note in case.declines]
    said = {note.by: (answer, note) for _, _, answer, note in sorted(given)}
    members = {key.recipient for key in case.deliveries if key.cycle >= 0 and key.level == 0}
    gone = LOST | {Fact.UNDELIVERED}
    reachable = {key.recipient for key, state in asks(case) if state.fact not in gone}
    answers = {
        who: said[who][0] if who in said else Answer.PENDING if who in reachable else Answer.UNDELIVERABLE
        for who in dict.fromkeys(key.recipient for key in case.deliveries if key.recipient in members)
    }
    return RollCall(answers, {who: note for who, (_, note) in said.items()})
