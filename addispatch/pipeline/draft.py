"""Deliveries as composed, and the rows made of them: queued, held, or final already with the reason.

Made by ``accept``; turned into rows by ``enqueue`` and ``open``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.case import CaseState, DeliveryKey, DeliveryState, Fact
from addispatch.domain.case_state import policy_of, state_of
from addispatch.domain.delivery import Kind, queue_class
from addispatch.pipeline.ask import Question, footnote, question_of, subject_of, urgency_of, with_footnote
from addispatch.pipeline.shared import SHARED
from addispatch.store.rows import NewDelivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from addispatch.domain.alarm import Alarm
    from addispatch.domain.case import Case
    from addispatch.pipeline.desk import Desk
    from addispatch.pipeline.route import Target


#: Why a delivery that asks nobody is left out.
TOLD_ALREADY = "told of the same alarm already, by another group or by name"


class Draft(NamedTuple):
    """One delivery as composed: whom, how, where, what; ``problem`` or ``filtered`` make it final at once.

    ``whole`` is the text before it was cut for its channel.
    """

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
    whole: str = ""


def reaches_anybody(drafts: Sequence[tuple[Target, Sequence[Draft]]]) -> bool:
    """Whether any of the drafts has a way that can work."""
    for _, made in drafts:
        for draft in made:
            if not draft.problem:
                return True
    return False


def new_deliveries(
    alarm: Alarm,
    drafts: Sequence[Draft],
    told: set[tuple[str, str]],
    now_ms: int,
    *,
    desk: Desk,
    case: Case,
    code: str | None = None,
    level: int = 0,
) -> list[NewDelivery]:
    """Make the rows of a case; with a code they ask for an acknowledgement.

    ``told`` collects channel and address of everyone the alarm goes to.
    """
    expires_at_ms = now_ms + int(alarm.ttl_s * 1000) if alarm.ttl_s else None
    # News about a case that is acknowledged asks nobody any more.
    question = question_of(case, code, now_ms) if code and state_of(case)[0] is CaseState.OPEN else None
    urgency = urgency_of(policy_of(case), alarm.priority) if question else int(queue_class(alarm.priority))
    open_rungs: set[str] = set()
    rows: list[NewDelivery] = []
    for draft in drafts:
        key = DeliveryKey(0, level, draft.recipient_id, draft.channel, draft.address)
        way = (draft.channel, draft.address)
        is_shared = way in told and not (draft.problem or draft.filtered)
        fact, error = _at_first(draft, is_shared=is_shared, asks=question is not None)
        if not fact:
            told.add(way)
        due_at_ms = None if fact or is_shared else now_ms
        if draft.rung and not fact and draft.recipient_id in open_rungs:
            due_at_ms = now_ms + int(draft.rung * draft.step_after_s * 1000) if draft.step_after_s else None
        if not fact and not is_shared:
            open_rungs.add(draft.recipient_id)
        text, subject = _asking(question, desk, draft) if question else (draft.text, draft.subject)
        rows.append(
            NewDelivery(
                key, draft.recipient, text, urgency, due_at_ms, subject, draft.rung, DeliveryState(fact),
                expires_at_ms, error, Kind.ASK if question else Kind.PLAIN,
            )
        )  # fmt: skip
    return rows


def _asking(question: Question, desk: Desk, draft: Draft) -> tuple[str, str]:
    note = footnote(question, desk, draft.channel, draft.recipient_id)
    text = with_footnote(draft.text, note, draft.channel, desk.max_segments)
    head = question.head
    return text, subject_of(draft.subject, head.priority, draft.text, question.code) if draft.subject else ""


def _at_first(draft: Draft, *, is_shared: bool, asks: bool) -> tuple[Fact, str | None]:
    """What becomes of a delivery at once. One that asks and shares another one's message waits for that's outcome."""
    if draft.problem:
        return Fact.FAILED, draft.problem
    if draft.filtered:
        return Fact.FILTERED, draft.filtered
    if is_shared:
        return (Fact.NONE, SHARED) if asks else (Fact.FILTERED, TOLD_ALREADY)
    return Fact.NONE, None
