"""AT commands without gammu, on a port that nobody has open: is a modem there, who is it, and set it back.

Run by ``child.py``, so that it can be killed; used for the probe, for ``addispatch modems --scan`` and for the rung
of the ladder that resets a modem. Standard library and pyserial only.
Commands: ITU-T V.250, 3GPP TS 27.007 5 (identity), 8.2 (AT+CFUN), 8.3 (AT+CPIN).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Self

import serial

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

#: How often and how long the probe waits for an answer to ``AT``.
TRIES_COUNT, WAIT_S = 3, 0.6
#: How long an answer to a question about the modem may take, and one to a reset.
ANSWER_S, RESET_S = 2.0, 8.0
_FINAL = re.compile(r"OK|0|ERROR|\+CM[ES] ERROR: ?.*|COMMAND NOT SUPPORT")
_IMEI = re.compile(r"\b(\d{14,17})\b")
_IMSI = re.compile(r"(\d{6,15})")
#: ``AT+CPIN?`` in words; the numbers are those of ``+CME ERROR`` (3GPP TS 27.007 9.2).
_SIM = {
    "READY": "ready",
    "SIM PIN": "wants its PIN",
    "SIM PUK": "wants its PUK",
    "10": "missing",
    "11": "wants its PIN",
    "12": "wants its PUK",
    "13": "does not work",
    "14": "busy",
    "15": "does not work",
}


class NotAModemError(Exception):
    """The port opens, but nothing there speaks AT."""


class Port:
    """A serial port, opened for us alone. Raises ``serial.SerialException`` when it cannot be had or breaks."""

    def __init__(self, path: str) -> None:
        self._tty = serial.Serial(path, 115200, timeout=0.05, write_timeout=1, exclusive=True)
        self._heard = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._tty.close()

    def attend(self, tries_count: int = TRIES_COUNT) -> None:
        """Make the modem listen; raises ``NotAModemError`` when nothing answers to ``AT``."""
        for _ in range(tries_count):
            # Escape first: a process killed in mid-send leaves the modem waiting for the rest of the text.
            self._tty.write(b"\x1b\rAT\r")
            until_s = time.monotonic() + WAIT_S
            while time.monotonic() < until_s:
                self._heard = (self._heard + self._tty.read(4096))[-65536:]
                if re.search(rb"\r\n?(OK|0)\r", self._heard):
                    self._drain()
                    return
        what = "it sends something, but does not answer AT" if self._heard else "nothing answers AT"
        raise NotAModemError(f"no modem there: {what}")

    def ask(self, command: str, wait_s: float = ANSWER_S) -> tuple[list[str], str]:
        """Send a command; return the lines it brought without its echo, and the final result, empty if none came."""
        self._tty.write(command.encode("ascii") + b"\r")
        heard, until_s = b"", time.monotonic() + wait_s
        while time.monotonic() < until_s:
            heard = (heard + self._tty.read(4096))[-65536:]
            whole = heard.decode("latin-1").replace("\r", "\n").rpartition("\n")[0]
            lines = [line.strip() for line in whole.split("\n") if line.strip()]
            if lines and _FINAL.fullmatch(lines[-1]):
                return [line for line in lines[:-1] if line != command], lines[-1]
        return [], ""

    def _drain(self) -> None:
        while self._tty.read(4096):
            pass


def probe(port: str) -> dict[str, Any]:
    """See within two seconds whether something on the port answers to ``AT``; gammu would take twelve."""
    with Port(port) as line:
        line.attend()
    return {}


def inspect(port: str) -> dict[str, Any]:
    """Return ``manufacturer``, ``model``, ``imei``, ``imsi`` and ``sim`` (in words); what is not told is empty."""
    told = dict.fromkeys(("manufacturer", "model", "imei", "imsi"), "") | {"sim": "unknown"}
    with Port(port) as line:
        line.attend(2)
        # With numbers for errors a missing card can be told from a locked one.
        for command, key in (("AT+CMEE=1", ""), *_QUESTIONS):
            lines, final = line.ask(command)
            if not final:
                break  # a late answer would be taken for that to the next question
            if key:
                told[key] = _ANSWERS[key](lines, final)
    return told


def reset(port: str) -> dict[str, Any]:
    """Start the modem's own software anew, or at least its radio. ``how`` says by which command, empty if by none."""
    with Port(port) as line:
        try:
            line.attend()
        except NotAModemError:
            # It may still understand what it does not answer.
            line.ask("AT+CFUN=1,1", 1.0)
            return {"how": "", "problem": "the modem does not answer; AT+CFUN=1,1 was sent all the same"}
        try:
            _lines, said = line.ask("AT+CFUN=1,1", RESET_S)
            if said in {"OK", "0", ""}:
                return {"how": "AT+CFUN=1,1", "problem": ""}
            line.ask("AT+CFUN=0", RESET_S)
            _lines, said = line.ask("AT+CFUN=1", RESET_S)
        except OSError:  # SerialException is one: a modem that starts anew may take its port away at once
            return {"how": "AT+CFUN=1,1", "problem": ""}
    if said in {"OK", "0"}:
        return {"how": "AT+CFUN=0 and AT+CFUN=1", "problem": ""}
    return {"how": "", "problem": f"the modem refuses AT+CFUN ({said or 'no answer'})"}


def _digits(pattern: re.Pattern[str]) -> Callable[[list[str], str], str]:
    def answer(lines: list[str], _final: str) -> str:
        found = pattern.search("\n".join(lines))
        return found[1] if found else ""

    return answer


def _text(lines: list[str], final: str) -> str:
    return lines[-1].strip('"')[:64] if lines and final in {"OK", "0"} else ""


def _sim(lines: list[str], final: str) -> str:
    told = "\n".join((*lines, final))
    if found := re.search(r"\+CPIN: ?\"?([A-Z0-9 -]+)", told):
        return _SIM.get(found[1].strip(), f"wants its {found[1].strip()}")
    if found := re.search(r"\+CME ERROR: ?(\d+)", told):
        return _SIM.get(found[1], "unknown")
    return "unknown"


_QUESTIONS = (
    ("AT+CGSN", "imei"),
    ("AT+CPIN?", "sim"),
    ("AT+CGMI", "manufacturer"),
    ("AT+CGMM", "model"),
    ("AT+CIMI", "imsi"),
)
_ANSWERS = {
    "imei": _digits(_IMEI),
    "imsi": _digits(_IMSI),
    "sim": _sim,
    "manufacturer": _text,
    "model": _text,
}
