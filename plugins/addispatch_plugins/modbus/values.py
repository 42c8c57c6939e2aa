"""Registers become values: types, byte orders, bits, texts. Pure; used by ``keys``, ``reader`` and ``explain``.

Modbus sends each register with its high byte first; which register of a longer value comes first it leaves open, and
devices differ. The four orders are named after what becomes of the bytes A (highest) to D (lowest) of a 32-bit value.
"""

from __future__ import annotations

import struct
from enum import StrEnum

Value = int | float | bool | str


class Type(StrEnum):
    """What registers mean."""

    BOOL = "bool"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    STRING = "string"

    @property
    def register_count(self) -> int:
        """How many registers it takes; of a string, one."""
        return struct.calcsize(_FORMATS[self]) // 2 if self in _FORMATS else 1


class Order(StrEnum):
    """How a 32-bit value arrives; longer ones alike, and of a single register only whether its bytes are swapped."""

    ABCD = "ABCD"
    """High register first: the usual one."""
    CDAB = "CDAB"
    """Low register first: "word swap"."""
    BADC = "BADC"
    """Bytes of each register swapped."""
    DCBA = "DCBA"
    """Both: "little-endian"."""

    @property
    def swaps_bytes(self) -> bool:
        """Whether the low byte of a register comes first."""
        return self in (Order.BADC, Order.DCBA)

    @property
    def swaps_words(self) -> bool:
        """Whether the low register comes first."""
        return self in (Order.CDAB, Order.DCBA)


_FORMATS = {
    Type.INT16: ">h",
    Type.UINT16: ">H",
    Type.INT32: ">i",
    Type.UINT32: ">I",
    Type.INT64: ">q",
    Type.UINT64: ">Q",
    Type.FLOAT32: ">f",
    Type.FLOAT64: ">d",
}
_STRUCTS = {kind: struct.Struct(form) for kind, form in _FORMATS.items()}


def ordered(data: bytes, order: Order) -> bytes:
    """Return registers as bytes in the usual order, or the other way round: it is its own inverse."""
    if order is Order.ABCD:
        return data
    words = [data[at : at + 2] for at in range(0, len(data), 2)]
    if order.swaps_bytes:
        words = [word[::-1] for word in words]
    return b"".join(reversed(words) if order.swaps_words else words)


def decode(data: bytes, kind: Type, order: Order) -> Value:
    """Return the value of exactly its registers as they came; of a string up to the first NUL, without trailing blanks.

    Floats may be NaN or infinite. A string that is not UTF-8 is read as Latin-1; what cannot be shown becomes ``?``.
    """
    data = ordered(data, order)
    if kind is Type.STRING:
        return _text(data)
    value: int | float = _STRUCTS[kind].unpack(data)[0]
    return value


def encode(value: Value, kind: Type, order: Order, register_count: int = 1) -> bytes:
    """Return the registers of a value; strings are filled up with NUL. Raises ``struct.error`` if it does not fit."""
    if kind is Type.STRING:
        return ordered(str(value).encode().ljust(2 * register_count, b"\0"), order)
    return ordered(_STRUCTS[kind].pack(value), order)


def bit_of(data: bytes, bit: int, order: Order) -> bool:
    """Return a bit of a register; 0 is the lowest."""
    return bool(int.from_bytes(ordered(data, order)) >> bit & 1)


def _text(data: bytes) -> str:
    data = data.partition(b"\0")[0]
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return "".join(char if char.isprintable() else "?" for char in text.rstrip())
