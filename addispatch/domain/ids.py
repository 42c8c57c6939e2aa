"""Identifiers: time-ordered for what we create, derived for what two nodes must name alike (RFC 9562)."""

from __future__ import annotations

import hashlib
import uuid

_ALARMS = uuid.UUID("0b6f3c9e-7f1d-5a6f-8f0e-2f7b1d7c1e01").bytes
_CASES = uuid.UUID("0b6f3c9e-7f1d-5a6f-8f0e-2f7b1d7c1e02").bytes
_ENTRIES = uuid.UUID("0b6f3c9e-7f1d-5a6f-8f0e-2f7b1d7c1e03").bytes
#: The digit that begins the fourth group, by the digit it replaces: its two highest bits are 10.
_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def ordered_id(now_ms: int, random_bits: int) -> str:
    """Return a UUIDv7: 48 bits of time, then 74 of the given random bits. Ordered ids keep the ledger's index small."""
    high = random_bits & 0xFFF
    low = (random_bits >> 12) & 0x3FFF_FFFF_FFFF_FFFF
    begin, node = now_ms >> 16 & 0xFFFF_FFFF, low & 0xFFFF_FFFF_FFFF
    return f"{begin:08x}-{now_ms & 0xFFFF:04x}-7{high:03x}-{0x8000 | low >> 48:04x}-{node:012x}"


def dashed(digits: str) -> str:
    """The usual text form of a UUID's 32 hexadecimal digits."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _derived_id(namespace: bytes, name: str) -> str:
    """Return a UUIDv5: what ``uuid.uuid5`` makes, without building two UUID objects."""
    digits = hashlib.sha1(namespace + name.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def alarm_id(source: str, source_id: str) -> str:
    """Return the id of an alarm whose source named it: the same on every node, every time."""
    return _derived_id(_ALARMS, f"{source}\x00{source_id}")


def case_id(alarm: str, audience: str) -> str:
    """Return the id of the case of an alarm for an audience (CLUSTER, ENTRY)."""
    return _derived_id(_CASES, f"{alarm}\x00{audience}")


def entry_id(table: str, name: str) -> str:
    """Return the id (32 digits) of an entry of the directory that a file names: the same on every node."""
    return _derived_id(_ENTRIES, f"{table}\x00{name}").replace("-", "")
