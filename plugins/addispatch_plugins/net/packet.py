"""ICMP echo packets (RFC 792, RFC 4443). Pure; used by ``echo``."""

from __future__ import annotations

import struct
from typing import NamedTuple

ECHO_V4, REPLY_V4 = 8, 0
ECHO_V6, REPLY_V6 = 128, 129

_HEADER = struct.Struct("!BBHHH")


class Answer(NamedTuple):
    """What an echo reply carries back."""

    ident: int
    sequence: int
    payload: bytes


def request(*, is_v6: bool, ident: int, sequence: int, payload: bytes) -> bytes:
    """Make an echo request. The checksum of IPv6 is the kernel's to fill in."""
    kind = ECHO_V6 if is_v6 else ECHO_V4
    packet = _HEADER.pack(kind, 0, 0, ident, sequence) + payload
    return packet if is_v6 else packet[:2] + checksum(packet).to_bytes(2) + packet[4:]


def read_reply(data: bytes, *, is_v6: bool, has_header: bool) -> Answer | None:
    """Read a packet; None if it is no echo reply. ``has_header``: an IPv4 header is first, on raw sockets."""
    if has_header and not is_v6:
        if len(data) < 20 or data[0] >> 4 != 4:
            return None
        data = data[(data[0] & 0x0F) * 4 :]
    if len(data) < _HEADER.size:
        return None
    kind, code, _sum, ident, sequence = _HEADER.unpack_from(data)
    if kind != (REPLY_V6 if is_v6 else REPLY_V4) or code:
        return None
    return Answer(ident, sequence, data[_HEADER.size :])


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of a packet whose checksum field is zero."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
