"""The GSM 7-bit alphabet on the wire: characters to septets, septets packed into octets (3GPP TS 23.038).

Used by the PDU codec. :mod:`addispatch.domain.text` knows the same alphabet as a set, which is all that counting needs.
"""

from __future__ import annotations

ESCAPE = 0x1B

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
_SEPTETS = {char: bytes([code]) for code, char in enumerate(_BASIC) if code != ESCAPE} | {
    char: bytes([ESCAPE, code]) for code, char in _EXTENDED.items()
}


def to_septets(text: str) -> bytes:
    """One septet per byte; ``?`` for what the alphabet lacks, as handsets do."""
    return b"".join(_SEPTETS.get(char, b"?") for char in text)


def from_septets(septets: bytes) -> str:
    """Text of the septets. An unknown escape shows the basic character, a trailing escape a space (TS 23.038 6.2.1)."""
    text: list[str] = []
    escaped = False
    for septet in septets:
        if escaped:
            text.append(_EXTENDED.get(septet, _BASIC[septet] if septet != ESCAPE else " "))
            escaped = False
        elif septet == ESCAPE:
            escaped = True
        else:
            text.append(_BASIC[septet])
    return "".join(text) + (" " if escaped else "")


def pack(septets: bytes, fill_bits: int = 0) -> bytes:
    """Octets of the septets, low bits first; ``fill_bits`` aligns text after a header to a septet boundary."""
    value = 0
    for index, septet in enumerate(septets):
        value |= septet << (7 * index + fill_bits)
    return value.to_bytes((7 * len(septets) + fill_bits + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill_bits: int = 0) -> bytes:
    """``count`` septets out of the octets; missing octets read as zero."""
    value = int.from_bytes(octets, "little") >> fill_bits
    return bytes((value >> (7 * index)) & 0x7F for index in range(count))
