"""The process that owns one modem: gammu runs here and nowhere else, so that it can be killed at any moment.

Started by ``process.py`` as ``python -I child.py TRACE_FD``, speaks JSON lines: one request, then one reply
``{"ok": …}`` or ``{"error": code, "text": …}``; a message has ``{"part": n}`` before each part, a call before it dials.
``{"op": "stop_call"}`` has no reply and ends a call under way. It imports nothing of addispatch but ``dial.py`` beside
it: python-gammu is GPL-2.0-or-later, and the process stays small. gammu's own log goes to TRACE_FD, emptied before each
request; the parent reads from it how far a request got, even when this process is dead.
"""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import queue
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gammu
import serial

#: Most messages one ``read`` answers with; the rest comes with the next one.
MAX_READ = 100
#: gammu numbers what lies in the device itself (ME) from here, what lies on the SIM from 1.
SECOND_MEMORY = 100_000
#: How often and how long the probe waits for an answer to ``AT``.
PROBE_TRIES, PROBE_WAIT_S = 3, 0.6
#: How long a text that stopped in the middle may be gone on with (phones wait longer for its parts), and how many such
#: texts are remembered.
REST_KEPT_S, MAX_RESTS = 600.0, 16


def _beside(name: str) -> Any:
    """Load a module from our own folder. It is not on the path: modules there have the names of standard ones."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


dial = _beside("dial")


class Rest:
    """A text of which the first ``sent_count`` parts went, and until when it may go on."""

    def __init__(self, parts: list[dict[str, Any]]) -> None:
        self.parts = parts
        self.sent_count, self.until_s = 0, 0.0


class Driver:
    """The requests, one method each; run by the worker thread."""

    def __init__(self, trace_fd: int) -> None:
        self.stop_call = threading.Event()
        self._machine = gammu.StateMachine()
        self._trace = os.fdopen(trace_fd, "w+b", buffering=0)
        self._rests: dict[tuple[Any, ...], Rest] = {}

    def probe(self, port: str) -> dict[str, Any]:
        """See within two seconds whether something on the port answers to ``AT``; gammu would take twelve."""
        heard = b""
        with serial.Serial(port, 115200, timeout=0.05, write_timeout=1, exclusive=True) as tty:
            for _ in range(PROBE_TRIES):
                # Escape first: a process killed in mid-send leaves the modem waiting for the rest of the text.
                tty.write(b"\x1b\rAT\r")
                until_s = time.monotonic() + PROBE_WAIT_S
                while time.monotonic() < until_s:
                    heard = (heard + tty.read(4096))[-65536:]
                    if re.search(rb"\r\n?(OK|0)\r", heard):
                        return {}
        what = "it sends something, but does not answer AT" if heard else "nothing answers AT"
        raise NotAModemError(f"no modem there: {what}")

    def init(self, gammurc: str) -> dict[str, Any]:
        """Connect. The settings come from a file: given as a dict, gammu leaves out those for incoming messages."""
        self._machine.ReadConfig(Filename=gammurc, Section=0)
        self._machine.Init()
        # Without a callback libGammu 1.45 crashes when a delivery report is announced. Polling finds them anyway.
        self._machine.SetIncomingCallback(lambda *_event: None)
        self._machine.SetDebugLevel("textalldate")
        self._machine.SetDebugFile(self._trace, False)  # noqa: FBT003 - gammu's signature
        # A process killed in mid-call leaves the modem calling.
        if not self._line().hang_up():
            raise gammu.ERR_TIMEOUT({"Text": "no answer to AT+CHUP"})
        return {}

    def security(self) -> dict[str, Any]:
        """Which code the SIM waits for: ``PIN``, ``PUK`` …, or None."""
        return {"wants": self._machine.GetSecurityStatus()}

    def pin(self, pin: str) -> dict[str, Any]:
        """Enter the PIN."""
        self._machine.EnterSecurityCode("PIN", pin)
        return {}

    def identify(self) -> dict[str, Any]:
        """Who modem and SIM are; and have delivery reports stored, where polling finds them."""
        _tolerant(lambda: self._machine.SetIncomingSMS(True))  # noqa: FBT003 - gammu's signature
        return {"imei": _tolerant(self._machine.GetIMEI), "imsi": _tolerant(self._machine.GetSIMIMSI)}

    def signal(self) -> dict[str, Any]:
        """Signal strength in dBm, -1 when the modem does not know."""
        return {"dbm": self._machine.GetSignalQuality()["SignalStrength"]}

    def network(self) -> dict[str, Any]:
        """Registration and operator."""
        info = self._machine.GetNetworkInfo()
        return {"name": info["NetworkName"], "state": info["State"], "packet_state": info.get("PacketState", "")}

    def send(self, id: str, number: str, text: str, unicode: bool, report: bool, flash: bool) -> dict[str, Any]:  # noqa: A002, FBT001
        """Send the text in as many parts as it takes; answer the reference (TP-MR) of the last one.

        A text of which only the first parts went (same ``id``, same text) goes on where it stopped: the phone puts the
        parts together by the number they share.
        """
        if not re.fullmatch(r"\+?[0-9]{3,15}", number):
            # gammu would send it, and what stands behind a line end is a command to the modem.
            raise gammu.ERR_INVALIDDATA({"Text": "that is no phone number"})
        key = (id, number, text, report, flash)
        rest = self._rests.pop(key, None)
        if rest is None or time.monotonic() > rest.until_s:
            rest = Rest(self._parts(number, text, unicode, report, flash))
        reference = -1
        for index in range(rest.sent_count, len(rest.parts)):
            self.forget()
            reply({"part": index + 1})
            try:
                reference = self._machine.SendSMS(rest.parts[index])
            except gammu.GSMError:
                rest.sent_count, rest.until_s = index, time.monotonic() + REST_KEPT_S
                if index:
                    self._rests[key] = rest
                if len(self._rests) > MAX_RESTS:
                    del self._rests[next(iter(self._rests))]
                raise
        return {"reference": reference, "parts": len(rest.parts)}

    def _parts(self, number: str, text: str, unicode: bool, report: bool, flash: bool) -> list[dict[str, Any]]:  # noqa: FBT001
        # In Unicode texts libGammu 1.45 takes a tilde for the first half of an escape; two of them make one.
        entry = {"ID": "ConcatenatedTextLong", "Buffer": text.replace("~", "~~") if unicode else text}
        parts: list[dict[str, Any]] = gammu.EncodeSMS(
            {"Class": 0 if flash else -1, "Unicode": unicode, "Entries": [entry]}
        )
        for part in parts:
            part["SMSC"] = {"Location": 1}
            part["Number"] = number
        if report:
            parts[-1]["Type"] = "Status_Report"
        return parts

    def call(self, number: str, ring_s: float) -> dict[str, Any]:
        """Let a phone ring; see ``dial.Call.run``."""
        outcome: dict[str, Any] = dial.Call(self._line(), ring_s, self.stop_call).run(
            number, lambda: reply({"part": 1})
        )
        return outcome

    def _line(self) -> Any:
        """Return the line that gammu has open: a second one cannot be opened, for gammu locks the port."""
        device = Path(self._machine.GetConfig(0)["Device"]).stat().st_rdev
        for entry in Path("/proc/self/fd").iterdir():
            try:
                if os.fstat(int(entry.name)).st_rdev == device:
                    return dial.Line(int(entry.name))
            except OSError:
                continue  # the one that listed the folder
        raise OSError("the port is not open")

    def read(self) -> dict[str, Any]:
        """Return what came in and lies in the modem: messages, part by part, and delivery reports."""
        found: list[dict[str, Any]] = []
        unreadable: list[int] = []
        seen: set[int] = set()
        where: dict[str, Any] = {"Start": True}
        for _ in range(MAX_READ):
            try:
                entries = self._machine.GetNextSMS(Folder=0, **where)
            except gammu.ERR_EMPTY:
                break
            except (gammu.ERR_CORRUPTED, gammu.ERR_UNKNOWN):
                # What gammu cannot decode must not hide what lies behind it.
                location = self._stumbled_over(seen)
                if location is None:
                    raise
                unreadable.append(location)
            else:
                found += [_describe(entry) for entry in entries if entry["Type"] != "Submit"]
                location = entries[-1]["Location"]
            seen.add(location)
            where = {"Location": location}
        return {"entries": found, "unreadable": unreadable}

    def _stumbled_over(self, seen: set[int]) -> int | None:
        """Which message gammu could not decode: the first of the modem's last list that was not seen yet."""
        log = os.pread(self._trace.fileno(), os.fstat(self._trace.fileno()).st_size, 0)
        for section in reversed(log.split(b'"AT+CPMS="')):
            if listed := re.findall(rb'"\+CMGL: (\d+),', section):
                base = SECOND_MEMORY if section.startswith(b"ME") else 0
                return next((base + int(index) for index in listed if base + int(index) not in seen), None)
        return None

    def delete(self, locations: list[int]) -> dict[str, Any]:
        """Remove messages; one that is gone already is fine, one that cannot go is found again by the next read."""
        for location in locations:
            try:
                self._machine.DeleteSMS(Folder=0, Location=location)
            except (gammu.ERR_EMPTY, gammu.ERR_INVALIDLOCATION, gammu.ERR_UNKNOWN):
                continue
        return {}

    def forget(self) -> None:
        """Empty the trace."""
        os.ftruncate(self._trace.fileno(), 0)
        os.lseek(self._trace.fileno(), 0, os.SEEK_SET)


class NotAModemError(Exception):
    """The port opens, but nothing there speaks AT."""


def _tolerant(ask: Any) -> Any:
    """Ask; a modem that cannot answer this has no such value, but a broken connection is passed on."""
    try:
        return ask()
    except (gammu.ERR_TIMEOUT, gammu.ERR_DEVICEWRITEERROR, gammu.ERR_DEVICEREADERROR):
        raise
    except gammu.GSMError:
        return ""


def _describe(entry: dict[str, Any]) -> dict[str, Any]:
    udh, sent_at = entry["UDH"], entry["DateTime"]
    binary = entry["Coding"] == "8bit" or isinstance(entry["Text"], bytes)
    return {
        "location": entry["Location"],
        "report": entry["Type"] == "Status_Report",
        "number": entry["Number"],
        # Behind signs of GSM-7's extension table libGammu 1.45 leaves a NUL, and then whatever was in memory.
        "text": "(binary message)" if binary else entry["Text"].split("\0")[0],
        "sent_at": sent_at.isoformat() if sent_at else "",
        "group": max(udh["ID8bit"], udh["ID16bit"]) if udh["AllParts"] > 1 else -1,
        "part": udh["PartNumber"] if udh["AllParts"] > 1 else 1,
        "parts": max(udh["AllParts"], 1),
        "reference": entry["MessageReference"],
        "status": entry["DeliveryStatus"],
    }


def _failure(error: Exception) -> dict[str, Any]:
    if isinstance(error, gammu.GSMError):
        return {"error": type(error).__name__, "text": error.args[0]["Text"]}
    if isinstance(error, NotAModemError):
        return {"error": "NOT_A_MODEM", "text": str(error)}
    if isinstance(error, serial.SerialException):
        # What a lock (EAGAIN; gammu takes one, too) and a port opened exclusively (EBUSY) say.
        if error.errno in (errno.EAGAIN, errno.EBUSY):
            return {"error": "PORT_IN_USE", "text": "another program has the port"}
        problem = os.strerror(error.errno) if error.errno else str(error)
        return {"error": "PORT", "text": f"the port cannot be used: {problem}"}
    if isinstance(error, OSError):
        return {"error": "PORT_LOST", "text": "the connection to the modem broke"}
    return {"error": "BUG", "text": f"{type(error).__name__}: {error}"}


_out = os.fdopen(os.dup(1), "wb", buffering=0)


def reply(document: dict[str, Any]) -> None:
    """Write one line to the parent."""
    _out.write(json.dumps(document).encode() + b"\n")


def work(requests: queue.SimpleQueue[dict[str, Any]], driver: Driver) -> None:
    """Carry out requests, one after the other, for ever."""
    while True:
        request = requests.get()
        driver.forget()
        try:
            reply({"ok": getattr(driver, request.pop("op"))(**request)})
        except Exception as error:  # noqa: BLE001 - the border of the process
            reply(_failure(error))


def main() -> None:
    """Read requests until the parent closes the pipe or dies; then end at once, whatever gammu is doing."""
    os.dup2(2, 1)  # the library must not write between our lines
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    driver = Driver(int(sys.argv[1]))
    threading.Thread(target=work, args=(requests, driver), daemon=True).start()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if request["op"] == "stop_call":
            driver.stop_call.set()
            continue
        if request["op"] == "call":
            driver.stop_call.clear()  # here, where the order of the lines is known
        requests.put(request)
    os._exit(0)


if __name__ == "__main__":
    main()
