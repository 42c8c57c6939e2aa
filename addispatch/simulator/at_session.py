"""The talk on the serial line: bytes in, echo, command lines, the prompt of CMGS, answers out, faults in between.

One per :class:`SimulatedModem` and plug-in; the commands themselves are in ``at_general``, ``at_network``, ``at_sms``
and ``at_call``. Any bytes may come in: nothing here grows without bound or raises.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from addispatch.simulator import at_call, at_general, at_network, at_sms
from addispatch.simulator.at_errors import AtError, CmeError, CmsError
from addispatch.simulator.at_parser import AtSyntaxError, Command, parse_line
from addispatch.simulator.at_reply import Handler, Later, Prompt
from addispatch.simulator.modem_faults import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.simulator.modem import SimulatedModem

_HANDLERS: dict[str, Handler] = at_general.HANDLERS | at_network.HANDLERS | at_sms.HANDLERS | at_call.HANDLERS

#: Longest line or message text, in bytes, and what may wait while the modem is busy.
MAX_LINE, MAX_WAITING = 4096, 16384
_CR, _CTRL_Z, _ESC, _BACKSPACES = 0x0D, 0x1A, 0x1B, b"\x08\x7f"
_GARBAGE = b'\r\n\xff\xfe\x00\x81~#%\xc3\x28 +XYZZY: ,,"\x07\r\n'
_URC_INTERVAL_S = 0.02
MAX_HELD_URCS = 100
#: Stands for a line that is no command: it has no handler.
_UNKNOWN = "?"


@dataclass(slots=True)
class _Answer:
    """Information lines and the final result; no final result after a prompt."""

    lines: list[str]
    final: str | None

    def encode(self) -> bytes:
        lines = "\r\n" + "\r\n".join(self.lines) + "\r\n" if self.lines else ""
        return (lines + (f"\r\n{self.final}\r\n" if self.final else "")).encode("latin-1", "replace")


class AtSession:
    """Reads what the host types and answers through ``write``."""

    def __init__(self, modem: SimulatedModem, write: Callable[[bytes], None]) -> None:
        self._modem, self._write = modem, write
        self._waiting = bytearray()
        self._line = bytearray()
        self._prompt: Prompt | None = None
        self._busy = self._dialling = False
        self._closed = False
        self._urcs: deque[bytes] = deque(maxlen=MAX_HELD_URCS)

    def feed(self, data: bytes) -> None:
        """Take bytes from the host; too many while busy are lost, as on a line without flow control."""
        self._waiting += data[: MAX_WAITING - len(self._waiting)]
        self._work()

    def call_answered(self) -> None:
        """The other side took the call: the answer to ATD if that waits for it; otherwise nothing is said."""
        if self._dialling:
            self._dialling = False
            self._answer(_Answer([], "OK"))

    def call_ended(self, how: str) -> None:
        """Say how the call ended; it is the answer to ATD if that waits for it."""
        self._dialling = False
        self.urc(how)

    def close(self) -> None:
        """The port is gone: late answers go nowhere."""
        self._closed = True

    def urc(self, *lines: str) -> None:
        """Write an unsolicited result; held back while a prompt waits for its text."""
        self._urcs.append(_Answer(list(lines), None).encode())
        self._release_urcs()

    def urcs(self, lines: list[str]) -> None:
        """Write several unsolicited results in one go."""
        self._urcs.append(b"".join(_Answer([line], None).encode() for line in lines))
        self._release_urcs()

    def _release_urcs(self) -> None:
        while self._urcs and self._prompt is None and not self._closed:
            self._write(self._urcs.popleft())

    def _work(self) -> None:
        if self._dialling and self._waiting:
            # ITU-T V.250 5.6.1: whatever is typed before the answer ends the call, and is not read.
            self._waiting.clear()
            self._dialling = False
            self._modem.hang_up()
            self._answer(_Answer([], "NO CARRIER"))
        while self._waiting and not self._busy and not self._closed:
            ends = bytes([_CTRL_Z, _ESC]) if self._prompt else bytes([_CR])
            length = next((i for i, byte in enumerate(self._waiting, 1) if byte in ends), len(self._waiting))
            chunk = bytes(self._waiting[:length])
            del self._waiting[:length]
            ended = chunk[-1] in ends
            if self._modem.settings.echo and not self._modem.faults.mutes_echo():
                self._write(chunk.rstrip(bytes([_CTRL_Z, _ESC])))
            self._collect(chunk[:-1] if ended else chunk)
            if ended and self._prompt:
                self._end_payload(sent=chunk[-1] == _CTRL_Z)
            elif ended:
                self._end_line()

    def _collect(self, chunk: bytes) -> None:
        for byte in chunk:
            if byte in _BACKSPACES:
                del self._line[-1:]
            elif len(self._line) <= MAX_LINE and (byte >= 0x20 or self._prompt):
                self._line.append(byte)

    def _end_line(self) -> None:
        line = bytes(self._line)
        self._line.clear()
        self._modem.faults.line_done()
        if not line:
            return
        try:
            commands = parse_line(line.decode("latin-1"))
        except AtSyntaxError:
            commands = [Command(_UNKNOWN)]
        names = [command.name for command in commands]
        fault = self._modem.faults.at_line(names)
        if fault is not None and (fault.wedges or fault.kind is FaultKind.NO_PROMPT):
            return
        self._perform(lambda: self._run(commands), fault, sms=any(name in at_sms.HANDLERS for name in names))

    def _end_payload(self, *, sent: bool) -> None:
        prompt, payload = self._prompt, bytes(self._line)
        self._prompt = None
        self._line.clear()
        if prompt is None:
            return
        if not sent:
            self._answer(_Answer([], "OK"))
            return
        text = payload.decode("latin-1").strip(" \r\n")

        def take() -> list[str]:
            if len(payload) > MAX_LINE:
                raise CmsError(CmsError.INVALID_PARAMETER)
            return prompt.take(text)

        self._perform(lambda: self._guard(take), self._modem.faults.at_pdu(), sms=True)

    def _run(self, commands: list[Command]) -> _Answer:
        """Do the commands in turn until one fails."""
        lines: list[str] = []
        for command in commands:
            answer = self._guard(lambda command=command: self._handle(command))  # type: ignore[misc]
            lines += answer.lines
            if answer.final != "OK":
                return _Answer(lines, answer.final)
        return _Answer(lines, "OK")

    def _handle(self, command: Command) -> list[str] | Prompt | Later:
        handler = _HANDLERS.get(command.name)
        if handler is None:
            raise AtError
        return handler(self._modem, command)

    def _guard(self, do: Callable[[], list[str] | Prompt | Later]) -> _Answer:
        try:
            result = do()
        except AtSyntaxError:
            return _Answer([], "ERROR")
        except AtError as error:
            return _Answer([], error.final(self._modem.settings.error_detail))
        if isinstance(result, Prompt):
            self._prompt = result
            return _Answer([], None)
        if isinstance(result, Later):
            self._dialling = True
            return _Answer([], None)
        return _Answer(result, "OK")

    def _perform(self, do: Callable[[], _Answer], fault: Fault | None, *, sms: bool) -> None:
        """Do it and answer, bent by the fault."""
        if fault is None:
            self._answer(do())
            return
        loop = asyncio.get_running_loop()
        match fault.kind:
            case FaultKind.ERROR | FaultKind.ERROR_AFTER_PDU:
                self._answer(self._error(fault, sms=sms))
            case FaultKind.SILENT:
                do()
            case FaultKind.GARBAGE:
                self._write(_GARBAGE)
                self._answer(do())
            case FaultKind.OK_LATE:
                loop.call_later(fault.delay_s, self._answer, do())
            case FaultKind.SLOW:
                self._busy = True
                loop.call_later(fault.delay_s, lambda: self._resume(do()))
            case FaultKind.URC_FLOOD:
                self._busy = True
                self._flood(do(), round(fault.delay_s / _URC_INTERVAL_S))
            case FaultKind.UNPLUG:
                do()
                self._modem.unplug()

    def _answer(self, answer: _Answer) -> None:
        if self._closed:
            return
        self._write(answer.encode())
        if self._prompt is not None:
            self._write(b"\r\n> ")
        self._release_urcs()

    def _resume(self, answer: _Answer) -> None:
        self._busy = False
        self._answer(answer)
        self._work()

    def _flood(self, answer: _Answer, left: int) -> None:
        if left <= 0 or self._closed:
            self._resume(answer)
            return
        self.urc(f"+CREG: {left % 2 + 1}")
        asyncio.get_running_loop().call_later(_URC_INTERVAL_S, self._flood, answer, left - 1)

    def _error(self, fault: Fault, *, sms: bool) -> _Answer:
        if fault.kind is FaultKind.ERROR_AFTER_PDU and fault.code is None:
            return _Answer([], CmsError(CmsError.UNKNOWN).final(1))
        if fault.code is None:
            return _Answer([], "ERROR")
        return _Answer([], (CmsError if sms else CmeError)(fault.code).final(1))
