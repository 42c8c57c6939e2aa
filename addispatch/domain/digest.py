"""A number that is equal on two nodes when their copies of a case are: how they find out what to send (CLUSTER, ENTRY).

The sum over the hashes of all fields, modulo 2^64: free of order, so that a change of one delivery costs two hashes,
however many the case has. Used by ``store.transaction``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from addispatch.domain.case import Owner, Position

if TYPE_CHECKING:
    from collections.abc import Iterable

    from addispatch.domain.case import Case, DeliveryKey, DeliveryState, Head

_MODULUS = 1 << 64
_SEPARATOR = "\x1f"


def _hash(name: str, *values: object) -> int:
    text = _SEPARATOR.join((name, *map(str, values)))
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def delivery_hash(key: DeliveryKey, state: DeliveryState) -> int:
    """The share of one delivery in its case's digest."""
    fact, attempt, phase = state
    return _hash("delivery", *key, int(fact), attempt, int(phase))


def _head_hash(head: Head | None) -> int:
    if head is None:
        return 0
    plain = head._replace(close_after_s=float(head.close_after_s))
    fields = [value if isinstance(value, str) else repr(value) for value in plain]
    return _hash("head", *fields)


def rest_hash(case: Case) -> int:
    """The share of everything but the deliveries."""
    total = _head_hash(case.head)
    if case.owner != Owner():
        total += _hash("owner", *case.owner)
    if case.position != Position():
        total += _hash("position", *case.position)
    sets: Iterable[tuple[str, Iterable[tuple[object, ...]]]] = (
        ("code", ((code,) for code in case.codes)),
        ("ack", case.acks),
        ("decline", case.declines),
        ("comment", case.comments),
        ("clear", case.clears),
        ("closing", case.closings),
        ("repeat", ((store, *repeat) for store, repeat in case.repeats.items())),
    )
    for name, values in sets:
        for value in values:
            total += _hash(name, *value)
    return total % _MODULUS


def digest(case: Case) -> int:
    """The digest of a whole case; never 0, which says "I do not have it"."""
    return combine(rest_hash(case), sum(delivery_hash(key, state) for key, state in case.deliveries.items()))


def combine(rest: int, deliveries: int) -> int:
    """The digest of two shares that are kept apart."""
    return (rest + deliveries) % _MODULUS or 1
