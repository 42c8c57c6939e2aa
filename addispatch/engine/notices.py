"""The words about acknowledgements: for those who gave one, for those who know of the case. For the engine's units.

No text of ours begins with a code: what a phone quotes back must not acknowledge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.domain.case import Note
from addispatch.domain.case_state import is_cleared, policy_of
from addispatch.pipeline.notice import Notice, about

if TYPE_CHECKING:
    from addispatch.domain.case import Case
    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Entry


def ack_notice(code: str | None, case: Case, note: Note) -> Notice:
    """Tell others who acknowledged."""
    words = f": {note.text}" if note.text else ""
    text = f"Acknowledged by {note.name or note.by}{words} ({code} {about(case)})"
    return Notice(text, f"ack {note.at_ms} {note.by}", f"Acknowledged: {about(case)} ({code})")


def comment_notice(code: str | None, case: Case, note: Note) -> Notice:
    """Tell others what somebody said."""
    text = f"Comment by {note.name or note.by}: {note.text} ({code} {about(case)})"
    return Notice(text, f"comment {note.at_ms} {note.by} {note.text}", f"Comment: {about(case)} ({code})")


def late_notice(entry: Entry, recipient_id: str) -> Notice | None:
    """Tell somebody whose text was on its way when the case was acknowledged or ended; None if that is no news."""
    case = entry.case
    if policy_of(case).is_recall:
        return None
    if is_cleared(case):
        text = f"Returned to normal: {about(case)} ({entry.code})"
        return Notice(text, "clear", f"Returned to normal: {about(case)} ({entry.code})")
    if case.acks and min(case.acks).by != recipient_id:
        return ack_notice(entry.code, case, min(case.acks))
    return None


def late_comments(entry: Entry, recipient_id: str, queued_at_ms: int) -> list[Notice]:
    """Tell somebody what others said while his text was on its way."""
    heard = [note for note in sorted(entry.case.comments) if note.at_ms >= queued_at_ms and note.by != recipient_id]
    return [comment_notice(entry.code, entry.case, note) for note in heard]


def already(entry: Entry, desk: Desk) -> str:
    """Say to a late one what became of the case."""
    case, code = entry.case, entry.code
    if case.acks:
        first = min(case.acks)
        return f"Already acknowledged by {first.name or first.by} {desk.clock_text(first.at_ms)} ({code})."
    if case.clears:
        return f"Returned to normal {desk.clock_text(min(case.clears).at_ms)} ({code})."
    reason = entry.state[1]
    return f"Closed, {reason.value} ({code})." if reason else f"Open ({code})."
