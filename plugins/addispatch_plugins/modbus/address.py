"""Addresses as people write them: numbers of the protocol, and the notation of manuals. Used by ``keys``.

The protocol counts from 0 in each of the four tables (Modbus Application Protocol V1.1b3, 4.4). Manuals often count
from 1 and put a digit for the table in front: 40001 is holding register 0 of the protocol. Both look alike, so what
could be either is refused with both ways to say what is meant.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


class Register(StrEnum):
    """The four tables of a device."""

    COIL = "coil"
    DISCRETE = "discrete"
    HOLDING = "holding"
    INPUT = "input"

    @property
    def is_bit(self) -> bool:
        """Whether it holds single bits, not registers of 16."""
        return self in (Register.COIL, Register.DISCRETE)

    @property
    def digit(self) -> str:
        """What stands for it in the notation of manuals."""
        return _DIGITS[self]


_DIGITS = {Register.COIL: "0", Register.DISCRETE: "1", Register.INPUT: "3", Register.HOLDING: "4"}
_TABLES = {digit: register for register, digit in _DIGITS.items()}
MAX_ADDRESS = 65_535

_NOTATION = re.compile(r"([0134])(?:[xX](\d{1,5})|(\d{4}|\d{5}))", re.ASCII)
_PROTOCOL = re.compile(r"(?:protocol\s+)(\d{1,5})", re.ASCII)


class Place(NamedTuple):
    """A protocol address, 0 to 65535, and the table if the notation tells it."""

    number: int
    register: Register | None = None


def parse_address(written: int | str, register: Register | None) -> Place:
    """Return what is meant by an address; raises ``ValueError`` with one line, also if it may mean two things.

    A number is the protocol's, from 0; ``"40001"``, ``"400001"`` and ``"4x0001"`` are the notation of manuals, from 1;
    ``"protocol 40001"`` is the protocol's number, whatever it looks like.
    """
    if isinstance(written, str):
        return _parse_text(written.strip(), register)
    if not 0 <= written <= MAX_ADDRESS:
        raise ValueError(_out_of_range(written))
    table = _TABLES.get(str(written)[0]) if 10_001 <= written < 50_000 and written % 10_000 else None
    if table is not None and register in (None, table):
        number = written % 10_000
        raise ValueError(
            f'{written} looks like the notation of manuals: write "{written}" in quotes, or {table.digit}x{number:04} '
            f"on a command line, for {table} register {number} of the manual (protocol address {number - 1}); or else "
            f'"protocol {written}"'
        )
    return Place(written)


def _parse_text(text: str, register: Register | None) -> Place:
    if found := _PROTOCOL.fullmatch(text):
        return Place(_checked(int(found[1])))
    if found := _NOTATION.fullmatch(text):
        if text[:2] in ("0x", "0X"):
            raise ValueError(
                f'"{text}" may be a hexadecimal number or coil {int(found[2])} of the manual: write {text} without '
                f'quotes, or "{int(found[2]):05}"'
            )
        table = _TABLES[found[1]]
        number = int(found[2] or found[3])
        if not 1 <= number <= MAX_ADDRESS + 1:
            raise ValueError(f'"{text}" is out of range: the notation of manuals counts from 1 to 65536')
        if register not in (None, table):
            raise ValueError(f'"{text}" is the notation of manuals for register = "{table}", not "{register}"')
        return Place(number - 1, table)
    if text.isascii() and text.isdigit() and len(text) < 5 and (text == "0" or text[0] != "0"):
        return Place(int(text))
    raise ValueError(
        f'"{text[:40]}" is no address: write a number for the protocol address, which counts from 0, or "40001", '
        '"400001" or "4x0001" for the notation of manuals, which counts from 1'
    )


def _checked(number: int) -> int:
    if number > MAX_ADDRESS:
        raise ValueError(_out_of_range(number))
    return number


def _out_of_range(number: int) -> str:
    hint = f'; the notation of manuals needs quotes: "{number}"' if _NOTATION.fullmatch(str(number)) else ""
    return f"{number} is no protocol address (0 to {MAX_ADDRESS}){hint}"


def in_notation(register: Register, number: int) -> str:
    """Return a protocol address as manuals write it, five digits if they suffice: ``40001``."""
    return f"{register.digit}{number + 1:04}" if number < 9_999 else f"{register.digit}{number + 1:05}"
