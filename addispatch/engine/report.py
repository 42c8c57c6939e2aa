"""The report of a recall: who came, who did not, in what words (SPEC 5.2). Called by ``engine.escalate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.domain.alarm import QueueClass
from addispatch.domain.case_state import Answer, RollCall, policy_of, roll_call
from addispatch.domain.errors import Refused
from addispatch.pipeline.alert import tell
from addispatch.store import lookup
from addispatch.store.queries import time_text

if TYPE_CHECKING:
    from addispatch.domain.addressbook import Audience
    from addispatch.domain.case import Case
    from addispatch.pipeline.desk import Desk
    from addispatch.sdk.operations import Doc
    from addispatch.store.transaction import Entry, Transaction

#: How long after its end a recall can still be looked at by its code.
KEPT_MS = 7 * 86_400_000
#: How the answers are called in the report, in its order.
_HEADINGS = {
    Answer.ACKED: "Acknowledged",
    Answer.DECLINED: "Declined",
    Answer.PENDING: "No answer",
    Answer.UNDELIVERABLE: "Not reached",
}


def report(transaction: Transaction, desk: Desk, entry: Entry, now_ms: int) -> None:
    """Mail the roll-call to the supervisors and the system-alert recipients; by other ways if nobody has a mailbox."""
    case = entry.case
    assert case.head is not None
    names = {row.key.recipient: row.recipient for row in lookup.told(transaction, entry)}
    found = roll_call(case)
    title = f"Recall {entry.code} for {case.head.audience}: {summary(found)}"
    audiences = _readers(case, desk)
    said = [f"  {note.name or note.by} {desk.clock_text(note.at_ms)}: {note.text}" for note in sorted(case.comments)]
    comments = "\n".join(["", "Comments:", *said]) if said else ""
    text = f"{title}\n\n{case.head.text}\n\n{listing(found, names, desk)}{comments}"
    if not tell(
        transaction, desk, audiences, text, now_ms, subject=title, urgency=QueueClass.REPORT, channels=("email",)
    ):
        tell(transaction, desk, audiences, title, now_ms, subject=title, urgency=QueueClass.REPORT)


def summary(found: RollCall) -> str:
    """The counts in one line."""
    if not found.answers:
        return "there is nobody in it to ask"
    return ", ".join(f"{found.count(answer)} {heading.lower()}" for answer, heading in _HEADINGS.items())


def listing(found: RollCall, names: dict[str, str], desk: Desk) -> str:
    """Everybody by answer, with time and words."""
    lines: list[str] = []
    for answer, heading in _HEADINGS.items():
        people = [who for who, given in found.answers.items() if given is answer]
        if people:
            lines.append(f"{heading} ({len(people)}):")
        for who in people:
            note = found.notes.get(who)
            at = f" {desk.clock_text(note.at_ms)}" if note else ""
            words = f": {note.text}" if note and note.text else ""
            lines.append(f"  {names.get(who, who)}{at}{words}")
    return "\n".join(lines)


def roll_call_doc(transaction: Transaction, code: str, now_ms: int) -> Doc:
    """The roll-calls of a code as a document; raises ``Refused`` if it is no recall's."""
    found = [e for e in lookup.with_code(transaction, code, now_ms - KEPT_MS) if policy_of(e.case).is_recall]
    if not found:
        raise Refused("code", f"there is no recall with the code {code[:20]}")
    return {"recalls": [_doc(transaction, entry) for entry in found]}


def _doc(transaction: Transaction, entry: Entry) -> Doc:
    names = {row.key.recipient: row.recipient for row in lookup.told(transaction, entry)}
    found = roll_call(entry.case)
    people = []
    for who, answer in found.answers.items():
        note = found.notes.get(who)
        people.append(
            {
                "recipient": names.get(who, who),
                "answer": answer.value,
                "at": time_text(note.at_ms) if note else None,
                "comment": note.text if note else "",
            }
        )
    return {
        "id": entry.case.id,
        "code": entry.code,
        "audience": entry.case.head.audience if entry.case.head else "",
        "state": entry.state[0].value,
        "counts": {answer.value: found.count(answer) for answer in Answer},
        "people": people,
    }


def _readers(case: Case, desk: Desk) -> list[Audience]:
    idents = [ident for level in policy_of(case).levels for ident in level.to]
    idents += desk.directory.settings.system_alert_to
    found = (desk.directory.audience(ident) for ident in dict.fromkeys(idents))
    return [audience for audience in found if audience]
