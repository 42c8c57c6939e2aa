"""When a certificate ends. Pure; used by ``fetch``.

Python reads only certificates that it verified, and those that nobody trusts end, too: hence our own look into the DER
(X.690; the structure is RFC 5280, 4.1), as far as the date.
"""

from __future__ import annotations

from datetime import UTC, datetime

_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0


def not_after(der: bytes) -> datetime:
    """Return when it ends; raises ``ValueError`` if this is no certificate."""
    certificate = _content(der, _SEQUENCE)
    rest = _content(certificate, _SEQUENCE)
    if rest[:1] == bytes([_VERSION]):
        rest = _after(rest)
    for _ in ("serial number", "signature", "issuer"):
        rest = _after(rest)
    begin_and_end = _content(rest, _SEQUENCE)
    tag, begin, end = _element(_after(begin_and_end))
    text = _after(begin_and_end)[begin:end].decode("ascii")
    if tag == _UTC_TIME:  # two digits: RFC 5280 takes 50 to 99 as the century before
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("no time where one should be")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _element(data: bytes) -> tuple[int, int, int]:
    """The tag of the first element, and where its content begins and ends."""
    if len(data) < 2:
        raise ValueError("too short for a certificate")
    size, begin = data[1], 2
    if size & 0x80:
        count = size & 0x7F
        size, begin = int.from_bytes(data[2 : 2 + count]), 2 + count
        if not 1 <= count <= 4:
            raise ValueError("no length that a certificate has")
    if begin + size > len(data):
        raise ValueError("cut off")
    return data[0], begin, begin + size


def _content(data: bytes, tag: int) -> bytes:
    found, begin, end = _element(data)
    if found != tag:
        raise ValueError("not the structure of a certificate")
    return data[begin:end]


def _after(data: bytes) -> bytes:
    return data[_element(data)[2] :]
