"""The user data of an SMS: alphabet, message class, user data header, text (TS 23.038 section 4, TS 23.040 9.2.3.24).

Used by :mod:`addispatch.simulator.pdu`, phones and the modem.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from addispatch.domain.text import is_gsm7, split_segments
from addispatch.simulator import gsm7
from addispatch.simulator.pdu_fields import PduError, Reader

MAX_OCTETS = 140
_CONCAT_8BIT, _CONCAT_16BIT = 0x00, 0x08


class Coding(IntEnum):
    """Alphabets, with the value of bits 3 and 2 of the data coding scheme."""

    GSM7, DATA, UCS2 = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Concat:
    """Place of a part, from 1, in a long message: parts with the same reference and count belong together."""

    reference: int
    count: int
    part: int


@dataclass(frozen=True, slots=True)
class Body:
    """What one SMS says. Binary data shows as Latin-1 text. Class 0 is flash: shown at once, not stored."""

    text: str
    coding: Coding = Coding.GSM7
    message_class: int | None = None
    concat: Concat | None = None

    @property
    def flash(self) -> bool:
        """Whether a phone shows it at once and keeps it nowhere."""
        return self.message_class == 0


def bodies(text: str, reference: int, *, flash: bool = False) -> list[Body]:
    """The one or more parts that carry the text, in the cheapest alphabet that can."""
    coding = Coding.GSM7 if is_gsm7(text) else Coding.UCS2
    parts = split_segments(text)
    if len(parts) > 255:
        raise PduError(f"text: {len(parts)} parts, 255 at most")
    return [
        Body(
            text=part,
            coding=coding,
            message_class=0 if flash else None,
            concat=Concat(reference % 256, len(parts), number) if len(parts) > 1 else None,
        )
        for number, part in enumerate(parts, 1)
    ]


def join(parts: list[Body]) -> str:
    """One text of the parts; a surrogate pair that a sender cut in two becomes one character again."""
    text = "".join(part.text for part in parts)
    return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")


def encode_body(body: Body) -> tuple[int, bytes]:
    """Data coding scheme, and user data length with user data."""
    scheme = body.coding << 2 | (0 if body.message_class is None else 0x10 | body.message_class)
    header = b""
    if body.concat is not None:
        header = bytes([5, _CONCAT_8BIT, 3, body.concat.reference & 0xFF, body.concat.count, body.concat.part])
    if body.coding is Coding.GSM7:
        septets = gsm7.to_septets(body.text)
        header_septets, fill_bits = _header_septets(len(header))
        data = header + gsm7.pack(septets, fill_bits)
        length = header_septets + len(septets)
    else:
        encoding = "utf-16-be" if body.coding is Coding.UCS2 else "latin-1"
        data = header + body.text.encode(encoding, "surrogatepass" if body.coding is Coding.UCS2 else "replace")
        length = len(data)
    if len(data) > MAX_OCTETS:
        raise PduError(f"text: {len(data)} octets, {MAX_OCTETS} at most")
    return scheme, bytes([length]) + data


def decode_body(scheme: int, reader: Reader, *, has_header: bool) -> Body:
    """Read user data length and user data. Header elements other than concatenation are skipped."""
    length = reader.octet()
    coding, message_class = _decode_scheme(scheme)
    septets_allowed = MAX_OCTETS * 8 // 7
    if length > (septets_allowed if coding is Coding.GSM7 else MAX_OCTETS):
        raise PduError(f"user data length {length} is more than an SMS holds")
    data = reader.take((length * 7 + 7) // 8 if coding is Coding.GSM7 else length)
    header_octets, concat = _decode_header(data) if has_header else (0, None)
    if coding is Coding.GSM7:
        header_septets, fill_bits = _header_septets(header_octets)
        text = gsm7.from_septets(gsm7.unpack(data[header_octets:], max(0, length - header_septets), fill_bits))
    elif coding is Coding.UCS2:
        text = data[header_octets:].decode(
            "utf-16-be", "surrogatepass" if len(data[header_octets:]) % 2 == 0 else "replace"
        )
    else:
        text = data[header_octets:].decode("latin-1")
    return Body(text, coding, message_class, concat)


def _header_septets(header_octets: int) -> tuple[int, int]:
    """Septets that a header occupies, and the fill bits after it."""
    return (header_octets * 8 + 6) // 7, -header_octets * 8 % 7


def _decode_scheme(scheme: int) -> tuple[Coding, int | None]:
    group = scheme >> 4
    if group < 0x4:
        coding = Coding(min(scheme >> 2 & 3, 2)) if scheme & 0x20 == 0 else Coding.DATA
        return coding, scheme & 3 if scheme & 0x10 else None
    if group == 0xF:
        return Coding.DATA if scheme & 4 else Coding.GSM7, scheme & 3
    return Coding.UCS2 if group == 0xE else Coding.GSM7, None


def _decode_header(data: bytes) -> tuple[int, Concat | None]:
    """Octets the header occupies with its length, and its concatenation element."""
    reader = Reader(data)
    header = Reader(reader.take(reader.octet()))
    concat = None
    while elements := header.left():
        if elements < 2:
            break
        kind, value = header.octet(), header.take(header.octet())
        if kind == _CONCAT_8BIT and len(value) == 3:
            concat = Concat(*value)
        elif kind == _CONCAT_16BIT and len(value) == 4:
            concat = Concat(value[0] << 8 | value[1], value[2], value[3])
    if concat is not None and not 1 <= concat.part <= concat.count:
        concat = None  # TS 23.040 9.2.3.24.1: ignore an element with impossible numbers
    return 1 + data[0], concat
