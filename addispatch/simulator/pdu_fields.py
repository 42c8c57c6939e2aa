"""Fields that several SMS PDUs share: addresses and time stamps (3GPP TS 23.040, 9.1.2.5 and 9.2.3.11).

Used by :mod:`addispatch.simulator.pdu`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from addispatch.domain.errors import AddispatchError
from addispatch.simulator import gsm7

_INTERNATIONAL, _UNKNOWN, _ALPHANUMERIC = 0x91, 0x81, 0xD0
_DIGITS = "0123456789*#abc"
_FILLER = 0xF


class PduError(AddispatchError):
    """A PDU that breaks TS 23.040: cut short, a field out of range."""


class Reader:
    """Takes octets from the front; a PDU that ends too early is a ``PduError``, never an ``IndexError``."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """The next ``count`` octets."""
        if self._at + count > len(self._data):
            raise PduError(f"PDU ends after {len(self._data)} octets, {self._at + count} needed")
        self._at += count
        return self._data[self._at - count : self._at]

    def octet(self) -> int:
        """The next octet."""
        return self.take(1)[0]

    def left(self) -> int:
        """How many octets are left."""
        return len(self._data) - self._at


def _swap_digits(digits: str) -> bytes:
    nibbles = [_DIGITS.index(digit) for digit in digits]
    if len(nibbles) % 2:
        nibbles.append(_FILLER)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def _unswap_digits(octets: bytes) -> str:
    nibbles = [nibble for octet in octets for nibble in (octet & 0xF, octet >> 4)]
    return "".join(_DIGITS[nibble] for nibble in nibbles if nibble != _FILLER)


def _type_and_digits(number: str) -> bytes:
    digits = number.removeprefix("+")
    if not set(digits) <= set(_DIGITS):
        raise PduError(f"number: {number!r} has characters no number has")
    return bytes([_INTERNATIONAL if number.startswith("+") else _UNKNOWN]) + _swap_digits(digits)


def encode_address(number: str) -> bytes:
    """A TP address: ``+65…`` is international, other digits unknown type, anything else a name (alphanumeric)."""
    digits = number.removeprefix("+")
    if set(digits) <= set(_DIGITS):
        if len(digits) > 20:
            raise PduError(f"number: {len(digits)} digits, 20 at most")
        return bytes([len(digits)]) + _type_and_digits(number)
    septets = gsm7.to_septets(number)[:11]
    return bytes([(len(septets) * 7 + 3) // 4, _ALPHANUMERIC]) + gsm7.pack(septets)


def decode_address(reader: Reader) -> str:
    """A TP address as text; see :func:`encode_address`."""
    nibble_count, kind = reader.octet(), reader.octet()
    octets = reader.take((nibble_count + 1) // 2)
    if kind & 0x70 == _ALPHANUMERIC & 0x70:
        return gsm7.from_septets(gsm7.unpack(octets, nibble_count * 4 // 7))
    digits = _unswap_digits(octets)[:nibble_count]
    return ("+" if kind & 0x70 == _INTERNATIONAL & 0x70 else "") + digits


def encode_smsc(number: str) -> bytes:
    """The service centre in front of a PDU on the serial line: octet count, type, digits; none is one zero octet."""
    if not number:
        return b"\0"
    address = _type_and_digits(number)
    return bytes([len(address)]) + address


def decode_smsc(reader: Reader) -> str:
    """The service centre in front of a PDU; empty when the modem shall use its own."""
    address = reader.take(reader.octet())
    if not address:
        return ""
    return ("+" if address[0] & 0x70 == _INTERNATIONAL & 0x70 else "") + _unswap_digits(address[1:])


def encode_time(at: datetime) -> bytes:
    """A service centre time stamp: seven octets of swapped decimal digits, the last one the zone in quarter hours."""
    offset = at.utcoffset()
    if offset is None:
        raise PduError("time: it has no zone")
    quarters = round(offset / timedelta(minutes=15))
    zone = _swap_digits(f"{abs(quarters):02d}")[0] | (0x08 if quarters < 0 else 0)
    return _swap_digits(f"{at:%y%m%d%H%M%S}") + bytes([zone])


def decode_time(octets: bytes) -> datetime:
    """The moment of a time stamp, in the zone it names."""
    digits = [(octet & 0xF) * 10 + (octet >> 4) for octet in octets[:6]]
    zone = octets[6]
    quarters = (zone & 0x07) * 10 + (zone >> 4)
    offset = timedelta(minutes=15 * (-quarters if zone & 0x08 else quarters))
    try:
        year, *rest = digits
        return datetime(2000 + year, *rest, tzinfo=timezone(offset) if offset else UTC)  # type: ignore[misc,arg-type]
    except ValueError as error:
        raise PduError(f"time stamp {octets.hex()}: {error}") from None
