"""Makes one case of two that are about the same thing: each node had opened its own (CLUSTER, JOIN and PAIRING).

Codes, answers and contacts of both count; the one that goes closes as merged. Used by ``engine.joining``, ``outcome``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.domain.case import Case, CloseReason, Closing, Fact
from addispatch.domain.case_state import asks
from addispatch.domain.events import Said
from addispatch.pipeline.withdraw import cancel
from addispatch.store import lookup
from addispatch.store.rows import DeliveryChange, NewDelivery

if TYPE_CHECKING:
    from addispatch.domain.case import DeliveryKey
    from addispatch.store.transaction import Entry, Transaction


def absorb(transaction: Transaction, stays: Entry, goes: Entry, now_ms: int) -> None:
    """Take one case into the other."""
    case = goes.case
    for code in case.codes - stays.case.codes:
        transaction.add_alias(stays, code)
    delta = Case(stays.case.id, codes=case.codes, acks=case.acks, declines=case.declines, comments=case.comments)
    transaction.join(stays, delta, now_ms)
    tried = {key for key, state in asks(case) if state.was_tried}
    known = {key for key in tried if key in stays.case.deliveries}
    for key in known:
        both = stays.case.deliveries[key].join(case.deliveries[key])
        due_at_ms = now_ms if both.is_pending else None
        transaction.change(stays, key, DeliveryChange(both, due_at_ms=due_at_ms, repeat=both.is_pending), now_ms)
    rows = [row for row in lookup.told(transaction, goes) if row.key in tried - known] if tried - known else []
    transaction.add_deliveries(
        stays,
        [
            NewDelivery(row.key, row.recipient, row.text, 0, None, state=case.deliveries[row.key], kind=row.kind)
            for row in rows
        ],
        now_ms,
    )
    closing = Closing(now_ms, CloseReason.MERGED, stays.case.id)
    transaction.join(goes, Case(case.id, closings=frozenset((closing,))), now_ms)
    for key, state in list(goes.case.deliveries.items()):
        if state.is_pending:
            cancel(transaction, goes, key, "the other node told of it, too", now_ms)
    names = (goes.code or "a copy", stays.code or "another case")
    transaction.event(now_ms, Said(f"{names[0]} is the same as {names[1]}: merged", kind="CaseMerged"), stays)


def forward(transaction: Transaction, entry: Entry, key: DeliveryKey, change: DeliveryChange, now_ms: int) -> bool:
    """What became of a message that was under way when its case was taken into another belongs to that one.

    Returns whether the other case has the same message: then it is not tried again for this one.
    """
    stays = _taken_into(transaction, entry)
    if stays is None or key not in stays.case.deliveries:
        return False
    transaction.change(stays, key, change, now_ms)
    return True


def follow(transaction: Transaction, entry: Entry, now_ms: int) -> None:
    """The same, heard of the other node, which had the message in its hands and did not know of the merger yet."""
    stays = _taken_into(transaction, entry)
    if stays is None:
        return
    for key, state in entry.case.deliveries.items():
        known = stays.case.deliveries.get(key)
        if state.fact >= Fact.SENT and known is not None and known.join(state) != known:
            transaction.change(stays, key, DeliveryChange(known.join(state)), now_ms)


def _taken_into(transaction: Transaction, entry: Entry) -> Entry | None:
    merged = [closing for closing in entry.case.closings if closing.reason is CloseReason.MERGED]
    return lookup.by_id(transaction, min(merged).by) if merged else None
