"""An operator decides what becomes of the queue of a restored backup: send it, or drop it (CLUSTER, RESTORE).

Until then it is held (``store.held``), and a system alert says so. Used by ``engine.operations``; ``look`` is a tick of
``engine.node``. The functions with a transaction are units of the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.case import Case, CaseState, CloseReason, Closing, DeliveryState, Fact, Phase, last_text
from addispatch.domain.case_state import asks, is_answered
from addispatch.domain.events import INFO, WARNING, CaseClosed, Said
from addispatch.domain.ownership import passed_to
from addispatch.pipeline.withdraw import cancel
from addispatch.store import held
from addispatch.store.rows import DeliveryChange

if TYPE_CHECKING:
    from addispatch.engine.node import Node
    from addispatch.store.transaction import Entry, Transaction

#: Cases of one unit: alarms must not wait for a thousand of them.
CHUNK = 25


class Action(StrEnum):
    """What an operator may decide."""

    SEND = "send"
    DROP = "drop"


class Done(NamedTuple):
    """How many cases and messages a unit released, and where to go on (None: done)."""

    cases: int
    deliveries: int
    after: int | None


def send(transaction: Transaction, by: str, after: int, now_ms: int) -> Done:
    """Let held messages go now, marked as repeats, and held escalations go on: of the next cases behind a row."""
    return _each(transaction, after, lambda entry, mark: _send(transaction, entry, mark, by, now_ms), now_ms)


def drop(transaction: Transaction, by: str, after: int, now_ms: int) -> Done:
    """Cancel held messages and close their cases, without a word to anybody: of the next cases behind a row."""
    return _each(transaction, after, lambda entry, _mark: _drop(transaction, entry, by, now_ms), now_ms)


def tidy(transaction: Transaction, after: int, now_ms: int) -> Done:
    """Forget cases that left the hold by themselves: their times run again."""
    still = held.held_seqs(transaction)
    rows = held.marked(transaction, after, CHUNK * 4)
    for seq, mark in rows:
        if seq not in still:
            _let_run(transaction, transaction.entry(seq), mark, now_ms)
    if not still and len(rows) < CHUNK * 4:
        transaction.marks[held.MARK] = b""
    return Done(0, 0, rows[-1][0] if len(rows) == CHUNK * 4 else None)


def _each(transaction: Transaction, after: int, act: Callable[[Entry, held.Doc], int], now_ms: int) -> Done:
    case_count = delivery_count = 0
    rows = held.marked(transaction, after, CHUNK)
    still = held.held_seqs(transaction, [seq for seq, _ in rows])
    for seq, mark in rows:
        entry = transaction.entry(seq)
        if seq in still:
            delivery_count += act(entry, mark)
            case_count += 1
        _let_run(transaction, entry, mark, now_ms)
    if len(rows) < CHUNK:
        transaction.marks[held.MARK] = b""
    return Done(case_count, delivery_count, rows[-1][0] if len(rows) == CHUNK else None)


def _let_run(transaction: Transaction, entry: Entry, mark: held.Doc, now_ms: int) -> None:
    held.thaw(transaction, entry, mark, transaction.waits_from_ms(now_ms))
    held.forget(transaction, entry.seq)


def _own(transaction: Transaction, entry: Entry, now_ms: int) -> None:
    """In a cluster the case belongs to a store that is no more: from now on this node sends for it."""
    if transaction.notes is not None and entry.case.owner.store != transaction.notes.twin.store:
        twin = transaction.notes.twin
        transaction.join(entry, passed_to(entry.case, twin.rank, twin.store), now_ms)


def _send(transaction: Transaction, entry: Entry, mark: held.Doc, by: str, now_ms: int) -> int:
    _own(transaction, entry, now_ms)
    newer = _raised_anew(transaction, entry)
    if newer is not None:
        _take_in(transaction, newer, entry, now_ms)
        return 0
    keys = held.waiting(transaction, entry)
    for key in keys:
        state = entry.case.deliveries[key]
        if state.phase is Phase.SENDING:
            if key.cycle >= 0 and is_answered(entry.case, key.recipient):
                cancel(transaction, entry, key, "acknowledged or closed before it was sent", now_ms)
                continue
            state = DeliveryState(Fact.NONE, state.attempt + 1)
        # The node went on after its backup was made: each of them may have gone out.
        why = f"released after a restore by {by}"
        transaction.change(entry, key, DeliveryChange(state, due_at_ms=now_ms, error=why, repeat=True), now_ms)
        transaction.channels.add(key.channel)
    if entry.state[0] is CaseState.OPEN and entry.next_at_ms is None and mark["next"] is not None:
        transaction.set_next(entry, transaction.waits_from_ms(now_ms) + mark["next"])
    return len(keys)


def _raised_anew(transaction: Transaction, entry: Entry) -> Entry | None:
    """Return the case its condition has from after the restore, if it has one: people are told by that."""
    head = entry.case.head
    if head is None or head.key is None or entry.state[0] is CaseState.CLOSED:
        return None
    same = transaction.open_with_key(head.source, head.key, head.audience_id)
    return next((one for one in same if one.seq > entry.seq and held.mark_of(transaction, one) is None), None)


def _take_in(transaction: Transaction, newer: Entry, entry: Entry, now_ms: int) -> None:
    """Close a case as merged into a newer one, which answers to its codes from now on."""
    codes = entry.case.codes | ({entry.code} if entry.code is not None else set())
    for code in codes - newer.case.codes:
        transaction.add_alias(newer, code)
    transaction.join(newer, Case(newer.case.id, codes=codes), now_ms)
    closing = Closing(now_ms, CloseReason.MERGED, newer.case.id)
    _end(transaction, entry, closing, "its condition was raised anew after the restore", now_ms)


def _drop(transaction: Transaction, entry: Entry, by: str, now_ms: int) -> int:
    _own(transaction, entry, now_ms)
    needs_ack = entry.case.head is not None and entry.case.head.needs_ack
    closing = Closing(now_ms, CloseReason.OPERATOR) if needs_ack else None
    return _end(transaction, entry, closing, f"dropped after a restore by {by}", now_ms)


def _end(transaction: Transaction, entry: Entry, closing: Closing | None, why: str, now_ms: int) -> int:
    """Cancel what is held of a case, and close it if it is open; returns how many messages were held.

    Later rungs of ladders go, too, and what is told by another one's message: that is dropped as well.
    """
    keys, was_open = held.waiting(transaction, entry), entry.state[0] is not CaseState.CLOSED
    if was_open and closing is not None:
        transaction.join(entry, Case(id=entry.case.id, closings=frozenset((closing,))), now_ms)
    rest = [key for key, state in asks(entry.case) if was_open and state.is_pending]
    for key in dict.fromkeys((*keys, *rest)):
        cancel(transaction, entry, key, why, now_ms)
    if was_open and entry.case.head is not None:
        transaction.event(now_ms, CaseClosed(entry.case.head.audience, last_text(entry.case), why), entry)
    return len(keys)


def told(action: Action, case_count: int, delivery_count: int, by: str) -> Said:
    """The event of a decision."""
    what = "goes out, marked as repeats" if action is Action.SEND else "is cancelled"
    severity = INFO if action is Action.SEND else WARNING
    text = f"{by} decided about what was held after the restore: it {what}"
    return Said(f"{text} ({case_count} case(s), {delivery_count} message(s))", severity, "RestoredDecided")


async def look(node: Node) -> None:
    """Tell that something is held, as long as it is: a tick."""
    if not node.ledger.marks.get(held.MARK):
        node.conditions.report(held.MARK, "", grace_s=0)
        return
    found, marks_count = await node.ledger.read(
        lambda connection: (held.held(connection), held.marks_count(connection))
    )
    count = sum(one.delivery_count for one in found)
    problem = (
        f"{len(found)} case(s) with {count} message(s) are held after a restore: see 'addispatch restored',"
        " then 'addispatch restored send' or 'addispatch restored drop'"
    )
    node.conditions.report(held.MARK, problem if found else "", grace_s=0)
    after: int | None = 0 if marks_count > len(found) or not found else None
    while after is not None:
        start = after
        done = await node.ledger.submit(lambda tx: tidy(tx, start, node.clock.now_ms()))  # noqa: B023
        after = done.after
