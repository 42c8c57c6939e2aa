"""Emergency pause, resume, and cancelling what waits (SPEC 4). Used by ``engine.operations``.

While paused nothing leaves and no step fires; alarms and acknowledgements count. Time stands still for what waits: at
the end all deadlines move by the time they were frozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from addispatch.domain.case import CaseState
from addispatch.domain.events import INFO, SEVERE, WARNING, Said
from addispatch.pipeline.withdraw import cancel
from addispatch.store import deadlines, lookup

if TYPE_CHECKING:
    from addispatch.store.transaction import Transaction

#: Deliveries cancelled in one unit.
CHUNK = 250


def pause(transaction: Transaction, by: str, now_ms: int) -> bool:
    """Let nothing leave from now on; False if that is so already."""
    if transaction.paused_at_ms is not None:
        return False
    transaction.paused_at_ms = now_ms
    transaction.marks[deadlines.PAUSE] = orjson.dumps({"at_ms": now_ms, "by": by})
    text = f"EMERGENCY PAUSE by {by}: nothing is sent until somebody resumes; alarms and acknowledgements are taken"
    transaction.event(now_ms, Said(text, SEVERE, "Paused"))
    return True


def resume(transaction: Transaction, by: str, now_ms: int) -> bool:
    """Go on where the pause began; False if there was none."""
    since_ms = transaction.paused_at_ms
    if since_ms is None:
        return False
    deadlines.thaw(transaction, now_ms)
    text = f"Resumed by {by} after {(now_ms - since_ms) / 60_000:.0f} minutes: what waits goes out, waiting times go on"
    transaction.event(now_ms, Said(text, INFO, "Resumed"))
    return True


def cancel_unsent(transaction: Transaction, by: str, before_seq: int, now_ms: int) -> tuple[int, int | None]:
    """Cancel what is queued or held below a row number; returns how many, and where to go on (None: done)."""
    found = lookup.unsent(transaction, before_seq, CHUNK)
    for _, case_seq, key in found:
        entry = transaction.entry(case_seq)
        was = entry.state[0]
        cancel(transaction, entry, key, f"cancelled by {by}", now_ms)
        if entry.state[0] is CaseState.CLOSED and was is not CaseState.CLOSED and entry.case.head:
            head = entry.case.head
            text = f"Case for {head.audience} closed, NOBODY WAS TOLD (cancelled by {by}): {head.text}"
            transaction.event(now_ms, Said(text, WARNING, "CaseClosed"), entry)
    return len(found), found[-1][0] if len(found) == CHUNK else None
