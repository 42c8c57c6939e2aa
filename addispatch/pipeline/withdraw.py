"""Takes back what is queued and not under way: an acknowledgement, a clear or an operator made it needless.

Used by ``enqueue`` (returned to normal), by acknowledging and by ``engine.pause``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.domain.case import NOTICE_CYCLE, DeliveryKey, DeliveryState, Fact
from addispatch.pipeline.shared import hand_on
from addispatch.store.rows import DeliveryChange

if TYPE_CHECKING:
    from addispatch.store.transaction import Entry, Transaction


def withdraw(
    transaction: Transaction, entry: Entry, reason: str, now_ms: int, *, only: str = "", reminders: bool = False
) -> int:
    """Cancel the case's waiting messages: of one recipient only, if named; his ``reminders`` only. Returns how many."""
    count = 0
    for key, state in list(entry.case.deliveries.items()):
        if key.cycle == NOTICE_CYCLE or not state.is_pending or only not in ("", key.recipient):
            continue
        if reminders and key[:2] == (0, 0):
            continue
        cancel(transaction, entry, key, reason, now_ms)
        hand_on(transaction, entry, key, now_ms)
        count += 1
    return count


def cancel(transaction: Transaction, entry: Entry, key: DeliveryKey, reason: str, now_ms: int) -> None:
    """Cancel one delivery that waits."""
    attempt = entry.case.deliveries[key].attempt
    transaction.change(entry, key, DeliveryChange(DeliveryState(Fact.CANCELLED, attempt), error=reason), now_ms)
