"""AT command lines taken apart (ITU-T V.250 section 5, 3GPP TS 27.007 section 4).

``AT+CMEE=1;+CREG=2`` is two commands, ``ATE1V1`` too, ``ATD+65…;`` is one. Used by the AT session.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """What is asked of the command."""

    EXECUTE, READ, TEST, SET = "execute", "read", "test", "set"


@dataclass(frozen=True, slots=True)
class Command:
    """One command: ``+CSQ``, ``E``, ``D``; arguments without their quotes, missing ones empty."""

    name: str
    form: Form = Form.EXECUTE
    arguments: tuple[str, ...] = ()

    def text(self, index: int, default: str = "") -> str:
        """The argument at that place, or the default when it is missing or empty."""
        return self.arguments[index] or default if index < len(self.arguments) else default

    def number(self, index: int, default: int = -1) -> int:
        """The argument as a decimal number; raises ``AtSyntaxError``."""
        text = self.text(index)
        if not text:
            return default
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise AtSyntaxError(f"{self.name}: {text!r} is no number")
        return int(text)


MAX_COMMAND_LINE = 1024


class AtSyntaxError(Exception):
    """The line is no AT command."""


_EXTENDED = re.compile(
    r"""([+*^$%#!][A-Z0-9]+)\s*(\?|=\?|=((?:"[^"]*"|[^;"])*)|)\s*(?:;|$)""", re.IGNORECASE | re.ASCII
)
_BASIC = re.compile(r"(S[0-9]+|&?[A-Z])([0-9]*)(\?|=\?|=([^;]*)|)\s*;?", re.IGNORECASE | re.ASCII)
_DIAL = re.compile(r"D([TP]?)([^;]*)(;?)\s*$", re.IGNORECASE | re.ASCII)


def parse_line(line: str) -> list[Command]:
    """The commands of a line; a bare ``AT`` has none. Raises ``AtSyntaxError``."""
    line = line.strip()
    if len(line) > MAX_COMMAND_LINE:
        raise AtSyntaxError("line too long")
    if line[:2].upper() != "AT":
        raise AtSyntaxError("a command line starts with AT")
    rest, commands = line[2:].lstrip(), []
    while rest:
        command, used = _next(rest)
        commands.append(command)
        rest = rest[used:].lstrip(" ;")
    return commands


def _next(rest: str) -> tuple[Command, int]:
    if dial := _DIAL.match(rest):
        return Command("D", Form.SET, (dial[2].strip(), dial[3])), dial.end()
    if extended := _EXTENDED.match(rest):
        return Command(extended[1].upper(), *_form(extended[2], extended[3])), extended.end()
    if basic := _BASIC.match(rest):
        form, arguments = _form(basic[3], basic[4])
        if form is Form.EXECUTE and basic[2]:
            form, arguments = Form.SET, (basic[2],)
        return Command(basic[1].upper(), form, arguments), basic.end()
    raise AtSyntaxError(f"{rest[:20]!r} is no command")


def _form(suffix: str, arguments: str | None) -> tuple[Form, tuple[str, ...]]:
    if suffix in {"?", "=?"}:
        return (Form.READ if suffix == "?" else Form.TEST), ()
    if not suffix:
        return Form.EXECUTE, ()
    return Form.SET, tuple(_fields(arguments or ""))


def _fields(arguments: str) -> list[str]:
    """Split at commas outside of quotes and take the quotes away."""
    fields, quoted, current = [], False, ""
    for char in arguments:
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            fields.append(current.strip())
            current = ""
        else:
            current += char
    return [*fields, current.strip()]
