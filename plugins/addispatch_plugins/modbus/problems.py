"""What went wrong, in words of an operator. Raised by ``link`` and ``frames``; ``reader`` makes readings of it.

Exception codes: Modbus Application Protocol V1.1b3, section 7.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import NamedTuple

from addispatch_plugins.modbus.address import Register, in_notation

#: What each table is read with (V1.1b3, 6.1 to 6.4), and a single holding register written (6.6).
READ_FUNCTIONS = {Register.COIL: 1, Register.DISCRETE: 2, Register.HOLDING: 3, Register.INPUT: 4}
WRITE_FUNCTION = 6

_NAMES = {
    Register.COIL: "coil",
    Register.DISCRETE: "discrete input",
    Register.HOLDING: "holding register",
    Register.INPUT: "input register",
}


class Asked(NamedTuple):
    """A request: so many registers or bits of a unit, or one value to write. ``size`` counts registers or bits."""

    unit: int
    register: Register
    number: int
    size: int = 1
    write: int | None = None

    @property
    def function(self) -> int:
        """Function code."""
        return READ_FUNCTIONS[self.register] if self.write is None else WRITE_FUNCTION

    @property
    def byte_count(self) -> int:
        """Bytes of data in the answer."""
        return (self.size + 7) // 8 if self.register.is_bit else 2 * self.size

    def __str__(self) -> str:
        """For people: ``holding register 0 (40001)``, ``coils 8 to 15 (00009 to 00016)``."""
        first, last = self.number, self.number + self.size - 1
        if self.size == 1:
            return f"{_NAMES[self.register]} {first} ({in_notation(self.register, first)})"
        notation = f"{in_notation(self.register, first)} to {in_notation(self.register, last)}"
        return f"{_NAMES[self.register]}s {first} to {last} ({notation})"


class ModbusError(Exception):
    """Something went wrong; the message is one line for an operator."""


class LinkError(ModbusError):
    """The device cannot be reached, or what came is no answer: the connection is of no use any more."""


class UnreachableError(LinkError):
    """No connection came about: that concerns all units behind it."""


class LateError(LinkError):
    """Nothing, or nothing whole, came in time."""


class ClosedError(LinkError):
    """The other side ended the connection. ``is_fresh``: before a byte of an answer came."""

    def __init__(self, message: str, *, is_fresh: bool) -> None:
        super().__init__(message)
        self.is_fresh = is_fresh


class RefusedError(ModbusError):
    """The device, or a gateway before it, answered with an exception; the connection is good."""

    def __init__(self, code: int, asked: Asked) -> None:
        super().__init__(_refusal(code, asked))
        self.code = code

    @property
    def is_about_address(self) -> bool:
        """Whether another address or count might do: illegal address or value, or what some devices say instead."""
        return self.code in (2, 3, 4)

    @property
    def is_about_unit(self) -> bool:
        """Whether a gateway says that it cannot reach the unit at all."""
        return self.code in (10, 11)


#: What exception codes mean.
_REFUSALS = {
    1: "illegal function: the device cannot {does} {table}s (function {function})",
    2: "illegal data address: the device has no {place}",
    3: "illegal data value: the device does not {does} {place} like that",
    4: "device failure: the device could not {does} {place}",
    5: "the device needs longer (acknowledge)",
    6: "the device is busy",
    8: "memory parity error in {place}",
    10: "gateway path unavailable: the gateway has no way to unit {unit}",
    11: "unit {unit} does not answer (gateway target failed to respond)",
}


def _refusal(code: int, asked: Asked) -> str:
    return _REFUSALS.get(code, f"the device answers with exception {code}, which the standard does not know").format(
        does="read" if asked.write is None else "write",
        table=_NAMES[asked.register],
        function=asked.function,
        place=asked,
        unit=asked.unit,
    )


def unreachable(error: OSError) -> str:
    """Say why no connection came about, or ended."""
    if isinstance(error, socket.gaierror):
        return f"unknown host name ({error.strerror or 'not found'})"
    if error.errno == errno.ENOENT:
        return "no such serial port"
    if error.errno in (errno.EAGAIN, errno.EBUSY):
        return "the serial port is used by another program"
    if error.errno == errno.EACCES:
        return "permission denied (is the user of addispatch in the group of the port, dialout?)"
    return _lower(os.strerror(error.errno)) if error.errno else (str(error).splitlines() or ["no connection"])[0][:200]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
