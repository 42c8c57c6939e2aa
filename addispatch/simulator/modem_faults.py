"""Faults on demand: what the modem shall do wrong at its next command.

Planned by :meth:`SimulatedModem.fault`, taken by the AT session.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class FaultKind(StrEnum):
    """What goes wrong. At ``CMGS`` all but ``error`` and ``no_prompt`` strike after the PDU, when much is at stake."""

    #: ``+CMS ERROR: code`` or ``+CME ERROR: code`` (plain ``ERROR`` without a code) instead of doing it.
    ERROR = "error"
    #: The ``>`` of CMGS never comes; nothing is sent.
    NO_PROMPT = "no_prompt"
    #: The network refuses the PDU: ``+CMS ERROR: code`` (500 without one); nothing is sent.
    ERROR_AFTER_PDU = "error_after_pdu"
    #: It is done, but no answer comes. With command ``*`` the modem is wedged: no echo, nothing done.
    SILENT = "silent"
    #: It is done at once, the answer comes ``delay_s`` later, perhaps amid other answers.
    OK_LATE = "ok_late"
    #: It is done ``delay_s`` later; input waits meanwhile.
    SLOW = "slow"
    #: Line noise before the answer.
    GARBAGE = "garbage"
    #: Lines are not echoed, whatever the command.
    NO_ECHO = "no_echo"
    #: 50 unsolicited lines a second for ``delay_s``, then the answer.
    URC_FLOOD = "urc_flood"
    #: It is done, then the port vanishes.
    UNPLUG = "unplug"


_SEND = "+CMGS"
EVERY_COMMAND = "*"
_BEFORE_PDU = frozenset({FaultKind.ERROR, FaultKind.NO_PROMPT})


@dataclass(slots=True)
class Fault:
    """One planned fault; ``times`` None means until cleared."""

    kind: FaultKind
    command: str
    times: int | None
    code: int | None
    delay_s: float

    @property
    def wedges(self) -> bool:
        """Whether the modem is dead to everything."""
        return self.kind is FaultKind.SILENT and self.command == EVERY_COMMAND


class FaultPlan:
    """The faults still to come, in the order they were planned."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Plan it."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Work properly again."""
        self._faults.clear()

    def mutes_echo(self) -> bool:
        """Whether the line that comes in is not echoed."""
        return any(fault.wedges or fault.kind is FaultKind.NO_ECHO for fault in self._faults)

    def line_done(self) -> None:
        """A line without echo is over."""
        self._take(lambda fault: fault.kind is FaultKind.NO_ECHO)

    def at_line(self, names: list[str]) -> Fault | None:
        """Take the fault that strikes a line with these commands."""
        sends = _SEND in names
        return self._take(
            lambda fault: (
                fault.wedges
                or (
                    fault.command in (EVERY_COMMAND, *names)
                    and fault.kind not in {FaultKind.NO_ECHO, FaultKind.ERROR_AFTER_PDU}
                    and (fault.kind in _BEFORE_PDU if sends else fault.kind is not FaultKind.NO_PROMPT)
                )
            )
        )

    def at_pdu(self) -> Fault | None:
        """Take the fault that strikes after the PDU of CMGS."""
        return self._take(
            lambda fault: (
                fault.command in {EVERY_COMMAND, _SEND}
                and fault.kind not in _BEFORE_PDU
                and fault.kind is not FaultKind.NO_ECHO
            )
        )

    def _take(self, strikes: Callable[[Fault], bool]) -> Fault | None:
        fault = next((fault for fault in self._faults if strikes(fault)), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._faults.remove(fault)
        return fault
