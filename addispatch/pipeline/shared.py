"""One message for several deliveries: people in two audiences of an alarm, or who share a phone, are told once.

The deliveries that share another one's message are held, and follow it: sent or lost with it; and if it is taken back
because its own case needs it no more, the next of them goes out itself. Used by the engine's units and ``withdraw``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from addispatch.domain.case import NOTICE_CYCLE, CaseState, DeliveryKey, DeliveryState, Fact
from addispatch.store import lookup
from addispatch.store.rows import DeliveryChange

if TYPE_CHECKING:
    from addispatch.store.transaction import Entry, Transaction

#: What is noted with a delivery that waits for another one's message.
SHARED = "told by the message of the same alarm to the same address"


def followers(transaction: Transaction, entry: Entry, key: DeliveryKey) -> Iterator[tuple[Entry, DeliveryKey]]:
    """Yield the deliveries that share the message of this one, in its case and in the other cases of its alarm."""
    if key.cycle == NOTICE_CYCLE or entry.code is None:
        return
    for other in lookup.of_alarm(transaction, entry):
        for their_key, state in list(other.case.deliveries.items()):
            same = their_key[:2] == key[:2] and their_key[3:] == key[3:]
            if same and state.is_pending and (other.seq, their_key) != (entry.seq, key):
                yield other, their_key


def follow(
    transaction: Transaction, entry: Entry, key: DeliveryKey, fact: Fact, error: str | None, now_ms: int
) -> list[tuple[Entry, DeliveryKey]]:
    """Give the outcome of a message to those that share it; returns them."""
    moved = list(followers(transaction, entry, key))
    for other, their_key in moved:
        change = DeliveryChange(
            DeliveryState(fact), error=error, sent_at_ms=now_ms if fact is Fact.SENT else None
        )  # fmt: skip
        transaction.change(other, their_key, change, now_ms)
    return moved


def hand_on(transaction: Transaction, entry: Entry, key: DeliveryKey, now_ms: int) -> None:
    """A message was taken back: let the first of those that share it, and still ask, go out instead."""
    for other, their_key in followers(transaction, entry, key):
        if other.state[0] is CaseState.OPEN:
            transaction.set_due(other, their_key, now_ms)
            transaction.channels.add(their_key.channel)
            return
