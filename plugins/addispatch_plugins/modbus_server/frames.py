"""Requests and answers of Modbus/TCP as bytes. Pure; used by ``server`` and ``device``.

MODBUS Application Protocol Specification V1.1b3, sections 6 and 7; MODBUS Messaging on TCP/IP Implementation Guide
V1.0b. All addresses are 0-based, as on the wire.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

#: Transaction, protocol (0), length of what follows, unit.
HEADER = struct.Struct(">HHHB")
#: Longest unit and PDU together.
MAX_LENGTH = 254


class Function(IntEnum):
    """What a client may ask for."""

    READ_COILS = 1
    READ_DISCRETE = 2
    READ_HOLDING = 3
    READ_INPUT = 4
    WRITE_COIL = 5
    WRITE_REGISTER = 6
    WRITE_COILS = 15
    WRITE_REGISTERS = 16


class Code(IntEnum):
    """Why an answer is an exception (V1.1b3, section 7)."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3
    DEVICE_FAILURE = 4
    DEVICE_BUSY = 6
    GATEWAY_NO_RESPONSE = 11


class ModbusError(Exception):
    """The answer is an exception with this code."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.name)
        self.code = code


_BITS = (Function.READ_COILS, Function.READ_DISCRETE)
#: Most values of one request.
_MOST = {
    Function.READ_COILS: 2000, Function.READ_DISCRETE: 2000, Function.READ_HOLDING: 125, Function.READ_INPUT: 125,
    Function.WRITE_COILS: 1968, Function.WRITE_REGISTERS: 123,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One request; ``values`` are what is to be written, 0 or 1 for coils."""

    function: Function
    address: int
    count: int
    values: tuple[int, ...] = ()


def read_request(pdu: bytes) -> Request:
    """Read a PDU (function and data); raises ``ModbusError`` with the code to answer."""
    try:
        function = Function(pdu[0])
    except (ValueError, IndexError):
        raise ModbusError(Code.ILLEGAL_FUNCTION) from None
    if len(pdu) < 5:
        raise ModbusError(Code.ILLEGAL_VALUE)
    address, number = struct.unpack_from(">HH", pdu, 1)
    if function in (Function.WRITE_COIL, Function.WRITE_REGISTER):
        return _one(function, address, number, len(pdu))
    if not 1 <= number <= _MOST[function]:
        raise ModbusError(Code.ILLEGAL_VALUE)
    if address + number > 65_536:
        raise ModbusError(Code.ILLEGAL_ADDRESS)
    if function in (Function.WRITE_COILS, Function.WRITE_REGISTERS):
        return Request(function, address, number, _many(function, number, pdu[5:]))
    if len(pdu) != 5:
        raise ModbusError(Code.ILLEGAL_VALUE)
    return Request(function, address, number)


def _one(function: Function, address: int, value: int, length: int) -> Request:
    if length != 5:
        raise ModbusError(Code.ILLEGAL_VALUE)
    if function is Function.WRITE_COIL:
        if value not in (0, 0xFF00):
            raise ModbusError(Code.ILLEGAL_VALUE)
        value = int(value == 0xFF00)
    return Request(function, address, 1, (value,))


def _many(function: Function, count: int, rest: bytes) -> tuple[int, ...]:
    """Read the values of a request to write several: a count of bytes, then the bytes."""
    size = (count + 7) // 8 if function is Function.WRITE_COILS else 2 * count
    if len(rest) != size + 1 or rest[0] != size:
        raise ModbusError(Code.ILLEGAL_VALUE)
    if function is Function.WRITE_COILS:
        return tuple(rest[1 + number // 8] >> number % 8 & 1 for number in range(count))
    return struct.unpack(f">{count}H", rest[1:])


def answer(request: Request, values: tuple[int, ...] = ()) -> bytes:
    """Return the PDU that answers a request that went well; ``values`` are what was read."""
    if request.function in _BITS:
        packed = bytearray((len(values) + 7) // 8)
        for number, value in enumerate(values):
            packed[number // 8] |= bool(value) << number % 8
        return bytes((request.function, len(packed))) + packed
    if request.function in (Function.READ_HOLDING, Function.READ_INPUT):
        return struct.pack(f">BB{len(values)}H", request.function, 2 * len(values), *values)
    if request.function is Function.WRITE_COIL:
        return struct.pack(">BHH", request.function, request.address, 0xFF00 if request.values[0] else 0)
    if request.function is Function.WRITE_REGISTER:
        return struct.pack(">BHH", request.function, request.address, request.values[0])
    return struct.pack(">BHH", request.function, request.address, request.count)


def refusal(function: int, code: Code) -> bytes:
    """Return the PDU of an exception."""
    return bytes((function & 0x7F | 0x80, code))


def frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """Put the header of Modbus/TCP before a PDU."""
    return HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu
