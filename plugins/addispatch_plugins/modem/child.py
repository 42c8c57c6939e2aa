"""The process that owns one modem: gammu runs here and nowhere else, so that it can be killed at any moment.

Started by ``process.py`` as ``python -I child.py TRACE_FD HINT_FD``, speaks JSON lines: one request, then one reply
``{"ok": …}`` or ``{"error": code, "text": …}``; a message has ``{"part": n}`` before each part, a call before it dials.
``{"op": "stop_call"}`` has no reply and ends a call under way, or the wait for the operator's answer to a USSD code. It
imports nothing of addispatch but ``dial.py``, ``store.py`` and ``talk.py`` beside it: python-gammu is GPL-2.0-or-later,
and the process stays small. gammu's own log goes to TRACE_FD, emptied before each request; the parent reads from it how
far a request got, even when this process is dead. A byte on HINT_FD says that the modem announced a message.
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
#: How long a text that stopped in the middle may be gone on with (phones wait longer for its parts), and how many such
#: texts are remembered.
REST_KEPT_S, MAX_RESTS = 600.0, 16
#: How often an idle modem is listened to.
LISTEN_S = 0.25
#: How long the network may take to answer a USSD request.
USSD_S = 30.0


def _beside(name: str) -> Any:
    """Load a module from our own folder. It is not on the path: modules there have the names of standard ones."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


dial = _beside("dial")
store = _beside("store")
talk = _beside("talk")


class Rest:
    """A text of which the first ``sent_count`` parts went, and until when it may go on."""

    def __init__(self, parts: list[dict[str, Any]]) -> None:
        self.parts = parts
        self.sent_count, self.until_s = 0, 0.0


class Driver:
    """The requests, one method each; run by the worker thread."""

    def __init__(self, trace_fd: int, hint_fd: int) -> None:
        self.stop_call = threading.Event()
        self._machine = gammu.StateMachine()
        self._trace = os.fdopen(trace_fd, "w+b", buffering=0)
        self._rests: dict[tuple[Any, ...], Rest] = {}
        self._hint_fd = hint_fd
        self._idle_line: Any = None
        self._ussd: list[str] = []

    def probe(self, port: str) -> dict[str, Any]:
        """See within two seconds whether something on the port answers to ``AT``."""
        return dict(talk.probe(port))

    def inspect(self, port: str) -> dict[str, Any]:
        """Ask what modem and SIM are there; gammu is not connected then."""
        return dict(talk.inspect(port))

    def reset(self, port: str) -> dict[str, Any]:
        """Start the modem itself anew; gammu is not connected then."""
        return dict(talk.reset(port))

    def init(self, gammurc: str) -> dict[str, Any]:
        """Connect. The settings come from a file: given as a dict, gammu leaves out those for incoming messages."""
        self._machine.ReadConfig(Filename=gammurc, Section=0)
        try:
            self._machine.Init()
        except gammu.ERR_DEVICEOPENERROR:
            # gammu does not say why. Somebody else may have been quicker since the probe.
            serial.Serial(self._machine.GetConfig(0)["Device"], exclusive=True).close()
            raise
        # Without a callback libGammu 1.45 crashes when a delivery report is announced. Polling finds them anyway.
        self._machine.SetIncomingCallback(self._heard)
        self._machine.SetDebugLevel("textalldate")
        self._machine.SetDebugFile(self._trace, False)  # noqa: FBT003 - gammu's signature
        # A process killed in mid-call leaves the modem calling.
        line = self._line()
        if not line.hang_up():
            raise gammu.ERR_TIMEOUT({"Text": "no answer to AT+CHUP"})
        self._idle_line = line
        return {}

    def listen(self) -> None:
        """Hear what an idle modem says by itself; called between requests. A hint and no more: polling finds all."""
        if self._idle_line is None:
            return
        try:
            if self._idle_line.announced():
                os.write(self._hint_fd, b"!")
        except BlockingIOError:  # the parent has hints enough
            return
        except OSError:
            self._idle_line = None  # the port is gone; the next request says so

    def _heard(self, _machine: Any, kind: str, data: Any) -> None:
        """Take what gammu came upon; nothing may be asked of it here, and nothing raised."""
        if kind == "USSD" and isinstance(data, dict):
            self._ussd.append(str(data.get("Text", "")))

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

    def smsc(self) -> dict[str, Any]:
        """Number of the service centre, empty when the SIM has none."""
        centre = _tolerant(lambda: self._machine.GetSMSC(1))
        return {"smsc": centre["Number"] if centre else ""}

    def memory(self) -> dict[str, Any]:
        """How many messages lie on the SIM and in the device, and how many fit: ``[[used, size], …]``."""
        status = _tolerant(self._machine.GetSMSStatus) or {}
        pairs = [[status.get(f"{name}Used", 0), status.get(f"{name}Size", 0)] for name in ("SIM", "Phone")]
        return {"memory": [pair for pair in pairs if pair[1] > 0]}

    def ussd(self, code: str) -> dict[str, Any]:
        """Ask the operator by a USSD code; the first answer, empty when none came in time or it was ``stopped``."""
        self._ussd.clear()
        self._machine.SetIncomingUSSD(True)  # noqa: FBT003 - gammu's signature
        self._machine.DialService(code)
        until_s = time.monotonic() + USSD_S
        while not self._ussd and not self.stop_call.is_set() and time.monotonic() < until_s:
            self._machine.ReadDevice(True)  # noqa: FBT003 - gammu's signature
        return {"text": self._ussd[0] if self._ussd else "", "stopped": not self._ussd and self.stop_call.is_set()}

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

    def purge(self, locations: list[int]) -> dict[str, Any]:
        """Remove what gammu cannot decode, nor therefore delete; answer what was there, as raw as it came."""
        return {"raw": store.purge(self._line(), locations, SECOND_MEMORY)}

    def forget(self) -> None:
        """Empty the trace."""
        os.ftruncate(self._trace.fileno(), 0)
        os.lseek(self._trace.fileno(), 0, os.SEEK_SET)


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
    if isinstance(error, talk.NotAModemError):
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
        try:
            request = requests.get(timeout=LISTEN_S)
        except queue.Empty:
            driver.listen()
            continue
        driver.forget()
        try:
            reply({"ok": getattr(driver, request.pop("op"))(**request)})
        except Exception as error:  # noqa: BLE001 - the border of the process
            reply(_failure(error))


def main() -> None:
    """Read requests until the parent closes the pipe or dies; then end at once, whatever gammu is doing."""
    os.dup2(2, 1)  # the library must not write between our lines
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    driver = Driver(int(sys.argv[1]), int(sys.argv[2]))
    threading.Thread(target=work, args=(requests, driver), daemon=True).start()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if request["op"] == "stop_call":
            driver.stop_call.set()
            continue
        if request["op"] in ("call", "ussd"):
            driver.stop_call.clear()  # here, where the order of the lines is known
        requests.put(request)
    os._exit(0)


if __name__ == "__main__":
    main()
