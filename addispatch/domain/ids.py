"""Identifiers: time-ordered for what we create, derived for what two nodes must name alike (RFC 9562)."""

from __future__ import annotations

import hashlib
import uuid

_ALARMS = uuid.UUID("0b6f3c9e-7f1d-5a6f-8f0e-2f7b1d7c1e01")
_CASES = uuid.UUID("0b6f3c9e-7f1d-5a6f-8f0e-2f7b1d7c1e02")


def ordered_id(now_ms: int, random_bits: int) -> str:
    """Return a UUIDv7: 48 bits of time, then 74 of the given random bits. Ordered ids keep the ledger's index small."""
    high = random_bits & 0xFFF
    low = (random_bits >> 12) & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{now_ms & 0xFFFF_FFFF_FFFF:012x}7{high:03x}{0x8000_0000_0000_0000 | low:016x}"
    return dashed(text)


def dashed(digits: str) -> str:
    """The usual text form of a UUID's 32 hexadecimal digits."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _derived_id(namespace: uuid.UUID, name: str) -> str:
    """Return a UUIDv5: what ``uuid.uuid5`` makes, without building two UUID objects."""
    digest = hashlib.sha1(namespace.bytes + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return dashed(f"{digest[:12]}5{digest[13:16]}{variant}{digest[17:32]}")


def alarm_id(source: str, source_id: str) -> str:
    """Return the id of an alarm whose source named it: the same on every node, every time."""
    return _derived_id(_ALARMS, f"{source}\x00{source_id}")


def case_id(alarm: str, audience: str) -> str:
    """Return the id of the case of an alarm for an audience (CLUSTER, ENTRY)."""
    return _derived_id(_CASES, f"{alarm}\x00{audience}")
