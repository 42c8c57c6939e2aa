"""A condition returned to normal: closes its cases and tells those who know of them (SPEC, Objects; 5.8).

Used by ``enqueue`` for clears and for texts whose words clear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.domain.case import Case, CaseState, Clear, last_text
from addispatch.domain.case_state import is_cleared, policy_of
from addispatch.domain.events import AlarmCleared, CaseClosed
from addispatch.domain.result import CaseRef
from addispatch.pipeline import notice
from addispatch.pipeline.withdraw import withdraw
from addispatch.store import lookup

if TYPE_CHECKING:
    from datetime import datetime

    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Entry, Transaction

#: How long a clear waits for a raise from before it.
KEPT_MS = 60_000
#: Marks of such clears: the name is this, source and key.
MARK = "clear:"
#: In a cluster: marks of clears heard by this node, for cases of the other one that it hears of later.
HEARD = "heard:"


def clear(
    transaction: Transaction,
    desk: Desk,
    source: str,
    key: str,
    ts: datetime | None,
    now_ms: int,
    *,
    audience_id: str | None = None,
    words: str = "",
) -> tuple[CaseRef, ...]:
    """Close the open cases of a key (of one audience, if named), and tell who knows of them, in these words if any.

    Those whose policy latches stay open, until somebody acknowledges.
    """
    refs: list[CaseRef] = []
    closed_count = 0
    told: set[tuple[str, str]] = set()
    for entry in transaction.open_with_key(source, key, audience_id):
        refs.append(CaseRef(entry.case.id, entry.code))
        if is_cleared(entry.case):
            continue
        # Not earlier than the raises that are known, whatever the clock of the node that heard them said.
        at_ms = max(now_ms, *(one.at_ms for one in entry.case.repeats.values())) if entry.case.repeats else now_ms
        delta = Case(id=entry.case.id, clears=frozenset((Clear(at_ms, source),)))
        transaction.join(entry, delta, now_ms)
        state, reason = entry.state
        if state is CaseState.CLOSED and entry.case.head:
            closed_count += 1
            withdraw(transaction, entry, "returned to normal", now_ms)
            _tell(transaction, desk, entry, told, words, now_ms)
            closed = CaseClosed(entry.case.head.audience, last_text(entry.case), reason.value if reason else "")
            transaction.event(now_ms, closed, entry)
    if audience_id is None:
        _keep(transaction, source, key, ts, now_ms)
    transaction.event(now_ms, AlarmCleared(source, key, closed_count))
    return tuple(refs)


def _tell(
    transaction: Transaction, desk: Desk, entry: Entry, told: set[tuple[str, str]], words: str, now_ms: int
) -> None:
    """Tell those who know of the alarm, unless its policy is silent."""
    head = entry.case.head
    if head is None or not head.needs_ack or not policy_of(entry.case).notify_contacted:
        return
    names = {row.key.recipient: row.recipient for row in lookup.told(transaction, entry)}
    usual = f"Returned to normal: {notice.about(entry.case)}"
    subject = f"{notice.beginning(words) or usual} ({entry.code})"
    note = notice.Notice(f"{words or usual} ({entry.code})", "clear", subject)
    notice.send(transaction, entry, note, notice.informed(entry.case, desk, names), told, now_ms)


def _keep(transaction: Transaction, source: str, key: str, ts: datetime | None, now_ms: int) -> None:
    """Remember the clear for a while: its raise may be on the way still."""
    at_us = _microseconds(ts) if ts else now_ms * 1000
    transaction.marks[_mark(source, key)] = f"{at_us} {now_ms + KEPT_MS}".encode()
    if transaction.notes is not None:
        transaction.marks[f"{HEARD}{source}\x1f{key}"] = str(now_ms).encode()


def heard_clear_ms(transaction: Transaction, source: str, key: str) -> int | None:
    """When this node last heard that a condition is back to normal; None if not within a day."""
    value = lookup.mark(transaction, f"{HEARD}{source}\x1f{key}")
    return int(value) if value else None


def cleared_after(transaction: Transaction, source: str, key: str, raised_at: datetime, now_ms: int) -> Clear | None:
    """Return the kept clear that a late raise belongs to: its source time is not after the clear's."""
    value = lookup.mark(transaction, _mark(source, key))
    if not value:
        return None
    cleared_at_us, until_ms = (int(part) for part in value.split())
    if now_ms > until_ms or _microseconds(raised_at) > cleared_at_us:
        return None
    return Clear(cleared_at_us // 1000, source)


def _microseconds(at: datetime) -> int:
    """As exact as sources give it: a raise at the time of its clear is over, one just after it is not."""
    return round(at.timestamp() * 1_000_000)


def _mark(source: str, key: str) -> str:
    return f"{MARK}{source}\x1f{key}"
