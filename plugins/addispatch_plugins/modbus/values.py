"""Registers become values: types, byte orders, bits, texts. Pure; used by ``keys``, ``reader`` and ``explain``.

Modbus sends each register with its high byte first; which register of a longer value comes first it leaves open, and
devices differ. The four orders are named after what becomes of the bytes A (highest) to D (lowest) of a 32-bit value.
Of numbers, pymodbus knows the bytes; they are taken apart here, because its converter does it register by register and
takes some times as long. Texts are not its business: it raises on what is not UTF-8 and keeps what follows a NUL.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pymodbus.client.mixin import ModbusClientMixin

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
        return _REGISTER_COUNTS.get(self, 1)


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


_REGISTER_COUNTS = {
    Type.INT32: 2,
    Type.UINT32: 2,
    Type.INT64: 4,
    Type.UINT64: 4,
    Type.FLOAT32: 2,
    Type.FLOAT64: 4,
}


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
    if kind is Type.STRING:
        return _text(ordered(data, order))
    value: int | float = _number(kind).unpack(ordered(data, order))[0]
    return value


def encode(value: Value, kind: Type, order: Order, register_count: int = 1) -> bytes:
    """Return the registers of a value; strings are filled up with NUL. Raises ``struct.error`` if it does not fit."""
    if kind is Type.STRING:
        return ordered(str(value).encode().ljust(2 * register_count, b"\0"), order)
    convert = _pymodbus()
    registers = convert.convert_to_registers(value, convert.DATATYPE[kind.name], _words(order))
    return struct.pack(_registers(order, len(registers)), *registers)


@cache
def _pymodbus() -> type[ModbusClientMixin[Any]]:
    from pymodbus.client.mixin import ModbusClientMixin  # noqa: PLC0415 - listing plugins stays fast

    return ModbusClientMixin


@cache
def _number(kind: Type) -> struct.Struct:
    """The bytes of a number, the high register first."""
    return struct.Struct(f">{_pymodbus().DATATYPE[kind.name].value[0]}")


def _registers(order: Order, count: int) -> str:
    """How registers are packed: pymodbus knows the order of registers, but not of the bytes in them."""
    return f"{'<' if order.swaps_bytes else '>'}{count}H"


def _words(order: Order) -> Literal["big", "little"]:
    return "little" if order.swaps_words else "big"


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
