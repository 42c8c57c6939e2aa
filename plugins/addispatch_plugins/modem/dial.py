"""One voice call by AT commands, on the port that gammu has open and does not use meanwhile. Run by ``child.py``.

It speaks for itself because of what libGammu 1.45 was measured to do (python-gammu 3.5 in front of the simulator):

- ``DialVoice`` sends ``ATDT<number>;`` (after ERROR: ``ATD<number>;``) and returns at ``OK``. NO CARRIER, BUSY and NO
  ANSWER are no answers to it: a modem that answers ATD only when the call is taken or has failed blocks it for 101 s.
- BUSY and NO DIALTONE that come by themselves stay in its buffer and spoil the next command (20 s, ERR_TIMEOUT).
- ``CancelCall`` crashes the process unless there is a callback, which it gives uninitialised memory as the number.
- It has no AT+CLCC, and only that tells a phone that rings from one that cannot be reached.

Whatever the modem says during the call is read here, so gammu finds its buffer as it left it.
Commands: ITU-T V.250 6.3 (ATD, ATH), 3GPP TS 27.007 6.5 (AT+CHUP) and 7.18 (AT+CLCC). Standard library only.
"""

from __future__ import annotations

import os
import re
import select
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

#: How often the modem is asked how the call stands.
ASK_S = 0.5
#: How long the network may take until the phone rings.
SETUP_S = 20.0
#: How long an answer to anything but ATD may take.
ANSWER_S = 5.0
#: What a modem says of a call after its end comes within this time.
SETTLE_S = 0.3
#: How often it is looked whether the call shall end early.
TICK_S = 0.1

#: How long the rest of a line may take that the modem began by itself.
HALF_LINE_S = 0.1

#: Unsolicited results of 3GPP TS 27.005 3.4.1: message stored or shown, report stored or shown.
_ANNOUNCES = ("+CMTI", "+CMT", "+CDSI", "+CDS")
_ENDS = frozenset({"BUSY", "NO CARRIER", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE"})
_REFUSED = re.compile(r"ERROR|\+CM[ES] ERROR: ?.*|COMMAND NOT SUPPORT")
#: An outgoing voice call in the list: <dir> 0, <mode> 0; <stat> 0 is taken, 2 dials, 3 rings.
_OUTGOING = re.compile(r"\+CLCC: ?\d+,0,(\d),0,")
_TAKEN, _RINGS = 0, 3
_NUMBER = re.compile(r"\+?[0-9]{3,15}")


class Line:
    """The serial line as lines of text. ``fd`` is non-blocking and stays the owner's."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._unfinished = b""
        self._lines: deque[str] = deque()

    def write(self, command: str) -> None:
        """Send a command. Raises ``OSError`` when the port is gone."""
        os.write(self._fd, command.encode("ascii") + b"\r")

    def read(self, wait_s: float) -> str | None:
        """Return the next line that is not empty, None if none comes in time. Raises ``OSError``."""
        until_s = time.monotonic() + wait_s
        while not self._lines:
            left_s = max(0.0, until_s - time.monotonic())
            if not select.select([self._fd], [], [], left_s)[0]:
                return None
            data = os.read(self._fd, 4096)
            if not data:
                raise OSError("the port is gone")
            *whole, self._unfinished = re.split(rb"[\r\n]+", self._unfinished[-4096:] + data)
            self._lines.extend(line.decode("latin-1").strip() for line in whole if line.strip())
        return self._lines.popleft()

    def forget(self, wait_s: float = 0.0) -> None:
        """Read away what is there, and what comes within that time."""
        until_s = time.monotonic() + wait_s
        while self.read(max(0.0, until_s - time.monotonic())) is not None:
            pass

    def ask(self, command: str, *, wait_s: float = ANSWER_S) -> str:
        """Send a command and return its final result, or the end of a call that came instead; empty if none comes."""
        return self.question(command, wait_s=wait_s)[1]

    def question(self, command: str, *, wait_s: float = ANSWER_S) -> tuple[list[str], str]:
        """Send a command and return the lines before its final result, without its echo, and that result."""
        self.write(command)
        until_s = time.monotonic() + wait_s
        lines: list[str] = []
        while (said := self.read(max(0.0, until_s - time.monotonic()))) is not None:
            if said == "OK" or said in _ENDS or _REFUSED.fullmatch(said):
                return lines, said
            if said != command:
                lines.append(said)
        return lines, ""

    def announced(self) -> bool:
        """Whether the modem said by itself that a message or report came in; reads away all that it said."""
        found = False
        # A line that has only begun is waited for, or gammu would find its rest.
        while (said := self.read(HALF_LINE_S if self._unfinished.strip() else 0.0)) is not None:
            found = found or said.startswith(_ANNOUNCES)
        return found

    def hang_up(self) -> bool:
        """End all calls; fine if there is none. Returns whether the modem answered."""
        said = self.ask("AT+CHUP")
        if said in _ENDS:
            said = self.ask("AT+CHUP")
        if said and said != "OK":
            said = self.ask("ATH")
        return bool(said)


class Call:
    """A call from dialling to hanging up; ``run`` does it and says what became of it."""

    def __init__(self, line: Line, ring_s: float, stop: Event) -> None:
        """``stop`` ends it early."""
        self._line, self._ring_s, self._stop = line, ring_s, stop
        self._placed = self._taken = self._listed = self._lost = False
        self._end = ""
        self._began_s = 0.0
        self._rings_since_s: float | None = None
        #: When the list of calls is due; None before the modem dials and when it has none to give.
        self._ask_at_s: float | None = None
        #: Whether the end of a list is still to come; whether the call was in it.
        self._listing = self._in_list = False
        self._missing_count = 0

    def run(self, number: str, tell: Callable[[], None]) -> dict[str, Any]:
        """Ring for ``ring_s`` seconds; ``tell`` is called just before the modem is told to dial.

        Returns what is known: ``placed`` (the modem said that it dials), ``listed`` (it told how the call stood),
        ``rang``, ``end`` (how the call ended before its time, in the modem's words), ``stopped``, ``lost`` (the modem
        did not answer in the end). Raises ``ValueError`` for what is no number.
        """
        if not _NUMBER.fullmatch(number):
            raise ValueError("no phone number")  # the last gate: with a line end in it, it would be commands
        try:
            self._line.forget()
            tell()
            self._began_s = time.monotonic()
            self._line.write(f"ATD{number};")
            while not self._over():
                self._ask()
                if (said := self._line.read(TICK_S)) is not None:
                    self._hear(said)
            stopped = not self._end and self._stop.is_set()
            self._finish()
        except OSError:
            stopped, self._lost = False, True
        return {
            "placed": self._placed,
            "listed": self._listed,
            "rang": self._rings_since_s is not None,
            "end": self._end,
            "stopped": stopped,
            "lost": self._lost,
        }

    def _over(self) -> bool:
        if self._end or self._taken or self._stop.is_set():
            return True
        if self._rings_since_s is not None:
            return time.monotonic() - self._rings_since_s >= self._ring_s
        # Without a list nobody knows since when it rings: the time counts from dialling.
        limit_s = self._ring_s + (SETUP_S if self._listed else 0)
        return time.monotonic() - self._began_s >= limit_s

    def _ask(self) -> None:
        """Ask for the list of calls when it is due; never before ATD is answered, for that would end the call."""
        if self._ask_at_s is not None and not self._listing and time.monotonic() >= self._ask_at_s:
            self._listing, self._in_list = True, False
            self._line.write("AT+CLCC")

    def _hear(self, said: str) -> None:
        if said in _ENDS:
            self._end = said
        elif found := _OUTGOING.match(said):
            self._in_list = self._listed = True
            self._taken = int(found[1]) == _TAKEN
            if int(found[1]) in (_TAKEN, _RINGS) and self._rings_since_s is None:
                self._rings_since_s = time.monotonic()
        elif said == "OK":
            self._heard_ok()
        elif _REFUSED.fullmatch(said):
            if self._listing:  # this modem does not list its calls
                self._listing, self._ask_at_s = False, None
            elif not self._placed:
                self._end = said

    def _heard_ok(self) -> None:
        now_s = time.monotonic()
        if not self._placed:
            self._placed, self._ask_at_s = True, now_s
            return
        if not self._listing:
            return
        self._listing, self._ask_at_s = False, now_s + ASK_S
        # A modem may need a moment to list a call: it takes two lists without it.
        self._missing_count = 0 if self._in_list else self._missing_count + 1
        if self._listed and self._missing_count >= 2:
            self._end = "NO CARRIER"

    def _finish(self) -> None:
        """Hang up, and let the modem say what it has to say about it."""
        # The end of a list must not be taken for the answer to what comes now.
        until_s = time.monotonic() + ANSWER_S
        while self._listing and (said := self._line.read(max(0.0, until_s - time.monotonic()))) is not None:
            self._hear(said)
        if not self._placed and not self._end:
            # It answers ATD only when the call is taken; an empty line makes it give up (ITU-T V.250 5.6.1).
            self._placed = self._line.ask("", wait_s=SETTLE_S) in _ENDS
        self._lost = not self._line.hang_up()
        self._line.forget(SETTLE_S)
