"""What a command handler gives back. Shared by the AT session and the handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from addispatch.simulator.at_parser import Command
    from addispatch.simulator.modem import SimulatedModem


@dataclass(frozen=True, slots=True)
class Prompt:
    """The command wants a text after ``> ``, ended by Ctrl-Z; ``take`` does the rest and gives information lines."""

    take: Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Later:
    """The final result comes when the call is answered or over."""


#: Information lines (the final OK comes by itself), a prompt, or no answer yet; raises ``AtError``.
Handler = Callable[["SimulatedModem", "Command"], list[str] | Prompt | Later]


def quoted(names: Iterable[str]) -> str:
    """``"SM","ME"``."""
    return ",".join(f'"{name}"' for name in names)


def accept(_modem: SimulatedModem, _command: Command) -> list[str]:
    """Say OK to a setting that changes nothing here."""
    return []
