"""Emergency pause, resume, and cancelling what waits (SPEC 4). Used by ``engine.operations``.

While paused nothing leaves but what is said about the pause itself, and no step fires; alarms and acknowledgements
count. Time stands still for what waits: at the end all deadlines move by the time they were frozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from addispatch.domain.alarm import QueueClass
from addispatch.domain.case import CaseState
from addispatch.domain.events import INFO, SEVERE, WARNING, Said
from addispatch.pipeline.alert import alerted, tell
from addispatch.pipeline.withdraw import cancel
from addispatch.store import deadlines, lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Transaction

#: Deliveries cancelled in one unit.
CHUNK = 250
#: The mark of the cluster's register of the pause.
REGISTER = "pause-register"
#: Above every row number.
NEWEST = 2**62


def register_of(marks: Mapping[str, bytes]) -> tuple[int, int, bool, str]:
    """The cluster's register of the pause: counter, rank, on, by; the greatest wins on both nodes (CLUSTER, PAUSE)."""
    value = marks.get(REGISTER)
    counter, rank, is_on, by = orjson.loads(value) if value else (0, 0, False, "")
    return counter, rank, is_on, by


def _count(transaction: Transaction, *, on: bool, by: str) -> None:
    if transaction.notes is not None:
        counter = register_of({REGISTER: lookup.mark(transaction, REGISTER)})[0]
        transaction.marks[REGISTER] = orjson.dumps([counter + 1, transaction.rank, on, by])


def follow(transaction: Transaction, desk: Desk, register: tuple[int, int, bool, str], now_ms: int) -> bool:
    """Do what somebody did on the other node, if that is newer than what is known here; whether it was."""
    if register <= register_of({REGISTER: lookup.mark(transaction, REGISTER)}):
        return False
    _, _, is_on, by = register
    if is_on:
        pause(transaction, desk, by, now_ms, is_told=False)
    else:
        resume(transaction, desk, by, now_ms, is_told=False)
    transaction.marks[REGISTER] = orjson.dumps(list(register))
    return True


def pause(transaction: Transaction, desk: Desk, by: str, now_ms: int, *, is_told: bool = True) -> bool:
    """Let nothing leave from now on, and tell the system-alert recipients; False if that is so already.

    ``is_told`` false: the other node of the cluster tells them.
    """
    if transaction.paused_at_ms is not None:
        return False
    _count(transaction, on=True, by=by)
    transaction.paused_at_ms = now_ms
    _note(transaction, by, now_ms, now_ms)
    text = f"EMERGENCY PAUSE by {by}: nothing is sent until somebody resumes; alarms and acknowledgements are taken"
    transaction.event(now_ms, Said(text, SEVERE, "Paused"))
    if is_told:
        _tell(transaction, desk, text, now_ms, QueueClass.PAUSE)
    return True


def remind(transaction: Transaction, desk: Desk, now_ms: int) -> bool:
    """Remind of a pause that lasts, once in ``pause_remind_s``; whether it was time to."""
    pause, every_s = deadlines.pause_of({deadlines.PAUSE: lookup.mark(transaction, deadlines.PAUSE)}), 0.0
    if pause is None or (every_s := desk.directory.settings.pause_remind_s) <= 0:
        return False
    since_ms, by = int(str(pause["at_ms"])), str(pause["by"])
    told_at_ms = int(str(pause.get("told_at_ms", since_ms)))
    if 0 <= now_ms - told_at_ms < every_s * 1000:
        return False
    _note(transaction, by, since_ms, now_ms)
    text = f"EMERGENCY PAUSE since {desk.clock_text(since_ms)} by {by}: {_waiting(transaction)}, nothing is sent"
    transaction.event(now_ms, Said(text, SEVERE, "PauseReminder"))
    _tell(transaction, desk, text, now_ms, QueueClass.PAUSE)
    return True


def resume(
    transaction: Transaction,
    desk: Desk,
    by: str,
    now_ms: int,
    *,
    is_told: bool = True,
    cancelled_count: int | None = None,
) -> bool:
    """Go on where the pause began; False if there was none. ``is_told`` as for ``pause``.

    ``cancelled_count`` is how many messages were cancelled just before; None: what waits goes out.
    """
    since_ms = transaction.paused_at_ms
    if since_ms is None:
        return False
    _count(transaction, on=False, by=by)
    for _, case_seq, key in lookup.unsent(transaction, NEWEST, CHUNK, QueueClass.PAUSE):
        cancel(transaction, transaction.entry(case_seq), key, "the pause is over", now_ms)
    deadlines.thaw(transaction, now_ms)
    minutes = (now_ms - since_ms) / 60_000
    if not is_told:  # it is not known here whether what waited was cancelled
        what = "messages go out again"
    elif cancelled_count is None:
        what = "what waits goes out"
    else:
        what = f"what waited was cancelled ({cancelled_count} message(s))"
    text = f"Resumed by {by} after {minutes:.0f} minutes: {what}, waiting times go on"
    transaction.event(now_ms, Said(text, INFO, "Resumed"))
    if is_told:
        _tell(transaction, desk, text, now_ms, QueueClass.EMERGENCY)
    return True


def _note(transaction: Transaction, by: str, at_ms: int, told_at_ms: int) -> None:
    transaction.marks[deadlines.PAUSE] = orjson.dumps({"at_ms": at_ms, "by": by, "told_at_ms": told_at_ms})


def _tell(transaction: Transaction, desk: Desk, text: str, now_ms: int, urgency: QueueClass) -> None:
    tell(transaction, desk, alerted(desk), text, now_ms, urgency=urgency)


def _waiting(transaction: Transaction) -> str:
    count = lookup.waiting_count(transaction)
    return "1 message waits" if count == 1 else f"{count} messages wait"


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
