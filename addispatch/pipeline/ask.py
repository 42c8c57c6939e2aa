"""The messages that ask for an acknowledgement: text, footnote, link, and their rows. For ``draft`` and escalation.

The text was frozen into the case when it opened; what is added here depends on whom it asks, and by which channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.case import DeliveryKey, Fact, Position, priority_of
from addispatch.domain.case_state import policy_of
from addispatch.domain.delivery import Kind, queue_class
from addispatch.domain.text import cut_to_segments, fit_sms, fold_to_gsm7
from addispatch.pipeline.reach import Way, ways
from addispatch.pipeline.route import Target
from addispatch.store.rows import NewDelivery

if TYPE_CHECKING:
    from addispatch.domain.addressbook import Audience
    from addispatch.domain.alarm import Priority
    from addispatch.domain.case import Case, Head
    from addispatch.domain.policy import Policy
    from addispatch.pipeline.desk import Desk

#: In front of the token in a link.
LINK = "/a/"
#: Where a footnote names the code, and (two nodes) the peer's number.
CODE, PEER_NUMBER = "{CODE}", "{PEER_NUMBER}"


#: In the footnote of a mail that cannot be answered, between the code and the ways that are left.
HOW = ": acknowledge "


class Question(NamedTuple):
    """What a case asks: everything its messages have in common."""

    case_id: str
    code: str
    policy: Policy
    head: Head
    priority: Priority
    now_ms: int


def question_of(case: Case, code: str | None, now_ms: int) -> Question:
    """Return what the case asks."""
    assert case.head is not None
    return Question(case.id, code or "", policy_of(case), case.head, priority_of(case), now_ms)


def footnote(question: Question, desk: Desk, channel: str, recipient_id: str) -> str:
    """Return what goes under the text: how to acknowledge by this channel. Empty if the policy wants nothing."""
    policy = question.policy
    link = desk.link(policy, question.case_id, recipient_id, question.now_ms)
    lines = []
    if policy.footnote and (channel != "email" or desk.takes_mail_for(policy)):
        lines.append(policy.footnote.replace(CODE, question.code).replace(PEER_NUMBER, desk.peer_number()).strip())
    elif policy.footnote:
        lines.append(f"Code {question.code}{HOW}{_other_ways(desk, recipient_id, has_link=bool(link))}")
    return "\n".join([*lines, link] if link else lines)


def _other_ways(desk: Desk, recipient_id: str, *, has_link: bool) -> str:
    """How the reader of a mail acknowledges if not by answering it: what he has, else whoever sits at the console."""
    person = desk.person(recipient_id)
    has_phone = person is not None and bool(person.sms) and "sms" in desk.provided
    found = (["by SMS"] if has_phone else []) + (["by the link"] if has_link else [])
    return " or ".join(found) or "at the console"


def with_footnote(text: str, note: str, channel: str, most_segments: int) -> str:
    """Put the note under the text; an SMS is cut so that both fit its budget, the note always whole."""
    if not note:
        return text
    if channel != "sms":
        return f"{text}\n\n{note}"
    whole = fold_to_gsm7(f"{text}\n{note}")
    if (cut := cut_to_segments(whole, most_segments)) == whole:
        return whole
    # The budget in characters differs with the alphabet: take from the text until the whole fits.
    kept = cut[: -len("...")]
    keep = max(0, len(kept) - len(note) - 1)
    while keep and cut_to_segments(f"{text[:keep]}...\n{note}", most_segments) != f"{text[:keep]}...\n{note}":
        keep -= 1
    return f"{text[:keep].rstrip()}...\n{note}"


def without_footnote(text: str, note: str) -> str:
    """Take the note off again; its link and the ways it names may have been others then."""
    first = note.split("\n", maxsplit=1)[0].partition(HOW)[0]
    begin = first[: first.index(LINK) + len(LINK)] if LINK in first else first
    at = text.rfind(begin) if begin else -1
    return text[:at].rstrip() if at > 0 else text


def ask(
    question: Question, desk: Desk, audience: Audience, position: Position, *, opening: str = "", call: bool = False
) -> list[NewDelivery]:
    """Make the messages of one step to everybody in an audience, or the calls.

    ``opening`` is put before the alarm's text. Ways that cannot work are final already, so that they are seen.
    """
    head = question.head
    target = Target(audience, channels=("voice",) if call else ())
    text = f"{opening}{head.body or head.text}"
    rows: list[NewDelivery] = []
    open_rungs: set[str] = set()
    for way in ways(target, desk.provided, refuses=desk.refuses):
        who = way.recipient
        later = way.rung > 0 and who.id in open_rungs
        step_ms = int(way.rung * who.step_after_s * 1000) if later and who.step_after_s else 0
        due_at_ms = None if later and not step_ms else question.now_ms + step_ms
        if not way.problem:
            open_rungs.add(who.id)
        rows.append(_row(question, desk, way, position, text, due_at_ms))
    return rows


def _row(question: Question, desk: Desk, way: Way, position: Position, text: str, due_at_ms: int | None) -> NewDelivery:
    head, channel = question.head, way.channel
    if channel == "sms":
        text = fit_sms(text, desk.max_segments)
    note = footnote(question, desk, channel, way.recipient.id)
    return NewDelivery(
        key=DeliveryKey(position.cycle, position.level, way.recipient.id, channel, way.address),
        recipient=way.recipient.name,
        text=with_footnote(text, note, channel, desk.max_segments),
        subject=subject_of(head.subject, question.priority, text, question.code) if channel == "email" else "",
        queue_class=int(urgency_of(question.policy, question.priority)),
        rung=way.rung,
        due_at_ms=due_at_ms,
        kind=Kind.ASK,
    ).unless(way.problem)


def urgency_of(policy: Policy, priority: Priority) -> int:
    """The queue class of a message that asks: recalls are emergencies, whatever their priority (SPEC, Objects)."""
    return 0 if policy.is_recall else int(queue_class(priority))


def subject_of(subject: str, priority: Priority, text: str, code: str) -> str:
    """A mail's subject: the template's, or priority and beginning of the text; with the code to find it by."""
    line = subject or " ".join(f"[{priority.upper()}] {text}".split())
    mark = f" ({code})" if code else ""
    room = 78 - len(mark)
    return (line if len(line) <= room else line[: room - 3] + "...") + mark


def once_each(rows: Iterable[NewDelivery]) -> list[NewDelivery]:
    """Keep one message per channel and address of a step: groups overlap."""
    return list({(row.key.channel, row.key.address): row for row in reversed(list(rows))}.values())[::-1]


def reachable(rows: Sequence[NewDelivery]) -> bool:
    """Whether any of the messages can go out, or shares one that can."""
    return any(row.state.fact is Fact.NONE for row in rows)
